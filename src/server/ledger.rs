//! The books: who has how many credits, and why.
//!
//! Double entry, append-only, holds instead of refunds. A request sets its price aside ([`hold`]); the end of the
//! generation takes what was delivered ([`capture`]) or gives it all back ([`release`]); many ends at once are [`settle`]. The verbs that move money
//! need an open transaction, that of the change they pay for, and each effect has a unique `(kind, ref)`, so it happens
//! once. The database itself refuses a negative balance; nothing here reads a balance and then decides.
//!
//! [`verify`] checks everything this file promises, as queries.

pub mod export;
mod hold;
mod settle;
mod statement;
mod verify;
mod way;

pub use hold::{Hold, Holding, available, hold, lock};
pub use settle::{Money, Settlement, settle};
pub use statement::{OpenHold, Summary, holds, lines, statement, summary};
pub use verify::{Drift, verify};
pub use way::way;

use super::db::{Db, Tx, Yielding, mint};
use crate::domain::{AccountId, BalanceView, Credits, GenerationId, PersonId, Timestamp};
use sha2::{Digest, Sha256};

/// The house's account that granted credits come out of.
const ISSUED: &str = "issued";
/// The house's account that captured credits go into.
const EARNED: &str = "earned";

/// Why money did not move.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hold is not open: it was settled before.
    #[error("the hold of generation {0} is not open")]
    NotOpen(GenerationId),
    /// The database failed or refused.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::NotOpen(_) => None,
        }
    }
}

/// Where granted credits come from.
#[derive(Clone, Debug)]
pub enum Grant {
    /// Once per person, when they sign up.
    Signup,
    /// An operator's decision; `reference` makes repeating the command harmless.
    Operator {
        /// Unique per decision.
        reference: String,
        /// Shown on the statement.
        reason: String,
    },
}

