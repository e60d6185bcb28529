//! A Cog server that does what a test says, over real HTTP: it runs one prediction at a time, answers when that has ended,
//! and stops what nobody listens to any more.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What becomes of the next runs; the last stands for all that follow.
#[derive(Clone, Debug)]
pub enum Run {
    /// It ends at once with this status and these words.
    Answer(u16, Value),
    /// It ends at once with bytes that are no JSON.
    Garbage,
    /// It goes on until it is stopped, or told to [finish](FakeCog::finish) with this.
    Slow(Value),
    /// The server dies in the middle of it, and is back at once.
    Dies,
}

#[derive(Default)]
struct Inner {
    runs: Vec<Run>,
    /// Names, inputs and headers of every run that was begun or refused.
    asked: Vec<(String, Value, HeaderMap)>,
    /// The run that is under way.
    at: Option<(String, Arc<Notify>)>,
    /// Names that were told to stop.
    stopped: Vec<String>,
    /// What it takes.
    schema: Value,
    finished: Arc<Notify>,
    /// Runs that nobody listened to until their end.
    left: usize,
}

/// The server. Dropping it takes it off the network.
pub struct FakeCog {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    stop: CancellationToken,
}

type Shared = State<Arc<Mutex<Inner>>>;

/// The picture that a good run makes, inside of its answer.
pub fn picture() -> Value {
    let bytes = crate::keeping::picture();
    json!({"status": "succeeded", "output": [atelier::server::data_url::encode("image/png", &bytes)], "metrics": {"predict_time": 0.1}})
}

impl FakeCog {
    /// Starts it; `runs` are what becomes of the first, the second and all later runs.
    pub async fn start(runs: &[Run]) -> Self {
        let schema = json!({
            "Input": {"type": "object", "required": ["prompt"], "properties": {
                "prompt": {"type": "string", "x-order": 0}, "image": {"type": "string", "format": "uri", "x-order": 1},
            }},
            "Output": {"type": "array", "items": {"type": "string", "format": "uri"}},
        });
        let inner = Arc::new(Mutex::new(Inner { runs: runs.to_vec(), schema, ..Inner::default() }));
        let router = axum::Router::new()
            .route("/predictions/{name}", put(run))
            .route("/predictions/{name}/cancel", post(cancel))
            .route("/openapi.json", get(describe))
            .route("/health-check", get(health))
            .with_state(inner.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                served = axum::serve(listener, router) => served.expect("it serves"),
            }
        });
        Self { url, inner, stop }
    }

    /// How often it was asked for a run.
    pub fn asked(&self) -> usize {
        self.inner().asked.len()
    }

    /// The names of the runs it was asked for.
    pub fn names(&self) -> Vec<String> {
        self.inner().asked.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// The input of the last run, and what came with it.
    pub fn last(&self) -> (Value, HeaderMap) {
        self.inner().asked.last().map(|(_, input, headers)| (input.clone(), headers.clone())).expect("it was asked")
    }

    /// What was told to stop.
    pub fn stopped(&self) -> Vec<String> {
        self.inner().stopped.clone()
    }

    /// Runs that nobody listened to until their end.
    pub fn left(&self) -> usize {
        self.inner().left
    }

    /// Lets the run under way end well.
    pub fn finish(&self) {
        self.inner().finished.notify_waiters();
    }

    /// Another schema from now on.
    pub fn describe(&self, schema: Value) {
        self.inner().schema = schema;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("the server")
    }
}

impl Drop for FakeCog {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Frees the server when a run ends, or when whoever listened is gone.
struct AtWork {
    inner: Arc<Mutex<Inner>>,
    ended: bool,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut inner = self.inner.lock().expect("the server");
        inner.at = None;
        inner.left += usize::from(!self.ended);
    }
}

async fn run(State(shared): Shared, Path(name): Path<String>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let (wanted, stop, finished) = {
        let mut inner = shared.lock().expect("the server");
        inner.asked.push((name.clone(), body["input"].clone(), headers));
        if let Some((running, _)) = &inner.at {
            let same = *running == name;
            let (status, words) =
                if same { (202, json!({"id": name, "status": "processing"})) } else { (409, json!({"error": "At capacity"})) };
            return (StatusCode::from_u16(status).expect("a status"), Json(words)).into_response();
        }
        let wanted = if inner.runs.len() > 1 { inner.runs.remove(0) } else { inner.runs[0].clone() };
        let stop = Arc::new(Notify::new());
        inner.at = Some((name, stop.clone()));
        (wanted, stop, inner.finished.clone())
    };
    let mut at_work = AtWork { inner: shared.clone(), ended: false };
    let answer = match wanted {
        Run::Answer(status, words) => (StatusCode::from_u16(status).expect("a status"), Json(words)).into_response(),
        Run::Garbage => "<html>no</html>".into_response(),
        Run::Slow(words) => {
            tokio::select! {
                () = stop.notified() => Json(json!({"status": "canceled"})).into_response(),
                () = finished.notified() => Json(words).into_response(),
            }
        }
        // The connection ends without an answer.
        Run::Dies => panic!("as the test wants it"),
    };
    at_work.ended = true;
    answer
}

async fn cancel(State(shared): Shared, Path(name): Path<String>) -> Response {
    let mut inner = shared.lock().expect("the server");
    inner.stopped.push(name.clone());
    match &inner.at {
        Some((running, stop)) if *running == name => {
            stop.notify_one();
            Json(json!({})).into_response()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({}))).into_response(),
    }
}

async fn describe(State(shared): Shared) -> Json<Value> {
    Json(json!({"components": {"schemas": shared.lock().expect("the server").schema}}))
}

async fn health(State(shared): Shared) -> Json<Value> {
    let busy = shared.lock().expect("the server").at.is_some();
    Json(json!({"status": if busy { "BUSY" } else { "READY" }}))
}
