//! Text on its way into an address.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_nothing_in_a_query_stays_as_it_is() {
        assert_eq!(query_value("/g/1?i=2&x=あ b"), "/g/1%3Fi%3D2%26x%3D%E3%81%82%20b");
    }
}
