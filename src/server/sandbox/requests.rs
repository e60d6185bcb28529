//! Reading a create: its body, its headers, and what they become when it is accepted.

use super::{
    catalogue::{self, Entry},
    inputs::{self, Source},
    journal::{self, Facts},
    script::Script,
    uploads::Uploads,
    validate,
};
use crate::domain::Timestamp;
use crate::server::protocol::{Problem, prefer};
use axum::http::HeaderMap;
use rand::Rng;
use serde_json::{Map, Value};

/// How long a model wakes up at speed 1, and how long it renders when the prompt says so.
const STARTING_MS: f64 = 400.0;
const SLOW_RENDERING_MS: f64 = 20_000.0;

/// A create that passed every check.
#[derive(Clone, Debug)]
pub(super) struct Order {
    entry: &'static Entry,
    input: Map<String, Value>,
    cancel_after_ms: Option<i64>,
    origin: String,
    webhook: Option<Value>,
    webhook_events_filter: Option<Value>,
}

/// How the create is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// With the prediction.
    Plain,
    /// Not at all.
    Lost,
    /// With an HTML page.
    BadGateway,
}

/// Which endpoint a create came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint<'a> {
    /// `/v1/predictions`, which needs a version.
    Version,
    /// `/v1/models/{owner}/{name}/predictions`, for official models.
    Official(&'a str, &'a str),
}

impl Order {
    pub(super) fn read(endpoint: Endpoint<'_>, headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let takes_version = matches!(endpoint, Endpoint::Version);
        let named = match endpoint {
            Endpoint::Version => None,
            Endpoint::Official(owner, name) => {
                Some(catalogue::named(owner, name).filter(|entry| entry.official).ok_or_else(Problem::not_found)?)
            }
        };
        let body: Value = serde_json::from_slice(body).map_err(|_| Problem::unreadable("The body is not valid JSON."))?;
        let Value::Object(mut body) = body else { return Err(Problem::unreadable("The body is not a JSON object.")) };
        let violations = validate::envelope(&body, takes_version);
        if !violations.is_empty() {
            return Err(Problem::invalid(&violations));
        }
        let version = body.get("version").and_then(Value::as_str).unwrap_or_default();
        let entry = named.or_else(|| catalogue::versioned(version)).ok_or_else(Problem::no_such_version)?;
        let Some(Value::Object(input)) = body.remove("input") else { return Err(Problem::unreadable("input is required")) };
        let violations = entry.schema.violations(&input);
        if !violations.is_empty() {
            return Err(Problem::invalid(&violations));
        }
        let given = |value: Option<Value>| value.filter(|value| !value.is_null());
        Ok(Self {
            entry,
            // Replicate takes unknown inputs and drops them.
            input: entry.schema.kept(&input),
            cancel_after_ms: prefer::cancel_after(headers).map_err(Problem::unreadable)?,
            origin: super::http::origin(headers),
            webhook: given(body.remove("webhook")),
            webhook_events_filter: given(body.remove("webhook_events_filter")),
        })
    }

    pub(super) fn prompt(&self) -> &str {
        journal::words(|key| self.input.get(key))
    }

    /// Looks at the files of the input. Reads what was uploaded: not for an async thread.
    pub(super) fn source(&self, uploads: &Uploads, now: Timestamp) -> Result<Option<Source>, Problem> {
        let files = inputs::files(&self.input, &self.entry.schemas);
        inputs::source(&files, &self.origin, uploads, now).map_err(|violation| Problem::invalid(&[violation]))
    }

    /// The facts of the prediction this becomes now.
    pub(super) fn accept(self, now: Timestamp, speed: f64, interrupted: bool, source: Option<Source>) -> Facts {
        let mut random = rand::rng();
        let rendering = if Script::of(self.prompt()).slow { SLOW_RENDERING_MS } else { self.entry.makes.rendering_ms() };
        let asked = self.input.get("seed").and_then(Value::as_i64).map(i64::cast_unsigned);
        Facts {
            id: identifier(&mut random),
            created_at: now,
            model: self.entry.full_name(),
            version: if self.entry.official { "hidden" } else { &self.entry.version }.to_owned(),
            seed: asked.unwrap_or_else(|| u64::from(random.random::<u16>())),
            input: Value::Object(self.input),
            source,
            starting_ms: sped_up(STARTING_MS, speed),
            rendering_ms: sped_up(rendering, speed),
            interrupted,
            deadline: self.cancel_after_ms.map(|after| now.plus_ms(after)),
            origin: self.origin,
            webhook: self.webhook,
            webhook_events_filter: self.webhook_events_filter,
            canceled_at: None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the conversion saturates, and a run of 292 million years is as good")]
fn sped_up(milliseconds: f64, speed: f64) -> i64 {
    (milliseconds / speed) as i64
}

/// Twenty-six letters and digits, like Replicate's.
fn identifier(random: &mut impl Rng) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
    (0..26).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}
