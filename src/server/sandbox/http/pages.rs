//! Lists in pages, and the cursors that lead from one to the next.

use crate::server::protocol::Problem;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

/// A cursor to a place in a list.
pub(super) fn cursor(place: usize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("p={place}"))
}

/// The place a cursor leads to.
pub(super) fn place(cursor: &str) -> Result<usize, Problem> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.strip_prefix("p=")?.parse().ok()).ok_or_else(Problem::not_found)
}

/// The page of `all` that `cursor` leads to, of `size`; the addresses of its neighbours are `url` with what is in `kept`.
pub(super) fn page(all: &[Value], size: usize, cursor: Option<&str>, url: &str, kept: &[(&str, &str)]) -> Result<Value, Problem> {
    let size = size.max(1);
    let start = cursor.map_or(Ok(0), place)?.min(all.len());
    let end = (start + size).min(all.len());
    let to = |at: usize| {
        let query = Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", &self::cursor(at)).finish();
        format!("{url}?{query}")
    };
    let next = (end < all.len()).then(|| to(end));
    let previous = (start > 0).then(|| to(start.saturating_sub(size)));
    Ok(json!({ "next": next, "previous": previous, "results": all[start..end] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_to_each_other_and_end_at_both_ends() {
        let all: Vec<Value> = (0..5).map(|number| json!(number)).collect();
        let at = |cursor: Option<&str>| page(&all, 2, cursor, "http://host/v1/models", &[("sort_by", "a b")]).expect("a page");
        let first = at(None);
        assert_eq!((&first["results"], &first["previous"]), (&json!([0, 1]), &Value::Null));
        let next = format!("http://host/v1/models?sort_by=a+b&cursor={}", cursor(2));
        assert_eq!(first["next"], json!(next));
        let last = at(Some(&cursor(4)));
        assert_eq!((&last["results"], &last["next"]), (&json!([4]), &Value::Null));
        assert!(last["previous"].as_str().is_some_and(|url| url.ends_with(&cursor(2))), "{last}");
        assert_eq!(at(Some(&cursor(99)))["results"], json!([]));
        assert!(page(&all, 2, Some("nonsense"), "", &[]).is_err());
    }
}
