//! The routes, their guard (token, rate limit), and the files.

use super::{
    InvoiceLine, Sandbox,
    bucket::Kind,
    catalogue,
    journal::Facts,
    picture,
    problem::Problem,
    requests::{Answer, Endpoint, Order, preference},
    run,
    script::Script,
};
use crate::domain::Timestamp;
use crate::server::listen::HangUp;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io, sync::PoisonError, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::{Instant, sleep};

/// Predictions in a page of the list.
const PAGE: usize = 100;

type Answered = Result<Response, Problem>;

pub(super) fn router(sandbox: Sandbox) -> Router {
    let api = Router::new()
        .route("/account", get(account))
        .route("/webhooks/default/secret", get(webhook_secret))
        .route("/models", get(models))
        .route("/models/{owner}/{name}", get(model))
        .route("/models/{owner}/{name}/predictions", post(create_official))
        .route("/models/{owner}/{name}/versions", get(versions))
        .route("/models/{owner}/{name}/versions/{id}", get(version))
        .route("/predictions", get(list).post(create))
        .route("/predictions/{id}", get(one))
        .route("/predictions/{id}/cancel", post(cancel))
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(sandbox.clone(), guard));
    Router::new()
        .nest("/v1", api)
        .route("/files/{id}/{name}", get(file))
        .route("/sandbox/invoice", get(invoice))
        .fallback(nothing)
        .with_state(sandbox)
}

/// Lets in who has a token and is not too fast.
async fn guard(State(sandbox): State<Sandbox>, request: Request, next: Next) -> Answered {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // `Token` is the form of the older clients.
    let token = given.and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("Token ")));
    if token.is_none_or(|token| token.trim().is_empty() || token.starts_with("invalid")) {
        return Err(Problem::unauthenticated(given.is_some()));
    }
    let path = request.uri().path();
    let kind = match *request.method() {
        Method::POST if path.ends_with("/predictions") => Kind::Create,
        Method::GET if path.starts_with("/predictions/") => Kind::Poll,
        _ => Kind::Read,
    };
    let now = sandbox.now();
    let drawn = sandbox.0.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(kind, now);
    let (left, wait, mut answer) = match drawn {
        Ok(left) => (left, 1, next.run(request).await),
        Err(seconds) => (0, seconds, Problem::throttled(seconds).into_response()),
    };
    answer.headers_mut().insert("ratelimit-remaining", HeaderValue::from(left));
    answer.headers_mut().insert("ratelimit-reset", HeaderValue::from(wait));
    Ok(answer)
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn account() -> Json<Value> {
    Json(json!({ "type": "user", "username": "sandbox", "name": "Sandbox", "github_url": null, "avatar_url": null }))
}

async fn webhook_secret(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(json!({ "key": sandbox.0.post.secret() }))
}

async fn models() -> Json<Value> {
    let results: Vec<Value> = catalogue::ALL.iter().map(catalogue::Entry::model).collect();
    Json(json!({ "next": null, "previous": null, "results": results }))
}

