//! Who may work on a generation, and for how long.
//!
//! A lease is time-limited and numbered. [`claim`] and [`super::admission::admit`] raise the number; every later write names it, so that a
//! worker that was frozen and comes back writes nothing. An expired lease needs no rescue: the row is claimable again.

use super::work::Job;
use crate::domain::{GenerationId, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::Db;
use std::time::Duration;

/// How long a worker holds a row between two signs of life.
pub const LEASE_MS: i64 = 30_000;

/// How long a row stays with the one who may be making its paid call. Longer than anything that call can take, because
/// looking for a lost prediction is only safe once nothing can still be on its way: 5 s until it is sent, 20 s to send
/// it, 20 s for the kernel to give up on what is buffered, and some to spare.
pub const SUBMIT_LEASE_MS: i64 = 60_000;

/// The columns of [`Job`].
macro_rules! job_columns {
    () => {
        "id, owner_id, model, model_version, endpoint, input, count, price_rule, output_kind, unit_price, price, captured, state, run_at, deadline_at, lease_owner,
         lease_until, lease_epoch, step_try, lost_leases, submit_seq, submit_at, reconciles, paid_attempts, given_up, prediction_id,
         prediction_status, prediction_output, output_shape, output_text, logs, prediction_metrics, progress, output_until, cancel_requested_at, failure,
         failure_detail, created_at, started_at"
    };
}

pub(super) use job_columns;

/// Takes what is due; `$lock` passes over rows that another process is taking at this moment.
macro_rules! claim_text {
    ($lock:literal) => {
        concat!(
            "update generation set lost_leases = lost_leases + (case when lease_owner is not null then 1 else 0 end),
                    lease_owner = $2, lease_until = (case when state = 'submitting' then $4 else $3 end), lease_epoch = lease_epoch + 1
             where run_at <= $1 and lease_until <= $1 and state in ('submitting', 'waiting', 'storing', 'canceling') and id in (
               select id from generation where state in ('submitting', 'waiting', 'storing', 'canceling')
                 and run_at <= $1 and lease_until <= $1
               order by (case when state = 'storing' then 0 else 1 end), run_at limit $5 ",
            $lock,
            ") returning ",
            job_columns!()
        )
    };
}

/// What there is to take at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeable {
    /// Something for [`claim`].
    pub due: bool,
    /// Something for [`admit`](super::admit).
    pub queued: bool,
}

/// Looks for work without a lock: most looks find nothing, and those should not keep anybody from writing.
///
/// # Errors
/// When the database fails.
pub async fn takeable(db: &Db, now: Timestamp) -> Result<Takeable, sqlx::Error> {
    let (due, queued): (i64, i64) = sqlx::query_as(
        "select (case when exists (select 1 from generation where state in ('submitting', 'waiting', 'storing', 'canceling')
                                     and run_at <= $1 and lease_until <= $1) then 1 else 0 end),
                (case when exists (select 1 from generation where state = 'queued' and run_at <= $1) then 1 else 0 end)",
    )
    .bind(now)
    .fetch_one(db.routine())
    .await?;
    Ok(Takeable { due: due == 1, queued: queued == 1 })
}

/// Takes up to `limit` generations that have something to do and that nobody holds, paid results first.
///
/// # Errors
/// When the database fails.
pub async fn claim(db: &Db, worker: &str, limit: i64, now: Timestamp) -> Result<Vec<Job>, sqlx::Error> {
    let single = db.single().await;
    let jobs = sqlx::query_as(db.either(claim_text!(""), claim_text!("for update skip locked")))
        .bind(now)
        .bind(worker)
        .bind(now.plus_ms(LEASE_MS))
        .bind(now.plus_ms(SUBMIT_LEASE_MS))
        .bind(limit)
        .fetch_all(single.connection())
        .await?;
    drop(single);
    crash::point(Point::Claimed).await;
    Ok(jobs)
}

/// Renews the leases of what this worker is at. Answers with what is still its own; the rest must be dropped. A paid
/// call's lease is never renewed: it outlasts the call as it is.
///
/// # Errors
/// When the database fails.
pub async fn heartbeat(db: &Db, worker: &str, ids: &[GenerationId], now: Timestamp) -> Result<Vec<GenerationId>, sqlx::Error> {
    let mut tx = db.begin().await?;
    let rows: Vec<(GenerationId,)> = sqlx::query_as(db.either(
        "update generation set lease_until = (case when state = 'submitting' then lease_until else $3 end)
         where lease_owner = $1 and id in (select value from json_each($2)) returning id",
        "update generation set lease_until = (case when state = 'submitting' then lease_until else $3 end)
         where lease_owner = $1 and id in (select json_array_elements_text($2::json)) returning id",
    ))
    .bind(worker)
    .bind(serde_json::json!(ids).to_string())
    .bind(now.plus_ms(LEASE_MS))
    .fetch_all(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Hands back whatever this worker still holds, without counting it as lost. Paid calls keep their leases.
///
/// # Errors
/// When the database fails; the leases run out by themselves then.
pub async fn hand_back(db: &Db, worker: &str, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update generation set lease_owner = null, lease_until = 0, lease_epoch = lease_epoch + 1, run_at = $2
         where lease_owner = $1 and state <> 'submitting'",
    )
    .bind(worker)
    .bind(now)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}

/// How long until something becomes due or a gate opens, if anything is known to. What is due already and was not taken waits for a
/// slot or a cap, and whoever frees one makes news of it.
///
/// # Errors
/// When the database fails.
pub async fn next_due(db: &Db, now: Timestamp) -> Result<Option<Duration>, sqlx::Error> {
    let (due,): (Option<Timestamp>,) = sqlx::query_as(
        "select min(due) from (
           select min(run_at) as due from generation where state = 'queued' and run_at > $1
           union all
           select min(case when lease_until > run_at then lease_until else run_at end) from generation
           where state in ('submitting', 'waiting', 'storing', 'canceling')
             and (case when lease_until > run_at then lease_until else run_at end) > $1
           union all
           select min(until) from pause where until > $1
           union all
           select min(case when b.blocked_until > $1 then b.blocked_until
                           else b.refilled_at + (60000 - b.parts + a.amount - 1) / a.amount end)
           from bucket b, allowance a where a.name = 'creates_per_minute'
             and (b.blocked_until > $1 or b.refilled_at + (60000 - b.parts + a.amount - 1) / a.amount > $1)
         ) coming",
    )
    .bind(now)
    .fetch_one(db.routine())
    .await?;
    Ok(due.map(|due| Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0))))
}
