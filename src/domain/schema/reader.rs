//! Shapes out of JSON Schema, as models' authors and their tools have written it over the years: enums behind references or
//! inline, bounds under two spellings, null in four disguises.
//!
//! Reading ends for every description: nesting and references are followed [`DEEPEST`] steps, and at most [`STEPS`] places of
//! one property are looked at, so that neither a circle nor a tree that doubles at every level costs more than that.

use super::number;
use super::shape::{Bounds, Format, Kind, ListRules, Member, Shape, TextRules};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::Cell;

/// Levels of nesting and references together. Real inputs have two.
const DEEPEST: u8 = 12;
/// Places of one property.
const STEPS: u16 = 2_000;

/// What a property says of itself, and not of its value: a referenced description does not speak for who refers to it.
const REMARKS: [&str; 5] = ["title", "description", "default", "x-order", "deprecated"];

/// Reads shapes out of one set of descriptions.
pub(super) struct Reader<'a> {
    schemas: &'a Value,
    steps: Cell<u16>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(schemas: &'a Value) -> Self {
        Self { schemas, steps: Cell::new(STEPS) }
    }

    /// What the values of a description must be, and whether null is one of them.
    pub(super) fn read(&self, raw: &Value) -> (Shape, bool) {
        self.steps.set(STEPS);
        self.shape(raw, DEEPEST)
    }

    /// A description with what it refers to in its place.
    pub(super) fn resolved<'b>(&self, raw: &'b Value) -> Cow<'b, Map<String, Value>> {
        self.steps.set(STEPS);
        self.flat(raw, DEEPEST)
    }

    fn shape(&self, raw: &Value, deeper: u8) -> (Shape, bool) {
        if !self.step(deeper) {
            return (Shape::Any, true);
        }
        let raw = self.flat(raw, deeper - 1);
        let (kinds, mut nullable) = kinds(&raw);
        let shape = match (kinds.as_slice(), alternatives(&raw)) {
            (kinds, _) if members(&raw).is_some() => {
                nullable |= members(&raw).is_some_and(|members| members.contains(&Value::Null));
                let only = if let [kind] = kinds { Some(*kind) } else { None };
                choice(only, members(&raw).unwrap_or_default())
            }
            ([], Some(alternatives)) => {
                nullable |= alternatives.iter().any(is_null);
                any_of(alternatives.iter().filter(|raw| !is_null(raw)).map(|raw| self.inner(raw, deeper - 1)).collect())
            }
            ([], None) => implied(&raw).map_or(Shape::Any, |kind| self.typed(kind, &raw, deeper - 1)),
            ([kind], _) => self.typed(*kind, &raw, deeper - 1),
            (kinds, _) => any_of(kinds.iter().map(|kind| self.typed(*kind, &raw, deeper - 1)).collect()),
        };
        match shape {
            Shape::OrNull(shape) => (*shape, true),
            shape => (shape, nullable),
        }
    }

    /// As [`Self::shape`], for what is inside another and has to say itself that it may be null.
    fn inner(&self, raw: &Value, deeper: u8) -> Shape {
        match self.shape(raw, deeper) {
            (shape, true) if shape != Shape::Any => Shape::OrNull(Box::new(shape)),
            (shape, _) => shape,
        }
    }

    fn typed(&self, kind: Kind, raw: &Map<String, Value>, deeper: u8) -> Shape {
        let count = |key: &str| raw.get(key).and_then(Value::as_u64);
        match kind {
            Kind::Null => Shape::Any,
            Kind::Boolean => Shape::Switch,
            Kind::Integer | Kind::Number => Shape::Number(bounds(kind == Kind::Integer, raw)),
            Kind::String => Shape::Text(TextRules {
                least: count("minLength").filter(|least| *least > 0),
                most: count("maxLength"),
                pattern: raw.get("pattern").and_then(Value::as_str).map(str::to_owned),
                format: format(raw),
            }),
            Kind::Array => Shape::List(Box::new(ListRules {
                item: raw.get("items").map_or(Shape::Any, |item| self.inner(item, deeper)),
                least: count("minItems").filter(|least| *least > 0),
                most: count("maxItems"),
                unique: raw.get("uniqueItems") == Some(&Value::Bool(true)),
            })),
            Kind::Object => {
                let required = raw.get("required").and_then(Value::as_array);
                let is_required = |name: &str| required.is_some_and(|required| required.iter().any(|key| key == name));
                let members = raw.get("properties").and_then(Value::as_object).into_iter().flatten();
                let member = |(name, raw): (&String, &Value)| Member {
                    name: name.clone(),
                    required: is_required(name),
                    shape: self.inner(raw, deeper),
                };
                Shape::Object(members.map(member).collect())
            }
        }
    }

    /// The keys of a description over those of what it refers to, by `$ref` or as one of `allOf`.
    fn flat<'b>(&self, raw: &'b Value, deeper: u8) -> Cow<'b, Map<String, Value>> {
        let Some(own) = raw.as_object() else { return Cow::default() };
        let parts = own.get("allOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let referred = own.get("$ref").and_then(Value::as_str);
        if parts.is_empty() && referred.is_none() || !self.step(deeper) {
            return Cow::Borrowed(own);
        }
        let mut whole = Map::new();
        for part in referred.and_then(|path| self.find(path)).into_iter().chain(parts) {
            let part = self.flat(part, deeper - 1);
            let of_the_value = part.iter().filter(|(key, _)| !REMARKS.contains(&key.as_str()));
            whole.extend(of_the_value.map(|(key, value)| (key.clone(), value.clone())));
        }
        let own = own.iter().filter(|(key, _)| !matches!(key.as_str(), "$ref" | "allOf"));
        whole.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        Cow::Owned(whole)
    }

    /// What `#/components/schemas/NAME` means.
    fn find(&self, path: &str) -> Option<&'a Value> {
        let name = path.rsplit('/').next()?;
        self.schemas.get(name).or_else(|| self.schemas.get(name.replace("~1", "/").replace("~0", "~")))
    }

    /// Whether one more place may be looked at, so deep.
    fn step(&self, deeper: u8) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0 && deeper > 0
    }
}

