//! Text on its way into an address and out of one.

use std::fmt::Write;

/// Text as a value in a query string: everything that could mean something there becomes `%` and two digits.
pub fn query_value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(escaped, "%{byte:02X}").unwrap_or_default();
        }
    }
    escaped
}

/// The names and values of a query string, in its order. What is no text is read as far as it is one.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.trim_start_matches('?').split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(|(name, value)| (plain(name), plain(value))).collect()
}

fn plain(escaped: &str) -> String {
    let bytes = escaped.as_bytes();
    let mut read = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = escaped.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(meant) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            read.push(meant);
            at += 3;
        } else {
            read.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_nothing_in_a_query_stays_as_it_is() {
        assert_eq!(query_value("/g/1?i=2&x=あ b"), "/g/1%3Fi%3D2%26x%3D%E3%81%82%20b");
    }

    #[test]
    fn what_was_written_is_read_back_and_nothing_hostile_stops_it() {
        let written = format!("a={}&b", query_value("1+1 = 2&あ%"));
        assert_eq!(query_pairs(&written), [("a".to_owned(), "1+1 = 2&あ%".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(query_pairs("?a=b+c&&=%4"), [("a".to_owned(), "b c".to_owned()), (String::new(), "%4".to_owned())]);
        assert_eq!(query_pairs("a=%E3%"), [("a".to_owned(), "\u{fffd}%".to_owned())]);
        assert_eq!(query_pairs("a=%あ%2").len(), 1);
    }
}
