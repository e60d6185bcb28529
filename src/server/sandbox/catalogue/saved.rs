//! Models that somebody saved from Replicate: in each file what `GET /v1/models/{owner}/{name}` answered there.
//!
//! The sandbox takes their inputs by their own descriptions and makes something of the shape that they promise: pictures
//! where there are files, sentences where there are words.

use super::{Entry, Makes};
use crate::domain::schema::Schema;
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use std::{fs, io};

static SAVED: OnceLock<Vec<Entry>> = OnceLock::new();

/// Adds every model that is saved in `folder`, before the catalogue is first looked at: how many there are. Files that are
/// no model with a version and a description are passed over.
///
/// # Errors
/// When the folder or a file of it cannot be read.
pub fn take_models(folder: &Path) -> io::Result<usize> {
    let mut models = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            models.extend(serde_json::from_slice(&fs::read(path)?).ok().and_then(|model| entry(&model)));
        }
    }
    let count = models.len();
    SAVED.set(models).map_err(|_| io::Error::other("models were taken already"))?;
    Ok(count)
}

pub(super) fn models() -> &'static [Entry] {
    SAVED.get().map(Vec::as_slice).unwrap_or_default()
}

fn entry(model: &Value) -> Option<Entry> {
    let text = |of: &Value, key: &str| of[key].as_str().map(str::to_owned);
    let version = &model["latest_version"];
    let schemas = &version["openapi_schema"]["components"]["schemas"];
    if !schemas["Input"].is_object() {
        return None;
    }
    Some(Entry {
        owner: text(model, "owner")?,
        name: text(model, "name")?,
        version: text(version, "id")?,
        official: model["is_official"] == true,
        makes: makes(&schemas["Output"]),
        extension: String::new(),
        description: text(model, "description").unwrap_or_default(),
        created_at: text(version, "created_at")?,
        collections: Vec::new(),
        schemas: schemas.clone(),
        schema: Schema::parse(schemas),
    })
}

fn makes(output: &Value) -> Makes {
    let is_file = |shape: &Value| shape["type"] == "string" && shape["format"] == "uri";
    let items = &output["items"];
    match output["type"].as_str() {
        Some("string") if is_file(output) => Makes::Picture,
        Some("array") if is_file(items) => Makes::Pictures,
        Some("array") if items["type"] == "string" && output["x-cog-array-type"] == "iterator" => Makes::Text,
        _ => Makes::Described,
    }
}
