//! What a worker reports about a generation it holds: the outcome of a step, a file that was kept, an end that was due.
//!
//! Every write names the lease epoch it was given, and a terminal state is written together with its money.

use super::limits::{self, Lesson};
use super::note;
use crate::domain::{Credits, Failure, GenerationId, ModelName, OutputKind, PersonId, PredictionId, PriceRule, State, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Db, Tx, retried};
use crate::server::ledger;
use crate::server::outbox;
use crate::server::replicate::WebhookEvent;
use sqlx::{Any, Executor};

/// A generation as the worker's core sees it: the columns that decide what to do next.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
#[expect(
    missing_docs,
    reason = "the columns are explained in migrations/0001_foundation.sql, 0005_catalogue.sql and 0012_logs.sql"
)]
pub struct Job {
    pub id: GenerationId,
    pub owner_id: PersonId,
    pub model: ModelName,
    pub model_version: Option<String>,
    pub input: String,
    pub count: i64,
    pub price_rule: PriceRule,
    pub output_kind: OutputKind,
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
    pub given_up: i64,
    pub prediction_id: Option<PredictionId>,
    pub prediction_status: Option<String>,
    pub prediction_output: Option<String>,
    pub output_shape: Option<String>,
    pub output_text: Option<String>,
    pub logs: Option<String>,
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
    /// The prediction it made, even if it has ended already.
    pub prediction: Option<PredictionId>,
    /// What the paid call taught about Replicate.
    pub lesson: Option<Lesson>,
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
    pub(super) const fn as_str(self) -> &'static str {
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
    pub duration_ms: Option<i64>,
}

/// Records the outcome of a step: the new row, its money and its history, in one transaction. `false` means that the
/// lease was lost: nothing was changed, and the caller must drop what it was doing.
///
/// # Errors
/// When the database fails; the step is then as if it had not been taken, and the lease runs out.
pub async fn record(db: &Db, before: &Job, after: &Job, effects: &Effects, now: Timestamp) -> Result<bool, ledger::Error> {
    retried(|| record_once(db, before, after, effects, now)).await
}

async fn record_once(db: &Db, before: &Job, after: &Job, effects: &Effects, now: Timestamp) -> Result<bool, ledger::Error> {
    let mut tx = db.begin().await?;
    if !write(&mut tx, before, after, now).await? {
        return Ok(false);
    }
    settle(&mut tx, &after.id, effects.money, now).await?;
    if let Some(outcome) = effects.submission {
        sqlx::query("update submission set outcome = $3, prediction_id = $4 where generation_id = $1 and seq = $2")
            .bind(&after.id)
            .bind(before.submit_seq)
            .bind(outcome.as_str())
            .bind(effects.prediction.clone())
            .execute(tx.connection())
            .await?;
    }
    if let Some(lesson) = effects.lesson {
        limits::learn(&mut tx, lesson, effects.detail.as_deref(), now).await?;
    }
    if before.started_at.is_none() && after.started_at.is_some() {
        outbox::post(&mut tx, &after.id, WebhookEvent::Start, now).await?;
    }
    if before.output_text != after.output_text && !after.state.is_terminal() {
        outbox::post(&mut tx, &after.id, WebhookEvent::Output, now).await?;
    }
    if before.logs != after.logs && after.logs.is_some() && !after.state.is_terminal() {
        outbox::post(&mut tx, &after.id, WebhookEvent::Logs, now).await?;
    }
    if before.state != after.state || effects.detail.is_some() {
        note(&mut tx, &after.id, now, before.lease_epoch, Some(before.state), after.state, effects.detail.as_deref()).await?;
    }
    tx.touch(&after.owner_id);
    let (due, done) =
        if effects.money.is_some() { (Point::Settling, Point::Settled) } else { (Point::Recording, Point::Recorded) };
    crash::point(due).await;
    tx.commit().await?;
    crash::point(done).await;
    Ok(true)
}

/// The row itself, if the lease still is the one that was given.
async fn write(tx: &mut Tx, before: &Job, after: &Job, now: Timestamp) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "update generation set state = $4, lease_owner = $24, lease_until = $6, step_try = $7, lost_leases = $8, reconciles = $9,
                paid_attempts = $10, prediction_id = $11, prediction_status = $12, prediction_output = $13, prediction_metrics = $14,
                progress = $15, given_up = $23, output_until = $16, failure = $17, failure_detail = $18, started_at = $19, captured = $20,
                output_shape = $25, output_text = $26, logs = $27,
                finished_at = (case when $4 in ('succeeded', 'failed', 'canceled') then $21 else finished_at end),
                run_at = (case when cancel_requested_at is not null and $22 = 0 and $4 <> 'submitting' then $21 else $5 end),
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
    .bind(after.given_up)
    .bind(after.lease_owner.clone())
    .bind(after.output_shape.clone())
    .bind(after.output_text.clone())
    .bind(after.logs.clone())
    .execute(tx.connection())
    .await?;
    Ok(written.rows_affected() == 1)
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
        "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at, duration_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (generation_id, place) do nothing",
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
    .bind(output.duration_ms)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    crash::point(Point::Kept).await;
    Ok(true)
}

