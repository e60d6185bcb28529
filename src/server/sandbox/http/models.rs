//! Models: one, all in pages, and those that are found; collections and hardware.

use super::{Answered, origin, pages};
use crate::server::protocol::Problem;
use crate::server::sandbox::{
    Sandbox,
    catalogue::{self, Collection, Entry},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many models a search tells if it is not asked for another number, and the most.
const FOUND: usize = 20;
const MOST_FOUND: usize = 50;

#[derive(Deserialize)]
pub(super) struct Listed {
    cursor: Option<String>,
    sort_by: Option<String>,
    sort_direction: Option<String>,
}

/// Models in pages. Each has one version, as old as itself, so that it does not matter which of the two is sorted by.
pub(super) async fn list(State(sandbox): State<Sandbox>, Query(asked): Query<Listed>, headers: HeaderMap) -> Answered {
    let known = |word: &Option<String>, words: &[&str]| word.as_deref().is_none_or(|word| words.contains(&word));
    if !known(&asked.sort_by, &["model_created_at", "latest_version_created_at"]) {
        return Err(Problem::unreadable("sort_by must be model_created_at or latest_version_created_at."));
    }
    if !known(&asked.sort_direction, &["asc", "desc"]) {
        return Err(Problem::unreadable("sort_direction must be asc or desc."));
    }
    let mut models: Vec<Value> = catalogue::all().iter().map(Entry::model).collect();
    if asked.sort_direction.as_deref() == Some("asc") {
        models.reverse();
    }
    let words = [("sort_by", &asked.sort_by), ("sort_direction", &asked.sort_direction)];
    let kept: Vec<(&str, &str)> = words.into_iter().filter_map(|(key, word)| Some((key, word.as_deref()?))).collect();
    let (size, url) = (sandbox.0.options.models_per_page, format!("{}/v1/models", origin(&headers)));
    Ok(Json(pages::page(&models, size, asked.cursor.as_deref(), &url, &kept)?).into_response())
}

/// Any other method on the list: `QUERY` searches for the words in the body.
pub(super) async fn query(method: Method, words: Bytes) -> Answered {
    if method.as_str() != "QUERY" {
        return Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let found = catalogue::search(&String::from_utf8_lossy(&words));
    let results: Vec<Value> = found.iter().map(|found| found.entry.model()).collect();
    Ok(Json(json!({ "next": null, "previous": null, "results": results })).into_response())
}

#[derive(Deserialize)]
pub(super) struct Search {
    query: Option<String>,
    limit: Option<String>,
}

pub(super) async fn search(Query(search): Query<Search>) -> Result<Json<Value>, Problem> {
    let Some(query) = search.query else { return Err(Problem::unreadable("query is required")) };
    let limit = search.limit.map_or(Some(FOUND), |limit| limit.parse().ok()).filter(|limit| (1..=MOST_FOUND).contains(limit));
    let limit = limit.ok_or_else(|| Problem::unreadable("limit must be between 1 and 50"))?;
    let found = catalogue::search(&query);
    let model = |found: &catalogue::Found| {
        let metadata = json!({
            "generated_description": found.entry.description(), "tags": found.entry.tags(), "score": found.score,
        });
        json!({ "model": found.entry.model(), "metadata": metadata })
    };
    let models: Vec<Value> = found.iter().take(limit).map(model).collect();
    let words = query.to_lowercase();
    let named = |collection: &&Collection| collection.name.to_lowercase().contains(&words) || collection.slug.contains(&words);
    let told = |collection: &Collection| {
        let mut told = collection.told();
        told["models"] = collection.models().map(|entry| json!(entry.full_name())).collect();
        told
    };
    let collections: Vec<Value> = catalogue::collections().iter().filter(named).map(told).collect();
    Ok(Json(json!({ "query": query, "models": models, "collections": collections, "pages": [] })))
}

pub(super) async fn one(Path((owner, name)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    Ok(Json(catalogue::named(&owner, &name).ok_or_else(Problem::not_found)?.model()))
}

pub(super) async fn versions(Path((owner, name)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    let entry = catalogue::named(&owner, &name).ok_or_else(Problem::not_found)?;
    Ok(Json(json!({ "next": null, "previous": null, "results": [entry.version()] })))
}

pub(super) async fn version(Path((owner, name, id)): Path<(String, String, String)>) -> Result<Json<Value>, Problem> {
    let entry = catalogue::named(&owner, &name).filter(|entry| entry.version == id).ok_or_else(Problem::not_found)?;
    Ok(Json(entry.version()))
}

pub(super) async fn collections() -> Json<Value> {
    let results: Vec<Value> = catalogue::collections().iter().map(Collection::told).collect();
    Json(json!({ "next": null, "previous": null, "results": results }))
}

pub(super) async fn collection(Path(slug): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(catalogue::collection(&slug).ok_or_else(Problem::not_found)?.told_whole()))
}

/// A bare list, not a page.
pub(super) async fn hardware() -> Json<Value> {
    let sku = |(sku, name): (&str, &str)| json!({ "sku": sku, "name": name });
    let all = [
        ("cpu", "CPU"),
        ("gpu-t4", "Nvidia T4 GPU"),
        ("gpu-a40-small", "Nvidia A40 GPU"),
        ("gpu-a40-large", "Nvidia A40 (Large) GPU"),
    ];
    Json(all.into_iter().map(sku).collect())
}
