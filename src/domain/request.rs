//! A press of the button or a call of the API: read from a form or from JSON, checked whole against the model's schema.

use super::schema::{self, Violation};
use super::{AspectRatio, Credits, GenerationId, Model, ModelName, Parent, Prompt, RequestKey, prompt::PromptProblem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The most outputs one request may ask of any model by the page's own count.
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
    /// The sealed prices of the page the button stood on; empty when there was none.
    #[serde(skip)]
    pub quote: String,
    /// The price the person was asked about and said yes to; empty when they were not asked.
    #[serde(skip)]
    pub confirmed: String,
    /// The controls of the model's own, as `schema::prefixed` names them, in the order of the form.
    #[serde(skip)]
    pub controls: Vec<(String, String)>,
}

/// A request that can be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// See [`RawRequest::request_key`].
    pub key: RequestKey,
    /// A model of the catalogue.
    pub model: ModelName,
    /// What the model is told; accepted by its schema.
    pub input: Map<String, Value>,
    /// What to make, in the person's words, for galleries; empty when the model takes none.
    pub prompt: String,
    /// The shape it will have, as near as we can tell.
    pub aspect: AspectRatio,
    /// The units that are held.
    pub units: i64,
    /// Fixed randomness, if asked for.
    pub seed: Option<i64>,
    /// The price the person saw, if they saw one: never charge more.
    pub quoted: Option<Credits>,
    /// What it is made from, if anything; the database knows whether that is this person's.
    pub parent: Option<Parent>,
    /// The price they were asked about and said yes to.
    pub confirmed: Option<Credits>,
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
    /// More prompts in one than this many.
    TooMany(i64),
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
    /// Something is wrong with what the model would be told.
    Input(Vec<Violation>),
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
    /// It costs more than the person lets be spent without being asked. Pressing again says yes.
    AskFirst {
        /// What they want to be asked above.
        above: Credits,
        /// What it costs.
        price: Credits,
    },
    /// The person lets no more be spent in 24 hours.
    DailyCapReached {
        /// What they let be spent.
        cap: Credits,
        /// What is left of that.
        left: Credits,
    },
    /// Too many generations are waiting already.
    TooManyQueued {
        /// The most that may wait.
        limit: i64,
    },
}

impl Request {
    /// A request of a program: an input in the model's own words. What the model does not know is dropped.
    ///
    /// # Errors
    /// With everything that is wrong with the input.
    pub fn of_input(
        key: RequestKey,
        model: &Model,
        input: &Map<String, Value>,
        matches: schema::Matches,
    ) -> Result<Self, Vec<Violation>> {
        let violations = model.schema.violations_by(input, matches);
        if !violations.is_empty() {
            return Err(violations);
        }
        let input = model.schema.kept(input);
        let prompt = model.prompt_name().and_then(|name| input.get(name)).and_then(Value::as_str).unwrap_or_default();
        let most = usize::try_from(Prompt::MAX_CHARS).unwrap_or(usize::MAX);
        Ok(Self {
            key,
            model: model.name.clone(),
            // The model is told it as it came; but no database column has room for this one character.
            prompt: prompt.chars().filter(|c| *c != '\0').take(most).collect(),
            aspect: model.aspect_of(&input),
            units: model.units(&input),
            seed: input.get("seed").and_then(Value::as_i64),
            quoted: None,
            parent: None,
            confirmed: None,
            input,
        })
    }
}

impl RawRequest {
    /// The field that names the generation a form was filled from; among the controls, since no model has it.
    pub const REMIX_OF: &str = "remix_of";

