//! One generation: its page, the same once more, and two beside each other. Where the page stands in the gallery is in its
//! address: the query of the view it was opened from, and `i`, which of several outputs.

use super::receipt;
use super::render::Page;
use super::shares;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use super::{generations, media};
use crate::domain::{
    Credits, GalleryFilter, GenerationId, GenerationView, Medium, PersonId, Receipt, Refusal, RequestKey, Setting, query_pairs,
    settings, without_secrets,
};
use crate::pages::{ComparePage, Compared, Seen, Standing, ViewerPage};
use crate::server::App;
use crate::server::db::mint;
use crate::server::gallery::{self, find};
use crate::server::generation::{self, Error, Requested, again, views};
use crate::server::model;
use crate::text;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use leptos::prelude::*;
use serde::Deserialize;

/// The addresses of one picture.
pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/g/{id}", get(show))
        .route("/g/{id}/receipt", get(receipt::page))
        .route("/g/{id}/receipt.json", get(receipt::document))
        .route("/g/{id}/again", post(once_more))
        .route("/g/{id}/share", post(shares::make))
        .route("/shares", get(shares::list))
        .route("/shares/{id}/revoke", post(shares::revoke))
        .route("/s/{token}", get(shares::show))
        .route("/s/{token}/{file}", get(shares::file))
        .route("/files/{id}/{file}", get(media::file))
        .route("/compare", get(compare))
}

async fn show(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    page(&app, &person, &id, &query.unwrap_or_default(), None).await
}

async fn page(
    app: &App,
    person: &SignedIn,
    id: &GenerationId,
    query: &str,
    refused: Option<(StatusCode, Refusal)>,
) -> Result<Response, Trouble> {
    let start = person.visitor.start(app.clock.now());
    let viewer = person.visitor.viewer(app).await?;
    let (status, refusal) = refused.map_or((StatusCode::OK, None), |(status, refusal)| (status, Some(refusal)));
    let seen = Seen { refusal, ..seen(app, person, id, query).await? };
    let generation = &seen.receipt.generation;
    let title: String = generation.prompt.chars().take(60).collect();
    let unfinished = !generation.phase.is_terminal();
    let page = Page { unfinished, status, modules: vec!["viewer"], ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, seen) = (viewer.clone(), start.clone(), seen.clone());
            view! { <ViewerPage viewer start seen /> }
        })
        .await)
}

