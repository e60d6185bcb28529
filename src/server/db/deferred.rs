//! Writes that nobody waits for an answer to, several on one way to the database.
//!
//! Each statement is a way there and back, which on either database is dearer than most statements are. What is deferred
//! goes together: before the next write that has to follow it, or at the latest with the commit. SQLite runs such writes
//! one after the other, PostgreSQL as parts of one statement, which do not see each other's rows. Some of them may have
//! something to say; what that is comes back for all of them at once, as rows of one shape.

use super::{Dialect, Tx};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, FromRow};

/// A statement of [`with_rows`](super::with_rows), and its rows.
#[derive(Debug)]
pub(super) struct Deferred {
    text: &'static str,
    rows: String,
    answers: bool,
}

/// What a deferred statement said of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is about, in a word of the statement's own.
    pub what: String,
    /// The id of the one it is about.
    pub whose: String,
    /// The id of what that one is part of, where it matters.
    pub within: String,
    /// Up to three numbers, whose meaning goes with the word.
    pub numbers: [Option<i64>; 3],
}

type Row = (String, String, String, Option<i64>, Option<i64>, Option<i64>);

impl Tx {
    /// Leaves a write of these rows for the next way to the database; no rows, no write. Until then no other statement of
    /// this transaction sees them.
    pub(in crate::server) fn defer(&mut self, text: &'static str, rows: Vec<Value>) {
        self.leave(text, rows, false);
    }

    /// The same with a statement that has something to say: six columns, those of [`Told`]. A look
    /// that stands before the writes sees none of them, on either database.
    pub(in crate::server) fn ask(&mut self, text: &'static str, rows: Vec<Value>) {
        self.leave(text, rows, true);
    }

    fn leave(&mut self, text: &'static str, rows: Vec<Value>, answers: bool) {
        if !rows.is_empty() {
            self.deferred.push(Deferred { text, rows: Value::Array(rows).to_string(), answers });
        }
    }

    /// Carries out what was deferred.
    ///
    /// # Errors
    /// When the database fails; nothing may be committed then.
    pub async fn write_deferred(&mut self) -> Result<(), sqlx::Error> {
        self.told().await.map(drop)
    }

    /// The same, and what was said.
    ///
    /// # Errors
    /// As [`Tx::write_deferred`].
    pub async fn told(&mut self) -> Result<Vec<Told>, sqlx::Error> {
        let rows: Vec<Row> = self.answers().await?;
        Ok(rows.into_iter().map(|(what, whose, within, a, b, c)| Told { what, whose, within, numbers: [a, b, c] }).collect())
    }

    /// The same where what is said has another shape: one and the same of all the statements that were asked.
    ///
    /// # Errors
    /// As [`Tx::write_deferred`].
    pub(in crate::server) async fn answers<T>(&mut self) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let deferred = std::mem::take(&mut self.deferred);
        if deferred.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = sqlx::query_as(AssertSqlSafe(joined(self.dialect, &deferred)));
        for part in deferred {
            query = query.bind(part.rows);
        }
        query.fetch_all(self.connection()).await
    }
}

/// One text of all; the parameter of each is numbered by its place.
fn joined(dialect: Dialect, deferred: &[Deferred]) -> String {
    if let [only] = deferred {
        return only.text.to_owned();
    }
    let parts = (1..).zip(deferred).map(|(place, part)| (place, part.text.replace("$1", &format!("${place}"))));
    match dialect {
        Dialect::Sqlite => parts.map(|(_, text)| text).collect::<Vec<_>>().join(";"),
        Dialect::Postgres => {
            let parts: Vec<_> = parts.map(|(place, text)| format!("part_{place} as ({text})")).collect();
            let answers =
                (1..).zip(deferred).filter(|(_, part)| part.answers).map(|(place, _)| format!("select * from part_{place}"));
            let answers = answers.reduce(|all, one| format!("{all} union all {one}"));
            format!("with {} {}", parts.join(", "), answers.unwrap_or_else(|| "select 1 where false".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_writes_are_one_statement_on_postgresql_and_one_text_on_sqlite() {
        let part = |text, answers| Deferred { text, rows: String::new(), answers };
        let parts = [
            part("look for x in f($1)", true),
            part("insert a from f($1)", false),
            part("update b from f($1) returning id", true),
        ];
        assert_eq!(joined(Dialect::Sqlite, &parts[1..2]), "insert a from f($1)");
        assert_eq!(joined(Dialect::Postgres, &parts[2..]), "update b from f($1) returning id");
        assert_eq!(joined(Dialect::Sqlite, &parts), "look for x in f($1);insert a from f($2);update b from f($3) returning id");
        assert_eq!(
            joined(Dialect::Postgres, &parts),
            "with part_1 as (look for x in f($1)), part_2 as (insert a from f($2)), part_3 as (update b from f($3) returning id) \
             select * from part_1 union all select * from part_3"
        );
        assert!(joined(Dialect::Postgres, &[part("a", false), part("b", false)]).ends_with(" select 1 where false"));
    }
}
