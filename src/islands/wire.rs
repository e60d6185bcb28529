//! Reads in the browser what the server wrote with serde: the parcel of the page, the event stream, answers to a press.
//!
//! serde's own reader, one for each type and with floating point behind it, was a sixth of the WASM. All that the islands
//! are told are a few known shapes of text and whole numbers, so each is named here once, as [`Read`]. Whatever does not
//! fit is `None`: a page older than its server shows what it has. The tests hold both sides together.
//!
//! To tell the islands more: the field in its type, and its name in the list below; without it nothing compiles.

mod json;

pub use json::{Value, parse};

use super::composer::ModelChoice;
use super::parcel::{ComposerStart, Parcel, UsualTime};
use super::store::LiveStart;
use crate::domain::{
    AspectRatio, BalanceView, Credits, Failure, GenerationId, GenerationView, Lang, LiveState, ModelName, OutputKind, OutputView,
    Phase, PriceRule, RequestKey, Timestamp, Wait, Waiting,
};

/// A type that can be told in JSON.
pub trait Read: Sized {
    /// The value, if it is one of this type.
    fn read(value: &Value) -> Option<Self>;
}

/// Reads a whole text.
pub fn read<T: Read>(text: &str) -> Option<T> {
    T::read(&parse(text)?)
}

impl Read for i64 {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Number(number) = value { Some(*number) } else { None }
    }
}

impl Read for String {
    fn read(value: &Value) -> Option<Self> {
        value.text().map(str::to_owned)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        if let Value::List(values) = value { values.iter().map(T::read).collect() } else { None }
    }
}

macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => { $(
        impl Read for $name {
            fn read(value: &Value) -> Option<Self> {
                Some(Self { $($field: Read::read(value.field(stringify!($field)))?),* })
            }
        }
    )* };
}

structs! {
    Parcel { start, balance, composer, generations, usual, copy }
    UsualTime { model, says }
    LiveStart { session, cursor, lang }
    ModelChoice { name, unit_price, rule, max_count, length, seconds, max_seconds }
    BalanceView { version, posted, held }
    Waiting { id, wait }
    GenerationView {
        id, request_key, version, phase, prompt, model, model_label, aspect, count, price_rule, kind, text, seed, price, captured, progress, wait,
        created_at, started_at, finished_at, outputs,
    }
    OutputView { index, url, small, large, width, height, duration_ms, bytes, content_type, sha256, color, thumbhash }
}

macro_rules! wrapped {
    ($($name:ident = $make:expr;)*) => { $(
        impl Read for $name {
            fn read(value: &Value) -> Option<Self> {
                Read::read(value).map($make)
            }
        }
    )* };
}

wrapped! {
    Credits = Credits;
    Timestamp = Timestamp;
    GenerationId = |text: String| GenerationId::trusted(text);
    RequestKey = |text: String| RequestKey::trusted(text);
    ModelName = |text: String| ModelName::trusted(text);
}

impl Read for bool {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(*flag) } else { None }
    }
}

impl Read for ComposerStart {
    fn read(value: &Value) -> Option<Self> {
        Some(Self { models: Read::read(value.field("models"))?, inside: String::new() })
    }
}

impl Read for Lang {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.text()?)
    }
}

impl Read for AspectRatio {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.text()?)
    }
}

impl Read for PriceRule {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.text()?)
    }
}

impl Read for OutputKind {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.text()?)
    }
}

impl Read for Phase {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.variant()? {
            ("queued", _) => Self::Queued,
            ("starting", _) => Self::Starting,
            ("rendering", _) => Self::Rendering,
            ("saving", _) => Self::Saving,
            ("canceling", _) => Self::Canceling,
            ("delayed", _) => Self::Delayed,
            ("succeeded", _) => Self::Succeeded,
            ("failed", class) => Self::Failed(Failure::parse(class.text()?)?),
            ("canceled", _) => Self::Canceled,
            _ => return None,
        })
    }
}

impl Read for Wait {
    fn read(value: &Value) -> Option<Self> {
        match value.variant()? {
            ("turn", ahead) => Read::read(ahead).map(Self::Turn),
            ("own_limit", limit) => Read::read(limit).map(Self::OwnLimit),
            ("model_limit", _) => Some(Self::ModelLimit),
            ("house_limit", _) => Some(Self::HouseLimit),
            ("throttled", _) => Some(Self::Throttled),
            ("retrying", _) => Some(Self::Retrying),
            ("paused", _) => Some(Self::Paused),
            ("trouble", _) => Some(Self::Trouble),
            _ => None,
        }
    }
}

impl Read for LiveState {
    fn read(value: &Value) -> Option<Self> {
        match value.variant()? {
            ("generation", view) => Read::read(view).map(|view| Self::Generation(Box::new(view))),
            ("balance", balance) => Read::read(balance).map(Self::Balance),
            ("queue", waiting) => Read::read(waiting).map(Self::Queue),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
