//! Keys of people's programs. Only the SHA-256 of a key is kept, so that nobody can read one here; it is shown once, when
//! it is made. Every request asks the database whether its key still lives, so a key that was revoked is dead for all
//! processes with the next request.
//!
//! A key has scopes, and may have a cap: what it costs in a month of UTC, counted where the generations are. A key that
//! was replaced and the one in its place share one cap.

pub mod rate;
mod token;

pub use token::Token;

use super::db::{Db, Told, Tx, Yielding, mint, retried, with_rows};
use crate::domain::{ApiKeyId, Credits, KeyName, KeyView, KeyWish, Overlap, PersonId, Refusal, Scopes, Timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// How many live keys one person may have.
pub const MAX_KEYS: i64 = 50;

/// Between two writes of when a key was last used.
const LAST_USED_MS: i64 = 60 * 1_000;

/// For how long after its end a key stays in the list.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The same form made its key before, and a key is shown only once.
    #[error("that key was made before")]
    Again,
    /// The person has [`MAX_KEYS`].
    #[error("too many keys")]
    TooMany,
    /// There is no such live key of this person, or it was replaced before.
    #[error("no such key")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Again | Self::TooMany | Self::NotFound => None,
        }
    }
}

/// A key that opened the door.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Bearer {
    /// Which.
    pub id: ApiKeyId,
    /// Whose.
    #[sqlx(rename = "owner_id")]
    pub owner: PersonId,
    /// What it may do.
    pub scopes: Scopes,
    last_used_at: Option<Timestamp>,
}

/// Makes a key under an id that the caller chose, so that a form which is sent twice makes one. What is answered is the
/// only copy of it.
///
/// # Errors
/// [`Error::Again`] and [`Error::TooMany`].
pub async fn make(db: &Db, owner: &PersonId, id: &ApiKeyId, wish: &KeyWish, now: Timestamp) -> Result<Token, Error> {
    let token = Token::mint();
    retried(|| async {
        let mut tx = db.begin().await?;
        let known: Option<(i64,)> =
            sqlx::query_as("select created_at from api_key where id = $1").bind(id).fetch_optional(tx.connection()).await?;
        if known.is_some() {
            return Err(Error::Again);
        }
        let KeyWish { name, scopes, cap } = wish;
        let row = New { id, name, scopes: *scopes, cap: *cap, lineage: id, replaces: None };
        insert(&mut tx, owner, &token, &row, now).await?;
        tx.commit().await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(token)
}

/// The key with this text, if it opens the door now. Asks the database once, and at most once a minute writes that the
/// key was used.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, token: &Token, now: Timestamp) -> Result<Option<Bearer>, sqlx::Error> {
    let found: Option<Bearer> = sqlx::query_as(
        "select id, owner_id, scopes, last_used_at from api_key
         where hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
    )
    .bind(token.hash())
    .bind(now)
    .fetch_optional(db.pool())
    .await?;
    let Some(bearer) = found else { return Ok(None) };
    if bearer.last_used_at.is_none_or(|at| now.since(at) >= LAST_USED_MS) {
        used(db, &bearer.id, now).await?;
    }
    Ok(Some(bearer))
}

async fn used(db: &Db, id: &ApiKeyId, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("update api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at <= $3)")
        .bind(id)
        .bind(now)
        .bind(now.plus_ms(-LAST_USED_MS))
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// A person's keys with what each cost this month: those that live, and those that ended in the last thirty days. The
/// newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, owner: &PersonId, now: Timestamp) -> Result<Vec<KeyView>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select k.id, k.name, k.prefix, k.scopes, k.monthly_cap, k.created_at, k.last_used_at, k.expires_at, k.revoked_at,
                (select count(*) from api_key n where n.replaces = k.id) as successors,
                (select cast(coalesce(sum(case when g.state in ('succeeded', 'failed', 'canceled') then g.captured
                                               else g.price end), 0) as bigint)
                 from generation g join api_key o on o.id = g.api_key_id
                 where o.lineage = k.lineage and g.created_at >= $2) as spent
         from api_key k
         where k.owner_id = $1 and coalesce(k.revoked_at, k.expires_at, $3) >= $3
         order by k.created_at desc, k.id desc",
    )
    .bind(owner)
    .bind(month_of(now))
    .bind(now.plus_ms(-REMEMBERED_MS))
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| row.view(now)).collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ApiKeyId,
    name: KeyName,
    prefix: String,
    scopes: Scopes,
    monthly_cap: Option<Credits>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    successors: i64,
    spent: Credits,
}

