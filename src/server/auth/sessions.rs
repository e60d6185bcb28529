//! Sessions as rows. The id in the cookie is stored only as its SHA-256, so a copy of the table signs nobody in; and
//! saving only ever updates a row that is still there, so a slow request that ends after sign-out cannot bring the
//! session back.

use crate::domain::Timestamp;
use crate::server::db::Db;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{ExpiredDeletion, SessionStore};

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
        sqlx::query("insert into session (id_hash, data, expires_at, created_at) values ($1, $2, $3, $4)")
            .bind(hash(record.id))
            .bind(encode(record)?)
            .bind(expiry(record))
            .bind(self.clock.now())
            .execute(tx.connection())
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let mut tx = self.db.begin().await.map_err(backend)?;
        sqlx::query("update session set data = $2, expires_at = $3 where id_hash = $1")
            .bind(hash(record.id))
            .bind(encode(record)?)
            .bind(expiry(record))
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
        tx.commit().await.map_err(backend)
    }
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
