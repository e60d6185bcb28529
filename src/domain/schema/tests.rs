//! Real descriptions, hostile ones, and thousands of inputs made from both.

mod boundaries;
mod controls;
mod fixtures;
mod forms;
mod generated;
mod hostile;
mod models;

use super::{Property, Schema, prefixed};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Files of recorded facts, if this checkout has them beside it; a line says so when it has not.
fn recorded(folder: &str) -> Vec<(String, Value)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures").join(folder);
    let Ok(listed) = std::fs::read_dir(&path) else {
        println!("skipped: there is no {}", path.display());
        return Vec::new();
    };
    let mut files: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let json = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a text");
        (name, serde_json::from_str(&text).expect("a fixture is JSON"))
    })
    .collect()
}

/// A recorded model: its name, `components.schemas`, and the input of its example.
fn models() -> Vec<(String, Value, Map<String, Value>)> {
    let mut models = Vec::new();
    for (name, mut whole) in recorded("schemas") {
        let input = whole["default_example"]["input"].as_object().cloned().unwrap_or_default();
        let openapi = if name.starts_with("version_") {
            &mut whole["openapi_schema"]
        } else {
            &mut whole["latest_version"]["openapi_schema"]
        };
        let schemas = openapi["components"]["schemas"].take();
        if schemas.is_object() {
            models.push((name, schemas, input));
        }
    }
    models
}

/// A schema of these properties, in the order of their names.
fn schema(properties: &Value) -> Schema {
    Schema::parse(&json!({ "Input": { "properties": properties } }))
}

/// A schema of one property `x`.
fn of(x: &Value) -> Schema {
    schema(&json!({ "x": x }))
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { panic!("{value} is no object") }
}

/// Every kind of control, and what the fixtures do not have: bounds of all sorts, null, lists, nesting.
fn everything() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 4 });
    let json_or_words = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let deep = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "array", "items": { "type": "object", "properties": { "b": { "type": "number", "nullable": true } } } },
    } });
    json!({
        "Input": { "required": ["prompt", "many_files"], "properties": {
            "prompt": { "type": "string", "x-order": 0, "minLength": 1, "maxLength": 60 },
            "many_files": { "type": "array", "items": { "type": "string", "format": "uri" }, "x-order": 1 },
            "anything": {}, "deep": deep, "texts": texts, "json_or_words": json_or_words,
            "numbers": { "type": "array", "items": { "type": "number" }, "default": [], "uniqueItems": true },
            "whole_numbers": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
            "checks": { "type": "array", "items": { "$ref": "#/components/schemas/size" } },
            "size": { "allOf": [{ "$ref": "#/components/schemas/size" }], "default": "small" },
            "width": { "enum": [256, 512, 768, 1024, 1280, 1536], "type": "integer" },
            "mixed": { "enum": ["1", "0.25", "", true, null] }, "alike": { "enum": ["1", 1] },
            "nullable": { "anyOf": [{ "type": "integer", "minimum": 3 }, { "type": "null" }], "default": 5 },
            "nullable_text": { "type": ["string", "null"], "default": "something" },
            "either": { "type": ["string", "integer"] },
            "above": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 }, "steps": { "type": "integer", "minimum": 8, "maximum": 64, "multipleOf": 8 },
            "ratio": { "type": "number", "minimum": 0.1, "maximum": 0.9, "default": 0.5 },
            "large": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            "token": { "type": "string", "x-cog-secret": true }, "go_fast": { "type": "boolean", "default": true },
            "image": { "type": "string", "format": "uri" }, "maybe": { "type": "boolean", "nullable": true },
        } },
        "Output": { "type": "array", "items": { "type": "string", "format": "uri" } },
        "size": { "type": "string", "enum": ["small", "large"] },
    })
}

/// The fields of a form filled with it, and the secrets that a person types.
fn sent(schema: &Schema, input: &Map<String, Value>) -> Vec<(String, String)> {
    let secrets = schema.properties.iter().filter(|property| property.is_secret());
    let typed = secrets.filter_map(|secret| Some((prefixed(&secret.name), input.get(&secret.name)?.as_str()?.to_owned())));
    schema.fill(input).into_iter().chain(typed).collect()
}

/// Without secrets that nobody typed.
fn sayable(schema: &Schema, input: &Map<String, Value>) -> Value {
    let mut kept = schema.kept(input);
    kept.retain(|name, value| !(value == "" || value.is_null()) || !schema.property(name).is_some_and(Property::is_secret));
    Value::Object(kept)
}
