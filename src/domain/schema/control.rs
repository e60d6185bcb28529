//! Which control shows a property.

use super::number;
use super::shape::{Bounds, Format, ListRules, Shape};
use super::{Property, form};
use serde_json::{Number, Value};

/// A choice of at most so many values is shown whole.
const SEGMENTS: usize = 5;
/// A slider over more whole steps than this helps nobody; such bounds are those of seeds.
const LONGEST_SLIDER: f64 = 1_000_000.0;
/// A default so long, in bytes, asks for more than one line.
const LONG_TEXT: usize = 80;

/// A control, with what is needed to draw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Control<'a> {
    /// Words, in one line or many.
    Text {
        /// Whether line breaks are likely.
        multiline: bool,
    },
    /// At most five values, all shown, to pick one. [`super::label`] makes their text.
    Segmented(&'a [Value]),
    /// Values to pick one from a list.
    Select(&'a [Value]),
    /// A slider, with a number field beside it that also takes what lies between the slider's steps.
    Range {
        /// The slider's start, which is accepted.
        min: f64,
        /// Its end, which is accepted.
        max: f64,
        /// From one place of the slider to the next.
        step: f64,
        /// Whether only whole numbers are accepted.
        integer: bool,
    },
    /// A number field.
    Number {
        /// Whether only whole numbers are accepted.
        integer: bool,
        /// The least, if there is one.
        min: Option<f64>,
        /// The greatest, if there is one.
        max: Option<f64>,
    },
    /// On or off.
    Switch,
    /// One file, by its address.
    File {
        /// What it is likely to be.
        accept: Accept,
    },
    /// Several files, by their addresses.
    Files {
        /// What they are likely to be.
        accept: Accept,
    },
    /// A password or token: typed unseen, never shown again.
    Secret,
    /// Values to pick any number of.
    Checks(&'a [Value]),
    /// Any number of texts, each in a field of its own.
    Texts,
    /// Any number of numbers, each in a field of its own.
    Numbers,
    /// JSON, checked when it is read.
    Json {
        /// Whether words that are not JSON are taken as a text.
        text: bool,
    },
}

/// What a file is likely to be. A hint for the file picker, guessed from words; the model decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// No idea.
    #[default]
    Any,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound.
    Audio,
}

impl Accept {
    /// For the `accept` attribute; empty for [`Accept::Any`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Image => "image/*",
            Self::Video => "video/*",
            Self::Audio => "audio/*",
        }
    }
}

impl Property {
    /// The number that its value has to be a multiple of, where there is one: stated in the schema, or, of a number of pixels,
    /// in its description alone.
    pub fn multiple(&self) -> Option<f64> {
        let Shape::Number(bounds) = &self.shape else { return None };
        let stated = bounds.multiple.as_ref().and_then(Number::as_f64);
        let said = || {
            let after = ["multiple of ", "divisible by "].iter().find_map(|words| self.description.split_once(words))?.1;
            let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok().filter(|multiple| *multiple > 0.0)
        };
        let is_size = self.name.contains("width") || self.name.contains("height");
        stated.or_else(|| is_size.then(said).flatten())
    }

