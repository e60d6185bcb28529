//! What a person's webhooks are signed with: made when it is first asked for, changed when they want to. For a while after
//! that both sign, so that no receiver has to change at that very moment.

use crate::domain::{PersonId, Timestamp};
use crate::server::db::{Db, retried};
use crate::server::replicate::webhook::Secret;
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;

/// How long the one before goes on signing.
pub const OVERLAP_MS: i64 = 24 * 60 * 60 * 1_000;

/// A person's secret, as their receivers need it: `whsec_` and base64 of 32 random bytes.
///
/// # Errors
/// When the database fails.
pub async fn secret(db: &Db, owner: &PersonId, now: Timestamp) -> Result<SecretString, sqlx::Error> {
    if let Some(known) = current(db, owner).await? {
        return Ok(known.into());
    }
    retried(async || {
        let mut tx = db.begin().await?;
        sqlx::query(
            "insert into webhook_secret (owner_id, secret, created_at) values ($1, $2, $3) on conflict (owner_id) do nothing",
        )
        .bind(owner)
        .bind(fresh())
        .bind(now)
        .execute(tx.connection())
        .await?;
        tx.commit().await
    })
    .await?;
    // Whoever was first, theirs is the one.
    current(db, owner).await?.map(SecretString::from).ok_or(sqlx::Error::RowNotFound)
}

/// Gives a person another secret; the one before signs beside it for [`OVERLAP_MS`].
///
/// # Errors
/// When the database fails.
pub async fn rotate(db: &Db, owner: &PersonId, now: Timestamp) -> Result<SecretString, sqlx::Error> {
    secret(db, owner, now).await?;
    retried(async || {
        let mut tx = db.begin().await?;
        sqlx::query(
            "update webhook_secret set previous = secret, previous_until = $3, secret = $2, created_at = $4 where owner_id = $1",
        )
        .bind(owner)
        .bind(fresh())
        .bind(now.plus_ms(OVERLAP_MS))
        .bind(now)
        .execute(tx.connection())
        .await?;
        tx.commit().await
    })
    .await?;
    secret(db, owner, now).await
}

/// Until when the secret before the present one signs as well; `None` when it does not any more.
///
/// # Errors
/// When the database fails.
pub async fn both_until(db: &Db, owner: &PersonId, now: Timestamp) -> Result<Option<Timestamp>, sqlx::Error> {
    let until: Option<(Timestamp,)> =
        sqlx::query_as("select previous_until from webhook_secret where owner_id = $1 and previous_until > $2")
            .bind(owner)
            .bind(now)
            .fetch_optional(db.pool())
            .await?;
    Ok(until.map(|(until,)| until))
}

/// What signs a person's messages now, the present one first.
pub(super) async fn signers(db: &Db, owner: &PersonId, now: Timestamp) -> Result<Vec<Secret>, sqlx::Error> {
    // So that there is one.
    secret(db, owner, now).await?;
    let (present, previous): (String, Option<String>) = sqlx::query_as(
        "select secret, (case when previous_until > $2 then previous else null end) from webhook_secret where owner_id = $1",
    )
    .bind(owner)
    .bind(now)
    .fetch_one(db.pool())
    .await?;
    let texts = std::iter::once(present).chain(previous);
    texts.map(|text| text.parse().map_err(|bad| sqlx::Error::Decode(Box::new(bad)))).collect()
}

async fn current(db: &Db, owner: &PersonId) -> Result<Option<String>, sqlx::Error> {
    let row: Option<(String,)> =
        sqlx::query_as("select secret from webhook_secret where owner_id = $1").bind(owner).fetch_optional(db.pool()).await?;
    Ok(row.map(|(secret,)| secret))
}

fn fresh() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(rand::random::<[u8; 32]>()))
}
