//! What a person reads about their credits: the statement, the open holds, and the last thirty days in two numbers.

use crate::domain::{Credits, GenerationId, PersonId, StatementFilter, StatementKind, StatementLine, Timestamp};
use crate::server::db::Db;

/// Lines on one page of a statement.
const PAGE: i64 = 50;

/// Sorts after every id, in every collation: ids begin with a hexadecimal digit.
const AFTER_EVERY_ID: &str = "g";

/// A hold that is still open.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct OpenHold {
    /// For which generation.
    pub generation_id: GenerationId,
    /// How much.
    pub amount: Credits,
    /// What people call the model.
    pub label: String,
    /// How many pictures were asked for.
    pub count: i64,
    /// Since when.
    pub created_at: Timestamp,
}

/// What went and what came back since some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Summary {
    /// Credits captured.
    pub spent: Credits,
    /// Credits given back: whole releases and the rest of partial captures.
    pub returned: Credits,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    amount: Credits,
    returned: Credits,
    balance: Credits,
    at: Timestamp,
    generation_id: Option<GenerationId>,
    label: Option<String>,
    count: Option<i64>,
    reason: Option<String>,
}

/// One page of a person's statement: the newest lines that `filter` lets through before the line `before`, and whether
/// there are older ones.
///
/// # Errors
/// When the database fails.
pub async fn statement(
    db: &Db,
    person: &PersonId,
    filter: StatementFilter,
    before: Option<&str>,
) -> Result<(Vec<StatementLine>, bool), sqlx::Error> {
    let mut lines = lines(db, person, filter, before, PAGE + 1).await?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let older = lines.len() > page;
    lines.truncate(page);
    Ok((lines, older))
}

/// The newest `most` lines that `filter` lets through before the line `before`.
///
/// # Errors
/// When the database fails.
pub async fn lines(
    db: &Db,
    person: &PersonId,
    filter: StatementFilter,
    before: Option<&str>,
    most: i64,
) -> Result<Vec<StatementLine>, sqlx::Error> {
    // A release moves no credits and so has no entry; its line shows the balance that the entry before it left.
    let rows: Vec<Row> = sqlx::query_as(
        "with mine as (select id from account where owner_id = $1),
              line as (
                select e.txn_id, e.amount, e.posted_after as balance from entry e join mine on mine.id = e.account_id
                union all
                select t.id, 0, coalesce((select e.posted_after from entry e where e.account_id = h.account_id
                                            and e.created_at <= t.created_at order by e.place desc limit 1), 0)
                from hold h join mine on mine.id = h.account_id join txn t on t.kind = 'release' and t.ref = h.generation_id
                where h.state = 'released')
         select t.id, t.kind, line.amount, coalesce(h.amount - h.captured, 0) as returned, line.balance, t.created_at as at,
                g.id as generation_id, m.label, g.count, t.reason
         from line
         join txn t on t.id = line.txn_id
         left join hold h on h.generation_id = t.ref and t.kind in ('capture', 'release')
         left join generation g on g.id = h.generation_id
         left join model m on m.name = g.model
         where t.id < $2
           and ($4 = 'all' or ($4 = 'added' and t.kind in ('signup_grant', 'grant')) or ($4 = 'spent' and t.kind = 'capture')
                or ($4 = 'returned' and h.amount > h.captured))
         order by t.id desc limit $3",
    )
    .bind(person)
    .bind(before.unwrap_or(AFTER_EVERY_ID))
    .bind(most)
    .bind(filter.as_str())
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(line).collect())
}

fn line(row: Row) -> StatementLine {
    let kind = match row.kind.as_str() {
        "signup_grant" => StatementKind::SignupGrant,
        "grant" => StatementKind::Grant,
        "capture" => StatementKind::Capture,
        _ => StatementKind::Release,
    };
    let generation = row.generation_id.map(|id| (id, row.label.unwrap_or_default(), row.count.unwrap_or_default()));
    StatementLine {
        id: row.id,
        kind,
        amount: row.amount,
        returned: row.returned,
        balance: row.balance,
        at: row.at,
        generation,
        reason: row.reason,
    }
}

/// A person's open holds, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn holds(db: &Db, person: &PersonId) -> Result<Vec<OpenHold>, sqlx::Error> {
    sqlx::query_as(
        "select h.generation_id, h.amount, m.label, g.count, h.created_at
         from hold h
         join account a on a.id = h.account_id
         join generation g on g.id = h.generation_id
         join model m on m.name = g.model
         where a.owner_id = $1 and h.state = 'open' order by h.created_at, h.id limit 100",
    )
    .bind(person)
    .fetch_all(db.pool())
    .await
}

/// What a person spent and got back since `since`.
///
/// # Errors
/// When the database fails.
pub async fn summary(db: &Db, person: &PersonId, since: Timestamp) -> Result<Summary, sqlx::Error> {
    sqlx::query_as(
        "select cast(coalesce(sum(h.captured), 0) as bigint) as spent,
                cast(coalesce(sum(h.amount - h.captured), 0) as bigint) as returned
         from hold h join account a on a.id = h.account_id
         where a.owner_id = $1 and h.state <> 'open' and h.settled_at >= $2",
    )
    .bind(person)
    .bind(since)
    .fetch_one(db.pool())
    .await
}