    /// Reads what a form sent, in its order.
    pub fn of_form(fields: Vec<(String, String)>) -> Self {
        let mut raw = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "request_key" => raw.request_key = value,
                "model" => raw.model = value,
                "prompt" => raw.prompt = value,
                "aspect_ratio" => raw.aspect_ratio = value,
                "count" => raw.count = value,
                "seed" => raw.seed = value,
                "quoted_price" => raw.quoted_price = value,
                "quote" => raw.quote = value,
                "confirmed" => raw.confirmed = value,
                _ => raw.controls.push((name, value)),
            }
        }
        raw
    }

    /// What a form says to ask for this input again; without its seed, which would make the same once more.
    pub fn of_input(model: &Model, input: &Map<String, Value>) -> Self {
        let said = |name: Option<&str>| name.and_then(|name| input.get(name)).map(schema::label).unwrap_or_default();
        let aspect = (!model.aspects().is_empty()).then(|| model.aspect_of(input).as_str().to_owned());
        let by_pixels = aspect.is_some() && !input.contains_key("aspect_ratio");
        let mut raw = Self {
            model: model.name.to_string(),
            prompt: said(model.prompt_name()),
            aspect_ratio: aspect.unwrap_or_default(),
            count: said(model.count_name()),
            controls: model.schema.fill(input),
            ..Self::default()
        };
        let promoted = model.promoted();
        let stands_elsewhere = |name: &str| promoted.contains(&name) || by_pixels && matches!(name, "width" | "height");
        raw.controls.retain(|(field, _)| field.strip_prefix("input.").is_none_or(|name| !stands_elsewhere(name)));
        raw
    }

    /// Remembers whose settings the form was filled with, so that the press says so.
    pub fn note_remix(&mut self, of: &GenerationId) {
        self.controls.push((Self::REMIX_OF.to_owned(), of.to_string()));
    }

    /// Whose settings the form was filled with.
    pub fn remix_of(&self) -> Option<GenerationId> {
        let (_, id) = self.controls.iter().find(|(name, _)| name == Self::REMIX_OF)?;
        GenerationId::parse(id)
    }

    /// The same wish for another model: what fits stays, and what does not is named.
    pub fn carried(self, from: &Model, to: &Model) -> (Self, Vec<String>) {
        let mut input = Map::new();
        for property in &from.schema.properties {
            let alone = schema::Schema {
                properties: vec![schema::Property { required: false, ..property.clone() }],
                ..schema::Schema::default()
            };
            input.extend(alone.read(&self.controls).unwrap_or_default());
        }
        let promoted = to.promoted();
        let (mut kept, dropped) = to.schema.carry(&input);
        kept.retain(|name, _| !promoted.contains(&name.as_str()));
        let is_default =
            |name: &String| from.schema.property(name).is_some_and(|property| property.default.as_ref() == input.get(name));
        let dropped = dropped.into_iter().filter(|name| !is_default(name) && !promoted.contains(&name.as_str())).collect();
        let mut carried = Self { model: to.name.to_string(), controls: to.schema.fill(&kept), ..self.clone() };
        if let Some(of) = self.remix_of() {
            carried.note_remix(&of);
        }
        (carried, dropped)
    }

    /// The model it names, or the first of the catalogue when it names none.
    pub fn choose<'a>(&self, catalogue: &'a [Model]) -> Option<&'a Model> {
        match self.model.trim() {
            "" => catalogue.first(),
            name => catalogue.iter().find(|model| model.name.as_str() == name),
        }
    }

    /// Checks every field against the catalogue and reports all problems at once.
    ///
    /// # Errors
    /// [`Refusal::Fields`] for the fields that every model has, [`Refusal::Input`] for the model's own.
    pub fn parse<'a>(&self, catalogue: &'a [Model], matches: schema::Matches) -> Result<(Request, &'a Model), Refusal> {
        let mut problems = Vec::new();
        let mut note = |field, problem| problems.push(FieldProblem { field, problem });

        let key = RequestKey::parse(self.request_key.trim());
        if key.is_none() {
            note(Field::RequestKey, Problem::Invalid);
        }
        let model = self.choose(catalogue);
        if model.is_none() {
            note(Field::Model, Problem::Invalid);
        }
        let takes_words = model.is_none_or(|model| model.prompt_name().is_some());
        let prompt = match Prompt::parse(&self.prompt) {
            Ok(prompt) => takes_words.then_some(prompt),
            Err(PromptProblem::Empty) if !takes_words => None,
            Err(PromptProblem::Empty) => {
                note(Field::Prompt, Problem::Required);
                None
            }
            Err(PromptProblem::TooLong) => {
                note(Field::Prompt, Problem::TooLong(Prompt::MAX_CHARS));
                None
            }
        };
        let has_shapes = |model: &Model| !model.aspects().is_empty();
        let aspect = match self.aspect_ratio.trim() {
            "" => Some(AspectRatio::default()),
            // The picker stands in the form before a model that has no use for it is chosen.
            _ if model.is_some_and(|model| !has_shapes(model)) => Some(AspectRatio::default()),
            text => AspectRatio::parse(text).filter(|ratio| model.is_none_or(|model| model.aspects().contains(ratio))),
        };
        if aspect.is_none() {
            note(Field::AspectRatio, Problem::Invalid);
        }
        let most = model.map_or(MAX_COUNT, |model| model.max_count.min(MAX_COUNT));
        let count = number(&self.count, 1..=most).map_err(|problem| note(Field::Count, problem));
        let seed = number(&self.seed, 0..=u32::MAX.into()).map_err(|problem| note(Field::Seed, problem));
        let quoted = number(&self.quoted_price, 0..=i64::MAX).map_err(|_| note(Field::QuotedPrice, Problem::Invalid));

        match (key, model, aspect, count, seed, quoted) {
            (Some(key), Some(model), Some(aspect), Ok(count), Ok(seed), Ok(quoted)) if problems.is_empty() => {
                let mut fields = self.controls.clone();
                let mut say = |name: Option<&str>, value: String| fields.extend(name.map(|name| (schema::prefixed(name), value)));
                if let Some(prompt) = &prompt {
                    say(model.prompt_name(), prompt.as_str().to_owned());
                }
                say(model.count_name(), count.unwrap_or(1).to_string());
                if let Some(seed) = seed {
                    say(model.takes_seed().then_some("seed"), seed.to_string());
                }
                let mut input = model.schema.read(&fields).map_err(Refusal::Input)?;
                // Square when nothing is said, unless the model knows no square.
                if model.aspects().contains(&aspect) {
                    model.put_aspect(&mut input, aspect);
                }
                let request = Request::of_input(key, model, &input, matches).map_err(Refusal::Input)?;
                // What cannot be read is no yes; they are asked again.
                let confirmed = number(&self.confirmed, 0..=i64::MAX).ok().flatten().map(Credits);
                let parent = self.remix_of().map(Parent::Remix);
                Ok((Request { quoted: quoted.map(Credits), confirmed, parent, ..request }, model))
            }
            _ => Err(Refusal::Fields(problems)),
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
    use crate::domain::samples::model;
    use serde_json::json;

    fn raw() -> RawRequest {
        RawRequest { request_key: "k".into(), prompt: "a lighthouse".into(), ..RawRequest::default() }
    }

    fn picture() -> Model {
        model(&json!({
            "prompt": {"type": "string"}, "seed": {"type": "integer"},
            "aspect_ratio": {"type": "string", "enum": ["1:1", "16:9"]}, "num_outputs": {"type": "integer", "default": 1},
            "steps": {"type": "integer", "minimum": 1, "maximum": 4},
        }))
    }

    fn parse(raw: &RawRequest) -> Result<Request, Refusal> {
        raw.parse(&[picture()], |_, _| true).map(|(request, _)| request)
    }

    fn problems(raw: &RawRequest) -> Vec<(Field, Problem)> {
        match parse(raw) {
            Err(Refusal::Fields(problems)) => problems.into_iter().map(|p| (p.field, p.problem)).collect(),
            other => panic!("no field is refused: {other:?}"),
        }
    }

    #[test]
    fn a_prompt_alone_is_one_square_picture_of_the_first_model() {
        let request = parse(&raw()).expect("a request");
        assert_eq!((request.units, request.aspect, request.model.as_str()), (1, AspectRatio::Square, "owner/name"));
        assert_eq!(Value::Object(request.input), json!({"prompt": "a lighthouse", "aspect_ratio": "1:1", "num_outputs": 1}));
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
            ..RawRequest::default()
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
        let request = parse(&RawRequest { count: "４".into(), seed: "１２".into(), ..raw() }).expect("a request");
        assert_eq!((request.units, request.seed), (4, Some(12)));
    }

    #[test]
    fn the_models_own_controls_are_checked_by_its_schema() {
        let steps = |text: &str| parse(&RawRequest { controls: vec![("input.steps".into(), text.into())], ..raw() });
        assert_eq!(steps("３").expect("a request").input.get("steps"), Some(&json!(3)));
        match steps("9") {
            Err(Refusal::Input(violations)) => assert_eq!(violations[0].field, "input.steps"),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_model_that_takes_no_words_asks_for_none() {
        let upscaler = [model(&json!({"image": {"type": "string", "format": "uri"}, "scale": {"type": "number"}}))];
        let silent = RawRequest { prompt: String::new(), ..raw() };
        let (request, _) = silent.parse(&upscaler, |_, _| true).expect("a request");
        assert_eq!((request.prompt.as_str(), request.input.len()), ("", 0));
    }
}
