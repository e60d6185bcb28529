//! The little of a model that the composer needs, and the price that stands on the button.

use crate::domain::{Credits, MAX_COUNT, Model, PriceRule};
use serde::Serialize;
use serde_json::Map;

/// A model as the composer reckons with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelChoice {
    /// `owner/name`.
    pub name: String,
    /// Credits for one unit.
    pub unit_price: Credits,
    /// What a unit is.
    pub rule: PriceRule,
    /// The most outputs in one request.
    pub max_count: i64,
    /// The field that says for how many seconds is paid; empty when none does.
    pub length: String,
    /// The seconds that are held when that field says nothing.
    pub seconds: i64,
    /// The most that are ever held.
    pub max_seconds: i64,
}

impl From<&Model> for ModelChoice {
    fn from(model: &Model) -> Self {
        let by_second = model.price.rule == PriceRule::Second;
        let length = model.seconds_name().filter(|_| by_second).map(|name| format!("input.{name}"));
        Self {
            name: model.name.as_str().to_owned(),
            unit_price: model.price.unit,
            rule: model.price.rule,
            max_count: if model.count_name().is_some() { model.max_count.min(MAX_COUNT) } else { 1 },
            length: length.unwrap_or_default(),
            seconds: if by_second { model.units(&Map::new()) } else { 0 },
            max_seconds: model.max_seconds,
        }
    }
}

/// What is chosen in the form, as far as it decides the price.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The chosen model's place in the list.
    pub model: usize,
    /// How many outputs.
    pub count: i64,
    /// How many units are to be paid for at most.
    pub units: i64,
}

impl Choice {
    /// Reads the form's fields; `field` tells one by its name. An unknown model is the first one, a count that is none of
    /// the model's is the nearest.
    pub fn read(models: &[ModelChoice], field: impl Fn(&str) -> String) -> Self {
        let name = field("model");
        let model = models.iter().position(|choice| choice.name == name).unwrap_or_default();
        let Some(chosen) = models.get(model) else { return Self { model, count: 1, units: 1 } };
        let count = field("count").parse().unwrap_or(1).clamp(1, chosen.max_count.max(1));
        let units = match chosen.rule {
            PriceRule::Run => 1,
            PriceRule::Output => count,
            PriceRule::Second => {
                let said = Some(&chosen.length).filter(|length| !length.is_empty()).map(|length| field(length));
                // Begun seconds are whole ones.
                let said = said.and_then(|said| {
                    said.split(['.', 's'])
                        .next()
                        .and_then(|whole| whole.trim().parse::<i64>().ok())
                        .map(|whole| whole + i64::from(said.contains('.')))
                });
                said.filter(|seconds| *seconds > 0).unwrap_or(chosen.seconds).min(chosen.max_seconds.max(1))
            }
        };
        Self { model, count, units }
    }

    /// The price; zero when there is no model to choose, and then nothing can be pressed.
    pub fn price(&self, models: &[ModelChoice]) -> Credits {
        models.get(self.model).and_then(|model| model.unit_price.checked_mul(self.units)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Vec<ModelChoice> {
        let model = |name: &str, unit_price, max_count, rule| ModelChoice {
            name: name.into(),
            unit_price: Credits(unit_price),
            rule,
            max_count,
            length: "input.duration".into(),
            seconds: 5,
            max_seconds: 10,
        };
        vec![
            model("a/quick", 1, 4, PriceRule::Output),
            model("a/fine", 6, 1, PriceRule::Output),
            model("a/film", 3, 1, PriceRule::Second),
            model("a/run", 7, 4, PriceRule::Run),
        ]
    }

    fn read(model: &str, count: &str, length: &str) -> Choice {
        Choice::read(&models(), |name| match name {
            "model" => model.to_owned(),
            "count" => count.to_owned(),
            _ => length.to_owned(),
        })
    }

    #[test]
    fn the_price_is_the_unit_price_times_the_units() {
        for (model, count, length, price) in [
            ("a/quick", "1", "", 1),
            ("a/quick", "4", "", 4),
            ("a/fine", "1", "", 6),
            ("a/film", "1", "7", 21),
            ("a/film", "1", "6.2", 21),
            ("a/film", "1", "", 15),
            ("a/film", "1", "99", 30),
            ("a/run", "4", "", 7),
        ] {
            assert_eq!(read(model, count, length).price(&models()), Credits(price), "{model} {count} {length}");
        }
    }

    #[test]
    fn a_count_that_the_model_cannot_make_is_the_nearest_it_can() {
        assert_eq!(read("a/fine", "4", "").count, 1);
        assert_eq!(read("a/quick", "99", "").count, 4);
        assert_eq!(read("a/quick", "-3", "").count, 1);
        assert_eq!(read("a/quick", "", "").count, 1);
    }

    #[test]
    fn without_a_catalogue_there_is_no_price() {
        assert_eq!(Choice::read(&[], |_| String::new()).price(&[]), Credits::ZERO);
    }
}
