//! `/v1/streams/{sealed}`: a prediction as it goes on, as server-sent events. The address is the key to it.
//!
//! `output` carries what is new of the output: a piece of a text while it is written, or an address of a file once it is
//! kept; `error` what went wrong; `done` that there is no more, and why when that is not success.

use super::predictions::{find, house, wait_for};
use super::told::{House, output, status};
use super::{Answered, V1, away};
use crate::domain::{GenerationId, OutputKind, PersonId};
use crate::server::generation::predictions::{self, Prediction as Row};
use crate::server::protocol::Problem;
use crate::server::seal::Opens;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A stream that nothing came through for so long says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest life of a stream.
const LIFE: Duration = Duration::from_mins(15);
/// Streams of one process at once, and of one person's predictions.
const AT_ONCE: usize = 1_000;
const OF_ONE_PERSON: usize = 20;
/// When somebody who found no place may come again.
const AGAIN_SECONDS: i64 = 5;

/// Who is followed, and how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<PersonId, usize>>>);

/// A place for one stream; given back when it is dropped.
struct Place {
    streams: Streams,
    person: PersonId,
}

impl Streams {
    /// A place, while there is one.
    fn place(&self, person: &PersonId) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let of_one = open.get(person).copied().unwrap_or_default();
        (all < AT_ONCE && of_one < OF_ONE_PERSON).then(|| {
            open.insert(person.clone(), of_one + 1);
            Place { streams: self.clone(), person: person.clone() }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&self.person).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&self.person);
        } else {
            open.insert(self.person.clone(), left);
        }
    }
}

pub(super) async fn follow(State(v1): State<V1>, Path(sealed): Path<String>) -> Answered {
    let seal = v1.seals.get().await.map_err(|error| away(&error))?;
    let id = seal.open(Opens::Stream, &sealed).ok_or_else(Problem::not_found)?;
    let owner = predictions::owner(&v1.app.db, &id).await.map_err(|error| away(&error))?.ok_or_else(Problem::not_found)?;
    let place = v1.streams.place(&owner).ok_or_else(|| Problem::throttled(AGAIN_SECONDS))?;
    let open = Open { v1, owner, id, sent: Sent::default(), until: Instant::now() + LIFE, over: false, _place: place };
    let events = stream::unfold(open, |mut open| async move {
        if open.over {
            return None;
        }
        let events = open.next().await;
        Some((Ok::<_, Infallible>(Bytes::from(events)), open))
    });
    let body = stream::iter([Ok(Bytes::from_static(b": hi\n\n"))]).chain(events);
    let mut response: Response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    // nginx would gather small frames otherwise.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// An open stream.
struct Open {
    v1: V1,
    owner: PersonId,
    id: GenerationId,
    sent: Sent,
    until: Instant,
    over: bool,
    _place: Place,
}

/// What of the output was told already.
#[derive(Default)]
struct Sent {
    /// Bytes of the text.
    text: usize,
    /// Events, whose numbers are their ids.
    events: usize,
}

impl Open {
    /// What there is to say next: the events of a change, or that nothing changed.
    async fn next(&mut self) -> String {
        let told = self.sent.text;
        let seen = |row: &Row| row.state.is_terminal() || row.output_text.as_ref().is_some_and(|text| text.len() > told);
        let looked = match find(&self.v1.app, &self.owner, &self.id).await {
            Ok(row) => wait_for(&self.v1.app, &self.owner, row, KEEP_ALIVE, seen).await,
            Err(problem) => Err(problem),
        };
        let (Ok(row), Ok(house)) = (looked, house(&self.v1).await) else {
            // The database is away: whoever listens comes back, or looks.
            self.over = true;
            return String::new();
        };
        let events = self.sent.events_of(&row, house);
        self.over = row.state.is_terminal() || Instant::now() >= self.until || self.v1.app.stop.is_cancelled();
        if events.is_empty() && !self.over { ": still here\n\n".to_owned() } else { events }
    }
}

impl Sent {
    fn events_of(&mut self, row: &Row, house: House<'_>) -> String {
        let mut events = String::new();
        let status = status(row);
        if row.output_kind == OutputKind::Text {
            let whole = written(&output(row, house)).filter(|_| status == "succeeded");
            let text = whole.or_else(|| row.output_text.clone()).unwrap_or_default();
            if let Some(more) = text.get(self.text..).filter(|more| !more.is_empty()) {
                self.output(&mut events, row, more);
                self.text = text.len();
            }
        } else if status == "succeeded" {
            for one in pieces(&output(row, house)) {
                self.output(&mut events, row, &one);
            }
        }
        match status {
            "succeeded" => event(&mut events, "done", None, "{}"),
            "failed" => {
                let said = super::told::Prediction::of(row, house);
                event(&mut events, "error", None, &json!({"detail": said.reason()}).to_string());
                event(&mut events, "done", None, r#"{"reason": "error"}"#);
            }
            "canceled" | "aborted" => event(&mut events, "done", None, r#"{"reason": "canceled"}"#),
            _ => {}
        }
        events
    }

    fn output(&mut self, events: &mut String, row: &Row, data: &str) {
        let id = format!("{}:{}", row.created_at.0, self.events);
        self.events += 1;
        event(events, "output", Some(&id), data);
    }
}

/// One event; each line of the data has its own field.
fn event(events: &mut String, name: &str, id: Option<&str>, data: &str) {
    let _ = writeln!(events, "event: {name}");
    if let Some(id) = id {
        let _ = writeln!(events, "id: {id}");
    }
    for line in data.split('\n') {
        // A carriage return would end the field.
        let _ = writeln!(events, "data: {}", line.replace('\r', ""));
    }
    events.push('\n');
}

/// A text that came whole or in pieces.
fn written(output: &Value) -> Option<String> {
    match output {
        Value::String(text) => Some(text.clone()),
        Value::Array(pieces) => Some(pieces.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// Each thing of an output for itself: an address, or a document as JSON.
fn pieces(output: &Value) -> Vec<String> {
    match output {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(pieces).collect(),
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_36_one_person_has_twenty_places_and_leaving_makes_room() {
        let (streams, mika) = (Streams::default(), PersonId::trusted("mika"));
        let mut places: Vec<_> = (0..OF_ONE_PERSON).filter_map(|_| streams.place(&mika)).collect();
        assert!(places.len() == 20 && streams.place(&mika).is_none());
        assert!(streams.place(&PersonId::trusted("noor")).is_some(), "others have their own");
        places.pop();
        assert!(streams.place(&mika).is_some());
        drop(places);
        assert!(streams.0.lock().expect("the places").is_empty());
    }

    #[test]
    fn every_line_of_the_data_is_a_field_of_its_own() {
        let mut events = String::new();
        event(&mut events, "output", Some("1:0"), "one\ntwo\r\n");
        assert_eq!(events, "event: output\nid: 1:0\ndata: one\ndata: two\ndata: \n\n");
    }

    #[test]
    fn an_output_comes_apart_into_what_can_be_sent_alone() {
        assert_eq!(pieces(&json!(["a", ["b", null]])), ["a", "b"]);
        assert_eq!(pieces(&json!({"n": 1})), [r#"{"n":1}"#]);
        assert_eq!(written(&json!(["He", "llo"])), Some("Hello".to_owned()));
    }
}
