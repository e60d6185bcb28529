//! A person's chain of entries as a file: everything that is needed to recompute it, and the recomputing.
//!
//! Entries are only ever added, so a file needs no long transaction: its head says how many entries there were and the
//! hash of the last, and what is read after that is the same whenever it is read.

use super::Link;
use crate::domain::{AccountId, Credits, PersonId, Timestamp};
use crate::server::db::Db;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What such a file says it is.
pub const FORMAT: &str = "atelier.statement.v1";

/// What each hash covers, for whoever wants to recompute one with nothing of ours.
pub const COVERS: &str =
    "SHA-256, hex, of: previous, account, place, kind, ref, amount, posted_after, at; each followed by a line feed";

/// Entries that are read at once.
const PAGE: i64 = 500;

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    /// Whose chain.
    pub account: AccountId,
    /// How many entries it has.
    pub count: i64,
    /// The hash of the last; empty when there is none.
    pub head: String,
}

/// One entry with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Entry {
    /// 1, 2, 3 …
    pub place: i64,
    /// Unix milliseconds.
    pub at: Timestamp,
    /// Why: `signup_grant`, `grant`, `capture`.
    pub kind: String,
    /// The cause: a person, a generation, an operator's request.
    #[serde(rename = "ref")]
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// Credits that came, or went.
    pub amount: Credits,
    /// What there was after it.
    pub posted_after: Credits,
    /// The hash of the entry before.
    pub previous: String,
    /// Over all of the above and the account.
    pub hash: String,
    /// The operator's reason, if one was given; no hash covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A whole file, as it is read back.
#[derive(Clone, Debug, Deserialize)]
struct File {
    format: String,
    account: AccountId,
    count: i64,
    head: String,
    entries: Vec<Entry>,
}

/// Where a person's chain ends now.
///
/// # Errors
/// When the database fails.
pub async fn head(db: &Db, person: &PersonId) -> Result<Head, sqlx::Error> {
    sqlx::query_as("select id as account, entries as count, head_hash as head from account where owner_id = $1")
        .bind(person)
        .fetch_one(db.pool())
        .await
}

/// The entries of a chain that follow the place `after`, as many as are read at once.
///
/// # Errors
/// When the database fails.
pub async fn entries(db: &Db, head: &Head, after: i64) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "select e.place, e.created_at as at, t.kind, t.ref, e.amount, e.posted_after, e.previous_hash as previous, e.hash, t.reason
         from entry e join txn t on t.id = e.txn_id
         where e.account_id = $1 and e.place > $2 and e.place <= $3 order by e.place limit $4",
    )
    .bind(&head.account)
    .bind(after)
    .bind(head.count)
    .bind(PAGE)
    .fetch_all(db.pool())
    .await
}

/// Why a file is not a whole and true chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is no such file.
    Unreadable(String),
    /// This entry does not fit: one of its numbers was changed, or something before it is gone.
    Entry {
        /// Which, as it stands in the file, counted from 1.
        place: i64,
        /// Its cause.
        reference: String,
        /// What does not fit.
        why: &'static str,
    },
    /// The file ends before the chain does, or with another hash than its head.
    End,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "this is no statement of Atelier: {why}"),
            Self::Entry { place, reference, why } => write!(f, "entry {place} ({reference}) does not fit: {why}"),
            Self::End => f.write_str("the file does not end where its head says that the chain ends"),
        }
    }
}

/// Recomputes a chain from the text of its file. Answers how many entries it has.
///
/// # Errors
/// With the first thing that does not fit.
pub fn check(text: &str) -> Result<i64, Flaw> {
    let file: File =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| Flaw::Unreadable(error.to_string()))?;
    if file.format != FORMAT {
        return Err(Flaw::Unreadable(format!("its format is {:?}", file.format)));
    }
    let (mut previous, mut posted, mut place) = (String::new(), 0_i64, 0);
    for entry in &file.entries {
        place += 1;
        posted = posted.saturating_add(entry.amount.0);
        let link = Link {
            previous: &previous,
            account: &file.account,
            place: entry.place,
            kind: &entry.kind,
            reference: &entry.reference,
            amount: entry.amount,
            posted_after: entry.posted_after,
            at: entry.at,
        };
        let why = if entry.place != place {
            Some("its place is not the next")
        } else if entry.previous != previous {
            Some("it does not name the hash of the entry before")
        } else if entry.hash != link.hash() {
            Some("its hash is another than its fields give")
        } else if entry.posted_after.0 != posted {
            Some("its balance is not the sum up to here")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Flaw::Entry { place, reference: entry.reference.clone(), why });
        }
        previous.clone_from(&entry.hash);
    }
    if place != file.count || previous != file.head {
        return Err(Flaw::End);
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A whole file of three entries.
    fn file() -> Value {
        let account = AccountId::trusted("a1");
        let (mut previous, mut posted, mut entries) = (String::new(), 0, Vec::new());
        for (place, (kind, reference, amount)) in
            (1..).zip([("signup_grant", "p1", 20), ("capture", "g1", -4), ("grant", "r1", 100)])
        {
            posted += amount;
            let at = Timestamp(1_790_000_000_000 + place);
            let (amount, posted_after) = (Credits(amount), Credits(posted));
            let link = Link { previous: &previous, account: &account, place, kind, reference, amount, posted_after, at };
            let hash = link.hash();
            entries.push(json!({"place": place, "at": at, "kind": kind, "ref": reference, "amount": amount,
                                "posted_after": posted_after, "previous": previous, "hash": hash}));
            previous = hash;
        }
        json!({"format": FORMAT, "account": account, "count": 3, "head": previous, "entries": entries})
    }

    fn flaw(change: impl FnOnce(&mut Value)) -> Flaw {
        let mut file = file();
        change(&mut file);
        check(&file.to_string()).expect_err("a flaw")
    }

    fn place(flaw: &Flaw) -> Option<i64> {
        if let Flaw::Entry { place, .. } = flaw { Some(*place) } else { None }
    }

    #[test]
    fn a_whole_chain_is_recomputed_and_one_changed_digit_anywhere_names_its_entry() {
        assert_eq!(check(&file().to_string()), Ok(3));
        for (field, changed) in [
            ("amount", json!(-3)),
            ("posted_after", json!(17)),
            ("at", json!(1_790_000_000_003_i64)),
            ("place", json!(4)),
            ("ref", json!("g2")),
            ("kind", json!("grant")),
            ("hash", json!("00")),
            ("previous", json!("00")),
        ] {
            let flaw = flaw(|file| file["entries"][1][field] = changed);
            assert_eq!(place(&flaw), Some(2), "{field}: {flaw}");
        }
        assert_eq!(place(&flaw(|file| file["account"] = json!("a2"))), Some(1));
    }

    #[test]
    fn an_entry_that_is_left_out_or_an_end_that_is_cut_off_is_found() {
        let without = |at: usize| flaw(|file| drop(file["entries"].as_array_mut().expect("entries").remove(at)));
        assert_eq!((place(&without(0)), place(&without(1))), (Some(1), Some(2)));
        assert_eq!(without(2), Flaw::End);
        assert_eq!(flaw(|file| file["head"] = json!("00")), Flaw::End);
    }

    #[test]
    fn what_is_no_statement_is_said_to_be_none() {
        assert!(matches!(check("time,kind"), Err(Flaw::Unreadable(_))));
        assert!(matches!(flaw(|file| file["format"] = json!("other")), Flaw::Unreadable(_)));
    }
}
