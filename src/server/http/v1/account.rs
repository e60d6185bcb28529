//! Who asks.

use super::{Answered, Asking, away};
use crate::server::protocol::Problem;
use crate::server::{App, account};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;

use super::told::Account;

/// The account of the key.
#[utoipa::path(get, path = "/v1/account", tag = "account", operation_id = "account.get",
    responses((status = 200, body = Account)))]
pub(super) async fn show(State(app): State<App>, asking: Asking) -> Answered {
    let person = account::find(&app.db, &asking.owner).await.map_err(|error| away(&error))?;
    let person = person.ok_or_else(Problem::not_found)?;
    let name = person.email.split('@').next().unwrap_or_default().to_owned();
    Ok(Json(Account { r#type: "user", username: name.clone(), name, github_url: None, avatar_url: None }).into_response())
}
