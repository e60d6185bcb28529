//! Webhooks, as Replicate sends them: signed; the start once, the end until somebody says yes, for about a minute; never
//! followed to another address.
//!
//! What there is to send and when follows from the facts and the clock, like everything here; only what was answered is
//! remembered. Another sandbox on the same facts sends what it cannot know to have been heard under the same ids again.
//! They go over plain HTTP, and so only to this machine; an https address is taken and left alone.

use super::{Sandbox, journal::Facts, run, script::Script};
use crate::{
    domain::Timestamp,
    server::replicate::{Status, install_tls, is_loopback, webhook::Secret},
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use rand::Rng;
use serde_json::Value;
use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

/// After the end of a prediction, its end is told at these moments, until somebody says yes.
const TELLS_MS: [i64; 6] = [0, 2_000, 6_000, 14_000, 30_000, 60_000];
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a clock that may be moved by hand.
const LOOK: Duration = Duration::from_secs(1);

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Start,
    Completed,
}

impl News {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Completed => "completed",
        }
    }
}

/// One thing to tell, and how often that was tried.
#[derive(Clone, Copy, Debug)]
struct Tell {
    news: News,
    tries: usize,
    /// Only once it has ended, whatever it is.
    late: bool,
}

/// What is still to be told of one prediction, in order.
#[derive(Debug)]
struct Parcel {
    url: Url,
    tells: Vec<Tell>,
}

/// Everything that is still to be told, and what it is signed with.
#[derive(Debug)]
pub(super) struct Post {
    secret_text: String,
    secret: Secret,
    client: reqwest::Client,
    parcels: Mutex<HashMap<String, Parcel>>,
    changed: Notify,
}

/// One webhook on its way.
struct Letter {
    prediction: String,
    url: Url,
    tell: Tell,
    body: String,
    sent_at: Timestamp,
}

