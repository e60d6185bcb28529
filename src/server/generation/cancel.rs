//! Asking a generation to stop.

use super::{Error, note, views};
use crate::domain::{GenerationId, PersonId, State, Timestamp};
use crate::server::db::{Db, retried};
use crate::server::ledger;

/// Asks a generation to stop. Queued, it is cancelled here and now; in flight, a worker asks Replicate. Asking again, or
/// asking when it is over, changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not this person's.
pub async fn cancel(db: &Db, owner: &PersonId, id: &GenerationId, now: Timestamp) -> Result<(), Error> {
    retried(|| cancel_once(db, owner, id, now)).await
}

async fn cancel_once(db: &Db, owner: &PersonId, id: &GenerationId, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let dropped = sqlx::query(
        "update generation set state = 'canceled', finished_at = $3, updated_at = $3, cancel_requested_at = $3, version = version + 1
         where id = $1 and owner_id = $2 and state = 'queued'",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .execute(tx.connection())
    .await?;
    if dropped.rows_affected() == 1 {
        ledger::release(&mut tx, id, now).await?;
        note(&mut tx, id, now, 0, Some(State::Queued), State::Canceled, Some("by its owner"));
    } else {
        // Only the flag: the worker that holds the lease, or the next one, acts on it. `run_at` wakes it at once, but not
        // one that is to look for a lost prediction later: it must not look too early.
        let flagged = sqlx::query(
            "update generation set cancel_requested_at = $3, run_at = (case when run_at > $3 and state <> 'submitting' then $3 else run_at end),
                    updated_at = $3, version = version + 1
             where id = $1 and owner_id = $2 and state in ('queued', 'submitting', 'waiting', 'parked') and cancel_requested_at is null",
        )
        .bind(id)
        .bind(owner)
        .bind(now)
        .execute(tx.connection())
        .await?;
        if flagged.rows_affected() == 0 && !views::exists(&mut tx, owner, id).await? {
            return Err(Error::NotFound);
        }
    }
    tx.touch(owner);
    tx.commit().await?;
    Ok(())
}

/// Which of a person's generations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Those that wait for their turn.
    Queued,
    /// All that can still be stopped.
    Stoppable,
}

/// Asks all that are meant to stop. Answers how many were asked.
///
/// # Errors
/// When the database fails; some may have been asked by then, and asking again is harmless.
pub async fn cancel_all(db: &Db, owner: &PersonId, meant: Meant, now: Timestamp) -> Result<usize, Error> {
    let stoppable: Vec<(GenerationId,)> = sqlx::query_as(
        "select id from generation where owner_id = $1 and (state = 'queued' or $2 = 'stoppable' and state in ('submitting', 'waiting', 'parked'))
           and cancel_requested_at is null order by created_at desc, id",
    )
    .bind(owner)
    .bind(if meant == Meant::Queued { "queued" } else { "stoppable" })
    .fetch_all(db.pool())
    .await?;
    // One transaction each: together they would hold rows that workers want, in another order than theirs.
    for (id,) in &stoppable {
        cancel(db, owner, id, now).await?;
    }
    Ok(stoppable.len())
}
