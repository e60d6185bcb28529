//! What a worker does with a generation's row: take it, report on it, lose it.
//!
//! A lease is time-limited and numbered. [`claim`] and [`admit`] raise the number; every later write names it, so that a
//! worker that was frozen and comes back writes nothing. An expired lease needs no rescue: the row is claimable again.

use super::note;
use crate::domain::{Credits, Failure, GenerationId, ModelName, PersonId, PredictionId, State, Timestamp};
use crate::server::db::{Alone, Db, Tx};
use crate::server::ledger;
use std::time::Duration;

/// How long a worker holds a row between two signs of life.
pub const LEASE_MS: i64 = 30_000;

/// How long a row stays with the one who may be making its paid call. Longer than anything that call can take, because
/// looking for a lost prediction is only safe once nothing can still be on its way: 5 s until it is sent, 20 s to send
/// it, 20 s for the kernel to give up on what is buffered, and some to spare.
pub const SUBMIT_LEASE_MS: i64 = 60_000;

/// A generation as the worker's core sees it: the columns that decide what to do next.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in migrations/0001_foundation.sql")]
pub struct Job {
    pub id: GenerationId,
    pub owner_id: PersonId,
    pub model: ModelName,
    pub model_version: Option<String>,
    pub input: String,
    pub count: i64,
    pub unit_price: Credits,
    pub price: Credits,
    pub captured: Credits,
    pub state: State,
    pub run_at: Timestamp,
    pub deadline_at: Timestamp,
    pub lease_owner: Option<String>,
    pub lease_until: Timestamp,
    pub lease_epoch: i64,
    pub step_try: i64,
    pub lost_leases: i64,
    pub submit_seq: i64,
    pub submit_at: Option<Timestamp>,
    pub reconciles: i64,
    pub paid_attempts: i64,
    pub prediction_id: Option<PredictionId>,
    pub prediction_status: Option<String>,
    pub prediction_output: Option<String>,
    pub prediction_metrics: Option<String>,
    pub progress: Option<i64>,
    pub output_until: Option<Timestamp>,
    pub cancel_requested_at: Option<Timestamp>,
    pub failure: Option<Failure>,
    pub failure_detail: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
}

/// What a step means besides the new row; carried out in the same transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The money of a terminal state.
    pub money: Option<Money>,
    /// What came of the paid call.
    pub submission: Option<Submission>,
    /// For the operator's timeline.
    pub detail: Option<String>,
}

/// How a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// Take the price of this many outputs, give the rest back.
    Capture(i64),
    /// Give it all back.
    Release,
}

/// What came of an intent to make a paid call; the words of `submission.outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// Replicate answered with a prediction.
    Accepted,
    /// For certain, nothing was sent.
    NotSent,
    /// Replicate asked us to slow down.
    Throttled,
    /// Replicate refused it.
    Refused,
    /// The answer was lost: there may be a prediction.
    Ambiguous,
    /// A lost answer, but the prediction was found.
    Found,
    /// Looked for and not found.
    GivenUp,
}

impl Submission {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NotSent => "not_sent",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Ambiguous => "ambiguous",
            Self::Found => "found",
            Self::GivenUp => "given_up",
        }
    }
}

/// A file that is in the store, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are explained in migrations/0001_foundation.sql")]
pub struct KeptOutput {
    pub place: i64,
    pub object_key: String,
    pub content_type: String,
    pub bytes: i64,
    pub sha256: String,
    pub width: i64,
    pub height: i64,
    pub color: String,
    pub thumbhash: String,
}

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
         lease_until, lease_epoch, step_try, lost_leases, submit_seq, submit_at, reconciles, paid_attempts, prediction_id,
         prediction_status, prediction_output, prediction_metrics, progress, output_until, cancel_requested_at, failure,
         failure_detail, created_at, started_at"
    };
}

/// Lets up to `slots` queued generations into flight, and writes the intent of their paid calls: least in flight first,
/// so that one person's thousand does not delay another's first. The only way into flight, one process at a time, so
/// the caps are exact.
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
           where g.state = 'queued' and g.run_at <= $1
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
        admitted.push(intend(&mut tx, &id, worker, now).await?);
    }
    tx.commit().await?;
    Ok(admitted)
}

