//! The catalogue in Replicate's other words: collections, which here are what models are for; search; and hardware.

use super::told::{ModelTold, Page};
use super::{Answered, away, origin};
use crate::domain::catalogue::Search;
use crate::domain::{Lang, Model, Task};
use crate::server::protocol::Problem;
use crate::server::{App, model};
use crate::text;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How many models a search tells if it is not asked for another number, and the most.
const FOUND: usize = 20;
const MOST_FOUND: usize = 50;

/// Models that are for the same.
#[derive(Serialize, ToSchema)]
pub(super) struct Collection {
    name: String,
    slug: &'static str,
    description: String,
}

/// A collection with what is in it.
#[derive(Serialize, ToSchema)]
pub(super) struct CollectionWhole {
    name: String,
    slug: &'static str,
    description: String,
    full_description: String,
    models: Vec<ModelTold>,
}

/// What a search found.
#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    /// What was searched for.
    query: String,
    models: Vec<FoundModel>,
    collections: Vec<Collection>,
    /// Always empty: only the catalogue is searched.
    #[schema(value_type = Vec<Object>)]
    pages: [Value; 0],
}

/// A model that was found.
#[derive(Serialize, ToSchema)]
pub(super) struct FoundModel {
    model: ModelTold,
    metadata: FoundMetadata,
}

/// Why it was found.
#[derive(Serialize, ToSchema)]
pub(super) struct FoundMetadata {
    generated_description: String,
    /// What it is for.
    tags: Vec<&'static str>,
    /// The same for all: every word that was searched for is there.
    score: i64,
}

/// Something that a deployment could run on.
#[derive(Serialize, ToSchema)]
pub(super) struct Hardware {
    sku: String,
    name: String,
}

impl Collection {
    fn of(task: Task) -> Self {
        let name = (text::pages(Lang::En).catalogue.task_name)(task).to_owned();
        Self { description: format!("Models for: {}", name.to_lowercase()), slug: task.as_str(), name }
    }
}

/// What the models on offer are for, each once.
fn tasks(models: &[(Model, Value)]) -> impl Iterator<Item = Task> {
    Task::ALL.into_iter().filter(|task| models.iter().any(|(model, _)| model.task == *task))
}

/// The collections: what models here are for.
#[utoipa::path(get, path = "/v1/collections", tag = "models", operation_id = "collections.list",
    responses((status = 200, body = Page<Collection>)))]
pub(super) async fn list(State(app): State<App>) -> Answered {
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    let results = tasks(&models).map(Collection::of).collect();
    Ok(Json(Page::<Collection> { results, ..Page::default() }).into_response())
}

/// One collection, with its models.
#[utoipa::path(get, path = "/v1/collections/{slug}", tag = "models", operation_id = "collections.get",
    params(("slug" = String, Path)), responses((status = 200, body = CollectionWhole), (status = 404)))]
pub(super) async fn show(State(app): State<App>, Path(slug): Path<String>) -> Answered {
    let models = model::described(&app.db).await.map_err(|error| away(&error))?;
    let task = tasks(&models).find(|task| task.as_str() == slug).ok_or_else(Problem::not_found)?;
    let Collection { name, slug, description } = Collection::of(task);
    let of_it = models.iter().filter(|(model, _)| model.task == task);
    let models = of_it.map(|(model, schemas)| ModelTold::of(model, schemas, origin(&app))).collect();
    let full_description = format!("## {name}\n\n{description}\n");
    Ok(Json(CollectionWhole { name, slug, description, full_description, models }).into_response())
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    query: Option<String>,
    limit: Option<String>,
}

/// Searches the catalogue: models that have every word, and collections.
#[utoipa::path(get, path = "/v1/search", tag = "models", operation_id = "search",
    params(("query" = String, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 50, description = "20 if it is not said")),
    responses((status = 200, body = Found), (status = 400)))]
pub(super) async fn search(State(app): State<App>, Query(wanted): Query<Wanted>) -> Answered {
    let bad = |detail| Problem::plain(StatusCode::BAD_REQUEST, detail);
    let query = wanted.query.ok_or_else(|| bad("query is required"))?;
    let limit = wanted.limit.map_or(Some(FOUND), |limit| limit.parse().ok()).filter(|limit| (1..=MOST_FOUND).contains(limit));
    let limit = limit.ok_or_else(|| bad("limit must be between 1 and 50"))?;
    let all = model::described(&app.db).await.map_err(|error| away(&error))?;
    let fits = Search::read(&query, "", "");
    let words = fits.words.to_lowercase();
    let models = all.iter().filter(|(model, _)| fits.fits(model)).take(limit).map(|(model, schemas)| FoundModel {
        metadata: FoundMetadata { generated_description: model.description.clone(), tags: vec![model.task.as_str()], score: 1 },
        model: ModelTold::of(model, schemas, origin(&app)),
    });
    let collections = tasks(&all).map(Collection::of);
    let collections = collections.filter(|one| one.slug.contains(&words) || one.name.to_lowercase().contains(&words));
    let found = Found { models: models.collect(), collections: collections.collect(), pages: [], query };
    Ok(Json(found).into_response())
}

/// The hardware that deployments and models could ask for: none, because every model here runs on what it needs.
#[utoipa::path(get, path = "/v1/hardware", tag = "models", operation_id = "hardware.list",
    responses((status = 200, body = Vec<Hardware>)))]
pub(super) async fn hardware() -> Json<Vec<Hardware>> {
    Json(Vec::new())
}
