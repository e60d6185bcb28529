//! A person's own file: how a request names it, and why one is not taken.

use super::FileId;
use super::schema::{Violation, prefixed};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

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

/// Pixels along either side of a picture that is taken as a file, at most.
pub const MAX_SIDE: u32 = 8_192;

impl FileProblem {
    /// One of each.
    pub const SAMPLES: [Self; 13] = [
        Self::Missing,
        Self::Empty,
        Self::TooLarge(25),
        Self::TooWide(MAX_SIDE as i64),
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

/// Before the word, where a problem is a violation of an input.
const RULE: &str = "file_";

impl FileProblem {
    /// The same as something that is wrong with this property of an input.
    pub fn violation(self, property: &str) -> Violation {
        let kind = Cow::Owned(format!("{RULE}{}", self.as_str()));
        Violation { kind, field: prefixed(property), description: self.description() }
    }

    /// Reads what [`FileProblem::violation`] wrote.
    pub fn of(violation: &Violation) -> Option<Self> {
        let word = violation.kind.strip_prefix(RULE)?;
        let number = violation.description.split(' ').find_map(|part| part.parse().ok()).unwrap_or(0);
        let found = Self::SAMPLES.into_iter().find(|problem| problem.as_str() == word)?;
        Some(match found {
            Self::TooLarge(_) => Self::TooLarge(number),
            Self::TooWide(_) => Self::TooWide(number),
            Self::TooMany(_) => Self::TooMany(number),
            other => other,
        })
    }

    /// For programs; a sentence without a full stop, as all violations have.
    fn description(self) -> String {
        match self {
            Self::Missing => "A file is needed".into(),
            Self::Empty => "Must not be empty".into(),
            Self::TooLarge(megabytes) => format!("Must not be larger than {megabytes} MB"),
            Self::TooWide(pixels) => format!("Must not have more than {pixels} pixels along a side"),
            Self::Type => "Must be a picture, a film or a sound of a common type".into(),
            Self::Damaged => "Must be a file that can be read to its end".into(),
            Self::Interrupted => "Did not arrive whole".into(),
            Self::TooMany(most) => format!("No more than {most} files at once"),
            Self::Full => "As many files are kept as may be kept".into(),
            Self::Address => "Must be an https address on the open internet, a data URL or a file of yours".into(),
            Self::Unreachable => "Could not be fetched".into(),
            Self::Gone => "Must be a file of yours that is still there".into(),
            Self::InUse => "Is being worked from".into(),
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

    #[test]
    fn every_problem_is_read_back_from_the_violation_it_becomes() {
        for problem in FileProblem::SAMPLES {
            let violation = problem.violation("image");
            assert_eq!((FileProblem::of(&violation), violation.property()), (Some(problem), "image"));
        }
        let other = Violation { kind: "required".into(), ..FileProblem::Type.violation("image") };
        assert_eq!(FileProblem::of(&other), None);
    }
}
