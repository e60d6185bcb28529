//! The little of a model that the composer needs, and the price that stands on the button.

use crate::domain::{AspectRatio, Credits, Model};
use serde::Serialize;

/// A model as the composer offers it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelChoice {
    /// `owner/name`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Credits for one picture.
    pub unit_price: Credits,
    /// The most pictures in one request.
    pub max_count: i64,
    /// The shapes it can make.
    pub aspects: Vec<AspectRatio>,
}

impl From<&Model> for ModelChoice {
    fn from(model: &Model) -> Self {
        Self {
            name: model.name.as_str().to_owned(),
            label: model.label.clone(),
            unit_price: model.unit_price,
            max_count: model.max_count,
            aspects: model.aspects(),
        }
    }
}

/// What is chosen in the form, as far as it decides the price.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The chosen model's place in the list.
    pub model: usize,
    /// How many pictures.
    pub count: i64,
}

impl Choice {
    /// Reads the form's fields. An unknown model is the first one, a count that is none of the model's is the nearest.
    pub fn read(models: &[ModelChoice], model: &str, count: &str) -> Self {
        let model = models.iter().position(|choice| choice.name == model).unwrap_or_default();
        let most = models.get(model).map_or(1, |choice| choice.max_count);
        Self { model, count: count.parse().unwrap_or(1).clamp(1, most.max(1)) }
    }

    /// The price; zero when there is no model to choose, and then nothing can be pressed.
    pub fn price(&self, models: &[ModelChoice]) -> Credits {
        models.get(self.model).and_then(|model| model.unit_price.checked_mul(self.count)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Vec<ModelChoice> {
        let model = |name: &str, unit_price, max_count| ModelChoice {
            name: name.into(),
            label: name.into(),
            unit_price: Credits(unit_price),
            max_count,
            aspects: AspectRatio::ALL.to_vec(),
        };
        vec![model("a/quick", 1, 4), model("a/fine", 6, 1)]
    }

    #[test]
    fn the_price_is_the_unit_price_times_the_count() {
        for (model, count, price) in [("a/quick", "1", 1), ("a/quick", "4", 4), ("a/fine", "1", 6)] {
            assert_eq!(Choice::read(&models(), model, count).price(&models()), Credits(price), "{model} {count}");
        }
    }

    #[test]
    fn a_count_that_the_model_cannot_make_is_the_nearest_it_can() {
        assert_eq!(Choice::read(&models(), "a/fine", "4").count, 1);
        assert_eq!(Choice::read(&models(), "a/quick", "99").count, 4);
        assert_eq!(Choice::read(&models(), "a/quick", "-3").count, 1);
        assert_eq!(Choice::read(&models(), "a/quick", "").count, 1);
    }

    #[test]
    fn without_a_catalogue_there_is_no_price() {
        assert_eq!(Choice::read(&[], "a/quick", "2").price(&[]), Credits::ZERO);
    }
}
