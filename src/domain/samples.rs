//! Data for the tests of everything that works with models.

use super::schema::Schema;
use super::{Credits, Model, ModelName, Price, PriceRule, Task};
use serde_json::{Value, json};

/// A model at two credits for an output, with these properties.
pub(crate) fn model(properties: &Value) -> Model {
    let schemas = json!({
        "Input": {"type": "object", "properties": properties},
        "Output": {"type": "array", "items": {"type": "string", "format": "uri"}},
    });
    Model {
        name: ModelName::trusted("owner/name"),
        label: "Name".into(),
        description: String::new(),
        label_ja: None,
        description_ja: None,
        version: None,
        official: true,
        newest_version: None,
        task: Task::Image,
        price: Price { rule: PriceRule::Output, unit: Credits(2) },
        max_count: 4,
        max_seconds: 0,
        schema: Schema::parse(&schemas),
        cover_url: None,
        license_url: None,
        endpoint: None,
    }
}
