//! How often a key may call: buckets that refill continuously, one row for each key and kind of call, shared by all
//! processes.
//!
//! A process draws calls from the row a few at a time and spends them by itself, so that a program which polls does not
//! write to the database with every poll. What is drawn and not spent within a minute is lost, so all processes together
//! never let through more than the row had.

use crate::domain::{ApiKeyId, Timestamp};
use crate::server::db::{Db, retried};
use crate::server::generation::limits::{TOKEN, refilled};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long calls that were drawn can be spent.
const KEPT_MS: i64 = 60 * 1_000;
/// Keys that are remembered at once; more, and all are forgotten, which costs each a draw.
const MOST_PURSES: usize = 10_000;

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Asking for a prediction.
    Create,
    /// Looking at one prediction.
    Poll,
    /// Everything else.
    Read,
}

impl Kind {
    /// Calls a minute.
    pub const fn per_minute(self) -> i64 {
        match self {
            Self::Create => 600,
            Self::Poll => 60_000,
            Self::Read => 3_000,
        }
    }

    /// Calls in one draw.
    const fn draw(self) -> i64 {
        match self {
            Self::Create => 1,
            Self::Poll => 200,
            Self::Read => 20,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Poll => "poll",
            Self::Read => "read",
        }
    }
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It may be made; so many more may follow at once.
    Left(i64),
    /// It may not, for so many seconds.
    Wait(i64),
}

/// The buckets as one process knows them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rates {
    db: Db,
    purses: Arc<Mutex<HashMap<(ApiKeyId, Kind), Purse>>>,
}

/// Calls that this process has drawn.
#[derive(Clone, Copy, Debug)]
struct Purse {
    calls: i64,
    /// In the row, when they were drawn.
    left: i64,
    until: Timestamp,
}

impl Rates {
    /// Over this database.
    pub fn new(db: Db) -> Self {
        Self { db, purses: Arc::default() }
    }

    /// Takes one call of a key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&self, key: &ApiKeyId, kind: Kind, now: Timestamp) -> Result<Pace, sqlx::Error> {
        if let Some(left) = self.spend(key, kind, now) {
            return Ok(Pace::Left(left));
        }
        match retried(|| self.draw(key, kind, now)).await? {
            Err(seconds) => Ok(Pace::Wait(seconds)),
            Ok((drawn, left)) => {
                self.put(key, kind, Purse { calls: drawn - 1, left, until: now.plus_ms(KEPT_MS) });
                Ok(Pace::Left(left + drawn - 1))
            }
        }
    }

    fn spend(&self, key: &ApiKeyId, kind: Kind, now: Timestamp) -> Option<i64> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let purse = purses.get_mut(&(key.clone(), kind)).filter(|purse| purse.calls > 0 && purse.until > now)?;
        purse.calls -= 1;
        Some(purse.left + purse.calls)
    }

    fn put(&self, key: &ApiKeyId, kind: Kind, purse: Purse) {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= MOST_PURSES {
            purses.clear();
        }
        // Two who drew at once: the later one's is kept, and the other's is lost.
        purses.insert((key.clone(), kind), purse);
    }

    /// Takes a few calls out of the row: how many, and how many are left; or the seconds until there is one.
    async fn draw(&self, key: &ApiKeyId, kind: Kind, now: Timestamp) -> Result<Result<(i64, i64), i64>, sqlx::Error> {
        let per_minute = kind.per_minute();
        let mut tx = self.db.begin().await?;
        // Changes nothing of a row that is there, but locks it.
        let (parts, since): (i64, Timestamp) = sqlx::query_as(
            "insert into key_rate (key_id, kind, parts, refilled_at) values ($1, $2, $3, $4)
             on conflict (key_id, kind) do update set parts = key_rate.parts returning parts, refilled_at",
        )
        .bind(key)
        .bind(kind.as_str())
        .bind(per_minute * TOKEN)
        .bind(now)
        .fetch_one(tx.connection())
        .await?;
        let parts = refilled(parts, since, per_minute, now);
        let drawn = kind.draw().min(parts / TOKEN);
        if drawn == 0 {
            let a_second = per_minute * 1_000;
            return Ok(Err((TOKEN - parts + a_second - 1) / a_second));
        }
        let parts = parts - drawn * TOKEN;
        sqlx::query("update key_rate set parts = $3, refilled_at = $4 where key_id = $1 and kind = $2")
            .bind(key)
            .bind(kind.as_str())
            .bind(parts)
            .bind(now)
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
        Ok(Ok((drawn, parts / TOKEN)))
    }
}
