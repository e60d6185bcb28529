//! What a worker knows and reports of a generation: the row it judges by, the effects of a step, a file that was kept, an
//! end that was due.

use super::limits::Lesson;
use super::note;
use crate::domain::{Credits, Failure, GenerationId, ModelName, OutputKind, PersonId, PredictionId, PriceRule, State, Timestamp};
use crate::server::db::Db;
use crate::server::ledger::{self, Money};
use sqlx::{Any, Executor};

/// A generation as the worker's core sees it: the columns that decide what to do next.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
#[expect(
    missing_docs,
    reason = "the columns are explained in migrations/0001_foundation.sql, 0005_catalogue.sql, 0011_cog.sql and 0012_logs.sql"
)]
pub struct Job {
    pub id: GenerationId,
    pub owner_id: PersonId,
    pub model: ModelName,
    pub model_version: Option<String>,
    pub endpoint: Option<String>,
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
    /// Files of it that are in the store since.
    pub files: Vec<KeptOutput>,
    /// For the operator's timeline.
    pub detail: Option<String>,
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

/// When somebody asked it to stop, if anybody did.
///
/// # Errors
/// When the database fails.
pub async fn cancel_requested(db: &Db, id: &GenerationId) -> Result<Option<Timestamp>, sqlx::Error> {
    let asked: Option<(Option<Timestamp>,)> =
        sqlx::query_as("select cancel_requested_at from generation where id = $1").bind(id).fetch_optional(db.pool()).await?;
    Ok(asked.and_then(|(at,)| at))
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
    note(&mut tx, id, now, 0, None, state, Some("swept"));
    tx.touch(&owner);
    tx.commit().await?;
    Ok(true)
}
