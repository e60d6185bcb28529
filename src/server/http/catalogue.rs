//! The models: the page for everybody, and the forms of the one who keeps the catalogue. To everybody else those are not
//! there.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::{Keeper, SignedIn};
use crate::domain::catalogue::{AddProblem, Entry, EntryForm, EntryProblem, Health, Looked, NotAdded, Search};
use crate::pages::{AdminModel, AdminModels, ModelCard, Models, Said};
use crate::server::App;
use crate::server::account::Role;
use crate::server::model;
use crate::text;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use std::time::Duration;

/// Lines of the log that are shown.
const LINES: i64 = 20;

/// How long a server of the operator's own may take to say how it is.
const HEALTH_WITHIN: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub(super) struct ModelsQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    price: String,
}

pub(super) async fn models(
    State(app): State<App>,
    person: SignedIn,
    Query(query): Query<ModelsQuery>,
) -> Result<Response, Trouble> {
    let search = Search::read(&query.q, &query.task, &query.price);
    let mut found = Vec::new();
    for model in model::offered(&app.db).await?.into_iter().filter(|model| search.fits(model)) {
        let usual = model::usual(&app.db, &model.name).await?;
        found.push(ModelCard { model, usual });
    }
    let start = person.visitor.start(app.clock.now());
    let viewer = person.visitor.viewer(&app).await?;
    let keeper = person.visitor.person.as_ref().is_some_and(|person| person.role == Role::Admin);
    let page = Page::new(viewer.clone(), text::pages(viewer.lang).frame.models, true);
    Ok(page
        .render(&app, move || {
            let (viewer, start, search, found) = (viewer.clone(), start.clone(), search.clone(), found.clone());
            view! { <Models viewer start search found keeper /> }
        })
        .await)
}

pub(super) async fn list(State(app): State<App>, keeper: Keeper) -> Result<Response, Trouble> {
    list_page(&app, &keeper, None, None).await
}

#[derive(Deserialize)]
pub(super) struct Name {
    #[serde(default)]
    name: String,
    #[serde(default)]
    endpoint: String,
}

pub(super) async fn add(State(app): State<App>, keeper: Keeper, Form(typed): Form<Name>) -> Result<Response, Trouble> {
    let (actor, now) = (keeper.actor(), app.clock.now());
    let added = if typed.endpoint.trim().is_empty() {
        model::add(&app.db, &app.replicate, &actor, &typed.name, now).await
    } else {
        model::add_own(&app.db, &app.cog, &actor, &typed.name, &typed.endpoint, now).await
    };
    match added {
        Ok(name) => Ok(Redirect::to(&format!("/admin/models/{name}?done=added")).into_response()),
        Err(model::Error::Refused(problem)) => {
            let Name { name, endpoint } = typed;
            list_page(&app, &keeper, Some(NotAdded { name, endpoint, problem }), None).await
        }
        Err(model::Error::Database(error)) => Err(error.into()),
        // A call that fails is refused as well; nothing else can come of adding.
        Err(error) => Err(Trouble::internal(&error)),
    }
}

pub(super) async fn look_all(State(app): State<App>, keeper: Keeper) -> Result<Response, Trouble> {
    let looked = model::look(&app.db, &app.replicate, &keeper.actor(), None, app.clock.now()).await?;
    list_page(&app, &keeper, None, Some(looked)).await
}

async fn list_page(app: &App, keeper: &Keeper, refused: Option<NotAdded>, looked: Option<Looked>) -> Result<Response, Trouble> {
    let visitor = &keeper.0.visitor;
    let start = visitor.start(app.clock.now());
    let viewer = visitor.viewer(app).await?;
    let (entries, log) = (model::entries(&app.db).await?, model::log(&app.db, "", LINES).await?);
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page { status, ..Page::new(viewer.clone(), text::pages(viewer.lang).admin.title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, entries) = (viewer.clone(), start.clone(), entries.clone());
            let (refused, log) = (refused.clone(), log.clone());
            view! { <AdminModels viewer start entries refused looked log /> }
        })
        .await)
}

#[derive(Deserialize)]
pub(super) struct DoneQuery {
    #[serde(default)]
    done: String,
}

