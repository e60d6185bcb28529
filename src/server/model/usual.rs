//! How long models took here lately.

use crate::domain::ModelName;
use crate::domain::catalogue::Usual;
use crate::server::db::Db;

/// How far back is looked, in runs.
const RUNS: i64 = 200;

/// How long the last runs of a model took that kept something, from their beginning to their end.
///
/// # Errors
/// When the database fails.
pub async fn usual(db: &Db, name: &ModelName) -> Result<Option<Usual>, sqlx::Error> {
    let took: Vec<(i64,)> = sqlx::query_as(
        "select finished_at - started_at from generation
         where model = $1 and state = 'succeeded' and started_at is not null and finished_at >= started_at
         order by finished_at desc limit $2",
    )
    .bind(name)
    .bind(RUNS)
    .fetch_all(db.pool())
    .await?;
    Ok(Usual::of(took.into_iter().map(|(took,)| took).collect()))
}
