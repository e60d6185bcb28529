//! What a person asks for.

mod variants;

pub use variants::{MOST as MOST_VARIANTS, variants};

use serde::{Deserialize, Serialize};

/// A prompt: trimmed, not empty, at most [`Prompt::MAX_CHARS`] characters, without control characters but line breaks
/// and tabs. What is inside is otherwise exactly what was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompt(String);

/// Why a text is no prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptProblem {
    /// Nothing but white space.
    Empty,
    /// More than [`Prompt::MAX_CHARS`] characters.
    TooLong,
}

impl Prompt {
    /// The longest prompt, in characters. Models read far less; this bounds the row and the page.
    pub const MAX_CHARS: i64 = 4_000;

    /// Reads a prompt.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, PromptProblem> {
        let text: String = text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let text = text.trim();
        match i64::try_from(text.chars().count()) {
            Ok(0) => Err(PromptProblem::Empty),
            Ok(1..=Self::MAX_CHARS) => Ok(Self(text.to_owned())),
            _ => Err(PromptProblem::TooLong),
        }
    }

    /// The prompt as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_trimmed_and_bounded_in_characters() {
        assert_eq!(Prompt::parse("  夕焼けの海\r\n ").map(|p| p.0), Ok("夕焼けの海".to_owned()));
        assert_eq!(Prompt::parse(" \n\t "), Err(PromptProblem::Empty));
        assert_eq!(Prompt::parse("\0\u{7}"), Err(PromptProblem::Empty));
        assert!(Prompt::parse(&"海".repeat(4_000)).is_ok());
        assert_eq!(Prompt::parse(&"a".repeat(4_001)), Err(PromptProblem::TooLong));
    }
}
