//! Room for so many requests at once. More would not be answered sooner but all of them later, and each takes memory: who
//! finds no room in time is told when to come back. A request leaves when its answer begins, so that open streams take
//! none.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Requests at work at once: a few for every connection to the database. More would only wait for one of those, unseen.
const AT_WORK: usize = 64;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(3);

/// The room of one process.
#[derive(Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_WORK)), patience: PATIENCE }
    }
}

pub(super) async fn find(State(room): State<Room>, request: Request, next: Next) -> Response {
    match timeout(room.patience, room.places.acquire()).await {
        Ok(Ok(_place)) => next.run(request).await,
        Ok(Err(_)) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
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
        let room = Room { places: Arc::new(Semaphore::new(2)), patience: Duration::from_millis(50) };
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&leave));
        let handler = move || {
            let (inside, gate) = (Arc::clone(&inside), Arc::clone(&gate));
            async move {
                inside.notify_one();
                gate.notified().await;
            }
        };
        let router = Router::new().route("/", get(handler)).layer(middleware::from_fn_with_state(room, find));
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
}
