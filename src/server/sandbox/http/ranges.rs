//! Which part of a file is asked for.

use axum::http::{HeaderMap, header};
use std::ops::Range;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: no part is asked for, or several, or the file is not the one the caller knows.
    Whole,
    /// These bytes; there is at least one.
    Part(Range<usize>),
    /// What is not there.
    Nothing,
}

/// Reads `Range` and `If-Range` for a file of `length` bytes.
pub(super) fn asked(headers: &HeaderMap, etag: &str, length: usize) -> Asked {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|known| known != etag) {
        return Asked::Whole;
    }
    let Some((first, last)) = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes=")?.split_once('-')) else {
        return Asked::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().unwrap_or(usize::MAX));
    let part = match (first, last) {
        ("", "") => return Asked::Whole,
        ("", last) => number(last).map(|count| length.saturating_sub(count)..length),
        (first, "") => number(first).map(|first| first..length),
        (first, last) => number(first).zip(number(last)).map(|(first, last)| first..last.saturating_add(1)),
    };
    match part {
        // What cannot be read, a list of ranges or one that ends before it begins, is no range at all.
        None => Asked::Whole,
        Some(part) if part.start > part.end && part.start < length => Asked::Whole,
        Some(part) if part.start >= length => Asked::Nothing,
        Some(part) => Asked::Part(part.start..part.end.min(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_all_their_forms() {
        let read = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().expect("a value"));
            asked(&headers, "\"e\"", 10)
        };
        for (range, part) in
            [("bytes=0-3", 0..4), ("bytes=4-", 4..10), ("bytes=-3", 7..10), ("bytes=9-99", 9..10), ("bytes=-99", 0..10)]
        {
            assert_eq!(read(range), Asked::Part(part), "{range}");
        }
        for range in ["bytes=10-", "bytes=99999999999999999999-", "bytes=-0"] {
            assert_eq!(read(range), Asked::Nothing, "{range}");
        }
        for range in ["bytes=0-1,4-5", "bytes=a-", "items=0-1", "bytes=-", "bytes=5-2"] {
            assert_eq!(read(range), Asked::Whole, "{range}");
        }
        assert_eq!(asked(&HeaderMap::new(), "", 10), Asked::Whole);
    }

    #[test]
    fn a_file_that_has_changed_is_sent_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=2-".parse().expect("a value"));
        headers.insert(header::IF_RANGE, "\"old\"".parse().expect("a value"));
        assert_eq!(asked(&headers, "\"new\"", 10), Asked::Whole);
        assert_eq!(asked(&headers, "\"old\"", 10), Asked::Part(2..10));
    }
}
