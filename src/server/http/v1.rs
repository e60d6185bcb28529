//! `/v1`: Replicate's own protocol, so that a program written for Replicate makes its pictures here by changing a host and
//! a key. A prediction is a generation: it costs credits, shows in the gallery and keeps its files.
//!
//! No session, no cookie, no form: a key in a header says who asks, so no page of anybody's can ask in their name. Every
//! error is `application/problem+json`. From the outside in: errors get their words; a body is read whole; a request finds
//! room; the key is looked up, and its scope and its pace are checked.
//!
//! | module | what it is for |
//! |---|---|
//! | `create`, `predictions` | asking, looking, stopping |
//! | `models`, `catalogue`, `account` | what there is, and who asks |
//! | `absent` | what there is not |
//! | `pages` | lists and the way through them |
//! | `files`, `uploads` | kept files at addresses that open to whoever knows them; files that programs bring |
//! | `stream` | a prediction as it goes on |
//! | `told`, `webhooks` | the objects that are answered, and told of by ourselves |
//! | `openapi` | the description of all of it |

mod absent;
mod account;
mod catalogue;
mod create;
mod files;
mod models;
pub(super) mod openapi;
mod pages;
mod predictions;
mod stream;
mod told;
mod uploads;
mod webhooks;

pub(super) use create::is_webhook;
pub(in crate::server) use webhooks::tell;

use super::body::{self, Bodies};
use super::room::{self, Rooms};
use crate::domain::Scope;
use crate::server::file::API_BYTES;
use crate::server::key::rate::{Kind, Pace, Rates};
use crate::server::key::{self, Bearer, Token};
use crate::server::protocol::{Problem, prefer};
use crate::server::seal::Seals;
use crate::server::{App, db};
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

/// The most bytes of a create: an input may carry small files in it.
const CREATE_LIMIT: usize = 2 * 1_024 * 1_024;
/// The same of anything else.
const BODY_LIMIT: usize = 64 * 1_024;
/// Bodies being read at once; they may be large, and nobody has shown a key yet.
const BODIES: usize = 64;

/// Requests of one process that wait for the end of a prediction. Nothing is held for them but their connection.
const WAITING: usize = 1_000;

const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What the handlers here work with.
#[derive(Clone)]
struct V1 {
    app: App,
    rates: Rates,
    seals: Seals,
    streams: stream::Streams,
}

impl FromRef<V1> for App {
    fn from_ref(v1: &V1) -> Self {
        v1.app.clone()
    }
}

/// What a handler answers.
type Answered = Result<Response, Problem>;

/// Who asks; put there by [`guard`].
type Asking = Extension<Bearer>;

pub(super) fn router(app: App) -> Router {
    let (rates, seals) = (Rates::new(app.db.clone()), Seals::new(app.db.clone()));
    let v1 = V1 { app, rates, seals, streams: stream::Streams::default() };
    let with_key = Router::new()
        .route("/v1/account", get(account::show))
        .route("/v1/webhooks/default/secret", get(account::secret))
        .route("/v1/files", get(uploads::list).post(uploads::create))
        .route("/v1/files/{id}", get(uploads::show).delete(uploads::delete))
        .route("/v1/files/{id}/download", get(uploads::download))
        .route("/v1/models", get(models::list).fallback(models::search))
        .route("/v1/models/{owner}/{name}", get(models::show))
        .route("/v1/models/{owner}/{name}/readme", get(models::readme))
        .route("/v1/models/{owner}/{name}/examples", get(models::examples))
        .route("/v1/models/{owner}/{name}/versions", get(models::versions))
        .route("/v1/models/{owner}/{name}/versions/{version}", get(models::version))
        .route("/v1/models/{owner}/{name}/versions/{version}/trainings", post(absent::train))
        .route("/v1/models/{owner}/{name}/predictions", post(create::of_model))
        .route("/v1/collections", get(catalogue::list))
        .route("/v1/collections/{slug}", get(catalogue::show))
        .route("/v1/search", get(catalogue::search))
        .route("/v1/hardware", get(catalogue::hardware))
        .route("/v1/deployments", get(absent::deployments).post(absent::deploy))
        .route("/v1/trainings", get(absent::trainings))
        .route("/v1/predictions", get(predictions::list).post(create::of_version))
        .route("/v1/predictions/{id}", get(predictions::show))
        .route("/v1/predictions/{id}/cancel", post(predictions::cancel))
        .route("/v1/{*rest}", any(nowhere))
        .layer(middleware::from_fn_with_state(v1.clone(), guard));
    let without = Router::new()
        .route("/v1/openapi.json", get(openapi::document))
        .route("/v1/streams/{token}", get(stream::follow))
        .route("/i/{token}/{file}", get(files::input))
        .route("/o/{token}/{file}", get(files::show));
    with_key
        .merge(without)
        .layer(CatchPanicLayer::custom(super::trouble::panicked))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Waiting::default(), find_room))
        .layer(middleware::from_fn_with_state(
            Bodies::at_most(longest_body).but_streamed(streamed_body).at_once(BODIES),
            body::whole,
        ))
        .layer(middleware::from_fn(explain))
        .with_state(v1)
}

