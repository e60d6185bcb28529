//! What people type, and what it becomes.

use super::super::{Schema, prefixed};
use super::{everything, object, of, schema};
use serde_json::{Map, Value, json};

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// What `x` becomes; null when it is left out, the refusal when it is refused.
fn typed(rule: &Value, texts: &[&str]) -> Value {
    let sent: Vec<_> = texts.iter().map(|text| (prefixed("x"), (*text).to_owned())).collect();
    match of(rule).read(&sent) {
        Ok(input) => input.get("x").cloned().unwrap_or_default(),
        Err(violations) => json!({ "refused": violations[0].description }),
    }
}

#[test]
fn text_becomes_what_the_schema_asks_for() {
    let (integer, number) = (json!({ "type": "integer" }), json!({ "type": "number" }));
    let list = |item: Value| json!({ "type": "array", "items": item });
    let uri = json!({ "type": "string", "format": "uri" });
    let cases = [
        (json!({ "type": "string" }), vec![" a\r\nb\rc "], json!(" a\nb\nc ")),
        (json!({ "type": "string" }), vec!["12"], json!("12")),
        (integer.clone(), vec!["１０２４"], json!(1024)),
        (integer.clone(), vec![" －５ "], json!(-5)),
        (integer.clone(), vec!["1.0"], json!(1)),
        (number.clone(), vec!["７．５"], json!(7.5)),
        (number.clone(), vec!["3"], json!(3)),
        (number.clone(), vec!["　"], Value::Null),
        (list(integer.clone()), vec![" ", "2"], json!([2])),
        (json!({ "type": "string" }), vec![" "], json!(" ")),
        (json!({ "type": "boolean" }), vec!["false"], json!(false)),
        (json!({ "type": "boolean" }), vec!["false", "true"], json!(true)),
        (json!({ "type": "boolean" }), vec!["on"], json!(true)),
        (json!({ "enum": [256, 512], "type": "integer" }), vec!["512"], json!(512)),
        (json!({ "enum": [256, 512], "type": "integer" }), vec!["512.0"], json!(512)),
        (json!({ "enum": ["1", "0.25"] }), vec!["0.25"], json!("0.25")),
        (json!({ "enum": ["", "None"] }), vec![""], json!("")),
        (uri.clone(), vec![" https://example.com/a.png\n"], json!("https://example.com/a.png")),
        (list(uri), vec!["", "https://a/1", "https://a/2"], json!(["https://a/1", "https://a/2"])),
        (list(json!({ "type": "string" })), vec!["b", "", "a"], json!(["b", "a"])),
        (list(number), vec!["1", "２．５"], json!([1, 2.5])),
        (list(json!({ "enum": ["a", 1] })), vec!["1", "a"], json!([1, "a"])),
        (json!({}), vec!["{\"a\": [1, null]}"], json!({ "a": [1, null] })),
        (json!({ "anyOf": [{ "type": "string" }, list(json!({}))] }), vec!["a lighthouse"], json!("a lighthouse")),
        (json!({ "anyOf": [{ "type": "string" }, list(json!({}))] }), vec!["[\"a\"]"], json!(["a"])),
        (json!({ "anyOf": [{ "type": "string" }, list(json!({}))] }), vec!["42"], json!("42")),
    ];
    for (rule, texts, value) in cases {
        assert_eq!(typed(&rule, &texts), value, "{rule} {texts:?}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_where_it_was_typed() {
    let cases = [
        (json!({ "type": "integer" }), "seven", "Invalid type. Expected: integer, given: string"),
        (json!({ "type": "integer" }), "1.5", "Invalid type. Expected: integer, given: number"),
        (json!({ "type": "number" }), "1,5", "Invalid type. Expected: number, given: string"),
        (json!({ "type": "boolean" }), "perhaps", "Invalid type. Expected: boolean, given: string"),
        (json!({ "type": "string", "enum": ["a"] }), "b", "x must be one of the following: \"a\""),
        (json!({ "type": "string", "format": "uri" }), "cat.png", "Does not match format 'uri'"),
    ];
    for (rule, text, refusal) in cases {
        assert_eq!(typed(&rule, &[text]), json!({ "refused": refusal }), "{rule}");
    }
    let items = of(&json!({ "type": "array", "items": { "type": "integer" } }));
    let found = items.read(&fields(&[("input.x", "1"), ("input.x", "one")])).expect_err("a word");
    assert_eq!((found.len(), found[0].field.as_str()), (1, "input.x.1"));
}

#[test]
fn json_that_does_not_parse_is_told_at_its_field_and_is_not_missing_too() {
    let schema = Schema::parse(&json!({ "Input": { "required": ["a", "b", "z"], "properties": {
        "a": { "type": "object" }, "b": { "type": "integer", "maximum": 3 }, "z": { "type": "string" },
    } } }));
    let found = schema.read(&fields(&[("input.a", "{\"open\":"), ("input.b", "4")])).expect_err("three wrongs");
    let told: Vec<_> = found.iter().map(|violation| (violation.kind.as_ref(), violation.field.as_str())).collect();
    assert_eq!(told, [("required", "input"), ("json", "input.a"), ("number_lte", "input.b")]);
    assert!(found[1].description.starts_with("Not readable as JSON: "), "{}", found[1].description);
    // Words are taken where a text may stand, but not what looks like an attempt at JSON.
    let words = of(&json!({ "type": ["string", "object"] }));
    assert_eq!(words.read(&fields(&[("input.x", "{oops")])).expect_err("no JSON")[0].kind, "json");
}

#[test]
fn an_empty_field_is_left_out_and_a_switch_that_was_never_drawn_too() {
    let schema = Schema::parse(&everything());
    let mut sent: Vec<_> = schema.properties.iter().map(|property| (prefixed(&property.name), String::new())).collect();
    sent.retain(|(name, _)| name != "input.prompt" && name != "input.many_files" && name != "input.mixed");
    sent.extend(fields(&[
        ("input.prompt", "a"),
        ("input.many_files", "https://a/b"),
        ("csrf", "x"),
        ("input", "y"),
        ("input.other", "z"),
    ]));
    let read = schema.read(&sent).expect("an input");
    assert_eq!(Value::Object(read), json!({ "prompt": "a", "many_files": ["https://a/b"] }));
}

#[test]
fn emptiness_that_was_meant_comes_back_from_a_form() {
    let schema = schema(&json!({
        "text": { "type": "string", "default": "An astronaut" }, "list": { "type": "array", "items": { "type": "string" }, "default": ["a"] },
        "items": { "type": "array", "items": { "type": "string" } }, "none": { "type": "integer", "nullable": true, "default": 3 },
    }));
    let input = object(json!({ "text": "", "list": [], "items": ["", "a", ""], "none": null }));
    let sent = schema.fill(&input);
    assert_eq!(schema.read(&sent), Ok(input));
    // A box that is no longer empty says more than what it said when it was.
    let mut typed_over = sent;
    typed_over.extend(fields(&[("input.text", "A diver"), ("input.none", "4")]));
    let read = schema.read(&typed_over).expect("an input");
    assert_eq!((&read["text"], &read["none"]), (&json!("A diver"), &json!(4)));
}

#[test]
fn secrets_are_never_written_into_a_form() {
    let schema = Schema::parse(&everything());
    let input = object(json!({ "prompt": "a", "many_files": [], "token": "r8_secret" }));
    let sent = schema.fill(&input);
    assert!(sent.iter().all(|(name, text)| !name.contains("token") && !text.contains("secret")), "{sent:?}");
    assert_eq!(schema.read(&[sent, fields(&[("input.token", "r8_secret")])].concat()), Ok(input));
}

#[test]
fn what_was_refused_is_still_there_to_be_corrected() {
    let schema = schema(
        &json!({ "n": { "type": "integer" }, "t": { "type": "string" }, "l": { "type": "array", "items": { "type": "integer" } } }),
    );
    let wrong = object(json!({ "n": "seven", "t": ["a"], "l": "x" }));
    assert_eq!(schema.fill(&wrong), fields(&[("input.l", "x"), ("input.n", "seven"), ("input.t", "[\"a\"]")]));
    assert_eq!(schema.read(&[]), Ok(Map::new()));
}
