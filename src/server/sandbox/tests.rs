//! The sandbox as its callers see it: over HTTP, with a clock that the test holds. What every subject needs stands here.

mod creates;
mod inputs;
mod media;
mod models;
mod pictures;
mod runs;
mod scripts;
mod streams;
mod uploads;
mod webhooks;

use super::*;
use crate::{
    domain::ModelName,
    server::replicate::{Client, Create, DownloadError, DownloadLimits, Error, Prediction, RunFailure, Status, webhook},
};
use axum::http::HeaderMap;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// Starting and rendering at speed 1.
const WHOLE_MS: i64 = 400 + 2_500;
const HOUR_MS: i64 = 3_600_000;

/// A sandbox on a port, its clock standing until it is moved.
struct House {
    base: Url,
    client: Client,
    http: reqwest::Client,
    sandbox: Sandbox,
    time: Arc<AtomicI64>,
    dir: tempfile::TempDir,
    stop: DropGuard,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let time = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self::open(dir, time, change).await
    }

    async fn open(dir: tempfile::TempDir, time: Arc<AtomicI64>, change: impl FnOnce(&mut Options)) -> Self {
        let clock = time.clone();
        let mut options = Options::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        change(&mut options);
        let sandbox = Sandbox::open(dir.path(), options).await.expect("a sandbox");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, sandbox.clone(), stop.clone()));
        let client = Client::new(&base, SecretString::from(TOKEN)).expect("a client");
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
        Self { base, client, http, sandbox, time, dir, stop: stop.drop_guard() }
    }

    /// Ends this one and opens another on what it left.
    async fn reopened(self) -> Self {
        let Self { sandbox, time, dir, stop, .. } = self;
        drop((sandbox, stop));
        Self::open(dir, time, |_| {}).await
    }

    fn pass(&self, milliseconds: i64) {
        self.time.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    async fn create(&self, prompt: &str) -> Prediction {
        self.order(json!({ "prompt": prompt, "seed": 7 })).await.expect("a prediction")
    }

    async fn order(&self, input: Value) -> Result<Prediction, Error> {
        let create = Create { model: ModelName::trusted("black-forest-labs/flux-schnell"), version: None, input, webhook: None };
        self.client.create(&create, Duration::from_mins(1)).await
    }

    async fn look(&self, prediction: &Prediction) -> Prediction {
        self.client.get(&prediction.id).await.expect("a prediction")
    }

    /// A prediction of that prompt at its end.
    async fn ended(&self, prompt: &str) -> Prediction {
        let prediction = self.create(prompt).await;
        self.pass(WHOLE_MS);
        self.look(&prediction).await
    }

    /// What is told at a path that is asked with `GET`.
    async fn told(&self, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(self.base.join(path).expect("a URL")).bearer_auth(TOKEN);
        let response = request.send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    /// A prediction of any model of the catalogue, just created.
    async fn run(&self, model: &str, input: Value) -> Value {
        let (owner, name) = model.split_once('/').expect("an owner and a name");
        let entry = catalogue::named(owner, name).expect("a model");
        let (status, told) = self.post("/v1/predictions", json!({ "version": entry.version, "input": input })).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
        told
    }

    /// The same at its end.
    async fn ran(&self, model: &str, input: Value) -> Value {
        let created = self.run(model, input).await;
        self.pass(400 + 8_000);
        self.seen(&created).await
    }

    /// A prediction as it is now.
    async fn seen(&self, prediction: &Value) -> Value {
        self.told(&format!("/v1/predictions/{}", prediction["id"].as_str().expect("an id"))).await.1
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.http.post(self.base.join(path).expect("a URL")).bearer_auth(TOKEN).json(&body);
        let response = request.send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        let to = self.dir.path().join("fetched");
        self.client.download(url, &to, DownloadLimits::default()).await?;
        Ok(std::fs::read(to).expect("a file"))
    }

    fn events(&self) -> Vec<(InvoiceEvent, i64)> {
        self.sandbox.invoice().into_iter().map(|line| (line.event, line.images)).collect()
    }
}
