//! The calls. One request each, never a second one.

use super::{
    Account, Create, Error, ModelTold, Prediction, Upload, Uploaded, VersionTold,
    download::{self, Download, DownloadError, DownloadLimits},
    errors::{Call, causes},
    upload,
    webhook::{BadSecret, Secret},
};
use crate::domain::{PredictionId, Timestamp};
use reqwest::{
    RequestBuilder, Response,
    header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

/// The most bytes of one answer: a prediction can carry its pictures inline, and was recorded at 395 kB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// To copy a file to Replicate, whose length is bounded where it came in.
const UPLOAD: Duration = Duration::from_mins(2);

/// A page of the list holds a hundred predictions.
const MAX_LIST_BODY: usize = 8 * MAX_BODY;

/// Bounds of `Cancel-After`, which Replicate sets.
const CANCEL_AFTER: std::ops::RangeInclusive<u64> = 5..=86_400;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To make a connection.
    pub connect: Duration,
    /// A whole create. The worker's lease depends on it: nothing may leave this machine later.
    pub create: Duration,
    /// Any other whole call.
    pub read: Duration,
    /// Pages of one listing.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), create: Duration::from_secs(20), read: Duration::from_secs(15), pages: 20 }
    }
}

/// A way to Replicate. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Url,
    authorization: HeaderValue,
    limits: Limits,
    creates: reqwest::Client,
    reads: reqwest::Client,
    files: reqwest::Client,
}

impl Client {
    /// A client of the Replicate at `base_url`, which is given without `/v1`.
    ///
    /// # Errors
    /// [`Error::Setup`] when the token cannot be a header or TLS cannot start.
    pub fn new(base_url: &Url, token: SecretString) -> Result<Self, Error> {
        Self::with_limits(base_url, token, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`Client::new`].
    #[expect(clippy::needless_pass_by_value, reason = "the secret moves in here and nobody else keeps it")]
    pub fn with_limits(base_url: &Url, token: SecretString, limits: Limits) -> Result<Self, Error> {
        super::install_tls();
        if base_url.host_str().is_none() || base_url.cannot_be_a_base() {
            return Err(Error::Setup(format!("{base_url} has no host")));
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Error::Setup("the token has characters that no header can carry".to_owned()))?;
        authorization.set_sensitive(true);
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| Error::Setup(causes(&error)));
        Ok(Self(Arc::new(Inner {
            creates: build(lonely(connection(base_url, limits), limits))?,
            reads: build(connection(base_url, limits).timeout(limits.read))?,
            files: build(connection(base_url, limits))?,
            base: base_url.clone(),
            authorization,
            limits,
        })))
    }

