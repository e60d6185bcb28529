//! The end of holds: what was delivered is taken, the rest goes back. Any number of them in a handful of statements, since
//! each statement is a way to the database and back.

use super::{EARNED, Error, Link};
use crate::domain::{AccountId, Credits, GenerationId, Timestamp};
use crate::server::db::{Tx, mint, with_rows};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// How a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// Take the price of this many units, give the rest back.
    Capture(i64),
    /// Give it all back.
    Release,
}

/// The end of one generation's hold.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    /// Whose hold.
    pub generation: &'a GenerationId,
    /// How it ends.
    pub money: Money,
    /// Who ends it: `worker`, `operator`.
    pub actor: &'static str,
    /// Why, where an operator says.
    pub reason: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl<'a> Settlement<'a> {
    /// An end in the ordinary course of things.
    pub const fn of(generation: &'a GenerationId, money: Money, at: Timestamp) -> Self {
        Self { generation, money, actor: "worker", reason: None, at }
    }
}

/// A hold that was just settled.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Settled {
    generation_id: GenerationId,
    account_id: AccountId,
    amount: Credits,
    captured: Credits,
}

/// What the settled holds change in one account.
#[derive(Default)]
struct Change {
    held: i64,
    posted: i64,
    entries: i64,
    settled: i64,
    head: Option<String>,
}

/// Ends these holds, and answers what was taken from each. The accounts are locked in the order of their ids, so that two
/// who settle at once wait for each other and never in a circle.
///
/// # Errors
/// [`Error::NotOpen`] when one of them was settled before; nothing may be committed then.
pub async fn settle(tx: &mut Tx, settlements: &[Settlement<'_>]) -> Result<Vec<Credits>, Error> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    // What the books say already may be on its way.
    tx.write_deferred().await?;
    let holds = close_holds(tx, settlements).await?;
    let causes = write_causes(tx, settlements);
    let mut changes = BTreeMap::<&str, Change>::new();
    for hold in &holds {
        let change = changes.entry(hold.account_id.as_str()).or_default();
        change.held += hold.amount.0;
        change.posted += hold.captured.0;
        change.entries += i64::from(hold.captured > Credits::ZERO);
        change.settled += 1;
    }
    // Where nothing was captured there are no lines, but the accounts still have to be locked in their order.
    if holds.iter().any(|hold| hold.captured > Credits::ZERO) || changes.len() > 1 {
        write_entries(tx, settlements, &holds, &causes, &mut changes).await?;
    }
    change_accounts(tx, &changes, settlements);
    Ok(holds.into_iter().map(|hold| hold.captured).collect())
}

/// Closes the holds; one for each settlement, in their order.
async fn close_holds(tx: &mut Tx, settlements: &[Settlement<'_>]) -> Result<Vec<Settled>, Error> {
    let asked = settlements.iter().map(|settlement| {
        let (state, delivered) = match settlement.money {
            Money::Capture(delivered) => ("captured", Some(delivered)),
            Money::Release => ("released", None),
        };
        json!({"generation_id": settlement.generation, "state": state, "delivered": delivered, "at": settlement.at})
    });
    let text = with_rows!(
        tx,
        "update hold set state = v.state, settled_at = v.at,
                captured = (case when v.delivered is null then 0
                                 when hold.unit_price * v.delivered < hold.amount then hold.unit_price * v.delivered
                                 else hold.amount end)
         from ",
        (generation_id text, state text, delivered bigint, at bigint),
        "where hold.generation_id = v.generation_id and hold.state = 'open'
         returning hold.generation_id, hold.account_id, hold.amount, hold.captured"
    );
    let rows: Vec<Settled> = sqlx::query_as(text).bind(list(asked)).fetch_all(tx.connection()).await?;
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.generation_id.clone(), row)).collect();
    let mut row_of = |settlement: &Settlement<'_>| {
        rows.remove(settlement.generation).ok_or_else(|| Error::NotOpen(settlement.generation.clone()))
    };
    settlements.iter().map(&mut row_of).collect()
}

