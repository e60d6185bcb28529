//! The catalogue: which models are offered, what they take, at which price.
//!
//! | module | what it is for |
//! |---|---|
//! | `stock` | the default set |
//! | `entry` | what the catalogue's keeper sees and changes |
//! | `upstream` | what Replicate is asked: for a model to add, for newer versions |
//! | `own` | models on servers of our own |
//! | `log` | what was changed by hand, and by whom |
//! | `usual` | how long models take here |

/// The columns of [`Row`]; the text that follows says which.
macro_rules! select_models {
    ($rest:literal) => {
        concat!(
            "select name, label, description, label_ja, description_ja, version, official, newest_version, task, price_rule, unit_price,
                    max_count, max_seconds, schemas, maxima, cover_url, license_url, endpoint, place, enabled_at from model ",
            $rest
        )
    };
}
use select_models;

mod entry;
mod log;
mod own;
mod stock;
mod upstream;
mod usual;

pub use entry::{edit, entries, find, offer, price};
pub use log::{Actor, log};
pub use own::{add_own, reread};
pub use stock::stock;
pub use upstream::{Error, add, look, move_on};
pub use usual::usual;

use super::db::Db;
use crate::domain::schema::Schema;
use crate::domain::{Credits, Model, ModelName, Price, PriceRule, Task, Timestamp};
use serde_json::{Map, Value};

/// A row of the catalogue.
#[derive(sqlx::FromRow)]
struct Row {
    name: ModelName,
    label: String,
    description: String,
    label_ja: Option<String>,
    description_ja: Option<String>,
    version: Option<String>,
    official: i64,
    newest_version: Option<String>,
    task: Task,
    price_rule: PriceRule,
    unit_price: Credits,
    max_count: i64,
    max_seconds: i64,
    schemas: String,
    maxima: String,
    cover_url: Option<String>,
    license_url: Option<String>,
    endpoint: Option<String>,
    place: i64,
    enabled_at: Option<Timestamp>,
}

/// The models on offer, in their order.
///
/// # Errors
/// When the database fails, or a stored schema is no JSON.
pub async fn offered(db: &Db) -> Result<Vec<Model>, sqlx::Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select_models!("where enabled_at is not null order by place, name")).fetch_all(db.pool()).await?;
    rows.into_iter().map(model).collect()
}

/// The same, each with its `components.schemas` as they were published, for programs that read them.
///
/// # Errors
/// As [`offered`].
pub async fn described(db: &Db) -> Result<Vec<(Model, Value)>, sqlx::Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select_models!("where enabled_at is not null order by place, name")).fetch_all(db.pool()).await?;
    rows.into_iter()
        .map(|row| {
            let schemas = serde_json::from_str(&row.schemas).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok((model(row)?, schemas))
        })
        .collect()
}

/// The one of that name, or the first when no name is given; `None` when it is not on offer.
///
/// # Errors
/// As [`offered`].
pub async fn chosen(db: &Db, name: &str) -> Result<Option<Model>, sqlx::Error> {
    let row: Option<Row> = match name.trim() {
        "" => {
            sqlx::query_as(select_models!("where enabled_at is not null order by place, name limit 1"))
                .fetch_optional(db.pool())
                .await?
        }
        name => {
            let text = select_models!("where enabled_at is not null and name = $1");
            sqlx::query_as(text).bind(name).fetch_optional(db.pool()).await?
        }
    };
    row.map(model).transpose()
}

fn model(row: Row) -> Result<Model, sqlx::Error> {
    let (mut schemas, maxima) = parts(&row)?;
    for (name, most) in &maxima {
        lower(&mut schemas["Input"]["properties"][name], most);
    }
    Ok(Model {
        name: row.name,
        label: row.label,
        description: row.description,
        label_ja: row.label_ja,
        description_ja: row.description_ja,
        version: row.version,
        official: row.official == 1,
        newest_version: row.newest_version,
        task: row.task,
        price: Price { rule: row.price_rule, unit: row.unit_price },
        max_count: row.max_count,
        max_seconds: row.max_seconds,
        schema: Schema::parse(&schemas),
        cover_url: row.cover_url,
        license_url: row.license_url,
        endpoint: row.endpoint,
    })
}

/// The schemas as the model has them, and what the house allows at most.
fn parts(row: &Row) -> Result<(Value, Map<String, Value>), sqlx::Error> {
    Ok((json(&row.schemas)?, json(&row.maxima)?.as_object().cloned().unwrap_or_default()))
}

fn json(text: &str) -> Result<Value, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Makes the house's maximum the model's own, so that form and check need to know of one only.
fn lower(property: &mut Value, most: &Value) {
    if property.is_object() && property["maximum"].as_f64().is_none_or(|own| most.as_f64().is_some_and(|most| most < own)) {
        property["maximum"] = most.clone();
    }
}