/// The write-ahead record of one paid call. Committed before a byte is sent.
async fn intend(tx: &mut Tx, id: &GenerationId, worker: &str, now: Timestamp) -> Result<Job, sqlx::Error> {
    let job: Job = sqlx::query_as(concat!(
        "update generation set state = 'submitting', submit_seq = submit_seq + 1, submit_at = $2, reconciles = 0, step_try = 0,
                lease_owner = $3, lease_until = $4, lease_epoch = lease_epoch + 1, run_at = $2, updated_at = $2, version = version + 1
         where id = $1 and state = 'queued' returning ",
        job_columns!()
    ))
    .bind(id)
    .bind(now)
    .bind(worker)
    .bind(now.plus_ms(SUBMIT_LEASE_MS))
    .fetch_one(tx.connection())
    .await?;
    sqlx::query("insert into submission (generation_id, seq, worker, intended_at) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(job.submit_seq)
        .bind(worker)
        .bind(now)
        .execute(tx.connection())
        .await?;
    note(tx, id, now, job.lease_epoch, Some(State::Queued), State::Submitting, None).await?;
    tx.touch(&job.owner_id);
    Ok(job)
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
    // On PostgreSQL two claims may pick the same row; the second waits for the first and then finds the guard false.
    let jobs = sqlx::query_as(concat!(
        "update generation set lost_leases = lost_leases + (case when lease_owner is not null then 1 else 0 end),
                lease_owner = $2, lease_until = (case when state = 'submitting' then $4 else $3 end), lease_epoch = lease_epoch + 1
         where run_at <= $1 and lease_until <= $1 and state in ('submitting', 'waiting', 'storing', 'canceling') and id in (
           select id from generation where state in ('submitting', 'waiting', 'storing', 'canceling')
             and run_at <= $1 and lease_until <= $1
           order by (case when state = 'storing' then 0 else 1 end), run_at limit $5)
         returning ",
        job_columns!()
    ))
    .bind(now)
    .bind(worker)
    .bind(now.plus_ms(LEASE_MS))
    .bind(now.plus_ms(SUBMIT_LEASE_MS))
    .bind(limit)
    .fetch_all(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(jobs)
}

/// Records the outcome of a step: the new row, its money and its history, in one transaction. `false` means that the
/// lease was lost: nothing was changed, and the caller must drop what it was doing.
///
/// # Errors
/// When the database fails; the step is then as if it had not been taken, and the lease runs out.
pub async fn record(db: &Db, before: &Job, after: &Job, effects: &Effects, now: Timestamp) -> Result<bool, ledger::Error> {
    let mut tx = db.begin().await?;
    let written = sqlx::query(
        "update generation set state = $4, lease_owner = null, lease_until = $6, step_try = $7, lost_leases = $8, reconciles = $9,
                paid_attempts = $10, prediction_id = $11, prediction_status = $12, prediction_output = $13, prediction_metrics = $14,
                progress = $15, output_until = $16, failure = $17, failure_detail = $18, started_at = $19, captured = $20,
                finished_at = (case when $4 in ('succeeded', 'failed', 'canceled') then $21 else finished_at end),
                run_at = (case when cancel_requested_at is not null and $22 = 0 then $21 else $5 end),
                updated_at = $21, version = version + 1
         where id = $1 and lease_epoch = $2 and state = $3",
    )
    .bind(&after.id)
    .bind(before.lease_epoch)
    .bind(before.state)
    .bind(after.state)
    .bind(after.run_at)
    .bind(after.lease_until)
    .bind(after.step_try)
    .bind(after.lost_leases)
    .bind(after.reconciles)
    .bind(after.paid_attempts)
    .bind(after.prediction_id.clone())
    .bind(after.prediction_status.clone())
    .bind(after.prediction_output.clone())
    .bind(after.prediction_metrics.clone())
    .bind(after.progress)
    .bind(after.output_until)
    .bind(after.failure)
    .bind(after.failure_detail.clone())
    .bind(after.started_at)
    .bind(after.captured)
    .bind(now)
    .bind(i64::from(before.cancel_requested_at.is_some()))
    .execute(tx.connection())
    .await?;
    if written.rows_affected() == 0 {
        return Ok(false);
    }
    settle(&mut tx, &after.id, effects.money, now).await?;
    if let Some(outcome) = effects.submission {
        sqlx::query("update submission set outcome = $3, prediction_id = $4 where generation_id = $1 and seq = $2")
            .bind(&after.id)
            .bind(before.submit_seq)
            .bind(outcome.as_str())
            .bind(after.prediction_id.clone())
            .execute(tx.connection())
            .await?;
    }
    if before.state != after.state || effects.detail.is_some() {
        note(&mut tx, &after.id, now, before.lease_epoch, Some(before.state), after.state, effects.detail.as_deref()).await?;
    }
    tx.touch(&after.owner_id);
    tx.commit().await?;
    Ok(true)
}

async fn settle(tx: &mut Tx, id: &GenerationId, money: Option<Money>, now: Timestamp) -> Result<(), ledger::Error> {
    match money {
        None => Ok(()),
        Some(Money::Capture(delivered)) => ledger::capture(tx, id, delivered, now).await.map(|_| ()),
        Some(Money::Release) => ledger::release(tx, id, now).await,
    }
}

/// Records a file that is safely in the store, under the worker's lease. Recording it twice is recording it once.
/// `false` means that the lease was lost.
///
/// # Errors
/// When the database fails; the file is stored again later under the same key.
pub async fn keep_output(db: &Db, job: &Job, output: &KeptOutput, now: Timestamp) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    let ours = sqlx::query("update generation set updated_at = $3 where id = $1 and lease_epoch = $2 and state = 'storing'")
        .bind(&job.id)
        .bind(job.lease_epoch)
        .bind(now)
        .execute(tx.connection())
        .await?;
    if ours.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (generation_id, place) do nothing",
    )
    .bind(&job.id)
    .bind(output.place)
    .bind(&output.object_key)
    .bind(&output.content_type)
    .bind(output.bytes)
    .bind(&output.sha256)
    .bind(output.width)
    .bind(output.height)
    .bind(&output.color)
    .bind(&output.thumbhash)
    .bind(now)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// The places of a generation's outputs that are kept already.
///
/// # Errors
/// When the database fails.
pub async fn kept_places(db: &Db, id: &GenerationId) -> Result<Vec<i64>, sqlx::Error> {
    let rows: Vec<(i64,)> =
        sqlx::query_as("select place from output where generation_id = $1 order by place").bind(id).fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(|(place,)| place).collect())
}

