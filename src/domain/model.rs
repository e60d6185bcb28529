//! An entry of the catalogue: what it takes, what it makes, what it costs.
//!
//! A few things every model may have are asked for the same way everywhere: what to make, its shape, how many, and the
//! seed. Which property of a model's schema each of them is, is decided here and nowhere else; every other property has a
//! control of its own.

use super::schema::{self, Control, Property, Schema};
use super::{AspectRatio, Credits, ModelName, OutputKind, Price, PriceRule, Task};
use serde_json::{Map, Value, json};

/// What models call the number of outputs.
const COUNTS: [&str; 6] = ["num_outputs", "num_images", "number_of_images", "max_images", "batch_size", "n"];
/// What models call the length of what they make, in seconds.
const SECONDS: [&str; 4] = ["duration", "seconds", "length", "video_length"];

/// A model people can choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `owner/name`.
    pub name: ModelName,
    /// What people call it.
    pub label: String,
    /// One sentence about it, English.
    pub description: String,
    /// The same in Japanese, where somebody wrote it.
    pub label_ja: Option<String>,
    /// The same in Japanese, where somebody wrote it.
    pub description_ja: Option<String>,
    /// The pinned version, 64 hex digits; for an official model, what its schema was read from.
    pub version: Option<String>,
    /// Whether it is run by its name, whatever its version is.
    pub official: bool,
    /// A version that Replicate has and this entry has not been moved to.
    pub newest_version: Option<String>,
    /// What it is for.
    pub task: Task,
    /// What it costs.
    pub price: Price,
    /// The most outputs in one request.
    pub max_count: i64,
    /// The most seconds that one request may hold, where seconds are paid for.
    pub max_seconds: i64,
    /// What it takes and gives, within what the house allows.
    pub schema: Schema,
    /// A picture of what it makes.
    pub cover_url: Option<String>,
    /// Under what terms.
    pub license_url: Option<String>,
    /// A Cog server that runs it instead of Replicate.
    pub endpoint: Option<String>,
}

/// How a model is told the shape of what it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// By a word in `aspect_ratio`.
    Ratio,
    /// By `width` and `height`.
    Pixels,
    /// Not at all, or in words of its own.
    Own,
}

impl Model {
    /// The version to run; `None` for an official model, which runs by its name.
    pub fn pinned(&self) -> Option<&str> {
        self.version.as_deref().filter(|_| !self.official)
    }

    /// The units of the price that an input asks for: all of them are held.
    pub fn units(&self, input: &Map<String, Value>) -> i64 {
        match self.price.rule {
            PriceRule::Run => 1,
            PriceRule::Output => self.number(input, self.count_name()).unwrap_or(1).clamp(1, self.max_count.max(1)),
            PriceRule::Second => {
                let most = self.max_seconds.max(1);
                self.number(input, self.seconds_name()).filter(|seconds| *seconds > 0).unwrap_or(most).min(most)
            }
        }
    }

    /// The price of so many units; `None` when it does not fit.
    pub fn price_of(&self, units: i64) -> Option<Credits> {
        self.price.unit.checked_mul(units)
    }

    /// What it makes.
    pub fn kind(&self) -> OutputKind {
        self.schema.output.into()
    }

    /// The property in which people say what they want.
    pub fn prompt_name(&self) -> Option<&str> {
        self.schema.prompt().map(|property| property.name.as_str())
    }

    /// The property that says how many, where several can be had at once.
    pub fn count_name(&self) -> Option<&str> {
        self.first_number(&COUNTS).filter(|_| self.max_count > 1)
    }

    /// The property that says how long.
    pub fn seconds_name(&self) -> Option<&str> {
        SECONDS.into_iter().find(|name| self.schema.property(name).is_some())
    }

    /// Whether the model's randomness can be fixed.
    pub fn takes_seed(&self) -> bool {
        self.schema.property("seed").is_some_and(Property::is_seed)
    }

    /// The shapes this model can be asked for in our words; none when it has its own way.
    pub fn aspects(&self) -> Vec<AspectRatio> {
        match self.shape() {
            Shape::Ratio => AspectRatio::ALL.into_iter().filter(|ratio| self.ratios().contains(&ratio.as_str())).collect(),
            Shape::Pixels => AspectRatio::ALL.to_vec(),
            Shape::Own => Vec::new(),
        }
    }

    /// The properties that are asked for in our own words, so that nobody is asked for them twice.
    pub fn promoted(&self) -> Vec<&str> {
        let ratio = (self.shape() == Shape::Ratio).then_some("aspect_ratio");
        let seed = self.takes_seed().then_some("seed");
        [self.prompt_name(), self.count_name(), ratio, seed].into_iter().flatten().collect()
    }

    /// The properties that hold files.
    pub fn file_names(&self) -> Vec<&str> {
        let holds = |control: &Control| matches!(control, Control::File { .. } | Control::Files { .. });
        self.schema
            .properties
            .iter()
            .filter(|property| holds(&property.control()))
            .map(|property| property.name.as_str())
            .collect()
    }

