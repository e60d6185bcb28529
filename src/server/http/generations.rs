//! The button: one press, one generation. The same address answers a form with a redirect and an island with JSON.

use super::site::create_page;
use super::trouble::{Explained, Trouble, door};
use super::visitor::{SignedIn, Visitor};
use crate::domain::{FieldProblem, GenerationId, GenerationView, Lang, RawRequest, Refusal};
use crate::server::App;
use crate::server::generation::{self, Error, Requested, Source, views, waits};
use crate::server::model;
use crate::text;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};

pub(super) async fn generate(
    State(app): State<App>,
    visitor: Visitor,
    person: Option<SignedIn>,
    Form(Pressed { page, form }): Form<Pressed>,
) -> Result<Response, Trouble> {
    let Some(person) = person.filter(|_| visitor.is_own_page(Some(&page))) else {
        return if visitor.wants_json {
            Err(Trouble::SIGNED_OUT)
        } else {
            Ok(Redirect::to(&keeping(&form.prompt)).into_response())
        };
    };
    match request(&app, &person, &form, Source::Page).await? {
        Ok(requested) if visitor.wants_json => {
            let status = if matches!(requested, Requested::New(_)) { StatusCode::CREATED } else { StatusCode::OK };
            let mut view = views::find(&app.db, &person.id, requested.id()).await?.ok_or(Trouble::NOT_FOUND)?;
            waits::tell(&app.db, &person.id, [&mut view], app.clock.now()).await?;
            Ok((status, Json(view)).into_response())
        }
        Ok(_) => Ok(Redirect::to("/create").into_response()),
        Err(refusal) if visitor.wants_json => Ok(refused(&refusal, visitor.lang)),
        Err(refusal) => create_page(&app, &person, form, Some((status(&refusal), refusal))).await,
    }
}

/// What the button sends: the request, and whose page the button stood on.
#[derive(Deserialize)]
pub(super) struct Pressed {
    #[serde(default)]
    page: String,
    #[serde(flatten)]
    form: RawRequest,
}

/// The door, and behind it the form with what was typed, as far as an address can carry it.
fn keeping(prompt: &str) -> String {
    let carried: String = url::form_urlencoded::byte_serialize(prompt.as_bytes()).collect();
    let back =
        if carried.is_empty() || carried.len() > 4_000 { "/create".to_owned() } else { format!("/create?prompt={carried}") };
    format!("{}&expired=1", door(&back))
}

/// Asks for one generation; a refusal is an answer, not a failure.
pub(super) async fn request(
    app: &App,
    person: &SignedIn,
    raw: &RawRequest,
    source: Source,
) -> Result<Result<Requested, Refusal>, Trouble> {
    let catalogue = model::offered(&app.db).await?;
    match generation::request_from(source, &app.db, &person.id, raw, &catalogue, app.clock.now()).await {
        Ok(requested) => Ok(Ok(requested)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn cancel(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    generation::cancel(&app.db, &person.id, &id, app.clock.now()).await?;
    if !person.visitor.wants_json {
        return Ok(Redirect::to("/create").into_response());
    }
    let view: GenerationView = views::find(&app.db, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    Ok(Json(view).into_response())
}

pub(super) async fn cancel_all(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    let asked = generation::cancel_all(&app.db, &person.id, app.clock.now()).await?;
    if person.visitor.wants_json {
        return Ok(Json(serde_json::json!({"asked": asked})).into_response());
    }
    Ok(Redirect::to("/create").into_response())
}

/// What an island is told when the button did nothing.
#[derive(Serialize)]
struct Refused {
    title: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<FieldProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
}

/// The status of a refusal.
pub(super) const fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Fields(_) | Refusal::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Insufficient { .. } | Refusal::KeyCapReached { .. } => StatusCode::PAYMENT_REQUIRED,
        Refusal::KeyEnded => StatusCode::UNAUTHORIZED,
        Refusal::PriceChanged { .. } => StatusCode::CONFLICT,
        Refusal::TooManyQueued { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

fn refused(refusal: &Refusal, lang: Lang) -> Response {
    let words = &text::pages(lang).picture;
    let (problems, available, price) = match refusal {
        Refusal::Fields(problems) => (problems.clone(), None, None),
        Refusal::Insufficient { available, price } => (Vec::new(), Some(available.0), Some(price.0)),
        Refusal::PriceChanged { price, .. } => (Vec::new(), None, Some(price.0)),
        Refusal::KeyCapReached { left, .. } => (Vec::new(), Some(left.0), None),
        Refusal::KeyReused | Refusal::KeyEnded | Refusal::TooManyQueued { .. } => (Vec::new(), None, None),
    };
    let title = match refusal {
        Refusal::Insufficient { .. } => "Insufficient credits",
        _ => words.refused,
    };
    let body = Refused { title, detail: (words.refusal)(refusal), problems, available, price };
    let mut response = (status(refusal), Json(body)).into_response();
    response.extensions_mut().insert(Explained);
    response
}
