//! When something did not work: causes are written to the log here, and stay there.
//!
//! A handler fails with a [`Trouble`]; the layer [`explain`] turns every error that has no body of its own, also those of
//! the framework, into a page or a problem in JSON, in the person's language, with the id under which the operator finds
//! the cause. What went wrong inside is never told outside.

use super::render;
use super::visitor::Visitor;
use crate::pages::ErrorPage;
use crate::server::auth::Backend;
use crate::server::db::is_passing;
use crate::server::{App, account, file, generation, key, ledger};
use crate::text;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde_json::json;
use std::any::Any;
use tower_sessions::session;

/// Seconds after which somebody who was turned away may come back, where nobody said more.
const A_MOMENT: i64 = 5;

/// Why a request ends without what it asked for.
#[derive(Debug)]
pub(super) struct Trouble {
    status: StatusCode,
}

impl Trouble {
    pub const SIGNED_OUT: Self = Self { status: StatusCode::UNAUTHORIZED };
    pub const NOT_FOUND: Self = Self { status: StatusCode::NOT_FOUND };
    pub const TOO_MANY: Self = Self { status: StatusCode::TOO_MANY_REQUESTS };

    pub const fn status(status: StatusCode) -> Self {
        Self { status }
    }

    /// Our own fault: logged here, with everything known about it, and nowhere else.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR }
    }

    /// Sessions are rows; what fails about them is the database.
    fn sessions_away(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a session could not be read or written");
        Self { status: StatusCode::SERVICE_UNAVAILABLE }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            tracing::error!(%error, "the database could not do it just now");
            return Self { status: StatusCode::SERVICE_UNAVAILABLE };
        }
        Self::internal(&error)
    }
}

impl From<ledger::Error> for Trouble {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Database(error) => error.into(),
            error @ ledger::Error::NotOpen(_) => Self::internal(&error),
        }
    }
}

impl From<account::Error> for Trouble {
    fn from(error: account::Error) -> Self {
        match error {
            account::Error::Database(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl From<session::Error> for Trouble {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Store(error) => Self::sessions_away(&error),
            error @ session::Error::SerdeJson(_) => Self::internal(&error),
        }
    }
}

impl From<axum_login::Error<Backend>> for Trouble {
    fn from(error: axum_login::Error<Backend>) -> Self {
        match error {
            axum_login::Error::Session(error) => error.into(),
            axum_login::Error::Backend(error) => error.into(),
        }
    }
}

impl From<key::Error> for Trouble {
    fn from(error: key::Error) -> Self {
        match error {
            key::Error::NotFound => Self::NOT_FOUND,
            key::Error::Database(error) => error.into(),
            error @ (key::Error::Again | key::Error::TooMany) => Self::internal(&error),
        }
    }
}

impl From<generation::Error> for Trouble {
    fn from(error: generation::Error) -> Self {
        match error {
            generation::Error::NotFound => Self::NOT_FOUND,
            generation::Error::Database(error) => error.into(),
            // Callers that can be refused answer that themselves.
            error @ generation::Error::Refused(_) => Self::internal(&error),
        }
    }
}

impl From<file::Error> for Trouble {
    fn from(error: file::Error) -> Self {
        match error {
            file::Error::Database(error) => error.into(),
            file::Error::Store(error) => {
                tracing::error!(%error, "a file could not be kept or read");
                Self { status: StatusCode::SERVICE_UNAVAILABLE }
            }
            // Callers that can be refused answer that themselves.
            error @ (file::Error::Refused(_) | file::Error::Disk(_)) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        self.status.into_response()
    }
}

pub(super) async fn nowhere() -> StatusCode {
    StatusCode::NOT_FOUND
}

pub(super) async fn not_that_way() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said =
        panic.downcast::<String>().map(|text| *text).or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()));
    tracing::error!(panic = said.unwrap_or_default(), "a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Around the layers that read and write the session: what fails out here has no words of its own, and is the database's.
pub(super) async fn session_away(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let explained = response.extensions().get::<Explained>().is_some();
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && !explained {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Gives every error without a body of its own a page or a problem.
pub(super) async fn explain(State(app): State<App>, visitor: Visitor, request: Request, next: Next) -> Response {
    let request_id = request.headers().get(super::REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let response = next.run(request).await;
    let status = response.status();
    let explained = response.extensions().get::<Explained>().is_some();
    if explained || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let wait = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|wait| wait.to_str().ok()?.parse().ok())
        .or_else(|| matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS).then_some(A_MOMENT));
    let mut answer = if visitor.wants_json {
        problem(status, &visitor, request_id.as_deref())
    } else if status == StatusCode::UNAUTHORIZED {
        let why = if visitor.expired { "&expired=1" } else { "" };
        Redirect::to(&format!("{}{why}", door(&visitor.path))).into_response()
    } else {
        page(&app, &visitor, status, request_id, wait).await
    };
    // What the framework has to say in a header stays.
    if let Some(value) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, value.clone());
    }
    if let Some(wait) = wait {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    answer
}

/// Marks an error that was explained where it happened.
#[derive(Clone, Copy)]
pub(super) struct Explained;

/// Where somebody who is not signed in is sent, and comes back from.
pub(super) fn door(path: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

fn problem(status: StatusCode, visitor: &Visitor, request_id: Option<&str>) -> Response {
    let said = (text::pages(visitor.lang).trouble.trouble)(status.as_u16());
    let body = json!({"title": said.title, "detail": said.body, "status": status.as_u16(), "request_id": request_id});
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.extensions_mut().insert(Explained);
    response
}

async fn page(app: &App, visitor: &Visitor, status: StatusCode, request_id: Option<String>, wait: Option<i64>) -> Response {
    let viewer = visitor.bare_viewer(app);
    let title = (text::pages(visitor.lang).trouble.trouble)(status.as_u16()).title.to_owned();
    render::Page { status, modules: vec!["frame"], ..render::Page::new(viewer.clone(), title, false) }
        .render(app, move || {
            let (viewer, request_id) = (viewer.clone(), request_id.clone());
            view! { <ErrorPage viewer status=status.as_u16() request_id wait said=None /> }
        })
        .await
}
