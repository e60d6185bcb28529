//! What a value must be.

use super::number;
use serde_json::{Number, Value};

/// What a value must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// Anything: what was not understood.
    #[default]
    Any,
    /// A text.
    Text(TextRules),
    /// A number.
    Number(Bounds),
    /// True or false.
    Switch,
    /// One of these values.
    Choice {
        /// The type that was stated beside them, if one was.
        kind: Option<Kind>,
        /// Never empty, none twice, none null.
        values: Vec<Value>,
    },
    /// Values in order.
    List(Box<ListRules>),
    /// Names and values; unknown names are accepted.
    Object(Vec<Member>),
    /// At least one of these.
    AnyOf(Vec<Shape>),
    /// This, or null. Only inside others: a property says so itself.
    OrNull(Box<Shape>),
}

/// What a text must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextRules {
    /// Fewest characters.
    pub least: Option<u64>,
    /// Most characters.
    pub most: Option<u64>,
    /// A regular expression. Nothing here reads one: see [`super::Matches`].
    pub pattern: Option<String>,
    /// What the text is.
    pub format: Format,
}

/// What a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Words.
    #[default]
    Plain,
    /// The address of a file.
    Uri,
    /// A password or token.
    Secret,
}

/// What a number must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Without a fraction; `2.0` has none.
    pub integer: bool,
    /// The least that is accepted.
    pub min: Option<Number>,
    /// The greatest that is accepted.
    pub max: Option<Number>,
    /// It must be greater than this.
    pub above: Option<Number>,
    /// It must be less than this.
    pub below: Option<Number>,
    /// It must be a multiple of this, which is greater than 0.
    pub multiple: Option<Number>,
}

/// What a list must be.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRules {
    /// Every item.
    pub item: Shape,
    /// Fewest items.
    pub least: Option<u64>,
    /// Most items.
    pub most: Option<u64>,
    /// Whether no item may come twice.
    pub unique: bool,
}

/// A known name of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// What its value must be.
    pub shape: Shape,
}

/// The types of JSON Schema, as messages name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `string`
    String,
    /// `array`
    Array,
    /// `object`
    Object,
}

impl Kind {
    const ALL: [Self; 7] = [Self::Null, Self::Boolean, Self::Integer, Self::Number, Self::String, Self::Array, Self::Object];

    /// Its name in JSON Schema.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// The narrowest type of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number::is_whole(number) => Self::Integer,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// Whether a value is of this type: every integer is a number.
    pub fn fits(self, value: &Value) -> bool {
        let kind = Self::of(value);
        kind == self || self == Self::Number && kind == Self::Integer
    }

    /// The type of that name.
    pub(super) fn read(name: &Value) -> Option<Self> {
        let name = name.as_str()?;
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
