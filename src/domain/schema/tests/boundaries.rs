//! One step beyond every rule, with the words of the refusal.

use super::super::{Schema, Violation};
use super::{models, object, of, recorded};
use serde_json::{Map, Value, json};

fn told(schema: &Schema, x: &Value) -> Vec<(String, String, String)> {
    let found = schema.violations(&object(json!({ "x": x })));
    found.into_iter().map(|Violation { kind, field, description }| (kind.into_owned(), field, description)).collect()
}

/// The recorded text of a rule with its places filled, or nothing when there are no recordings here.
fn template(kind: &str, parts: &[(&str, &str)]) -> Option<String> {
    let (_, templates) = recorded("errors").into_iter().find(|(name, _)| name.starts_with("invalid_fields"))?;
    let listed = templates["templates"].as_array()?;
    let text = listed.iter().find(|template| template["type"] == kind).expect("a template")["text"].as_str()?.to_owned();
    Some(parts.iter().fold(text, |text, (place, word)| text.replace(&format!("{{{place}}}"), word)))
}

/// A rule takes one value and refuses another, with the text of a template.
fn ends(rule: &Value, good: &Value, bad: &Value, kind: &str, parts: &[(&str, &str)]) {
    let schema = of(rule);
    assert_eq!(told(&schema, good), [], "{rule} takes {good}");
    let found = told(&schema, bad);
    let [(told_kind, field, description)] = found.as_slice() else { panic!("{rule} of {bad}: {found:?}") };
    assert_eq!((told_kind.as_str(), field.as_str()), (kind, "input.x"), "{rule}");
    if let Some(text) = template(kind, parts) {
        assert_eq!(*description, text, "{rule}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_the_text_of_the_template() {
    let cases = [
        ("integer", json!(2.0), json!("2"), "string"),
        ("integer", json!(0), json!(1.5), "number"),
        ("number", json!(1), Value::Null, "null"),
        ("string", json!(""), json!(true), "boolean"),
        ("boolean", json!(false), json!(1.0), "integer"),
        ("array", json!([]), json!({}), "object"),
        ("object", json!({ "a": 1 }), json!([]), "array"),
    ];
    for (expected, good, bad, given) in cases {
        ends(&json!({ "type": expected }), &good, &bad, "invalid_type", &[("expected", expected), ("given", given)]);
    }
    ends(&json!({ "anyOf": [{ "type": "string" }, { "type": "boolean" }] }), &json!("a"), &json!(1), "number_any_of", &[]);
}

#[test]
fn one_step_beyond_each_bound_of_a_number_is_refused_with_the_text_of_the_template() {
    let cases = [
        (json!({ "minimum": 0.1 }), json!(0.1), json!(0.09), "number_gte", ("min", "0.1")),
        (json!({ "ge": 64.0 }), json!(64), json!(63), "number_gte", ("min", "64")),
        (json!({ "maximum": 1024.0 }), json!(1024), json!(1024.5), "number_lte", ("max", "1024")),
        (
            json!({ "maximum": 9_007_199_254_740_993_u64 }),
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_994_u64),
            "number_lte",
            ("max", "9007199254740993"),
        ),
        (json!({ "le": 4 }), json!(4.0), json!(5), "number_lte", ("max", "4")),
        (json!({ "exclusiveMinimum": 0 }), json!(0.001), json!(0), "number_gt", ("min", "0")),
        (json!({ "minimum": 0, "exclusiveMinimum": true }), json!(1), json!(0), "number_gt", ("min", "0")),
        (json!({ "exclusiveMaximum": 1 }), json!(0.99), json!(1.0), "number_lt", ("max", "1")),
        (json!({ "maximum": 1, "exclusiveMaximum": true }), json!(0), json!(1), "number_lt", ("max", "1")),
        (json!({ "gt": 1, "lt": 9 }), json!(2), json!(9), "number_lt", ("max", "9")),
        (json!({ "multipleOf": 8 }), json!(64), json!(65), "multiple_of", ("multiple", "8")),
    ];
    for (mut rule, good, bad, kind, part) in cases {
        rule["type"] = json!("number");
        ends(&rule, &good, &bad, kind, &[part]);
    }
}

#[test]
fn one_step_beyond_each_rule_of_texts_lists_and_choices_is_refused_with_the_text_of_the_template() {
    let text = |rule: Value, good: &str, bad: &str, kind: &str, part| ends(&rule, &json!(good), &json!(bad), kind, &[part]);
    text(json!({ "type": "string", "minLength": 2 }), "海辺", "海", "string_gte", ("min", "2"));
    text(json!({ "type": "string", "maxLength": 2 }), "海辺", "abc", "string_lte", ("max", "2"));
    text(json!({ "type": "string", "format": "uri" }), "https://a/b.png", "b.png", "format", ("format", "uri"));
    let list = |rule: Value, good: Value, bad: Value, kind: &str, parts: &[(&str, &str)]| {
        let mut rule = rule;
        rule["type"] = json!("array");
        ends(&rule, &good, &bad, kind, parts);
    };
    list(json!({ "minItems": 1 }), json!(["a"]), json!([]), "array_min_items", &[("min", "1")]);
    list(json!({ "maxItems": 1 }), json!(["a"]), json!(["a", "b"]), "array_max_items", &[("max", "1")]);
    let twins = [("type", "array"), ("i", "1"), ("j", "2")];
    list(json!({ "uniqueItems": true }), json!(["a", 1]), json!(["a", 1, 1.0]), "unique", &twins);
    let choices = |listed| [("leaf field name", "x"), ("comma+space list, strings JSON-quoted", listed)];
    let ratios = json!({ "enum": ["1", "0.25"], "type": "string" });
    ends(&ratios, &json!("0.25"), &json!("2"), "enum", &choices(r#""1", "0.25""#));
    ends(&json!({ "enum": [1, 2], "type": "integer" }), &json!(2.0), &json!(3), "enum", &choices("1, 2"));
}

#[test]
fn one_step_beyond_each_bound_of_every_recorded_model_is_refused_at_its_property() {
    let mut tried = 0;
    for (name, raw, _) in models() {
        let schema = Schema::parse(&raw);
        for (key, raw) in raw["Input"]["properties"].as_object().expect("properties") {
            let mut cases = Vec::new();
            if let Some(least) = raw["minimum"].as_f64() {
                cases.push((json!(least - 1.0), "number_gte", format!("Must be greater than or equal to {}", raw["minimum"])));
            }
            if let Some(most) = raw["maximum"].as_f64() {
                cases.push((json!(most + 1.0), "number_lte", format!("Must be less than or equal to {}", raw["maximum"])));
            }
            for (value, kind, text) in cases {
                let found = schema.property(key).expect("the property").violations(&value);
                assert_eq!(found.len(), 1, "{name} {key} {value}");
                assert_eq!((found[0].kind.as_ref(), &found[0].description), (kind, &text), "{name} {key}");
                assert!(found[0].is_at(key) && !found[0].is_at("another"), "{name} {key}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100 || models().is_empty(), "{tried}");
}

#[test]
fn a_violation_inside_a_list_or_an_object_names_its_place() {
    let schema = of(
        &json!({ "type": "array", "items": { "type": "object", "required": ["n"], "properties": { "n": { "type": "number", "maximum": 1 } } } }),
    );
    assert_eq!(
        told(&schema, &json!([{}, { "n": 2 }, 3])),
        [
            ("required".into(), "input.x.0".into(), "n is required".into()),
            ("number_lte".into(), "input.x.1.n".into(), "Must be less than or equal to 1".into()),
            ("invalid_type".into(), "input.x.2".into(), "Invalid type. Expected: object, given: integer".into()),
        ]
    );
    let all = schema.violations(&object(json!({ "x": [{}, { "n": 2 }, 3] })));
    assert!(all.iter().all(|violation| violation.is_at("x")), "{all:?}");
    let files = of(&json!({ "type": "array", "items": { "type": "string", "format": "uri" } }));
    assert_eq!(
        told(&files, &json!(["https://a/b", "c"])),
        [("format".into(), "input.x.1".into(), "Does not match format 'uri'".into())]
    );
}

#[test]
fn what_is_missing_is_told_first_and_then_all_that_is_wrong_in_the_order_of_the_form() {
    let schema = Schema::parse(&json!({ "Input": { "required": ["c", "unheard_of", "a"], "properties": {
        "a": { "type": "string", "x-order": 2 }, "b": { "type": "string", "x-order": 1, "maxLength": 1, "enum": ["x"] },
        "c": { "type": "string", "x-order": 0 }, "d": { "type": "integer", "x-order": 3, "maximum": 3, "multipleOf": 2 },
    } } }));
    let found = schema.violations(&object(json!({ "d": 5, "b": "yy", "other": 1 })));
    let lines = "- input: c is required\n- input: a is required\n- input: unheard_of is required\n\
                 - input.b: b must be one of the following: \"x\"\n- input.d: Must be a multiple of 2\n- input.d: Must be less than or equal to 3\n";
    assert_eq!(super::super::detail(&found), lines);
    let at: Vec<_> = found
        .iter()
        .map(|violation| {
            schema.properties.iter().find(|property| violation.is_at(&property.name)).map(|property| property.name.as_str())
        })
        .collect();
    assert_eq!(at, [Some("c"), Some("a"), Some("unheard_of"), Some("b"), Some("d"), Some("d")]);
}

#[test]
fn patterns_are_left_to_who_can_read_them() {
    let schema = of(&json!({ "type": "string", "pattern": "^a+$" }));
    let input = object(json!({ "x": "b" }));
    assert_eq!(schema.violations(&input), []);
    let found = schema.violations_by(&input, |pattern, text| pattern == "^a+$" && text == "a");
    assert_eq!(
        (found.len(), found[0].kind.as_ref(), found[0].description.as_str()),
        (1, "pattern", "Does not match pattern '^a+$'")
    );
    assert_eq!(schema.violations_by(&object(json!({ "x": "a" })), |pattern, text| pattern == "^a+$" && text == "a"), []);
}

#[test]
fn null_is_taken_only_where_it_is_said_so() {
    for rule in [
        json!({ "type": "integer", "nullable": true }),
        json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }),
        json!({ "oneOf": [{ "type": "null" }, { "type": "integer" }] }),
        json!({ "type": ["integer", "null"] }),
        json!({ "enum": [1, null] }),
        json!({}),
    ] {
        assert_eq!(told(&of(&rule), &Value::Null), [], "{rule}");
        assert_eq!(told(&of(&rule), &json!(1)), [], "{rule}");
    }
    assert_eq!(told(&of(&json!({ "type": "integer", "default": null })), &Value::Null).len(), 1);
    let items = of(&json!({ "type": "array", "items": { "type": "integer", "nullable": true } }));
    assert_eq!(told(&items, &json!([1, null])), []);
    assert_eq!(told(&items, &json!(["a"])).len(), 1);
}

#[test]
fn violations_have_the_form_of_replicate_s_answer() {
    let found = of(&json!({ "type": "string" })).violations(&object(json!({ "x": 1 })));
    let written = serde_json::to_value(&found).expect("JSON");
    assert_eq!(
        written,
        json!([{ "type": "invalid_type", "field": "input.x", "description": "Invalid type. Expected: string, given: integer" }])
    );
    assert_eq!(serde_json::from_value::<Vec<Violation>>(written).expect("violations"), found);
    assert_eq!(Schema::default().violations(&Map::new()), []);
}