/// Opens a person's account, empty.
///
/// # Errors
/// When the database fails, or the person has one already.
pub async fn open_account(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("insert into account (id, owner_id, kind, updated_at, created_at) values ($1, $2, 'person', $3, $3)")
        .bind(mint())
        .bind(person)
        .bind(now)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Adds credits to a person's account, out of thin air that the `issued` account remembers.
///
/// # Errors
/// When the database fails, or this grant was made before.
pub async fn grant(tx: &mut Tx, person: &PersonId, amount: Credits, grant: &Grant, now: Timestamp) -> Result<(), sqlx::Error> {
    // What the account holds may still be on its way.
    tx.write_deferred().await?;
    let (kind, reference, actor, reason) = match grant {
        Grant::Signup => ("signup_grant", person.to_string(), format!("person:{person}"), None),
        Grant::Operator { reference, reason } => ("grant", reference.clone(), "operator".to_owned(), Some(reason.clone())),
    };
    let txn = write_txn(tx, kind, &reference, &actor, reason.as_deref(), now).await?;
    let account = sqlx::query_as(
        "update account set posted = posted + $2, entries = entries + 1, version = version + 1, updated_at = $3
         where owner_id = $1 returning id, posted, entries, head_hash",
    )
    .bind(person)
    .bind(amount)
    .bind(now)
    .fetch_one(tx.connection())
    .await?;
    write_entries(tx, &txn, &account, amount, now).await?;
    tx.touch(person);
    Ok(())
}

/// Takes the price of `delivered` outputs from a generation's hold and gives the rest back. Returns what was taken.
///
/// # Errors
/// [`Error::NotOpen`] when it was settled before.
pub async fn capture(tx: &mut Tx, generation: &GenerationId, delivered: i64, now: Timestamp) -> Result<Credits, Error> {
    let taken = settle(tx, &[Settlement::of(generation, Money::Capture(delivered), now)]).await?;
    Ok(taken.into_iter().next().unwrap_or(Credits::ZERO))
}

/// Gives the whole of a generation's hold back.
///
/// # Errors
/// [`Error::NotOpen`] when it was settled before.
pub async fn release(tx: &mut Tx, generation: &GenerationId, now: Timestamp) -> Result<(), Error> {
    settle(tx, &[Settlement::of(generation, Money::Release, now)]).await.map(drop)
}

/// Gives back a hold that stayed open though its generation has ended without a result, or never was: an operator's
/// repair, for a reason that stays in the books.
///
/// # Errors
/// [`Error::NotOpen`] when there is none.
pub async fn release_orphan(tx: &mut Tx, generation: &GenerationId, reason: &str, now: Timestamp) -> Result<(), Error> {
    let kept: Option<(GenerationId,)> =
        sqlx::query_as("select id from generation where id = $1 and state not in ('failed', 'canceled')")
            .bind(generation)
            .fetch_optional(tx.connection())
            .await?;
    if kept.is_some() {
        return Err(Error::NotOpen(generation.clone()));
    }
    let repair = Settlement { actor: "operator", reason: Some(reason), ..Settlement::of(generation, Money::Release, now) };
    settle(tx, &[repair]).await.map(drop)
}

/// Generations whose hold is open although they have ended, or never were, or should have settled it by now.
///
/// # Errors
/// When the database fails.
pub async fn orphan_holds(db: &Db, now: Timestamp) -> Result<Vec<GenerationId>, sqlx::Error> {
    let rows: Vec<(GenerationId,)> = sqlx::query_as(
        "select h.generation_id from hold h left join generation g on g.id = h.generation_id
         where h.state = 'open' and (g.id is null or g.state in ('succeeded', 'failed', 'canceled') or h.expires_at < $1)",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What a person has now.
///
/// # Errors
/// When the database fails.
pub async fn balance(db: &Db, person: &PersonId) -> Result<BalanceView, sqlx::Error> {
    let (version, posted, held) =
        sqlx::query_as("select version, posted, held from account where owner_id = $1").bind(person).fetch_one(db.pool()).await?;
    Ok(BalanceView { version, posted, held })
}

/// A person's account right after one more entry was counted, with the hash of the one before.
#[derive(sqlx::FromRow)]
struct Account {
    id: AccountId,
    posted: Credits,
    entries: i64,
    head_hash: String,
}

async fn write_txn(
    tx: &mut Tx,
    kind: &str,
    reference: &str,
    actor: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Cause, sqlx::Error> {
    let cause = Cause { id: mint(), kind: kind.to_owned(), reference: reference.to_owned() };
    sqlx::query("insert into txn (id, kind, ref, actor, reason, created_at) values ($1, $2, $3, $4, $5, $6)")
        .bind(&cause.id)
        .bind(kind)
        .bind(reference)
        .bind(actor)
        .bind(reason.map(str::to_owned))
        .bind(now)
        .execute(tx.connection())
        .await?;
    Ok(cause)
}

struct Cause {
    id: String,
    kind: String,
    reference: String,
}

/// Writes a grant's line and its mirror in the house's account, and moves the head of the chain.
async fn write_entries(
    tx: &mut Tx,
    cause: &Cause,
    account: &Account,
    amount: Credits,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let link = Link {
        previous: &account.head_hash,
        account: &account.id,
        place: account.entries,
        kind: &cause.kind,
        reference: &cause.reference,
        amount,
        posted_after: account.posted,
        at: now,
    };
    let hash = link.hash();
    sqlx::query(
        "insert into entry (id, txn_id, account_id, amount, place, posted_after, previous_hash, hash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9), ($10, $2, $11, $12, null, null, null, null, $9)",
    )
    .bind(mint())
    .bind(&cause.id)
    .bind(&account.id)
    .bind(amount)
    .bind(account.entries)
    .bind(account.posted)
    .bind(&account.head_hash)
    .bind(&hash)
    .bind(now)
    .bind(mint())
    .bind(ISSUED)
    .bind(Credits(-amount.0))
    .execute(tx.connection())
    .await?;
    sqlx::query("update account set head_hash = $2 where id = $1").bind(&account.id).bind(&hash).execute(tx.connection()).await?;
    Ok(())
}

/// What the hash of an entry covers. The text is part of the product: anybody can recompute a chain from a statement.
pub(super) struct Link<'a> {
    pub previous: &'a str,
    pub account: &'a AccountId,
    pub place: i64,
    pub kind: &'a str,
    pub reference: &'a str,
    pub amount: Credits,
    pub posted_after: Credits,
    pub at: Timestamp,
}

impl Link<'_> {
    /// SHA-256, hex, over the fields one per line.
    pub fn hash(&self) -> String {
        let Self { previous, account, place, kind, reference, amount, posted_after, at } = self;
        let text = format!("{previous}\n{account}\n{place}\n{kind}\n{reference}\n{amount}\n{posted_after}\n{}\n", at.0);
        hex::encode(Sha256::digest(text))
    }
}
