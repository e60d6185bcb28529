//! Everything about an entry that its keeper may see and change.

use crate::domain::schema::{Property, Schema, Shape};
use crate::domain::{Model, Price, Task};
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// An entry as its keeper sees it, offered or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What people see of it.
    pub model: Model,
    /// Whether people can choose it.
    pub enabled: bool,
    /// Its place among the others, smallest first.
    pub place: i64,
    /// Every number it can be told, and the most that the house allows.
    pub maxima: Vec<Maximum>,
}

/// A number that a model can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum {
    /// The property's key.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether it has no fraction.
    pub integer: bool,
    /// The least that the model takes.
    pub least: Option<Number>,
    /// The most that the model takes.
    pub own: Option<Number>,
    /// What the model uses when nothing is said.
    pub default: Option<Number>,
    /// The most that the house allows, where it allows less.
    pub house: Option<Number>,
}

/// What can be changed of an entry; all of it is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntryChange {
    /// What people call it.
    pub label: String,
    /// The same in Japanese, where that is another.
    pub label_ja: Option<String>,
    /// One sentence about it, English.
    pub description: String,
    /// The same in Japanese.
    pub description_ja: Option<String>,
    /// What it is for.
    pub task: Task,
    /// What it costs from the next press on.
    pub price: Price,
    /// The most outputs in one request.
    pub max_count: i64,
    /// The most seconds that one request may hold.
    pub max_seconds: i64,
    /// Its place among the others.
    pub place: i64,
    /// Whether people can choose it.
    pub enabled: bool,
    /// Under what terms.
    pub license_url: Option<String>,
    /// A Cog server that runs it instead of Replicate.
    pub endpoint: Option<String>,
    /// Property → the most that may be asked for here.
    pub maxima: Map<String, Value>,
}

impl Maximum {
    /// Every number of a schema, with what the house has set for it. `schema` is the model's own, without those.
    pub fn all(schema: &Schema, house: &Map<String, Value>) -> Vec<Self> {
        schema.properties.iter().filter_map(|property| Self::of(property, house.get(&property.name))).collect()
    }

    fn of(property: &Property, house: Option<&Value>) -> Option<Self> {
        let Shape::Number(bounds) = &property.shape else { return None };
        let number = |value: &Value| if let Value::Number(number) = value { Some(number.clone()) } else { None };
        Some(Self {
            name: property.name.clone(),
            title: property.title.clone(),
            integer: bounds.integer,
            least: bounds.min.clone(),
            own: bounds.max.clone(),
            default: property.default.as_ref().and_then(number),
            house: house.and_then(number),
        })
    }

    /// The least maximum that leaves the model usable: what it takes at least, and what it uses when nothing is said.
    pub(super) fn floor(&self) -> Option<f64> {
        let numbers = [&self.least, &self.default].into_iter().flatten().filter_map(Number::as_f64);
        numbers.max_by(f64::total_cmp)
    }
}
