//! Sessions as rows. The id in the cookie is stored only as its SHA-256, so a copy of the table signs nobody in; and
//! saving only ever updates a row that is still there, so a slow request that ends after sign-out cannot bring the
//! session back.

use super::AGENT;
use crate::domain::{PersonId, Timestamp};
use crate::server::account::guesses;
use crate::server::db::{Db, Tx};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{ExpiredDeletion, SessionStore};

/// Where axum-login keeps what it knows in a session's record.
const LOGIN: &str = "axum-login.data";

/// The store of sessions, in the one database.
#[derive(Clone, Debug)]
pub struct Sessions {
    db: Db,
    clock: super::super::clock::Clock,
}

impl Sessions {
    /// Over this database.
    pub const fn new(db: Db, clock: super::super::clock::Clock) -> Self {
        Self { db, clock }
    }
}

/// What a session's row is found by. Also a name that a page may show without giving the session away.
pub fn hash(id: Id) -> String {
    hex::encode(Sha256::digest(id.0.to_le_bytes()))
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits: a collision is a broken generator, and then the insert fails rather than adopting a row.
        let mut tx = self.db.begin().await.map_err(backend)?;
        sqlx::query("insert into session (id_hash, data, expires_at, created_at, person_id) values ($1, $2, $3, $4, $5)")
            .bind(hash(record.id))
            .bind(encode(record)?)
            .bind(expiry(record))
            .bind(self.clock.now())
            .bind(owner(record))
            .execute(tx.connection())
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let mut tx = self.db.begin().await.map_err(backend)?;
        sqlx::query("update session set data = $2, expires_at = $3, person_id = $4 where id_hash = $1")
            .bind(hash(record.id))
            .bind(encode(record)?)
            .bind(expiry(record))
            .bind(owner(record))
            .execute(tx.connection())
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row: Option<(String, Timestamp)> =
            sqlx::query_as("select data, expires_at from session where id_hash = $1 and expires_at > $2")
                .bind(hash(*id))
                .bind(self.clock.now())
                .fetch_optional(self.db.pool())
                .await
                .map_err(backend)?;
        row.map(|(data, expires_at)| {
            let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
            let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at.0) * 1_000_000)
                .map_err(|error| Error::Decode(error.to_string()))?;
            Ok(Record { id: *id, data, expiry_date })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut tx = self.db.begin().await.map_err(backend)?;
        sqlx::query("delete from session where id_hash = $1").bind(hash(*id)).execute(tx.connection()).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
}

#[async_trait]
impl ExpiredDeletion for Sessions {
    async fn delete_expired(&self) -> Result<()> {
        let mut tx = self.db.begin().await.map_err(backend)?;
        sqlx::query("delete from session where expires_at <= $1")
            .bind(self.clock.now())
            .execute(tx.connection())
            .await
            .map_err(backend)?;
        guesses::forget(&mut tx, self.clock.now()).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
}

/// A browser that somebody is signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its row's name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// What it said it is, roughly; empty when it said nothing that we know.
    pub agent: String,
}

/// Where a person is signed in, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn sessions_of(db: &Db, person: &PersonId, now: Timestamp) -> std::result::Result<Vec<Open>, sqlx::Error> {
    let rows: Vec<(String, String, Timestamp)> = sqlx::query_as(
        "select id_hash, data, created_at from session where person_id = $1 and expires_at > $2
         order by created_at desc, id_hash limit 100",
    )
    .bind(person)
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let agent = |data: &str| {
        let data: Option<serde_json::Value> = serde_json::from_str(data).ok();
        data.and_then(|data| data[AGENT].as_str().map(str::to_owned)).unwrap_or_default()
    };
    Ok(rows.into_iter().map(|(name, data, since)| Open { name, since, agent: agent(&data) }).collect())
}

/// Ends one of a person's sessions. Whether there was such a one.
///
/// # Errors
/// When the database fails.
pub async fn end_session(db: &Db, person: &PersonId, name: &str) -> std::result::Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query("delete from session where person_id = $1 and id_hash = $2")
        .bind(person)
        .bind(name)
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends all of a person's sessions but the one with this name, if one is to stay.
///
/// # Errors
/// When the database fails.
pub async fn end_sessions(tx: &mut Tx, person: &PersonId, but: Option<&str>) -> std::result::Result<(), sqlx::Error> {
    sqlx::query("delete from session where person_id = $1 and id_hash <> $2")
        .bind(person)
        .bind(but.unwrap_or_default())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whose session it is, once somebody has signed in with it.
fn owner(record: &Record) -> Option<String> {
    record.data.get(LOGIN)?.get("user_id")?.as_str().map(str::to_owned)
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn expiry(record: &Record) -> Timestamp {
    Timestamp(i64::try_from(record.expiry_date.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` calls")]
fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
