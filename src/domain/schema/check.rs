//! What is wrong with a value.
//!
//! In this order: what is missing, then what is wrong, property by property as the form shows them. A value of the wrong type
//! is told only that; one of the right type, every rule it breaks. Keys that the schema does not have are accepted.
//!
//! Two things are left to Replicate: patterns, unless the caller brings something that reads them, and every format but
//! `uri`.

use super::number;
use super::shape::{Bounds, Format, Kind, ListRules, Member, Shape, TextRules};
use super::uri::is_uri;
use super::{Property, Schema, Violation};
use serde_json::{Map, Number, Value};
use std::cmp::Ordering::{Equal, Greater, Less};

const AT_LEAST: &str = "greater than or equal to";
const AT_MOST: &str = "less than or equal to";

/// Whether a text matches a regular expression somewhere: `matches(pattern, text)`.
pub type Matches = fn(&str, &str) -> bool;

impl Schema {
    /// What Replicate would refuse an input for; patterns are not checked.
    pub fn violations(&self, input: &Map<String, Value>) -> Vec<Violation> {
        self.violations_by(input, |_, _| true)
    }

    /// As [`Self::violations`], patterns too.
    pub fn violations_by(&self, input: &Map<String, Value>, matches: Matches) -> Vec<Violation> {
        let missing = self.properties.iter().filter(|property| property.required && !input.contains_key(&property.name));
        let mut check = Check { matches, found: missing.map(|property| Violation::missing("", &property.name)).collect() };
        for property in &self.properties {
            if let Some(value) = input.get(&property.name) {
                check.property(property, value);
            }
        }
        check.found
    }
}

impl Property {
    /// What is wrong with a value of it; patterns are not checked.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        let mut check = Check { matches: |_, _| true, found: Vec::new() };
        check.property(self, value);
        check.found
    }
}

struct Check {
    matches: Matches,
    found: Vec<Violation>,
}

impl Check {
    fn property(&mut self, property: &Property, value: &Value) {
        if !(value.is_null() && property.nullable) {
            self.value(&property.shape, value, &property.name);
        }
    }

    /// `path` leads from the input to the value.
    fn value(&mut self, shape: &Shape, value: &Value, path: &str) {
        if let Some(kind) = shape.kind().filter(|kind| !kind.fits(value)) {
            return self.note("invalid_type", path, wrong_type(kind, value));
        }
        match (shape, value) {
            (Shape::Text(rules), Value::String(text)) => self.text(rules, text, path),
            (Shape::Number(bounds), Value::Number(number)) => self.number(bounds, number, path),
            (Shape::Choice { values, .. }, value) if !values.iter().any(|choice| number::same(choice, value)) => {
                let choices: Vec<String> = values.iter().map(Value::to_string).collect();
                self.note("enum", path, format!("{path} must be one of the following: {}", choices.join(", ")));
            }
            (Shape::List(rules), Value::Array(items)) => self.list(rules, items, path),
            (Shape::Object(members), Value::Object(object)) => self.object(members, object, path),
            (Shape::AnyOf(shapes), value) => {
                let accepts = |shape| {
                    let mut check = Self { matches: self.matches, found: Vec::new() };
                    check.value(shape, value, path);
                    check.found.is_empty()
                };
                if !shapes.iter().any(accepts) {
                    self.note("number_any_of", path, "Must validate at least one schema (anyOf)".to_owned());
                }
            }
            (Shape::OrNull(shape), value) if !value.is_null() => self.value(shape, value, path),
            _ => {}
        }
    }

    fn text(&mut self, rules: &TextRules, text: &str, path: &str) {
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        if let Some(least) = rules.least.filter(|least| length < *least) {
            self.note("string_gte", path, format!("String length must be {AT_LEAST} {least}"));
        }
        if let Some(most) = rules.most.filter(|most| length > *most) {
            self.note("string_lte", path, format!("String length must be {AT_MOST} {most}"));
        }
        if let Some(pattern) = rules.pattern.as_deref().filter(|pattern| !(self.matches)(pattern, text)) {
            self.note("pattern", path, format!("Does not match pattern '{pattern}'"));
        }
        if rules.format == Format::Uri && !is_uri(text) {
            self.note("format", path, "Does not match format 'uri'".to_owned());
        }
    }

    fn number(&mut self, bounds: &Bounds, number: &Number, path: &str) {
        if let Some(of) = bounds.multiple.as_ref().filter(|of| !number::is_multiple(number, of)) {
            self.note("multiple_of", path, format!("Must be a multiple of {}", number::text(of)));
        }
        let rules = [
            (&bounds.max, &[Greater][..], "number_lte", AT_MOST),
            (&bounds.below, &[Greater, Equal], "number_lt", "less than"),
            (&bounds.min, &[Less], "number_gte", AT_LEAST),
            (&bounds.above, &[Less, Equal], "number_gt", "greater than"),
        ];
        for (bound, wrong, kind, words) in rules {
            if let Some(bound) = bound.as_ref().filter(|bound| wrong.contains(&number::compare(number, bound))) {
                self.note(kind, path, format!("Must be {words} {}", number::text(bound)));
            }
        }
    }

    fn list(&mut self, rules: &ListRules, items: &[Value], path: &str) {
        for (index, item) in items.iter().enumerate() {
            self.value(&rules.item, item, &format!("{path}.{index}"));
        }
        let length = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if let Some(least) = rules.least.filter(|least| length < *least) {
            self.note("array_min_items", path, format!("Array must have at least {least} items"));
        }
        if let Some(most) = rules.most.filter(|most| length > *most) {
            self.note("array_max_items", path, format!("Array must have at most {most} items"));
        }
        if let Some((earlier, later)) = rules.unique.then(|| first_twins(items)).flatten() {
            self.note("unique", path, format!("array items[{earlier},{later}] must be unique"));
        }
    }

    fn object(&mut self, members: &[Member], object: &Map<String, Value>, path: &str) {
        let missing = members.iter().filter(|member| member.required && !object.contains_key(&member.name));
        self.found.extend(missing.map(|member| Violation::missing(path, &member.name)));
        for member in members {
            if let Some(value) = object.get(&member.name) {
                self.value(&member.shape, value, &format!("{path}.{}", member.name));
            }
        }
    }

    fn note(&mut self, kind: &'static str, path: &str, description: String) {
        self.found.push(Violation::new(kind, path, description));
    }
}

impl Shape {
    /// The one type it asks for, if it asks for one.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Any | Self::AnyOf(_) | Self::OrNull(_) => None,
            Self::Text(_) => Some(Kind::String),
            Self::Number(bounds) if bounds.integer => Some(Kind::Integer),
            Self::Number(_) => Some(Kind::Number),
            Self::Switch => Some(Kind::Boolean),
            Self::Choice { kind, .. } => *kind,
            Self::List(_) => Some(Kind::Array),
            Self::Object(_) => Some(Kind::Object),
        }
    }
}

fn wrong_type(expected: Kind, value: &Value) -> String {
    format!("Invalid type. Expected: {}, given: {}", expected.as_str(), Kind::of(value).as_str())
}

/// The places of the first item that was there before.
fn first_twins(items: &[Value]) -> Option<(usize, usize)> {
    let twin = |(later, item): (usize, &Value)| {
        items[..later].iter().position(|earlier| number::same(earlier, item)).map(|earlier| (earlier, later))
    };
    items.iter().enumerate().find_map(twin)
}
