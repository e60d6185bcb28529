//! The button: one press, one generation. The same address answers a form with a redirect and an island with JSON.

use super::files;
use super::site::create_page;
use super::trouble::{Explained, Trouble, door};
use super::visitor::{SignedIn, Visitor};
use crate::domain::schema::Violation;
use crate::domain::{
    Field, FieldProblem, GenerationId, GenerationView, Lang, MOST_VARIANTS, Problem, RawRequest, Refusal, RequestKey, variants,
};
use crate::server::App;
use crate::server::generation::{self, Error, Meant, Requested, Source, views, waits};
use crate::server::model;
use crate::server::quote::Quote;
use crate::{pages, text};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) async fn generate(
    State(app): State<App>,
    visitor: Visitor,
    person: Option<SignedIn>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let (page, form) = pressed(fields);
    let Some(person) = person.filter(|_| visitor.is_own_page(Some(&page))) else {
        return if visitor.wants_json {
            Err(Trouble::SIGNED_OUT)
        } else {
            Ok(Redirect::to(&keeping(&form.prompt)).into_response())
        };
    };
    match press(&app, &person, &form).await? {
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
fn pressed(fields: Vec<(String, String)>) -> (String, RawRequest) {
    let page = fields.iter().find(|(name, _)| name == "page").map(|(_, page)| page.clone());
    (page.unwrap_or_default(), RawRequest::of_form(fields))
}

/// Another model was chosen in the form: its controls, with what of the last one's fits. A script puts them into the page; without
/// one the whole page comes again.
pub(super) async fn controls(
    State(app): State<App>,
    person: SignedIn,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let drawn_for = fields.iter().find(|(name, _)| name == "drawn_for").map(|(_, name)| name.clone());
    let mut form = RawRequest::of_form(fields);
    let catalogue = model::offered(&app.db).await?;
    let mut dropped = Vec::new();
    let from = drawn_for.and_then(|name| catalogue.iter().find(|model| model.name.as_str() == name));
    if let (Some(from), Some(to)) = (from, form.choose(&catalogue)) {
        (form, dropped) = form.carried(from, to);
    }
    if !person.visitor.wants_json {
        return create_page(&app, &person, form, None).await;
    }
    let lang = person.visitor.lang;
    let drawn = form.choose(&catalogue).map(|model| pages::controls(model, &form.controls, &[], lang)).unwrap_or_default();
    let dropped = (!dropped.is_empty()).then(|| (text::pages(lang).control.dropped)(&dropped));
    Ok(Json(json!({"needed": drawn.needed, "rest": drawn.rest, "dropped": dropped})).into_response())
}

/// The door, and behind it the form with what was typed, as far as an address can carry it.
fn keeping(prompt: &str) -> String {
    let carried: String = url::form_urlencoded::byte_serialize(prompt.as_bytes()).collect();
    let back =
        if carried.is_empty() || carried.len() > 4_000 { "/create".to_owned() } else { format!("/create?prompt={carried}") };
    format!("{}&expired=1", door(&back))
}

/// Asks for everything that a press of the button asks for: one generation for each prompt that the text stands for.
async fn press(app: &App, person: &SignedIn, raw: &RawRequest) -> Result<Result<Requested, Refusal>, Trouble> {
    let Some(prompts) = variants(&raw.prompt) else {
        let most = i64::try_from(MOST_VARIANTS).unwrap_or(i64::MAX);
        return Ok(Err(Refusal::Fields(vec![FieldProblem { field: Field::Prompt, problem: Problem::TooMany(most) }])));
    };
    if prompts.len() < 2 {
        let one = RawRequest { prompt: prompts.concat(), ..raw.clone() };
        return request(app, person, &one, Source::Page).await;
    }
    let catalogue: Vec<_> = model::chosen(&app.db, &raw.model).await?.into_iter().collect();
    let key = RequestKey::trusted(raw.request_key.trim());
    let mut requests = Vec::new();
    let mut chosen = None;
    for (n, prompt) in prompts.into_iter().enumerate() {
        let one = RawRequest { prompt, request_key: key.nth(n).to_string(), ..raw.clone() };
        match generation::read(&one, &catalogue) {
            Ok((request, model)) => {
                requests.push(request);
                chosen = Some(model);
            }
            Err(Error::Refused(refusal)) => return Ok(Err(refusal)),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(model) = chosen else { return Err(Trouble::NOT_FOUND) };
    // All work from the same files, which are fetched once.
    if let Some((first, others)) = requests.split_first_mut() {
        if let Err(refusal) = files::adopted(app, &person.id, &mut first.input, model).await? {
            return Ok(Err(refusal));
        }
        for name in model.file_names() {
            if let Some(file) = first.input.get(name) {
                for other in others.iter_mut() {
                    other.input.insert(name.to_owned(), file.clone());
                }
            }
        }
    }
    let now = app.clock.now();
    let model = Quote::read(app.seals.get().await?, &person.id, &raw.quote, now).honour(model);
    match generation::request_all(&Source::Page, &app.desk, &person.id, &requests, &model, now).await {
        Ok(requested) => Ok(Ok(requested)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}

/// Asks for one generation; a refusal is an answer, not a failure.
pub(super) async fn request(
    app: &App,
    person: &SignedIn,
    raw: &RawRequest,
    source: Source,
) -> Result<Result<Requested, Refusal>, Trouble> {
    let catalogue: Vec<_> = model::chosen(&app.db, &raw.model).await?.into_iter().collect();
    let requested = match generation::read(raw, &catalogue) {
        // Only of what can be made are the files fetched.
        Ok((mut request, model)) => match files::adopted(app, &person.id, &mut request.input, model).await? {
            Ok(()) => {
                let now = app.clock.now();
                let model = Quote::read(app.seals.get().await?, &person.id, &raw.quote, now).honour(model);
                generation::request_ready(&source, &app.desk, &person.id, &request, &model, now).await
            }
            Err(refusal) => return Ok(Err(refusal)),
        },
        Err(error) => Err(error),
    };
    match requested {
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

#[derive(Deserialize)]
pub(super) struct CancelAll {
    /// `queued`: what runs goes on.
    only: Option<String>,
}

pub(super) async fn cancel_all(
    State(app): State<App>,
    person: SignedIn,
    Query(wanted): Query<CancelAll>,
) -> Result<Response, Trouble> {
    let meant = if wanted.only.as_deref() == Some("queued") { Meant::Queued } else { Meant::Stoppable };
    let asked = generation::cancel_all(&app.db, &person.id, meant, app.clock.now()).await?;
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
    /// For the script that marks the model's own controls, as a text of JSON.
    #[serde(skip_serializing_if = "String::is_empty")]
    violations: String,
}

/// What is wrong at which control, in the person's language.
fn marked(violations: &[Violation], lang: Lang) -> String {
    let say = text::pages(lang).control.violation;
    let marked = violations.iter().map(|found| json!({"at": found.property(), "says": say(found)}));
    json!(marked.collect::<Vec<_>>()).to_string()
}

/// The same of the fields that every model has; `#` tells them from a model's own.
fn marked_fields(problems: &[FieldProblem], lang: Lang) -> String {
    let say = text::pages(lang).picture.problem;
    let marked =
        problems.iter().map(|one| json!({"at": format!("#{}", one.field.as_str()), "says": say(one.field, one.problem)}));
    json!(marked.collect::<Vec<_>>()).to_string()
}

/// The status of a refusal.
pub(super) const fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Fields(_) | Refusal::Input(_) | Refusal::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Insufficient { .. } | Refusal::KeyCapReached { .. } | Refusal::DailyCapReached { .. } => {
            StatusCode::PAYMENT_REQUIRED
        }
        Refusal::KeyEnded => StatusCode::UNAUTHORIZED,
        Refusal::PriceChanged { .. } | Refusal::AskFirst { .. } => StatusCode::CONFLICT,
        Refusal::TooManyQueued { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

pub(super) fn refused(refusal: &Refusal, lang: Lang) -> Response {
    let words = &text::pages(lang).picture;
    let (problems, available, price) = match refusal {
        Refusal::Fields(problems) => (problems.clone(), None, None),
        Refusal::Insufficient { available, price } => (Vec::new(), Some(available.0), Some(price.0)),
        Refusal::PriceChanged { price, .. } | Refusal::AskFirst { price, .. } => (Vec::new(), None, Some(price.0)),
        Refusal::KeyCapReached { left, .. } | Refusal::DailyCapReached { left, .. } => (Vec::new(), Some(left.0), None),
        Refusal::Input(_) | Refusal::KeyReused | Refusal::KeyEnded | Refusal::TooManyQueued { .. } => (Vec::new(), None, None),
    };
    let title = match refusal {
        Refusal::Insufficient { .. } => "Insufficient credits",
        _ => words.refused,
    };
    let violations = match refusal {
        Refusal::Input(violations) => marked(violations, lang),
        Refusal::Fields(problems) => marked_fields(problems, lang),
        _ => String::new(),
    };
    let body = Refused { title, detail: (words.refusal)(refusal), problems, available, price, violations };
    let mut response = (status(refusal), Json(body)).into_response();
    response.extensions_mut().insert(Explained);
    response
}
