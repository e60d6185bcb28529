//! What Replicate tells us by itself. No session, no cookie, no page: a signature is what lets it in.
//!
//! Answered within a second, whatever happens: Replicate waits only so long, and sends the end of a prediction again when
//! it hears no yes. Nothing depends on any of it; a webhook that is never heard is a poll that comes a little later.

use super::body::{self, Bodies};
use crate::domain::GenerationId;
use crate::server::App;
use crate::server::generation::hooks::{self, Heard, Webhook};
use crate::server::replicate::webhook::Message;
use crate::server::replicate::{NotBelieved, Prediction};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;

/// The most bytes of a webhook: a prediction can carry its pictures inline, and was recorded at 395 kB.
const BODY_LIMIT: usize = 2 * 1_024 * 1_024;

/// Webhooks being read at once: whoever sends one has proved nothing yet.
const BODIES: usize = 64;

/// How long all of it may take, once the body is here.
const ANSWER_WITHIN: Duration = Duration::from_millis(700);

/// Come again: nothing was written.
const LATER: (StatusCode, [(header::HeaderName, &str); 1]) = (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]);

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/hooks/replicate/{id}/{seq}", post(replicate))
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Bodies::at_most(|_| BODY_LIMIT).at_once(BODIES), body::whole))
        .with_state(app)
}

async fn replicate(
    State(app): State<App>,
    Path((id, seq)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.status().into_response(),
    };
    let answered = tokio::time::timeout(ANSWER_WITHIN, answer(&app, &id, &seq, &headers, &body)).await;
    answered.unwrap_or_else(|_| {
        tracing::error!("a webhook could not be taken in time; Replicate sends it again");
        LATER.into_response()
    })
}

async fn answer(app: &App, id: &str, seq: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let message =
        Message { id: text("webhook-id"), timestamp: text("webhook-timestamp"), signature: text("webhook-signature"), body };
    let now = app.clock.now();
    match app.webhooks.verify(&message, now).await {
        Ok(()) => {}
        Err(NotBelieved::NoSecret) => return LATER.into_response(),
        Err(NotBelieved::Forged(why)) => {
            tracing::warn!(%why, "a webhook was not believed");
            return StatusCode::UNAUTHORIZED.into_response();
        }
    }
    let (Some(generation), Ok(seq)) = (GenerationId::parse(id), seq.parse()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(prediction) = serde_json::from_slice::<Prediction>(body) else {
        tracing::error!("a genuine webhook tells of no prediction");
        return StatusCode::BAD_REQUEST.into_response();
    };
    let webhook = Webhook { message: message.id, generation: &generation, seq, prediction: &prediction };
    match hooks::hear(&app.db, &webhook, now).await {
        Ok(heard) => {
            tracing::info!(generation = %generation, seq, status = prediction.status.as_str(), ?heard, "a webhook was heard");
            status(heard).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a webhook could not be written down; Replicate sends it again");
            LATER.into_response()
        }
    }
}

/// Anything but a yes makes Replicate send it again.
const fn status(heard: Heard) -> StatusCode {
    match heard {
        Heard::Adopted | Heard::Woken | Heard::Known | Heard::Stray | Heard::Repeated => StatusCode::NO_CONTENT,
        Heard::Unknown => StatusCode::NOT_FOUND,
        Heard::NotOurs => StatusCode::BAD_REQUEST,
    }
}