/// Everything the page shows.
async fn seen(app: &App, person: &SignedIn, id: &GenerationId, query: &str) -> Result<Seen, Trouble> {
    let (db, owner) = (&app.db, &person.id);
    let (receipt, settings) = read(app, owner, id).await?.ok_or(Trouble::NOT_FOUND)?;
    let pairs = query_pairs(query);
    let filter = GalleryFilter::of_pairs(&pairs);
    let shown = shown(&pairs, &receipt.generation);
    let parent = match &receipt.parent {
        Some(parent) => views::find(db, owner, parent.id()).await?,
        None => None,
    };
    let again_price = match again::price(db, owner, id).await {
        Ok(price) => price,
        Err(Error::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Seen {
        document: views::document(db, owner, &receipt.generation).await?,
        standing: standing(app, person, &receipt.generation, shown, &filter).await?,
        children: generation::receipt::children(db, owner, id).await?,
        verdict: generation::receipt::verdict(db, &app.store, owner, &receipt).await?,
        shares: shares::of(app, owner, Some(id)).await?,
        receipt,
        settings,
        shown,
        parent,
        again_price,
        again_key: mint(),
        share_id: mint(),
        refusal: None,
    })
}

/// The receipt of a generation and what its model was told, without secrets and without what only the operator is told.
pub(super) async fn read(app: &App, owner: &PersonId, id: &GenerationId) -> Result<Option<(Receipt, Vec<Setting>)>, Trouble> {
    let Some(mut receipt) = generation::receipt::receipt(&app.db, owner, id).await? else { return Ok(None) };
    let entry = model::find(&app.db, receipt.generation.model.as_str()).await?.ok_or(Trouble::NOT_FOUND)?;
    let settings = settings(&entry.model, &receipt.input);
    receipt.input = without_secrets(&entry.model, &receipt.input);
    Ok(Some((receipt, settings)))
}

/// Which of the outputs an address asks for; the last one can be asked for without knowing how many there are.
fn shown(pairs: &[(String, String)], generation: &GenerationView) -> usize {
    match pairs.iter().find(|(name, _)| name == "i").map(|(_, value)| value.as_str()) {
        Some("last") => generation.outputs.len().saturating_sub(1),
        Some(place) => place.parse().unwrap_or_default(),
        None => 0,
    }
}

/// Where a picture stands in its view: within its generation first, then from one generation to the next.
async fn standing(
    app: &App,
    person: &SignedIn,
    generation: &GenerationView,
    shown: usize,
    filter: &GalleryFilter,
) -> Result<Standing, Trouble> {
    let beside = gallery::neighbours(&app.db, &person.id, filter, &generation.id, person.visitor.lang).await?;
    let marks = find::standing(&app.db, &person.id, &generation.id).await?.unwrap_or_default();
    let (favourite, trashed) = (marks.favourite_at.is_some(), marks.trashed_at.is_some());
    let mut standing = Standing { view: filter.to_query(), favourite, trashed, ..Standing::default() };
    let own =
        |at: usize| generation.outputs.get(at).map(|output| standing.address(generation.id.as_str(), &output.index.to_string()));
    let newer = shown.checked_sub(1).and_then(own);
    let newer = newer.or_else(|| beside.newer.map(|id| standing.address(id.as_str(), "last")));
    let older = own(shown + 1).or_else(|| beside.older.map(|id| standing.address(id.as_str(), "0")));
    (standing.newer, standing.older) = (newer, older);
    Ok(standing)
}

#[derive(Deserialize)]
struct OnceMore {
    #[serde(default)]
    request_key: String,
    #[serde(default)]
    quoted_price: String,
}

/// The same once more: a press of its own, at the price that stood on its button.
async fn once_more(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<OnceMore>,
) -> Result<Response, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let key = RequestKey::parse(form.request_key.trim()).ok_or(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY))?;
    let quoted = form.quoted_price.trim().parse().ok().map(Credits);
    let now = app.clock.now();
    match again::again(&app.desk, &app.db, &person.id, &id, &key, quoted, now).await {
        Ok(requested) if person.visitor.wants_json => {
            let status = if matches!(requested, Requested::New(_)) { StatusCode::CREATED } else { StatusCode::OK };
            let view = views::find(&app.db, &person.id, requested.id()).await?.ok_or(Trouble::NOT_FOUND)?;
            Ok((status, Json(view)).into_response())
        }
        Ok(requested) => Ok(Redirect::to(&format!("/g/{}", requested.id())).into_response()),
        Err(Error::Refused(refusal)) if person.visitor.wants_json => Ok(generations::refused(&refusal, person.visitor.lang)),
        Err(Error::Refused(refusal)) => page(&app, &person, &id, "", Some((generations::status(&refusal), refusal))).await,
        Err(error) => Err(error.into()),
    }
}

/// Two pictures beside each other: `a` and `b`, or the first two that the gallery's form names as `id`. Each is a
/// generation, and `.` and its place where that has several. With fewer there is nothing to compare.
async fn compare(State(app): State<App>, person: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Trouble> {
    let pairs = query_pairs(&query.unwrap_or_default());
    let mut named: Vec<String> = Vec::new();
    for (_, value) in pairs.iter().filter(|(name, _)| matches!(name.as_str(), "a" | "b" | "id")) {
        if !named.contains(value) {
            named.push(value.clone());
        }
    }
    let [a, b, ..] = named.as_slice() else { return Ok(Redirect::to("/gallery").into_response()) };
    let one = compared(&app, &person.id, a).await?;
    let other = compared(&app, &person.id, b).await?;
    let start = person.visitor.start(app.clock.now());
    let viewer = person.visitor.viewer(&app).await?;
    let title = text::pages(viewer.lang).viewer.compare_title;
    let page = Page { modules: vec!["viewer"], ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(&app, move || {
            let (viewer, start, one, other) = (viewer.clone(), start.clone(), one.clone(), other.clone());
            view! { <ComparePage viewer start one other /> }
        })
        .await)
}

async fn compared(app: &App, owner: &PersonId, named: &str) -> Result<Compared, Trouble> {
    let (id, place) = named.split_once('.').unwrap_or((named, "0"));
    let id = GenerationId::parse(id).ok_or(Trouble::NOT_FOUND)?;
    let place: i64 = place.parse().map_err(|_| Trouble::NOT_FOUND)?;
    let generation = views::find(&app.db, owner, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    let fits = |output: &&crate::domain::OutputView| output.medium() == Medium::Picture && output.index >= place;
    let output = generation.outputs.iter().find(fits).cloned().ok_or(Trouble::NOT_FOUND)?;
    Ok(Compared { generation, output })
}
