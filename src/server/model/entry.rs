//! What the keeper of the catalogue sees and changes. A change is one transaction with its line in the log; it is for the
//! presses that come: what was asked for before keeps the price it was held at.

use super::log::{Actor, Deed};
use super::{Row, model, parts};
use crate::domain::catalogue::{Entry, EntryChange, Maximum};
use crate::domain::schema::Schema;
use crate::domain::{Credits, Price, PriceRule, Task, Timestamp};
use crate::server::db::{Db, Tx};
use serde_json::{Map, Value, json};

/// All entries, offered or not, in their order.
///
/// # Errors
/// When the database fails, or a stored schema is no JSON.
pub async fn entries(db: &Db) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(super::select_models!("order by place, name")).fetch_all(db.pool()).await?;
    rows.into_iter().map(entry).collect()
}

/// The entry of that name, offered or not.
///
/// # Errors
/// As [`entries`].
pub async fn find(db: &Db, name: &str) -> Result<Option<Entry>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(super::select_models!("where name = $1")).bind(name).fetch_optional(db.pool()).await?;
    row.map(entry).transpose()
}

/// Writes an entry. Whether anything is other than before; `None` when there is no such entry.
///
/// # Errors
/// When the database fails.
pub async fn edit(db: &Db, actor: &Actor, name: &str, wanted: &EntryChange, now: Timestamp) -> Result<Option<bool>, sqlx::Error> {
    change(db, actor, name, now, |entry| *entry = wanted.clone()).await
}

/// Begins or ends to offer a model. Answers as [`edit`].
///
/// # Errors
/// As [`edit`].
pub async fn offer(db: &Db, actor: &Actor, name: &str, enabled: bool, now: Timestamp) -> Result<Option<bool>, sqlx::Error> {
    change(db, actor, name, now, |entry| entry.enabled = enabled).await
}

/// Sets what a unit of a model costs. Answers as [`edit`].
///
/// # Errors
/// As [`edit`].
pub async fn price(db: &Db, actor: &Actor, name: &str, unit: Credits, now: Timestamp) -> Result<Option<bool>, sqlx::Error> {
    change(db, actor, name, now, |entry| entry.price.unit = unit).await
}

async fn change(
    db: &Db,
    actor: &Actor,
    name: &str,
    now: Timestamp,
    to: impl FnOnce(&mut EntryChange),
) -> Result<Option<bool>, sqlx::Error> {
    let mut tx = db.begin().await?;
    let Some(before) = locked(db, &mut tx, name).await? else { return Ok(None) };
    let mut after = before.clone();
    to(&mut after);
    let changed =
        Deed { actor, action: "model.changed", subject: name, now }.note(&mut tx, &told(&before), &told(&after)).await?;
    if changed {
        write(&mut tx, name, &after, now).await?;
        tx.commit().await?;
    }
    Ok(Some(changed))
}

/// An entry for the log: plain names and values.
fn told(entry: &EntryChange) -> Value {
    let mut told = json!(entry);
    told["price"] = Value::Null;
    told["price_rule"] = json!(entry.price.rule.as_str());
    told["unit_price"] = json!(entry.price.unit.0);
    told
}

/// A server of our own has room for one run at a time; Replicate has for many.
async fn write(tx: &mut Tx, name: &str, entry: &EntryChange, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update model set label = $2, label_ja = $3, description = $4, description_ja = $5, task = $6, price_rule = $7, unit_price = $8,
                          max_count = $9, max_seconds = $10, place = $11, license_url = $12, endpoint = $13,
                          max_in_flight = (case when $13 is not null then coalesce(max_in_flight, 1)
                                                when endpoint is not null then null else max_in_flight end),
                          maxima = $14,
                          enabled_at = (case when $15 = 0 then null else coalesce(enabled_at, $16) end)
         where name = $1",
    )
    .bind(name.to_owned())
    .bind(&entry.label)
    .bind(entry.label_ja.clone())
    .bind(&entry.description)
    .bind(entry.description_ja.clone())
    .bind(entry.task)
    .bind(entry.price.rule)
    .bind(entry.price.unit)
    .bind(entry.max_count)
    .bind(entry.max_seconds)
    .bind(entry.place)
    .bind(entry.license_url.clone())
    .bind(entry.endpoint.clone())
    .bind(Value::Object(entry.maxima.clone()).to_string())
    .bind(i64::from(entry.enabled))
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Columns {
    label: String,
    label_ja: Option<String>,
    description: String,
    description_ja: Option<String>,
    task: Task,
    price_rule: PriceRule,
    unit_price: Credits,
    max_count: i64,
    max_seconds: i64,
    place: i64,
    enabled_at: Option<Timestamp>,
    license_url: Option<String>,
    endpoint: Option<String>,
    maxima: String,
}

/// What is there, kept from changing until the transaction ends.
async fn locked(db: &Db, tx: &mut Tx, name: &str) -> Result<Option<EntryChange>, sqlx::Error> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "select label, label_ja, description, description_ja, task, price_rule, unit_price, max_count, max_seconds, place,
                        enabled_at, license_url, endpoint, maxima from model where name = $1",
                $lock
            )
        };
    }
    let text = db.either(select!(""), select!(" for update"));
    let columns: Option<Columns> = sqlx::query_as(text).bind(name.to_owned()).fetch_optional(tx.connection()).await?;
    columns.map(entry_of).transpose()
}

fn entry_of(columns: Columns) -> Result<EntryChange, sqlx::Error> {
    Ok(EntryChange {
        label: columns.label,
        label_ja: columns.label_ja,
        description: columns.description,
        description_ja: columns.description_ja,
        task: columns.task,
        price: Price { rule: columns.price_rule, unit: columns.unit_price },
        max_count: columns.max_count,
        max_seconds: columns.max_seconds,
        place: columns.place,
        enabled: columns.enabled_at.is_some(),
        license_url: columns.license_url,
        endpoint: columns.endpoint,
        maxima: super::json(&columns.maxima)?.as_object().cloned().unwrap_or_default(),
    })
}

fn entry(row: Row) -> Result<Entry, sqlx::Error> {
    let (schemas, maxima): (Value, Map<String, Value>) = parts(&row)?;
    let maxima = Maximum::all(&Schema::parse(&schemas), &maxima);
    Ok(Entry { enabled: row.enabled_at.is_some(), place: row.place, maxima, model: model(row)? })
}
