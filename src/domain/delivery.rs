//! Messages to people's programs, as their owner sees them.

use super::{GenerationId, Timestamp};

/// One message and how it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryView {
    /// `msg_…`, as the receiver hears it.
    pub id: String,
    /// What it tells of.
    pub generation: GenerationId,
    /// Where to.
    pub url: String,
    /// `start`, `output`, `logs` or `completed`.
    pub event: String,
    /// Whether somebody only tried the address.
    pub trial: bool,
    /// How the last try went.
    pub outcome: DeliveryOutcome,
    /// Tries so far.
    pub attempts: i64,
    /// How long the last one took, in milliseconds.
    pub took_ms: Option<i64>,
    /// When it was tried last, or else written down.
    pub at: Timestamp,
    /// When it is tried again, if it is.
    pub next_at: Option<Timestamp>,
}

/// How a try went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// There was none yet.
    Waiting,
    /// The receiver took it, with this status.
    Taken(i64),
    /// The receiver answered with another status.
    Refused(i64),
    /// There was no answer.
    Failed(DeliveryTrouble),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryTrouble {
    /// It took too long.
    Slow,
    /// Nobody could be reached.
    Unreachable,
    /// The address leads where nothing is sent.
    Address,
    /// It was too late to be worth telling.
    Stale,
    /// There was nothing to tell any more.
    Nothing,
}

impl DeliveryTrouble {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Slow, Self::Unreachable, Self::Address, Self::Stale, Self::Nothing];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Unreachable => "unreachable",
            Self::Address => "address",
            Self::Stale => "stale",
            Self::Nothing => "nothing to tell",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == word)
    }
}

/// An address that nothing more is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchedOff {
    /// The address.
    pub url: String,
    /// Whether it said itself that it is gone; otherwise it failed for a day.
    pub gone: bool,
    /// Since when.
    pub at: Timestamp,
}

/// What is wrong with an address that somebody wants to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialProblem {
    /// It is no https address.
    Address,
    /// There is nothing yet that could be told.
    NothingToTell,
    /// Too many were tried just now.
    TooMany,
}
