//! What the reconciler compares: everything this database says that Replicate or the object store could contradict.

use crate::domain::{GenerationId, PredictionId, State, Timestamp};
use crate::server::db::Db;

/// A prediction that a generation has, or had.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Known {
    /// Which.
    pub prediction_id: PredictionId,
    /// Whose.
    pub generation_id: GenerationId,
    /// Where that one is.
    pub state: State,
    /// Whether it is the one that the generation has now.
    pub current: i64,
}

/// The row of a kept file.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Kept {
    /// Whose.
    pub generation_id: GenerationId,
    /// Its place among the outputs.
    pub place: i64,
    /// Where it is kept.
    pub object_key: String,
    /// How long it is.
    pub bytes: i64,
}

/// The predictions of all paid calls intended since a moment. Those of [our own servers](crate::server::cog) are none of
/// Replicate's.
///
/// # Errors
/// When the database fails.
pub async fn known(db: &Db, since: Timestamp) -> Result<Vec<Known>, sqlx::Error> {
    sqlx::query_as(
        "select s.prediction_id, s.generation_id, g.state,
                (case when g.prediction_id = s.prediction_id then 1 else 0 end) as current
         from submission s join generation g on g.id = s.generation_id
         where s.intended_at >= $1 and s.prediction_id is not null and s.prediction_id not like 'cog-%'",
    )
    .bind(since)
    .fetch_all(db.pool())
    .await
}

/// The inputs of all generations that paid since a moment, to know a prediction without a mark by.
///
/// # Errors
/// When the database fails.
pub async fn inputs(db: &Db, since: Timestamp) -> Result<Vec<(String, GenerationId)>, sqlx::Error> {
    sqlx::query_as("select input, id from generation where submit_at >= $1").bind(since).fetch_all(db.pool()).await
}

/// Generations whose row names a prediction that none of their paid calls is known to have made.
///
/// # Errors
/// When the database fails.
pub async fn unexplained(db: &Db) -> Result<Vec<GenerationId>, sqlx::Error> {
    let rows: Vec<(GenerationId,)> = sqlx::query_as(
        "select g.id from generation g where g.prediction_id is not null and not exists (
           select 1 from submission s where s.generation_id = g.id and s.prediction_id = g.prediction_id)",
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Generations that should have ended before a moment and did not.
///
/// # Errors
/// When the database fails.
pub async fn overdue(db: &Db, before: Timestamp) -> Result<Vec<GenerationId>, sqlx::Error> {
    let rows: Vec<(GenerationId,)> =
        sqlx::query_as("select id from generation where state not in ('succeeded', 'failed', 'canceled') and deadline_at < $1")
            .bind(before)
            .fetch_all(db.pool())
            .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Strays found before a moment that may still run.
///
/// # Errors
/// When the database fails.
pub async fn unstopped(db: &Db, before: Timestamp) -> Result<Vec<PredictionId>, sqlx::Error> {
    let rows: Vec<(PredictionId,)> = sqlx::query_as("select prediction_id from stray where ended_at is null and found_at < $1")
        .bind(before)
        .fetch_all(db.pool())
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The files kept since a moment.
///
/// # Errors
/// When the database fails.
pub async fn kept_since(db: &Db, since: Timestamp) -> Result<Vec<Kept>, sqlx::Error> {
    sqlx::query_as(
        "select generation_id, place, object_key, bytes from output where created_at >= $1 and not exists (
           select 1 from generation g where g.id = output.generation_id and g.purged_at is not null)",
    )
    .bind(since)
    .fetch_all(db.pool())
    .await
}

/// The files of some generations.
///
/// # Errors
/// When the database fails.
pub async fn kept_of(db: &Db, ids: &[GenerationId]) -> Result<Vec<Kept>, sqlx::Error> {
    sqlx::query_as(db.either(
        "select generation_id, place, object_key, bytes from output
         where gone_at is null and generation_id in (select value from json_each($1))",
        "select generation_id, place, object_key, bytes from output
         where gone_at is null and generation_id in (select json_array_elements_text($1::json))",
    ))
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(db.pool())
    .await
}

/// Which of some generations are still alive, and may be putting files into the store at this moment.
///
/// # Errors
/// When the database fails.
pub async fn alive(db: &Db, ids: &[GenerationId]) -> Result<Vec<GenerationId>, sqlx::Error> {
    let rows: Vec<(GenerationId,)> = sqlx::query_as(db.either(
        "select id from generation where state not in ('succeeded', 'failed', 'canceled')
           and id in (select value from json_each($1))",
        "select id from generation where state not in ('succeeded', 'failed', 'canceled')
           and id in (select json_array_elements_text($1::json))",
    ))
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
