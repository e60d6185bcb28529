//! Making, naming and removing collections. Removing one leaves its pictures where they are.

use super::marks::rise;
use crate::domain::{CollectionId, PersonId, Timestamp};
use crate::server::db::{Db, mint, retried};

/// The most characters of a name.
pub const LONGEST_NAME: usize = 60;
/// The most collections of one person.
pub const MOST: i64 = 200;

/// A collection as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Collection {
    /// Its id, in links.
    pub id: CollectionId,
    /// What its owner calls it.
    pub name: String,
    /// How many generations are in it, without those in the trash.
    pub items: i64,
}

/// A name as it is kept: without what no name holds, cut at its longest; `None` when nothing is left of it.
pub fn name(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name: String = plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_NAME).collect();
    let name = name.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// A person's collections, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, owner: &PersonId) -> Result<Vec<Collection>, sqlx::Error> {
    sqlx::query_as(
        "select c.id, c.name, (select count(*) from collection_item i join generation g on g.id = i.generation_id
                               where i.collection_id = c.id and g.trashed_at is null) as items
         from collection c where c.owner_id = $1 order by c.name, c.id",
    )
    .bind(owner)
    .fetch_all(db.pool())
    .await
}

/// Makes one, or finds the one that has this name already; `None` when there are as many as there may be.
///
/// # Errors
/// When the database fails.
pub async fn make(db: &Db, owner: &PersonId, name: &str, now: Timestamp) -> Result<Option<CollectionId>, sqlx::Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        let inserted = sqlx::query(
            "insert into collection (id, owner_id, name, created_at)
             select $1, $2, $3, $4 where (select count(*) from collection where owner_id = $2) < $5
             on conflict (owner_id, name) do nothing",
        )
        .bind(mint())
        .bind(owner)
        .bind(name)
        .bind(now)
        .bind(MOST)
        .execute(tx.connection())
        .await?;
        let made: Option<(CollectionId,)> = sqlx::query_as("select id from collection where owner_id = $1 and name = $2")
            .bind(owner)
            .bind(name)
            .fetch_optional(tx.connection())
            .await?;
        if inserted.rows_affected() == 1 {
            rise(&mut tx, owner).await?;
        }
        tx.commit().await?;
        Ok::<_, sqlx::Error>(made.map(|(id,)| id))
    })
    .await
}

/// Gives one another name. Whether it did: not when it is somebody else's, or another has that name.
///
/// # Errors
/// When the database fails.
pub async fn rename(db: &Db, owner: &PersonId, id: &CollectionId, name: &str) -> Result<bool, sqlx::Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        let renamed = sqlx::query(
            "update collection set name = $3 where owner_id = $1 and id = $2
               and not exists (select 1 from collection other where other.owner_id = $1 and other.name = $3 and other.id <> $2)",
        )
        .bind(owner)
        .bind(id)
        .bind(name)
        .execute(tx.connection())
        .await?;
        let found = renamed.rows_affected() == 1;
        if found {
            rise(&mut tx, owner).await?;
        }
        tx.commit().await?;
        Ok::<_, sqlx::Error>(found)
    })
    .await
}

/// Removes one; what was in it stays. Whether there was one of this person.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &Db, owner: &PersonId, id: &CollectionId) -> Result<bool, sqlx::Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        sqlx::query(
            "delete from collection_item where collection_id in (select id from collection where owner_id = $1 and id = $2)",
        )
        .bind(owner)
        .bind(id)
        .execute(tx.connection())
        .await?;
        let removed = sqlx::query("delete from collection where owner_id = $1 and id = $2")
            .bind(owner)
            .bind(id)
            .execute(tx.connection())
            .await?;
        let found = removed.rows_affected() == 1;
        if found {
            rise(&mut tx, owner).await?;
        }
        tx.commit().await?;
        Ok::<_, sqlx::Error>(found)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(name("  夏の\n 海 ").as_deref(), Some("夏の 海"));
        assert_eq!(name(" \t\n"), None);
        assert_eq!(name(&"海".repeat(100)).map(|name| name.chars().count()), Some(LONGEST_NAME));
    }
}