/// One txn for each settlement, in their order: their ids.
fn write_causes(tx: &mut Tx, settlements: &[Settlement<'_>]) -> Vec<String> {
    let ids: Vec<String> = settlements.iter().map(|_| mint()).collect();
    let rows = settlements.iter().zip(&ids).map(|(settlement, id)| {
        json!({"id": id, "kind": kind(settlement.money), "ref": settlement.generation, "actor": settlement.actor,
               "reason": settlement.reason, "created_at": settlement.at})
    });
    let text = with_rows!(
        tx,
        "insert into txn (id, kind, ref, actor, reason, created_at) select id, kind, ref, actor, reason, created_at from ",
        (id text, kind text, ref text, actor text, reason text, created_at bigint),
        ""
    );
    tx.defer(text, rows.collect());
    ids
}

const fn kind(money: Money) -> &'static str {
    match money {
        Money::Capture(_) => "capture",
        Money::Release => "release",
    }
}

/// An account before the first of these entries.
#[derive(sqlx::FromRow)]
struct Before {
    id: AccountId,
    posted: Credits,
    entries: i64,
    head_hash: String,
}

/// Each capture's line in the person's account, chained to the one before, and its mirror in the house's.
async fn write_entries(
    tx: &mut Tx,
    settlements: &[Settlement<'_>],
    holds: &[Settled],
    causes: &[String],
    changes: &mut BTreeMap<&str, Change>,
) -> Result<(), Error> {
    let all: Vec<_> = changes.keys().collect();
    let text = tx.either(
        "select id, posted, entries, head_hash from account where id in (select value from json_each($1))",
        "select id, posted, entries, head_hash from account where id in (select json_array_elements_text($1::json))
         order by id for update",
    );
    let accounts: Vec<Before> = sqlx::query_as(text).bind(json!(all).to_string()).fetch_all(tx.connection()).await?;
    let mut accounts: HashMap<_, _> = accounts.into_iter().map(|account| (account.id.clone(), account)).collect();
    let mut lines = Vec::with_capacity(holds.len() * 2);
    for ((settlement, hold), cause) in settlements.iter().zip(holds).zip(causes) {
        let Some(account) = accounts.get_mut(&hold.account_id).filter(|_| hold.captured > Credits::ZERO) else { continue };
        account.posted = Credits(account.posted.0 - hold.captured.0);
        account.entries += 1;
        let link = Link {
            previous: &account.head_hash,
            account: &account.id,
            place: account.entries,
            kind: kind(settlement.money),
            reference: settlement.generation.as_str(),
            amount: Credits(-hold.captured.0),
            posted_after: account.posted,
            at: settlement.at,
        };
        let hash = link.hash();
        lines.push(json!({
            "id": mint(), "txn_id": cause, "account_id": account.id, "amount": -hold.captured.0, "place": account.entries,
            "posted_after": account.posted, "previous_hash": account.head_hash, "hash": hash, "created_at": settlement.at,
        }));
        lines.push(json!({
            "id": mint(), "txn_id": cause, "account_id": EARNED, "amount": hold.captured, "created_at": settlement.at,
        }));
        account.head_hash = hash;
    }
    for account in accounts.into_values() {
        if let Some(change) = changes.get_mut(account.id.as_str()) {
            change.head = Some(account.head_hash);
        }
    }
    let text = with_rows!(
        tx,
        "insert into entry (id, txn_id, account_id, amount, place, posted_after, previous_hash, hash, created_at)
         select id, txn_id, account_id, amount, place, posted_after, previous_hash, hash, created_at from ",
        (id text, txn_id text, account_id text, amount bigint, place bigint, posted_after bigint, previous_hash text, hash text,
         created_at bigint),
        ""
    );
    tx.defer(text, lines);
    Ok(())
}

/// What the accounts cache of their entries and open holds.
fn change_accounts(tx: &mut Tx, changes: &BTreeMap<&str, Change>, settlements: &[Settlement<'_>]) {
    let at = settlements.iter().map(|settlement| settlement.at).max();
    let rows = changes.iter().map(|(id, change)| {
        json!({"id": id, "held": change.held, "posted": change.posted, "entries": change.entries, "settled": change.settled,
               "head": change.head, "at": at})
    });
    let text = with_rows!(
        tx,
        "update account set held = account.held - v.held, posted = account.posted - v.posted, entries = account.entries + v.entries,
                head_hash = coalesce(v.head, account.head_hash), version = account.version + v.settled, updated_at = v.at
         from ",
        (id text, held bigint, posted bigint, entries bigint, settled bigint, head text, at bigint),
        "where account.id = v.id"
    );
    tx.defer(text, rows.collect());
}

fn list(rows: impl IntoIterator<Item = Value>) -> String {
    Value::Array(rows.into_iter().collect()).to_string()
}
