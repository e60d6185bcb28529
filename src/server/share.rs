//! Links to one picture for whoever is given them. A link is a row and a seal ([`super::seal`]): the row says what it shows
//! and until when, and without the seal nobody who knows or guesses an id gets in. What opens a link is stored nowhere.
//!
//! Every use of a link asks its row, so one that was revoked is dead for all processes with the next request.

use super::db::{Db, Yielding, retried};
use super::generation::views;
use super::seal::Seal;
use crate::domain::{GenerationId, GenerationView, PersonId, ShareId, ShareView, ShareWish, Timestamp};

/// How many live links one person may have.
pub const MAX_SHARES: i64 = 1_000;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such picture, or no such live link, of this person.
    #[error("no such picture or link")]
    NotFound,
    /// The person has [`MAX_SHARES`].
    #[error("too many links")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::NotFound | Self::TooMany => None,
        }
    }
}

/// A link that opens, and what it opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Whose picture it is.
    pub owner: PersonId,
    /// The generation, whole: what of it is shown is for the two below to say.
    pub generation: GenerationView,
    /// Which of its outputs.
    pub place: i64,
    /// Whether the prompt is shown.
    pub with_prompt: bool,
    /// Whether model, seed and settings are shown.
    pub with_settings: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ShareId,
    owner_id: PersonId,
    generation_id: GenerationId,
    place: i64,
    with_prompt: i64,
    with_settings: i64,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// Makes a link under an id that the form chose, so that a form which is sent twice makes one.
///
/// # Errors
/// [`Error::NotFound`] when the picture is not this person's, [`Error::TooMany`].
pub async fn make(
    db: &Db,
    owner: &PersonId,
    id: &ShareId,
    generation: &GenerationId,
    wish: ShareWish,
    now: Timestamp,
) -> Result<(), Error> {
    if views::file(db, owner, generation, wish.place).await?.is_none() {
        return Err(Error::NotFound);
    }
    retried(|| async {
        let mut tx = db.begin().await?;
        let known: Option<(PersonId,)> =
            sqlx::query_as("select owner_id from share where id = $1").bind(id).fetch_optional(tx.connection()).await?;
        match known {
            Some((known,)) if known == *owner => return Ok(()),
            Some(_) => return Err(Error::NotFound),
            None => {}
        }
        let made = sqlx::query(
            "insert into share (id, owner_id, generation_id, place, with_prompt, with_settings, expires_at, created_at)
             select $1, $2, $3, $4, $5, $6, $7, $8
             where (select count(*) from share where owner_id = $2 and revoked_at is null and (expires_at is null or expires_at > $8)) < $9",
        )
        .bind(id)
        .bind(owner)
        .bind(generation)
        .bind(wish.place)
        .bind(i64::from(wish.prompt))
        .bind(i64::from(wish.settings))
        .bind(wish.term.ends(now))
        .bind(now)
        .bind(MAX_SHARES)
        .execute(tx.connection())
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::TooMany);
        }
        tx.commit().await?;
        Ok::<_, Error>(())
    })
    .await
}

/// Ends a link, for everybody and at once. Again is harmless.
///
/// # Errors
/// [`Error::NotFound`] when it is not this person's.
pub async fn revoke(db: &Db, owner: &PersonId, id: &ShareId, now: Timestamp) -> Result<(), Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        let revoked = sqlx::query("update share set revoked_at = coalesce(revoked_at, $3) where id = $1 and owner_id = $2")
            .bind(id)
            .bind(owner)
            .bind(now)
            .execute(tx.connection())
            .await?;
        if revoked.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// What a link opens now; `None` when it was revoked, ran out, or its picture is not there any more.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &Db, id: &ShareId, now: Timestamp) -> Result<Option<Open>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select s.id, s.owner_id, s.generation_id, s.place, s.with_prompt, s.with_settings, s.expires_at, s.created_at
         from share s join generation g on g.id = s.generation_id
         where s.id = $1 and s.revoked_at is null and (s.expires_at is null or s.expires_at > $2) and g.trashed_at is null",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let generation = views::find(db, &row.owner_id, &row.generation_id).await?;
    let generation = generation.filter(|generation| generation.outputs.iter().any(|output| output.index == row.place));
    Ok(generation.map(|generation| Open {
        owner: row.owner_id,
        generation,
        place: row.place,
        with_prompt: row.with_prompt == 1,
        with_settings: row.with_settings == 1,
    }))
}

/// A person's live links, newest first, each with its address below `origin`; of one generation, or of all.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    seal: &Seal,
    origin: &str,
    owner: &PersonId,
    generation: Option<&GenerationId>,
    now: Timestamp,
) -> Result<Vec<ShareView>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, owner_id, generation_id, place, with_prompt, with_settings, expires_at, created_at from share
         where owner_id = $1 and ($2 = '' or generation_id = $2) and revoked_at is null and (expires_at is null or expires_at > $3)
         order by created_at desc, id desc limit $4",
    )
    .bind(owner)
    .bind(generation.map_or_else(String::new, ToString::to_string))
    .bind(now)
    .bind(MAX_SHARES)
    .fetch_all(db.pool())
    .await?;
    let mut shares = Vec::with_capacity(rows.len());
    for row in rows {
        let view = views::find(db, owner, &row.generation_id).await?;
        let (prompt, outputs) = view.map(|view| (view.prompt, view.outputs)).unwrap_or_default();
        shares.push(ShareView {
            address: format!("{origin}/s/{}", seal.put_share(&row.id)),
            id: row.id,
            generation: row.generation_id,
            output: outputs.into_iter().find(|output| output.index == row.place),
            prompt,
            with_prompt: row.with_prompt == 1,
            with_settings: row.with_settings == 1,
            created_at: row.created_at,
            expires_at: row.expires_at,
        });
    }
    Ok(shares)
}
