//! Asking for a prediction: what a create says, and what it is answered with.

use super::predictions::{ended, find, wait_for};
use super::told::{House, Prediction, version_id};
use super::{Answered, Asking, V1, away, origin};
use crate::domain::schema::Violation;
use crate::domain::{Model, Refusal, RequestKey};
use crate::server::db::mint;
use crate::server::generation::{self, Call, Requested, Source};
use crate::server::http::files::adopted;
use crate::server::key::Bearer;
use crate::server::protocol::{Problem, prefer};
use crate::server::replicate::is_loopback;
use crate::server::{App, model};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value};
use url::Url;

/// The keys of a create; it may have no others. `version` only where the address names no model.
const ENVELOPE: [&str; 6] = ["input", "webhook", "webhook_completed", "webhook_events_filter", "stream", "version"];
/// What a webhook can be asked to tell.
const EVENTS: [&str; 4] = ["start", "output", "logs", "completed"];
/// Longer addresses are no webhooks.
const LONGEST_URL: usize = 2_048;

const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Asks for a prediction by the version of a model: its 64 digits, `owner/name:` and those, or `owner/name`.
#[utoipa::path(post, path = "/v1/predictions", tag = "predictions", operation_id = "predictions.create",
    params(
        ("Prefer" = Option<String>, Header, description = "`wait` or `wait=n`: answer when it has ended, or after n seconds, 60 at most. \
            One that ended meanwhile is answered as a look at it would be, with its last status"),
        ("Cancel-After" = Option<String>, Header, description = "Give it up after so long, from 5 seconds to a day: `30s`, `5m`, `1h30m`"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]+$", min_length = 1, max_length = 255,
            description = "The same key and request again answer with the same prediction"),
    ),
    request_body(content = super::openapi::CreateVersion),
    responses((status = 201, body = Prediction), (status = 400), (status = 402), (status = 413), (status = 422)))]
pub(super) async fn of_version(State(v1): State<V1>, asking: Asking, headers: HeaderMap, body: Bytes) -> Answered {
    let body = read(&body)?;
    refuse(&envelope(&body, true, &v1.app))?;
    let wanted = body.get("version").and_then(Value::as_str).unwrap_or_default();
    let models = model::described(&v1.app.db).await.map_err(|error| away(&error))?;
    let found = models.iter().find(|(model, schemas)| is_meant(wanted, model, schemas));
    let (model, _) = found.ok_or_else(Problem::no_such_version)?;
    accept(&v1, &asking, model, &headers, body).await
}

/// Asks for a prediction by the name of a model.
#[utoipa::path(post, path = "/v1/models/{owner}/{name}/predictions", tag = "predictions", operation_id = "models.predictions.create",
    params(("owner" = String, Path), ("name" = String, Path),
        ("Prefer" = Option<String>, Header), ("Cancel-After" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]+$", min_length = 1, max_length = 255)),
    request_body(content = super::openapi::Create),
    responses((status = 201, body = Prediction), (status = 400), (status = 402), (status = 404), (status = 413), (status = 422)))]
pub(super) async fn of_model(
    State(v1): State<V1>,
    asking: Asking,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let model = model::chosen(&v1.app.db, &format!("{owner}/{name}")).await.map_err(|error| away(&error))?;
    let model = model.ok_or_else(Problem::not_found)?;
    let body = read(&body)?;
    refuse(&envelope(&body, false, &v1.app))?;
    accept(&v1, &asking, &model, &headers, body).await
}

fn is_meant(wanted: &str, model: &Model, schemas: &Value) -> bool {
    let version = version_id(model, schemas);
    wanted == version || wanted == model.name.as_str() || wanted == format!("{}:{version}", model.name)
}

