//! Descriptions that nobody should write. Each is read, gives one control for each property, and survives a page.

use super::super::{Control, OutputKind, Schema, Shape};
use super::{everything, object, of, schema};
use serde_json::{Map, Value, json};

/// Reads it and uses everything that can be used; returns the schema.
fn survives(raw: &Value) -> Schema {
    let schema = Schema::parse(raw);
    let written = serde_json::to_string(&schema).expect("JSON");
    assert_eq!(serde_json::from_str::<Schema>(&written).expect("a schema"), schema, "{written}");
    for value in [Value::Null, json!(true), json!(-1), json!(1e300), json!("a"), json!([1, "a"]), json!({ "a": {} })] {
        let input: Map<String, Value> = schema.properties.iter().map(|property| (property.name.clone(), value.clone())).collect();
        let fields = schema.fill(&input);
        assert_eq!(schema.read(&fields), schema.read(&fields));
        schema.carry(&input);
        schema.changed(&input);
    }
    for property in &schema.properties {
        property.control();
    }
    schema
}

#[test]
fn what_is_no_schema_at_all_is_a_schema_of_nothing() {
    let wrongs = [
        Value::Null,
        json!(7),
        json!([]),
        json!({}),
        json!({ "Input": null }),
        json!({ "Input": [] }),
        json!({ "Input": "x" }),
        json!({ "Input": { "properties": [] } }),
        json!({ "Input": { "properties": null, "required": "x" } }),
        json!({ "Output": {} }),
        json!({ "Input": { "$ref": "#/components/schemas/Input" } }),
    ];
    for raw in wrongs {
        assert_eq!(survives(&raw), Schema::default(), "{raw}");
    }
}

#[test]
fn whatever_is_not_understood_is_a_json_field_that_takes_anything() {
    let strange = [
        Value::Null,
        json!(true),
        json!("string"),
        json!([{ "type": "string" }]),
        json!({}),
        json!({ "type": "file" }),
        json!({ "type": 7 }),
        json!({ "type": [] }),
        json!({ "type": null }),
        json!({ "type": "null" }),
        json!({ "$ref": "#/components/schemas/nowhere" }),
        json!({ "$ref": 5 }),
        json!({ "allOf": "x" }),
        json!({ "anyOf": [] }),
        json!({ "anyOf": [{}] }),
        json!({ "not": { "type": "string" } }),
        json!({ "enum": [] }),
        json!({ "enum": "abc" }),
        json!({ "enum": [null] }),
        json!({ "enum": [null, null], "x-order": "first" }),
    ];
    for raw in strange {
        let schema = survives(&json!({ "Input": { "properties": { "x": raw } } }));
        assert_eq!(schema.properties[0].control(), Control::Json { text: false }, "{raw}");
        for value in [json!(1), json!("a"), json!({ "a": [] })] {
            assert_eq!(schema.violations(&object(json!({ "x": value }))), [], "{raw}");
        }
    }
}

#[test]
fn circles_of_references_end() {
    let raw = json!({
        "Input": { "properties": {
            "itself": { "$ref": "#/components/schemas/itself" },
            "a": { "allOf": [{ "$ref": "#/components/schemas/a" }] },
            "tree": { "$ref": "#/components/schemas/tree" },
            "any": { "$ref": "#/components/schemas/any" },
            "last": { "type": "boolean" },
        } },
        "itself": { "$ref": "#/components/schemas/itself" },
        "a": { "allOf": [{ "$ref": "#/components/schemas/b" }] },
        "b": { "allOf": [{ "$ref": "#/components/schemas/a" }] },
        "tree": { "type": "object", "properties": { "children": { "type": "array", "items": { "$ref": "#/components/schemas/tree" } } } },
        "any": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "$ref": "#/components/schemas/any" } }] },
        "Output": { "$ref": "#/components/schemas/Output" },
    });
    let schema = survives(&raw);
    assert_eq!(schema.properties.len(), 5);
    assert_eq!(schema.property("last").map(|property| &property.shape), Some(&Shape::Switch));
    assert_eq!(schema.output, OutputKind::Unknown);
    let tree = json!({ "tree": { "children": [{ "children": [{ "children": 5 }] }] } });
    assert_eq!(schema.violations(&object(tree)).len(), 1);
}

#[test]
fn trees_that_double_at_every_level_cost_little() {
    let mut raw = json!({ "Input": { "properties": { "x": { "$ref": "#/components/schemas/0" }, "y": { "$ref": "#/components/schemas/all0" } } } });
    for level in 0..40 {
        let next = format!("#/components/schemas/{}", level + 1);
        raw[level.to_string()] =
            json!({ "anyOf": [{ "$ref": next }, { "$ref": next }, { "type": "array", "items": { "$ref": next } }] });
        let next = format!("#/components/schemas/all{}", level + 1);
        raw[format!("all{level}")] = json!({ "allOf": [{ "$ref": next }, { "$ref": next }] });
    }
    let schema = survives(&raw);
    assert!(serde_json::to_string(&schema).expect("JSON").len() < 100_000);
}

