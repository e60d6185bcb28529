//! `data:` URLs: a file written into its own address, as base64.

use base64::{Engine, prelude::BASE64_STANDARD};

/// Why there is no file in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not written as such a URL is.
    #[error("{0}")]
    Malformed(String),
    /// It holds more than allowed.
    #[error("it holds more than {limit} bytes")]
    TooLarge {
        /// The bytes allowed.
        limit: u64,
    },
}

/// Whether a text wants to be one.
pub fn is_one(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The bytes in `data:image/png;base64,…`. What it says about their type is passed over.
///
/// # Errors
/// See [`Unreadable`].
pub fn decode(url: &str, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let data = if is_one(url) { &url[5..] } else { url };
    let (kind, encoded) = data.split_once(',').ok_or_else(|| Unreadable::Malformed("it has no comma".to_owned()))?;
    if !kind.ends_with(";base64") {
        return Err(Unreadable::Malformed("it is not base64".to_owned()));
    }
    if encoded.len() as u64 / 4 * 3 > limit.saturating_add(3) {
        return Err(Unreadable::TooLarge { limit });
    }
    BASE64_STANDARD.decode(encoded).map_err(|error| Unreadable::Malformed(error.to_string()))
}

/// Writes bytes as such a URL.
pub fn encode(content_type: &str, bytes: &[u8]) -> String {
    format!("data:{content_type};base64,{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_that_is_cut_or_too_long_is() {
        let url = encode("image/png", b"twelve bytes");
        assert_eq!(decode(&url, 12), Ok(b"twelve bytes".to_vec()));
        assert_eq!(decode(&url.replace("data:", "DATA:"), 12), Ok(b"twelve bytes".to_vec()));
        assert_eq!(decode(&encode("image/png", &[0; 64]), 32), Err(Unreadable::TooLarge { limit: 32 }));
        for bad in ["data:", "data:image/png", "data:image/png,plain", "data:image/png;base64,a", "data:;base64,%%%%"] {
            assert!(matches!(decode(bad, 12), Err(Unreadable::Malformed(_))), "{bad}");
        }
        assert!(!is_one("https://example.com/data:") && !is_one("dät") && is_one("data:,"));
    }
}
