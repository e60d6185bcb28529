//! What a form can say, and how it says it.

use super::Input;
use atelier::domain::schema::{Control, Property, label, prefixed};
use atelier::domain::{AspectRatio, MAX_COUNT, Model, RawRequest};
use atelier::server::db::mint;
use serde_json::Value;

/// The form that says an input; `None` when a form cannot, or when the page asks for more than the model does: it always
/// wants words, and offers no more at once, and no other seeds, than it has room for.
pub fn said(model: &Model, input: &Input) -> Option<RawRequest> {
    let promoted = model.promoted();
    let mut raw = RawRequest { request_key: mint(), model: model.name.to_string(), ..RawRequest::default() };
    for property in &model.schema.properties {
        let (name, value) = (property.name.as_str(), input.get(&property.name));
        if !promoted.contains(&name) {
            if !value.is_none_or(|value| can_say(property, value)) {
                return None;
            }
        } else if Some(name) == model.prompt_name() {
            match value {
                None if property.required => {}
                Some(Value::String(text)) if is_words(property, text) => raw.prompt.clone_from(text),
                _ => return None,
            }
        } else if name == "aspect_ratio" {
            // The picker stands at a square, which not every model has.
            let square = Value::from(AspectRatio::Square.as_str());
            match value {
                None if property.violations(&square).is_empty() => {}
                Some(Value::String(text)) if is_words(property, text) => raw.aspect_ratio.clone_from(text),
                _ => return None,
            }
        } else if let Some(value) = value {
            let is_count = Some(name) == model.count_name();
            let room = if is_count { 1..=model.max_count.min(MAX_COUNT) } else { 0..=u32::MAX.into() };
            let has_room = value.as_i64().is_some_and(|number| room.contains(&number));
            let is_sayable = value.is_number() || value == "x";
            if !is_sayable || has_room != property.violations(value).is_empty() {
                return None;
            }
            *(if is_count { &mut raw.count } else { &mut raw.seed }) = label(value);
        }
    }
    let own: Input = input
        .iter()
        .filter(|(name, _)| !promoted.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    raw.controls = model.schema.fill(&own);
    // A form never shows a secret again: somebody types it.
    let secrets = model.schema.properties.iter().filter(|property| property.is_secret());
    raw.controls.extend(secrets.filter_map(|secret| Some((prefixed(&secret.name), own.get(&secret.name)?.as_str()?.to_owned()))));
    Some(raw)
}

/// Whether a form takes a text for nothing but the words it is: it cuts off white space, and where a text or JSON may be
/// given it asks for the end of JSON that was begun.
fn is_words(property: &Property, text: &str) -> bool {
    let is_json = property.control() == Control::Json { text: true } && text.starts_with(['{', '[', '"']);
    !text.is_empty() && text.trim() == text && !is_json
}

/// Whether the control of a property has a way to say this value.
fn can_say(property: &Property, value: &Value) -> bool {
    let control = property.control();
    let is_word = value == "x";
    let trimmed = |value: &Value| value.as_str().is_some_and(|text| text.trim() == text && !text.is_empty());
    match (&control, value) {
        (Control::Json { text }, value) => {
            let is_scalar = value.is_number() || value.is_boolean() || value.is_null();
            !(*text && is_scalar && !property.violations(value).is_empty())
        }
        (Control::Secret, value) => trimmed(value),
        (_, Value::Null) => true,
        (_, Value::String(text)) if text.is_empty() => true,
        (Control::Text { .. }, value) => value.is_string(),
        (Control::Range { .. } | Control::Number { .. }, value) => value.is_number() || is_word,
        (Control::Switch, value) => value.is_boolean() || is_word,
        (Control::Segmented(values) | Control::Select(values), value) => values.contains(value) || is_word,
        (Control::File { .. }, value) => trimmed(value),
        (Control::Files { .. }, Value::Array(items)) => items.iter().all(trimmed),
        (Control::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
        (Control::Numbers, Value::Array(items)) => items.iter().all(|item| item.is_number() || item == "x"),
        (Control::Checks(values), Value::Array(items)) => items.iter().all(|item| values.contains(item) || item == "x"),
        _ => false,
    }
}
