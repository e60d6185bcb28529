//! What a model costs: whole credits, known before the press, never more than was held.

use super::Credits;
use serde::{Deserialize, Serialize};

/// What one unit of a model's price is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceRule {
    /// The run, whatever it makes.
    Run,
    /// Each output that is kept.
    #[default]
    Output,
    /// Each second of sound or film that is kept, begun ones whole.
    Second,
}

impl PriceRule {
    /// All rules.
    pub const ALL: [Self; 3] = [Self::Run, Self::Output, Self::Second];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Output => "output",
            Self::Second => "second",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }

    /// The units to pay for: of `held` units that were set aside, by what was kept. `seconds` is `None` when no file told
    /// how long it is; then what was asked for is what was made.
    pub fn units(self, held: i64, kept: i64, seconds: Option<i64>) -> i64 {
        let used = match self {
            _ if kept <= 0 => 0,
            Self::Run => 1,
            Self::Output => kept,
            Self::Second => seconds.unwrap_or(held).max(1),
        };
        used.min(held)
    }
}

/// A price as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What one unit is.
    pub rule: PriceRule,
    /// Credits for one unit.
    pub unit: Credits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_kept_costs_nothing_and_nothing_costs_more_than_was_held() {
        for rule in PriceRule::ALL {
            assert_eq!(PriceRule::parse(rule.as_str()), Some(rule));
            assert_eq!(rule.units(4, 0, Some(9)), 0);
            assert!(rule.units(4, 9, Some(9)) <= 4);
            assert!(rule.units(4, 1, Some(0)) >= 1, "what is kept costs something");
        }
        assert_eq!(PriceRule::Run.units(1, 3, None), 1);
        assert_eq!(PriceRule::Output.units(4, 3, None), 3);
        assert_eq!((PriceRule::Second.units(10, 1, Some(6)), PriceRule::Second.units(10, 1, None)), (6, 10));
    }
}