fn longest_body(path: &str) -> usize {
    if path.ends_with("/predictions") { CREATE_LIMIT } else { BODY_LIMIT }
}

/// The most bytes of a file that comes, and of the form around it.
fn streamed_body(path: &str) -> Option<u64> {
    (path == "/v1/files").then_some(API_BYTES + BODY_LIMIT as u64)
}

/// Room for requests: a few at work, and, beside them, many that only wait for a prediction to end.
#[derive(Clone)]
struct Waiting {
    rooms: Rooms,
    places: Arc<Semaphore>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { rooms: Rooms::default(), places: Arc::new(Semaphore::new(WAITING)) }
    }
}

async fn find_room(State(waiting): State<Waiting>, request: Request, next: Next) -> Response {
    if prefer::wait(request.headers()).is_none() {
        return room::find(State(waiting.rooms), request, next).await;
    }
    match waiting.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn nowhere() -> Problem {
    Problem::not_found()
}

/// Lets in who has a key that may do this, and is not too fast.
async fn guard(State(v1): State<V1>, mut request: Request, next: Next) -> Answered {
    let given = request.headers().get(header::AUTHORIZATION);
    // A token that cannot be one of ours is refused without a look.
    let token = given.and_then(|value| value.to_str().ok()).and_then(token_of).and_then(Token::parse);
    let now = v1.app.clock.now();
    let bearer = match &token {
        Some(token) => key::find(&v1.app.db, token, now).await.map_err(|error| away(&error))?,
        None => None,
    };
    let bearer = bearer.ok_or_else(|| Problem::unauthenticated(given.is_some()))?;
    let (scope, kind) = wants(request.method(), request.uri().path());
    if !bearer.scopes.allow(scope) {
        return Err(Problem::forbidden(match scope {
            Scope::Read => "This key may not read. It was made to change things only.",
            Scope::Write => "This key may not change anything. It was made to read only.",
        }));
    }
    let pace = v1.rates.take(&bearer.id, kind, now).await.map_err(|error| away(&error))?;
    let (left, reset, mut response) = match pace {
        Pace::Left(left) => {
            request.extensions_mut().insert(bearer);
            (left, 1, next.run(request).await)
        }
        Pace::Wait(seconds) => (0, seconds, Problem::throttled(seconds).into_response()),
    };
    let headers = response.headers_mut();
    headers.insert(REMAINING, HeaderValue::from(left));
    headers.insert(RESET, HeaderValue::from(reset));
    Ok(response)
}

/// `Bearer …`, or `Token …` of older clients; the word in any case.
fn token_of(value: &str) -> Option<&str> {
    let (word, token) = value.trim().split_once(' ')?;
    (word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("token")).then_some(token.trim())
}

/// What a request needs, and what it counts as.
fn wants(method: &Method, path: &str) -> (Scope, Kind) {
    match method.as_str() {
        "GET" | "HEAD" if path.starts_with("/v1/predictions/") => (Scope::Read, Kind::Poll),
        "GET" | "HEAD" | "QUERY" => (Scope::Read, Kind::Read),
        "POST" if path.ends_with("/predictions") => (Scope::Write, Kind::Create),
        _ => (Scope::Write, Kind::Read),
    }
}

/// The database could not do it: busy, or our own fault.
fn away(error: &sqlx::Error) -> Problem {
    tracing::error!(%error, "a call of the API failed");
    let passing = db::is_passing(error);
    Problem::of_status(if passing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR })
}

/// Gives every error without words of its own those of the protocol.
async fn explain(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let said = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// The house's origin, without a slash at the end.
fn origin(app: &App) -> &str {
    app.config.public_url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_as_bearer_or_as_token_and_in_no_other_way() {
        for (value, token) in
            [("Bearer a", Some("a")), ("Token a", Some("a")), ("bearer  a ", Some("a")), ("Basic a", None), ("a", None)]
        {
            assert_eq!(token_of(value), token, "{value}");
        }
    }

    #[test]
    fn what_looks_needs_to_read_and_what_changes_needs_to_write() {
        let query = Method::from_bytes(b"QUERY").expect("a method");
        assert_eq!(wants(&query, "/v1/models"), (Scope::Read, Kind::Read));
        assert_eq!(wants(&Method::GET, "/v1/predictions/x"), (Scope::Read, Kind::Poll));
        assert_eq!(wants(&Method::GET, "/v1/predictions"), (Scope::Read, Kind::Read));
        assert_eq!(wants(&Method::POST, "/v1/models/a/b/predictions"), (Scope::Write, Kind::Create));
        assert_eq!(wants(&Method::POST, "/v1/predictions/x/cancel"), (Scope::Write, Kind::Read));
        assert_eq!(wants(&Method::DELETE, "/v1/anything"), (Scope::Write, Kind::Read));
    }
}
