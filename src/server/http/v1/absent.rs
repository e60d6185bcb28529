//! What Replicate has and this house has not, answered as Replicate answers somebody who has none of it: lists are empty, what
//! is asked for by name is not there, and what cannot be made is refused with the reason.

use super::told::{Page, Prediction};
use crate::server::protocol::Problem;
use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A model that runs on hardware of its own. There are none.
#[derive(Serialize, ToSchema)]
pub(super) struct Deployment {
    owner: String,
    name: String,
}

/// Deployments: none.
#[utoipa::path(get, path = "/v1/deployments", tag = "not here", operation_id = "deployments.list",
    responses((status = 200, body = Page<Deployment>)))]
pub(super) async fn deployments() -> Json<Page<Deployment>> {
    Json(Page::default())
}

/// Trainings: none.
#[utoipa::path(get, path = "/v1/trainings", tag = "not here", operation_id = "trainings.list",
    responses((status = 200, body = Page<Prediction>)))]
pub(super) async fn trainings() -> Json<Page<Prediction>> {
    Json(Page::default())
}

/// Making a deployment: refused.
#[utoipa::path(post, path = "/v1/deployments", tag = "not here", operation_id = "deployments.create", responses((status = 403)))]
pub(super) async fn deploy() -> Problem {
    Problem::titled(
        StatusCode::FORBIDDEN,
        "Forbidden",
        "Deployments cannot be made here. Every model of the catalogue runs without one.",
    )
}

/// Training a model: refused, in Replicate's words for a destination that is none.
#[utoipa::path(post, path = "/v1/models/{owner}/{name}/versions/{version}/trainings", tag = "not here",
    operation_id = "trainings.create", params(("owner" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses((status = 404)))]
pub(super) async fn train() -> Problem {
    Problem::plain(StatusCode::NOT_FOUND, "The specified training destination does not exist")
}
