//! The models on offer, as Replicate tells of its own.

use super::told::{ModelTold, Page, Version, version_id};
use super::{Answered, away, origin};
use crate::domain::{Model, ModelName};
use crate::server::protocol::Problem;
use crate::server::{App, model};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// Models in a page of the list.
const PAGE: usize = 25;

#[derive(Deserialize)]
pub(super) struct Window {
    cursor: Option<String>,
}

/// All models, 25 at a time.
#[utoipa::path(get, path = "/v1/models", tag = "models", operation_id = "models.list",
    params(("cursor" = Option<String>, Query, description = "From `next`")), responses((status = 200, body = Page<ModelTold>)))]
pub(super) async fn list(State(app): State<App>, Query(window): Query<Window>) -> Answered {
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    let from = window.cursor.as_deref().map_or(Some(0), |cursor| place(cursor, &models)).ok_or_else(Problem::not_found)?;
    let results = told(models.iter().skip(from).take(PAGE), &app);
    let last = models.get(from + PAGE - 1).filter(|_| models.len() > from + PAGE);
    let next =
        last.map(|(model, _)| format!("{}/v1/models?cursor={}", origin(&app), URL_SAFE_NO_PAD.encode(model.name.as_str())));
    Ok(Json(Page { next, previous: None, results }).into_response())
}

/// Where to go on after the model that a cursor names: entries that come or go meanwhile shift nothing.
fn place(cursor: &str, models: &[(Model, Value)]) -> Option<usize> {
    let name = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    models.iter().position(|(model, _)| model.name.as_str() == name).map(|at| at + 1)
}

/// `QUERY /v1/models`: those that have every word of the body in their name or description.
pub(super) async fn search(State(app): State<App>, method: Method, body: Bytes) -> Answered {
    if method.as_str() != "QUERY" {
        let mut response = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, QUERY"));
        return Ok(response);
    }
    let text = String::from_utf8_lossy(&body).to_lowercase();
    // One of the official clients sends its text in quotes.
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '"').collect();
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    let fits = |model: &Model| {
        let said = format!("{} {} {} {}", model.name, model.label, model.description, model.task.as_str()).to_lowercase();
        words.iter().all(|word| said.contains(word))
    };
    let results = told(models.iter().filter(|(model, _)| fits(model)).take(PAGE), &app);
    Ok(Json(Page { next: None, previous: None, results }).into_response())
}

fn told<'a>(models: impl Iterator<Item = &'a (Model, Value)>, app: &App) -> Vec<ModelTold> {
    models.map(|(model, schemas)| ModelTold::of(model, schemas, origin(app))).collect()
}

/// One model.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}", tag = "models", operation_id = "models.get",
    params(("owner" = String, Path), ("name" = String, Path)), responses((status = 200, body = ModelTold)))]
pub(super) async fn show(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    Ok(Json(ModelTold::of(&model, &schemas, origin(&app))).into_response())
}

/// The versions of a model: the one on offer.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/versions", tag = "models", operation_id = "models.versions.list",
    params(("owner" = String, Path), ("name" = String, Path)), responses((status = 200, body = Page<Version>)))]
pub(super) async fn versions(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    Ok(Json(Page { next: None, previous: None, results: vec![Version::of(&model, &schemas)] }).into_response())
}

/// One version of a model.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/versions/{version}", tag = "models", operation_id = "models.versions.get",
    params(("owner" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = Version)))]
pub(super) async fn version(State(app): State<App>, Path((owner, name, id)): Path<(String, String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    if version_id(&model, &schemas) != id {
        return Err(Problem::not_found());
    }
    Ok::<Response, _>(Json(Version::of(&model, &schemas)).into_response())
}

async fn named(app: &App, owner: &str, name: &str) -> Result<(Model, Value), Problem> {
    let wanted = ModelName::trusted(format!("{owner}/{name}"));
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    models.into_iter().find(|(model, _)| model.name == wanted).ok_or_else(Problem::not_found)
}
