//! Whether the process lives, and whether it can work.

use crate::server::App;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::time::Duration;

const AWAY: &str = "the database does not answer";

/// `/livez` says that the process answers; `/readyz` that it is not stopping and that its database does.
pub(super) fn router(app: App) -> Router {
    Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(ready)).with_state(app)
}

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    if !app.db.is_here() {
        return (StatusCode::SERVICE_UNAVAILABLE, AWAY);
    }
    let asked = tokio::time::timeout(Duration::from_secs(2), sqlx::Executor::fetch_one(app.db.pool(), "select 1")).await;
    match asked {
        Ok(Ok(_)) => (StatusCode::OK, "ok"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, AWAY),
    }
}
