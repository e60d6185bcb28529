//! The log of what was changed by hand. A line is written in the transaction of its change, so that there is none without
//! the other.

use crate::domain::catalogue::LogLine;
use crate::domain::{PersonId, Timestamp};
use crate::server::db::{Db, Tx, mint};
use serde_json::{Map, Value};
use std::fmt;

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is signed in.
    Person(PersonId),
    /// Whoever can run commands on the server.
    Operator,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// One thing that was done.
pub(super) struct Deed<'a> {
    pub actor: &'a Actor,
    pub action: &'static str,
    pub subject: &'a str,
    pub now: Timestamp,
}

impl Deed<'_> {
    /// Writes it down with those members of two objects that are not the same. Whether there were any.
    pub async fn note(&self, tx: &mut Tx, before: &Value, after: &Value) -> Result<bool, sqlx::Error> {
        let differing = |of: &Value, from: &Value| -> Map<String, Value> {
            let members = of.as_object().into_iter().flatten();
            members.filter(|(name, value)| from.get(name.as_str()) != Some(*value)).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        let (old, new) = (differing(before, after), differing(after, before));
        if old.is_empty() && new.is_empty() {
            return Ok(false);
        }
        sqlx::query(
            "insert into admin_log (id, at, actor, action, subject, old_value, new_value) values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(mint())
        .bind(self.now)
        .bind(self.actor.to_string())
        .bind(self.action)
        .bind(self.subject.to_owned())
        .bind(Value::Object(old).to_string())
        .bind(Value::Object(new).to_string())
        .execute(tx.connection())
        .await?;
        Ok(true)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    at: Timestamp,
    email: Option<String>,
    action: String,
    subject: String,
    old_value: String,
    new_value: String,
}

/// The last lines about `subject`, newest first; about everything when it is empty.
///
/// # Errors
/// When the database fails.
pub async fn log(db: &Db, subject: &str, most: i64) -> Result<Vec<LogLine>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select l.at, p.email, l.action, l.subject, l.old_value, l.new_value
         from admin_log l left join person p on l.actor = 'person:' || p.id
         where l.subject = $1 or $1 = '' order by l.at desc, l.id desc limit $2",
    )
    .bind(subject)
    .bind(most)
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LogLine {
            at: row.at,
            who: row.email,
            action: row.action,
            subject: row.subject,
            before: row.old_value,
            after: row.new_value,
        })
        .collect())
}
