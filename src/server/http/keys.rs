//! `/keys`: plain forms that make, replace and revoke the keys of a person's programs. A new key stands in the answer to
//! its form and nowhere else: in no address, no session, no log.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::domain::{ApiKeyId, KeyForm, KeyProblem, Overlap};
use crate::pages::{FreshKey, KeysPage};
use crate::server::App;
use crate::server::db::mint;
use crate::server::key::{self, Error, MAX_KEYS, Token};
use crate::text;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;

/// What the page shows beside the list.
struct Shown {
    status: StatusCode,
    form: KeyForm,
    problems: Vec<KeyProblem>,
    fresh: Option<FreshKey>,
}

impl Shown {
    fn plain() -> Self {
        let form = KeyForm::fresh(&ApiKeyId::trusted(mint()));
        Self { status: StatusCode::OK, form, problems: Vec::new(), fresh: None }
    }

    fn key(token: &Token) -> Self {
        Self { status: StatusCode::CREATED, fresh: Some(FreshKey(token.reveal().to_owned())), ..Self::plain() }
    }

    fn refused(form: KeyForm, problems: Vec<KeyProblem>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, form, problems, fresh: None }
    }
}

pub(super) async fn page(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    show(&app, &person, Shown::plain()).await
}

pub(super) async fn make(State(app): State<App>, person: SignedIn, Form(mut form): Form<KeyForm>) -> Result<Response, Trouble> {
    // A form without a readable id is no form of ours; it gets one.
    let id = ApiKeyId::parse(&form.id).unwrap_or_else(|| ApiKeyId::trusted(mint()));
    form.id = id.to_string();
    let wish = match form.parse() {
        Ok(wish) => wish,
        Err(problems) => return show(&app, &person, Shown::refused(form, problems)).await,
    };
    match key::make(&app.db, &person.id, &id, &wish, app.clock.now()).await {
        Ok(token) => {
            tracing::info!(person = %person.id, key = %id, "a key was made");
            show(&app, &person, Shown::key(&token)).await
        }
        Err(Error::Again) => Ok(Redirect::to("/keys").into_response()),
        Err(Error::TooMany) => show(&app, &person, Shown::refused(form, vec![KeyProblem::TooMany(MAX_KEYS)])).await,
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Rotation {
    #[serde(default)]
    overlap: String,
}

pub(super) async fn rotate(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(wanted): Form<Rotation>,
) -> Result<Response, Trouble> {
    let id = ApiKeyId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let overlap = Overlap::parse(&wanted.overlap).ok_or(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY))?;
    match key::rotate(&app.db, &person.id, &id, overlap, app.clock.now()).await {
        Ok(token) => {
            tracing::info!(person = %person.id, key = %id, ?overlap, "a key was replaced");
            show(&app, &person, Shown::key(&token)).await
        }
        Err(Error::TooMany) => {
            let refused = Shown { problems: vec![KeyProblem::TooMany(MAX_KEYS)], ..Shown::plain() };
            show(&app, &person, Shown { status: StatusCode::UNPROCESSABLE_ENTITY, ..refused }).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn revoke(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = ApiKeyId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    key::revoke(&app.db, &person.id, &id, app.clock.now()).await?;
    tracing::info!(person = %person.id, key = %id, "a key was revoked");
    Ok(Redirect::to("/keys").into_response())
}

async fn show(app: &App, person: &SignedIn, shown: Shown) -> Result<Response, Trouble> {
    let now = app.clock.now();
    let start = person.visitor.start(now);
    let viewer = person.visitor.viewer(app).await?;
    let keys = key::list(&app.db, &person.id, now).await?;
    let Shown { status, form, problems, fresh } = shown;
    let page = Page { status, ..Page::new(viewer.clone(), text::pages(viewer.lang).keys.title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, keys) = (viewer.clone(), start.clone(), keys.clone());
            let (form, problems, fresh) = (form.clone(), problems.clone(), fresh.clone());
            view! { <KeysPage viewer start keys form problems fresh /> }
        })
        .await)
}
