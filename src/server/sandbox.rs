//! A Replicate of our own over real HTTP: it serves when there is no token, and the tests, drills and benchmarks.
//!
//! **Nothing runs in it** but the sending of webhooks. What is stored of a prediction are the facts of its creation and whether it was cancelled;
//! where it is, its logs, its bill and its pictures are pure functions of those facts and the clock. So there is nothing
//! to resume after `kill -9`, and any number of predictions costs nothing while nobody looks. The facts are synced to
//! disk before a create is answered: what the caller was told survives, and so does what the caller never heard of.
//!
//! It has a default set of models (`catalogue`) that make pictures, films, speech, text and JSON, all of them made here and
//! always the same for the same input. What is uploaded is the one other thing that is kept, for a day (`uploads`).
//!
//! Words anywhere in the prompt, or in the text a model takes in its place, script the run:
//!
//! | word | what happens |
//! |---|---|
//! | `#slow` | renders for 20 s |
//! | `#fail` | fails with a model's error text |
//! | `#nsfw` | fails with the safety filter's text |
//! | `#stall` | processes for ever at 49/50, until cancelled or its deadline |
//! | `#partial` | succeeds with one picture fewer than asked; asked for one, with an empty list |
//! | `#expired` | succeeds, but its files answer 404 from the start |
//! | `#truncated` | its files end at half of their announced length, always |
//! | `#onebad` | its last file does, the others are whole |
//! | `#interrupted` | fails with "please retry"; the next prediction with this prompt succeeds, the one after fails, … |
//! | `#busy` | the create answers 429, nothing is created; the next one with this prompt is accepted, … |
//! | `#lost` | the prediction is created and billed, but the connection drops without an answer |
//! | `#502` | the prediction is created and billed, but the answer is an HTML 502 |
//! | `#latelist` | the list of predictions shows it only 40 s after its creation |
//! | `#lag` | `#lost` and `#latelist` together |
//! | `#hidden` | the list never shows it |
//! | `#hookless` | no webhook is sent |
//! | `#hooktwice` | its webhooks are sent twice and in the wrong order: end, start, end, start |
//!
//! A text is not made of files: `#partial` and every word that fails it end it in the middle.
//!
//! To add a word: a field of `script::Script` and the place where it acts. To add a model: a file, named in `catalogue`.
//! Webhooks are sent over plain HTTP to this machine alone; one to an https address is accepted, told again and not sent.

mod bucket;
mod catalogue;
mod clips;
mod delivery;
mod http;
mod inputs;
mod journal;
pub mod picture;
mod prose;
mod requests;
mod run;
mod script;
mod speech;
mod uploads;
mod validate;

#[cfg(test)]
mod tests;

use crate::domain::{PredictionId, Timestamp};
use crate::server::listen::{self, Limits};
use crate::server::protocol::Problem;
use anyhow::Context;
use bucket::Buckets;
use journal::{Facts, Journal};
use requests::{Answer, Order};
use serde::Serialize;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uploads::Uploads;

pub use catalogue::{Described, SDXL_VERSION, described, take_models};

/// Serves until `stop`, then lets answers under way finish for up to two seconds.
pub async fn serve(listener: TcpListener, sandbox: Sandbox, stop: CancellationToken) {
    let router = sandbox.router();
    let serving = listen::serve(listener, router, Limits::SANDBOX, stop.clone());
    if sandbox.0.options.delivers {
        futures::join!(serving, sandbox.deliver(stop));
    } else {
        serving.await;
    }
}

/// A token it accepts. Any bearer is accepted except an empty one and one that starts with `invalid`.
pub const TOKEN: &str = "r8_sandbox";

/// How it runs.
#[derive(Clone)]
pub struct Options {
    /// How many times faster than life a prediction runs: 1 for people, 1000 for tests.
    pub speed: f64,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Creates a minute before the 429.
    pub creates_per_minute: u32,
    /// Other calls a minute before the 429; looking at a prediction has twenty times as many, as recorded.
    pub reads_per_minute: u32,
    /// Whether webhooks are sent as they become due; else [`Sandbox::deliver_due`] sends them.
    pub delivers: bool,
    /// Pictures are drawn no longer than this along either side, in the ratio that was asked for. `None` draws them as they
    /// were ordered; drawing is what takes the time where thousands are made and nobody looks.
    pub longest_edge: Option<u32>,
    /// Models in a page of their list.
    pub models_per_page: usize,
}

impl Options {
    /// Replicate's own pace and limits.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            speed: 1.0,
            clock: Arc::new(clock),
            creates_per_minute: 600,
            reads_per_minute: 3000,
            delivers: true,
            longest_edge: None,
            models_per_page: 25,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("speed", &self.speed).finish_non_exhaustive()
    }
}

/// A Replicate. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    records: Mutex<Records>,
    buckets: Mutex<Buckets>,
    pictures: picture::Cache,
    post: delivery::Post,
    uploads: Uploads,
}

/// Everything that was ever created, oldest first, and the file behind it.
#[derive(Debug)]
struct Records {
    journal: Journal,
    all: Vec<Facts>,
    by_id: HashMap<String, usize>,
    /// Prompts that were turned away by `#busy` and are accepted next.
    turned_away: HashSet<String>,
}

