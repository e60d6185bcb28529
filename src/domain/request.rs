//! A press of the button: read from a form or from JSON, checked field by field.

use super::{AspectRatio, Credits, Model, ModelName, Prompt, RequestKey, prompt::PromptProblem};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The most pictures one request may ask of any model.
pub const MAX_COUNT: i64 = 4;

/// What arrived, before anything is believed. Every field is text, as a form sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RawRequest {
    /// The key that makes this press one generation.
    pub request_key: String,
    /// `owner/name`; empty means the first of the catalogue.
    pub model: String,
    /// The prompt.
    pub prompt: String,
    /// `w:h`; empty means square.
    pub aspect_ratio: String,
    /// How many pictures; empty means one.
    pub count: String,
    /// Empty means that the model picks.
    pub seed: String,
    /// The price that stood on the button; empty when there was no button.
    pub quoted_price: String,
}

/// A request that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// See [`RawRequest::request_key`].
    pub key: RequestKey,
    /// A model of the catalogue.
    pub model: ModelName,
    /// What to make.
    pub prompt: Prompt,
    /// Its shape.
    pub aspect: AspectRatio,
    /// How many, 1 to the model's maximum.
    pub count: i64,
    /// Fixed randomness, if asked for.
    pub seed: Option<i64>,
    /// The price the person saw, if they saw one: never charge more.
    pub quoted: Option<Credits>,
}

/// A field of the request, as forms and errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `prompt`
    Prompt,
    /// `model`
    Model,
    /// `aspect_ratio`
    AspectRatio,
    /// `count`
    Count,
    /// `seed`
    Seed,
    /// `request_key`
    RequestKey,
    /// `quoted_price`
    QuotedPrice,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 7] =
        [Self::Prompt, Self::Model, Self::AspectRatio, Self::Count, Self::Seed, Self::RequestKey, Self::QuotedPrice];

    /// The name in forms and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Model => "model",
            Self::AspectRatio => "aspect_ratio",
            Self::Count => "count",
            Self::Seed => "seed",
            Self::RequestKey => "request_key",
            Self::QuotedPrice => "quoted_price",
        }
    }
}

/// What is wrong with a field; `text` has the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Nothing was given.
    Required,
    /// More than this many characters.
    TooLong(i64),
    /// Not one of the choices, or not readable.
    Invalid,
    /// Not a whole number from 1 to this.
    NotInRange(i64),
}

/// A field and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// Where.
    pub field: Field,
    /// What.
    pub problem: Problem,
}

/// Why a request was not taken. Nothing was charged and nothing recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something is wrong at these fields.
    Fields(Vec<FieldProblem>),
    /// Not enough credits.
    Insufficient {
        /// What the person has to spend.
        available: Credits,
        /// What it costs.
        price: Credits,
    },
    /// The price rose since the page was shown.
    PriceChanged {
        /// What stood on the button.
        quoted: Credits,
        /// What it costs now.
        price: Credits,
    },
    /// The key was used before for a different request.
    KeyReused,
    /// The key of the program may not spend that much more this month.
    KeyCapReached {
        /// What it may spend in a month.
        cap: Credits,
        /// What is left of that.
        left: Credits,
    },
    /// The key of the program was revoked, or ran out, while the request was on its way.
    KeyEnded,
    /// Too many generations are waiting already.
    TooManyQueued {
        /// The most that may wait.
        limit: i64,
    },
}

