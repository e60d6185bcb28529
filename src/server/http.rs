//! The router: every address of the product, and the layers around all of them.
//!
//! From the outside in: a request id, the trace, compression, security headers; then, for all but the files of the house,
//! errors without a body get a page or a problem in JSON; a body of at most 64 KiB, whole, but for files; room to be answered; the
//! session; the CSRF rule; a panic becomes a 500. Webhooks have no session and bring their own proof. No SQL here: a
//! handler finds out who is asking, calls one verb and answers.

mod account;
mod body;
mod catalogue;
mod create;
mod credits;
mod csrf;
mod doors;
mod events;
mod files;
mod gallery;
mod generations;
mod headers;
mod health;
mod hooks;
mod install;
mod keys;
mod media;
mod receipt;
mod render;
mod room;
mod share;
mod shares;
mod site;
mod trigger;
mod trouble;
mod v1;
mod viewer;
mod visitor;
mod webhooks;

pub(in crate::server) use v1::tell;

use super::App;
use super::auth::{Backend, Sessions};
use super::file::PAGE_BYTES;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Request};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use axum_login::AuthManagerLayerBuilder;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

/// The most bytes of a form or a JSON body.
const BODY_LIMIT: usize = 64 * 1_024;

/// The most bytes of the form with the prompt: 4,000 characters of any script, escaped, and room to be told of too many.
const PROMPT_LIMIT: usize = 256 * 1_024;

/// A session ends when it was not signed into for this long.
const SESSION_DAYS: i64 = 30;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole product as one service.
pub fn router(app: App) -> Router {
    let pages = Router::new()
        .route("/", get(site::landing))
        .route("/create", get(site::create))
        .route("/keys", get(keys::page).post(keys::make))
        .route("/docs/api", get(site::docs))
        .route("/help", get(site::help))
        .route("/sign-in", get(doors::sign_in_page).post(doors::sign_in))
        .route("/sign-up", get(doors::sign_up_page).post(doors::sign_up))
        .route("/sign-out", post(doors::sign_out))
        .route("/preferences", post(doors::preferences));
    let sessions = SessionManagerLayer::new(Sessions::new(app.db.clone(), app.clock.clone()))
        .with_name(if app.config.is_https() { "__Host-sid" } else { "sid" })
        .with_secure(app.config.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(time::Duration::days(SESSION_DAYS)));
    let sessions = AuthManagerLayerBuilder::new(Backend::new(app.db.clone(), app.clock.clone()), sessions).build();

    let around_everything = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MintRequestId))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
            let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
            // The path only: a query may hold what is nobody's business.
            tracing::info_span!("request", method = %request.method(), path = loggable(request.uri().path()), id)
        }))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            CompressionLayer::new().compress_when(
                // Pictures are compressed already, and an event stream must not wait in an encoder.
                SizeAbove::new(512)
                    .and(NotForContentType::IMAGES)
                    .and(NotForContentType::SSE)
                    .and(NotForContentType::const_new("application/zip")),
            ),
        );
    pages
        .merge(actions())
        .merge(models())
        .merge(credits::area())
        .merge(account::area())
        .merge(create::area())
        .merge(gallery::area())
        .merge(viewer::area())
        .merge(webhooks::area())
        .merge(around())
        .fallback(trouble::nowhere)
        .method_not_allowed_fallback(trouble::not_that_way)
        .layer(CatchPanicLayer::custom(trouble::panicked))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), csrf::check))
        .layer(middleware::from_fn_with_state(app.clone(), trouble::explain))
        .layer(sessions)
        .layer(middleware::from_fn(trouble::session_away))
        .layer(middleware::from_fn_with_state(room::Rooms::default(), room::find))
        .layer(middleware::from_fn_with_state(body::Bodies::at_most(longest_body).but_streamed(streamed_body), body::whole))
        // Once more: of what is refused out here, nobody inside has had a say.
        .layer(middleware::from_fn_with_state(app.clone(), trouble::explain))
        .with_state(app.clone())
        .merge(app.assets.router())
        .merge(health::router(app.clone()))
        .merge(hooks::router(app.clone()))
        .merge(v1::router(app.clone()))
        .layer(middleware::from_fn_with_state(app, headers::secure))
        .layer(around_everything)
}

/// What changes something, and what is no page.
fn actions() -> Router<App> {
    Router::new()
        .route("/generate", post(generations::generate))
        .route("/create/controls", post(generations::controls))
        .route("/g/{id}/cancel", post(generations::cancel))
        .route("/generations/cancel", post(generations::cancel_all))
        .route("/keys/{id}/rotate", post(keys::rotate))
        .route("/keys/{id}/revoke", post(keys::revoke))
        .route("/api/app/generate", post(trigger::generate))
        .route("/api/app/ai-images", post(trigger::generate))
        .route("/api/app/generations/{id}", get(trigger::show))
        .route("/api/app/files", post(files::upload))
        .route("/api/app/files/{id}", get(files::show).delete(files::remove))
        .route("/events", get(events::events))
}

/// A path for the log: of an address that opens to whoever knows it, only what kind it is.
fn loggable(path: &str) -> &str {
    const SEALED: [&str; 4] = ["/i/", "/o/", "/s/", "/v1/streams/"];
    SEALED.into_iter().find(|start| path.starts_with(start)).unwrap_or(path)
}

/// The catalogue: a page for everybody, and its keeper's forms.
fn models() -> Router<App> {
    Router::new()
        .route("/models", get(catalogue::models))
        .route("/admin/models", get(catalogue::list).post(catalogue::add))
        .route("/admin/models/look", post(catalogue::look_all))
        .route("/admin/models/{owner}/{name}", get(catalogue::show).post(catalogue::edit))
        .route("/admin/models/{owner}/{name}/look", post(catalogue::look))
        .route("/admin/models/{owner}/{name}/move", post(catalogue::move_on))
}

/// What stands around the pages: the app that a telephone keeps, and what is shared with it.
fn around() -> Router<App> {
    Router::new()
        .route("/manifest.webmanifest", get(install::manifest))
        .route("/sw.js", get(install::worker))
        .route("/build", get(install::build))
        .route("/offline", get(install::offline))
        .route("/share", get(share::collect).post(share::bring))
        .layer(Extension(share::Shelf::default()))
}

fn longest_body(path: &str) -> usize {
    if path == "/generate" || path.starts_with("/create/") { PROMPT_LIMIT } else { BODY_LIMIT }
}

/// The most bytes of a body that its handler reads as it comes: a file, and the form around it.
fn streamed_body(path: &str) -> Option<u64> {
    matches!(path, "/api/app/files" | "/share").then_some(PAGE_BYTES + BODY_LIMIT as u64)
}

/// Only the addresses that say whether the process is well.
pub fn health(app: App) -> Router {
    health::router(app)
}

#[derive(Clone, Copy)]
struct MintRequestId;

impl MakeRequestId for MintRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        super::db::mint().parse().ok().map(RequestId::new)
    }
}
