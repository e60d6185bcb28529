//! The accept loop: HTTP/1.1 and HTTP/2 on one listener, with a limit to everything that a stranger decides, and an end
//! that no stranger can put off.
//!
//! A client has ten seconds to send the head of a request, the first on a connection as well as every later one, and
//! thirty to take what it was sent. There is room for a number of connections; whoever comes when it is full is told so
//! at once. When descriptors run out, the loop waits for some to come free.
//!
//! A stop has three parts. For a moment the listener stays open, because whoever sends requests this way, a proxy or a
//! browser that was just told to come back, needs a moment to hear that this process is not ready any more. Then nobody
//! new is let in, idle connections are closed, and requests under way are answered. Whoever never finishes a request, or
//! never reads an answer, is cut off.

#[cfg(test)]
mod tests;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The most bytes of a head over HTTP/1.1. Over HTTP/2 it is half of that.
const HEAD_BYTES: usize = 32 * 1_024;
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// How many that found no room are told so; the others find the connection closed.
const TOLD: usize = 64;
/// Before the next attempt to take a connection when there was no descriptor for it.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);
/// At the end, how long a connection may be without a request under way before it is cut off.
const DESERTED: Duration = Duration::from_secs(2);

/// How HTTP/2 begins. Until it has said something else, a connection may be either.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What a listener grants to strangers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, if the operating system grants twice as many descriptors.
    pub connections: usize,
    /// How long the head of a request may take, from the end of the one before: a connection may idle no longer either.
    pub head: Duration,
    /// How long a client may leave what it was sent unread.
    pub unread: Duration,
    /// How long connections are still taken after the stop.
    pub last_call: Duration,
    /// How long requests under way may take after that.
    pub drain: Duration,
}

impl Limits {
    /// The product's. A stop is over after ten seconds.
    pub const PRODUCT: Self = Self {
        connections: 8_192,
        head: Duration::from_secs(10),
        unread: Duration::from_secs(30),
        last_call: Duration::from_secs(1),
        drain: Duration::from_secs(9),
    };
    /// The sandbox's, whose only client stops before it does.
    pub const SANDBOX: Self = Self { last_call: Duration::ZERO, drain: Duration::from_secs(2), ..Self::PRODUCT };
}

/// Marks an answer that is not to be given: the connection is dropped instead.
#[derive(Clone, Copy, Debug)]
pub struct HangUp;

/// Serves until `stop`, and then until the last request is answered or nobody waits any longer.
pub async fn serve(listener: TcpListener, router: axum::Router, limits: Limits, stop: CancellationToken) {
    let (room, aside) = (Arc::new(Semaphore::new(room(limits.connections))), Arc::new(Semaphore::new(TOLD)));
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut closed = pin!(async {
        stop.cancelled().await;
        sleep(limits.last_call).await;
    });
    loop {
        let socket = tokio::select! {
            () = &mut closed => break,
            Some(_) = connections.join_next() => continue,
            socket = accept(&listener) => socket,
        };
        if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            connections.spawn(attend(socket, router.clone(), limits, closing.clone(), place));
        } else if let Ok(place) = Arc::clone(&aside).try_acquire_owned() {
            connections.spawn(turn_away(socket, place));
        }
    }
    drop(listener);
    closing.cancel();
    let drained = timeout(limits.drain, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "requests were cut off in the middle");
        connections.shutdown().await;
    }
}

/// How many connections there is room for. A process is often granted fewer descriptors than it may ask for.
fn room(wanted: usize) -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "no more descriptors can be had");
    }
    let granted = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    wanted.min(granted / 2)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                if let Err(error) = socket.set_nodelay(true) {
                    tracing::debug!(%error, "a connection was gone before it was served");
                }
                return socket;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken; trying again");
                sleep(NO_DESCRIPTOR).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Tells a client that there is no room, without reading what it wants.
async fn turn_away(mut socket: TcpStream, _place: OwnedSemaphorePermit) {
    let told = async {
        socket.write_all(FULL).await?;
        socket.shutdown().await?;
        // Read, or the answer would be overtaken by a reset.
        tokio::io::copy(&mut (&mut socket).take(64 * 1_024), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(Duration::from_secs(1), told).await {
        tracing::debug!(%error, "a client that found no room was gone");
    }
}

/// Serves one connection to its end.
async fn attend(
    socket: TcpStream,
    router: axum::Router,
    limits: Limits,
    closing: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let (busy, counted) = watch::channel(0);
    let service = service_fn(move |request: Request<Incoming>| {
        let under_way = UnderWay::begin(&busy);
        answer(router.clone(), request.map(Body::new), under_way)
    });
    let protocol = protocol(limits);
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(Patient::new(socket, limits)), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = deserted(counted) => {
                    tracing::debug!("a client was cut off that had no request under way");
                    Ok(())
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended");
    }
}

fn protocol(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(16 * 1_024)
        // A client that is gone without a word is noticed, although nothing is sent to it.
        .keep_alive_interval(limits.unread)
        .keep_alive_timeout(limits.head);
    builder
}

async fn answer(router: axum::Router, request: Request<Body>, under_way: UnderWay) -> io::Result<Response<Answer>> {
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<HangUp>() {
        Some(HangUp) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        None => Ok(response.map(|body| Answer { body, _under_way: under_way })),
    }
}

/// Returns when a connection had no request under way for a while.
async fn deserted(mut busy: watch::Receiver<usize>) {
    loop {
        if busy.wait_for(|requests| *requests == 0).await.is_err() {
            return;
        }
        if timeout(DESERTED, busy.wait_for(|requests| *requests > 0)).await.is_err() {
            return;
        }
    }
}

/// A request between its head and the last byte of its answer.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn begin(busy: &watch::Sender<usize>) -> Self {
        busy.send_modify(|requests| *requests += 1);
        Self(busy.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

/// The body of an answer, whose end is the request's.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that does not wait for ever: neither for a client to say which protocol it speaks, where hyper's own timeout
/// does not reach, nor for one to read what it was sent.
struct Patient {
    socket: TcpStream,
    /// How much of the preface was read, and until when it must be whole or turn out to be something else.
    greeting: Option<(usize, Pin<Box<Sleep>>)>,
    unread: Option<Pin<Box<Sleep>>>,
    limits: Limits,
}

impl Patient {
    fn new(socket: TcpStream, limits: Limits) -> Self {
        Self { socket, greeting: Some((0, Box::pin(sleep(limits.head)))), unread: None, limits }
    }

    /// Passes on how a write went; when it waits, it waits for so long and no longer.
    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(self.limits.unread)));
        unread.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer)?;
        let Some((known, until)) = &mut this.greeting else { return read.map(Ok) };
        if read.is_pending() {
            ready!(until.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let (fresh, missing) = (&buffer.filled()[before..], &PREFACE[*known..]);
        *known += fresh.len();
        if fresh.is_empty() || !missing.starts_with(fresh) || fresh.len() == missing.len() {
            this.greeting = None;
        }
        read.map(Ok)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.written(written, cx)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        this.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
