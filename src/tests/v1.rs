//! `/v1`: Replicate's protocol, as a program sees it.

mod asking;
mod doors;
mod files;
mod going_on;
mod looking;
mod secrets;

use crate::support::{Answer, Browser, TestApp};
use atelier::domain::{ApiKeyId, Scopes};
use reqwest::Method;
use serde_json::{Value, json};

/// A program with a key.
#[derive(Clone)]
pub struct Program {
    pub key: ApiKeyId,
    token: String,
    browser: Browser,
}

impl Program {
    /// A program of this person's that may do everything.
    pub async fn of(app: &TestApp, person: &Browser) -> Self {
        Self::with(app, person, Scopes::Both, None).await
    }

    pub async fn with(app: &TestApp, person: &Browser, scopes: Scopes, cap: Option<i64>) -> Self {
        let (key, token) = crate::keys::make(app, person, scopes, cap).await;
        Self { key, token: token.reveal().to_owned(), browser: app.visitor() }
    }

    /// The same program, talking to another process.
    pub fn at(&self, url: &str) -> Self {
        Self { browser: self.browser.at(url), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.browser.bare(method, path).header("authorization", format!("Bearer {}", self.token))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.browser.send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Asks for a picture by the name of a model; answers the prediction.
    pub async fn create(&self, prompt: &str) -> Value {
        let answer = self.post(SCHNELL, &json!({"input": {"prompt": prompt}})).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }
}

/// Where a picture of the first model is asked for by name.
pub const SCHNELL: &str = "/v1/models/black-forest-labs/flux-schnell/predictions";

/// The path of one of our own addresses.
pub fn path_of<'a>(app: &TestApp, url: &'a Value) -> &'a str {
    url.as_str().and_then(|url| url.strip_prefix(&app.process.url)).expect("an address of ours")
}
