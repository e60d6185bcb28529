//! The books' promises as queries. All of them answer nothing when the books are right.
//!
//! They run after every test, and by `atelier ledger verify`.

use super::Link;
use crate::domain::{AccountId, Credits, Timestamp};
use crate::server::db::{Db, Tx};

/// A broken promise, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which promise.
    pub promise: &'static str,
    /// The row that breaks it.
    pub id: String,
}

/// Each promise, and the query that finds the rows that break it. One text column: the id.
const PROMISES: &[(&str, &str)] = &[
    ("every txn's entries add up to zero", "select txn_id from entry group by txn_id having cast(sum(amount) as bigint) <> 0"),
    (
        "an account's posted credits are the sum of its entries",
        "select a.id from account a where a.kind = 'person'
           and a.posted <> (select cast(coalesce(sum(e.amount), 0) as bigint) from entry e where e.account_id = a.id)",
    ),
    (
        "an account's held credits are the sum of its open holds",
        "select a.id from account a where a.kind = 'person'
           and a.held <> (select cast(coalesce(sum(h.amount), 0) as bigint) from hold h where h.account_id = a.id and h.state = 'open')",
    ),
    ("nobody has less than nothing", "select id from account where kind = 'person' and (posted - held < 0 or held < 0)"),
    (
        "a generation's hold is open exactly while it lives",
        "select g.id from generation g left join hold h on h.generation_id = g.id
         where h.id is null or (h.state = 'open') <> (g.state not in ('succeeded', 'failed', 'canceled'))",
    ),
    ("a hold belongs to a generation", "select h.id from hold h left join generation g on g.id = h.generation_id where g.id is null"),
    (
        "what succeeded was captured, what did not was not",
        "select g.id from generation g join hold h on h.generation_id = g.id
         where (g.state = 'succeeded' and h.state <> 'captured') or (g.state in ('failed', 'canceled') and h.state <> 'released')
            or g.captured <> h.captured or g.price <> h.amount",
    ),
    (
        "a captured hold has one capture entry of that amount",
        "select h.id from hold h where h.state = 'captured' and h.captured <>
           (select cast(coalesce(sum(-e.amount), 0) as bigint) from entry e join txn t on t.id = e.txn_id
            where t.kind = 'capture' and t.ref = h.generation_id and e.account_id = h.account_id)",
    ),
    (
        "what was paid for was kept",
        "select g.id from generation g join person p on p.id = g.owner_id where g.state = 'succeeded' and p.left_at is null
           and (not exists (select 1 from output o where o.generation_id = g.id) or g.captured <> (case g.price_rule
             when 'run' then g.unit_price
             when 'second' then g.captured / g.unit_price * g.unit_price
             else g.unit_price * (select count(*) from output o where o.generation_id = g.id) end))",
    ),
    ("all accounts together hold nothing", "select 'all' from (select cast(coalesce(sum(amount), 0) as bigint) as total from entry) every where total <> 0"),
    (
        "an entry is as old as its txn",
        "select e.id from entry e join txn t on t.id = e.txn_id where e.created_at <> t.created_at",
    ),
    (
        "an account counts its entries",
        "select a.id from account a where a.kind = 'person'
           and a.entries <> (select count(*) from entry e where e.account_id = a.id)",
    ),
];

/// Checks every promise and every chain of hashes.
///
/// # Errors
/// When the database fails; drift is not an error but the answer.
pub async fn verify(db: &Db) -> Result<Vec<Drift>, sqlx::Error> {
    // One moment for all of it: the promises hold between commits, not across them.
    let mut snapshot = db.snapshot().await?;
    let mut drift = Vec::new();
    for (promise, query) in PROMISES {
        let broken: Vec<(String,)> = sqlx::query_as(*query).fetch_all(snapshot.connection()).await?;
        drift.extend(broken.into_iter().map(|(id,)| Drift { promise, id }));
    }
    drift.extend(verify_chains(&mut snapshot).await?);
    Ok(drift)
}

#[derive(sqlx::FromRow)]
struct ChainRow {
    id: String,
    account_id: AccountId,
    head_hash: String,
    entries: i64,
    place: i64,
    kind: String,
    reference: String,
    amount: Credits,
    posted_after: Credits,
    previous_hash: String,
    hash: String,
    created_at: Timestamp,
}

/// Recomputes every person's chain from its first entry to the head that the account names.
async fn verify_chains(snapshot: &mut Tx) -> Result<Vec<Drift>, sqlx::Error> {
    let rows: Vec<ChainRow> = sqlx::query_as(
        "select e.id, e.account_id, a.head_hash, a.entries, e.place, t.kind, t.ref as reference, e.amount, e.posted_after,
                e.previous_hash, e.hash, e.created_at
         from entry e join account a on a.id = e.account_id join txn t on t.id = e.txn_id
         where a.kind = 'person' order by e.account_id, e.place",
    )
    .fetch_all(snapshot.connection())
    .await?;
    let mut drift = Vec::new();
    let (mut account, mut previous, mut place, mut posted) = (None, String::new(), 0, 0);
    for row in &rows {
        if account.as_ref() != Some(&row.account_id) {
            (account, previous, place, posted) = (Some(row.account_id.clone()), String::new(), 0, 0);
        }
        place += 1;
        posted += row.amount.0;
        let link = Link {
            previous: &previous,
            account: &row.account_id,
            place: row.place,
            kind: &row.kind,
            reference: &row.reference,
            amount: row.amount,
            posted_after: row.posted_after,
            at: row.created_at,
        };
        if row.place != place || row.posted_after.0 != posted || row.previous_hash != previous || row.hash != link.hash() {
            drift.push(Drift { promise: "entries form an unbroken chain", id: row.id.clone() });
        }
        if row.place == row.entries && row.hash != row.head_hash {
            drift.push(Drift { promise: "the chain ends at the account's head", id: row.account_id.to_string() });
        }
        previous.clone_from(&row.hash);
    }
    Ok(drift)
}