    /// The one control that shows it.
    pub fn control(&self) -> Control<'_> {
        match &self.shape {
            Shape::Text(rules) => match rules.format {
                Format::Plain => Control::Text { multiline: self.is_long_text() },
                Format::Uri => Control::File { accept: self.accept() },
                Format::Secret => Control::Secret,
            },
            Shape::Number(bounds) => number_control(bounds),
            Shape::Choice { values, .. } if !form::are_told_apart(values) => Control::Json { text: false },
            Shape::Choice { values, .. } if values.len() <= SEGMENTS => Control::Segmented(values),
            Shape::Choice { values, .. } => Control::Select(values),
            Shape::Switch => Control::Switch,
            Shape::List(rules) => self.list_control(rules),
            Shape::AnyOf(shapes) => Control::Json { text: shapes.iter().any(is_plain_text) },
            Shape::Any | Shape::Object(_) | Shape::OrNull(_) => Control::Json { text: false },
        }
    }

    fn list_control<'a>(&'a self, rules: &'a ListRules) -> Control<'a> {
        match &rules.item {
            Shape::Text(item) if item.format == Format::Uri => Control::Files { accept: self.accept() },
            Shape::Text(item) if item.format == Format::Plain => Control::Texts,
            Shape::Number(_) => Control::Numbers,
            Shape::Choice { values, .. } if form::are_told_apart(values) => Control::Checks(values),
            _ => Control::Json { text: false },
        }
    }

    fn is_long_text(&self) -> bool {
        const LONG: [&str; 9] =
            ["prompt", "text", "lyrics", "caption", "description", "instruction", "template", "message", "script"];
        let default = self.default.as_ref().and_then(Value::as_str).unwrap_or_default();
        default.len() > LONG_TEXT || default.contains('\n') || LONG.iter().any(|word| self.name.contains(word))
    }

    /// By the words of its name, else by those of its description. Words that speak of two kinds say nothing.
    fn accept(&self) -> Accept {
        const WORDS: [(Accept, &[&str]); 3] = [
            (Accept::Image, &["image", "img", "photo", "picture", "mask", "portrait"]),
            (Accept::Video, &["video"]),
            (Accept::Audio, &["audio", "song", "music", "sound", "voice", "speech", "speaker"]),
        ];
        for text in [&self.name, &self.description] {
            let text = text.to_ascii_lowercase();
            let mut meant = WORDS.iter().filter(|(_, words)| words.iter().any(|word| text.contains(word)));
            match (meant.next(), meant.next()) {
                _ if ["zip", ".tar", "archive"].iter().any(|word| text.contains(word)) => return Accept::Any,
                (Some((accept, _)), None) => return *accept,
                (Some(_), Some(_)) => return Accept::Any,
                (None, _) => {}
            }
        }
        Accept::Any
    }
}

fn is_plain_text(shape: &Shape) -> bool {
    matches!(shape, Shape::Text(rules) if rules.format == Format::Plain)
}

fn number_control(bounds: &Bounds) -> Control<'static> {
    let integer = bounds.integer;
    let (min, max) = (least(bounds), greatest(bounds));
    match (min, max) {
        // A slider's ends can be chosen, so a bound that is itself excluded has none.
        (Some(min), Some(max)) if min < max && (integer || bounds.above.is_none() && bounds.below.is_none()) => {
            let step = step(bounds, max - min);
            if (max - min) / step > LONGEST_SLIDER {
                return Control::Number { integer, min: Some(min), max: Some(max) };
            }
            Control::Range { min, max, step, integer }
        }
        _ => Control::Number { integer, min, max },
    }
}

/// The least number that the bounds accept; of fractions, the one below which none is.
fn least(bounds: &Bounds) -> Option<f64> {
    let min = bounds.min.as_ref().map(number::float).map(|min| if bounds.integer { min.ceil() } else { min });
    let above = bounds.above.as_ref().map(number::float).map(|above| if bounds.integer { above.floor() + 1.0 } else { above });
    [min, above].into_iter().flatten().reduce(f64::max)
}

fn greatest(bounds: &Bounds) -> Option<f64> {
    let max = bounds.max.as_ref().map(number::float).map(|max| if bounds.integer { max.floor() } else { max });
    let below = bounds.below.as_ref().map(number::float).map(|below| if bounds.integer { below.ceil() - 1.0 } else { below });
    [max, below].into_iter().flatten().reduce(f64::min)
}

/// The multiple that is asked for; else 1 for whole numbers, and for others the power of ten that makes 100 to 1,000 steps.
fn step(bounds: &Bounds, span: f64) -> f64 {
    if let Some(multiple) = bounds.multiple.as_ref().map(Number::as_f64) {
        return multiple.unwrap_or(1.0);
    }
    if bounds.integer {
        return 1.0;
    }
    // Dividing 1 by a whole power of ten gives the nearest double, so the step is printed as `0.01`.
    let mut step = 1.0;
    let mut parts = 1.0;
    while span / step >= 1_000.0 && step < LONGEST_SLIDER {
        step *= 10.0;
    }
    while span * parts < 100.0 && parts < LONGEST_SLIDER {
        parts *= 10.0;
    }
    step / parts
}
