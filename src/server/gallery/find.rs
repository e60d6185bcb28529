//! A page of a view, how many it has, the neighbours of one, the months there are.

use super::words;
use crate::domain::{Day, GalleryFilter, GenerationId, GenerationView, Lang, PersonId, Timestamp};
use crate::server::db::Db;
use crate::server::generation::views::{self, Cursor};

/// The most outputs of a page, unless a single generation has more.
pub const TILES: usize = 60;
/// The most months that are offered to jump to.
const MONTHS: usize = 60;
/// What comes before every id: the end of everything that has the same moment.
const LAST_ID: &str = "";

/// One generation in a gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What its owner may see of it.
    pub view: GenerationView,
    /// Whether it is one of their favourites.
    pub favourite: bool,
    /// Since when it is in the trash, if it is.
    pub trashed_at: Option<Timestamp>,
}

/// A page of a view, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// As many as fit; never none when there are any.
    pub items: Vec<Item>,
    /// Where the older ones begin, if there are any.
    pub older: Option<Cursor>,
}

/// What stands beside one generation in a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The next newer one.
    pub newer: Option<GenerationId>,
    /// The next older one.
    pub older: Option<GenerationId>,
}

/// A filter as the statements take it: in `$1` to `$14`.
pub(super) struct Wanted<'a> {
    pub(super) owner: &'a PersonId,
    pub(super) filter: &'a GalleryFilter,
    pub(super) moments: (Timestamp, Timestamp),
    pub(super) patterns: [String; words::MOST_WORDS],
}

impl<'a> Wanted<'a> {
    pub(super) fn new(owner: &'a PersonId, filter: &'a GalleryFilter, lang: Lang) -> Self {
        Self { owner, filter, moments: filter.moments(lang), patterns: words::patterns(&filter.words) }
    }

    /// Whether the narrow rows of words are looked through first; SQLite keeps to the order of a cross join.
    pub(super) fn is_search(&self) -> bool {
        self.patterns[0] != "%"
    }
}

/// The conditions on `generation g` that every view has.
macro_rules! fits {
    () => {
        " g.owner_id = $1 and g.state = 'succeeded' and g.purged_at is null
          and (case when $2 = 1 then g.trashed_at is not null else g.trashed_at is null end)
          and ($3 = '' or g.model = $3) and ($4 = 0 or g.favourite_at is not null)
          and ($5 = '' or exists (
            select 1 from collection_item i join collection c on c.id = i.collection_id
            where i.collection_id = $5 and i.generation_id = g.id and c.owner_id = $1))
          and g.created_at >= $6 and g.created_at < $7
          and (($8 = '' and $9 = '') or exists (
            select 1 from output o where o.generation_id = g.id
              and ($8 = '' or (o.width > 0 and $8 = (case when o.width > o.height then 'landscape'
                                                     when o.width < o.height then 'portrait' else 'square' end)))
              and ($9 = '' or o.content_type like $9)))
          and ($10 = '' or $10 = (case when g.price_rule = 'output' and g.captured < g.price then 'partial' else 'whole' end)) "
    };
}

/// A statement over a view: what comes before `from`, and what comes after the conditions. It binds `$1` to `$14`; more are the
/// statement's own. Of two texts, the first is without a search; there the patterns mean nothing.
macro_rules! over_view {
    ($wanted:expr, $head:literal, $plain:literal, $searched:literal) => {
        if $wanted.is_search() {
            concat!(
                $head,
                " from prompt_words w cross join generation g where g.id = w.generation_id and w.owner_id = $1
                  and w.folded like $11 escape '\\' and w.folded like $12 escape '\\'
                  and w.folded like $13 escape '\\' and w.folded like $14 escape '\\' and ",
                crate::server::gallery::find::fits!(),
                $searched
            )
        } else {
            concat!(
                $head,
                " from generation g where $11 = '%' and $12 = '%' and $13 = '%' and $14 = '%' and ",
                crate::server::gallery::find::fits!(),
                $plain
            )
        }
    };
}

