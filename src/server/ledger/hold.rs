//! The beginning of a charge: credits are set aside, if the person has them. Any number of holds, their lines in the books
//! and whatever else is written with them go on one way to the database.

use crate::domain::{Credits, GenerationId, PersonId, Timestamp};
use crate::server::db::{Told, Tx, mint, with_rows};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Credits of one person that one generation may cost.
#[derive(Clone, Copy, Debug)]
pub struct Hold<'a> {
    /// Whose.
    pub person: &'a PersonId,
    /// What for.
    pub generation: &'a GenerationId,
    /// The price of one unit.
    pub unit_price: Credits,
    /// The price of all.
    pub amount: Credits,
    /// When somebody should ask why it is still open.
    pub expires_at: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// What a person is to set aside in all.
#[derive(Clone, Copy, Debug)]
struct Sum {
    amount: Credits,
    holds: i64,
    at: Timestamp,
}

/// Holds that are on their way to the database.
#[derive(Debug)]
pub struct Holding<'a>(BTreeMap<&'a PersonId, Sum>);

/// The word for an account that had enough: its version now, and the one that the statement had seen, where those can differ.
const ACCOUNT: &str = "account";

/// Leaves all of these holds for the next way to the database, with nothing before them that may be about the same accounts. What is [told](Tx::told) then says whether they were set
/// aside; their people's account rows are locked from there on, in the order of their ids.
///
/// # Errors
/// When a sum does not fit, or the database fails with what was left for it before.
pub async fn hold<'a>(tx: &mut Tx, holds: &[Hold<'a>]) -> Result<Holding<'a>, sqlx::Error> {
    tx.write_deferred().await?;
    let sums = sums(holds)?;
    take(tx, &sums);
    write_down(tx, holds);
    for person in sums.keys() {
        tx.touch(person);
    }
    Ok(Holding(sums))
}

impl Holding<'_> {
    /// The people who had too little for theirs; if there are any, nothing may be committed.
    pub fn short(&self, told: &[Told]) -> Vec<&PersonId> {
        let had = |person: &PersonId| told.iter().any(|told| told.what == ACCOUNT && told.whose == person.as_str());
        self.0.keys().copied().filter(|person| !had(person)).collect()
    }

    /// Whether one of the accounts changed after the moment that the statement went by, while it waited for the lock. What
    /// else it said of these people may be wrong, and nothing may be committed.
    pub fn is_stale(&self, told: &[Told]) -> bool {
        let accounts = told.iter().filter(|told| told.what == ACCOUNT);
        let mut versions = accounts.filter_map(|told| Some((told.whose.as_str(), told.numbers[0]?, told.numbers[1]?)));
        versions.any(|(person, now, seen)| {
            let sum = self.0.iter().find(|(of, _)| of.as_str() == person);
            sum.is_some_and(|(_, sum)| now - sum.holds != seen)
        })
    }
}

/// Locks these people's accounts, in the order of their ids: nothing that is asked afterwards is [stale](Holding::is_stale).
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, people: &BTreeSet<&PersonId>) -> Result<(), sqlx::Error> {
    let text = tx.either(
        "select 1 from account where owner_id in (select value from json_each($1))",
        "select 1 from account where owner_id in (select json_array_elements_text($1::json)) order by id for update",
    );
    sqlx::query(text).bind(json!(people).to_string()).execute(tx.connection()).await.map(drop)
}

/// What a person could spend at this moment.
///
/// # Errors
/// When the database fails.
pub async fn available(tx: &mut Tx, person: &PersonId) -> Result<Credits, sqlx::Error> {
    let (available,) =
        sqlx::query_as("select posted - held from account where owner_id = $1").bind(person).fetch_one(tx.connection()).await?;
    Ok(available)
}

fn sums<'a>(holds: &[Hold<'a>]) -> Result<BTreeMap<&'a PersonId, Sum>, sqlx::Error> {
    let mut sums = BTreeMap::new();
    for hold in holds {
        let sum = sums.entry(hold.person).or_insert(Sum { amount: Credits::ZERO, holds: 0, at: hold.at });
        let amount = sum.amount.0.checked_add(hold.amount.0).map(Credits);
        sum.amount = amount.ok_or_else(|| sqlx::Error::Protocol("a price does not fit".into()))?;
        sum.holds += 1;
    }
    Ok(sums)
}

/// Sets the sums aside in the accounts that have enough.
fn take(tx: &mut Tx, sums: &BTreeMap<&PersonId, Sum>) {
    macro_rules! take_text {
        ($rows:literal, $lock:literal, $seen:literal) => {
            concat!(
                "update account set held = account.held + asked.amount, version = account.version + asked.holds, updated_at = asked.at
                 from (select a.id, v.amount, v.holds, v.at from ", $rows, " join account a on a.owner_id = v.person order by a.id ",
                $lock,
                ") as asked
                 where account.id = asked.id and account.posted - account.held >= asked.amount
                 returning 'account', account.owner_id, '', account.version, ", $seen, ", 0"
            )
        };
    }
    let text = tx.either(
        take_text!(
            "(select value ->> 'person' as person, value ->> 'amount' as amount, value ->> 'holds' as holds, value ->> 'at' as at
              from json_each($1)) as v",
            "",
            // Nobody else writes while this transaction may.
            "null"
        ),
        take_text!(
            "json_to_recordset($1::json) as v (person text, amount bigint, holds bigint, at bigint)",
            "for update of a",
            // A subquery goes by the statement's moment, also after the lock was waited for.
            "(select s.version from account s where s.id = account.id)"
        ),
    );
    let asked =
        sums.iter().map(|(person, sum)| json!({"person": person, "amount": sum.amount, "holds": sum.holds, "at": sum.at}));
    tx.ask(text, asked.collect());
}

/// A txn and a hold for each; they have no entries, since nothing has changed hands.
fn write_down(tx: &mut Tx, holds: &[Hold<'_>]) {
    let causes = holds
        .iter()
        .map(|hold| json!({"id": mint(), "ref": hold.generation, "actor": format!("person:{}", hold.person), "at": hold.at}));
    let text = with_rows!(
        tx,
        "insert into txn (id, kind, ref, actor, created_at) select id, 'hold', ref, actor, at from ",
        (id text, ref text, actor text, at bigint),
        ""
    );
    tx.defer(text, causes.collect());
    let rows = holds.iter().map(|hold| {
        json!({"id": mint(), "person": hold.person, "generation": hold.generation, "amount": hold.amount,
               "unit_price": hold.unit_price, "expires_at": hold.expires_at, "at": hold.at})
    });
    let text = with_rows!(
        tx,
        "insert into hold (id, account_id, generation_id, amount, unit_price, state, expires_at, created_at)
         select id, (select a.id from account a where a.owner_id = v.person), generation, amount, unit_price, 'open', expires_at, at
         from ",
        (id text, person text, generation text, amount bigint, unit_price bigint, expires_at bigint, at bigint),
        ""
    );
    tx.defer(text, rows.collect());
}