/// A line of the bill: what happened to a prediction, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceLine {
    /// What happened.
    pub event: InvoiceEvent,
    /// To which prediction.
    pub id: PredictionId,
    /// When.
    pub at: Timestamp,
    /// `owner/name`.
    pub model: String,
    /// Outputs billed: pictures, or 1 for anything else; 0 when nothing was.
    pub images: i64,
}

/// What the bill records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceEvent {
    /// A create was accepted.
    Created,
    /// It succeeded, and what it made is to be paid.
    Billed,
    /// It was cancelled by a call.
    Canceled,
}

impl Sandbox {
    /// Opens the sandbox kept in the directory `dir`, which is made if missing.
    ///
    /// # Errors
    /// When the directory or the journal in it cannot be read or written.
    pub async fn open(dir: &Path, options: Options) -> anyhow::Result<Self> {
        let dir = dir.to_owned();
        let open = move || {
            let (journal, post) = (Journal::open(&dir)?, delivery::Post::open(&dir)?);
            let uploads = Uploads::open(&dir, post.secret())?;
            anyhow::Ok((journal, post, uploads))
        };
        let opened = tokio::task::spawn_blocking(open).await.context("reading the sandbox's journal")?;
        let ((journal, all), post, uploads) = opened?;
        let now = (options.clock)();
        for facts in &all {
            post.take_on(facts, now);
        }
        let by_id = all.iter().enumerate().map(|(at, facts)| (facts.id.clone(), at)).collect();
        let buckets = Buckets::new(options.creates_per_minute, options.reads_per_minute);
        let records = Records { journal, all, by_id, turned_away: HashSet::new() };
        Ok(Self(Arc::new(Inner {
            options,
            records: Mutex::new(records),
            buckets: Mutex::new(buckets),
            pictures: picture::Cache::default(),
            post,
            uploads,
        })))
    }

    /// Its routes. URLs in answers begin with the `Host` they were asked at. Only [`serve`] can drop a connection, so with
    /// another server `#lost` answers 502.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }

    /// What was created, billed and cancelled so far, in the order of creation.
    pub fn invoice(&self) -> Vec<InvoiceLine> {
        let now = self.now();
        self.records().all.iter().flat_map(|facts| run::invoice(facts, now)).collect()
    }

    /// Every prediction as it would be told now, oldest first, whatever the list shows.
    pub fn told(&self) -> Vec<serde_json::Value> {
        let now = self.now();
        self.records().all.iter().map(|facts| run::prediction(facts, now, &facts.origin)).collect()
    }

    fn now(&self) -> Timestamp {
        (self.0.options.clock)()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // A panic elsewhere cannot leave a record half made: they are pushed whole.
        self.0.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self, id: &str) -> Result<Facts, Problem> {
        let records = self.records();
        records.by_id.get(id).map(|at| records.all[*at].clone()).ok_or_else(Problem::not_found)
    }

    /// Takes an order: writes it down, synced, then remembers it. Away from the async threads, and carried to its end even
    /// when the caller hangs up in the middle.
    async fn create(&self, order: Order) -> Result<(Facts, Answer), Problem> {
        let sandbox = self.clone();
        run_blocking(move || sandbox.create_now(order)).await
    }

    fn create_now(&self, order: Order) -> Result<(Facts, Answer), Problem> {
        let source = order.source(&self.0.uploads, self.now())?;
        let mut records = self.records();
        // Not before: the list is in the order of the records and tells these moments, newest first.
        let now = self.now();
        let prompt = order.prompt().to_owned();
        let script = script::Script::of(&prompt);
        if script.busy && !records.turned_away.remove(&prompt) {
            records.turned_away.insert(prompt);
            return Err(Problem::throttled(1));
        }
        let before = records.all.iter().filter(|facts| facts.prompt() == prompt).count();
        let interrupted = script.interrupted && before % 2 == 0;
        let facts = order.accept(now, self.0.options.speed, interrupted, source);
        records.journal.created(&facts)?;
        let at = records.all.len();
        records.by_id.insert(facts.id.clone(), at);
        records.all.push(facts.clone());
        drop(records);
        self.0.post.take_on(&facts, now);
        let answer = if script.lost {
            Answer::Lost
        } else if script.bad_gateway {
            Answer::BadGateway
        } else {
            Answer::Plain
        };
        Ok((facts, answer))
    }

    /// Stops a prediction; one that has ended stays as it is.
    async fn cancel(&self, id: String) -> Result<Facts, Problem> {
        let sandbox = self.clone();
        run_blocking(move || {
            let now = sandbox.now();
            let mut records = sandbox.records();
            let at = *records.by_id.get(&id).ok_or_else(Problem::not_found)?;
            if !run::state(&records.all[at], now).is_terminal() {
                records.journal.canceled(&id, now)?;
                records.all[at].canceled_at = Some(now);
                sandbox.0.post.look_again();
            }
            Ok(records.all[at].clone())
        })
        .await
    }
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::internal()))
}
