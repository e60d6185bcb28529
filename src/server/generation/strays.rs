//! Predictions that exist and that no generation has a use for: found, cancelled until Replicate says that they ended, and
//! counted for good, because each may have cost something.

use super::work::{self, Job};
use crate::domain::{GenerationId, PredictionId, Timestamp};
use crate::server::db::{Db, Tx};
use crate::server::replicate::Status;

/// Strays looked at in one go.
const BATCH: i64 = 20;

/// Who came upon a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A webhook of an earlier paid call, or of a second prediction of the same.
    Webhook,
    /// A look for a lost prediction that found more than one.
    List,
    /// An operator, told by the reconciler.
    Operator,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::List => "list",
            Self::Operator => "operator",
        }
    }
}

/// A stray that may still run.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stray {
    /// Which.
    pub prediction_id: PredictionId,
    /// Whose paid call made it.
    pub generation_id: GenerationId,
    /// Answers so far that did not say it has ended.
    pub tries: i64,
}

/// All strays, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counted {
    /// Ever found.
    pub found: i64,
    /// Not known to have ended.
    pub running: i64,
    /// Ended with a result that Replicate bills.
    pub finished: i64,
}

/// Writes a stray down, once.
pub(super) async fn insert(
    tx: &mut Tx,
    prediction: &PredictionId,
    generation: &GenerationId,
    seq: i64,
    source: Source,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into stray (prediction_id, generation_id, seq, source, found_at, run_at) values ($1, $2, $3, $4, $5, $5)
         on conflict (prediction_id) do nothing",
    )
    .bind(prediction)
    .bind(generation)
    .bind(seq)
    .bind(source.as_str())
    .bind(now)
    .execute(tx.connection())
    .await?;
    tracing::error!(prediction = %prediction, generation = %generation, seq, source = source.as_str(), "a stray prediction was found");
    Ok(())
}

/// Declares a prediction a stray, unless it has its place already; whether it had none.
///
/// # Errors
/// When the database fails.
pub async fn declare(
    db: &Db,
    prediction: &PredictionId,
    generation: &GenerationId,
    seq: i64,
    source: Source,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    if work::is_owned_in(tx.connection(), prediction).await? {
        return Ok(false);
    }
    insert(&mut tx, prediction, generation, seq, source, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// What a look found beyond the one prediction it was for. The row is locked and must still be this worker's, so that none
/// of them is adopted by its webhook at the same moment.
///
/// # Errors
/// When the database fails; the next look finds them again.
pub async fn found(db: &Db, job: &Job, predictions: &[PredictionId], now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    let ours = sqlx::query("update generation set lease_epoch = lease_epoch where id = $1 and lease_epoch = $2")
        .bind(&job.id)
        .bind(job.lease_epoch)
        .execute(tx.connection())
        .await?;
    if ours.rows_affected() == 0 {
        return Ok(());
    }
    for prediction in predictions {
        if !work::is_owned_in(tx.connection(), prediction).await? {
            insert(&mut tx, prediction, &job.id, job.submit_seq, Source::List, now).await?;
        }
    }
    tx.commit().await
}

/// Whether another generation with exactly this input lost an answer too, so that a prediction with it may be theirs.
///
/// # Errors
/// When the database fails.
pub async fn has_twin(db: &Db, job: &Job) -> Result<bool, sqlx::Error> {
    let twin: Option<(GenerationId,)> = sqlx::query_as(
        "select g.id from submission s join generation g on g.id = s.generation_id
         where s.prediction_id is null and (s.outcome is null or s.outcome in ('ambiguous', 'given_up'))
           and g.id <> $1 and g.input = $2 limit 1",
    )
    .bind(&job.id)
    .bind(&job.input)
    .fetch_optional(db.pool())
    .await?;
    Ok(twin.is_some())
}

/// Strays to cancel now.
///
/// # Errors
/// When the database fails.
pub async fn due(db: &Db, now: Timestamp) -> Result<Vec<Stray>, sqlx::Error> {
    sqlx::query_as(
        "select prediction_id, generation_id, tries from stray s where ended_at is null and run_at <= $1
           and not exists (select 1 from generation g where g.prediction_id = s.prediction_id) order by run_at limit $2",
    )
    .bind(now)
    .bind(BATCH)
    .fetch_all(db.pool())
    .await
}

/// Replicate says that it has ended, or does not know it any more.
///
/// # Errors
/// When the database fails; it is asked again.
pub async fn ended(db: &Db, stray: &Stray, status: &Status, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("update stray set ended_at = $2, status = $3 where prediction_id = $1 and ended_at is null")
        .bind(&stray.prediction_id)
        .bind(now)
        .bind(status.as_str().to_owned())
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// It may still run: to be asked again.
///
/// # Errors
/// When the database fails; it is asked again at once.
pub async fn again(db: &Db, stray: &Stray, run_at: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("update stray set tries = tries + 1, run_at = $2 where prediction_id = $1 and ended_at is null")
        .bind(&stray.prediction_id)
        .bind(run_at)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// How many there are.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db) -> Result<Counted, sqlx::Error> {
    sqlx::query_as(
        "select count(*) as found, count(case when ended_at is null then 1 end) as running,
                count(case when status = 'succeeded' then 1 end) as finished from stray",
    )
    .fetch_one(db.pool())
    .await
}
