//! Links to one picture: made, listed and revoked by their owner; opened by anybody who has one.
//!
//! A link opens through the same rows as everything of its owner, and each of its addresses, page, thumbnail and original,
//! asks anew whether it still does. No cache may answer in their place.

use super::doors::local;
use super::media::{self, Shown};
use super::render::Page;
use super::trouble::Trouble;
use super::viewer::read;
use super::visitor::{SignedIn, Visitor};
use crate::app::Preview;
use crate::components::tile;
use crate::domain::{GenerationId, Medium, OutputView, PersonId, ShareId, ShareView, ShareWish, Term};
use crate::pages::{SharedPage, SharedPicture, SharesPage};
use crate::server::App;
use crate::server::generation::views;
use crate::server::seal::Seals;
use crate::server::share::{self, Error, Open};
use crate::text;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::json;

/// A browser may keep it, and must ask each time whether it may still show it.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NOT_FOUND,
            Error::TooMany => Self::TOO_MANY,
            Error::Database(error) => error.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    id: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    term: String,
    #[serde(default)]
    prompt: String,
    #[serde(default)]
    settings: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn make(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Trouble> {
    let refused = || Trouble::status(StatusCode::UNPROCESSABLE_ENTITY);
    let generation = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let share = ShareId::parse(&wanted.id).unwrap_or_else(|| ShareId::trusted(crate::server::db::mint()));
    let wish = ShareWish {
        place: if wanted.place.is_empty() { 0 } else { wanted.place.parse().map_err(|_| refused())? },
        term: Term::parse(&wanted.term).ok_or_else(refused)?,
        prompt: !wanted.prompt.is_empty(),
        settings: !wanted.settings.is_empty(),
    };
    share::make(&app.db, &person.id, &share, &generation, wish, app.clock.now()).await?;
    tracing::info!(person = %person.id, %share, "a picture was shared");
    if person.visitor.wants_json {
        let made = of(&app, &person.id, Some(&generation)).await?.into_iter().find(|made| made.id == share);
        let address = made.map(|made| made.address).ok_or(Trouble::NOT_FOUND)?;
        return Ok((StatusCode::CREATED, Json(json!({"id": share, "url": address}))).into_response());
    }
    let next = if wanted.next.is_empty() { format!("/g/{generation}") } else { local(&wanted.next) };
    Ok(Redirect::to(&format!("{next}#share")).into_response())
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn revoke(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Next>,
) -> Result<Response, Trouble> {
    let id = ShareId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    share::revoke(&app.db, &person.id, &id, app.clock.now()).await?;
    tracing::info!(person = %person.id, share = %id, "a link was revoked");
    if person.visitor.wants_json {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let next = if form.next.is_empty() { "/shares".to_owned() } else { local(&form.next) };
    Ok(Redirect::to(&next).into_response())
}

/// A person's live links, of one generation or of all.
pub(super) async fn of(app: &App, owner: &PersonId, generation: Option<&GenerationId>) -> Result<Vec<ShareView>, Trouble> {
    let seals = Seals::new(app.db.clone());
    let origin = app.config.public_url.as_str().trim_end_matches('/');
    Ok(share::list(&app.db, seals.get().await?, origin, owner, generation, app.clock.now()).await?)
}

pub(super) async fn list(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    let shares = of(&app, &person.id, None).await?;
    let start = person.visitor.start(app.clock.now());
    let viewer = person.visitor.viewer(&app).await?;
    let page = Page::new(viewer.clone(), text::pages(viewer.lang).share.title, true);
    Ok(page
        .render(&app, move || {
            let (viewer, start, shares) = (viewer.clone(), start.clone(), shares.clone());
            view! { <SharesPage viewer start shares /> }
        })
        .await)
}

/// What the word of a link opens now. A wrong word, a revoked link and a picture that is gone are one answer.
async fn opened(app: &App, token: &str) -> Result<Open, Trouble> {
    let seals = Seals::new(app.db.clone());
    let id = seals.get().await?.open_share(token).ok_or(Trouble::NOT_FOUND)?;
    share::open(&app.db, &id, app.clock.now()).await?.ok_or(Trouble::NOT_FOUND)
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(token): Path<String>) -> Result<Response, Trouble> {
    let open = opened(&app, &token).await?;
    let picture = picture(&app, &open, &token, &visitor).await?;
    if visitor.wants_json {
        return Ok(guarded(Json(written(&picture)).into_response()));
    }
    let words = text::pages(visitor.lang);
    let title = picture.prompt.as_deref().map_or_else(|| words.viewer.title.to_owned(), tile::alt);
    let origin = app.config.public_url.as_str().trim_end_matches('/');
    let image = match picture.output.medium() {
        Medium::Picture => format!("{origin}{}", picture.output.large),
        _ => format!("{origin}{}/og.png", app.assets.base()),
    };
    let preview = Preview { title: title.clone(), description: words.share.by.to_owned(), image };
    // The owner's name is nobody's business here, and who looks is not told to anybody either.
    let viewer = visitor.bare_viewer(&app);
    let page = Page { preview: Some(preview), ..Page::new(viewer.clone(), title, false) };
    Ok(guarded(
        page.render(&app, move || {
            let (viewer, picture) = (viewer.clone(), picture.clone());
            view! { <SharedPage viewer picture /> }
        })
        .await,
    ))
}

async fn picture(app: &App, open: &Open, token: &str, visitor: &Visitor) -> Result<SharedPicture, Trouble> {
    let generation = &open.generation;
    let output = generation.outputs.iter().find(|output| output.index == open.place).ok_or(Trouble::NOT_FOUND)?;
    let settings = if open.with_settings {
        let told = read(app, &open.owner, &generation.id).await?;
        let (label, seed) = (generation.model_label.clone(), generation.seed);
        told.map(|(_, settings)| SharedPicture::lines(label, seed, &settings, visitor.lang))
    } else {
        None
    };
    let document = match output.medium() {
        Medium::Text | Medium::Json => views::document(&app.db, &open.owner, generation).await?,
        Medium::Picture | Medium::Video | Medium::Audio => None,
    };
    Ok(SharedPicture {
        output: below(output, token),
        prompt: open.with_prompt.then(|| generation.prompt.clone()),
        settings,
        document,
    })
}

/// The same output at addresses below the link.
fn below(output: &OutputView, token: &str) -> OutputView {
    let moved = |address: &str| match address.rsplit('/').next() {
        Some(name) if !name.is_empty() => format!("/s/{token}/{name}"),
        _ => String::new(),
    };
    OutputView { url: moved(&output.url), small: moved(&output.small), large: moved(&output.large), ..output.clone() }
}

/// The page for programs: what it shows, and nothing else.
fn written(picture: &SharedPicture) -> serde_json::Value {
    let output = &picture.output;
    json!({
        "url": output.url, "content_type": output.content_type, "width": output.width, "height": output.height,
        "bytes": output.bytes, "sha256": output.sha256, "prompt": picture.prompt, "settings": picture.settings,
    })
}

pub(super) async fn file(
    State(app): State<App>,
    Path((token, name)): Path<(String, String)>,
    request: HeaderMap,
) -> Result<Response, Trouble> {
    let open = opened(&app, &token).await?;
    let id = &open.generation.id;
    let (key, place) = media::owned(&app, &open.owner, id, &name).await?;
    if place != open.place {
        return Err(Trouble::NOT_FOUND);
    }
    let etag = format!("shared-{id}-{name}");
    let shown = Shown { etag: &etag, name: &format!("atelier-{name}"), inline: true };
    let response: Response<Body> = media::deliver(&app, &key, &shown, &request).await?;
    Ok(guarded(response))
}

/// What every answer about a link says: nobody is to keep it, to list it, or to learn of it from whoever goes on elsewhere.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    response
}
