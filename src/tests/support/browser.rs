//! A browser as far as the server can tell: it keeps cookies, sends where a form came from, and follows no redirect by
//! itself.

use super::Stream;
use atelier::domain::GenerationId;
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A password that everybody here uses; who knows it is not what is tested.
pub const PASSWORD: &str = "a lantern above seven hills";

/// Somebody at a screen. Clones are tabs: they share the cookies.
#[derive(Clone)]
pub struct Browser {
    origin: String,
    client: reqwest::Client,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    email: Arc<Mutex<String>>,
}

/// What a request was answered with.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Browser {
    pub fn new(origin: &str) -> Self {
        atelier::server::replicate::install_tls();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_mins(1));
        Self {
            origin: origin.to_owned(),
            client: client.build().expect("a client"),
            cookies: Arc::default(),
            email: Arc::default(),
        }
    }

    /// The same person at another process.
    pub fn at(&self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self.clone() }
    }

    pub fn email(&self) -> String {
        self.email.lock().expect("the address").clone()
    }

    /// Signs up as `name` and stays signed in.
    pub async fn sign_up(&self, name: &str) {
        let email = format!("{name}@example.com");
        let answer = self.post("/sign-up", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/create"), "{}", answer.text());
        *self.email.lock().expect("the address") = email;
    }

    /// Signs in as `name`.
    pub async fn sign_in(&self, name: &str) -> Answer {
        self.post("/sign-in", &[("email", &format!("{name}@example.com")), ("password", PASSWORD)]).await
    }

    /// A request with this person's cookies and nothing else.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.origin));
        match self.cookie_header() {
            Some(cookies) => request.header("cookie", cookies),
            None => request,
        }
    }

    /// Sends it, keeps the cookies and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_cookies(&headers);
        Answer { status, headers, body: response.bytes().await.expect("a whole body").to_vec() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.bare(Method::GET, path).header("accept", "text/html")).await
    }

    pub async fn get_json(&self, path: &str) -> Answer {
        self.send(self.bare(Method::GET, path).header("accept", "application/json")).await
    }

    /// Submits a form of one of our pages.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields).header("accept", "text/html")).await
    }

    /// Submits a form as an island does, which reads JSON.
    pub async fn press(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields).header("accept", "application/json")).await
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.bare(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &self.origin)
            .header("sec-fetch-site", "same-origin")
            .body(body)
    }

    /// Calls a machine's address as `curl` would.
    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send(self.bare(Method::POST, path).json(body)).await
    }

    /// Asks for one picture through the trigger route.
    pub async fn trigger(&self, prompt: &str) -> GenerationId {
        self.trigger_with(&serde_json::json!({"prompt": prompt})).await
    }

    /// The same with more to say.
    pub async fn trigger_with(&self, wish: &Value) -> GenerationId {
        let answer = self.post_json("/api/app/generate", wish).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        GenerationId::trusted(answer.json()["id"].as_str().expect("an id"))
    }

    /// What the trigger's other half tells about a generation.
    pub async fn told(&self, id: &GenerationId) -> Value {
        let answer = self.get_json(&format!("/api/app/generations/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Opens the event stream.
    pub async fn events(&self, query: &str) -> Stream {
        self.events_from(query, None).await
    }

    /// Opens it as a browser does that saw an event before.
    pub async fn events_from(&self, query: &str, last_event_id: Option<&str>) -> Stream {
        let mut request = self.bare(Method::GET, &format!("/events{query}")).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Stream::open(request).await
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("the cookies").get(name).cloned()
    }

    /// Puts a cookie into the jar, as somebody would who stole it.
    pub fn plant(&self, name: &str, value: &str) {
        self.cookies.lock().expect("the cookies").insert(name.to_owned(), value.to_owned());
    }

    fn cookie_header(&self) -> Option<String> {
        let cookies = self.cookies.lock().expect("the cookies");
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().expect("the cookies");
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie in ASCII");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a name and a value");
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}
