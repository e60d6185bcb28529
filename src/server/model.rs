//! The catalogue: which models are offered, what they take, at which price.

mod stock;

pub use stock::stock;

use super::db::Db;
use crate::domain::schema::Schema;
use crate::domain::{Credits, Model, ModelName, Price, PriceRule, Task};
use serde_json::Value;

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
}

/// The columns of [`Row`]; the text that follows says which.
macro_rules! select_models {
    ($rest:literal) => {
        concat!(
            "select name, label, description, label_ja, description_ja, version, official, newest_version, task, price_rule, unit_price,
                    max_count, max_seconds, schemas, maxima, cover_url, license_url, endpoint from model ",
            $rest
        )
    };
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
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| sqlx::Error::Decode(error.into()));
    let (mut schemas, maxima) = (read(&row.schemas)?, read(&row.maxima)?);
    for (name, most) in maxima.as_object().into_iter().flatten() {
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

/// Makes the house's maximum the model's own, so that form and check need to know of one only.
fn lower(property: &mut Value, most: &Value) {
    if property.is_object() && property["maximum"].as_f64().is_none_or(|own| most.as_f64().is_some_and(|most| most < own)) {
        property["maximum"] = most.clone();
    }
}
