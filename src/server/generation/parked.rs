//! What was left to an operator: which they are, and taking one up again. Who does nothing about one leaves it to its
//! deadline, when every credit goes back.

use super::note;
use crate::domain::{GenerationId, ModelName, PersonId, State, Timestamp};
use crate::server::db::{Db, Tx, retried};

/// The most that are listed at once.
const LISTED: i64 = 100;

/// A generation that waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Parked {
    /// Which.
    pub id: GenerationId,
    /// The model that was asked.
    pub model: ModelName,
    /// What it was at.
    pub was: Option<State>,
    /// Why it was parked.
    pub why: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it is given back.
    pub deadline_at: Timestamp,
}

/// The line of its timeline that says how a generation `g` was parked the last time.
macro_rules! parked_by {
    ($column:literal) => {
        concat!(
            "(select e.",
            $column,
            " from generation_event e where e.generation_id = g.id and e.to_state = 'parked'
              and e.from_state <> 'parked' order by e.at desc, e.id desc limit 1)"
        )
    };
}

/// All of them, the most urgent first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db) -> Result<Vec<Parked>, sqlx::Error> {
    sqlx::query_as(concat!(
        "select g.id, g.model, ",
        parked_by!("from_state"),
        " as was, ",
        parked_by!("detail"),
        " as why, ",
        parked_by!("at"),
        " as since, g.deadline_at from generation g where g.state = 'parked' order by g.deadline_at, g.id limit $1"
    ))
    .bind(LISTED)
    .fetch_all(db.pool())
    .await
}

/// Takes a parked generation up again at the step it was parked in: what waited is asked about, what was being stored is
/// stored, and an unanswered paid call is looked for once more. No call is paid for that was not paid for before. `None` when
/// it is not parked any more, was asked to stop, or its time is up; then it ends by itself.
///
/// # Errors
/// When the database fails.
pub async fn take_up(db: &Db, id: &GenerationId, operator: &str, now: Timestamp) -> Result<Option<State>, sqlx::Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        let Some(was) = was(&mut tx, id).await? else { return Ok(None) };
        // A new epoch: whoever still holds a lease of before writes nothing.
        let taken: Option<(PersonId, i64)> = sqlx::query_as(
            "update generation set state = $2, run_at = $3, lease_owner = null, lease_until = 0, lease_epoch = lease_epoch + 1,
                    lost_leases = 0, step_try = 0, updated_at = $3, version = version + 1
             where id = $1 and state = 'parked' and deadline_at > $3 and cancel_requested_at is null
             returning owner_id, lease_epoch",
        )
        .bind(id)
        .bind(was)
        .bind(now)
        .fetch_optional(tx.connection())
        .await?;
        let Some((owner, epoch)) = taken else { return Ok(None) };
        let detail = format!("taken up again by {operator}");
        note(&mut tx, id, now, epoch, Some(State::Parked), was, Some(&detail));
        tx.touch(&owner);
        tx.commit().await?;
        Ok(Some(was))
    })
    .await
}

/// What it was at when it was parked. Without a line that says so there is nothing that could be gone on with.
async fn was(tx: &mut Tx, id: &GenerationId) -> Result<Option<State>, sqlx::Error> {
    let row: Option<(Option<State>,)> =
        sqlx::query_as(concat!("select ", parked_by!("from_state"), " from generation g where g.id = $1 and g.state = 'parked'"))
            .bind(id)
            .fetch_optional(tx.connection())
            .await?;
    Ok(row.and_then(|(was,)| was).filter(|was| State::Parked.may_become(*was) && !was.is_terminal()))
}
