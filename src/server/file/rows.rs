//! The rows of files.

use super::Error;
use crate::domain::{FileId, FileProblem, GenerationId, PersonId, Timestamp};
use crate::server::db::{Db, Tx, retried};
use crate::server::store::{Key, Store};
use std::collections::HashSet;

/// How long a file stays that nothing works from.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Files and bytes that one person may keep. Not exact when several come at once, and need not be.
const MOST_FILES: i64 = 2_000;
const MOST_BYTES: i64 = 5_000_000_000;
/// Files cleared away at one go.
const SWEPT: i64 = 100;

/// A file as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in migrations/0007_files.sql and 0012_logs.sql")]
pub struct File {
    pub id: FileId,
    pub owner_id: PersonId,
    pub name: String,
    pub content_type: String,
    pub bytes: i64,
    pub sha256: String,
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub object_key: String,
    pub created_at: Timestamp,
    pub metadata: Option<String>,
}

impl File {
    /// Where it is kept.
    pub fn key(&self) -> Option<Key> {
        Key::parse_file(&self.object_key).map(|(_, key)| key)
    }
}

/// A file of this person.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, owner: &PersonId, id: &FileId) -> Result<Option<File>, sqlx::Error> {
    sqlx::query_as(
        "select id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata
         from file where id = $1 and owner_id = $2",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(db.pool())
    .await
}

/// A file, whosever it is: who has a sealed link to it has proved enough.
///
/// # Errors
/// When the database fails.
pub async fn sealed(db: &Db, id: &FileId) -> Result<Option<File>, sqlx::Error> {
    sqlx::query_as(
        "select id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata
         from file where id = $1",
    )
    .bind(id)
    .fetch_optional(db.pool())
    .await
}

/// This person's files, newest first, from one of them on; or, going back, those right before it.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, owner: &PersonId, from: Option<&File>, back: bool, most: i64) -> Result<Vec<File>, sqlx::Error> {
    let start = if back { i64::MIN } else { i64::MAX };
    let text = if back {
        "select id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata from file
         where owner_id = $1 and (created_at > $2 or (created_at = $2 and id > $3)) order by created_at, id limit $4"
    } else {
        "select id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata from file
         where owner_id = $1 and (created_at < $2 or (created_at = $2 and id < $3)) order by created_at desc, id desc limit $4"
    };
    sqlx::query_as(text)
        .bind(owner)
        .bind(from.map_or(start, |file| file.created_at.0))
        .bind(from.map_or_else(String::new, |file| file.id.to_string()))
        .bind(most)
        .fetch_all(db.pool())
        .await
}

