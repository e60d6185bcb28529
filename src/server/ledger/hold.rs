//! The beginning of a charge: credits are set aside, if the person has them. Any number of holds in one statement, and their
//! lines in the books on the way with whatever else is written.

use super::Error;
use crate::domain::{AccountId, Credits, GenerationId, PersonId, Timestamp};
use crate::server::db::{Tx, mint, with_rows};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

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
struct Sum {
    amount: Credits,
    holds: i64,
    at: Timestamp,
}

/// Sets all of these aside, or none. Their people's account rows are locked from here on, in the order of their ids.
///
/// # Errors
/// [`Error::Insufficient`] when one of the people has too little for theirs; nothing may be committed then.
pub async fn hold(tx: &mut Tx, holds: &[Hold<'_>]) -> Result<(), Error> {
    // What an account holds may still be on its way.
    tx.write_deferred().await?;
    let sums = sums(holds)?;
    let accounts = take(tx, &sums).await?;
    if let Some((person, sum)) = sums.iter().find(|(person, _)| !accounts.contains_key(**person)) {
        let (available,): (Credits,) = sqlx::query_as("select posted - held from account where owner_id = $1")
            .bind(*person)
            .fetch_one(tx.connection())
            .await?;
        return Err(Error::Insufficient { available, price: sum.amount });
    }
    write_down(tx, holds, &accounts);
    for person in sums.keys() {
        tx.touch(person);
    }
    Ok(())
}

fn sums<'a>(holds: &[Hold<'a>]) -> Result<BTreeMap<&'a PersonId, Sum>, Error> {
    let mut sums = BTreeMap::new();
    for hold in holds {
        let sum = sums.entry(hold.person).or_insert(Sum { amount: Credits::ZERO, holds: 0, at: hold.at });
        let amount = sum.amount.0.checked_add(hold.amount.0).map(Credits);
        sum.amount = amount.ok_or_else(|| sqlx::Error::Protocol("a price does not fit".into()))?;
        sum.holds += 1;
    }
    Ok(sums)
}

/// The accounts that had enough, which have it set aside now.
async fn take(tx: &mut Tx, sums: &BTreeMap<&PersonId, Sum>) -> Result<HashMap<PersonId, AccountId>, sqlx::Error> {
    macro_rules! take_text {
        ($rows:literal, $lock:literal) => {
            concat!(
                "update account set held = account.held + asked.amount, version = account.version + asked.holds, updated_at = asked.at
                 from (select a.id, v.amount, v.holds, v.at from ", $rows, " join account a on a.owner_id = v.person order by a.id ",
                $lock,
                ") as asked
                 where account.id = asked.id and account.posted - account.held >= asked.amount returning account.owner_id, account.id"
            )
        };
    }
    let text = tx.either(
        take_text!(
            "(select value ->> 'person' as person, value ->> 'amount' as amount, value ->> 'holds' as holds, value ->> 'at' as at
              from json_each($1)) as v",
            ""
        ),
        take_text!("json_to_recordset($1::json) as v (person text, amount bigint, holds bigint, at bigint)", "for update of a"),
    );
    let asked: Vec<_> = sums
        .iter()
        .map(|(person, sum)| json!({"person": person, "amount": sum.amount, "holds": sum.holds, "at": sum.at}))
        .collect();
    let taken: Vec<(PersonId, AccountId)> =
        sqlx::query_as(text).bind(Value::Array(asked).to_string()).fetch_all(tx.connection()).await?;
    Ok(taken.into_iter().collect())
}

/// A txn and a hold for each; they have no entries, since nothing has changed hands.
fn write_down(tx: &mut Tx, holds: &[Hold<'_>], accounts: &HashMap<PersonId, AccountId>) {
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
        json!({"id": mint(), "account": accounts.get(hold.person), "generation": hold.generation, "amount": hold.amount,
               "unit_price": hold.unit_price, "expires_at": hold.expires_at, "at": hold.at})
    });
    let text = with_rows!(
        tx,
        "insert into hold (id, account_id, generation_id, amount, unit_price, state, expires_at, created_at)
         select id, account, generation, amount, unit_price, 'open', expires_at, at from ",
        (id text, account text, generation text, amount bigint, unit_price bigint, expires_at bigint, at bigint),
        ""
    );
    tx.defer(text, rows.collect());
}
