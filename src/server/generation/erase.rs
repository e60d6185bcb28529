//! What somebody who leaves takes with them: the files of their generations, and every word of theirs. The rows stay, with
//! their prices, because the books name them.

use crate::domain::{GenerationId, PersonId};
use crate::server::db::Db;
use crate::server::store::{Key, Store};

/// Outputs that are removed in one transaction.
const AT_ONCE: i64 = 100;

/// Removes every kept file of a person, the object first and then the row: what is interrupted is begun again.
///
/// # Errors
/// When the database or the store fails.
pub async fn outputs(db: &Db, store: &Store, owner: &PersonId) -> anyhow::Result<()> {
    loop {
        let kept: Vec<(GenerationId, i64, String)> = sqlx::query_as(
            "select o.generation_id, o.place, o.object_key from output o join generation g on g.id = o.generation_id
             where g.owner_id = $1 order by o.generation_id, o.place limit $2",
        )
        .bind(owner)
        .bind(AT_ONCE)
        .fetch_all(db.pool())
        .await?;
        if kept.is_empty() {
            return Ok(());
        }
        for (id, place, object_key) in &kept {
            let place = u32::try_from(*place)?;
            let original = Key::parse(id, object_key.rsplit('/').next().unwrap_or_default());
            for key in original.into_iter().chain([Key::small(id, place), Key::large(id, place)]) {
                store.delete(&key).await?;
            }
        }
        let mut tx = db.begin().await?;
        for (id, place, _) in &kept {
            sqlx::query("delete from output where generation_id = $1 and place = $2")
                .bind(id)
                .bind(*place)
                .execute(tx.connection())
                .await?;
        }
        tx.commit().await?;
    }
}

/// Forgets what a person's generations were told and said, which files they worked from, and how they were put together.
///
/// # Errors
/// When the database fails.
pub async fn words(db: &Db, owner: &PersonId) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update generation set prompt = '', input = '{}', output_text = null, output_shape = null, prediction_output = null,
                failure_detail = null, webhook = null, webhook_events = null, logs = null
         where owner_id = $1",
    )
    .bind(owner)
    .execute(tx.connection())
    .await?;
    for statement in [
        "delete from file_use where generation_id in (select id from generation where owner_id = $1)",
        "delete from prompt_words where owner_id = $1",
        "delete from collection_item where collection_id in (select id from collection where owner_id = $1)",
        "delete from collection where owner_id = $1",
        "delete from share where owner_id = $1",
        "delete from preset where owner_id = $1",
    ] {
        sqlx::query(statement).bind(owner).execute(tx.connection()).await?;
    }
    tx.commit().await
}
