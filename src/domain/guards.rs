//! What a person lets be spent: limits of their own, which they set and lift themselves.

use super::Credits;
use super::request::number;
use serde::{Deserialize, Serialize};

/// A person's limits; `None` means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Credits in any 24 hours, at most.
    pub daily_cap: Option<Credits>,
    /// A press that costs more than this is asked about once.
    pub ask_above: Option<Credits>,
    /// With less than this to spend, every page says so.
    pub warn_below: Option<Credits>,
}

/// One of the limits, as forms and problems name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `daily_cap`
    DailyCap,
    /// `ask_above`
    AskAbove,
    /// `warn_below`
    WarnBelow,
}

/// The form for them as it arrived. An empty field lifts the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardsForm {
    /// A whole number from 1.
    pub daily_cap: String,
    /// A whole number from 0: to be asked about everything.
    pub ask_above: String,
    /// A whole number from 1.
    pub warn_below: String,
}

impl GuardsForm {
    /// The form that says what is so.
    pub fn of(guards: &Guards) -> Self {
        let said = |limit: Option<Credits>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        Self { daily_cap: said(guards.daily_cap), ask_above: said(guards.ask_above), warn_below: said(guards.warn_below) }
    }

    /// Reads it; full-width digits count.
    ///
    /// # Errors
    /// With each field that is no number of its kind.
    pub fn parse(&self) -> Result<Guards, Vec<Guard>> {
        /// More than anybody has; sums of it still fit.
        const MOST: i64 = 1_000_000_000;
        let mut wrong = Vec::new();
        let mut read = |text: &str, least: i64, guard: Guard| {
            let limit = number(text, least..=MOST);
            if limit.is_err() {
                wrong.push(guard);
            }
            limit.ok().flatten().map(Credits)
        };
        let guards = Guards {
            daily_cap: read(&self.daily_cap, 1, Guard::DailyCap),
            ask_above: read(&self.ask_above, 0, Guard::AskAbove),
            warn_below: read(&self.warn_below, 1, Guard::WarnBelow),
        };
        if wrong.is_empty() { Ok(guards) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_lifts_a_limit_and_full_width_digits_set_one() {
        let form = GuardsForm { daily_cap: "５０".into(), ask_above: "0".into(), warn_below: " ".into() };
        let guards = Guards { daily_cap: Some(Credits(50)), ask_above: Some(Credits(0)), warn_below: None };
        assert_eq!(form.parse(), Ok(guards));
        assert_eq!(GuardsForm::of(&guards).parse(), Ok(guards));
    }

    #[test]
    fn every_field_that_is_no_number_is_named() {
        let form = GuardsForm { daily_cap: "0".into(), ask_above: "-1".into(), warn_below: "many".into() };
        assert_eq!(form.parse(), Err(vec![Guard::DailyCap, Guard::AskAbove, Guard::WarnBelow]));
    }
}
