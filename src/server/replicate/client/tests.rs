//! placeholder
use serde_json::Value;
use std::path::Path;

/// A recorded fixture, if this checkout has them beside it; a line says so when it has not.
pub(crate) fn fixture(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("a fixture is JSON"))
}
