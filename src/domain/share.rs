//! A link to one picture for whoever is given it: what it shows and how long it lives.
//!
//! Nothing is shared unless its owner says so, and then the picture alone for thirty days; each word more is asked for.

use super::{GenerationId, OutputView, ShareId, Timestamp};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long a link lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Term {
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// Thirty days; what a form begins with.
    #[default]
    Month,
    /// Until it is revoked.
    Never,
}

impl Term {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Never];

    /// The word in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "1",
            Self::Week => "7",
            Self::Month => "30",
            Self::Never => "never",
        }
    }

    /// Reads the word; an empty one is the default. `None` when it is no choice of ours.
    pub fn parse(word: &str) -> Option<Self> {
        if word.is_empty() { Some(Self::default()) } else { Self::ALL.into_iter().find(|term| term.as_str() == word) }
    }

    /// When a link of this term, made now, ends by itself.
    pub const fn ends(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Day => Some(now.plus_ms(DAY_MS)),
            Self::Week => Some(now.plus_ms(7 * DAY_MS)),
            Self::Month => Some(now.plus_ms(30 * DAY_MS)),
            Self::Never => None,
        }
    }
}

/// What a link is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareWish {
    /// Which of the outputs, from 0.
    pub place: i64,
    /// How long.
    pub term: Term,
    /// Whether it shows the prompt.
    pub prompt: bool,
    /// Whether it shows the model, the seed and the settings.
    pub settings: bool,
}

/// A link as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareView {
    /// Its id, in forms.
    pub id: ShareId,
    /// The whole address, to be copied.
    pub address: String,
    /// Which generation it shows a picture of.
    pub generation: GenerationId,
    /// The picture; `None` when it is not there any more.
    pub output: Option<OutputView>,
    /// What the picture is of, for its owner.
    pub prompt: String,
    /// Whether it shows the prompt.
    pub with_prompt: bool,
    /// Whether it shows the settings.
    pub with_settings: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself; `None` for never.
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lives_thirty_days_unless_something_else_was_chosen() {
        let now = Timestamp(1_000);
        assert_eq!(Term::parse(""), Some(Term::Month));
        assert_eq!(Term::default().ends(now), Some(now.plus_ms(30 * DAY_MS)));
        assert_eq!(Term::parse("never").and_then(|term| term.ends(now)), None);
        for term in Term::ALL {
            assert_eq!(Term::parse(term.as_str()), Some(term));
        }
        assert_eq!(Term::parse("31"), None);
    }
}