    /// Puts the shape into an input, in the model's own way. Pixels that somebody chose themselves stay.
    pub fn put_aspect(&self, input: &mut Map<String, Value>, aspect: AspectRatio) {
        match self.shape() {
            Shape::Ratio => {
                input.insert("aspect_ratio".to_owned(), json!(aspect));
            }
            Shape::Pixels if !input.contains_key("width") && !input.contains_key("height") => {
                let (width, height) = aspect.pixels();
                input.insert("width".to_owned(), json!(width));
                input.insert("height".to_owned(), json!(height));
            }
            Shape::Pixels | Shape::Own => {}
        }
    }

    /// The shape that an input asks for, as near as we can tell: room is made for it before it is there.
    pub fn aspect_of(&self, input: &Map<String, Value>) -> AspectRatio {
        let value = |name: &str| input.get(name).or_else(|| self.schema.property(name)?.default.as_ref());
        let number = |name: &str| value(name).and_then(Value::as_f64);
        let named = value("aspect_ratio").and_then(Value::as_str).and_then(AspectRatio::parse);
        let sized = || number("width").zip(number("height")).map(|(width, height)| AspectRatio::nearest(width, height));
        let film = || (self.task == Task::Video).then_some(AspectRatio::Wide);
        named.or_else(sized).or_else(film).unwrap_or_default()
    }

    fn shape(&self) -> Shape {
        let ratios = self.ratios();
        if !ratios.is_empty() && ratios.iter().all(|ratio| AspectRatio::parse(ratio).is_some()) {
            Shape::Ratio
        } else if ratios.is_empty() && self.is_number("width") && self.is_number("height") {
            Shape::Pixels
        } else {
            Shape::Own
        }
    }

    /// What may stand in `aspect_ratio`.
    fn ratios(&self) -> Vec<&str> {
        match self.schema.property("aspect_ratio").map(|property| &property.shape) {
            Some(schema::Shape::Choice { values, .. }) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn is_number(&self, name: &str) -> bool {
        self.schema
            .property(name)
            .is_some_and(|property| matches!(property.control(), Control::Range { .. } | Control::Number { .. }))
    }

    fn first_number(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.is_number(name))
    }

    /// What an input says under a name, or the model's default for it; a number that came as text counts.
    fn number(&self, input: &Map<String, Value>, name: Option<&str>) -> Option<i64> {
        let name = name?;
        let value = input.get(name).or_else(|| self.schema.property(name)?.default.as_ref())?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().trim_end_matches('s').parse().ok())?;
        // Saturating, and begun units are whole ones.
        #[expect(clippy::cast_possible_truncation, reason = "clamped by every caller")]
        Some(number.ceil() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;

    fn input(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_shape_is_said_in_the_models_own_way() {
        let by_ratio = model(&json!({"aspect_ratio": {"type": "string", "enum": ["1:1", "16:9"]}}));
        let by_size = model(&json!({"width": {"type": "integer"}, "height": {"type": "integer"}}));
        let its_own = model(&json!({"aspect_ratio": {"type": "string", "enum": ["match_input_image", "1:1"]}}));
        let told = |model: &Model| {
            let mut input = Map::new();
            model.put_aspect(&mut input, AspectRatio::Wide);
            Value::Object(input)
        };
        assert_eq!(told(&by_ratio), json!({"aspect_ratio": "16:9"}));
        assert_eq!(told(&by_size), json!({"width": 1344, "height": 768}));
        assert_eq!(told(&its_own), json!({}));
        assert_eq!((by_ratio.aspects().len(), by_size.aspects().len(), its_own.aspects().len()), (2, 11, 0));
        assert_eq!(by_size.aspect_of(&input(&json!({"width": 640, "height": 1100}))), AspectRatio::Tall);
        assert_eq!(its_own.promoted(), Vec::<&str>::new());
    }

    #[test]
    fn what_is_held_is_what_was_asked_for_and_never_more_than_the_house_allows() {
        let mut several =
            model(&json!({"num_outputs": {"type": "integer", "default": 2}, "duration": {"type": "integer", "default": 5}}));
        several.max_seconds = 8;
        let units = |model: &Model, value: Value| model.units(&input(&value));
        assert_eq!(
            [json!({}), json!({"num_outputs": 3}), json!({"num_outputs": 99})].map(|value| units(&several, value)),
            [2, 3, 4]
        );
        several.price.rule = PriceRule::Second;
        assert_eq!(
            [json!({}), json!({"duration": 7}), json!({"duration": "6s"}), json!({"duration": -1}), json!({"duration": 60})]
                .map(|value| units(&several, value)),
            [5, 7, 6, 8, 8]
        );
        several.price.rule = PriceRule::Run;
        assert_eq!(units(&several, json!({"num_outputs": 4})), 1);
    }
}
