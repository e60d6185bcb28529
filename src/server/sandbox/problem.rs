//! Replicate's error answers, word for word where they were recorded.

use crate::domain::schema::{self, Violation};
use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A refusal: RFC 7807-like, and like the recorded ones it ends with a line break.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    status: StatusCode,
    body: Value,
}

impl Problem {
    pub(super) fn unauthenticated(given: bool) -> Self {
        let detail =
            if given { "You did not pass a valid authentication token" } else { "You did not pass an authentication token" };
        Self::new(StatusCode::UNAUTHORIZED, json!({ "title": "Unauthenticated", "detail": detail, "status": 401 }))
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, json!({ "detail": "The requested resource could not be found.", "status": 404 }))
    }

    pub(super) fn no_such_file() -> Self {
        Self::new(StatusCode::NOT_FOUND, json!({ "detail": "File not found", "status": 404 }))
    }

    pub(super) fn file_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, json!({ "detail": "Files must be less than 100MB in size", "status": 413 }))
    }

    pub(super) fn not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, json!({ "detail": "Method not allowed", "status": 405 }))
    }

    pub(super) fn unreadable(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, json!({ "detail": detail, "status": 400 }))
    }

    pub(super) fn no_such_version() -> Self {
        let detail = "The specified version does not exist (or perhaps you don't have permission to use it?)";
        let title = "Invalid version or not permitted";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, json!({ "title": title, "detail": detail, "status": 422 }))
    }

    pub(super) fn invalid(violations: &[Violation]) -> Self {
        let (detail, title) = (schema::detail(violations), "Input validation failed");
        let body = json!({ "detail": detail, "status": 422, "title": title, "invalid_fields": violations });
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, body)
    }

    pub(super) fn throttled(seconds: i64) -> Self {
        let detail = format!("Request was throttled. Your rate limit resets in ~{seconds}s.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, json!({ "detail": detail, "status": 429, "retry_after": seconds }))
    }

    /// Our own fault; Replicate's form of it was never recorded.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, json!({ "detail": "Internal server error", "status": 500 }))
    }

    const fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/problem+json");
        (self.status, [(CONTENT_TYPE, json)], format!("{}\n", self.body)).into_response()
    }
}