async fn accept(v1: &V1, bearer: &Bearer, model: &Model, headers: &HeaderMap, mut body: Map<String, Value>) -> Answered {
    let app = &v1.app;
    let mut input = match body.remove("input") {
        Some(Value::Object(input)) => input,
        _ => Map::new(),
    };
    // Before anything is fetched for it; patterns are looked at with the rest.
    refuse(&model.schema.violations(&input))?;
    let key = match headers.get("idempotency-key") {
        None => Some(RequestKey::trusted(mint())),
        Some(key) => key.to_str().ok().and_then(|key| RequestKey::parse(key.trim())),
    };
    let key = key.ok_or_else(|| bad("The Idempotency-Key must be 1 to 255 visible ASCII characters."))?;
    let cancel_after_ms = prefer::cancel_after(headers).map_err(bad)?;
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let call = Call {
        key: bearer.id.clone(),
        webhook: text(body.remove("webhook")),
        webhook_events: body.remove("webhook_events_filter").filter(Value::is_array).map(|events| events.to_string()),
        cancel_after_ms,
    };
    match adopted(app, &bearer.owner, &mut input, model).await {
        Ok(adopted) => adopted.map_err(|refusal| refused(&refusal, app))?,
        Err(trouble) => return Ok(trouble.into_response()),
    }
    let asked =
        generation::request_input(Source::Key(call), &app.desk, &bearer.owner, &key, model, &input, app.clock.now()).await;
    let requested = match asked {
        Ok(requested) => requested,
        Err(generation::Error::Refused(refusal)) => return Err(refused(&refusal, app)),
        Err(generation::Error::NotFound) => return Err(Problem::not_found()),
        Err(generation::Error::Database(error)) => return Err(away(&error)),
    };
    let mut row = find(app, &bearer.owner, requested.id()).await?;
    let wait = prefer::wait(headers);
    if let Some(wait) = &wait {
        row = wait_for(app, &bearer.owner, row, wait.longest, ended).await?;
    }
    let house = House { origin: origin(app), seal: v1.seals.get().await.map_err(|error| away(&error))? };
    let told = Prediction::of(&row, house);
    let location = HeaderValue::from_str(&told.urls.get).ok();
    let mut response = (StatusCode::CREATED, Json(told)).into_response();
    let applied = wait.and_then(|wait| HeaderValue::from_str(&wait.applied).ok());
    let replayed = matches!(requested, Requested::Again(_)).then(|| HeaderValue::from_static("true"));
    let said = [(header::LOCATION, location), (APPLIED, applied), (HeaderName::from_static("idempotent-replayed"), replayed)];
    for (name, value) in said {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn bad(detail: &str) -> Problem {
    Problem::plain(StatusCode::BAD_REQUEST, detail)
}

fn read(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(bad("The body is not a JSON object.")),
        Err(_) => Err(bad("The body is not valid JSON.")),
    }
}

fn refuse(violations: &[Violation]) -> Result<(), Problem> {
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

/// What is wrong around the input. The envelope is closed: a misspelt `webhook` would otherwise never be missed.
fn envelope(body: &Map<String, Value>, names_version: bool, app: &App) -> Vec<Violation> {
    let known = |key: &str| ENVELOPE.contains(&key) && (names_version || key != "version");
    let required = ["version", "input"].into_iter().filter(|key| names_version || *key == "input");
    let missing =
        required.filter(|key| !body.contains_key(*key)).map(|key| violation("required", "", format!("{key} is required")));
    let unknown = body.keys().filter(|key| !known(key));
    let unknown =
        unknown.map(|key| violation("additional_property_not_allowed", "", format!("Additional property {key} is not allowed")));
    let mut found: Vec<Violation> = missing.chain(unknown).collect();
    let mut typed = |key: &str, expected: &str, fits: fn(&Value) -> bool| {
        if let Some(value) = body.get(key).filter(|value| !fits(value)) {
            found.push(violation("invalid_type", key, format!("Invalid type. Expected: {expected}, given: {}", kind(value))));
        }
    };
    typed("input", "object", Value::is_object);
    typed("version", "string", Value::is_string);
    typed("webhook", "string", |value| value.is_string() || value.is_null());
    typed("webhook_completed", "string", |value| value.is_string() || value.is_null());
    typed("stream", "boolean", |value| value.is_boolean() || value.is_null());
    typed("webhook_events_filter", "array", |value| value.is_array() || value.is_null());
    if let Some(url) = body.get("webhook").and_then(Value::as_str).filter(|url| !is_webhook(url, app)) {
        found.push(violation("format", "webhook", format!("{url} is not an HTTPS URL")));
    }
    let events = body.get("webhook_events_filter").and_then(Value::as_array).into_iter().flatten().enumerate();
    found.extend(events.filter(|(_, event)| !event.as_str().is_some_and(|event| EVENTS.contains(&event))).map(|(at, _)| {
        let field = format!("webhook_events_filter.{at}");
        let choices = EVENTS.map(|event| format!("\"{event}\"")).join(", ");
        let description = format!("{field} must be one of the following: {choices}");
        violation("enum", &field, description)
    }));
    found
}

/// Whether a webhook may go there: https; to this machine only where the house itself is at home on one.
pub(in crate::server::http) fn is_webhook(url: &str, app: &App) -> bool {
    let at_home = !app.config.is_https() && is_loopback(&app.config.public_url);
    url.len() <= LONGEST_URL
        && Url::parse(url).is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && at_home && is_loopback(&url))
}

fn violation(kind: &'static str, field: &str, description: String) -> Violation {
    Violation { kind: kind.into(), field: field.to_owned(), description }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn refused(refusal: &Refusal, app: &App) -> Problem {
    match refusal {
        Refusal::Input(violations) => Problem::invalid(violations),
        Refusal::Insufficient { available, price } => Problem::insufficient_credit(&format!(
            "You have insufficient credit to run this model. It costs {price} and you have {available}. See {}/credits.",
            origin(app),
        )),
        Refusal::KeyCapReached { cap, left } => Problem::insufficient_credit(&format!(
            "This API key may spend {cap} credits a month and has {left} left. See {}/keys.",
            origin(app),
        )),
        Refusal::DailyCapReached { cap, left } => Problem::insufficient_credit(&format!(
            "You let {cap} credits be spent in 24 hours, and {left} of that is left. See {}/account.",
            origin(app),
        )),
        Refusal::KeyEnded => Problem::unauthenticated(true),
        Refusal::KeyReused => {
            let detail = "This Idempotency-Key was used before for a different request.";
            Problem::titled(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key reused", detail)
        }
        Refusal::TooManyQueued { limit } => Problem::titled(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many queued",
            &format!("{limit} predictions are waiting already."),
        ),
        Refusal::Fields(_) | Refusal::PriceChanged { .. } | Refusal::AskFirst { .. } => {
            tracing::error!(?refusal, "a call of the API was refused for what only a form can say");
            Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
