//! The routes, their guard (token, rate limit), and what is left over.

mod models;
mod outputs;
mod pages;
mod predictions;
mod ranges;
pub(super) mod streams;
mod uploads;

use super::{InvoiceLine, Sandbox, bucket::Kind};
use crate::server::protocol::Problem;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::PoisonError;

/// The largest create, in bytes: room for some pictures as data URLs.
const LARGEST_CREATE: usize = 16 * 1_024 * 1_024;

type Answered = Result<Response, Problem>;

pub(super) fn router(sandbox: Sandbox) -> Router {
    let files = get(uploads::list).post(uploads::create).layer(DefaultBodyLimit::disable());
    let create_official = post(predictions::create_official).layer(DefaultBodyLimit::max(LARGEST_CREATE));
    let api = Router::new()
        .route("/account", get(account))
        .route("/webhooks/default/secret", get(webhook_secret))
        .route("/hardware", get(models::hardware))
        .route("/collections", get(models::collections))
        .route("/collections/{slug}", get(models::collection))
        .route("/search", get(models::search))
        // `QUERY` is no method that a route can be made for.
        .route("/models", get(models::list).fallback(models::query))
        .route("/models/{owner}/{name}", get(models::one))
        .route("/models/{owner}/{name}/predictions", create_official)
        .route("/models/{owner}/{name}/versions", get(models::versions))
        .route("/models/{owner}/{name}/versions/{id}", get(models::version))
        .route("/files", files)
        .route("/files/{id}", get(uploads::one).delete(uploads::delete))
        .route("/predictions", get(predictions::list).post(predictions::create).layer(DefaultBodyLimit::max(LARGEST_CREATE)))
        .route("/predictions/{id}", get(predictions::one))
        .route("/predictions/{id}/cancel", post(predictions::cancel))
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(sandbox.clone(), guard));
    Router::new()
        .nest("/v1", api)
        // These need no token: a signature, or an address that cannot be guessed, takes its place.
        .route("/v1/files/{id}/download", get(uploads::download))
        .route("/streams/{token}", get(streams::follow))
        .route("/files/{id}/{name}", get(outputs::file))
        .route("/sandbox/invoice", get(invoice))
        .fallback(nothing)
        .with_state(sandbox)
}

/// Lets in who has a token and is not too fast.
async fn guard(State(sandbox): State<Sandbox>, request: Request, next: Next) -> Answered {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // `Token` is the form of the older clients.
    let token = given.and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("Token ")));
    if token.is_none_or(|token| token.trim().is_empty() || token.starts_with("invalid")) {
        return Err(Problem::unauthenticated(given.is_some()));
    }
    let path = request.uri().path();
    let kind = match *request.method() {
        Method::POST if path.ends_with("/predictions") => Kind::Create,
        Method::GET if path.starts_with("/predictions/") => Kind::Poll,
        _ => Kind::Read,
    };
    let now = sandbox.now();
    let drawn = sandbox.0.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(kind, now);
    let (left, wait, mut answer) = match drawn {
        Ok(left) => (left, 1, next.run(request).await),
        Err(seconds) => (0, seconds, Problem::throttled(seconds).into_response()),
    };
    answer.headers_mut().insert("ratelimit-remaining", HeaderValue::from(left));
    answer.headers_mut().insert("ratelimit-reset", HeaderValue::from(wait));
    Ok(answer)
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn account() -> Json<Value> {
    Json(json!({ "type": "user", "username": "sandbox", "name": "Sandbox", "github_url": null, "avatar_url": null }))
}

async fn webhook_secret(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(json!({ "key": sandbox.0.post.secret() }))
}

/// Where the caller reached us, so that the URLs it is given lead to the same place.
pub(super) fn origin(headers: &HeaderMap) -> String {
    format!("http://{}", headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost"))
}

async fn invoice(State(sandbox): State<Sandbox>) -> Json<Vec<InvoiceLine>> {
    Json(sandbox.invoice())
}
