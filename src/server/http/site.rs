//! The pages: each handler reads plain data and puts it into a page.

use super::create::working_from;
use super::render::Page;
use super::share;
use super::trouble::Trouble;
use super::v1;
use super::visitor::{SignedIn, Visitor};
use crate::domain::{FileId, GalleryFilter, GenerationId, Lang, Model, RawRequest, Refusal};
use crate::islands::UsualTime;
use crate::pages::{Create, DocsPage, Help, Landing};
use crate::server::App;
use crate::server::db::mint;
use crate::server::generation::views;
use crate::server::generation::waits;
use crate::server::{file, gallery, model, preset, quote};
use crate::text;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;

/// How long something finished stays among what is happening now, in milliseconds.
const JUST_NOW_MS: i64 = 10 * 60 * 1_000;

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
    /// A file of theirs to work from.
    file: Option<String>,
    /// The address of one of the person's pictures, to work from.
    reference: Option<String>,
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
    if let Some(id) = query.file.as_deref().and_then(FileId::parse)
        && file::find(&app.db, &person.id, &id).await?.is_some()
    {
        form = share::with_file(form, &id, &model::offered(&app.db).await?);
    }
    if let Some(reference) = query.reference.as_deref().filter(|reference| reference.starts_with("/files/")) {
        form = working_from(form, reference, &model::offered(&app.db).await?);
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
    // Whoever is asked about a price says yes by pressing again.
    let confirmed = match &refusal {
        Some(Refusal::AskFirst { price, .. } | Refusal::PriceChanged { price, .. }) => price.to_string(),
        _ => String::new(),
    };
    let quote = quote::put(app.seals.get().await?, &person.id, &models, cursor);
    // Every page carries a key of its own: pressing its button twice is one generation.
    let form = RawRequest { request_key: mint(), quote, confirmed, ..form };
    let start = person.visitor.start(cursor);
    let (usual, presets) = (usual_times(app, &models, viewer.lang).await?, preset::list(&app.db, &person.id).await?);
    let title = text::pages(viewer.lang).frame.create;
    let page = Page { status, modules: vec!["create"], ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, models, form) = (viewer.clone(), start.clone(), models.clone(), form.clone());
            let (refusal, active, recent) = (refusal.clone(), active.clone(), recent.clone());
            let (usual, presets) = (usual.clone(), presets.clone());
            view! { <Create viewer start models form refusal active recent usual presets /> }
        })
        .await)
}

/// How long each model usually takes here, in words.
async fn usual_times(app: &App, models: &[Model], lang: Lang) -> Result<Vec<UsualTime>, Trouble> {
    let mut times = Vec::new();
    for model in models {
        if let Some(usual) = model::usual(&app.db, &model.name).await? {
            times.push(UsualTime { model: model.name.clone(), says: (text::pages(lang).catalogue.usually)(usual) });
        }
    }
    Ok(times)
}
