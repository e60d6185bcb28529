//! What a model takes and gives, read from its OpenAPI description: from it come the form, the check of an input, and the
//! reading of a form's text into typed JSON.
//!
//! | file | what it is for |
//! |---|---|
//! | `shape`, `reader` | what a value must be, read leniently from JSON Schema |
//! | `control` | which control shows a property |
//! | `check`, `violation` | what is wrong with an input, in Replicate's words |
//! | `form` | text to values and back |
//! | `output` | what kind of thing comes out |
//! | `write` | the schema as JSON, small enough for a page |
//!
//! Descriptions are written by strangers. Reading one never fails: what is not understood accepts every value and is shown
//! as a JSON field. So every property has one control, and nothing that Replicate might take is refused for our ignorance.
//!
//! To add a kind of control: a variant of [`Control`], its place in [`Property::control`], its reading in `form`.

mod check;
mod control;
mod form;
mod number;
mod output;
mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod uri;
mod violation;
mod write;

pub use check::Matches;
pub use control::{Accept, Control};
pub use form::{label, prefixed};
pub use number::{parse as typed_number, same};
pub use output::OutputKind;
pub use shape::{Bounds, Format, Kind, ListRules, Member, Shape, TextRules};
pub use violation::{Violation, detail};

use reader::Reader;
use serde_json::{Map, Value};

/// What a model takes, in the order people should see it, and what it gives.
///
/// Written with serde it is JSON Schema again, without references and without what nobody reads; [`Schema::parse`] is the
/// one reader of both forms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// By `x-order`, then by name.
    pub properties: Vec<Property>,
    /// What kind of output to expect.
    pub output: OutputKind,
}

/// One thing that a model can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The key in the input.
    pub name: String,
    /// What people call it, English; made from the name when the model says nothing.
    pub title: String,
    /// A sentence or more about it, English; may be empty.
    pub description: String,
    /// What the model uses when nothing is sent; never null. A model may state one that breaks its own rules.
    pub default: Option<Value>,
    /// Whether it must be sent.
    pub required: bool,
    /// Whether null may be sent.
    pub nullable: bool,
    /// Whether the model's author asks not to use it any more.
    pub deprecated: bool,
    /// What its value must be.
    pub shape: Shape,
}

impl Schema {
    /// Reads a version's `components.schemas`: `Input`, `Output` and what they refer to. Total: see the module.
    ///
    /// Of a lone input schema, `{"Input": …}` is enough.
    pub fn parse(schemas: &Value) -> Self {
        let reader = Reader::new(schemas);
        let input = reader.resolved(&schemas["Input"]);
        let required: Vec<&str> =
            input.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let no_properties = Map::new();
        let listed = input.get("properties").and_then(Value::as_object).unwrap_or(&no_properties);
        // Required but never described: it takes anything, rather than being forgotten.
        let undescribed = required.iter().filter(|name| !listed.contains_key(**name)).map(|name| (*name, &Value::Null));
        let mut ordered: Vec<(f64, Property)> = Vec::new();
        for (name, raw) in listed.iter().map(|(name, raw)| (name.as_str(), raw)).chain(undescribed) {
            let order = raw["x-order"].as_f64().unwrap_or(f64::INFINITY);
            let is_before = |(other, known): &(f64, Property)| (*other, known.name.as_str()) <= (order, name);
            // Inserted where it belongs: a sort weighs 4 kB in the browser.
            let at = ordered.iter().take_while(|known| is_before(known)).count();
            if at == 0 || ordered[at - 1].1.name != name {
                ordered.insert(at, (order, property(name, raw, required.contains(&name), &reader)));
            }
        }
        let properties = ordered.into_iter().map(|(_, property)| property).collect();
        Self { properties, output: OutputKind::read(&schemas["Output"], schemas) }
    }

    /// The property of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The property in which people say what they want: `prompt`, else the first free text that must be given.
    pub fn prompt(&self) -> Option<&Property> {
        let named = self.property("prompt").filter(|property| property.is_free_text());
        named.or_else(|| self.properties.iter().find(|property| property.required && property.is_free_text()))
    }

    /// The values that the model knows; Replicate drops the others too.
    #[must_use]
    pub fn kept(&self, input: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in input.iter().filter(|(name, _)| self.property(name).is_some()) {
            kept.insert(name.clone(), value.clone());
        }
        kept
    }

    /// What of another model's values can stay when this one is chosen, and the names of what cannot, in the order of the
    /// values. A value stays when this model has a property of that name that accepts it. Secrets never go along: they were
    /// given to the other model's author.
    pub fn carry(&self, values: &Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
        let (mut kept, mut dropped) = (Map::new(), Vec::new());
        for (name, value) in values {
            let fitting = self.property(name).filter(|property| !property.is_secret());
            if fitting.is_some_and(|property| property.violations(value).is_empty()) {
                kept.insert(name.clone(), value.clone());
            } else {
                dropped.push(name.clone());
            }
        }
        (kept, dropped)
    }

    /// How many values differ from what the model would use anyway. The prompt is not counted: it stands by itself.
    pub fn changed(&self, values: &Map<String, Value>) -> usize {
        let prompt = self.prompt().map(|prompt| prompt.name.as_str());
        let settings = self.properties.iter().filter(|property| Some(property.name.as_str()) != prompt);
        settings.filter(|property| values.get(&property.name).is_some_and(|value| property.is_changed(value))).count()
    }
}

impl Property {
    /// Whether it fixes the model's randomness: left out, the model picks.
    pub fn is_seed(&self) -> bool {
        self.name == "seed" && self.default.is_none() && matches!(&self.shape, Shape::Number(bounds) if bounds.integer)
    }

    /// Whether its value must never be shown again.
    pub fn is_secret(&self) -> bool {
        matches!(&self.shape, Shape::Text(text) if text.format == Format::Secret)
    }

    fn is_free_text(&self) -> bool {
        matches!(self.control(), Control::Text { .. } | Control::Json { text: true })
    }

    /// Whether `value` is another than the default. Without a default, an empty value says no more than none.
    fn is_changed(&self, value: &Value) -> bool {
        match &self.default {
            Some(default) => !number::same(value, default),
            None => !(value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)),
        }
    }
}

fn property(name: &str, raw: &Value, required: bool, reader: &Reader) -> Property {
    let text = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
    let (shape, nullable) = reader.read(raw);
    let title = Some(text("title")).filter(|title| !title.is_empty()).unwrap_or_else(|| humanised(name));
    Property {
        name: name.to_owned(),
        title,
        description: text("description"),
        default: raw.get("default").filter(|default| !default.is_null()).cloned(),
        required,
        nullable,
        deprecated: raw["deprecated"] == true,
        shape,
    }
}

/// `num_outputs` as `Num Outputs`.
fn humanised(name: &str) -> String {
    let mut title = String::with_capacity(name.len());
    for word in name.split(['_', '-']).filter(|word| !word.is_empty()) {
        if !title.is_empty() {
            title.push(' ');
        }
        let mut letters = word.chars();
        title.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        title.push_str(letters.as_str());
    }
    title
}