/// Whether a prediction belongs to a generation already.
///
/// # Errors
/// When the database fails.
pub async fn is_owned(db: &Db, prediction: &PredictionId) -> Result<bool, sqlx::Error> {
    let owner: Option<(GenerationId,)> = sqlx::query_as(
        "select id from generation where prediction_id = $1
         union all select generation_id from submission where prediction_id = $1 limit 1",
    )
    .bind(prediction)
    .fetch_optional(db.pool())
    .await?;
    Ok(owner.is_some())
}

/// Renews the leases of what this worker is at. Answers with what is still its own; the rest must be dropped. A paid
/// call's lease is never renewed: it outlasts the call as it is.
///
/// # Errors
/// When the database fails.
pub async fn heartbeat(db: &Db, worker: &str, ids: &[GenerationId], now: Timestamp) -> Result<Vec<GenerationId>, sqlx::Error> {
    let mut tx = db.begin().await?;
    let rows: Vec<(GenerationId,)> = sqlx::query_as(db.each_id(
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

/// Ends what waited past its deadline, and what was asked to stop while it was parked. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<usize, ledger::Error> {
    let due: Vec<(GenerationId,)> = sqlx::query_as(
        "select id from generation where state in ('queued', 'parked')
           and (deadline_at <= $1 or (state = 'parked' and cancel_requested_at is not null)) order by deadline_at limit 100",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let mut ended = 0;
    for (id,) in due {
        let mut tx = db.begin().await?;
        let row: Option<(PersonId, State)> = sqlx::query_as(
            "update generation set failure = (case when cancel_requested_at is null then 'timeout' else null end),
                    state = (case when cancel_requested_at is null then 'failed' else 'canceled' end),
                    lease_epoch = lease_epoch + 1, finished_at = $2, updated_at = $2, version = version + 1
             where id = $1 and state in ('queued', 'parked') and (deadline_at <= $2 or cancel_requested_at is not null)
             returning owner_id, state",
        )
        .bind(&id)
        .bind(now)
        .fetch_optional(tx.connection())
        .await?;
        if let Some((owner, state)) = row {
            ledger::release(&mut tx, &id, now).await?;
            note(&mut tx, &id, now, 0, None, state, Some("swept")).await?;
            tx.touch(&owner);
            tx.commit().await?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// How long until there is something to do, if anything is known to come.
///
/// # Errors
/// When the database fails.
pub async fn next_due(db: &Db, now: Timestamp) -> Result<Option<Duration>, sqlx::Error> {
    let (due,): (Option<Timestamp>,) = sqlx::query_as(
        "select min(case when lease_until > run_at then lease_until else run_at end) from generation
         where state in ('queued', 'submitting', 'waiting', 'storing', 'canceling')",
    )
    .fetch_one(db.pool())
    .await?;
    Ok(due.map(|due| Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0))))
}