async fn model(Path((owner, name)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    Ok(Json(catalogue::named(&owner, &name).ok_or_else(Problem::not_found)?.model()))
}

async fn versions(Path((owner, name)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    let entry = catalogue::named(&owner, &name).ok_or_else(Problem::not_found)?;
    Ok(Json(json!({ "next": null, "previous": null, "results": [entry.version()] })))
}

async fn version(Path((owner, name, id)): Path<(String, String, String)>) -> Result<Json<Value>, Problem> {
    let entry = catalogue::named(&owner, &name).filter(|entry| entry.version == id).ok_or_else(Problem::not_found)?;
    Ok(Json(entry.version()))
}

async fn create(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Answered {
    accept(&sandbox, Endpoint::Version, &headers, &body).await
}

async fn create_official(
    State(sandbox): State<Sandbox>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    accept(&sandbox, Endpoint::Official(&owner, &name), &headers, &body).await
}

async fn accept(sandbox: &Sandbox, endpoint: Endpoint<'_>, headers: &HeaderMap, body: &[u8]) -> Answered {
    let (facts, answer) = sandbox.create(Order::read(endpoint, headers, body)?).await?;
    match answer {
        Answer::Plain => {}
        Answer::BadGateway => return Ok(bad_gateway()),
        Answer::Lost => {
            let mut response = bad_gateway();
            response.extensions_mut().insert(HangUp);
            return Ok(response);
        }
    }
    let Some((longest, applied)) = preference(headers) else {
        return Ok((StatusCode::CREATED, Json(told(sandbox, &facts, headers))).into_response());
    };
    let facts = wait(sandbox, facts, longest).await?;
    let applied = HeaderValue::from_str(&applied).map_err(|_| Problem::internal())?;
    let told = run::early(told(sandbox, &facts, headers));
    Ok((StatusCode::CREATED, [("preference-applied", applied)], Json(told)).into_response())
}

fn bad_gateway() -> Response {
    let page =
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body>\r\n</html>\r\n";
    (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// Until the run ends by our clock, or `longest` passed by the wall's.
async fn wait(sandbox: &Sandbox, facts: Facts, longest: Duration) -> Result<Facts, Problem> {
    const LOOK: Duration = Duration::from_millis(20);
    let until = Instant::now() + longest;
    loop {
        let (now, current) = (sandbox.now(), sandbox.facts(&facts.id)?);
        if run::state(&current, now).is_terminal() || Instant::now() >= until {
            return Ok(current);
        }
        let rest = run::ends_at(&current).map_or(LOOK, |end| Duration::from_millis(end.since(now).clamp(1, 20).cast_unsigned()));
        sleep(rest.min(LOOK)).await;
    }
}

fn told(sandbox: &Sandbox, facts: &Facts, headers: &HeaderMap) -> Value {
    run::prediction(facts, sandbox.now(), &origin(headers))
}

/// Where the caller reached us, so that the URLs it is given lead to the same place.
pub(super) fn origin(headers: &HeaderMap) -> String {
    format!("http://{}", headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost"))
}

async fn one(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let facts = sandbox.facts(&id)?;
    Ok(Json(told(&sandbox, &facts, &headers)))
}

async fn cancel(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let facts = sandbox.cancel(id).await?;
    Ok(Json(told(&sandbox, &facts, &headers)))
}

#[derive(Deserialize)]
struct Window {
    cursor: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
}

async fn list(State(sandbox): State<Sandbox>, Query(window): Query<Window>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let (after, before) = (moment(window.created_after.as_deref())?, moment(window.created_before.as_deref())?);
    let (now, origin) = (sandbox.now(), origin(&headers));
    let records = sandbox.records();
    // A cursor is a place in the order of creation: what is created meanwhile does not move it.
    let end = window.cursor.as_deref().map_or(Some(records.all.len()), place).ok_or_else(Problem::not_found)?;
    let older = records.all.iter().enumerate().take(end).rev();
    let mut wanted = older.filter(|(_, facts)| {
        let listed = Script::of(facts.prompt()).is_listed(now.since(facts.created_at));
        listed && after.is_none_or(|after| facts.created_at >= after) && before.is_none_or(|before| facts.created_at <= before)
    });
    let mut results: Vec<Value> = Vec::new();
    let mut last = 0;
    for (at, facts) in wanted.by_ref().take(PAGE) {
        let mut told = run::prediction(facts, now, &origin);
        // The list leaves the logs out.
        told.as_object_mut().map(|fields| fields.remove("logs"));
        results.push(told);
        last = at;
    }
    let next = wanted.next().map(|_| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("cursor", &BASE64_URL_SAFE_NO_PAD.encode(format!("p={last}")));
        query.extend_pairs(window.created_after.iter().map(|text| ("created_after", text)));
        query.extend_pairs(window.created_before.iter().map(|text| ("created_before", text)));
        format!("{origin}/v1/predictions?{}", query.finish())
    });
    Ok(Json(json!({ "next": next, "previous": null, "results": results })))
}

fn place(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("p=")?.parse().ok()
}

fn moment(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let read =
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Problem::unreadable("A time must be written as in ISO 8601."))?;
    Ok(i64::try_from(read.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp))
}

async fn invoice(State(sandbox): State<Sandbox>) -> Json<Vec<InvoiceLine>> {
    Json(sandbox.invoice())
}

async fn file(State(sandbox): State<Sandbox>, Path((id, name)): Path<(String, String)>) -> Answered {
    let facts = sandbox.facts(&id)?;
    let index = (0..run::files(&facts)).find(|index| name == format!("out-{index}.{}", run::extension(&facts)));
    let index = index.filter(|_| run::serves_files(&facts, sandbox.now())).ok_or_else(Problem::not_found)?;
    let (script, last) = (Script::of(facts.prompt()), index + 1 == run::files(&facts));
    let truncated = script.truncated || script.one_bad && last;
    let index = u32::try_from(index).map_err(|_| Problem::internal())?;
    let order = picture::Order::of(&facts, index, sandbox.0.options.longest_edge);
    let content_type = order.content_type();
    let bytes = super::run_blocking(move || sandbox.0.pictures.get(&order).ok_or_else(Problem::internal)).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes.len())),
        (header::CACHE_CONTROL, HeaderValue::from_static("public,max-age=3600")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    Ok((headers, if truncated { half(&bytes) } else { Body::from(bytes) }).into_response())
}

/// The first half, then the connection breaks. Between the two the server gets its turn to send what it has; otherwise
/// it would throw the half away and not even the head would leave.
fn half(bytes: &Bytes) -> Body {
    let first = bytes.slice(..bytes.len() / 2);
    let broken = async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    Body::from_stream(stream::iter([Ok(first)]).chain(stream::once(broken)))
}
