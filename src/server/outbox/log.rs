//! What was sent and what came of it, for the person whose webhooks they are: sending it once more, trying an address, and
//! asking one again that was left alone.

use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::db::{Db, Tx, retried};

/// How long what was sent is remembered.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A message, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in migrations/0008_webhooks_out.sql and 0012_logs.sql")]
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
    pub took_ms: Option<i64>,
    pub trial_at: Option<Timestamp>,
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
        "select id, generation_id, url, event, attempts, next_at, last_at, last_status, last_error, took_ms, trial_at, delivered_at, disabled_at, created_at
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
        turn_on(&mut tx, owner, &url).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

/// How a trial of an address began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// A message is on its way; its id.
    Sent(String),
    /// There is nothing yet that could be told.
    NothingToTell,
    /// Too many were tried just now.
    TooMany,
}

/// Trials of one person in a minute.
const TRIALS: i64 = 10;

/// Tells an address of this person's newest generation as of one that has ended, once, so that a receiver can be tried.
///
/// # Errors
/// When the database fails.
pub async fn try_out(db: &Db, owner: &PersonId, url: &str, now: Timestamp) -> Result<Trial, sqlx::Error> {
    let id = super::message_id();
    retried(async || {
        let mut tx = db.begin().await?;
        let (lately,): (i64,) = sqlx::query_as("select count(*) from webhook_out where owner_id = $1 and trial_at > $2")
            .bind(owner)
            .bind(now.plus_ms(-60_000))
            .fetch_one(tx.connection())
            .await?;
        if lately >= TRIALS {
            return Ok(Trial::TooMany);
        }
        let sent = sqlx::query(
            "insert into webhook_out (id, owner_id, generation_id, url, event, next_at, trial_at, created_at)
             select $1, owner_id, id, $3, 'completed', $4, $4, $4 from generation
             where owner_id = $2 and state in ('succeeded', 'failed', 'canceled') order by created_at desc, id desc limit 1",
        )
        .bind(id.clone())
        .bind(owner)
        .bind(url)
        .bind(now)
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(if sent.rows_affected() == 1 { Trial::Sent(id.clone()) } else { Trial::NothingToTell })
    })
    .await
}

/// Whether a message of this person waits to be sent now, or is being sent.
///
/// # Errors
/// When the database fails.
pub async fn is_due(db: &Db, owner: &PersonId, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let due: Option<(i64,)> =
        sqlx::query_as("select attempts from webhook_out where id = $1 and owner_id = $2 and next_at <= $3")
            .bind(id)
            .bind(owner)
            .bind(now)
            .fetch_optional(db.pool())
            .await?;
    Ok(due.is_some())
}

/// An address that nothing more is sent to.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Off {
    /// The address.
    pub url: String,
    /// `gone` or `failing`.
    pub reason: String,
    /// Since when.
    pub off_at: Timestamp,
}

/// The addresses of a person that nothing more is sent to, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn switched_off(db: &Db, owner: &PersonId) -> Result<Vec<Off>, sqlx::Error> {
    sqlx::query_as("select url, reason, off_at from webhook_off where owner_id = $1 order by off_at desc, url")
        .bind(owner)
        .fetch_all(db.pool())
        .await
}

/// Asks an address again from now on; what was given up stays so. `false` when it was not switched off for this person.
///
/// # Errors
/// When the database fails.
pub async fn switch_on(db: &Db, owner: &PersonId, url: &str) -> Result<bool, sqlx::Error> {
    retried(async || {
        let mut tx = db.begin().await?;
        let was_off = turn_on(&mut tx, owner, url).await?;
        tx.commit().await?;
        Ok(was_off)
    })
    .await
}

async fn turn_on(tx: &mut Tx, owner: &PersonId, url: &str) -> Result<bool, sqlx::Error> {
    let on = sqlx::query("delete from webhook_off where owner_id = $1 and url = $2")
        .bind(owner)
        .bind(url)
        .execute(tx.connection())
        .await?;
    Ok(on.rows_affected() > 0)
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