/// A generation's outputs that are kept already: the place and, where there is one, the length in milliseconds.
///
/// # Errors
/// When the database fails.
pub async fn kept(db: &Db, id: &GenerationId) -> Result<Vec<(i64, Option<i64>)>, sqlx::Error> {
    sqlx::query_as("select place, duration_ms from output where generation_id = $1 order by place")
        .bind(id)
        .fetch_all(db.pool())
        .await
}

/// Notes that an output is whole in the spool of a node, because the store would not take it: while that is so, nobody
/// else may call it lost.
///
/// # Errors
/// When the database fails.
pub async fn spooled(db: &Db, id: &GenerationId, place: u32, node: &str, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "insert into spooled (generation_id, place, node, at) values ($1, $2, $3, $4) on conflict (generation_id, place, node) do nothing",
    )
    .bind(id)
    .bind(i64::from(place))
    .bind(node)
    .bind(now)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}

/// Whether another node than this one has an output in its spool.
///
/// # Errors
/// When the database fails.
pub async fn is_spooled_elsewhere(db: &Db, id: &GenerationId, place: u32, node: &str) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("select node from spooled where generation_id = $1 and place = $2 and node <> $3 limit 1")
            .bind(id)
            .bind(i64::from(place))
            .bind(node)
            .fetch_optional(db.pool())
            .await?;
    Ok(found.is_some())
}

/// Which of these generations have ended. What was noted of their spooled files goes.
///
/// # Errors
/// When the database fails.
pub async fn ended(db: &Db, ids: &[GenerationId]) -> Result<Vec<GenerationId>, sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "delete from spooled where exists (select 1 from generation g
           where g.id = spooled.generation_id and g.state in ('succeeded', 'failed', 'canceled'))",
    )
    .execute(tx.connection())
    .await?;
    let rows: Vec<(GenerationId,)> = sqlx::query_as(db.either(
        "select id from generation where state in ('succeeded', 'failed', 'canceled') and id in (select value from json_each($1))",
        "select id from generation where state in ('succeeded', 'failed', 'canceled')
           and id in (select json_array_elements_text($1::json))",
    ))
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Whether a prediction has its place already: as a generation's, or as a stray.
///
/// # Errors
/// When the database fails.
pub async fn is_owned(db: &Db, prediction: &PredictionId) -> Result<bool, sqlx::Error> {
    is_owned_in(db.pool(), prediction).await
}

/// The same within a transaction.
pub(super) async fn is_owned_in<'c>(
    connection: impl Executor<'c, Database = Any>,
    prediction: &PredictionId,
) -> Result<bool, sqlx::Error> {
    let owner: Option<(GenerationId,)> = sqlx::query_as(
        "select id from generation where prediction_id = $1
         union all select generation_id from submission where prediction_id = $1
         union all select generation_id from stray where prediction_id = $1 limit 1",
    )
    .bind(prediction)
    .fetch_optional(connection)
    .await?;
    Ok(owner.is_some())
}

/// Ends what waited past its deadline, and what was asked to stop while nobody was at it: parked, or put back into the
/// queue by a step that did not know yet. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<usize, ledger::Error> {
    let due: Vec<(GenerationId,)> = sqlx::query_as(
        "select id from generation where state in ('queued', 'parked')
           and (deadline_at <= $1 or cancel_requested_at is not null) order by deadline_at limit 100",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let mut ended = 0;
    for (id,) in due {
        match end_due(db, &id, now).await {
            Ok(true) => ended += 1,
            Ok(false) => {}
            // One that cannot be ended must not keep the others waiting.
            Err(error) => tracing::error!(generation = %id, %error, "a generation could not be ended"),
        }
    }
    Ok(ended)
}

async fn end_due(db: &Db, id: &GenerationId, now: Timestamp) -> Result<bool, ledger::Error> {
    let mut tx = db.begin().await?;
    let row: Option<(PersonId, State)> = sqlx::query_as(
        "update generation set failure = (case when cancel_requested_at is null then 'timeout' else null end),
                state = (case when cancel_requested_at is null then 'failed' else 'canceled' end),
                lease_epoch = lease_epoch + 1, finished_at = $2, updated_at = $2, version = version + 1
         where id = $1 and state in ('queued', 'parked') and (deadline_at <= $2 or cancel_requested_at is not null)
         returning owner_id, state",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(tx.connection())
    .await?;
    let Some((owner, state)) = row else { return Ok(false) };
    ledger::release(&mut tx, id, now).await?;
    note(&mut tx, id, now, 0, None, state, Some("swept")).await?;
    tx.touch(&owner);
    tx.commit().await?;
    Ok(true)
}