pub(super) async fn show(
    State(app): State<App>,
    keeper: Keeper,
    Path(name): Path<(String, String)>,
    Query(query): Query<DoneQuery>,
) -> Result<Response, Trouble> {
    let entry = entry(&app, &full(&name)).await?;
    let said = match query.done.as_str() {
        "added" => Some(Said::Added),
        "saved" => Some(Said::Saved),
        _ => None,
    };
    entry_page(&app, &keeper, entry, said, None).await
}

pub(super) async fn edit(
    State(app): State<App>,
    keeper: Keeper,
    Path(name): Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let name = full(&name);
    let entry = entry(&app, &name).await?;
    let form = EntryForm::of_fields(fields);
    match form.parse(&entry.maxima) {
        Ok(change) => {
            let written = model::edit(&app.db, &keeper.actor(), &name, &change, app.clock.now()).await?;
            written.ok_or(Trouble::NOT_FOUND)?;
            Ok(Redirect::to(&format!("/admin/models/{name}?done=saved")).into_response())
        }
        Err(problems) => entry_page(&app, &keeper, entry, None, Some((form, problems))).await,
    }
}

pub(super) async fn look(
    State(app): State<App>,
    keeper: Keeper,
    Path(name): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let name = full(&name);
    entry(&app, &name).await?;
    let looked = model::look(&app.db, &app.replicate, &keeper.actor(), Some(&name), app.clock.now()).await?;
    entry_page(&app, &keeper, entry(&app, &name).await?, Some(Said::Looked(looked)), None).await
}

pub(super) async fn move_on(
    State(app): State<App>,
    keeper: Keeper,
    Path(name): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let name = full(&name);
    if entry(&app, &name).await?.model.endpoint.is_some() {
        return reread(&app, &keeper, &name).await;
    }
    let said = match model::move_on(&app.db, &app.replicate, &keeper.actor(), &name, app.clock.now()).await {
        Ok(changes) => Said::Moved(changes),
        Err(model::Error::Nothing) => Said::NothingNewer,
        Err(model::Error::Refused(_)) => Said::Undescribed,
        Err(model::Error::Replicate(error)) => {
            tracing::warn!(%error, name, "a version could not be read");
            Said::Away
        }
        Err(model::Error::Database(error)) => return Err(error.into()),
    };
    entry_page(&app, &keeper, entry(&app, &name).await?, Some(said), None).await
}

/// The same for a model on a server of the operator's own, which has no versions.
async fn reread(app: &App, keeper: &Keeper, name: &str) -> Result<Response, Trouble> {
    let said = match model::reread(&app.db, &app.cog, &keeper.actor(), name, app.clock.now()).await {
        Ok(changes) => Said::Reread(changes),
        Err(model::Error::Refused(problem)) => Said::Unread(problem),
        Err(model::Error::Database(error)) => return Err(error.into()),
        Err(model::Error::Nothing | model::Error::Replicate(_)) => Said::Unread(AddProblem::ServerAway),
    };
    entry_page(app, keeper, entry(app, name).await?, Some(said), None).await
}

async fn entry_page(
    app: &App,
    keeper: &Keeper,
    entry: Entry,
    said: Option<Said>,
    refused: Option<(EntryForm, Vec<EntryProblem>)>,
) -> Result<Response, Trouble> {
    let visitor = &keeper.0.visitor;
    let start = visitor.start(app.clock.now());
    let viewer = visitor.viewer(app).await?;
    let log = model::log(&app.db, entry.model.name.as_str(), LINES).await?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, problems) = refused.unwrap_or_else(|| (EntryForm::of(&entry), Vec::new()));
    let health = health(app, &entry).await;
    let page = Page { status, ..Page::new(viewer.clone(), entry.model.label.clone(), true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, entry, form) = (viewer.clone(), start.clone(), entry.clone(), form.clone());
            let (problems, said, log) = (problems.clone(), said.clone(), log.clone());
            view! { <AdminModel viewer start entry health form problems said log /> }
        })
        .await)
}

/// How the server of an entry is, if it has one; whoever waits for the page is not kept long.
async fn health(app: &App, entry: &Entry) -> Option<Health> {
    let asked = app.cog.health(entry.model.endpoint.as_deref()?);
    Some(tokio::time::timeout(HEALTH_WITHIN, asked).await.unwrap_or(Health::Away))
}

async fn entry(app: &App, name: &str) -> Result<Entry, Trouble> {
    model::find(&app.db, name).await?.ok_or(Trouble::NOT_FOUND)
}

fn full((owner, name): &(String, String)) -> String {
    format!("{owner}/{name}")
}
