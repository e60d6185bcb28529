//! A press of the button: the price is held and the row is written in one commit, or nothing is. That row is the durable
//! job; there is no second queue that could disagree with it.

mod desk;
mod press;
mod standing;
mod write;

pub use desk::Desk;
pub(super) use press::Press;

use super::{DEADLINE_MS, Error};
use crate::domain::{ApiKeyId, GenerationId, Model, PersonId, RawRequest, Refusal, Request, RequestKey, Timestamp};
use regex::RegexBuilder;
use serde_json::{Map, Value};

/// How many of one person's generations may wait at once.
pub const MAX_QUEUED_PER_PERSON: i64 = 200;

/// What came of a press of the button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// A new generation, its credits held.
    New(GenerationId),
    /// The same press again: the generation it made before.
    Again(GenerationId),
}

impl Requested {
    /// The generation, new or not.
    pub const fn id(&self) -> &GenerationId {
        match self {
            Self::New(id) | Self::Again(id) => id,
        }
    }
}

/// Who pressed: somebody who waits before a page, or a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A person; goes before the programs of the same turn.
    Page,
    /// A program, with somebody's session.
    Api,
    /// A program with a key of its own, which may have a cap.
    Key(Call),
}

/// What a program says beside what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key it came with.
    pub key: ApiKeyId,
    /// Where to tell of it.
    pub webhook: Option<String>,
    /// Of what to tell: a list of words, as JSON.
    pub webhook_events: Option<String>,
    /// When to give it up, if sooner than everything is.
    pub cancel_after_ms: Option<i64>,
}

impl Call {
    /// A call that says nothing beside.
    pub const fn with(key: ApiKeyId) -> Self {
        Self { key, webhook: None, webhook_events: None, cancel_after_ms: None }
    }
}

impl Source {
    const fn priority(&self) -> i64 {
        match self {
            Self::Page => 1,
            Self::Api | Self::Key(_) => 0,
        }
    }

    /// When to give up what is asked for: as was asked for, if it was; and as it will be.
    fn deadlines(&self, now: Timestamp) -> (Option<Timestamp>, Timestamp) {
        let asked = self.call().and_then(|call| call.cancel_after_ms).map(|after| now.plus_ms(after));
        let latest = now.plus_ms(DEADLINE_MS);
        (asked, asked.map_or(latest, |asked| asked.min(latest)))
    }

    const fn call(&self) -> Option<&Call> {
        match self {
            Self::Key(call) => Some(call),
            Self::Page | Self::Api => None,
        }
    }
}

/// [`request_from`] a page.
///
/// # Errors
/// As [`request_from`].
pub async fn request(
    desk: &Desk,
    owner: &PersonId,
    raw: &RawRequest,
    catalogue: &[Model],
    now: Timestamp,
) -> Result<Requested, Error> {
    request_from(Source::Page, desk, owner, raw, catalogue, now).await
}

/// The same for a program that says in the model's own words what it wants.
///
/// # Errors
/// As [`request_from`].
pub async fn request_input(
    source: Source,
    desk: &Desk,
    owner: &PersonId,
    key: &RequestKey,
    model: &Model,
    input: &Map<String, Value>,
    now: Timestamp,
) -> Result<Requested, Error> {
    let request = Request::of_input(key.clone(), model, input, matches);
    let request = request.map_err(|violations| Error::Refused(Refusal::Input(violations)))?;
    desk.take(Press::of(&source, owner, &[request], model, now)?).await
}

/// Holds the price and queues one generation. The same key with the same request answers with the first one.
///
/// # Errors
/// [`Error::Refused`] with the reason; nothing is charged or recorded then.
pub async fn request_from(
    source: Source,
    desk: &Desk,
    owner: &PersonId,
    raw: &RawRequest,
    catalogue: &[Model],
    now: Timestamp,
) -> Result<Requested, Error> {
    let (request, model) = raw.parse(catalogue, matches).map_err(Error::Refused)?;
    desk.take(Press::of(&source, owner, &[request], model, now)?).await
}

/// What a form asks for, checked and with its model; for who has something to do before it is [queued](request_ready).
///
/// # Errors
/// [`Error::Refused`] with everything that is wrong with it.
pub fn read<'a>(raw: &RawRequest, catalogue: &'a [Model]) -> Result<(Request, &'a Model), Error> {
    raw.parse(catalogue, matches).map_err(Error::Refused)
}

/// The same as [`request_from`] for what was [`read`].
///
/// # Errors
/// As [`request_from`].
pub async fn request_ready(
    source: &Source,
    desk: &Desk,
    owner: &PersonId,
    request: &Request,
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    desk.take(Press::of(source, owner, std::slice::from_ref(request), model, now)?).await
}

/// Several at once of one model and one price each, all or none: the first says for all what was quoted. Answers with the
/// first of them.
///
/// # Errors
/// As [`request_from`]; what is refused is refused of all of them together.
pub async fn request_all(
    source: &Source,
    desk: &Desk,
    owner: &PersonId,
    requests: &[Request],
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    desk.take(Press::of(source, owner, requests, model, now)?).await
}

/// Whether a text matches a pattern of a model's schema. One that cannot be read here, or is meant to be costly, matches
/// everything: the model itself has the last word.
fn matches(pattern: &str, text: &str) -> bool {
    const MOST_BYTES: usize = 1 << 20;
    let pattern = RegexBuilder::new(pattern).size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES).build();
    pattern.map_or(true, |pattern| pattern.is_match(text))
}
