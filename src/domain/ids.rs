//! Newtypes for every id, so that a generation's can never be passed where a person's is meant.
//!
//! Ours are `UUIDv7` as lower-case text, made on the server, but for files', which are random; Replicate's are opaque.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps text that is known to be such an id: just minted, or read back from the database.
            pub fn trusted(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

id! {
    /// One request of a person.
    GenerationId,
    /// Somebody with an account here.
    PersonId,
    /// A ledger account, of a person or of the house.
    AccountId,
    /// Replicate's id of a run; never assume its alphabet.
    PredictionId,
    /// A model's `owner/name`.
    ModelName,
    /// A collection of a person's gallery.
    CollectionId,
    /// A key of somebody's program; not the key itself.
    ApiKeyId,
    /// Settings that somebody saved under a name.
    PresetId,
    /// A file that somebody sent us: 128 random bits as hexadecimal digits, so that none can be guessed.
    FileId,
    /// A link to a picture, as its owner's forms name it; what opens it is its seal.
    ShareId,
    /// The key that makes one press of the button one generation, unique per person.
    RequestKey,
}

impl GenerationId {
    /// Reads an id from a URL. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl CollectionId {
    /// Reads an id from a URL or a form. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl ApiKeyId {
    /// Reads an id from a URL or a form. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl PresetId {
    /// Reads an id from a URL. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl ShareId {
    /// Reads an id from a URL or a form. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl FileId {
    /// Reads an id from a URL or an input. `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(text.to_owned()))
    }
}

impl RequestKey {
    /// Longest accepted key, in bytes; the figure Stripe made customary.
    pub const MAX_LEN: usize = 255;

    /// Reads a key from a form or an `Idempotency-Key` header: 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (visible && (1..=Self::MAX_LEN).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The key of the `n`th generation, from 0, that one press asked for; the first has the press's own.
    #[must_use]
    pub fn nth(&self, n: usize) -> Self {
        if n == 0 { self.clone() } else { Self([&self.0, ".", &n.to_string()].concat()) }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_id_is_a_uuid_and_nothing_else() {
        assert!(GenerationId::parse("0193b1e4-7c1f-7000-8000-000000000001").is_some());
        for bad in ["", "1", "../../etc/passwd", "0193b1e47c1f70008000000000000001", "0193b1e4-7c1f-7000-8000-00000000000g"] {
            assert!(GenerationId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_request_key_is_visible_ascii_of_bounded_length() {
        assert!(RequestKey::parse("a-b_c").is_some());
        for bad in ["", " ", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(RequestKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