impl Post {
    /// Opens the post of a sandbox: its secret is kept beside the journal.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        install_tls();
        let secret_text = read_or_make_secret(dir)?;
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        Ok(Self {
            secret: secret_text.parse().context("the sandbox's webhook secret cannot be read")?,
            secret_text,
            client: client.build().context("the sandbox's webhooks cannot be sent")?,
            parcels: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// As `/v1/webhooks/default/secret` tells it.
    pub(super) fn secret(&self) -> &str {
        &self.secret_text
    }

    /// Takes on what is to be told of a prediction, unless that was over long ago.
    pub(super) fn take_on(&self, facts: &Facts, now: Timestamp) {
        let over = run::ends_at(facts).is_some_and(|end| now.since(end) > TELLS_MS[TELLS_MS.len() - 1]);
        let url = facts.webhook.as_ref().and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
        let Some(url) = url.filter(|url| url.scheme() == "http" && is_loopback(url) && !over) else { return };
        let tells = tells(facts);
        if !tells.is_empty() {
            self.parcels().insert(facts.id.clone(), Parcel { url, tells });
            self.changed.notify_one();
        }
    }

    /// A prediction may have ended earlier than expected.
    pub(super) fn look_again(&self) {
        self.changed.notify_one();
    }

    fn parcels(&self) -> MutexGuard<'_, HashMap<String, Parcel>> {
        // Nothing that can panic happens between two changes that belong together.
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be told of a prediction, in order.
fn tells(facts: &Facts) -> Vec<Tell> {
    let script = Script::of(facts.prompt());
    let wanted = |news: News| match &facts.webhook_events_filter {
        Some(Value::Array(events)) => events.iter().any(|event| event == news.as_str()),
        // Without a filter there are only outputs, which are not told here, and the end.
        _ => news == News::Completed,
    };
    let tell = |news, late| Tell { news, tries: 0, late };
    let all = if script.hookless {
        Vec::new()
    } else if script.hook_twice {
        [News::Completed, News::Start, News::Completed, News::Start].map(|news| tell(news, true)).to_vec()
    } else {
        vec![tell(News::Start, false), tell(News::Completed, false)]
    };
    all.into_iter().filter(|tell| wanted(tell.news)).collect()
}

/// When something is due; `None` when nobody can know yet.
fn due_at(facts: &Facts, tell: Tell) -> Option<Timestamp> {
    match tell.news {
        News::Start if !tell.late => Some(run::starts_at(facts)),
        News::Start | News::Completed => run::ends_at(facts).map(|end| end.plus_ms(TELLS_MS[tell.tries])),
    }
}

impl Sandbox {
    /// Sends every webhook that is due, and waits for the answers. Returns how many were sent.
    pub async fn deliver_due(&self) -> usize {
        let mut sent = 0;
        let letters = self.letters();
        join_all(letters.into_iter().map(|letters| {
            sent += letters.len();
            self.send_all(letters)
        }))
        .await;
        sent
    }

    /// Sends webhooks as they become due, until `stop`.
    pub(super) async fn deliver(self, stop: CancellationToken) {
        let mut sending = JoinSet::new();
        while !stop.is_cancelled() {
            for letters in self.letters() {
                let sandbox = self.clone();
                sending.spawn(async move { sandbox.send_all(letters).await });
            }
            while sending.try_join_next().is_some() {}
            let wait =
                self.next_due().map_or(LOOK, |due| Duration::from_millis(due.since(self.now()).clamp(1, 1_000).cast_unsigned()));
            tokio::select! {
                () = stop.cancelled() => {}
                // Either way, it is time to look.
                _ = timeout(wait, self.0.post.changed.notified()) => {}
            }
        }
    }

    /// Takes what is due out of the parcels, by prediction.
    fn letters(&self) -> Vec<Vec<Letter>> {
        let now = self.now();
        let mut parcels = self.0.post.parcels();
        let mut letters = Vec::new();
        parcels.retain(|prediction, parcel| {
            let Ok(facts) = self.facts(prediction) else { return false };
            let due = |tell: &Tell| due_at(&facts, *tell).is_some_and(|due| due <= now);
            let (ready, waiting) = std::mem::take(&mut parcel.tells).into_iter().partition(due);
            parcel.tells = waiting;
            let letter = |tell: Tell| letter(&facts, parcel.url.clone(), tell, now);
            let ready: Vec<Letter> = Vec::into_iter(ready).filter_map(letter).collect();
            if !ready.is_empty() {
                letters.push(ready);
            }
            !parcel.tells.is_empty()
        });
        letters
    }

    fn next_due(&self) -> Option<Timestamp> {
        let parcels = self.0.post.parcels();
        let due = |(prediction, parcel): (&String, &Parcel)| {
            let facts = self.facts(prediction).ok()?;
            parcel.tells.iter().filter_map(|tell| due_at(&facts, *tell)).min()
        };
        parcels.iter().filter_map(due).min()
    }

    async fn send_all(&self, letters: Vec<Letter>) {
        for letter in letters {
            self.send(letter).await;
        }
    }

    async fn send(&self, letter: Letter) {
        let Letter { prediction, url, tell, body, sent_at } = letter;
        let (id, seconds) = (format!("msg_{prediction}_{}", tell.news.as_str()), sent_at.0 / 1_000);
        let signature = self.0.post.secret.sign(&id, seconds, body.as_bytes());
        let request = self.0.post.client.post(url.clone()).header("content-type", "application/json");
        let request =
            request.header("webhook-id", id).header("webhook-timestamp", seconds).header("webhook-signature", signature);
        // A redirect is a yes that nobody heard.
        let heard = match request.body(body).send().await {
            Ok(answer) => !answer.status().is_client_error() && !answer.status().is_server_error(),
            Err(_) => false,
        };
        let again = Tell { tries: tell.tries + 1, ..tell };
        if !heard && tell.news == News::Completed && again.tries < TELLS_MS.len() {
            let mut parcels = self.0.post.parcels();
            parcels.entry(prediction).or_insert_with(|| Parcel { url, tells: Vec::new() }).tells.push(again);
            self.0.post.changed.notify_one();
        }
    }
}

/// `None` for the start of what never started.
fn letter(facts: &Facts, url: Url, tell: Tell, now: Timestamp) -> Option<Letter> {
    let at = match tell.news {
        News::Start => run::starts_at(facts),
        News::Completed => now,
    };
    let started = tell.news == News::Completed || run::state(facts, at) == Status::Processing;
    let body = run::prediction(facts, at, &facts.origin).to_string();
    started.then(|| Letter { prediction: facts.id.clone(), url, tell, body, sent_at: now })
}

fn read_or_make_secret(dir: &Path) -> anyhow::Result<String> {
    let path = dir.join("webhook.secret");
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read.map(|text| text.trim().to_owned()).with_context(|| format!("reading {}", path.display())),
    }
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(rand::rng().random::<[u8; 24]>()));
    fs::write(&path, &secret).with_context(|| format!("writing {}", path.display()))?;
    Ok(secret)
}