impl RawRequest {
    /// Checks every field against the catalogue and reports all problems at once.
    ///
    /// # Errors
    /// With a [`FieldProblem`] for each field that cannot be used.
    pub fn parse<'a>(&self, catalogue: &'a [Model]) -> Result<(Request, &'a Model), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut note = |field, problem| problems.push(FieldProblem { field, problem });

        let key = RequestKey::parse(self.request_key.trim());
        if key.is_none() {
            note(Field::RequestKey, Problem::Invalid);
        }
        let model = match self.model.trim() {
            "" => catalogue.first(),
            name => catalogue.iter().find(|model| model.name.as_str() == name),
        };
        if model.is_none() {
            note(Field::Model, Problem::Invalid);
        }
        let prompt = Prompt::parse(&self.prompt)
            .map_err(|problem| match problem {
                PromptProblem::Empty => note(Field::Prompt, Problem::Required),
                PromptProblem::TooLong => note(Field::Prompt, Problem::TooLong(Prompt::MAX_CHARS)),
            })
            .ok();
        let aspect = match self.aspect_ratio.trim() {
            "" => Some(AspectRatio::default()),
            text => AspectRatio::parse(text).filter(|ratio| model.is_none_or(|model| model.aspects().contains(ratio))),
        };
        if aspect.is_none() {
            note(Field::AspectRatio, Problem::Invalid);
        }
        let most = model.map_or(MAX_COUNT, |model| model.max_count.min(MAX_COUNT));
        let count = number(&self.count, 1..=most).map_err(|problem| note(Field::Count, problem));
        let seed = number(&self.seed, 0..=u32::MAX.into()).map_err(|problem| note(Field::Seed, problem));
        let quoted = number(&self.quoted_price, 0..=i64::MAX).map_err(|_| note(Field::QuotedPrice, Problem::Invalid));

        match (key, model, prompt, aspect, count, seed, quoted) {
            (Some(key), Some(model), Some(prompt), Some(aspect), Ok(count), Ok(seed), Ok(quoted)) => {
                let (count, quoted) = (count.unwrap_or(1), quoted.map(Credits));
                Ok((Request { key, model: model.name.clone(), prompt, aspect, count, seed, quoted }, model))
            }
            _ => Err(problems),
        }
    }
}

/// A whole number of a range; `None` when nothing was given. Full-width digits count.
pub(super) fn number(text: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Problem> {
    let text: String = text.trim().chars().map(narrow).collect();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or(Problem::NotInRange(*range.end()))
}

/// The ASCII digit of a full-width one, as Japanese keyboards type it.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::tests::model;

    fn raw() -> RawRequest {
        RawRequest { request_key: "k".into(), prompt: "a lighthouse".into(), ..RawRequest::default() }
    }

    fn problems(raw: &RawRequest) -> Vec<(Field, Problem)> {
        let catalogue = [model(&["prompt"])];
        raw.parse(&catalogue).err().unwrap_or_default().into_iter().map(|p| (p.field, p.problem)).collect()
    }

    #[test]
    fn a_prompt_alone_is_one_square_picture_of_the_first_model() {
        let catalogue = [model(&["prompt"])];
        let (request, model) = raw().parse(&catalogue).expect("a request");
        assert_eq!((request.count, request.aspect, &request.model), (1, AspectRatio::Square, &model.name));
        assert_eq!(request.quoted, None);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let bad = RawRequest {
            request_key: String::new(),
            model: "no/such".into(),
            prompt: " ".into(),
            aspect_ratio: "7:1".into(),
            count: "99".into(),
            seed: "x".into(),
            quoted_price: "-1".into(),
        };
        assert_eq!(
            problems(&bad),
            [
                (Field::RequestKey, Problem::Invalid),
                (Field::Model, Problem::Invalid),
                (Field::Prompt, Problem::Required),
                (Field::AspectRatio, Problem::Invalid),
                (Field::Count, Problem::NotInRange(4)),
                (Field::Seed, Problem::NotInRange(4_294_967_295)),
                (Field::QuotedPrice, Problem::Invalid),
            ]
        );
    }

    #[test]
    fn counts_outside_one_to_the_maximum_are_refused_and_full_width_digits_read() {
        for bad in ["0", "-4", "5", "1.5", "9223372036854775808"] {
            assert_eq!(problems(&RawRequest { count: bad.into(), ..raw() }), [(Field::Count, Problem::NotInRange(4))], "{bad}");
        }
        let catalogue = [model(&["prompt"])];
        let (request, _) = RawRequest { count: "４".into(), seed: "１２".into(), ..raw() }.parse(&catalogue).expect("a request");
        assert_eq!((request.count, request.seed), (4, Some(12)));
    }
}
