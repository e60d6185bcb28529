//! A person's own file: how a request names it, and why one is not taken.

use super::FileId;
use serde::{Deserialize, Serialize};

/// Before the id, where an input names a file of ours.
const MARK: &str = "atelier:file:";

impl FileId {
    /// How a generation's input names this file. What the person gave, an address perhaps, is never stored there.
    pub fn mark(&self) -> String {
        format!("{MARK}{self}")
    }

    /// Reads what [`FileId::mark`] wrote.
    pub fn marked(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix(MARK)?)
    }
}

/// Why a file is not taken; `text` has the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileProblem {
    /// The request holds none, or is no form with a file.
    Missing,
    /// It has no bytes.
    Empty,
    /// It has more than so many megabytes.
    TooLarge(i64),
    /// A picture with more than so many pixels along a side.
    TooWide(i64),
    /// Its bytes are of no type that is taken, whatever its name says.
    Type,
    /// It breaks off, or cannot be read.
    Damaged,
    /// Its sender stopped in the middle.
    Interrupted,
    /// So many of this person are on their way already.
    TooMany(i64),
    /// This person keeps as many as may be kept.
    Full,
    /// Its address is not one that is asked: not https, or not on the open internet.
    Address,
    /// Nothing could be had at its address.
    Unreachable,
    /// It is not, or no longer, one of this person's.
    Gone,
    /// A generation that has not ended works from it.
    InUse,
}

impl FileProblem {
    /// One of each.
    pub const SAMPLES: [Self; 13] = [
        Self::Missing,
        Self::Empty,
        Self::TooLarge(25),
        Self::TooWide(8_192),
        Self::Type,
        Self::Damaged,
        Self::Interrupted,
        Self::TooMany(4),
        Self::Full,
        Self::Address,
        Self::Unreachable,
        Self::Gone,
        Self::InUse,
    ];

    /// The word that programs are told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::TooLarge(_) => "too_large",
            Self::TooWide(_) => "too_wide",
            Self::Type => "type",
            Self::Damaged => "damaged",
            Self::Interrupted => "interrupted",
            Self::TooMany(_) => "too_many",
            Self::Full => "full",
            Self::Address => "address",
            Self::Unreachable => "unreachable",
            Self::Gone => "gone",
            Self::InUse => "in_use",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_nothing_that_only_looks_like_one() {
        let id = FileId::parse("00112233445566778899aabbccddeeff").expect("an id");
        assert_eq!(FileId::marked(&id.mark()), Some(id));
        for bad in [
            "",
            "atelier:file:",
            "atelier:file:../../x",
            "atelier:file:00112233445566778899AABBCCDDEEFF",
            "file:00112233445566778899aabbccddeeff",
        ] {
            assert_eq!(FileId::marked(bad), None, "{bad}");
        }
    }
}
