//! Who asks.

use super::{Answered, Asking, away};
use crate::server::protocol::Problem;
use crate::server::{App, account};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;

use super::told::{Account, WebhookSecret};
use crate::server::outbox;
use secrecy::ExposeSecret;

/// What the webhooks of the key's owner are signed with.
#[utoipa::path(get, path = "/v1/webhooks/default/secret", tag = "account", operation_id = "webhooks.default.secret.get",
    responses((status = 200, body = WebhookSecret)))]
pub(super) async fn secret(State(app): State<App>, asking: Asking) -> Answered {
    let secret = outbox::secret(&app.db, &asking.owner, app.clock.now()).await.map_err(|error| away(&error))?;
    Ok(Json(WebhookSecret { key: secret.expose_secret().to_owned() }).into_response())
}

/// The account of the key.
#[utoipa::path(get, path = "/v1/account", tag = "account", operation_id = "account.get",
    responses((status = 200, body = Account)))]
pub(super) async fn show(State(app): State<App>, asking: Asking) -> Answered {
    let person = account::find(&app.db, &asking.owner).await.map_err(|error| away(&error))?;
    let person = person.ok_or_else(Problem::not_found)?;
    let name = person.email.split('@').next().unwrap_or_default().to_owned();
    Ok(Json(Account { r#type: "user", username: name.clone(), name, github_url: None, avatar_url: None }).into_response())
}
