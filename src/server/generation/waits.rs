//! Why each of a person's queued generations waits, by the very rules that the admission goes by.

use super::limits::Gates;
use crate::domain::{GenerationId, GenerationView, ModelName, PersonId, Timestamp, Wait, Waiting};
use crate::server::db::Db;

#[derive(sqlx::FromRow)]
struct Queued {
    id: GenerationId,
    model: ModelName,
    run_at: Timestamp,
}

/// What a person's queued generations wait for now, in the order in which they will go.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, owner: &PersonId, now: Timestamp) -> Result<Vec<Waiting>, sqlx::Error> {
    let queue: Vec<Queued> = sqlx::query_as(
        "select id, model, run_at from generation where state = 'queued' and owner_id = $1
         order by priority desc, created_at, id",
    )
    .bind(owner)
    .fetch_all(db.pool())
    .await?;
    if queue.is_empty() {
        return Ok(Vec::new());
    }
    let gates = Gates::look(db.pool(), now).await?;
    let others: Vec<(String, i64)> =
        sqlx::query_as("select owner_id, count(*) from generation where state = 'queued' and owner_id <> $1 group by owner_id")
            .bind(owner)
            .fetch_all(db.pool())
            .await?;
    let flights = gates.by_person();
    let lanes: Vec<(i64, i64)> =
        others.iter().map(|(person, n)| (flights.get(person.as_str()).copied().unwrap_or(0), *n)).collect();
    let mine = gates.of_person(owner);
    let wait = |(place, queued): (i64, &Queued)| {
        let turn = mine + place;
        // Everybody else goes first for as long as they have fewer in flight than this one's turn.
        let before: i64 = lanes.iter().map(|(flight, n)| (turn - 1 - flight).clamp(0, *n)).sum();
        let reason = match gates.closed(now) {
            Some(pause) if pause.scope == "global" => Wait::Paused,
            Some(_) => Wait::Trouble,
            None if gates.is_paused(&queued.model, owner, now) => Wait::Paused,
            None if queued.run_at > now => Wait::Retrying,
            None if gates.is_throttled(now) => Wait::Throttled,
            None if gates.room(queued.model.as_str()) <= 0 => Wait::ModelLimit,
            None if turn > gates.caps.per_person => Wait::OwnLimit(gates.caps.per_person),
            None if before + place == 1 && gates.in_flight() >= gates.caps.in_flight => Wait::HouseLimit,
            None => Wait::Turn(before + place - 1),
        };
        Waiting { id: queued.id.clone(), wait: reason }
    };
    Ok((1..).zip(&queue).map(wait).collect())
}

/// Writes into `views` of a person what those that are queued wait for.
///
/// # Errors
/// When the database fails.
pub async fn tell<'a>(
    db: &Db,
    owner: &PersonId,
    views: impl IntoIterator<Item = &'a mut GenerationView>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let queued: Vec<_> = views.into_iter().filter(|view| view.is_queued()).collect();
    if queued.is_empty() {
        return Ok(());
    }
    let waiting = of(db, owner, now).await?;
    for view in queued {
        view.wait = waiting.iter().find(|waiting| waiting.id == view.id).map(|waiting| waiting.wait);
    }
    Ok(())
}
