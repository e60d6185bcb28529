//! What was in the trash for a month goes for ever: first the row says so, then the objects go, then the row says that too.
//!
//! What was paid stays on the statement, with the size and the hash of what was made; the prompt, the input and the words do not.
//! A process that dies in between leaves work that the next hour finds.

use super::marks::rise;
use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::db::Db;
use crate::server::store::{Key, Store};
use std::collections::BTreeSet;

/// How long something can be taken out of the trash again, in milliseconds.
pub const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How many are looked at in one go.
const BATCH: i64 = 200;

/// Purges what is due. Returns how many files' objects were removed.
///
/// # Errors
/// When the database or the store fails; asking again goes on.
pub async fn sweep(db: &Db, store: &Store, now: Timestamp) -> anyhow::Result<usize> {
    let mut tx = db.begin().await?;
    let owners: Vec<(PersonId,)> =
        sqlx::query_as("update generation set purged_at = $1 where trashed_at <= $2 and purged_at is null returning owner_id")
            .bind(now)
            .bind(now.plus_ms(-KEPT_MS))
            .fetch_all(tx.connection())
            .await?;
    sqlx::query(
        "delete from collection_item where generation_id in (select id from generation where trashed_at is not null and purged_at is not null)",
    )
    .execute(tx.connection())
    .await?;
    for owner in owners.iter().map(|(owner,)| owner).collect::<BTreeSet<_>>() {
        rise(&mut tx, owner).await?;
    }
    tx.commit().await?;
    let mut removed = 0;
    loop {
        let due: Vec<(GenerationId, i64, String)> = sqlx::query_as(
            "select o.generation_id, o.place, o.object_key from output o join generation g on g.id = o.generation_id
             where g.trashed_at is not null and g.purged_at is not null and o.gone_at is null limit $1",
        )
        .bind(BATCH)
        .fetch_all(db.pool())
        .await?;
        if due.is_empty() {
            break;
        }
        for (id, place, object_key) in due {
            remove(store, &id, place, &object_key).await?;
            let mut tx = db.begin().await?;
            sqlx::query("update output set gone_at = $3 where generation_id = $1 and place = $2")
                .bind(&id)
                .bind(place)
                .bind(now)
                .execute(tx.connection())
                .await?;
            tx.commit().await?;
            removed += 1;
        }
    }
    forget(db).await?;
    Ok(removed)
}

/// The original and its copies; one that is not there is none to remove.
async fn remove(store: &Store, id: &GenerationId, place: i64, object_key: &str) -> anyhow::Result<()> {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let original = Key::parse(id, object_key.rsplit('/').next().unwrap_or_default());
    for key in [Some(Key::small(id, place)), Some(Key::large(id, place)), original].into_iter().flatten() {
        store.delete(&key).await?;
    }
    Ok(())
}

/// What people wrote goes with what was made of it.
async fn forget(db: &Db) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update prompt_words set folded = '' where folded <> '' and generation_id in (
           select id from generation where trashed_at is not null and purged_at is not null)",
    )
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "delete from file_use where generation_id in (select id from generation where trashed_at is not null and purged_at is not null)",
    )
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "update generation set prompt = '', input = '{}', output_text = null, prediction_output = null
         where trashed_at is not null and purged_at is not null and (prompt <> '' or input <> '{}')",
    )
    .execute(tx.connection())
    .await?;
    tx.commit().await
}
