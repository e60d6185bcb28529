//! The life of a generation: where it is, and where it may go.

use super::Failure;
use serde::{Deserialize, Serialize};

/// Where a generation is. The row that holds this word is the durable job itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Credits held, waiting to be admitted.
    Queued,
    /// The intent is committed; the paid call may be under way.
    Submitting,
    /// A prediction exists at Replicate. No lease, no slot.
    Waiting,
    /// The outputs are being copied into our store.
    Storing,
    /// Asked to stop.
    Canceling,
    /// Needs an operator; the deadline still runs.
    Parked,
    /// Outputs kept, hold captured for what was kept.
    Succeeded,
    /// Hold released, with a reason.
    Failed,
    /// Hold released, as asked.
    Canceled,
}

impl State {
    /// All states, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Submitting,
        Self::Waiting,
        Self::Storing,
        Self::Canceling,
        Self::Parked,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::Waiting => "waiting",
            Self::Storing => "storing",
            Self::Canceling => "canceling",
            Self::Parked => "parked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether this is an end: written once, together with the money, and never left.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// Whether a generation may step from here to `next`. Staying is always allowed while it lives.
    pub const fn may_become(self, next: Self) -> bool {
        use State::{Canceled, Canceling, Failed, Parked, Queued, Storing, Submitting, Succeeded, Waiting};
        match self {
            Queued => matches!(next, Queued | Submitting | Failed | Canceled | Parked),
            Submitting => matches!(next, Submitting | Queued | Waiting | Canceling | Storing | Failed | Canceled | Parked),
            Waiting => matches!(next, Waiting | Queued | Storing | Canceling | Failed | Canceled | Parked),
            Storing => matches!(next, Storing | Succeeded | Failed | Parked),
            Canceling => matches!(next, Canceling | Storing | Failed | Canceled | Parked),
            Parked => matches!(next, Parked | Queued | Submitting | Waiting | Storing | Canceling | Failed | Canceled),
            Succeeded | Failed | Canceled => false,
        }
    }
}

/// What people see of a [`State`]: the word on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for its turn.
    Queued,
    /// Being handed to the model, or the model is waking up.
    Starting,
    /// The model is at work.
    Rendering,
    /// The pictures are being kept.
    Saving,
    /// Being stopped.
    Canceling,
    /// Held up; we are looking into it, the deadline still protects the credits.
    Delayed,
    /// Kept.
    Succeeded,
    /// Did not work out; credits returned.
    Failed(Failure),
    /// Stopped; credits returned.
    Canceled,
}

impl Phase {
    /// A short word for attributes and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Rendering => "running",
            Self::Saving => "saving",
            Self::Canceling => "canceling",
            Self::Delayed => "delayed",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed(_) | Self::Canceled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_words_are_pinned_and_read_back() {
        let words: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
        assert_eq!(
            words,
            ["queued", "submitting", "waiting", "storing", "canceling", "parked", "succeeded", "failed", "canceled"]
        );
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        for class in Failure::ALL {
            assert_eq!(Failure::parse(class.as_str()), Some(class));
        }
    }

    #[test]
    fn an_end_is_never_left_and_only_storing_succeeds() {
        for from in State::ALL {
            for to in State::ALL {
                if from.is_terminal() {
                    assert!(!from.may_become(to), "{from:?} -> {to:?}");
                }
                if to == State::Succeeded {
                    assert_eq!(from.may_become(to), from == State::Storing, "{from:?} -> {to:?}");
                }
            }
        }
    }
}
