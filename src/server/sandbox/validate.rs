//! Checks the body of a create as Replicate does: its error types and texts are those of the Go library gojsonschema.

use super::problem::Violation;
use crate::server::replicate::is_loopback;
use serde_json::{Map, Value};
use url::Url;

/// The keys of a create, besides `version`, which only one of the two endpoints takes.
const ENVELOPE: [&str; 5] = ["input", "webhook", "webhook_completed", "webhook_events_filter", "stream"];

/// What is wrong with the envelope. It is closed, unlike the input, in which unknown keys are dropped.
pub(super) fn envelope(body: &Map<String, Value>, takes_version: bool) -> Vec<Violation> {
    let required = ["version", "input"].into_iter().filter(|key| *key != "version" || takes_version);
    let missing =
        required.filter(|key| !body.contains_key(*key)).map(|key| violation("required", "", format!("{key} is required")));
    let unknown = body.keys().filter(|key| !(ENVELOPE.contains(&key.as_str()) || takes_version && *key == "version"));
    let unknown =
        unknown.map(|key| violation("additional_property_not_allowed", "", format!("Additional property {key} is not allowed")));
    let mut found: Vec<Violation> = missing.chain(unknown).collect();
    let mut typed = |key: &str, expected: &str, fits: fn(&Value) -> bool| {
        if let Some(value) = body.get(key).filter(|value| !fits(value)) {
            found.push(wrong_type(key, expected, value));
        }
    };
    typed("input", "object", Value::is_object);
    typed("version", "string", Value::is_string);
    typed("webhook", "string", |value| value.is_string() || value.is_null());
    typed("webhook_events_filter", "array", |value| value.is_array() || value.is_null());
    if let Some(url) = body.get("webhook").and_then(Value::as_str).filter(|url| !is_webhook(url)) {
        // Replicate's words for it were never recorded.
        found.push(violation("format", "webhook", format!("{url} is not an HTTPS URL")));
    }
    found
}

/// Whether a webhook may go there: https, as at Replicate; plain HTTP to this machine, where no https can be.
fn is_webhook(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url))
}

/// What is wrong with an input, by a version's `components.schemas`.
pub(super) fn input(input: &Map<String, Value>, schemas: &Value) -> Vec<Violation> {
    let schema = &schemas["Input"];
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut found: Vec<Violation> = required
        .filter(|key| !input.contains_key(*key))
        .map(|key| violation("required", "input", format!("{key} is required")))
        .collect();
    for (key, value) in input {
        let property = &schema["properties"][key];
        if !property.is_null() {
            found.extend(check(key, value, &resolve(property, schemas)));
        }
    }
    found
}

/// A property, with what its `allOf` refers to.
fn resolve(property: &Value, schemas: &Value) -> Value {
    let name = property["allOf"][0]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map_or_else(|| property.clone(), |name| schemas[name].clone())
}

fn check(key: &str, value: &Value, property: &Value) -> Option<Violation> {
    let path = format!("input.{key}");
    let expected = property["type"].as_str().unwrap_or("any");
    let fits = match expected {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    if !fits {
        return Some(wrong_type(&path, expected, value));
    }
    if let Some(choices) = property["enum"].as_array().filter(|choices| !choices.contains(value)) {
        let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        return Some(violation("enum", &path, format!("{key} must be one of the following: {}", choices.join(", "))));
    }
    let number = value.as_f64()?;
    if property["minimum"].as_f64().is_some_and(|least| number < least) {
        let text = format!("Must be greater than or equal to {}", property["minimum"]);
        return Some(violation("number_gte", &path, text));
    }
    let above = property["maximum"].as_f64().is_some_and(|most| number > most);
    above.then(|| violation("number_lte", &path, format!("Must be less than or equal to {}", property["maximum"])))
}

fn wrong_type(path: &str, expected: &str, value: &Value) -> Violation {
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    violation("invalid_type", path, format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn violation(kind: &'static str, field: &str, description: String) -> Violation {
    Violation { kind, field: field.to_owned(), description }
}
