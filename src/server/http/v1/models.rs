//! The models on offer, as Replicate tells of its own.

use super::pages::{List, Turn};
use super::told::{ModelTold, Page, Prediction, Version, version_id};
use super::{Answered, away, origin};
use crate::domain::catalogue::Search;
use crate::domain::{Model, ModelName};
use crate::server::protocol::Problem;
use crate::server::{App, model};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

/// Models in a page of the list.
const PAGE: usize = 25;

#[derive(Deserialize)]
pub(super) struct Window {
    cursor: Option<String>,
}

/// All models, 25 at a time. The same address with the method `QUERY` and a text as its body answers with those that have
/// every word of it.
#[utoipa::path(get, path = "/v1/models", tag = "models", operation_id = "models.list",
    params(("cursor" = Option<String>, Query, description = "From `next` or `previous`")),
    responses((status = 200, body = Page<ModelTold>), (status = 404)))]
pub(super) async fn list(State(app): State<App>, Query(window): Query<Window>) -> Answered {
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    page(&app, &models, window.cursor.as_deref(), "/v1/models")
}

/// The page of these models that a cursor leads to.
fn page(app: &App, models: &[(Model, Value)], cursor: Option<&str>, path: &str) -> Answered {
    let turn = Turn::read(cursor)?;
    let named = |name: &str| models.iter().position(|(model, _)| model.name.as_str() == name).ok_or_else(Problem::not_found);
    let from = turn.name().map(named).transpose()?;
    let (start, end) = match (from, turn.is_back()) {
        (Some(at), true) => (at.saturating_sub(PAGE), at),
        (at, _) => at.map_or((0, PAGE), |at| (at + 1, at + 1 + PAGE)),
    };
    let end = end.min(models.len());
    let more = if turn.is_back() { start > 0 } else { end < models.len() };
    let rows = models.get(start..end).unwrap_or_default();
    let list = List { address: &format!("{}{path}", origin(app)), kept: &[] };
    let name = |(model, _): &(Model, Value)| model.name.to_string();
    Ok(Json(list.page(&turn, rows, more, name, |(model, schemas)| ModelTold::of(model, schemas, origin(app)))).into_response())
}

/// Any other method on the list: `QUERY` answers with those that fit the words in the body, as many as there are.
pub(super) async fn search(State(app): State<App>, method: Method, body: Bytes) -> Answered {
    if method.as_str() != "QUERY" {
        let mut response = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD, QUERY"));
        return Ok(response);
    }
    // One of the official clients sends its text in quotes.
    let wanted = Search::read(&String::from_utf8_lossy(&body).replace('"', " "), "", "");
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    let fitting = models.iter().filter(|(model, _)| wanted.fits(model));
    let results = fitting.map(|(model, schemas)| ModelTold::of(model, schemas, origin(&app))).collect();
    Ok(Json(Page { next: None, previous: None, results }).into_response())
}

/// One model.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}", tag = "models", operation_id = "models.get",
    params(("owner" = String, Path), ("name" = String, Path)), responses((status = 200, body = ModelTold), (status = 404)))]
pub(super) async fn show(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    Ok(Json(ModelTold::of(&model, &schemas, origin(&app))).into_response())
}

/// The versions of a model: the one on offer.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/versions", tag = "models", operation_id = "models.versions.list",
    params(("owner" = String, Path), ("name" = String, Path)), responses((status = 200, body = Page<Version>), (status = 404)))]
pub(super) async fn versions(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    Ok(Json(Page { next: None, previous: None, results: vec![Version::of(&model, &schemas)] }).into_response())
}

/// One version of a model.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/versions/{version}", tag = "models", operation_id = "models.versions.get",
    params(("owner" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = Version), (status = 404)))]
pub(super) async fn version(State(app): State<App>, Path((owner, name, id)): Path<(String, String, String)>) -> Answered {
    let (model, schemas) = named(&app, &owner, &name).await?;
    if version_id(&model, &schemas) != id {
        return Err(Problem::not_found());
    }
    Ok::<Response, _>(Json(Version::of(&model, &schemas)).into_response())
}

/// What is said about a model, as Markdown.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/readme", tag = "models", operation_id = "models.readme.get",
    params(("owner" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404)))]
pub(super) async fn readme(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    let (model, _) = named(&app, &owner, &name).await?;
    let licence = model.license_url.map(|url| format!("\nLicence: <{url}>\n")).unwrap_or_default();
    Ok(format!("# {}\n\n{}\n{licence}", model.label, model.description).into_response())
}

/// Examples of a model. There are none: what people make here is theirs.
#[utoipa::path(get, path = "/v1/models/{owner}/{name}/examples", tag = "models", operation_id = "models.examples.list",
    params(("owner" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Page<Prediction>), (status = 404)))]
pub(super) async fn examples(State(app): State<App>, Path((owner, name)): Path<(String, String)>) -> Answered {
    named(&app, &owner, &name).await?;
    Ok(Json(Page::<Prediction>::default()).into_response())
}

async fn named(app: &App, owner: &str, name: &str) -> Result<(Model, Value), Problem> {
    let wanted = ModelName::trusted(format!("{owner}/{name}"));
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    models.into_iter().find(|(model, _)| model.name == wanted).ok_or_else(Problem::not_found)
}
