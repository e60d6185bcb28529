//! The gallery: its page, and what can be done to what is in it. Each address answers a form with a redirect and a script with
//! JSON.

use super::doors::local;
use super::render::Page;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::domain::{CollectionId, Day, GalleryFilter, GenerationId, Lang, PersonId, Timestamp};
use crate::pages::{Gallery, GalleryView, ModelChoice, Month, Shelf, ShelfTile};
use crate::server::App;
use crate::server::gallery::{self, Act, Chosen, collections, find, marks};
use crate::server::generation::views::Cursor;
use crate::server::model;
use crate::text;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use leptos::prelude::*;
use serde_json::json;

/// The addresses of the gallery.
pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/gallery", get(page))
        .route("/gallery/marks", post(mark))
        .route("/gallery/collections", post(collect))
        .route("/gallery/zip", post(zip))
}

async fn page(State(app): State<App>, person: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Trouble> {
    let query = query.unwrap_or_default();
    let pairs = crate::domain::query_pairs(&query);
    let before = pairs.iter().find(|(name, _)| name == "before").and_then(|(_, place)| Cursor::parse(place));
    let filter = GalleryFilter::of_pairs(&pairs);
    let now = app.clock.now();
    let start = person.visitor.start(now);
    let viewer = person.visitor.viewer(&app).await?;
    let view = view(&app, &person.id, filter, before.as_ref(), person.visitor.lang).await?;
    let page = Page::new(viewer.clone(), text::pages(viewer.lang).frame.gallery, true);
    let page = Page { modules: vec!["gallery", "viewer"], ..page };
    Ok(page
        .render(&app, move || {
            let (viewer, start, view) = (viewer.clone(), start.clone(), view.clone());
            view! { <Gallery viewer start view /> }
        })
        .await)
}

/// Everything the page shows.
async fn view(
    app: &App,
    owner: &PersonId,
    filter: GalleryFilter,
    before: Option<&Cursor>,
    lang: Lang,
) -> Result<GalleryView, Trouble> {
    let db = &app.db;
    // First: what is read below may be newer than this says, never older.
    let marks = marks::version(db, owner).await?;
    let page = gallery::list(db, owner, &filter, before, lang).await?;
    let (choices, count) = find::count(db, owner, &filter, lang).await?;
    let months = find::months(db, owner, &filter, lang).await?;
    let shelves = collections::list(db, owner).await?;
    let models = model::offered(db).await?;
    Ok(GalleryView {
        tiles: page.items.into_iter().map(shelf_tile).collect(),
        older: page.older.map(|cursor| cursor.encode()),
        newest: before.is_none(),
        count,
        choices,
        marks,
        months: months.into_iter().map(|(year, month, begin)| Month { year, month, before: begin.encode() }).collect(),
        collections: shelves.into_iter().map(|it| Shelf { id: it.id, name: it.name, items: it.items }).collect(),
        models: models.into_iter().map(|model| ModelChoice { name: model.name, label: model.label }).collect(),
        filter,
    })
}

fn shelf_tile(item: gallery::Item) -> ShelfTile {
    let goes_at = item.trashed_at.map(|at| at.plus_ms(gallery::purge::KEPT_MS));
    ShelfTile { view: item.view, favourite: item.favourite, goes_at }
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

/// Where a form without a script goes on.
fn next(fields: &[(String, String)]) -> String {
    match value(fields, "next") {
        "" => "/gallery".to_owned(),
        next => local(next),
    }
}

/// Which generations a form names: `id` each, or `all` of the view in `in`, or those that were marked `at` a moment.
fn chosen(fields: &[(String, String)]) -> Result<Chosen, Trouble> {
    let refused = Trouble::status(StatusCode::UNPROCESSABLE_ENTITY);
    if value(fields, "all") == "1" {
        return Ok(Chosen::All(GalleryFilter::of_query(value(fields, "in"))));
    }
    if let Ok(at) = value(fields, "at").parse() {
        return Ok(Chosen::At(Timestamp(at)));
    }
    let ids: Vec<_> = fields.iter().filter(|(name, _)| name == "id").filter_map(|(_, id)| GenerationId::parse(id)).collect();
    if ids.len() > marks::MOST_NAMED { Err(refused) } else { Ok(Chosen::Some(ids)) }
}

/// What to do, and with which collection. A button has one name and one value only: `collect` and `uncollect` are both.
fn act(fields: &[(String, String)]) -> Option<(Act, &str)> {
    for act in [Act::Collect, Act::Uncollect] {
        match value(fields, act.as_str()) {
            "" => {}
            collection => return Some((act, collection)),
        }
    }
    Some((Act::parse(value(fields, "act"))?, value(fields, "collection")))
}

/// Marks some or all of a view: `act` is what to do, `collection` where to put it.
async fn mark(State(app): State<App>, person: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let (act, collection) = act(&fields).ok_or(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY))?;
    let collection = CollectionId::parse(collection);
    let (chosen, lang, now) = (chosen(&fields)?, person.visitor.lang, app.clock.now());
    let marked = gallery::mark(&app.db, &person.id, &chosen, act, collection.as_ref(), lang, now).await?;
    tracing::info!(person = %person.id, act = act.as_str(), changed = marked.changed, "the gallery was marked");
    if person.visitor.wants_json {
        return Ok(Json(json!({"changed": marked.changed, "undo": marked.undo, "marks": marked.version})).into_response());
    }
    Ok(Redirect::to(&next(&fields)).into_response())
}

/// Makes a collection (`act=make`, with what is chosen put into it), names it anew (`rename`) or removes it (`remove`); then shows it,
/// or everything.
async fn collect(
    State(app): State<App>,
    person: SignedIn,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let refused = || Trouble::status(StatusCode::UNPROCESSABLE_ENTITY);
    let (db, owner, now) = (&app.db, &person.id, app.clock.now());
    let name = collections::name(value(&fields, "name"));
    let named = CollectionId::parse(value(&fields, "collection"));
    let mut shown = None;
    match value(&fields, "act") {
        "make" => {
            let made = collections::make(db, owner, &name.ok_or_else(refused)?, now).await?.ok_or_else(refused)?;
            gallery::mark(db, owner, &chosen(&fields)?, Act::Collect, Some(&made), person.visitor.lang, now).await?;
            shown = Some(made);
        }
        "rename" => {
            let id = named.ok_or(Trouble::NOT_FOUND)?;
            if !collections::list(db, owner).await?.iter().any(|known| known.id == id) {
                return Err(Trouble::NOT_FOUND);
            }
            collections::rename(db, owner, &id, &name.ok_or_else(refused)?).await?;
            shown = Some(id);
        }
        "remove" => {
            if !collections::remove(db, owner, &named.ok_or(Trouble::NOT_FOUND)?).await? {
                return Err(Trouble::NOT_FOUND);
            }
        }
        _ => return Err(refused()),
    }
    if person.visitor.wants_json {
        return Ok(Json(json!({"collection": shown.map(|id| id.to_string())})).into_response());
    }
    let shelf = GalleryFilter { collection: shown, ..GalleryFilter::default() }.href();
    Ok(Redirect::to(&shelf).into_response())
}

/// The originals of what is chosen, with what is known of each, as one file that is written while it is read.
async fn zip(State(app): State<App>, person: SignedIn, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let lang = person.visitor.lang;
    let ids = gallery::archive::chosen(&app.db, &person.id, &chosen(&fields)?, lang).await?;
    if ids.is_empty() {
        return Ok(Redirect::to(&next(&fields)).into_response());
    }
    let day = Day::at(app.clock.now(), lang).machine().replace('-', "");
    let body = gallery::archive::stream(app.db.clone(), app.store.clone(), person.id, ids, lang);
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"atelier-{day}.zip\"")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}
