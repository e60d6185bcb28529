//! The pages: each handler reads plain data and puts it into a page.

use super::render::Page;
use super::trouble::Trouble;
use super::v1;
use super::visitor::{SignedIn, Visitor};
use crate::domain::{GalleryFilter, GenerationId, PersonId, RawRequest, Refusal, Timestamp};
use crate::pages::{Create, Credits30, CreditsPage, DocsPage, Help, Hold, Landing};
use crate::server::App;
use crate::server::db::mint;
use crate::server::generation::views;
use crate::server::generation::waits;
use crate::server::{gallery, ledger, model};
use crate::text;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;

/// How long something finished stays among what is happening now, in milliseconds.
const JUST_NOW_MS: i64 = 10 * 60 * 1_000;
/// What the credits page sums up, in milliseconds.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

pub(super) async fn landing(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    if visitor.person.is_some() {
        return Ok(Redirect::to("/create").into_response());
    }
    let viewer = visitor.viewer(&app).await?;
    let (assets, gift) = (app.page_assets(), app.config.signup_credits);
    let page = Page::new(viewer.clone(), "", false);
    Ok(page.render(&app, move || view! { <Landing viewer=viewer.clone() assets=assets.clone() gift /> }).await)
}

pub(super) async fn help(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let viewer = visitor.viewer(&app).await?;
    let title = text::pages(viewer.lang).help.title;
    Ok(Page::new(viewer.clone(), title, false).render(&app, move || view! { <Help viewer=viewer.clone() /> }).await)
}

pub(super) async fn docs(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let viewer = visitor.viewer(&app).await?;
    let (title, docs) = (text::pages(viewer.lang).docs.title, v1::openapi::told(&app));
    let page = Page::new(viewer.clone(), title, false);
    Ok(page.render(&app, move || view! { <DocsPage viewer=viewer.clone() docs=docs.clone() /> }).await)
}

#[derive(Deserialize)]
pub(super) struct CreateQuery {
    remix: Option<String>,
    /// `keep`: the remix begins with the seed, too.
    seed: Option<String>,
    prompt: Option<String>,
    model: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    person: SignedIn,
    Query(query): Query<CreateQuery>,
) -> Result<Response, Trouble> {
    let (prompt, model) = (query.prompt.unwrap_or_default(), query.model.unwrap_or_default());
    let mut form = RawRequest { model, prompt, ..RawRequest::default() };
    if let Some(id) = query.remix.as_deref().and_then(GenerationId::parse)
        && let Some((name, input)) = views::input(&app.db, &person.id, &id).await?
        && let Some(model) = model::offered(&app.db).await?.iter().find(|model| model.name == name)
    {
        form = RawRequest::of_input(model, &input);
        if query.seed.as_deref() == Some("keep") {
            form.seed = input.get("seed").map(crate::domain::schema::label).unwrap_or_default();
        }
        form.note_remix(&id);
    }
    create_page(&app, &person, form, None).await
}

/// The create page, also as the answer to a form that was refused: with everything that was typed, and why.
pub(super) async fn create_page(
    app: &App,
    person: &SignedIn,
    form: RawRequest,
    refusal: Option<(StatusCode, Refusal)>,
) -> Result<Response, Trouble> {
    let cursor = app.clock.now();
    let viewer = person.visitor.viewer(app).await?;
    let models = model::offered(&app.db).await?;
    let mut active = views::present(&app.db, &person.id, cursor.plus_ms(-JUST_NOW_MS)).await?;
    waits::tell(&app.db, &person.id, &mut active, cursor).await?;
    let newest = gallery::list(&app.db, &person.id, &GalleryFilter::default(), None, viewer.lang).await?;
    let mut recent: Vec<_> = newest.items.into_iter().map(|item| item.view).collect();
    recent.retain(|old| active.iter().all(|new| new.id != old.id));
    let (status, refusal) = refusal.map_or((StatusCode::OK, None), |(status, refusal)| (status, Some(refusal)));
    // Every page carries a key of its own: pressing its button twice is one generation.
    let form = RawRequest { request_key: mint(), ..form };
    let start = person.visitor.start(cursor);
    let title = text::pages(viewer.lang).frame.create;
    let page = Page { status, ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, models, form) = (viewer.clone(), start.clone(), models.clone(), form.clone());
            let (refusal, active, recent) = (refusal.clone(), active.clone(), recent.clone());
            view! { <Create viewer start models form refusal active recent /> }
        })
        .await)
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    before: Option<String>,
}

pub(super) async fn credits(
    State(app): State<App>,
    person: SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Response, Trouble> {
    let now = app.clock.now();
    let start = person.visitor.start(now);
    let viewer = person.visitor.viewer(&app).await?;
    let before = query.before.as_deref().filter(|id| GenerationId::parse(id).is_some());
    let (lines, more) = ledger::statement(&app.db, &person.id, before).await?;
    let older = lines.last().filter(|_| more).map(|line| line.id.clone());
    let (month, holds) = (month(&app, &person.id, now).await?, holds(&app, &person.id).await?);
    let newest = query.before.is_none();
    let page = Page::new(viewer.clone(), text::pages(viewer.lang).frame.credits, true);
    Ok(page
        .render(&app, move || {
            let (viewer, start, holds) = (viewer.clone(), start.clone(), holds.clone());
            let (lines, older) = (lines.clone(), older.clone());
            view! { <CreditsPage viewer start month holds lines older newest /> }
        })
        .await)
}

async fn month(app: &App, person: &PersonId, now: Timestamp) -> Result<Credits30, Trouble> {
    let summary = ledger::summary(&app.db, person, now.plus_ms(-MONTH_MS)).await?;
    Ok(Credits30 { spent: summary.spent, returned: summary.returned })
}

async fn holds(app: &App, person: &PersonId) -> Result<Vec<Hold>, Trouble> {
    let open = ledger::holds(&app.db, person).await?;
    Ok(open
        .into_iter()
        .map(|hold| Hold {
            generation: hold.generation_id,
            model_label: hold.label,
            count: hold.count,
            amount: hold.amount,
            at: hold.created_at,
        })
        .collect())
}