/// The stated types, and whether null is among them.
fn kinds(raw: &Map<String, Value>) -> (Vec<Kind>, bool) {
    let stated = match raw.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Kind::read).collect(),
        Some(kind) => Kind::read(kind).into_iter().collect(),
        None => Vec::new(),
    };
    let nullable = stated.contains(&Kind::Null) || raw.get("nullable") == Some(&Value::Bool(true));
    (stated.into_iter().filter(|kind| *kind != Kind::Null).collect(), nullable)
}

/// The type that the other keys let on, when none is stated.
fn implied(raw: &Map<String, Value>) -> Option<Kind> {
    let has = |key: &str| raw.contains_key(key);
    if raw.contains_key("type") {
        None // One that nobody knows.
    } else if has("properties") {
        Some(Kind::Object)
    } else if has("items") {
        Some(Kind::Array)
    } else if raw.get("format").is_some_and(|format| format == "uri") {
        Some(Kind::String)
    } else {
        None
    }
}

fn alternatives(raw: &Map<String, Value>) -> Option<&Vec<Value>> {
    let listed = raw.get("anyOf").or_else(|| raw.get("oneOf"))?.as_array()?;
    (!listed.is_empty()).then_some(listed)
}

/// The members of an enum, of which a constant is a small one. An empty enum would refuse everything, and is none.
fn members(raw: &Map<String, Value>) -> Option<&[Value]> {
    let members = match raw.get("enum") {
        Some(members) => members.as_array()?,
        None => std::slice::from_ref(raw.get("const")?),
    };
    (!members.is_empty()).then_some(members)
}

fn is_null(raw: &Value) -> bool {
    raw["type"] == "null" || raw.as_object().and_then(members).is_some_and(|members| members.iter().all(Value::is_null))
}

fn choice(kind: Option<Kind>, members: &[Value]) -> Shape {
    let mut values: Vec<Value> = Vec::with_capacity(members.len());
    for value in members.iter().filter(|value| !value.is_null()).map(|value| stated_as(kind, value)) {
        if !values.iter().any(|known| number::same(known, &value)) {
            values.push(value);
        }
    }
    if values.is_empty() { Shape::Any } else { Shape::Choice { kind, values } }
}

/// A member in the type that is stated for it: some old models list `"32"` beside `integer`.
fn stated_as(kind: Option<Kind>, value: &Value) -> Value {
    let read = match (kind, value.as_str()) {
        (Some(Kind::Integer | Kind::Number), Some(text)) => number::parse(text).map(Value::Number),
        (Some(Kind::Boolean), Some("True" | "true")) => Some(Value::Bool(true)),
        (Some(Kind::Boolean), Some("False" | "false")) => Some(Value::Bool(false)),
        _ => None,
    };
    read.unwrap_or_else(|| value.clone())
}

/// Alternatives, of which one alone is none, and lists of choices are one list.
fn any_of(mut shapes: Vec<Shape>) -> Shape {
    if shapes.len() < 2 {
        return shapes.pop().unwrap_or_default();
    }
    let all = shapes.iter().map(|shape| match shape {
        Shape::Choice { kind, values } => Some((*kind, values)),
        _ => None,
    });
    match all.collect::<Option<Vec<_>>>() {
        Some(all) if all.iter().all(|(kind, _)| *kind == all[0].0) => {
            let together: Vec<Value> = all.iter().flat_map(|(_, values)| values.iter().cloned()).collect();
            choice(all[0].0, &together)
        }
        _ => Shape::AnyOf(shapes),
    }
}

fn format(raw: &Map<String, Value>) -> Format {
    let is_true = |key: &str| raw.get(key) == Some(&Value::Bool(true));
    match raw.get("format").and_then(Value::as_str) {
        _ if is_true("x-cog-secret") || is_true("writeOnly") => Format::Secret,
        Some("password") => Format::Secret,
        Some("uri") => Format::Uri,
        _ => Format::Plain,
    }
}

/// Bounds under their names in JSON Schema, or under the raw ones of the library that models are written with.
fn bounds(integer: bool, raw: &Map<String, Value>) -> Bounds {
    let number = |key: &str| raw.get(key).and_then(Value::as_number).cloned();
    let (min, max) = (number("minimum").or_else(|| number("ge")), number("maximum").or_else(|| number("le")));
    // Older JSON Schema says with a flag that a bound itself is excluded.
    let excluded = |key: &str| raw.get(key) == Some(&Value::Bool(true));
    let (min, above) =
        if excluded("exclusiveMinimum") { (None, min) } else { (min, number("exclusiveMinimum").or_else(|| number("gt"))) };
    let (max, below) =
        if excluded("exclusiveMaximum") { (None, max) } else { (max, number("exclusiveMaximum").or_else(|| number("lt"))) };
    let multiple = number("multipleOf").filter(|multiple| multiple.as_f64().is_some_and(|multiple| multiple > 0.0));
    Bounds { integer, min, max, above, below, multiple }
}
