//! `/gallery`: what a person kept, newest first, by days: found, filtered, marked, put together, thrown away and taken back.
//!
//! All of it is links and forms. `public/js/gallery.js` saves the waiting: it loads what is older before it is missed, searches
//! while somebody types, and keeps the place. The tiles of a page are at most sixty, so that its HTML stays small.

mod bar;
mod shelf;

use crate::components::{Frame, Icon, Place, icon, tile, time};
use crate::domain::{CollectionId, GalleryFilter, GenerationView, Lang, ModelName, Timestamp, Viewer, query_value};
use crate::islands::{LiveStart, Parcel};
use crate::text;
use leptos::prelude::*;

/// How many tiles load at once and first.
const EAGER: usize = 4;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GalleryView {
    /// What is asked for.
    pub filter: GalleryFilter,
    /// Newest first.
    pub tiles: Vec<ShelfTile>,
    /// The cursor of what is older, if anything is.
    pub older: Option<String>,
    /// Whether this is the first page.
    pub newest: bool,
    /// How many outputs fit the filter.
    pub count: i64,
    /// How many generations do; what can be chosen.
    pub choices: i64,
    /// How often the gallery had been marked when this was read: a script asks again when it hears of more.
    pub marks: i64,
    /// The months there are, newest first.
    pub months: Vec<Month>,
    /// The person's collections, by name.
    pub collections: Vec<Shelf>,
    /// The models that can be asked for.
    pub models: Vec<ModelChoice>,
}

/// One generation on its shelf.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelfTile {
    /// What was made.
    pub view: GenerationView,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// In the trash: when it goes for ever.
    pub goes_at: Option<Timestamp>,
}

/// A month that has pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its year.
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// The cursor of the page that begins with it.
    pub before: String,
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// Which.
    pub id: CollectionId,
    /// What it is called.
    pub name: String,
    /// How many are in it.
    pub items: i64,
}

/// A model to filter by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelChoice {
    /// Which.
    pub name: ModelName,
    /// What people call it.
    pub label: String,
}

/// The gallery, or one page further back in it.
#[component]
pub fn Gallery(viewer: Viewer, start: LiveStart, view: GalleryView) -> impl IntoView {
    let (lang, now) = (viewer.lang, viewer.cursor);
    let parcel = Parcel::new(start, viewer.balance);
    let (words, said) = (text::pages(lang), &text::pages(lang).gallery);
    let count = if view.filter.is_narrowed() { (said.found)(view.count) } else { (words.frame.pictures)(view.count) };
    let query = view.filter.to_query();
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <div class="gallery" data-gallery=query data-marks=view.marks data-words=said.script_words() data-trash=view.filter.trash.then_some("")>
                <div class="page-head">
                    <h1>{words.frame.gallery}</h1>
                    <p class="count number" id="gallery-count" role="status">{count}</p>
                    {(!view.newest)
                        .then(|| {
                            view! {
                                <a class="button" href=view.filter.href()><Icon glyph=icon::ARROW_LEFT />{words.picture.newest}</a>
                            }
                        })}
                </div>
                {shelf::shelves(&view, lang)}
                {bar::filters(&view, lang)}
                <p class="pill-slot" id="gallery-new" role="status"></p>
                {results(&view, now, lang)}
                {bar::selection(&view, lang)}
                {bar::tools(lang)}
                <div class="toast" id="gallery-toast" role="status"></div>
            </div>
        </Frame>
    }
}

/// The days, and the way further back; or why there are none.
fn results(view: &GalleryView, now: Timestamp, lang: Lang) -> impl IntoView + use<> {
    let words = text::pages(lang);
    let older = view.older.as_ref().map(|cursor| {
        let query = view.filter.to_query();
        let href =
            if query.is_empty() { format!("/gallery?before={cursor}") } else { format!("/gallery?{query}&before={cursor}") };
        view! {
            <p class="pager">
                <a class="button" href=href rel="next">{words.picture.older} <Icon glyph=icon::ARROW_RIGHT /></a>
            </p>
        }
    });
    let shown = if view.tiles.is_empty() { nothing(view, lang).into_any() } else { days(view, now, lang).into_any() };
    view! {
        <div id="gallery-results" data-choices=view.choices>
            {view.filter.trash.then(|| view! { <p class="hint trash-note">{words.gallery.trash_note}</p> })}
            {shown}
            {older}
        </div>
    }
}

fn nothing(view: &GalleryView, lang: Lang) -> impl IntoView + use<> {
    let words = text::pages(lang);
    let (said, filter) = (&words.gallery, &view.filter);
    let (notice, way) = if filter.is_narrowed() {
        (said.nothing, Some((filter.shelf().href(), said.clear)))
    } else if filter.trash {
        (said.trash_empty, None)
    } else if filter.favourites {
        (said.favourites_empty, None)
    } else if filter.collection.is_some() {
        (said.collection_empty, None)
    } else {
        (words.picture.empty, Some(("/create".to_owned(), words.picture.to_create)))
    };
    view! {
        <div class="empty">
            <h2>{notice.title}</h2>
            <p>{notice.body}</p>
            {way.map(|(href, name)| view! { <a class="button primary" href=href>{name}</a> })}
        </div>
    }
}

