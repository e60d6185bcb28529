//! Saved settings: a form without its words, under a name. Saving under a name that is taken replaces what it named.

use super::db::{Db, mint};
use crate::domain::{PersonId, Preset, PresetId, RawRequest, Timestamp};

/// How many presets one person may have.
pub const MAX_PRESETS: i64 = 50;

/// A person's presets, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, owner: &PersonId) -> Result<Vec<Preset>, sqlx::Error> {
    let rows: Vec<(PresetId, String)> =
        sqlx::query_as("select id, name from preset where owner_id = $1 order by name, id limit $2")
            .bind(owner)
            .bind(MAX_PRESETS)
            .fetch_all(db.pool())
            .await?;
    Ok(rows.into_iter().map(|(id, name)| Preset { id, name }).collect())
}

/// Saves settings under a name. `false` when the person has [`MAX_PRESETS`] others.
///
/// # Errors
/// When the database fails.
pub async fn save(db: &Db, owner: &PersonId, name: &str, settings: &RawRequest, now: Timestamp) -> Result<bool, sqlx::Error> {
    let said = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut fields =
        vec![said("aspect_ratio", &settings.aspect_ratio), said("count", &settings.count), said("seed", &settings.seed)];
    fields.extend(settings.controls.clone());
    let mut tx = db.begin().await?;
    // Changes nothing, but locks the row: of two that take the last place at once the second sees the first.
    sqlx::query("update person set role = role where id = $1").bind(owner).execute(tx.connection()).await?;
    let saved = sqlx::query(
        "insert into preset (id, owner_id, name, model, fields, created_at)
         select $1, $2, $3, $4, $5, $6 where (select count(*) from preset where owner_id = $2 and name <> $3) < $7
         on conflict (owner_id, name) do update set model = excluded.model, fields = excluded.fields",
    )
    .bind(PresetId::trusted(mint()))
    .bind(owner)
    .bind(name.to_owned())
    .bind(settings.model.clone())
    .bind(serde_json::json!(fields).to_string())
    .bind(now)
    .bind(MAX_PRESETS)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(saved.rows_affected() == 1)
}

/// The settings of a preset; `None` when it is not this person's.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, owner: &PersonId, id: &PresetId) -> Result<Option<RawRequest>, sqlx::Error> {
    let row: Option<(String, String)> = sqlx::query_as("select model, fields from preset where id = $1 and owner_id = $2")
        .bind(id)
        .bind(owner)
        .fetch_optional(db.pool())
        .await?;
    Ok(row.map(|(model, fields)| {
        let fields = serde_json::from_str(&fields).unwrap_or_default();
        RawRequest { model, ..RawRequest::of_form(fields) }
    }))
}

/// Forgets a preset. Another person's, or one that is gone, is nothing to forget.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &Db, owner: &PersonId, id: &PresetId) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("delete from preset where id = $1 and owner_id = $2").bind(id).bind(owner).execute(tx.connection()).await?;
    tx.commit().await
}