/// Binds `$1` to `$14`.
macro_rules! bind_view {
    ($query:expr, $wanted:expr) => {{
        let wanted = $wanted;
        let [first, second, third, fourth] = wanted.patterns.clone();
        let filter = wanted.filter;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        $query
            .bind(wanted.owner)
            .bind(i64::from(filter.trash))
            .bind(text(filter.model.as_ref().map(crate::domain::ModelName::as_str)))
            .bind(i64::from(filter.favourites))
            .bind(text(filter.collection.as_ref().map(crate::domain::CollectionId::as_str)))
            .bind(wanted.moments.0)
            .bind(wanted.moments.1)
            .bind(text(filter.shape.map(crate::domain::Shape::as_str)))
            .bind(crate::server::gallery::find::content_types(filter.medium).to_owned())
            .bind(text(filter.status.map(crate::domain::Completeness::as_str)))
            .bind(first)
            .bind(second)
            .bind(third)
            .bind(fourth)
    }};
}
pub(super) use {bind_view, fits, over_view};

/// Content types as a pattern; the reverse of [`Medium::of`](crate::domain::Medium::of).
pub(super) const fn content_types(medium: Option<crate::domain::Medium>) -> &'static str {
    use crate::domain::Medium;
    match medium {
        None => "",
        Some(Medium::Picture) => "image/%",
        Some(Medium::Video) => "video/%",
        Some(Medium::Audio) => "audio/%",
        Some(Medium::Text) => "text/%",
        Some(Medium::Json) => "application/%",
    }
}

#[derive(sqlx::FromRow)]
struct Place {
    id: GenerationId,
    created_at: Timestamp,
    favourite_at: Option<Timestamp>,
    trashed_at: Option<Timestamp>,
}

/// A page of a view: what lies before `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    owner: &PersonId,
    filter: &GalleryFilter,
    before: Option<&Cursor>,
    lang: Lang,
) -> Result<Page, sqlx::Error> {
    let wanted = Wanted::new(owner, filter, lang);
    let (at, id) = before.map_or((Timestamp(i64::MAX), LAST_ID), Cursor::place);
    let text = over_view!(
        wanted,
        "select g.id, g.created_at, g.favourite_at, g.trashed_at",
        " and (g.created_at, g.id) < ($15, $16) order by g.created_at desc, g.id desc limit $17",
        " and (w.created_at, w.generation_id) < ($15, $16) order by w.created_at desc, w.generation_id desc limit $17"
    );
    let limit = i64::try_from(TILES).unwrap_or(i64::MAX) + 1;
    let places: Vec<Place> = bind_view!(sqlx::query_as(text), &wanted).bind(at).bind(id).bind(limit).fetch_all(db.pool()).await?;
    let ids: Vec<_> = places.iter().map(|place| place.id.clone()).collect();
    let mut views = views::of(db, owner, &ids).await?;
    let mut page = Page::default();
    let (mut tiles, mut last) = (0, None);
    for place in places {
        // Purged between the two statements: it is not there any more.
        let Some(view) = views.remove(&place.id) else { continue };
        tiles += view.outputs.len();
        if tiles > TILES && !page.items.is_empty() {
            page.older = last;
            return Ok(page);
        }
        last = Some(Cursor::new(place.created_at, place.id));
        page.items.push(Item { view, favourite: place.favourite_at.is_some(), trashed_at: place.trashed_at });
    }
    Ok(page)
}

/// How many generations a view has, and how many outputs.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db, owner: &PersonId, filter: &GalleryFilter, lang: Lang) -> Result<(i64, i64), sqlx::Error> {
    if *filter == GalleryFilter::default() {
        // What most look at is counted from indices alone.
        return sqlx::query_as(
            "select count(*), cast(coalesce(sum((select count(*) from output p where p.generation_id = g.id)), 0) as bigint)
             from generation g where g.owner_id = $1 and g.state = 'succeeded' and g.trashed_at is null",
        )
        .bind(owner)
        .fetch_one(db.pool())
        .await;
    }
    let wanted = Wanted::new(owner, filter, lang);
    let text = over_view!(
        wanted,
        "select count(*), cast(coalesce(sum((select count(*) from output p where p.generation_id = g.id)), 0) as bigint)",
        "",
        ""
    );
    bind_view!(sqlx::query_as(text), &wanted).fetch_one(db.pool()).await
}

