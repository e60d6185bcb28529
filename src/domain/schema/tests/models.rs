//! Changing models, and what a schema says of itself.

use super::super::{OutputKind, Schema};
use super::{object, schema};
use serde_json::{Value, json};

#[test]
fn switching_models_keeps_what_fits_and_names_the_rest() {
    let other = schema(&json!({
        "prompt": { "type": "string" }, "steps": { "type": "integer", "maximum": 4 }, "seed": { "type": "integer" },
        "aspect_ratio": { "enum": ["1:1", "16:9"] }, "image": { "type": "string", "format": "uri" }, "hf_token": { "type": "string", "format": "password" },
    }));
    let values = json!({
        "prompt": "a lighthouse", "steps": 28, "seed": 7, "aspect_ratio": "21:9", "go_fast": true, "image": "https://a/b.png", "hf_token": "hf_x",
    });
    let (kept, dropped) = other.carry(&object(values));
    assert_eq!(Value::Object(kept), json!({ "prompt": "a lighthouse", "seed": 7, "image": "https://a/b.png" }));
    assert_eq!(dropped, ["aspect_ratio", "go_fast", "hf_token", "steps"]);
}

#[test]
fn unknown_values_are_accepted_and_dropped() {
    let schema = schema(&json!({ "a": { "type": "string" } }));
    let input = object(json!({ "a": "x", "b": [1] }));
    assert_eq!(schema.violations(&input), []);
    assert_eq!(Value::Object(schema.kept(&input)), json!({ "a": "x" }));
}

#[test]
fn the_badge_counts_settings_that_differ_from_their_defaults() {
    let schema = schema(&json!({
        "prompt": { "type": "string", "default": "An astronaut" }, "cfg": { "type": "number", "default": 3 },
        "steps": { "type": "integer", "default": 28 }, "seed": { "type": "integer" }, "negative_prompt": { "type": "string" },
        "images": { "type": "array", "items": { "type": "string" } },
    }));
    let same = json!({ "prompt": "another", "cfg": 3.0, "steps": 28, "negative_prompt": "", "images": [], "unknown": 1 });
    assert_eq!(schema.changed(&object(same)), 0);
    assert_eq!(schema.changed(&object(json!({ "cfg": 3.5, "seed": 0, "images": ["a"], "steps": null }))), 4);
}

#[test]
fn the_prompt_is_found_by_name_and_else_by_being_required() {
    let prompt = |raw: Value| Schema::parse(&json!({ "Input": raw })).prompt().map(|property| property.name.clone());
    let text = json!({ "type": "string" });
    assert_eq!(prompt(json!({ "properties": { "prompt": text, "a": text }, "required": ["a"] })).as_deref(), Some("prompt"));
    assert_eq!(
        prompt(json!({ "properties": { "prompt": { "type": "integer" }, "a": text }, "required": ["a"] })).as_deref(),
        Some("a")
    );
    let file = json!({ "type": "string", "format": "uri", "x-order": 0 });
    assert_eq!(
        prompt(json!({ "properties": { "image": file, "text": text }, "required": ["image", "text"] })).as_deref(),
        Some("text")
    );
    assert_eq!(prompt(json!({ "properties": { "text": text } })), None);
}

#[test]
fn a_seed_with_a_default_is_not_random() {
    let is_seed = |raw: Value| schema(&json!({ "seed": raw })).properties[0].is_seed();
    assert!(is_seed(json!({ "type": "integer" })) && is_seed(json!({ "type": "integer", "default": null, "nullable": true })));
    assert!(!is_seed(json!({ "type": "integer", "default": -1 })) && !is_seed(json!({ "type": "string" })));
}

#[test]
fn outputs_of_every_kind_are_recognised_and_written() {
    let uri = json!({ "type": "string", "format": "uri" });
    let iterator = |items: Value, display: Value| json!({ "type": "array", "items": items, "x-cog-array-display": display, "x-cog-array-type": "iterator" });
    let cases = [
        (json!({}), OutputKind::Unknown),
        (uri.clone(), OutputKind::Files { many: false, grows: false }),
        (json!({ "anyOf": [uri, { "type": "null" }] }), OutputKind::Files { many: false, grows: false }),
        (json!({ "type": "array", "items": uri }), OutputKind::Files { many: true, grows: false }),
        (iterator(uri.clone(), Value::Null), OutputKind::Files { many: true, grows: true }),
        (json!({ "type": "string" }), OutputKind::Text { grows: false }),
        (iterator(json!({ "type": "string" }), json!("concatenate")), OutputKind::Text { grows: true }),
        (iterator(json!({ "type": "string" }), Value::Null), OutputKind::Json { files: false, grows: true }),
        (iterator(json!({ "$ref": "#/components/schemas/Page" }), Value::Null), OutputKind::Json { files: true, grows: true }),
        (json!({ "$ref": "#/components/schemas/Page" }), OutputKind::Json { files: true, grows: false }),
        (json!({ "type": "number" }), OutputKind::Json { files: false, grows: false }),
        (
            json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, uri] }),
            OutputKind::Json { files: true, grows: false },
        ),
    ];
    for (output, kind) in cases {
        let page = json!({ "type": "object", "properties": { "text": { "type": "string" }, "scan": uri } });
        let schema = Schema::parse(&json!({ "Output": output, "Page": page }));
        assert_eq!(schema.output, kind, "{output}");
        let written = serde_json::to_value(&schema).expect("JSON");
        assert_eq!(Schema::parse(&written).output, kind, "{written}");
    }
}