/// The file that this person has of these very bytes, if any; it counts as sent again.
pub(super) async fn touch_same(db: &Db, owner: &PersonId, sha256: &str, now: Timestamp) -> Result<Option<File>, sqlx::Error> {
    retried(async || {
        let mut tx = db.begin().await?;
        let known = sqlx::query_as(
            "update file set touched_at = $3 where owner_id = $1 and sha256 = $2
             returning id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata",
        )
        .bind(owner)
        .bind(sha256)
        .bind(now)
        .fetch_optional(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(known)
    })
    .await
}

/// Writes the row of an object that is in the store. `false` when the owner has this file already, or too many others.
pub(super) async fn insert(db: &Db, file: &File) -> Result<bool, sqlx::Error> {
    retried(async || {
        let mut tx = db.begin().await?;
        let inserted = sqlx::query(
            "insert into file (id, owner_id, purpose, name, content_type, bytes, sha256, width, height, object_key, created_at, touched_at)
             select $1, $2, 'input', $3, $4, $5, $6, $7, $8, $9, $10, $10
             where (select count(*) from file where owner_id = $2) < $11
               and (select coalesce(cast(sum(bytes) as bigint), 0) from file where owner_id = $2) + $5 <= $12
             on conflict (owner_id, sha256) do nothing",
        )
        .bind(&file.id)
        .bind(&file.owner_id)
        .bind(&file.name)
        .bind(&file.content_type)
        .bind(file.bytes)
        .bind(&file.sha256)
        .bind(file.width)
        .bind(file.height)
        .bind(&file.object_key)
        .bind(file.created_at)
        .bind(MOST_FILES)
        .bind(MOST_BYTES)
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(inserted.rows_affected() == 1)
    })
    .await
}

/// Keeps what its owner says about a file: a JSON object. What was said before is forgotten.
///
/// # Errors
/// When the database fails.
pub async fn describe(db: &Db, file: &File, metadata: &str) -> Result<(), sqlx::Error> {
    retried(async || {
        let mut tx = db.begin().await?;
        sqlx::query("update file set metadata = $3 where id = $1 and owner_id = $2")
            .bind(&file.id)
            .bind(&file.owner_id)
            .bind(metadata.to_owned())
            .execute(tx.connection())
            .await?;
        tx.commit().await
    })
    .await
}

/// Notes in the transaction that makes a generation that it works from these files of its owner.
///
/// # Errors
/// [`FileProblem::Gone`] when one of them is not, or no longer, theirs; the transaction must be rolled back then.
pub async fn work_from(
    tx: &mut Tx,
    owner: &PersonId,
    generation: &GenerationId,
    files: &[FileId],
    now: Timestamp,
) -> Result<(), Error> {
    let once: HashSet<_> = files.iter().collect();
    for id in once {
        // Locks the row, so that nobody clears it away until this is committed.
        let touched = sqlx::query("update file set touched_at = $3 where id = $1 and owner_id = $2")
            .bind(id)
            .bind(owner)
            .bind(now)
            .execute(tx.connection())
            .await?;
        if touched.rows_affected() == 0 {
            return Err(Error::Refused(FileProblem::Gone));
        }
        sqlx::query(
            "insert into file_use (file_id, generation_id) values ($1, $2) on conflict (file_id, generation_id) do nothing",
        )
        .bind(id)
        .bind(generation)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Removes a file for its owner. Generations that have ended keep what they made of it.
///
/// # Errors
/// [`FileProblem::Gone`] when it is not theirs, [`FileProblem::InUse`] while something that has not ended works from it.
pub async fn delete(db: &Db, store: &Store, owner: &PersonId, id: &FileId) -> Result<(), Error> {
    let key = retried(async || {
        let mut tx = db.begin().await?;
        let (object_key,) = lock(&mut tx, id, Some(owner)).await?.ok_or(Error::Refused(FileProblem::Gone))?;
        sqlx::query(
            "delete from file_use where file_id = $1 and not exists (
               select 1 from file_use u join generation g on g.id = u.generation_id
               where u.file_id = $1 and g.state not in ('succeeded', 'failed', 'canceled'))",
        )
        .bind(id)
        .execute(tx.connection())
        .await?;
        if !remove(&mut tx, id).await? {
            return Err(Error::Refused(FileProblem::InUse));
        }
        tx.commit().await?;
        Ok(object_key)
    })
    .await?;
    forget(store, &key).await;
    Ok(())
}

/// Clears away files that nothing works from and nobody touched for a week. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(db: &Db, store: &Store, now: Timestamp) -> Result<usize, sqlx::Error> {
    let due: Vec<(FileId,)> = sqlx::query_as(
        "select id from file f where (touched_at <= $1 or expires_at <= $2)
           and not exists (select 1 from file_use u where u.file_id = f.id) order by touched_at limit $3",
    )
    .bind(now.plus_ms(-KEPT_MS))
    .bind(now)
    .bind(SWEPT)
    .fetch_all(db.pool())
    .await?;
    let mut swept = 0;
    for (id,) in due {
        let mut tx = db.begin().await?;
        let Some((object_key,)) = lock(&mut tx, &id, None).await? else { continue };
        // It may have been sent again, or asked to be worked from, since it was found.
        let still: Option<(String,)> =
            sqlx::query_as("select id from file where id = $1 and (touched_at <= $2 or expires_at <= $3)")
                .bind(&id)
                .bind(now.plus_ms(-KEPT_MS))
                .bind(now)
                .fetch_optional(tx.connection())
                .await?;
        if still.is_some() && remove(&mut tx, &id).await? {
            tx.commit().await?;
            forget(store, &object_key).await;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Removes every file of somebody who has left; nothing of theirs works from one any more.
///
/// # Errors
/// When the database fails.
pub async fn erase(db: &Db, store: &Store, owner: &PersonId) -> Result<(), sqlx::Error> {
    let files: Vec<(FileId,)> =
        sqlx::query_as("select id from file where owner_id = $1 order by id").bind(owner).fetch_all(db.pool()).await?;
    for (id,) in files {
        let mut tx = db.begin().await?;
        let Some((object_key,)) = lock(&mut tx, &id, Some(owner)).await? else { continue };
        if remove(&mut tx, &id).await? {
            tx.commit().await?;
            forget(store, &object_key).await;
        }
    }
    Ok(())
}

/// Of some objects, by key, those that should be a file's and are not.
///
/// # Errors
/// When the database fails.
pub async fn orphans(db: &Db, keys: &[&str]) -> Result<Vec<String>, sqlx::Error> {
    let ours: Vec<&str> = keys.iter().copied().filter(|key| Key::parse_file(key).is_some()).collect();
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let known: Vec<(String,)> = sqlx::query_as(db.either(
        "select object_key from file where object_key in (select value from json_each($1))",
        "select object_key from file where object_key in (select json_array_elements_text($1::json))",
    ))
    .bind(serde_json::json!(ours).to_string())
    .fetch_all(db.pool())
    .await?;
    let known: HashSet<_> = known.into_iter().map(|(key,)| key).collect();
    Ok(ours.into_iter().filter(|key| !known.contains(*key)).map(str::to_owned).collect())
}

/// Keeps everybody else from the row until the transaction ends; what is asked after this is how it is.
async fn lock(tx: &mut Tx, id: &FileId, owner: Option<&PersonId>) -> Result<Option<(String,)>, sqlx::Error> {
    sqlx::query_as("update file set touched_at = touched_at where id = $1 and ($2 = '' or owner_id = $2) returning object_key")
        .bind(id)
        .bind(owner.map_or_else(String::new, ToString::to_string))
        .fetch_optional(tx.connection())
        .await
}

async fn remove(tx: &mut Tx, id: &FileId) -> Result<bool, sqlx::Error> {
    let removed = sqlx::query("delete from file where id = $1 and not exists (select 1 from file_use where file_id = $1)")
        .bind(id)
        .execute(tx.connection())
        .await?;
    Ok(removed.rows_affected() == 1)
}

/// The row is gone; an object that stays behind is found by the reconciler.
async fn forget(store: &Store, object_key: &str) {
    if let Some((_, key)) = Key::parse_file(object_key)
        && let Err(error) = store.delete(&key).await
    {
        tracing::warn!(%key, %error, "the object of a removed file could not be removed");
    }
}

/// The files that a generation works from.
///
/// # Errors
/// When the database fails.
pub async fn worked_from(db: &Db, generation: &GenerationId) -> Result<Vec<File>, sqlx::Error> {
    sqlx::query_as(
        "select id, owner_id, name, content_type, bytes, sha256, width, height, object_key, created_at, metadata
         from file where id in (select file_id from file_use where generation_id = $1)",
    )
    .bind(generation)
    .fetch_all(db.pool())
    .await
}

/// Replicate's copy of a file, if it lives until then.
pub(super) async fn copy(db: &Db, id: &FileId, until: Timestamp) -> Result<Option<String>, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("select provider_url from file where id = $1 and provider_url is not null and provider_until >= $2")
            .bind(id)
            .bind(until)
            .fetch_optional(db.pool())
            .await?;
    Ok(found.map(|(url,)| url))
}

/// Notes Replicate's copy of a file.
pub(super) async fn copied(db: &Db, id: &FileId, url: &str, until: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("update file set provider_url = $2, provider_until = $3 where id = $1")
        .bind(id)
        .bind(url)
        .bind(until)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}