#[test]
fn descriptions_a_thousand_levels_deep_are_cut_off() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..1_000 {
        deep = json!({ "type": "array", "items": deep });
    }
    let schema = survives(&json!({ "Input": { "properties": { "x": deep } }, "Output": deep }));
    assert_eq!(schema.properties[0].control(), Control::Json { text: false });
}

#[test]
fn three_hundred_properties_keep_their_order() {
    let properties: Map<String, Value> = (0..300)
        .map(|n| (format!("p{:03}", 299 - n), json!({ "type": "integer", "x-order": n, "minimum": n, "maximum": n + 1 })))
        .collect();
    let schema = survives(&json!({ "Input": { "properties": properties } }));
    assert_eq!(schema.properties.len(), 300);
    assert_eq!((schema.properties[0].name.as_str(), schema.properties[299].name.as_str()), ("p299", "p000"));
}

#[test]
fn without_an_order_names_decide_and_come_after_those_with_one() {
    let schema = schema(
        &json!({ "b": {}, "a": { "x-order": null }, "z": { "x-order": 1 }, "y": { "x-order": 1 }, "first": { "x-order": -0.5 } }),
    );
    let names: Vec<_> = schema.properties.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names, ["first", "y", "z", "a", "b"]);
}

#[test]
fn bounds_that_make_no_sense_are_never_a_slider() {
    let rules = [
        json!({ "minimum": 5, "maximum": 5 }),
        json!({ "minimum": 5, "maximum": 1 }),
        json!({ "minimum": "1", "maximum": "9" }),
        json!({ "minimum": -1e308, "maximum": 1e308 }),
        json!({ "minimum": 0, "maximum": u64::MAX }),
        json!({ "minimum": null }),
        json!({ "multipleOf": 0, "minimum": 0 }),
        json!({ "multipleOf": -3 }),
        json!({ "minimum": 0, "maximum": 1, "exclusiveMaximum": true, "exclusiveMinimum": true }),
    ];
    for rule in rules {
        for kind in ["integer", "number"] {
            let mut raw = object(rule.clone());
            raw.insert("type".into(), json!(kind));
            let schema = survives(&json!({ "Input": { "properties": { "x": raw } } }));
            assert!(
                matches!(schema.properties[0].control(), Control::Number { .. }),
                "{kind} {rule}: {:?}",
                schema.properties[0].control()
            );
        }
    }
}

#[test]
fn old_models_that_quote_their_numbers_offer_numbers() {
    let schema = of(&json!({ "enum": ["32", "64", "64"], "type": "integer", "default": 64 }));
    assert_eq!(schema.properties[0].control(), Control::Segmented(&[json!(32), json!(64)]));
    assert_eq!(schema.violations(&object(json!({ "x": 64 }))), []);
    let flags = of(&json!({ "enum": ["True", "False"], "type": "boolean", "default": true }));
    assert_eq!(flags.properties[0].control(), Control::Segmented(&[json!(true), json!(false)]));
    let without_type = of(&json!({ "allOf": [{ "enum": ["1", "1.0"] }], "default": "1" }));
    assert_eq!(without_type.violations(&object(json!({ "x": 1 })))[0].kind, "enum");
    // Both types are stated, so neither is the one.
    let both = of(&json!({ "type": ["string", "integer"], "enum": ["auto", 5] }));
    assert_eq!(both.violations(&object(json!({ "x": 5 }))), []);
}

#[test]
fn names_may_be_anything() {
    let names = ["", ".", "a.b", "input.x", "blank.x", "a b", "日本", "<script>", "\"", "__proto__", "x[]"];
    let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let schema = survives(&json!({ "Input": { "properties": properties, "required": names } }));
    let input: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(format!("of {name}")))).collect();
    assert_eq!(schema.read(&schema.fill(&input)), Ok(input));
}

#[test]
fn everything_at_once_survives() {
    let schema = survives(&everything());
    assert_eq!(schema.properties.len(), everything()["Input"]["properties"].as_object().map_or(0, Map::len));
}

#[test]
fn a_referenced_description_does_not_speak_for_who_refers_to_it() {
    let raw = json!({
        "Input": { "properties": { "output_format": { "allOf": [{ "$ref": "#/components/schemas/of" }], "default": "webp" } } },
        "of": { "type": "string", "enum": ["png", "webp"], "title": "of", "description": "An enumeration.", "default": "png" },
    });
    let schema = survives(&raw);
    let property = &schema.properties[0];
    assert_eq!((property.title.as_str(), property.description.as_str()), ("Output Format", ""));
    assert_eq!(property.default, Some(json!("webp")));
}
