//! A form's text to typed values, and back.
//!
//! A property's value is sent under `input.<name>`; several values of one property are several fields of that name. The rules,
//! which hold with scripts off too:
//!
//! - An empty field is left out, so that the model uses its default, unless a field `blank.<name>` says what emptiness means:
//!   `text`, `list` or `null`. Only what was so before is so written; a form need not draw these fields.
//! - Of several values of a property that takes one, the last counts. A switch is a hidden `false` before a check box with the
//!   value `true`: then off is sent as false, and a switch that was never drawn is left out.
//! - Line breaks are `\n`, however the browser sends them. Nothing else of a text is changed.
//! - Numbers may be typed in full-width digits. What cannot be read as a number is kept as text, and the check says so.
//!
//! `read` of what `fill` wrote is the same input again, if the schema accepts it, but for unknown keys, line breaks, and
//! secrets, which are never written into a page and have to be typed again. A whole number comes back without a point; a
//! fraction of more than 15 digits may differ in its last.

use super::number;
use super::{Control, Property, Schema, Violation};
use serde_json::{Map, Value};

/// What the names of fields begin with, before a property's name.
const INPUT: &str = "input.";
const BLANK: &str = "blank.";

/// The field name of a property.
pub fn prefixed(property: &str) -> String {
    format!("{INPUT}{property}")
}

/// The text that stands for a value in a form: a string itself, a number without a needless point, anything else as JSON.
pub fn label(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number::text(number),
        value => value.to_string(),
    }
}

/// Whether no two values have the same text.
pub(super) fn are_told_apart(values: &[Value]) -> bool {
    let labels: Vec<String> = values.iter().map(label).collect();
    labels.iter().enumerate().all(|(index, label)| !labels[..index].contains(label))
}

impl Schema {
    /// The input that a form says. Fields of other names are passed over.
    ///
    /// # Errors
    /// With every violation, of what was read and of what could not be, in the order of [`Schema::violations`].
    pub fn read(&self, fields: &[(String, String)]) -> Result<Map<String, Value>, Vec<Violation>> {
        let readings: Vec<_> = self.properties.iter().map(|property| (property, property.read(fields))).collect();
        let missing = readings.iter().filter(|(property, reading)| property.required && *reading == Ok(None));
        let mut found: Vec<Violation> = missing.map(|(property, _)| Violation::missing("", &property.name)).collect();
        let mut input = Map::new();
        for (property, reading) in readings {
            match reading {
                Ok(Some(value)) => {
                    found.append(&mut property.violations(&value));
                    input.insert(property.name.clone(), value);
                }
                Ok(None) => {}
                Err(violation) => found.push(violation),
            }
        }
        if found.is_empty() { Ok(input) } else { Err(found) }
    }

    /// The fields that say an input, in the order of the form.
    pub fn fill(&self, input: &Map<String, Value>) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for property in self.properties.iter().filter(|property| !property.is_secret()) {
            if let Some(value) = input.get(&property.name) {
                property.fill(value, &mut fields);
            }
        }
        fields
    }
}

impl Property {
    fn read(&self, fields: &[(String, String)]) -> Result<Option<Value>, Violation> {
        let of = |prefix: &'static str| {
            fields.iter().filter(move |(name, _)| name.strip_prefix(prefix) == Some(self.name.as_str())).map(|(_, text)| text)
        };
        let texts: Vec<String> = of(INPUT).map(|text| text.replace("\r\n", "\n").replace('\r', "\n")).collect();
        let blank = of(BLANK).next_back().map(String::as_str);
        let control = self.control();
        // White space is a text too, and nothing else.
        let is_sent = |text: &&String| match control {
            Control::Segmented(values) | Control::Select(values) => !text.is_empty() || values.iter().any(|value| value == ""),
            Control::Text { .. } | Control::Secret | Control::Texts | Control::Checks(_) => !text.is_empty(),
            _ => !text.trim().is_empty(),
        };
        let value = match control {
            Control::Json { text } => return self.read_json(texts.last().map_or("", String::as_str), text),
            Control::Files { .. } | Control::Texts | Control::Numbers | Control::Checks(_) => {
                let items = texts.iter().filter(|text| is_sent(text) || blank == Some("text"));
                let items: Vec<Value> = items.map(|text| read_one(&control, text)).collect();
                Some(items).filter(|items| !items.is_empty()).map(Value::Array)
            }
            _ => texts.last().filter(is_sent).map(|text| read_one(&control, text)),
        };
        Ok(value.or_else(|| match blank {
            Some("null") => Some(Value::Null),
            Some("text") => Some(Value::String(String::new())),
            Some("list") => Some(Value::Array(Vec::new())),
            _ => None,
        }))
    }

    /// JSON; or, where a text is accepted, words: what is neither JSON nor looks like an attempt at it, or what is JSON of a
    /// type that is not accepted, as a bare number where texts are.
    fn read_json(&self, text: &str, words: bool) -> Result<Option<Value>, Violation> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let as_words = || Value::String(text.to_owned());
        match serde_json::from_str::<Value>(text) {
            Ok(value) if words && is_scalar(&value) && !self.violations(&value).is_empty() => Ok(Some(as_words())),
            Ok(value) => Ok(Some(value)),
            Err(_) if words && !text.trim_start().starts_with(['{', '[', '"']) => Ok(Some(as_words())),
            Err(error) => Err(Violation::new("json", &self.name, format!("Not readable as JSON: {error}"))),
        }
    }

    fn fill(&self, value: &Value, fields: &mut Vec<(String, String)>) {
        let control = self.control();
        let mut blank = |what: &str| fields.push((format!("{BLANK}{}", self.name), what.to_owned()));
        match (&control, value) {
            (Control::Json { text }, value) => {
                let plain = value.as_str().filter(|words| *text && self.read_json(words, true) == Ok(Some(value.clone())));
                fields.push((prefixed(&self.name), plain.map_or_else(|| value.to_string(), str::to_owned)));
            }
            (_, Value::Null) => blank("null"),
            (Control::Segmented(values) | Control::Select(values), Value::String(text))
                if text.is_empty() && values.contains(value) =>
            {
                fields.push((prefixed(&self.name), String::new()));
            }
            (_, Value::String(text)) if text.is_empty() => blank("text"),
            (_, Value::Array(items)) if items.is_empty() => blank("list"),
            (Control::Files { .. } | Control::Texts | Control::Numbers | Control::Checks(_), Value::Array(items)) => {
                if items.iter().any(|item| item == "") {
                    blank("text");
                }
                fields.extend(items.iter().map(|item| (prefixed(&self.name), label(item))));
            }
            (_, value) => fields.push((prefixed(&self.name), label(value))),
        }
    }
}

/// One value by its text; what does not fit stays text, for the check to tell.
fn read_one(control: &Control, text: &str) -> Value {
    let read = match control {
        Control::Range { .. } | Control::Number { .. } | Control::Numbers => number::parse(text).map(Value::Number),
        Control::Segmented(values) | Control::Select(values) | Control::Checks(values) => {
            let number = number::parse(text).map(Value::Number);
            let means = |value: &&Value| number.as_ref().is_some_and(|number| number::same(number, value));
            values.iter().find(|value| label(value) == text).or_else(|| values.iter().find(means)).cloned()
        }
        Control::Switch => match text {
            "true" | "on" | "1" => Some(Value::Bool(true)),
            "false" | "off" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        // A pasted address often brings white space along.
        Control::File { .. } | Control::Files { .. } => Some(Value::String(text.trim().to_owned())),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn is_scalar(value: &Value) -> bool {
    value.is_number() || value.is_boolean() || value.is_null()
}
