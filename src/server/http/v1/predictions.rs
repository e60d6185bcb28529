//! Looking at predictions, waiting for them, stopping them.

use super::pages::{List, Turn};
use super::told::{House, Page, Prediction};
use super::{Answered, Asking, V1, away, origin};
use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::App;
use crate::server::db::News;
use crate::server::generation::predictions::{self, Prediction as Row, Window};
use crate::server::generation::{self, views::Cursor};
use crate::server::protocol::{Problem, moment};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Between two looks at something that is waited for, should nobody tell of a change.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(super) struct Wanted {
    cursor: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    source: Option<String>,
}

/// All predictions of the key's owner, the newest first, 100 at a time, without their logs.
#[utoipa::path(get, path = "/v1/predictions", tag = "predictions", operation_id = "predictions.list",
    params(("cursor" = Option<String>, Query, description = "From `next` or `previous`"),
        ("created_after" = Option<String>, Query, format = DateTime), ("created_before" = Option<String>, Query, format = DateTime),
        ("source" = Option<String>, Query, pattern = "^web$", description = "`web`: only those asked for on the page")),
    responses((status = 200, body = Page<Prediction>), (status = 400), (status = 404)))]
pub(super) async fn list(State(v1): State<V1>, asking: Asking, Query(wanted): Query<Wanted>) -> Answered {
    let turn = Turn::read(wanted.cursor.as_deref())?;
    let from = turn.name().map(|name| Cursor::parse(name).ok_or_else(Problem::not_found)).transpose()?;
    let only_web = match wanted.source.as_deref() {
        None => false,
        Some("web") => true,
        Some(_) => return Err(Problem::plain(StatusCode::BAD_REQUEST, "source must be web, or be left out.")),
    };
    let (after, until) = (read_moment(wanted.created_after.as_deref())?, read_moment(wanted.created_before.as_deref())?);
    let window = Window { from, back: turn.is_back(), after, until, only_web };
    let (rows, more) = predictions::list(&v1.app.db, &asking.owner, &window).await.map_err(|error| away(&error))?;
    let house = house(&v1).await?;
    let list = List {
        address: &format!("{}/v1/predictions", house.origin),
        kept: &[("created_after", &wanted.created_after), ("created_before", &wanted.created_before), ("source", &wanted.source)],
    };
    let page = list.page(&turn, &rows, more, |row| row.cursor().encode(), |row| Prediction::of(row, house));
    Ok(Json(page).into_response())
}

fn read_moment(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = |text| {
        moment::read(text).ok_or_else(|| Problem::plain(StatusCode::BAD_REQUEST, "A time must be written as in ISO 8601."))
    };
    text.map(read).transpose()
}

/// One prediction.
#[utoipa::path(get, path = "/v1/predictions/{id}", tag = "predictions", operation_id = "predictions.get",
    params(("id" = String, Path)), responses((status = 200, body = Prediction), (status = 404)))]
pub(super) async fn show(State(v1): State<V1>, asking: Asking, Path(id): Path<String>) -> Answered {
    let id = GenerationId::parse(&id).ok_or_else(Problem::not_found)?;
    tell(&v1, &asking.owner, &id).await
}

/// Asks a prediction to stop. One that has ended is answered as it is.
#[utoipa::path(post, path = "/v1/predictions/{id}/cancel", tag = "predictions", operation_id = "predictions.cancel",
    params(("id" = String, Path)), responses((status = 200, body = Prediction), (status = 404)))]
pub(super) async fn cancel(State(v1): State<V1>, asking: Asking, Path(id): Path<String>) -> Answered {
    let id = GenerationId::parse(&id).ok_or_else(Problem::not_found)?;
    match generation::cancel(&v1.app.db, &asking.owner, &id, v1.app.clock.now()).await {
        Ok(()) => tell(&v1, &asking.owner, &id).await,
        Err(generation::Error::Database(error)) => Err(away(&error)),
        Err(_) => Err(Problem::not_found()),
    }
}

async fn tell(v1: &V1, owner: &PersonId, id: &GenerationId) -> Answered {
    let row = find(&v1.app, owner, id).await?;
    Ok(Json(Prediction::of(&row, house(v1).await?)).into_response())
}

/// Where addresses lead, and what seals them.
pub(super) async fn house(v1: &V1) -> Result<House<'_>, Problem> {
    Ok(House { origin: origin(&v1.app), seal: v1.seals.get().await.map_err(|error| away(&error))? })
}

pub(super) async fn find(app: &App, owner: &PersonId, id: &GenerationId) -> Result<Row, Problem> {
    let row = predictions::find(&app.db, owner, id).await.map_err(|error| away(&error))?;
    row.ok_or_else(Problem::not_found)
}

/// Whether nothing more will happen.
pub(super) fn ended(row: &Row) -> bool {
    row.state.is_terminal()
}

/// Looks at a prediction until it is as `wanted`, or for so long; answers how it is then. Nothing is held meanwhile: no
/// connection, no lock.
pub(super) async fn wait_for(
    app: &App,
    owner: &PersonId,
    mut row: Row,
    longest: Duration,
    wanted: impl Fn(&Row) -> bool,
) -> Result<Row, Problem> {
    let until = Instant::now() + longest;
    // Subscribed before the first look: what changes in between is not missed.
    let mut news = app.db.news();
    loop {
        row = find(app, owner, &row.id).await?;
        if wanted(&row) || Instant::now() >= until || app.stop.is_cancelled() {
            return Ok(row);
        }
        let look = (Instant::now() + LOOK).min(until);
        let told = async {
            // Of everybody's news, only this person's is a reason to look.
            loop {
                match news.recv().await {
                    Ok(News::Here(person) | News::Elsewhere(person)) if person != *owner => {}
                    _ => return,
                }
            }
        };
        let _ = timeout_at(look, told).await;
    }
}
