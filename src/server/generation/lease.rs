//! Who may work on a generation, and for how long.
//!
//! A lease is time-limited and numbered. [`claim`] and [`admit`] raise the number; every later write names it, so that a
//! worker that was frozen and comes back writes nothing. An expired lease needs no rescue: the row is claimable again.

use super::note;
use super::work::Job;
use crate::domain::{GenerationId, State, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Alone, Db, Tx};
use std::time::Duration;

/// How long a worker holds a row between two signs of life.
pub const LEASE_MS: i64 = 30_000;

/// How long a row stays with the one who may be making its paid call. Longer than anything that call can take, because
/// looking for a lost prediction is only safe once nothing can still be on its way: 5 s until it is sent, 20 s to send
/// it, 20 s for the kernel to give up on what is buffered, and some to spare.
pub const SUBMIT_LEASE_MS: i64 = 60_000;

/// How many may be in flight at once, over all processes.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// At Replicate in all.
    pub in_flight: i64,
    /// Of one person.
    pub per_person: i64,
}

/// The columns of [`Job`].
macro_rules! job_columns {
    () => {
        "id, owner_id, model, model_version, input, count, unit_price, price, captured, state, run_at, deadline_at, lease_owner,
         lease_until, lease_epoch, step_try, lost_leases, submit_seq, submit_at, reconciles, paid_attempts, given_up, prediction_id,
         prediction_status, prediction_output, prediction_metrics, progress, output_until, cancel_requested_at, failure,
         failure_detail, created_at, started_at"
    };
}

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

/// Lets up to `slots` queued generations into flight, and writes the intent of their paid calls: least in flight first,
/// so that one person's thousand does not delay another's first. The only way into flight, one process at a time, so
/// the caps are exact. What was asked to stop while a step put it back into the queue, or is past its deadline, buys
/// nothing more: it is left to the sweep.
///
/// # Errors
/// When the database fails; nobody was admitted then.
pub async fn admit(db: &Db, worker: &str, slots: i64, caps: Caps, now: Timestamp) -> Result<Vec<Job>, sqlx::Error> {
    // Most looks find nothing; those should not take the write lock.
    let waiting: Option<(GenerationId,)> =
        sqlx::query_as("select id from generation where state = 'queued' and run_at <= $1 limit 1")
            .bind(now)
            .fetch_optional(db.pool())
            .await?;
    if waiting.is_none() {
        return Ok(Vec::new());
    }
    let Some(mut tx) = db.begin_alone(Alone::Admission).await? else { return Ok(Vec::new()) };
    let (in_flight,): (i64,) =
        sqlx::query_as("select count(*) from generation where state in ('submitting', 'waiting', 'canceling')")
            .fetch_one(tx.connection())
            .await?;
    let turns: Vec<(GenerationId,)> = sqlx::query_as(
        "with flight as (
           select owner_id, count(*) as n from generation where state in ('submitting', 'waiting', 'canceling') group by owner_id
         ), lane as (
           select g.id, g.priority, g.created_at, coalesce(f.n, 0)
                  + row_number() over (partition by g.owner_id order by g.priority desc, g.created_at, g.id) as turn
           from generation g left join flight f on f.owner_id = g.owner_id
           where g.state = 'queued' and g.run_at <= $1 and g.deadline_at > $1 and g.cancel_requested_at is null
         )
         select id from lane where turn <= $2 order by priority desc, turn, created_at, id limit $3",
    )
    .bind(now)
    .bind(caps.per_person)
    .bind(slots.min(caps.in_flight - in_flight).max(0))
    .fetch_all(tx.connection())
    .await?;
    let mut admitted = Vec::with_capacity(turns.len());
    for (id,) in turns {
        admitted.extend(intend(&mut tx, &id, worker, now).await?);
    }
    tx.commit().await?;
    crash::point(Point::Admitted).await;
    Ok(admitted)
}

/// The write-ahead record of one paid call. Committed before a byte is sent. `None` when its owner cancelled it just now.
async fn intend(tx: &mut Tx, id: &GenerationId, worker: &str, now: Timestamp) -> Result<Option<Job>, sqlx::Error> {
    let intended: Option<Job> = sqlx::query_as(concat!(
        "update generation set state = 'submitting', submit_seq = submit_seq + 1, submit_at = $2, reconciles = 0,
                lease_owner = $3, lease_until = $4, lease_epoch = lease_epoch + 1, run_at = $2, updated_at = $2, version = version + 1
         where id = $1 and state = 'queued' and cancel_requested_at is null returning ",
        job_columns!()
    ))
    .bind(id)
    .bind(now)
    .bind(worker)
    .bind(now.plus_ms(SUBMIT_LEASE_MS))
    .fetch_optional(tx.connection())
    .await?;
    let Some(job) = intended else { return Ok(None) };
    sqlx::query("insert into submission (generation_id, seq, worker, intended_at) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(job.submit_seq)
        .bind(worker)
        .bind(now)
        .execute(tx.connection())
        .await?;
    note(tx, id, now, job.lease_epoch, Some(State::Queued), State::Submitting, None).await?;
    tx.touch(&job.owner_id);
    Ok(Some(job))
}

/// Takes up to `limit` generations that have something to do and that nobody holds, paid results first.
///
/// # Errors
/// When the database fails.
pub async fn claim(db: &Db, worker: &str, limit: i64, now: Timestamp) -> Result<Vec<Job>, sqlx::Error> {
    let due: Option<(GenerationId,)> = sqlx::query_as(
        "select id from generation where state in ('submitting', 'waiting', 'storing', 'canceling')
           and run_at <= $1 and lease_until <= $1 limit 1",
    )
    .bind(now)
    .fetch_optional(db.pool())
    .await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let jobs = sqlx::query_as(db.either(claim_text!(""), claim_text!("for update skip locked")))
        .bind(now)
        .bind(worker)
        .bind(now.plus_ms(LEASE_MS))
        .bind(now.plus_ms(SUBMIT_LEASE_MS))
        .bind(limit)
        .fetch_all(tx.connection())
        .await?;
    tx.commit().await?;
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

/// How long until something becomes due, if anything is known to. What is due already and was not taken waits for a
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
         ) coming",
    )
    .bind(now)
    .fetch_one(db.pool())
    .await?;
    Ok(due.map(|due| Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0))))
}
