//! The catalogue: which models are offered, at which price.

use super::db::Db;
use crate::domain::{Credits, Model, ModelName};
use sqlx::Row;

/// The models on offer, in their order.
///
/// # Errors
/// When the database fails, or a stored schema is no JSON.
pub async fn offered(db: &Db) -> Result<Vec<Model>, sqlx::Error> {
    let rows = sqlx::query(
        "select name, label, description, version, unit_price, max_count, input_schema from model
         where enabled_at is not null order by place, name",
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let schema: String = row.try_get("input_schema")?;
            Ok(Model {
                name: row.try_get::<ModelName, _>("name")?,
                label: row.try_get("label")?,
                description: row.try_get("description")?,
                version: row.try_get("version")?,
                unit_price: row.try_get::<Credits, _>("unit_price")?,
                max_count: row.try_get("max_count")?,
                input_schema: serde_json::from_str(&schema).map_err(|error| sqlx::Error::Decode(error.into()))?,
            })
        })
        .collect()
}
