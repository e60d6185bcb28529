//! What was sent and what came of it, for the person whose webhooks they are; and sending it once more.

use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::db::{Db, retried};

/// How long what was sent is remembered.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A message, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in migrations/0008_webhooks_out.sql")]
pub struct Delivery {
    pub id: String,
    pub generation_id: GenerationId,
    pub url: String,
    pub event: String,
    pub attempts: i64,
    pub next_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    pub delivered_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A person's messages, newest first.
///
/// # Errors
/// When the database fails.
pub async fn deliveries(db: &Db, owner: &PersonId, most: i64) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "select id, generation_id, url, event, attempts, next_at, last_at, last_status, last_error, delivered_at, disabled_at, created_at
         from webhook_out where owner_id = $1 order by created_at desc, id desc limit $2",
    )
    .bind(owner)
    .bind(most)
    .fetch_all(db.pool())
    .await
}

/// Sends a message once more from the start, under the id it had; its address is asked again even if it was not any more.
/// `false` when there is no such message of this person.
///
/// # Errors
/// When the database fails.
pub async fn redeliver(db: &Db, owner: &PersonId, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    retried(async || {
        let mut tx = db.begin().await?;
        let again: Option<(String,)> = sqlx::query_as(
            "update webhook_out set next_at = $3, attempts = 0, disabled_at = null where id = $1 and owner_id = $2 returning url",
        )
        .bind(id.to_owned())
        .bind(owner)
        .bind(now)
        .fetch_optional(tx.connection())
        .await?;
        let Some((url,)) = again else { return Ok(false) };
        sqlx::query("delete from webhook_off where owner_id = $1 and url = $2")
            .bind(owner)
            .bind(url)
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

/// Forgets what was sent long ago.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(db: &Db, now: Timestamp) -> Result<u64, sqlx::Error> {
    let mut tx = db.begin().await?;
    let forgotten = sqlx::query("delete from webhook_out where created_at < $1 and next_at is null")
        .bind(now.plus_ms(-REMEMBERED_MS))
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(forgotten.rows_affected())
}
