//! Many rows in one statement: a JSON list, bound as one parameter, read as a table.
//!
//! Both databases can do it and neither does it like the other, so the statement is written once and the list is unpacked
//! here. The columns are named with the types of the migrations' portable subset; a field that is missing or `null` is
//! null.

/// The statement in this database's words: what comes before the list, the list's columns, what comes after. The list is
/// called `v` and is the first parameter, `$1`. On a [`Db`](super::Db) or a [`Tx`](super::Tx).
macro_rules! with_rows {
    ($db:expr, $before:expr, ($first:ident $first_type:ident $(, $name:ident $type:ident)* $(,)?), $after:expr) => {
        $db.either(
            concat!(
                $before,
                // Each row is unpacked once: as a column of `json_each` it would be written out anew for every field.
                "(with j as materialized (select value from json_each($1))
                  select value ->> '", stringify!($first), "' as ", stringify!($first),
                $(", value ->> '", stringify!($name), "' as ", stringify!($name),)*
                " from j) as v ",
                $after
            ),
            concat!(
                $before,
                "json_to_recordset($1::json) as v (", stringify!($first), " ", stringify!($first_type),
                $(", ", stringify!($name), " ", stringify!($type),)*
                ") ",
                $after
            ),
        )
    };
}

pub(in crate::server) use with_rows;
