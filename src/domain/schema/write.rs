//! A schema as JSON Schema again: one reader for both, so that a page's copy means exactly what the server's does. References
//! are resolved; the order is that of the form; what nobody reads is gone.

use super::shape::{Bounds, Format, ListRules, Shape, TextRules};
use super::{Property, Schema, humanised};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|schemas| Self::parse(&schemas))
    }
}

impl From<&Schema> for Value {
    fn from(schema: &Schema) -> Self {
        let required: Vec<&str> =
            schema.properties.iter().filter(|property| property.required).map(|property| property.name.as_str()).collect();
        let numbered = schema.properties.iter().enumerate();
        let properties: Map<String, Self> =
            numbered.map(|(order, property)| (property.name.clone(), Self::Object(described(property, order)))).collect();
        let mut whole = json!({ "Input": { "properties": properties } });
        if !required.is_empty() {
            whole["Input"]["required"] = json!(required);
        }
        if let Some(output) = schema.output.write() {
            whole["Output"] = output;
        }
        whole
    }
}

fn described(property: &Property, order: usize) -> Map<String, Value> {
    let mut raw = shaped(&property.shape);
    raw.insert("x-order".to_owned(), json!(order));
    let own_title = property.title != humanised(&property.name);
    put(&mut raw, "title", own_title.then_some(&property.title));
    put(&mut raw, "description", Some(&property.description).filter(|text| !text.is_empty()));
    put(&mut raw, "default", property.default.as_ref());
    put(&mut raw, "nullable", property.nullable.then_some(true));
    put(&mut raw, "deprecated", property.deprecated.then_some(true));
    raw
}

fn shaped(shape: &Shape) -> Map<String, Value> {
    let mut raw = Map::new();
    match shape {
        Shape::Any => {}
        Shape::Text(rules) => text(&mut raw, rules),
        Shape::Number(bounds) => number(&mut raw, bounds),
        Shape::Switch => put(&mut raw, "type", Some("boolean")),
        Shape::Choice { kind, values } => {
            put(&mut raw, "type", kind.map(super::Kind::as_str));
            put(&mut raw, "enum", Some(values));
        }
        Shape::List(rules) => list(&mut raw, rules),
        Shape::Object(members) => {
            let properties: Map<String, Value> =
                members.iter().map(|member| (member.name.clone(), Value::Object(shaped(&member.shape)))).collect();
            let required: Vec<&str> =
                members.iter().filter(|member| member.required).map(|member| member.name.as_str()).collect();
            put(&mut raw, "type", Some("object"));
            put(&mut raw, "properties", Some(properties).filter(|properties| !properties.is_empty()));
            put(&mut raw, "required", Some(required).filter(|required| !required.is_empty()));
        }
        Shape::AnyOf(shapes) => put(&mut raw, "anyOf", Some(shapes.iter().map(shaped).collect::<Vec<_>>())),
        Shape::OrNull(shape) => {
            raw = shaped(shape);
            put(&mut raw, "nullable", Some(true));
        }
    }
    raw
}

fn text(raw: &mut Map<String, Value>, rules: &TextRules) {
    put(raw, "type", Some("string"));
    put(raw, "minLength", rules.least);
    put(raw, "maxLength", rules.most);
    put(raw, "pattern", rules.pattern.as_ref());
    put(
        raw,
        "format",
        match rules.format {
            Format::Plain => None,
            Format::Uri => Some("uri"),
            Format::Secret => Some("password"),
        },
    );
}

fn number(raw: &mut Map<String, Value>, bounds: &Bounds) {
    put(raw, "type", Some(if bounds.integer { "integer" } else { "number" }));
    put(raw, "minimum", bounds.min.as_ref());
    put(raw, "maximum", bounds.max.as_ref());
    put(raw, "exclusiveMinimum", bounds.above.as_ref());
    put(raw, "exclusiveMaximum", bounds.below.as_ref());
    put(raw, "multipleOf", bounds.multiple.as_ref());
}

fn list(raw: &mut Map<String, Value>, rules: &ListRules) {
    put(raw, "type", Some("array"));
    put(raw, "items", Some(shaped(&rules.item)).filter(|item| !item.is_empty()));
    put(raw, "minItems", rules.least);
    put(raw, "maxItems", rules.most);
    put(raw, "uniqueItems", rules.unique.then_some(true));
}

/// Writes what is there.
fn put(raw: &mut Map<String, Value>, key: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        raw.insert(key.to_owned(), json!(value));
    }
}
