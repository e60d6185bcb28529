//! Why a generation failed, as a person is told it. The upstream's own words stay with the operator.

use serde::{Deserialize, Serialize};

/// The class of a failure; each has one sentence in `text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The model's safety filter stopped it.
    Safety,
    /// The model refused the input.
    InvalidInput,
    /// The model ran and failed.
    ModelFailed,
    /// The provider was overloaded or interrupted the run, more than once.
    ProviderBusy,
    /// It was not ready by its deadline.
    Timeout,
    /// The model finished, but what it made could not be fetched whole.
    OutputLost,
    /// Our own fault.
    Internal,
}

impl Failure {
    /// All classes.
    pub const ALL: [Self; 7] = [
        Self::Safety,
        Self::InvalidInput,
        Self::ModelFailed,
        Self::ProviderBusy,
        Self::Timeout,
        Self::OutputLost,
        Self::Internal,
    ];

    /// The stored word, also what the API answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::InvalidInput => "invalid_input",
            Self::ModelFailed => "model_failed",
            Self::ProviderBusy => "provider_busy",
            Self::Timeout => "timeout",
            Self::OutputLost => "output_lost",
            Self::Internal => "internal",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}
