//! The way of one generation's credits through the books: set aside, then taken or given back, each with its number.

use crate::domain::{BookEntry, Credits, GenerationId, MoneyKind, MoneyStep, PersonId, Timestamp};
use crate::server::db::Db;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    at: Timestamp,
    held: Credits,
    captured: Credits,
    entry: Option<String>,
    place: Option<i64>,
    hash: Option<String>,
}

/// What the books have about a generation of this person, oldest first; nothing when it is not theirs.
///
/// # Errors
/// When the database fails.
pub async fn way(db: &Db, person: &PersonId, generation: &GenerationId) -> Result<Vec<MoneyStep>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select t.id, t.kind, t.created_at as at, h.amount as held, h.captured, e.id as entry, e.place, e.hash
         from hold h
         join account a on a.id = h.account_id
         join txn t on t.ref = h.generation_id and t.kind in ('hold', 'capture', 'release')
         left join entry e on e.txn_id = t.id and e.account_id = h.account_id
         where h.generation_id = $1 and a.owner_id = $2 order by t.id, e.place",
    )
    .bind(generation)
    .bind(person)
    .fetch_all(db.pool())
    .await?;
    Ok(steps(rows))
}

fn steps(rows: Vec<Row>) -> Vec<MoneyStep> {
    let mut steps: Vec<MoneyStep> = Vec::new();
    for row in rows {
        let Some(kind) = MoneyKind::parse(&row.kind) else { continue };
        if steps.last().is_none_or(|last| last.id != row.id) {
            let amount = if kind == MoneyKind::Capture { row.captured } else { row.held };
            steps.push(MoneyStep { kind, id: row.id, amount, at: row.at, entries: Vec::new() });
        }
        if let (Some(step), Some(id), Some(place), Some(hash)) = (steps.last_mut(), row.entry, row.place, row.hash) {
            step.entries.push(BookEntry { id, place, hash });
        }
    }
    steps
}