/// What stands beside a generation in a view; nothing beside one that is not this person's. It need not be in the view itself:
/// one that was just taken out of it still has its place.
///
/// # Errors
/// When the database fails.
pub async fn neighbours(
    db: &Db,
    owner: &PersonId,
    filter: &GalleryFilter,
    id: &GenerationId,
    lang: Lang,
) -> Result<Neighbours, sqlx::Error> {
    let here: Option<(Timestamp,)> = sqlx::query_as("select created_at from generation where owner_id = $1 and id = $2")
        .bind(owner)
        .bind(id)
        .fetch_optional(db.pool())
        .await?;
    let Some((at,)) = here else { return Ok(Neighbours::default()) };
    let wanted = Wanted::new(owner, filter, lang);
    let older = over_view!(
        wanted,
        "select g.id",
        " and (g.created_at, g.id) < ($15, $16) order by g.created_at desc, g.id desc limit 1",
        " and (w.created_at, w.generation_id) < ($15, $16) order by w.created_at desc, w.generation_id desc limit 1"
    );
    let newer = over_view!(
        wanted,
        "select g.id",
        " and (g.created_at, g.id) > ($15, $16) order by g.created_at, g.id limit 1",
        " and (w.created_at, w.generation_id) > ($15, $16) order by w.created_at, w.generation_id limit 1"
    );
    let older: Option<(GenerationId,)> =
        bind_view!(sqlx::query_as(older), &wanted).bind(at).bind(id).fetch_optional(db.pool()).await?;
    let newer: Option<(GenerationId,)> =
        bind_view!(sqlx::query_as(newer), &wanted).bind(at).bind(id).fetch_optional(db.pool()).await?;
    Ok(Neighbours { newer: newer.map(|(id,)| id), older: older.map(|(id,)| id) })
}

/// The months of a view, newest first: year, month, and the cursor of a page that begins with it. A search has none: looking
/// through everything for each month would cost more than it helps.
///
/// # Errors
/// When the database fails.
pub async fn months(
    db: &Db,
    owner: &PersonId,
    filter: &GalleryFilter,
    lang: Lang,
) -> Result<Vec<(i64, i64, Cursor)>, sqlx::Error> {
    let wanted = Wanted::new(owner, filter, lang);
    let mut months = Vec::new();
    let mut until = Timestamp(i64::MAX);
    while !wanted.is_search() && months.len() < MONTHS {
        let text = over_view!(
            wanted,
            "select g.created_at",
            " and (g.created_at, g.id) < ($15, $16) order by g.created_at desc, g.id desc limit 1",
            " and w.created_at < $15 and $16 = '' limit 1"
        );
        let newest: Option<(Timestamp,)> =
            bind_view!(sqlx::query_as(text), &wanted).bind(until).bind(LAST_ID).fetch_optional(db.pool()).await?;
        let Some((newest,)) = newest else { break };
        let (year, month, _) = Day::at(newest, lang).civil();
        let next = if month == 12 { Day::of(year + 1, 1, 1) } else { Day::of(year, month + 1, 1) };
        months.push((year, month, Cursor::begin(next.begins(lang))));
        until = Day::of(year, month, 1).begins(lang);
    }
    Ok(months)
}

/// What a viewer tells of the place of a generation in its owner's gallery.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// Since when it is a favourite, if it is.
    pub favourite_at: Option<Timestamp>,
    /// Since when it is in the trash, if it is.
    pub trashed_at: Option<Timestamp>,
}

/// How one generation stands; `None` when it is not this person's or is gone for ever.
///
/// # Errors
/// When the database fails.
pub async fn standing(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<Standing>, sqlx::Error> {
    sqlx::query_as("select favourite_at, trashed_at from generation where owner_id = $1 and id = $2 and purged_at is null")
        .bind(owner)
        .bind(id)
        .fetch_optional(db.pool())
        .await
}
