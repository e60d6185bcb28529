//! The event stream of one person: first everything their page may not know, then every change as it happens.
//!
//! A stream lives at most fifteen minutes, so that signing out, a deploy or a lost proxy never leaves one behind for
//! long; the browser comes back by itself with the id it saw last. When a process stops, all its pages come back to
//! another one, spread over some seconds and not before this one has stopped listening.

use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::domain::Timestamp;
use crate::server::App;
use crate::server::auth::Sessions;
use crate::server::live::Frame;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rand::Rng;
use serde::Deserialize;
use std::convert::Infallible;
use std::ops::Range;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tower_sessions::session::Id;
use tower_sessions::{Session, SessionStore};

/// Between two words that keep proxies from closing the connection, and that tell a page that it is not cut off. At each, the
/// session is looked at again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest life of a stream.
const LIFE: Duration = Duration::from_mins(15);
/// When a browser comes back after its connection broke, in milliseconds; and after the process said that it stops.
const BACK_SOON: Range<u32> = 1_000..3_000;
const BACK_LATER: Range<u32> = 2_000..6_000;

#[derive(Deserialize)]
pub(super) struct Cursor {
    since: Option<i64>,
    /// Whose page asks; see [`Visitor::stream`](super::visitor::Visitor).
    page: Option<String>,
    /// Only what there is now, for a page whose stream is held back on its way.
    once: Option<String>,
}

pub(super) async fn events(
    State(app): State<App>,
    method: Method,
    person: SignedIn,
    session: Session,
    headers: HeaderMap,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Trouble> {
    if !person.visitor.is_own_page(cursor.page.as_deref()) {
        return Err(Trouble::SIGNED_OUT);
    }
    if method == Method::HEAD {
        // A page asks this way whether it may come back; an EventSource does not tell it the status.
        return Ok(StatusCode::OK.into_response());
    }
    let now = app.clock.now();
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let since = last.or(cursor.since).map_or(now, Timestamp);
    if cursor.once.is_some() {
        return Ok(as_events(Body::from(app.hub.catch_up(&app.db, &person.id, since, now).await?.concat())));
    }
    // Subscribed before the rows are read: what changes in between comes twice rather than never.
    let frames = app.hub.subscribe(&person.id, now).ok_or(Trouble::TOO_MANY)?;
    let first = app.hub.catch_up(&app.db, &person.id, since, now).await?;
    let sessions = Sessions::new(app.db.clone(), app.clock.clone());
    let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = Open {
        frames,
        keep_alive,
        until: Instant::now() + LIFE,
        stop: app.stop.clone(),
        session: session.id(),
        sessions,
        over: false,
    };
    let body =
        stream::iter([come_back(BACK_SOON), here()]).chain(stream::iter(first)).chain(follow(open)).map(Ok::<_, Infallible>);
    Ok(as_events(Body::from_stream(body)))
}

fn as_events(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would gather small frames otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An open stream.
struct Open {
    frames: Receiver<Frame>,
    keep_alive: Interval,
    until: Instant,
    stop: CancellationToken,
    session: Option<Id>,
    sessions: Sessions,
    over: bool,
}

/// Says that the stream is there, first of all and then in every pause.
const fn here() -> Frame {
    Frame::from_static(b"event: here\ndata: {}\n\n")
}

/// When to come back, different for everybody.
fn come_back(between: Range<u32>) -> Frame {
    Frame::from(format!("retry: {}\n\n", rand::rng().random_range(between)))
}

fn follow(open: Open) -> BoxStream<'static, Frame> {
    stream::unfold(open, |mut open| async move {
        if open.over {
            return None;
        }
        tokio::select! {
            () = open.stop.cancelled() => {
                open.over = true;
                Some((come_back(BACK_LATER), open))
            }
            () = tokio::time::sleep_until(open.until) => None,
            received = open.frames.recv() => match received {
                Ok(frame) => Some((frame, open)),
                // Too far behind: the page reconnects and catches up from the rows.
                Err(RecvError::Lagged(_) | RecvError::Closed) => None,
            },
            _ = open.keep_alive.tick() => {
                open.is_signed_in().await.then(|| (here(), open))
            }
        }
    })
    .boxed()
}

impl Open {
    /// Whether the session that opened the stream is still there. A database that is away signs nobody out.
    async fn is_signed_in(&self) -> bool {
        match &self.session {
            Some(id) => !matches!(self.sessions.load(id).await, Ok(None)),
            None => false,
        }
    }
}
