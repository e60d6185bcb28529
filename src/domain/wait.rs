//! Why a queued generation has not been let into flight yet.

use serde::{Deserialize, Serialize};

/// The first thing that keeps it; when that goes, there may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Its turn: so many go first.
    Turn(i64),
    /// So many of its owner's are running, which is as many as one person may have.
    OwnLimit(i64),
    /// As many of this model are running as there may be.
    ModelLimit,
    /// As many are running as there may be in all.
    HouseLimit,
    /// The provider takes no more calls just now.
    Throttled,
    /// A call did not get through; it is made again in a moment.
    Retrying,
    /// An operator paused everything, this model or this person.
    Paused,
    /// The provider does not answer, or refuses our account.
    Trouble,
}

impl Wait {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turn(_) => "turn",
            Self::OwnLimit(_) => "own_limit",
            Self::ModelLimit => "model_limit",
            Self::HouseLimit => "house_limit",
            Self::Throttled => "throttled",
            Self::Retrying => "retrying",
            Self::Paused => "paused",
            Self::Trouble => "trouble",
        }
    }
}
