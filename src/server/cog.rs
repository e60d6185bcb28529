//! Models on servers of our own: what a Cog container speaks, as far as we need it.
//!
//! An entry of the catalogue may name such a server; its runs then go there instead of to Replicate. Cog is asked in the
//! simplest way it has, which is also the only one that cannot lose a result: `PUT /predictions/{name}`, answered when the
//! run has ended, output and all. Why so, and not by a webhook:
//!
//! - Cog has no way to ask how a run did. A webhook is then the only copy of the output, it is unsigned, and it needs a way
//!   back to us that a server in a cellar seldom has. The answer on our own connection needs none of that: who answers is
//!   who was asked.
//! - **Who listens, owns.** The connection is held under the row's lease, which is renewed while it lasts and takes no slot
//!   of the worker's. A worker that dies drops its connection, Cog stops the run, the lease runs out, and whoever takes the
//!   row next asks for it again. So a run has at most one listener, and its end is written once, under the lease, with its
//!   money: finished or given back, never both.
//! - **Asking again is free.** Nobody bills these runs, so there is no paid call that could be made twice, and nothing to
//!   look for when an answer is lost. The name makes it safe: a run that goes on under it without a listener (an older Cog
//!   does not notice) is stopped before it is asked for again. A run that breaks off is tried twice in all, because it may
//!   be the request that kills the server.
//! - A server that is busy, starting or away has not begun anything: the row goes back to the queue, counts nothing, and
//!   its deadline ends it. The catalogue lets one run of such a model into flight at a time.
//!
//! The price: a worker that is restarted begins its runs anew. The address is the operator's own and may be private; no
//! redirect leads away from it, nothing secret is sent to it, and only links to itself are fetched from it.

use super::replicate::{self, Download, DownloadError, DownloadLimits, Prediction, Status, VersionTold, causes};
use crate::domain::catalogue::Health;
use crate::domain::{GenerationId, PredictionId};
use reqwest::Response;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use url::Url;

/// The most bytes of an answer: files come inside of it, a third longer than they are. Larger ones need `--upload-url`.
const MOST_ANSWER: usize = 64 * 1_024 * 1_024;
/// The most bytes of anything else.
const MOST_WORDS: usize = 4 * 1_024 * 1_024;
/// To reach the server.
const CONNECT: Duration = Duration::from_secs(5);
/// A whole call that runs nothing.
const ASK: Duration = Duration::from_secs(5);
/// How soon it is noticed that the other machine is gone.
const GONE_AFTER: Duration = Duration::from_secs(30);

/// Why a run has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    /// Nothing was begun: the server is busy, starting or away. To be asked again.
    #[error("the server is not free: {0}")]
    Later(String),
    /// It does not take such an input.
    #[error("the server refuses the input: {0}")]
    Refused(String),
    /// It may have begun, and will not be heard of any more.
    #[error("the run broke off: {0}")]
    Lost(String),
    /// It ended, and another run would end the same way.
    #[error("the answer cannot be used: {0}")]
    Unusable(String),
    /// We stopped it.
    #[error("the run was stopped")]
    Stopped,
}

/// Why a server could not be asked about itself.
#[derive(Debug, thiserror::Error)]
pub enum Unasked {
    /// It did not answer, or not sensibly.
    #[error("the server did not answer: {0}")]
    Away(String),
    /// It does not say what its model takes.
    #[error("the server does not say what its model takes")]
    Undescribed,
}

/// The way to such servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cog {
    client: reqwest::Client,
}

/// The name of a run there; no prediction of Replicate's has one like it.
pub fn name_of(generation: &GenerationId, seq: i64) -> PredictionId {
    PredictionId::trusted(format!("cog-{generation}-{seq}"))
}

/// Whether it was not the model that failed but the process it runs in.
pub fn has_crashed(prediction: &Prediction) -> bool {
    prediction.status == Status::Failed && prediction.error.as_deref() == Some("Worker crashed")
}

impl Cog {
    /// A way to any of them.
    ///
    /// # Errors
    /// When TLS cannot start.
    pub fn new() -> Result<Self, replicate::Error> {
        replicate::install_tls();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_keepalive(GONE_AFTER / 3)
            // Dropping a request must end its connection: that is what stops the run.
            .http1_only()
            .pool_max_idle_per_host(0);
        #[cfg(target_os = "linux")]
        let builder = builder.tcp_user_timeout(GONE_AFTER);
        let client = builder.build().map_err(|error| replicate::Error::Setup(causes(&error)))?;
        Ok(Self { client })
    }

    /// Runs the model under this name. Answers when the run has ended, however long that takes: whoever waits no longer
    /// drops this future, and the run stops.
    ///
    /// # Errors
    /// See [`NotRun`].
    pub async fn run(&self, endpoint: &str, name: &PredictionId, input: &Value) -> Result<Prediction, NotRun> {
        let url = address(endpoint, &["predictions", name.as_str()]).map_err(NotRun::Later)?;
        let sent = self.client.put(url).json(&json!({ "input": input })).send().await;
        let response = sent.map_err(|error| {
            let (before, detail) = (error.is_connect() || error.is_builder(), causes(&error.without_url()));
            if before { NotRun::Later(detail) } else { NotRun::Lost(detail) }
        })?;
        let status = response.status();
        let body = read(response, MOST_ANSWER).await;
        let words = || format!("{status} {}", body.as_deref().map_or_else(ToString::to_string, start_of));
        match status.as_u16() {
            200 => told(name, &body.map_err(NotRun::from)?),
            // Somebody began it before us and does not listen any more.
            202 => {
                self.cancel(endpoint, name).await;
                Err(NotRun::Later("it is at this run already, and was told to stop it".to_owned()))
            }
            400 | 413 | 422 => Err(NotRun::Refused(words())),
            // Somebody between us lost patience.
            408 => Err(NotRun::Lost(words())),
            // Busy; not ready; or no Cog at all, which is for the operator to mend.
            300..=499 | 503 => Err(NotRun::Later(words())),
            _ => Err(NotRun::Lost(words())),
        }
    }

