//! Favourites, the trash and back, collections: of some generations, or of all of a view at once, and how to undo it.

use super::find::{Wanted, bind_view, over_view};
use crate::domain::{CollectionId, GalleryFilter, GenerationId, Lang, PersonId, Timestamp, query_value};
use crate::server::db::{Db, Tx, retried};

/// The most that can be named one by one, in a request or in what undoes one.
pub const MOST_NAMED: usize = 1_000;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make it a favourite.
    Favourite,
    /// Make it none.
    Unfavourite,
    /// Put it into the trash.
    Trash,
    /// Take it out of the trash.
    Restore,
    /// Put it into a collection.
    Collect,
    /// Take it out of a collection.
    Uncollect,
    /// Let go of it for ever, out of the trash.
    Purge,
}

impl Act {
    /// Everything that can be done.
    pub const ALL: [Self; 7] =
        [Self::Favourite, Self::Unfavourite, Self::Trash, Self::Restore, Self::Collect, Self::Uncollect, Self::Purge];

    /// The word in a form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Favourite => "favourite",
            Self::Unfavourite => "unfavourite",
            Self::Trash => "trash",
            Self::Restore => "restore",
            Self::Collect => "collect",
            Self::Uncollect => "uncollect",
            Self::Purge => "purge",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == word)
    }

    /// What undoes it; letting go for ever cannot be undone.
    const fn reverse(self) -> Option<Self> {
        Some(match self {
            Self::Favourite => Self::Unfavourite,
            Self::Unfavourite => Self::Favourite,
            Self::Trash => Self::Restore,
            Self::Restore => Self::Trash,
            Self::Collect => Self::Uncollect,
            Self::Uncollect => Self::Collect,
            Self::Purge => return None,
        })
    }
}

/// Which generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These; others' among them are as if they were not named.
    Some(Vec<GenerationId>),
    /// All of a view.
    All(GalleryFilter),
    /// All that were marked at this moment: what undoing names when there are too many to name.
    At(Timestamp),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// How many changed; those that were so already did not.
    pub changed: usize,
    /// The fields of a form that undoes exactly this, as they are sent; `None` when it cannot be undone.
    pub undo: Option<String>,
    /// The person's [`version`] with this mark; `None` when nothing changed.
    pub version: Option<i64>,
}

/// How often a person's gallery was marked. What is read after it shows at least as much.
///
/// # Errors
/// When the database fails.
pub async fn version(db: &Db, owner: &PersonId) -> Result<i64, sqlx::Error> {
    let found: Option<(i64,)> =
        sqlx::query_as("select marks from person where id = $1").bind(owner).fetch_optional(db.pool()).await?;
    Ok(found.map_or(0, |(version,)| version))
}

/// The next [`version`], to be told at all open pages of the person once this is committed. The last statement of its
/// transaction: until the commit others' marks wait here, so that versions are in the order in which marks appear.
pub(super) async fn rise(tx: &mut Tx, owner: &PersonId) -> Result<i64, sqlx::Error> {
    tx.touch(owner);
    let (version,): (i64,) = sqlx::query_as("update person set marks = marks + 1 where id = $1 returning marks")
        .bind(owner)
        .fetch_one(tx.connection())
        .await?;
    Ok(version)
}

/// Marks what was chosen. A collection is needed to collect; somebody else's is as if it were none, and nothing changes.
///
/// # Errors
/// When the database fails; nothing has changed then.
pub async fn mark(
    db: &Db,
    owner: &PersonId,
    chosen: &Chosen,
    act: Act,
    collection: Option<&CollectionId>,
    lang: Lang,
    now: Timestamp,
) -> Result<Marked, sqlx::Error> {
    retried(|| async {
        let mut tx = db.begin().await?;
        let moment = moment(&mut tx, owner, now).await?;
        let ids = resolve(&mut tx, db, owner, chosen, act, lang).await?;
        let changed = change(&mut tx, db, owner, &ids, act, collection, moment).await?;
        let version = if changed.is_empty() { None } else { Some(rise(&mut tx, owner).await?) };
        tx.commit().await?;
        Ok::<_, sqlx::Error>(Marked { changed: changed.len(), undo: undo(&changed, act, collection, moment), version })
    })
    .await
}

/// A moment that no other mark of this person has, so that it names this one.
async fn moment(tx: &mut Tx, owner: &PersonId, now: Timestamp) -> Result<Timestamp, sqlx::Error> {
    let (last,): (Option<Timestamp>,) =
        sqlx::query_as("select max(trashed_at) from generation where owner_id = $1 and trashed_at is not null")
            .bind(owner)
            .fetch_one(tx.connection())
            .await?;
    Ok(last.map_or(now, |last| now.max(last.plus_ms(1))))
}

