//! Room for so many requests at once. More would not be answered sooner but all of them later, and each takes memory: who
//! finds no room in time is told when to come back, and at once when the line of those who wait is as long as can be served
//! in that time. A request leaves when its answer begins, so that open streams take
//! none; but while they are being opened they have a room of their own, because after a stop somewhere they come a
//! thousand at once, and nobody who wants a page should have to stand behind them.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Requests at work at once: a few for every connection to the database. More would only wait for one of those, unseen.
const AT_WORK: usize = 64;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(3);
/// Requests that may wait for it. Whoever comes after these would wait in vain, on the slowest machine we know.
const LINE: usize = 512;

/// Presses at work at once: as many as are written together. Were there more, whoever wants a page would stand behind them.
const PRESSING: usize = 32;

/// The same for streams that are being opened: nobody looks at them, so they can wait, and a few at a time will do.
const OPENING: usize = 8;
const LINE_OF_STREAMS: usize = 4_096;
const PATIENCE_OF_STREAMS: Duration = Duration::from_secs(10);

/// The same for files that come in: each takes as long as its sender's line is slow, and nobody else should wait for that.
const COMING_IN: usize = 24;

/// One of the rooms of a process.
#[derive(Clone)]
struct Room {
    places: Arc<Semaphore>,
    line: Arc<Semaphore>,
    patience: Duration,
}

/// All of them.
#[derive(Clone)]
pub(super) struct Rooms {
    streams: Room,
    uploads: Room,
    presses: Room,
    others: Room,
}

impl Room {
    fn of(places: usize, line: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), line: Arc::new(Semaphore::new(line)), patience }
    }

    /// A place, when there is one in time.
    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(place) = self.places.try_acquire() {
            return Some(place);
        }
        let _in_line = self.line.try_acquire().ok()?;
        timeout(self.patience, self.places.acquire()).await.ok()?.ok()
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            streams: Room::of(OPENING, LINE_OF_STREAMS, PATIENCE_OF_STREAMS),
            uploads: Room::of(COMING_IN, LINE, PATIENCE),
            presses: Room::of(PRESSING, LINE, PATIENCE),
            others: Room::of(AT_WORK, LINE, PATIENCE),
        }
    }
}

pub(super) async fn find(State(rooms): State<Rooms>, request: Request, next: Next) -> Response {
    let room = match request.uri().path() {
        "/events" => rooms.streams,
        "/generate" | "/api/app/generate" | "/api/app/ai-images" => rooms.presses,
        path if super::streamed_body(path).is_some() => rooms.uploads,
        _ => rooms.others,
    };
    match room.place().await {
        Some(_place) => next.run(request).await,
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use axum::{Router, middleware};
    use tokio::sync::Notify;
    use tower::ServiceExt;

    #[tokio::test]
    async fn rl_29_who_finds_no_room_in_time_is_turned_away_and_leaving_makes_room() {
        let rooms = Rooms { others: Room::of(2, 9, Duration::from_millis(50)), ..Rooms::default() };
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&leave));
        let handler = move || {
            let (inside, gate) = (Arc::clone(&inside), Arc::clone(&gate));
            async move {
                inside.notify_one();
                gate.notified().await;
            }
        };
        let router = Router::new().route("/", get(handler)).layer(middleware::from_fn_with_state(rooms, find));
        let ask = || {
            let router = router.clone();
            async move { router.oneshot(Request::new(Body::empty())).await.expect("an answer") }
        };
        let working = [tokio::spawn(ask()), tokio::spawn(ask())];
        for _ in &working {
            entered.notified().await;
        }
        assert_eq!(ask().await.status(), 503);
        leave.notify_one();
        let next = tokio::spawn(ask());
        entered.notified().await;
        for working in working.into_iter().chain([next]) {
            leave.notify_one();
            assert_eq!(working.await.expect("no panic").status(), 200);
        }
    }

    #[tokio::test]
    async fn rl_29_who_would_wait_in_vain_is_turned_away_at_once_and_those_before_are_still_served() {
        let room = Arc::new(Room::of(1, 2, Duration::from_mins(1)));
        let place = room.place().await.expect("the only place");
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let room = Arc::clone(&room);
                tokio::spawn(async move { room.place().await.is_some() })
            })
            .collect();
        while room.line.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // Had it stood in the line, this would take a minute.
        let turned_away = timeout(Duration::from_secs(1), room.place()).await.expect("an answer at once");
        assert!(turned_away.is_none());
        drop(place);
        for waiting in waiting {
            assert!(waiting.await.expect("no panic"), "whoever is in the line keeps the turn");
        }
        assert_eq!(room.line.available_permits(), 2, "and leaves the line");
    }
}