    /// How long things may take.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Whether this Replicate is on our own machine, as the sandbox is.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.0.base)
    }

    /// Which Replicate this is, without `/v1`.
    pub fn base_url(&self) -> &Url {
        &self.0.base
    }

    /// Buys a prediction, to be ended by Replicate itself after `cancel_after` (5 s to 24 h; others are moved in).
    /// Returns at once: it never asks Replicate to wait, since that only widens the window in which an answer can be lost.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] when a prediction may exist all the same; after every other error none does.
    pub async fn create(&self, create: &Create, cancel_after: Duration) -> Result<Prediction, Error> {
        let mut body = json!({ "input": create.input });
        let url = if let Some(version) = &create.version {
            body["version"] = json!(version);
            self.url(&["predictions"])
        } else {
            let name = create.model.as_str();
            let (owner, name) = name.split_once('/').ok_or_else(|| Error::Setup(format!("{name} is not owner/name")))?;
            self.url(&["models", owner, name, "predictions"])
        };
        if let Some(webhook) = &create.webhook {
            body["webhook"] = json!(webhook.url);
            body["webhook_events_filter"] = json!(webhook.events);
        }
        let seconds = cancel_after.as_secs().clamp(*CANCEL_AFTER.start(), *CANCEL_AFTER.end());
        let request = self.0.creates.post(url).header("cancel-after", format!("{seconds}s")).json(&body);
        self.send(Call::Create, request, MAX_BODY).await
    }

    /// Looks at a prediction.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Throttled`], [`Error::Account`].
    pub async fn get(&self, id: &PredictionId) -> Result<Prediction, Error> {
        self.send(Call::Harmless, self.0.reads.get(self.url(&["predictions", id.as_str()])), MAX_BODY).await
    }

    /// Asks for a prediction to stop; one that has ended comes back unchanged.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn cancel(&self, id: &PredictionId) -> Result<Prediction, Error> {
        let url = self.url(&["predictions", id.as_str(), "cancel"]);
        self.send(Call::Harmless, self.0.reads.post(url).header("content-length", "0"), MAX_BODY).await
    }

    /// Every prediction created between two moments, newest first. Complete or an error: the worker concludes from an
    /// absence here that it may buy again.
    ///
    /// # Errors
    /// As [`Client::get`], and [`Error::Unavailable`] when a page names another host or there are too many pages.
    pub async fn list(&self, created_after: Timestamp, created_before: Timestamp) -> Result<Vec<Prediction>, Error> {
        let mut url = self.url(&["predictions"]);
        url.query_pairs_mut()
            .append_pair("created_after", &rfc3339(created_after)?)
            .append_pair("created_before", &rfc3339(created_before)?);
        let mut found = Vec::new();
        for _ in 0..self.0.limits.pages {
            let page: Page = self.send(Call::Harmless, self.0.reads.get(url.clone()), MAX_LIST_BODY).await?;
            found.extend(page.results);
            match page.next.as_deref() {
                // The documentation shows the word as well as the value.
                None | Some("" | "null") => return Ok(found),
                Some(next) => url = self.pinned(next)?,
            }
        }
        Err(Error::Unavailable(format!("the list has more than {} pages", self.0.limits.pages)))
    }

    /// Gives Replicate a copy of a file, to be named in inputs. Doing it twice costs nothing.
    ///
    /// # Errors
    /// As [`Client::get`], [`Error::Invalid`] when it is too large there, [`Error::Unavailable`] also when the file broke off.
    pub async fn upload(&self, upload: Upload) -> Result<Uploaded, Error> {
        let request = upload.fill(self.0.files.post(self.url(&["files"])).timeout(UPLOAD));
        self.send::<upload::Told>(Call::Harmless, request, MAX_BODY).await.map(Uploaded::from)
    }

    /// The secret that this account's webhooks are signed with.
    ///
    /// # Errors
    /// As [`Client::get`], and [`Error::Unavailable`] when what came is no secret.
    pub async fn webhook_secret(&self) -> Result<Secret, Error> {
        let url = self.url(&["webhooks", "default", "secret"]);
        let told: Told = self.send(Call::Harmless, self.0.reads.get(url), MAX_BODY).await?;
        told.key.expose_secret().parse().map_err(|bad: BadSecret| Error::Unavailable(bad.to_string()))
    }

    /// What a model is, with its latest version.
    ///
    /// # Errors
    /// As [`Client::get`]; [`Error::NotFound`] also for somebody else's private one.
    pub async fn model(&self, owner: &str, name: &str) -> Result<ModelTold, Error> {
        self.send(Call::Harmless, self.0.reads.get(self.url(&["models", owner, name])), MAX_BODY).await
    }

    /// One version of a model.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn version(&self, owner: &str, name: &str, id: &str) -> Result<VersionTold, Error> {
        self.send(Call::Harmless, self.0.reads.get(self.url(&["models", owner, name, "versions", id])), MAX_BODY).await
    }

    /// Whose token this is; the cheapest way to learn whether it works.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn account(&self) -> Result<Account, Error> {
        self.send(Call::Harmless, self.0.reads.get(self.url(&["account"])), MAX_BODY).await
    }

    /// Copies an output to the file `to`, which is replaced, or removed when the copy fails. No token is sent.
    ///
    /// # Errors
    /// See [`DownloadError`].
    pub async fn download(&self, url: &str, to: &Path, limits: DownloadLimits) -> Result<Download, DownloadError> {
        download::download(&self.0.files, &self.0.base, url, to, limits).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.0.base.clone();
        url.path_segments_mut().expect("with_limits takes only a URL with a path").pop_if_empty().push("v1").extend(path);
        url
    }

    /// The next page, on our scheme and host: the documentation shows `http://` where it means https.
    fn pinned(&self, next: &str) -> Result<Url, Error> {
        let base = &self.0.base;
        let mut url = base.join(next).map_err(|error| Error::Unavailable(format!("the next page has no address: {error}")))?;
        let same_scheme = url.scheme() == base.scheme() || url.set_scheme(base.scheme()).is_ok();
        if same_scheme && url.host() == base.host() && url.port_or_known_default() == base.port_or_known_default() {
            return Ok(url);
        }
        Err(Error::Unavailable(format!("the next page is on another host: {}", url.host_str().unwrap_or_default())))
    }

    async fn send<T: DeserializeOwned>(&self, call: Call, request: RequestBuilder, most: usize) -> Result<T, Error> {
        let request = request.header(AUTHORIZATION, self.0.authorization.clone());
        let response = request.send().await.map_err(|error| call.broken(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response, most).await;
        if !status.is_success() {
            // The status alone says no; the words are only for the log.
            return Err(call.refused(status, &headers, &body.unwrap_or_default()));
        }
        let body = body.map_err(|problem| call.lost(problem))?;
        serde_json::from_slice(&body).map_err(|error| call.lost(format!("{status} with an unreadable body: {error}")))
    }
}

#[derive(Deserialize)]
struct Told {
    key: SecretString,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    next: Option<String>,
    results: Vec<Prediction>,
}

/// What all connections have in common. `retry` is off because even reqwest's "safe" second send is one we did not decide.
fn connection(base: &Url, limits: Limits) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let builder = reqwest::Client::builder()
        .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(limits.connect)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    // The sandbox is on this machine; a proxy of the environment cannot reach it.
    if is_loopback(base) { builder.no_proxy() } else { builder }
}

/// A connection that carries one request and that the kernel gives up as soon as we do: bytes which the socket still
/// holds when our timeout ends must not be delivered minutes later.
fn lonely(builder: reqwest::ClientBuilder, limits: Limits) -> reqwest::ClientBuilder {
    let builder = builder.timeout(limits.create).pool_max_idle_per_host(0).http1_only();
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(limits.create);
    builder
}

/// Whether a URL leads to this machine.
pub(in crate::server) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error.without_url()))? {
        if body.len() + chunk.len() > most {
            return Err(format!("the answer is larger than {most} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn rfc3339(moment: Timestamp) -> Result<String, Error> {
    let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000_000).ok();
    let text = text.and_then(|moment| moment.format(&Rfc3339).ok());
    text.ok_or_else(|| Error::Setup(format!("{} ms is no date", moment.0)))
}

#[cfg(test)]
pub(crate) mod tests;
