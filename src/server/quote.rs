//! The price that stands on a button is kept for ten minutes, whatever becomes of the catalogue meanwhile.
//!
//! A page that has the button carries the prices it was drawn with, sealed for one person. What is sealed is the price of
//! one unit of each model: with it every number that the button can show is fixed, whatever is chosen in the form. Nothing
//! is stored; a seal that is not ours, or has run out, is as if there were none, and then today's price counts.

use super::seal::{Opens, Seal};
use crate::domain::{Credits, Model, PersonId, Price, PriceRule, Timestamp};
use std::collections::HashMap;

/// How long a price is kept.
pub const KEPT_MS: i64 = 10 * 60 * 1_000;

/// Prices that were shown to somebody and still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote(HashMap<String, (PriceRule, Credits)>);

/// The prices of these models, sealed for a person: a word for a field of a form.
pub fn put(seal: &Seal, person: &PersonId, models: &[Model], now: Timestamp) -> String {
    let mut words = now.plus_ms(KEPT_MS).0.to_string();
    for model in models {
        let Price { rule, unit } = model.price;
        words = format!("{words}~{}*{}*{unit}", model.name, rule.as_str());
    }
    let tag = seal.tag(Opens::Prices, &sealed(person, &words));
    format!("{words}~{tag}")
}

impl Quote {
    /// Reads what a form brought back; no prices at all when it is not ours, not this person's, or too old.
    pub fn read(seal: &Seal, person: &PersonId, word: &str, now: Timestamp) -> Self {
        let Some((words, tag)) = word.rsplit_once('~') else { return Self::default() };
        if !seal.is_tag(Opens::Prices, &sealed(person, words), tag) {
            return Self::default();
        }
        let mut parts = words.split('~');
        let until = parts.next().and_then(|until| until.parse().ok()).map_or(Timestamp(0), Timestamp);
        if now > until {
            return Self::default();
        }
        let price = |part: &str| {
            let mut part = part.split('*');
            let (name, rule, unit) = (part.next()?, part.next()?, part.next()?);
            Some((name.to_owned(), (PriceRule::parse(rule)?, Credits(unit.parse().ok()?))))
        };
        Self(parts.filter_map(price).collect())
    }

    /// The model at the price that was shown, if that is the lower one; a price that fell is passed on at once.
    pub fn honour(&self, model: &Model) -> Model {
        let mut model = model.clone();
        match self.0.get(model.name.as_str()) {
            Some((rule, unit)) if *rule == model.price.rule && *unit < model.price.unit => model.price.unit = *unit,
            _ => {}
        }
        model
    }
}

fn sealed(person: &PersonId, words: &str) -> String {
    format!("{person}\n{words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn model(unit: i64) -> Model {
        let mut model = samples::model(&json!({"prompt": {"type": "string"}}));
        model.price.unit = Credits(unit);
        model
    }

    #[test]
    fn a_price_that_rose_is_the_one_that_was_shown_and_one_that_fell_is_todays() {
        let (seal, mika) = (Seal::of("one house"), PersonId::trusted("mika"));
        let word = put(&seal, &mika, &[model(3)], NOW);
        let quote = Quote::read(&seal, &mika, &word, NOW.plus_ms(KEPT_MS));
        assert_eq!([5, 3, 2].map(|today| quote.honour(&model(today)).price.unit.0), [3, 3, 2]);
        let mut by_run = model(5);
        by_run.price.rule = PriceRule::Run;
        assert_eq!(quote.honour(&by_run).price.unit.0, 5, "another thing is paid for");
    }

    #[test]
    fn a_quote_holds_for_ten_minutes_for_one_person_and_as_it_was_sealed() {
        let (seal, mika) = (Seal::of("one house"), PersonId::trusted("mika"));
        let word = put(&seal, &mika, &[model(3)], NOW);
        let nothing = Quote::default();
        assert_eq!(Quote::read(&seal, &mika, &word, NOW.plus_ms(KEPT_MS + 1)), nothing);
        assert_eq!(Quote::read(&seal, &PersonId::trusted("noor"), &word, NOW), nothing);
        assert_eq!(Quote::read(&Seal::of("another house"), &mika, &word, NOW), nothing);
        for forged in [word.replace("*3", "*1"), word.replace("1790000", "1990000"), String::new(), "~".into(), "x~y*z~".into()] {
            assert_eq!(Quote::read(&seal, &mika, &forged, NOW), nothing, "{forged}");
        }
    }
}
