//! Following a run: server-sent events as its tokens come, each once and from the first on, whoever asks and when.
//!
//! The address is not the API's and needs no token: who has it may follow. After the end, and when nothing comes for half
//! a minute, the connection is closed with a comment; a caller that waits for that instead of for `done` waits long.

use super::Answered;
use crate::server::protocol::Problem;
use crate::server::{
    replicate::Status,
    sandbox::{Sandbox, catalogue::Entry, run},
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{Stream, stream};
use serde_json::json;
use std::{convert::Infallible, fmt::Write, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two looks at a clock that may be moved by hand.
const LOOK: Duration = Duration::from_millis(20);
/// How long nothing may come.
const IDLE: Duration = Duration::from_secs(30);

/// Where the prediction of that id is followed.
pub(in crate::server::sandbox) fn path(id: &str) -> String {
    format!("/streams/{}", BASE64_URL_SAFE_NO_PAD.encode(id))
}

pub(super) async fn follow(State(sandbox): State<Sandbox>, Path(token): Path<String>) -> Answered {
    let id = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|id| String::from_utf8(id).ok());
    let facts = sandbox.facts(&id.ok_or_else(Problem::not_found)?)?;
    if !facts.entry().is_some_and(Entry::streams) || run::is_removed(&facts, sandbox.now()) {
        return Err(Problem::not_found());
    }
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(events(sandbox, facts.id, IDLE))).into_response())
}

/// What comes of a prediction, closed when nothing has come for as long as `idle`.
pub(in crate::server::sandbox) fn events(
    sandbox: Sandbox,
    id: String,
    idle: Duration,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let follower = Follower { sandbox, id, idle, next: Next::Greeting, told: 0, last: Instant::now() };
    stream::unfold(follower, |follower| async { follower.next().await.map(|(text, rest)| (Ok(text), rest)) })
}

/// Somebody who follows a run.
struct Follower {
    sandbox: Sandbox,
    id: String,
    idle: Duration,
    next: Next,
    /// How many tokens they were told.
    told: usize,
    /// When they were told something.
    last: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Greeting,
    Tokens,
    /// It was told that this was all.
    Silence,
    Nothing,
}

impl Follower {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.next == Next::Greeting {
            self.next = Next::Tokens;
            return Some((Bytes::from_static(b": hi\n\n"), self));
        }
        while self.next != Next::Nothing {
            let text = if self.next == Next::Tokens { self.news() } else { String::new() };
            if !text.is_empty() {
                self.last = Instant::now();
                return Some((Bytes::from(text), self));
            }
            if self.last.elapsed() >= self.idle {
                self.next = Next::Nothing;
                return Some((Bytes::from_static(b":408: 408 Request Timeout\n\n"), self));
            }
            sleep(LOOK).await;
        }
        None
    }

    /// The events that are due and were not told.
    fn news(&mut self) -> String {
        let Ok(facts) = self.sandbox.facts(&self.id) else { return String::new() };
        let now = self.sandbox.now();
        let mut text = String::new();
        let tokens = run::tokens(&facts, now);
        for (at, token) in tokens.iter().enumerate().skip(self.told) {
            event(&mut text, "output", Some(&format!("{}:{at}", run::starts_at(&facts).0 / 1_000)), token);
        }
        self.told = self.told.max(tokens.len());
        let status = run::state(&facts, now);
        if status.is_terminal() {
            let done = match status {
                Status::Failed => {
                    let failure = run::failure(&facts, &status).unwrap_or_default();
                    event(&mut text, "error", None, &json!({ "detail": failure }).to_string());
                    r#"{"reason": "error"}"#
                }
                Status::Canceled | Status::Aborted => r#"{"reason": "canceled"}"#,
                _ => "{}",
            };
            event(&mut text, "done", None, done);
            self.next = Next::Silence;
        }
        text
    }
}

/// Writes an event. A line break in the data begins another line of data.
fn event(text: &mut String, name: &str, id: Option<&str>, data: &str) {
    let mut line = |key: &str, value: &str| writeln!(text, "{key}: {value}").expect("writing to a String cannot fail");
    line("event", name);
    if let Some(id) = id {
        line("id", id);
    }
    for part in data.split('\n') {
        line("data", part);
    }
    text.push('\n');
}
