//! Predictions: creating, looking, listing, cancelling.

use super::{Answered, origin, pages};
use crate::domain::Timestamp;
use crate::server::listen::HangUp;
use crate::server::protocol::prefer::Wait;
use crate::server::protocol::{Problem, moment, prefer};
use crate::server::sandbox::{
    Sandbox,
    journal::Facts,
    requests::{Answer, Endpoint, Order},
    run,
    script::Script,
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Predictions in a page of the list.
const PAGE: usize = 100;

pub(super) async fn create(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Answered {
    accept(&sandbox, Endpoint::Version, &headers, &body).await
}

pub(super) async fn create_official(
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
    let Some(Wait { longest, applied }) = prefer::wait(headers) else {
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

pub(super) async fn one(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let facts = sandbox.facts(&id)?;
    Ok(Json(told(&sandbox, &facts, &headers)))
}

pub(super) async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let facts = sandbox.cancel(id).await?;
    Ok(Json(told(&sandbox, &facts, &headers)))
}

#[derive(Deserialize)]
pub(super) struct Window {
    cursor: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Query(window): Query<Window>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let (after, before) = (read_moment(window.created_after.as_deref())?, read_moment(window.created_before.as_deref())?);
    let (now, origin) = (sandbox.now(), origin(&headers));
    let records = sandbox.records();
    // A cursor is a place in the order of creation: what is created meanwhile does not move it.
    let end = window.cursor.as_deref().map_or(Ok(records.all.len()), pages::place)?;
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
        query.append_pair("cursor", &pages::cursor(last));
        query.extend_pairs(window.created_after.iter().map(|text| ("created_after", text)));
        query.extend_pairs(window.created_before.iter().map(|text| ("created_before", text)));
        format!("{origin}/v1/predictions?{}", query.finish())
    });
    Ok(Json(json!({ "next": next, "previous": null, "results": results })))
}

fn read_moment(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = |text| moment::read(text).ok_or_else(|| Problem::unreadable("A time must be written as in ISO 8601."));
    text.map(read).transpose()
}
