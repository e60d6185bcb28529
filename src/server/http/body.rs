//! The whole body of a request, before anybody works on it: no handler waits for a client, none reads more than it may,
//! and nothing is half done because a body never ended.
//!
//! Files are the exception: a handler reads them as they come, bounded by itself, and what it leaves unread is thrown away
//! here in the same way.
//!
//! A body that is too long is read on for a moment and thrown away. Most senders write all of it before they read a
//! word, and a server that answers and hangs up in the middle of that is not heard.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// How long a body may take to arrive.
const LONGEST: Duration = Duration::from_secs(10);
/// How much of what is too long is read on, and for how long.
const THROWN_AWAY: u64 = 1024 * 1_024;
const THROWING_AWAY: Duration = Duration::from_secs(2);

/// Bodies that are being read at once; they are all there is of a request before it has found room.
const AT_ONCE: usize = 1_024;

/// The bodies of one process.
#[derive(Clone)]
pub(super) struct Bodies {
    /// The most bytes, by the path.
    longest: fn(&str) -> usize,
    /// The most bytes of what a handler reads itself, by the path; `None` where it does not.
    streamed: fn(&str) -> Option<u64>,
    places: Arc<Semaphore>,
}

impl Bodies {
    /// At most so long.
    pub fn at_most(longest: fn(&str) -> usize) -> Self {
        Self { longest, streamed: |_| None, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Bodies {
    /// Where handlers read for themselves, and at most how much.
    pub fn but_streamed(self, streamed: fn(&str) -> Option<u64>) -> Self {
        Self { streamed, ..self }
    }

    /// No more than so many at once, where they may be large.
    pub fn at_once(self, places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), ..self }
    }
}

/// Why there is no whole body.
enum Unread {
    /// It is too long; this is the rest.
    TooLong(Body),
    /// Its sender went away, or its framing is no HTTP.
    Broken,
}

pub(super) async fn whole(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    if let Some(limit) = (bodies.streamed)(request.uri().path()) {
        return streamed(limit, request, next).await;
    }
    let Ok(place) = bodies.places.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (parts, body) = request.into_parts();
    let limit = (bodies.longest)(parts.uri.path());
    match timeout(LONGEST, read(body, limit)).await {
        Ok(Ok(bytes)) => {
            drop(place);
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Ok(Err(Unread::TooLong(rest))) => {
            // Whoever still sends after that finds the connection closed.
            let _ = timeout(THROWING_AWAY, throw_away(rest, THROWN_AWAY)).await;
            StatusCode::PAYLOAD_TOO_LARGE.into_response()
        }
        Ok(Err(Unread::Broken)) => StatusCode::BAD_REQUEST.into_response(),
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Lends the body to whoever handles the request. What is announced to be too long is not even begun; of a file that is up
/// to twice too long everything is taken, so that whoever sends it hears why.
async fn streamed(limit: u64, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > limit {
        let _ = timeout(LONGEST, throw_away(body, limit.saturating_mul(2))).await;
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let (back, returned) = oneshot::channel();
    let lent = Body::new(Lent { body, back: Some(back) });
    let response = next.run(Request::from_parts(parts, lent)).await;
    if let Ok(rest) = returned.await {
        let _ = timeout(THROWING_AWAY, throw_away(rest, THROWN_AWAY)).await;
    }
    response
}

/// A body whose unread rest comes back.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take().filter(|_| !self.body.is_end_stream()) {
            // Nobody waits for it when the connection is gone.
            let _ = back.send(std::mem::take(&mut self.body));
        }
    }
}

async fn read(mut body: Body, limit: usize) -> Result<Bytes, Unread> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are nobody's business here.
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(Unread::TooLong(body));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn throw_away(mut rest: Body, most: u64) {
    let mut thrown = 0;
    while thrown <= most {
        let Some(Ok(frame)) = rest.frame().await else { return };
        thrown += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use std::convert::Infallible;

    fn body(pieces: usize, length: usize) -> Body {
        Body::from_stream(stream::iter((0..pieces).map(move |_| Ok::<_, Infallible>(vec![b'a'; length]))))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_a_byte_further() {
        let bytes = read(body(4, 256), 1_024).await.ok().expect("a whole body");
        assert_eq!(bytes.len(), 1_024);
        assert!(matches!(read(body(5, 256), 1_024).await, Err(Unread::TooLong(_))));
        assert!(matches!(read(body(1, 1_025), 1_024).await, Err(Unread::TooLong(_))));
        let broken = stream::iter([Ok(vec![0; 8]), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
        assert!(matches!(read(Body::from_stream(broken), 1_024).await, Err(Unread::Broken)));
    }

    #[tokio::test]
    async fn what_a_borrower_leaves_unread_comes_back() {
        for (taken, expected) in [(0, Some(3)), (1, Some(2)), (3, None)] {
            let (back, returned) = oneshot::channel();
            let mut lent = Body::new(Lent { body: body(3, 8), back: Some(back) });
            for _ in 0..taken {
                lent.frame().await.expect("a frame").expect("whole");
            }
            if expected.is_none() {
                assert!(lent.frame().await.is_none(), "it is read to its end");
            }
            drop(lent);
            let rest = returned.await.ok();
            let rest = match rest {
                Some(rest) => read(rest, 1_024).await.ok().map(|bytes| bytes.len() / 8),
                None => None,
            };
            assert_eq!(rest.filter(|left| *left > 0), expected, "{taken}");
        }
    }

    #[tokio::test]
    async fn what_is_too_long_is_read_on_for_a_megabyte_and_no_more() {
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = taken.clone();
        let endless = stream::repeat_with(move || {
            counted.fetch_add(64 * 1_024, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, Infallible>(vec![0_u8; 64 * 1_024])
        });
        throw_away(Body::from_stream(endless), THROWN_AWAY).await;
        let taken = taken.load(std::sync::atomic::Ordering::Relaxed);
        assert!((THROWN_AWAY..THROWN_AWAY + 128 * 1_024).contains(&taken), "{taken}");
    }
}