async fn resolve(
    tx: &mut Tx,
    db: &Db,
    owner: &PersonId,
    chosen: &Chosen,
    act: Act,
    lang: Lang,
) -> Result<Vec<GenerationId>, sqlx::Error> {
    let found: Vec<(GenerationId,)> = match chosen {
        Chosen::Some(ids) => return Ok(ids.clone()),
        Chosen::All(filter) => {
            let wanted = Wanted::new(owner, filter, lang);
            let text = over_view!(wanted, "select g.id", "", "");
            bind_view!(sqlx::query_as(text), &wanted).fetch_all(tx.connection()).await?
        }
        Chosen::At(_) if act != Act::Restore => Vec::new(),
        Chosen::At(moment) => {
            sqlx::query_as(db.either(
                "select id from generation where owner_id = $1 and trashed_at = $2",
                "select id from generation where owner_id = $1 and trashed_at = $2 order by id for update",
            ))
            .bind(owner)
            .bind(*moment)
            .fetch_all(tx.connection())
            .await?
        }
    };
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Of these ids, given as one JSON text in `$2`, those that the statement changes.
macro_rules! change_some {
    ($head:literal, $id:literal, $tail:literal) => {
        (
            concat!($head, " and ", $id, " in (select value from json_each($2)) ", $tail),
            concat!($head, " and ", $id, " in (select json_array_elements_text($2::json)) ", $tail),
        )
    };
}

async fn change(
    tx: &mut Tx,
    db: &Db,
    owner: &PersonId,
    ids: &[GenerationId],
    act: Act,
    collection: Option<&CollectionId>,
    now: Timestamp,
) -> Result<Vec<GenerationId>, sqlx::Error> {
    let (sqlite, postgres) = match act {
        Act::Favourite => change_some!(
            "update generation set favourite_at = $3 where owner_id = $1 and purged_at is null and favourite_at is null",
            "id",
            "returning id"
        ),
        Act::Unfavourite => change_some!(
            "update generation set favourite_at = null where owner_id = $1 and favourite_at is not null and $3 > 0",
            "id",
            "returning id"
        ),
        Act::Trash => change_some!(
            "update generation set trashed_at = $3
             where owner_id = $1 and trashed_at is null and state in ('succeeded', 'failed', 'canceled')",
            "id",
            "returning id"
        ),
        Act::Restore => change_some!(
            "update generation set trashed_at = null
             where owner_id = $1 and trashed_at is not null and purged_at is null and $3 > 0",
            "id",
            "returning id"
        ),
        Act::Purge => change_some!(
            "update generation set purged_at = $3 where owner_id = $1 and trashed_at is not null and purged_at is null",
            "id",
            "returning id"
        ),
        Act::Collect => change_some!(
            "insert into collection_item (collection_id, generation_id, added_at)
             select c.id, g.id, $3 from collection c join generation g on g.owner_id = c.owner_id
             where c.owner_id = $1 and c.id = $4 and g.purged_at is null",
            "g.id",
            "on conflict (collection_id, generation_id) do nothing returning generation_id"
        ),
        Act::Uncollect => change_some!(
            "delete from collection_item
             where collection_id in (select c.id from collection c where c.owner_id = $1 and c.id = $4) and $3 > 0",
            "generation_id",
            "returning generation_id"
        ),
    };
    let query = sqlx::query_as(db.either(sqlite, postgres)).bind(owner).bind(serde_json::json!(ids).to_string()).bind(now);
    let query = match (act, collection) {
        (Act::Collect | Act::Uncollect, None) => return Ok(Vec::new()),
        (Act::Collect | Act::Uncollect, Some(collection)) => query.bind(collection),
        _ => query,
    };
    let changed: Vec<(GenerationId,)> = query.fetch_all(tx.connection()).await?;
    Ok(changed.into_iter().map(|(id,)| id).collect())
}

fn undo(changed: &[GenerationId], act: Act, collection: Option<&CollectionId>, moment: Timestamp) -> Option<String> {
    let reverse = act.reverse()?;
    let mut fields = format!("act={}", reverse.as_str());
    let mut say = |name: &str, value: &str| {
        for part in ["&", name, "=", value] {
            fields.push_str(part);
        }
    };
    if let Some(collection) = collection.filter(|_| matches!(act, Act::Collect | Act::Uncollect)) {
        say("collection", &query_value(collection.as_str()));
    }
    if changed.is_empty() {
        return None;
    }
    if act == Act::Trash {
        say("at", &moment.0.to_string());
        return Some(fields);
    }
    for id in changed {
        say("id", id.as_str());
    }
    (changed.len() <= MOST_NAMED).then_some(fields)
}
