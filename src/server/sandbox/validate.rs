//! Checks what stands around the input of a create, as Replicate does: its error types and texts are those of the Go
//! library gojsonschema. The input itself is checked by [`crate::domain::schema`], as everywhere else in the product.

use crate::domain::schema::{Kind, Violation};
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

fn wrong_type(path: &str, expected: &str, value: &Value) -> Violation {
    violation("invalid_type", path, format!("Invalid type. Expected: {expected}, given: {}", Kind::of(value).as_str()))
}

fn violation(kind: &'static str, field: &str, description: String) -> Violation {
    Violation { kind: kind.into(), field: field.to_owned(), description }
}
