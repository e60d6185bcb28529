//! What a stranger can and cannot make the accept loop do, over real sockets.

use super::{HangUp, Limits, serve};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BRIEF: Duration = Duration::from_millis(300);
/// Longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

const STRICT: Limits =
    Limits { head: BRIEF, unread: BRIEF, last_call: Duration::ZERO, drain: Duration::from_secs(5), ..Limits::PRODUCT };

struct Served {
    addr: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn served(limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (addr, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
    let endless =
        || async { axum::body::Body::from_stream(futures::stream::repeat_with(|| Ok::<_, Infallible>(vec![b'a'; 65_536]))) };
    let slow = || async {
        tokio::time::sleep(BRIEF * 2).await;
        "done"
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/endless", get(endless))
        .route("/hang-up", get(|| async { (axum::Extension(HangUp), "never").into_response() }));
    let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));
    Served { addr, stop, serving }
}

impl Served {
    async fn says(&self, words: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.addr).await.expect("a connection");
        socket.write_all(words.as_bytes()).await.expect("a write");
        socket
    }

    async fn stopped(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.serving).await.expect("an end").expect("no panic");
    }
}

/// Everything until the other side closes, whether politely or not.
async fn to_the_end(socket: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end too.
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut all)).await.expect("an end in time");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn rl_26_whoever_never_finishes_the_head_of_a_request_is_let_go() {
    let served = served(STRICT).await;
    for unfinished in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: a\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /"] {
        let mut socket = served.says(unfinished).await;
        let begun = Instant::now();
        let heard = to_the_end(&mut socket).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{unfinished:?}: {:?}", begun.elapsed());
        assert_eq!(heard.contains("hello"), unfinished.contains("\r\n\r\nGET"), "{unfinished:?}: {heard}");
    }
    served.stopped().await;
}

#[tokio::test]
async fn whoever_does_not_read_is_let_go() {
    let served = served(STRICT).await;
    let mut socket = served.says("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(BRIEF * 4).await;
    // What is left in the buffers of the two kernels, and then the end.
    let heard = to_the_end(&mut socket).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{}", &heard[..heard.len().min(40)]);
    served.stopped().await;
}

#[tokio::test]
async fn whoever_finds_no_room_is_told_so_at_once_and_there_is_room_again() {
    let served = served(Limits { connections: 2, head: PATIENCE, ..STRICT }).await;
    let inside = [served.says("GET").await, served.says("GET").await];
    let mut outside = served.says("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let told = to_the_end(&mut outside).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 5"), "{told}");
    drop(inside);
    let begun = Instant::now();
    loop {
        let mut socket = served.says("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        if to_the_end(&mut socket).await.contains("hello") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the two who left still count");
    }
    served.stopped().await;
}

#[tokio::test]
async fn rl_26_a_stop_waits_for_answers_and_for_nobody_who_asked_nothing() {
    let served = served(Limits { head: PATIENCE, drain: PATIENCE, ..STRICT }).await;
    let mut half = served.says("GET / HTTP/1.1\r\nhost").await;
    let mut idle = served.says("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut first = [0; 8];
    idle.read_exact(&mut first).await.expect("an answer");
    let mut slow = served.says("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut refused = served.says("").await;
    // The request is under way, not merely in the listener's queue.
    tokio::time::sleep(BRIEF).await;
    let (addr, begun) = (served.addr, Instant::now());
    served.stopped().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(to_the_end(&mut slow).await.ends_with("done"));
    for socket in [&mut half, &mut idle, &mut refused] {
        to_the_end(socket).await;
    }
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_answer_that_is_not_to_be_given_is_a_connection_that_breaks() {
    let served = served(STRICT).await;
    let mut socket = served.says("GET /hang-up HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(to_the_end(&mut socket).await, "");
    served.stopped().await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_said_to_be() {
    let served = served(STRICT).await;
    let mut socket = served.says(&format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(40_000))).await;
    assert!(to_the_end(&mut socket).await.starts_with("HTTP/1.1 431"));
    served.stopped().await;
}
