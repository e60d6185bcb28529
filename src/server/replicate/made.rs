//! What a prediction made, apart: the files to fetch, in their order, and the shape they stood in.
//!
//! An output may be a link, a list of them, a list of lists, an object that mixes links with words and numbers, or no
//! link at all. Links die; so the shape is kept with a mark in the place of each, and whoever shows it puts our own
//! address there.

use crate::domain::OutputKind;
use serde_json::{Value, json};

/// Before the number of the file whose address belongs there.
pub const MARK: &str = "atelier:output:";

/// What a prediction made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// Links and `data:` URLs, in order.
    pub links: Vec<String>,
    /// The output, with a mark for each link; null for those beyond the most that are kept.
    pub shape: Value,
}

/// What of a shape is kept besides its files.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// What was written.
    Text(String),
    /// What was found out.
    Json(Value),
}

impl Made {
    /// Takes an output apart; at most `most` files of it are kept.
    pub fn of(output: &Value, most: usize) -> Self {
        let mut links = Vec::new();
        let shape = mark(output, most, &mut links);
        Self { links, shape }
    }

    /// Whether there is nothing in it of what such a model is asked for.
    pub fn is_empty(&self, kind: OutputKind) -> bool {
        self.links.is_empty() && document(&self.shape, kind).is_none()
    }
}

/// What is to be kept of a shape as a file of its own, beside those it has marks for. Of a model that makes files, nothing: a
/// sentence instead of a picture is no picture.
pub fn document(shape: &Value, kind: OutputKind) -> Option<Document> {
    if kind == OutputKind::Files || !has_words(shape) {
        return None;
    }
    Some(text(shape, kind).map_or_else(|| Document::Json(shape.clone()), Document::Text))
}

/// What is written so far: a string; the pieces of one, when the model is one that writes.
pub fn text(output: &Value, kind: OutputKind) -> Option<String> {
    match output {
        Value::String(text) if !is_link(text) && !text.starts_with(MARK) => Some(text.clone()),
        Value::Array(pieces) if kind == OutputKind::Text => {
            let pieces: Option<Vec<&str>> = pieces.iter().map(Value::as_str).collect();
            pieces.map(|pieces| pieces.concat())
        }
        _ => None,
    }
}

/// A shape with the addresses that `address` tells for its marks; null where a file was not kept.
pub fn with_addresses(shape: &Value, address: &impl Fn(i64) -> Option<String>) -> Value {
    match shape {
        Value::String(text) => match text.strip_prefix(MARK).and_then(|place| place.parse().ok()) {
            Some(place) => address(place).map_or(Value::Null, Value::String),
            None => shape.clone(),
        },
        Value::Array(items) => items.iter().map(|item| with_addresses(item, address)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, item)| (key.clone(), with_addresses(item, address)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn mark(value: &Value, most: usize, links: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) if is_link(text) && links.len() >= most => Value::Null,
        Value::String(text) if is_link(text) => {
            links.push(text.clone());
            json!(format!("{MARK}{}", links.len() - 1))
        }
        // Nobody may write our marks but we.
        Value::String(text) if text.starts_with(MARK) => json!(format!(" {text}")),
        Value::Array(items) => items.iter().map(|item| mark(item, most, links)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, item)| (key.clone(), mark(item, most, links))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn is_link(text: &str) -> bool {
    // A sentence that begins with an address is a sentence.
    let address = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme)) && !text.contains(char::is_whitespace);
    address || text.starts_with("data:") && text.contains(',')
}

/// Whether anything in it is neither a file nor nothing.
fn has_words(shape: &Value) -> bool {
    match shape {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && !text.starts_with(MARK),
        Value::Array(items) => items.iter().any(has_words),
        Value::Object(fields) => fields.values().any(has_words),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_any_shape_and_put_back_in_their_places() {
        let output =
            json!({"image": "https://a/1", "seed": 3, "more": [["data:image/png;base64,AA=="], null], "note": "see https://a"});
        let made = Made::of(&output, 9);
        assert_eq!(made.links, ["https://a/1", "data:image/png;base64,AA=="]);
        let ours = with_addresses(&made.shape, &|place| (place == 0).then(|| "/files/0".to_owned()));
        assert_eq!(ours, json!({"image": "/files/0", "seed": 3, "more": [[null], null], "note": "see https://a"}));
        assert!(matches!(document(&made.shape, OutputKind::Data), Some(Document::Json(_))));
        assert_eq!(document(&made.shape, OutputKind::Files), None);
    }

    #[test]
    fn files_alone_need_no_document_and_beyond_the_most_none_is_kept() {
        let made = Made::of(&json!(["https://a/1", "https://a/2", "https://a/3"]), 2);
        assert_eq!((made.links.len(), &made.shape), (2, &json!(["atelier:output:0", "atelier:output:1", null])));
        assert_eq!(document(&made.shape, OutputKind::Data), None);
        for nothing in [json!(null), json!(""), json!([]), json!([null, ""]), json!({})] {
            assert!(Made::of(&nothing, 9).is_empty(OutputKind::Data), "{nothing}");
        }
    }

    #[test]
    fn words_are_something_only_where_no_file_was_asked_for() {
        let made = Made::of(&json!("a sentence"), 9);
        assert!(made.is_empty(OutputKind::Files) && !made.is_empty(OutputKind::Data));
    }

    #[test]
    fn pieces_are_one_text_only_where_a_model_writes() {
        let pieces = json!(["Once", " upon", " a time"]);
        assert_eq!(text(&pieces, OutputKind::Text).as_deref(), Some("Once upon a time"));
        assert_eq!(document(&pieces, OutputKind::Data), Some(Document::Json(pieces.clone())));
        assert_eq!(document(&json!("a caption"), OutputKind::Data), Some(Document::Text("a caption".to_owned())));
        assert_eq!(document(&json!(42), OutputKind::Data), Some(Document::Json(json!(42))));
    }

    #[test]
    fn a_model_cannot_write_our_marks() {
        let made = Made::of(&json!(["atelier:output:0"]), 9);
        assert_eq!(with_addresses(&made.shape, &|_| Some("stolen".to_owned())), json!([" atelier:output:0"]));
    }
}
