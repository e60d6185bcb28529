//! Errors in Replicate's words, where those are known: clients look for them.

use crate::domain::schema::{Violation, detail};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error as `application/problem+json`; like Replicate's, it ends with a line break.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    body: Value,
    retry_after: Option<i64>,
}

impl Problem {
    /// No token, or none that opens the door.
    pub fn unauthenticated(given: bool) -> Self {
        let detail =
            if given { "You did not pass a valid authentication token" } else { "You did not pass an authentication token" };
        Self::titled(StatusCode::UNAUTHORIZED, "Unauthenticated", detail)
    }

    /// The token may not do this.
    pub fn forbidden(detail: &str) -> Self {
        Self::titled(StatusCode::FORBIDDEN, "Forbidden", detail)
    }

    /// It costs more than there is to spend.
    pub fn insufficient_credit(detail: &str) -> Self {
        Self::titled(StatusCode::PAYMENT_REQUIRED, "Insufficient credit", detail)
    }

    /// There is no such thing, or it is somebody else's.
    pub fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "The requested resource could not be found.")
    }

    /// What was sent cannot be read, or says something that is not allowed there.
    pub fn unreadable(detail: &str) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, detail)
    }

    /// A file that is longer than any may be.
    pub fn file_too_large() -> Self {
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "Files must be less than 100MB in size")
    }

    /// There is no such file to download.
    pub fn no_such_file() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "File not found")
    }

    /// Our own fault.
    pub fn internal() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The version a create names is none.
    pub fn no_such_version() -> Self {
        let detail = "The specified version does not exist (or perhaps you don't have permission to use it?)";
        Self::titled(StatusCode::UNPROCESSABLE_ENTITY, "Invalid version or not permitted", detail)
    }

    /// Something in the body breaks a rule.
    pub fn invalid(violations: &[Violation]) -> Self {
        let body = json!({
            "detail": detail(violations), "status": 422, "title": "Input validation failed", "invalid_fields": violations,
        });
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body, retry_after: None }
    }

    /// Too many calls; the next one may come after so many seconds.
    pub fn throttled(seconds: i64) -> Self {
        let detail = format!("Request was throttled. Your rate limit resets in ~{seconds}s.");
        let body = json!({ "detail": detail, "status": 429, "retry_after": seconds });
        Self { status: StatusCode::TOO_MANY_REQUESTS, body, retry_after: Some(seconds) }
    }

    /// A status with a sentence.
    pub fn plain(status: StatusCode, detail: &str) -> Self {
        Self { status, body: json!({ "detail": detail, "status": status.as_u16() }), retry_after: None }
    }

    /// A status with a title and a sentence.
    pub fn titled(status: StatusCode, title: &str, detail: &str) -> Self {
        Self { status, body: json!({ "title": title, "detail": detail, "status": status.as_u16() }), retry_after: None }
    }

    /// A status that came without a body, in its own words.
    pub fn of_status(status: StatusCode) -> Self {
        if status == StatusCode::NOT_FOUND {
            return Self::not_found();
        }
        let detail = match status {
            StatusCode::SERVICE_UNAVAILABLE => "The server is busy or restarting. Try again in a few seconds.",
            StatusCode::PAYLOAD_TOO_LARGE => "The request is larger than this server takes.",
            StatusCode::REQUEST_TIMEOUT => "The request did not arrive in time.",
            StatusCode::METHOD_NOT_ALLOWED => "This method is not allowed here.",
            _ if status.is_server_error() => "Internal server error",
            _ => "The request could not be read.",
        };
        let later = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Self { retry_after: later, ..Self::plain(status, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, json)], format!("{}\n", self.body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
