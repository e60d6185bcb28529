//! What kind of output to expect, as far as a description tells: of a file it says that there will be one, never of what.

use super::reader::Reader;
use super::shape::{Format, Shape, TextRules};
use serde_json::{Map, Value, json};

/// A kind of output. What arrives may still be something else: a model's author can be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputKind {
    /// Addresses of files.
    Files {
        /// Whether there can be more than one; then they come as a list, or a list of lists.
        many: bool,
        /// Whether they arrive one after the other, while the model runs.
        grows: bool,
    },
    /// Words: one text, or pieces to be joined with nothing between them.
    Text {
        /// Whether they arrive piece by piece, while the model runs.
        grows: bool,
    },
    /// Values to be shown as they are.
    Json {
        /// Whether there are addresses of files somewhere inside.
        files: bool,
        /// Whether they arrive one after the other, while the model runs.
        grows: bool,
    },
    /// Nothing is said.
    #[default]
    Unknown,
}

impl OutputKind {
    pub(super) fn read(raw: &Value, schemas: &Value) -> Self {
        let reader = Reader::new(schemas);
        let flat = reader.resolved(raw);
        let says = |key: &str, word: &str| flat.get(key).is_some_and(|value| value == word);
        let grows = says("x-cog-array-type", "iterator");
        match reader.read(raw).0 {
            Shape::Any => Self::Unknown,
            Shape::Text(rules) if is_file(&rules) => Self::Files { many: false, grows: false },
            Shape::Text(_) => Self::Text { grows: false },
            Shape::List(rules) => match &rules.item {
                Shape::Text(item) if !is_file(item) && says("x-cog-array-display", "concatenate") => Self::Text { grows },
                item if is_files(item) => Self::Files { many: true, grows },
                item => Self::Json { files: has_file(item), grows },
            },
            shape => Self::Json { files: has_file(&shape), grows },
        }
    }

    /// A description that is read as this kind; `None` for [`OutputKind::Unknown`].
    pub(super) fn write(self) -> Option<Value> {
        let file = json!({ "type": "string", "format": "uri" });
        let (mut whole, grows) = match self {
            Self::Unknown => return None,
            Self::Files { many: false, .. } => (file, false),
            Self::Files { many: true, grows } => (list(&file), grows),
            Self::Text { grows: false } => (json!({ "type": "string" }), false),
            Self::Text { grows: true } => {
                let mut pieces = list(&json!({ "type": "string" }));
                pieces["x-cog-array-display"] = json!("concatenate");
                (pieces, true)
            }
            Self::Json { files, grows } => {
                let members = if files { Map::from_iter([("file".to_owned(), file)]) } else { Map::new() };
                let object = json!({ "type": "object", "properties": members });
                (if grows { list(&object) } else { object }, grows)
            }
        };
        if grows {
            whole["x-cog-array-type"] = json!("iterator");
        }
        Some(whole)
    }
}

fn list(item: &Value) -> Value {
    json!({ "type": "array", "items": item })
}

fn is_file(rules: &TextRules) -> bool {
    rules.format == Format::Uri
}

/// Whether it is nothing but files, in lists of any depth.
fn is_files(shape: &Shape) -> bool {
    match shape {
        Shape::Text(rules) => is_file(rules),
        Shape::List(rules) => is_files(&rules.item),
        Shape::OrNull(shape) => is_files(shape),
        _ => false,
    }
}

fn has_file(shape: &Shape) -> bool {
    match shape {
        Shape::Text(rules) => is_file(rules),
        Shape::List(rules) => has_file(&rules.item),
        Shape::OrNull(shape) => has_file(shape),
        Shape::AnyOf(shapes) => shapes.iter().any(has_file),
        Shape::Object(members) => members.iter().any(|member| has_file(&member.shape)),
        Shape::Any | Shape::Number(_) | Shape::Switch | Shape::Choice { .. } => false,
    }
}
