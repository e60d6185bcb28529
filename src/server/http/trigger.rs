//! The plain JSON trigger: `POST /api/app/generate` with `{"prompt": …}` starts a generation for whoever's session it
//! is; `GET /api/app/generations/{id}` tells how it goes, in three words. It goes through the same verb as the button.

use super::generations::{request, status};
use super::trouble::{Explained, Trouble};
use super::visitor::SignedIn;
use crate::domain::{Field, FieldProblem, GenerationId, GenerationView, Phase, Problem, RawRequest, Refusal};
use crate::server::App;
use crate::server::db::mint;
use crate::server::generation::{Source, views, waits};
use crate::text;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What may be asked for. Numbers may come as numbers or as text; what is not known is refused, because a misspelt
/// `count` must not buy one picture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    model: Value,
    #[serde(default)]
    aspect_ratio: Value,
    #[serde(default)]
    count: Value,
    #[serde(default)]
    seed: Value,
}

/// A generation in the seed's words.
#[derive(Serialize)]
struct Told {
    id: GenerationId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sha256: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why it is still queued, in a word and in a sentence's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Value>,
}

pub(super) async fn generate(
    State(app): State<App>,
    person: SignedIn,
    headers: HeaderMap,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<Response, Trouble> {
    let wish = match body {
        Ok(Json(wish)) => wish,
        Err(rejection) => return Ok(unreadable(&rejection)),
    };
    let key = headers.get("idempotency-key").map_or_else(|| Ok(mint()), |key| key.to_str().map(str::to_owned));
    let raw = RawRequest { request_key: key.unwrap_or_default(), ..wish.into() };
    match request(&app, &person, &raw, Source::Api).await? {
        Ok(requested) => {
            let view = views::find(&app.db, &person.id, requested.id()).await?.ok_or(Trouble::NOT_FOUND)?;
            Ok(Json(json!({"id": view.id, "status": told(&app, &person, &view).status})).into_response())
        }
        Err(refusal) => Ok(refused(&refusal, &person)),
    }
}

pub(super) async fn show(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let mut view = views::find(&app.db, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    waits::tell(&app.db, &person.id, [&mut view], app.clock.now()).await?;
    Ok(Json(told(&app, &person, &view)).into_response())
}

fn told(app: &App, person: &SignedIn, view: &GenerationView) -> Told {
    let words = text::live::of(person.visitor.lang);
    let origin = app.config.public_url.as_str().trim_end_matches('/');
    let urls: Vec<String> = view.outputs.iter().map(|output| format!("{origin}{}", output.url)).collect();
    let (status, reason) = match view.phase {
        Phase::Succeeded => ("completed", None),
        Phase::Failed(failure) => {
            let said = (words.failure)(failure);
            ("failed", Some(format!("{}. {}", said.what, said.then)))
        }
        Phase::Canceled => ("failed", Some((words.phase)(view.phase).to_owned())),
        _ => ("processing", None),
    };
    let waiting = view.wait.map(|wait| json!({"for": wait.as_str(), "detail": (words.wait)(wait)}));
    let sha256 = view.outputs.iter().map(|output| output.sha256.clone()).collect();
    Told { id: view.id.clone(), status, url: urls.first().cloned(), urls, sha256, reason, waiting }
}

impl From<Wish> for RawRequest {
    fn from(wish: Wish) -> Self {
        let text = |value: Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            // An object where a text belongs is read as text and refused by the rules for that field.
            other => other.to_string(),
        };
        let prompt = match wish.prompt {
            Value::String(prompt) => prompt,
            // Unlike a number, a prompt is text or it is nothing.
            _ => String::new(),
        };
        Self {
            prompt,
            model: text(wish.model),
            aspect_ratio: text(wish.aspect_ratio),
            count: text(wish.count),
            seed: text(wish.seed),
            ..Self::default()
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> Response {
    // The framework's status: 415 for another content type, 400 for no JSON, 422 for unknown fields, 413 for too much.
    answer(rejection.status(), &json!({"error": rejection.body_text()}))
}

fn refused(refusal: &Refusal, person: &SignedIn) -> Response {
    let words = &text::pages(person.visitor.lang).picture;
    let detail = (words.refusal)(refusal);
    match refusal {
        Refusal::Insufficient { available, price } => answer(
            StatusCode::FORBIDDEN,
            &json!({"error": "Insufficient credits", "detail": detail, "available": available, "price": price}),
        ),
        Refusal::Fields(problems) => {
            let said = |found: &FieldProblem| json!({"field": name(found.field), "problem": found.problem, "detail": (words.problem)(found.field, found.problem)});
            let fields: Vec<Value> = problems.iter().map(said).collect();
            let first = problems.first().copied().unwrap_or(FieldProblem { field: Field::Prompt, problem: Problem::Invalid });
            let body = json!({
                "error": (words.problem)(first.field, first.problem), "field": name(first.field), "fields": fields,
            });
            answer(StatusCode::UNPROCESSABLE_ENTITY, &body)
        }
        Refusal::Input(violations) => answer(
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!({"error": "Input validation failed", "detail": crate::domain::schema::detail(violations), "invalid_fields": violations}),
        ),
        Refusal::KeyReused => {
            answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"error": detail, "field": name(Field::RequestKey)}))
        }
        Refusal::PriceChanged { .. }
        | Refusal::KeyCapReached { .. }
        | Refusal::KeyEnded
        | Refusal::AskFirst { .. }
        | Refusal::DailyCapReached { .. }
        | Refusal::TooManyQueued { .. } => answer(status(refusal), &json!({"error": detail})),
    }
}

/// What a field is called here: the key travels in a header.
const fn name(field: Field) -> &'static str {
    match field {
        Field::RequestKey => "Idempotency-Key",
        other => other.as_str(),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(Explained);
    response
}