/// One section for each day. A script that appends the next page puts the tiles of a day that goes on under its first heading,
/// in lists of a few rows each; whoever hears the page hears of one list.
fn days(view: &GalleryView, now: Timestamp, lang: Lang) -> impl IntoView + use<> {
    let said = &text::pages(lang).gallery;
    let inside = query_value(&view.filter.to_query());
    let mut eager = EAGER;
    let mut days: Vec<(i64, Vec<&ShelfTile>)> = Vec::new();
    for tile in &view.tiles {
        let day = time::day_number(tile.view.created_at, lang);
        match days.last_mut() {
            Some((last, tiles)) if *last == day => tiles.push(tile),
            _ => days.push((day, vec![tile])),
        }
    }
    days.into_iter()
        .map(|(number, shelf)| {
            let name = shelf.first().map(|tile| time::day_name(tile.view.created_at, now, lang)).unwrap_or_default();
            let tiles: Vec<_> = shelf.into_iter().flat_map(|tile| marked(tile, &inside, now, lang)).collect();
            view! {
                <section class="day" data-day=number>
                    <h2>{name}</h2>
                    <div role="list" aria-label=said.pictures>
                        <ul class="rows" role="none">{tile::shelf(tiles, &mut eager)}</ul>
                    </div>
                </section>
            }
        })
        .collect_view()
}

/// The tiles of one generation, with what the gallery knows of it.
fn marked(item: &ShelfTile, inside: &str, now: Timestamp, lang: Lang) -> Vec<tile::TileView> {
    let said = &text::pages(lang).gallery;
    let note = item.goes_at.map(|at| (said.goes_in)((at.since(now) + DAY_MS - 1).max(0) / DAY_MS));
    let mut tiles = tile::tiles(&item.view);
    for tile in &mut tiles {
        if !inside.is_empty() {
            let joint = if tile.href.contains('?') { '&' } else { '?' };
            tile.href = format!("{}{joint}in={inside}", tile.href);
        }
        tile.foreign = tile::is_foreign(&item.view.prompt, lang);
        tile.marks = Some(tile::TileMarks {
            id: item.view.id.clone(),
            favourite: item.favourite.then_some(said.is_favourite),
            note: note.clone(),
            pick: said.select,
        });
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    fn page(view: GalleryView, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        Owner::new().with(|| view! { <Gallery viewer start view /> }.to_html())
    }

    fn tile(count: i64) -> ShelfTile {
        ShelfTile { view: samples::succeeded(count), favourite: false, goes_at: None }
    }

    #[test]
    fn an_empty_gallery_leads_to_the_first_picture_and_a_full_one_further_back() {
        let empty = page(GalleryView { newest: true, ..GalleryView::default() }, Lang::En);
        assert!(empty.contains(text::pages(Lang::En).picture.empty.title) && !empty.contains("rel=\"next\""), "{empty}");
        let older = Some("abc".to_owned());
        let full = page(GalleryView { tiles: vec![tile(2)], older, newest: true, ..GalleryView::default() }, Lang::En);
        assert!(full.contains("/gallery?before=abc") && !full.contains("class=\"empty\""), "{full}");
        assert_eq!(full.matches("<h1").count(), 1);
        assert_eq!(full.matches("fetchpriority").count(), 2);
    }

    #[test]
    fn nothing_found_leads_back_to_the_shelf_and_every_shelf_says_what_it_is_for() {
        let said = &text::pages(Lang::Ja).gallery;
        for (query, notice, way) in [
            ("q=cat&favourite=1", said.nothing.title, "href=\"/gallery?favourite=1\""),
            ("favourite=1", said.favourites_empty.title, "/gallery"),
            ("trash=1", said.trash_empty.title, "/gallery"),
        ] {
            let html = page(GalleryView { filter: GalleryFilter::of_query(query), ..GalleryView::default() }, Lang::Ja);
            assert!(html.contains(notice) && html.contains(way), "{query}: {html}");
        }
    }

    #[test]
    fn what_somebody_searched_for_stays_words() {
        let filter = GalleryFilter { words: r#""><script>x</script>"#.into(), ..GalleryFilter::default() };
        let html =
            page(GalleryView { filter, tiles: vec![tile(1)], older: Some("a".into()), ..GalleryView::default() }, Lang::En);
        assert!(!html.contains("<script>x"), "{html}");
    }

    #[test]
    fn a_tile_in_the_trash_says_when_it_goes_and_a_favourite_that_it_is_one() {
        let goes_at = Some(samples::NOW.plus_ms(29 * DAY_MS + 1));
        let tiles = vec![ShelfTile { favourite: true, goes_at, ..tile(1) }];
        let html = page(GalleryView { tiles, filter: GalleryFilter::of_query("trash=1"), ..GalleryView::default() }, Lang::En);
        let said = &text::pages(Lang::En).gallery;
        assert!(html.contains(&(said.goes_in)(30)) && html.contains(said.is_favourite), "{html}");
        assert!(html.contains("?in=trash%3D1"), "{html}");
    }
}