    /// Stops the run of this name, if there is one. That it cannot be reached is as good: a run ends with its connection.
    pub async fn cancel(&self, endpoint: &str, name: &PredictionId) {
        let Ok(url) = address(endpoint, &["predictions", name.as_str(), "cancel"]) else { return };
        if let Err(error) = self.client.post(url).timeout(ASK).header("content-length", "0").send().await {
            tracing::warn!(prediction = %name, error = causes(&error.without_url()), "a server of our own could not be told to stop");
        }
    }

    /// Copies a file that an answer names: from inside the answer, or from the server itself.
    ///
    /// # Errors
    /// [`DownloadError::ForeignHost`] for a link to anywhere else.
    pub async fn download(
        &self,
        endpoint: &str,
        url: &str,
        to: &Path,
        limits: DownloadLimits,
    ) -> Result<Download, DownloadError> {
        let base = Url::parse(endpoint).map_err(|error| DownloadError::ForeignHost(error.to_string()))?;
        replicate::download(&self.client, &base, url, to, limits).await
    }

    /// What the model takes and gives: `components.schemas` of its description, as far as they are about that.
    ///
    /// # Errors
    /// See [`Unasked`].
    pub async fn schemas(&self, endpoint: &str) -> Result<Value, Unasked> {
        let told = self.ask(endpoint, "openapi.json").await?;
        VersionTold::of_description(told).schemas().ok_or(Unasked::Undescribed)
    }

    /// How the server is.
    pub async fn health(&self, endpoint: &str) -> Health {
        match self.ask(endpoint, "health-check").await {
            Ok(told) => Health::read(told["status"].as_str().unwrap_or_default()),
            Err(_) => Health::Away,
        }
    }

    /// Reads a document of the server's. One that says no in JSON has answered.
    async fn ask(&self, endpoint: &str, path: &str) -> Result<Value, Unasked> {
        let url = address(endpoint, &[path]).map_err(Unasked::Away)?;
        let sent = self.client.get(url).timeout(ASK).send().await;
        let response = sent.map_err(|error| Unasked::Away(causes(&error.without_url())))?;
        let status = response.status();
        let body = read(response, MOST_WORDS).await.map_err(|problem| Unasked::Away(problem.to_string()))?;
        serde_json::from_slice(&body).map_err(|_| Unasked::Away(format!("{status} {}", start_of(&body))))
    }
}

/// What is at a path below an endpoint, which may have a path of its own.
fn address(endpoint: &str, path: &[&str]) -> Result<Url, String> {
    let mut url = Url::parse(endpoint).map_err(|error| format!("{endpoint}: {error}"))?;
    url.path_segments_mut().map_err(|()| format!("{endpoint} has no path"))?.pop_if_empty().extend(path);
    Ok(url)
}

/// The end of a run, in Cog's words. Older ones leave out the name.
fn told(name: &PredictionId, body: &[u8]) -> Result<Prediction, NotRun> {
    let unreadable = || NotRun::Lost(format!("an unreadable answer: {}", start_of(body)));
    let mut value: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    value.as_object_mut().ok_or_else(unreadable)?.insert("id".to_owned(), json!(name));
    let prediction: Prediction = serde_json::from_value(value).map_err(|_| unreadable())?;
    if prediction.status.is_terminal() { Ok(prediction) } else { Err(unreadable()) }
}

/// Why an answer did not come whole.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("{0}")]
    Broken(String),
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
}

impl From<Cut> for NotRun {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Broken(why) => Self::Lost(why),
            Cut::TooLarge(_) => Self::Unusable(cut.to_string()),
        }
    }
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Cut> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Cut::Broken(causes(&error.without_url())))? {
        if body.len() + chunk.len() > most {
            return Err(Cut::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Enough of an answer for an operator to know it by.
fn start_of(body: &(impl AsRef<[u8]> + ?Sized)) -> String {
    String::from_utf8_lossy(body.as_ref()).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_stand_at_a_path_of_its_own() {
        for (endpoint, expected) in [
            ("http://10.0.0.7:5000", "http://10.0.0.7:5000/predictions/a"),
            ("http://10.0.0.7:5000/", "http://10.0.0.7:5000/predictions/a"),
            ("https://models.example.com/cellar/", "https://models.example.com/cellar/predictions/a"),
        ] {
            assert_eq!(address(endpoint, &["predictions", "a"]).map(String::from).as_deref(), Ok(expected));
        }
        assert!(address("cellar", &[]).is_err() && address("data:x", &["a"]).is_err());
    }

    #[test]
    fn an_end_needs_no_name_and_anything_else_is_no_end() {
        let name = PredictionId::trusted("cog-g-1");
        let end =
            told(&name, br#"{"id": null, "status": "succeeded", "output": ["data:image/png;base64,AA=="]}"#).expect("an end");
        assert_eq!((end.id, end.status), (name.clone(), Status::Succeeded));
        for bad in [&b"<html>"[..], b"[]", b"{}", br#"{"status": "processing"}"#, b""] {
            assert!(matches!(told(&name, bad), Err(NotRun::Lost(_))), "{}", start_of(bad));
        }
    }
}