impl Row {
    fn view(self, now: Timestamp) -> KeyView {
        KeyView {
            live: self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now),
            replaced: self.successors > 0,
            id: self.id,
            name: self.name,
            prefix: self.prefix,
            scopes: self.scopes,
            cap: self.monthly_cap,
            spent: self.spent,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
        }
    }
}

/// Ends a key, for good and at once. One that has ended already stays as it is.
///
/// # Errors
/// [`Error::NotFound`] when it is not this person's.
pub async fn revoke(db: &Db, owner: &PersonId, id: &ApiKeyId, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query(
        "update api_key set revoked_at = (case when revoked_at is null then $3 else revoked_at end) where id = $1 and owner_id = $2",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    if ended.rows_affected() == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Ends every key of somebody who leaves, and forgets what they called them.
pub(super) async fn end_all(tx: &mut Tx, owner: &PersonId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("update api_key set name = 'left', revoked_at = coalesce(revoked_at, $2) where owner_id = $1")
        .bind(owner)
        .bind(now)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Makes a key in the place of another: the same name, scopes and cap, and one month's spending between them. The other
/// ends after the overlap. What is answered is the only copy of the new one.
///
/// # Errors
/// [`Error::NotFound`] when there is none to replace, [`Error::TooMany`].
pub async fn rotate(db: &Db, owner: &PersonId, id: &ApiKeyId, overlap: Overlap, now: Timestamp) -> Result<Token, Error> {
    let token = Token::mint();
    retried(|| async {
        let mut tx = db.begin().await?;
        // The old one first: this locks its row, and two who rotate it at once make one new key.
        let old: Option<Replaced> = sqlx::query_as(
            "update api_key set expires_at = (case when expires_at < $3 then expires_at else $3 end)
             where id = $1 and owner_id = $2 and revoked_at is null and (expires_at is null or expires_at > $4)
               and not exists (select 1 from api_key n where n.replaces = $1)
             returning name, scopes, monthly_cap, lineage",
        )
        .bind(id)
        .bind(owner)
        .bind(now.plus_ms(overlap.ms()))
        .bind(now)
        .fetch_optional(tx.connection())
        .await?;
        let Replaced { name, scopes, monthly_cap, lineage } = old.ok_or(Error::NotFound)?;
        let fresh = ApiKeyId::trusted(mint());
        let row = New { id: &fresh, name: &name, scopes, cap: monthly_cap, lineage: &lineage, replaces: Some(id) };
        insert(&mut tx, owner, &token, &row, now).await?;
        tx.commit().await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(token)
}

#[derive(sqlx::FromRow)]
struct Replaced {
    name: KeyName,
    scopes: Scopes,
    monthly_cap: Option<Credits>,
    lineage: ApiKeyId,
}

/// A row of `api_key` that is about to be.
struct New<'a> {
    id: &'a ApiKeyId,
    name: &'a KeyName,
    scopes: Scopes,
    cap: Option<Credits>,
    lineage: &'a ApiKeyId,
    replaces: Option<&'a ApiKeyId>,
}

async fn insert(tx: &mut Tx, owner: &PersonId, token: &Token, row: &New<'_>, now: Timestamp) -> Result<(), Error> {
    let made = sqlx::query(
        "insert into api_key (id, owner_id, name, prefix, hash, scopes, monthly_cap, lineage, replaces, created_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         where (select count(*) from api_key
                where owner_id = $2 and revoked_at is null and (expires_at is null or expires_at > $10)) < $11",
    )
    .bind(row.id)
    .bind(owner)
    .bind(row.name)
    .bind(token.prefix())
    .bind(token.hash())
    .bind(row.scopes)
    .bind(row.cap)
    .bind(row.lineage)
    .bind(row.replaces.cloned())
    .bind(now)
    .bind(MAX_KEYS)
    .execute(tx.connection())
    .await?;
    if made.rows_affected() == 0 { Err(Error::TooMany) } else { Ok(()) }
}

/// What the keys of one lineage may spend in a month together, and what they let be spent by now.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    /// The key that all of them came from.
    pub lineage: String,
    cap: Option<Credits>,
    spent: Credits,
}

/// The word for what is told of them.
const KEY: &str = "key";
/// The word for a key that lives, as the update of its row found.
const USED: &str = "used";

/// Asks on the next way to the database what these keys may spend, and notes that they were used. The answer goes by the
/// moment of that statement: it is exact when the caller makes sure that their owners' accounts have not changed since, as
/// its holds tell.
pub(super) fn ask<'a>(tx: &mut Tx, keys: impl IntoIterator<Item = &'a ApiKeyId>, now: Timestamp) {
    let since = month_of(now);
    let keys: Vec<_> = keys.into_iter().map(|key| json!({"key": key, "at": now, "since": since})).collect();
    let text = with_rows!(
        tx,
        "select 'key', k.id, k.lineage, k.monthly_cap,
                (case when k.monthly_cap is null then 0 else
                  (select cast(coalesce(sum(case when g.state in ('succeeded', 'failed', 'canceled') then g.captured
                                                 else g.price end), 0) as bigint)
                   from generation g join api_key l on l.id = g.api_key_id
                   where l.lineage = k.lineage and g.created_at >= v.since) end),
                0
         from api_key k, ",
        (key text, at bigint, since bigint),
        "where k.id = v.key and k.revoked_at is null and (k.expires_at is null or k.expires_at > v.at)"
    );
    tx.ask(text, keys.clone());
    let text = with_rows!(
        tx,
        "update api_key set last_used_at = v.at from ",
        (key text, at bigint),
        // Under its lock: it may have been revoked since the look.
        "where api_key.id = v.key and api_key.revoked_at is null and (api_key.expires_at is null or api_key.expires_at > v.at)
         returning 'used', api_key.id, '', 0, 0, 0"
    );
    tx.ask(text, keys);
}

impl Purse {
    /// What was told of this key; `None` when it may not be used any more.
    pub fn told(told: &[Told], key: &ApiKeyId) -> Option<Self> {
        let of = |what| told.iter().find(|told| told.what == what && told.whose == key.as_str());
        let told = of(USED).and_then(|_| of(KEY))?;
        let [cap, spent, _] = told.numbers.map(|number| number.map(Credits));
        Some(Self { lineage: told.within.clone(), cap, spent: spent.unwrap_or(Credits::ZERO) })
    }

    /// Why it may not spend this much more, if it may not.
    pub fn forbids(&self, price: Credits) -> Option<Refusal> {
        let cap = self.cap?;
        let left = Credits(cap.0.saturating_sub(self.spent.0));
        (price > left).then_some(Refusal::KeyCapReached { cap, left })
    }

    /// Counts this much as spent from here on.
    pub fn spend(&mut self, price: Credits) {
        self.spent = Credits(self.spent.0.saturating_add(price.0));
    }
}

/// When the month of UTC began that this moment is in.
fn month_of(now: Timestamp) -> Timestamp {
    let begun = OffsetDateTime::from_unix_timestamp(now.0.div_euclid(1_000))
        .ok()
        .and_then(|at| at.date().replace_day(1).ok())
        .map(|day| day.midnight().assume_utc().unix_timestamp());
    begun.map_or(now, |seconds| Timestamp(seconds * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_of_its_first_day() {
        // 22 November 2026, 14:05:09, and its 1 November; the last millisecond of a February with 29 days.
        assert_eq!(month_of(Timestamp(1_795_356_309_123)), Timestamp(1_793_491_200_000));
        assert_eq!(month_of(Timestamp(1_793_491_200_000)), Timestamp(1_793_491_200_000));
        assert_eq!(month_of(Timestamp(1_709_251_199_999)), Timestamp(1_706_745_600_000));
    }
}
