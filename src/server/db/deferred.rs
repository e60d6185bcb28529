//! Writes that nobody waits for an answer to, several on one way to the database.
//!
//! Each statement is a way there and back, which on either database is dearer than most statements are. What is deferred
//! goes together: before the next write that has to follow it, or at the latest with the commit. SQLite runs such writes
//! one after the other, PostgreSQL as parts of one statement, which do not see each other's rows.

use super::{Dialect, Tx};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, FromRow};

/// A statement of [`with_rows`](super::with_rows), and its rows.
#[derive(Debug)]
pub(super) struct Deferred {
    text: &'static str,
    rows: String,
}

impl Tx {
    /// Leaves a write of these rows for the next way to the database; no rows, no write. Until then no other statement of
    /// this transaction sees them.
    pub(in crate::server) fn defer(&mut self, text: &'static str, rows: Vec<Value>) {
        if !rows.is_empty() {
            self.deferred.push(Deferred { text, rows: Value::Array(rows).to_string() });
        }
    }

    /// Carries out what was deferred.
    ///
    /// # Errors
    /// When the database fails; nothing may be committed then.
    pub async fn write_deferred(&mut self) -> Result<(), sqlx::Error> {
        self.together().await.map(drop)
    }

    /// The same, and what came back: of all that was deferred one statement may return rows.
    ///
    /// # Errors
    /// As [`Tx::write_deferred`].
    pub(in crate::server) async fn written<T>(&mut self) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, AnyRow>,
    {
        self.together().await?.iter().map(T::from_row).collect()
    }

    async fn together(&mut self) -> Result<Vec<AnyRow>, sqlx::Error> {
        let deferred = std::mem::take(&mut self.deferred);
        if deferred.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = sqlx::query(AssertSqlSafe(joined(self.dialect, &deferred)));
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
    let (mut returning, mut parts) = (None, Vec::with_capacity(deferred.len()));
    for (place, part) in (1..).zip(deferred) {
        if part.text.contains(" returning ") {
            returning = Some(place);
        }
        parts.push((place, part.text.replace("$1", &format!("${place}"))));
    }
    match dialect {
        Dialect::Sqlite => parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(";"),
        Dialect::Postgres => {
            let parts: Vec<_> = parts.into_iter().map(|(place, text)| format!("part_{place} as ({text})")).collect();
            let answer = returning.map_or("select 1 where false".to_owned(), |place| format!("select * from part_{place}"));
            format!("with {} {answer}", parts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_writes_are_one_statement_on_postgresql_and_one_text_on_sqlite() {
        let part = |text| Deferred { text, rows: String::new() };
        let parts = [part("insert a from f($1)"), part("update b from f($1) returning id"), part("insert c from f($1)")];
        assert_eq!(joined(Dialect::Sqlite, &parts[..1]), "insert a from f($1)");
        assert_eq!(joined(Dialect::Postgres, &parts[1..2]), "update b from f($1) returning id");
        assert_eq!(joined(Dialect::Sqlite, &parts), "insert a from f($1);update b from f($2) returning id;insert c from f($3)");
        assert_eq!(
            joined(Dialect::Postgres, &parts),
            "with part_1 as (insert a from f($1)), part_2 as (update b from f($2) returning id), part_3 as (insert c from f($3)) \
             select * from part_2"
        );
    }
}
