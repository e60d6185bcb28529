//! What is wrong with an input, in the words Replicate answers: its checker is a Go library whose error types and English
//! texts these are.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One rule that an input breaks; as JSON, an entry of `invalid_fields`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule: `required`, `invalid_type`, `enum`, `number_lte`, …; `json` is our own, for text that is no JSON.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// A dotted path from `input` on; of a missing key, its parent.
    pub field: String,
    /// A sentence without a full stop.
    pub description: String,
}

impl Violation {
    pub(super) fn new(kind: &'static str, path: &str, description: String) -> Self {
        let field = if path.is_empty() { "input".to_owned() } else { format!("input.{path}") };
        Self { kind: Cow::Borrowed(kind), field, description }
    }

    /// `parent` is empty for the input itself.
    pub(super) fn missing(parent: &str, name: &str) -> Self {
        Self::new("required", parent, format!("{name} is required"))
    }

    /// The property it is about; empty when it is about the input as a whole.
    pub fn property(&self) -> &str {
        match self.field.strip_prefix("input.") {
            Some(path) => path.split('.').next().unwrap_or_default(),
            None => self.description.strip_suffix(" is required").unwrap_or_default(),
        }
    }

    /// Whether it is to be shown at this property: about its value, something inside, or its absence.
    pub fn is_at(&self, property: &str) -> bool {
        match self.field.strip_prefix("input") {
            Some("") => self.kind == "required" && self.description.strip_suffix(" is required") == Some(property),
            Some(path) => {
                let rest = path.strip_prefix('.').and_then(|path| path.strip_prefix(property));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            None => false,
        }
    }
}

/// All of them as the one text that Replicate calls `detail`: a line each.
pub fn detail(violations: &[Violation]) -> String {
    violations.iter().fold(String::new(), |mut text, Violation { field, description, .. }| {
        text.push_str("- ");
        if !field.is_empty() {
            text.push_str(field);
            text.push_str(": ");
        }
        text.push_str(description);
        text.push('\n');
        text
    })
}
