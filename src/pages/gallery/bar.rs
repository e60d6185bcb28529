//! Search and filters above, the bar of what is chosen below, and the tools that a script lays over a tile.

use super::GalleryView;
use crate::components::{Icon, icon, time};
use crate::domain::{Completeness, Day, Lang, Medium, Shape};
use crate::text::{self, GalleryText};
use leptos::prelude::*;

/// The form whose address is the view. What is asked for less often lies in a panel of its own.
pub(super) fn filters(view: &GalleryView, lang: Lang) -> impl IntoView + use<> {
    let said = &text::pages(lang).gallery;
    let filter = view.filter.clone();
    let shelf = filter.shelf().pairs();
    let chosen = filter.model.clone();
    let gone = chosen.clone().filter(|name| view.models.iter().all(|model| model.name != *name));
    let models: Vec<_> = view
        .models
        .iter()
        .map(|model| (model.name.clone(), model.label.clone()))
        .chain(gone.map(|name| (name.clone(), name.to_string())))
        .collect();
    let count =
        [filter.shape.is_some(), filter.medium.is_some(), filter.from.is_some(), filter.to.is_some(), filter.status.is_some()];
    let count = count.into_iter().filter(|on| *on).count();
    let narrowed = filter.is_narrowed().then(|| filter.shelf().href());
    view! {
        <form class="gallery-bar" method="get" action="/gallery" role="search" id="gallery-filters">
            {shelf.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()}
            <label class="gallery-search">
                <span class="sr-only">{said.search}</span>
                <Icon glyph=icon::SEARCH />
                <input type="search" name="q" value=filter.words.clone() placeholder=said.search maxlength="200" autocomplete="off" />
            </label>
            <select class="button gallery-model" name="model" aria-label=said.model>
                <option value="">{said.any_model}</option>
                {models
                    .into_iter()
                    .map(|(name, label)| {
                        let selected = chosen.as_ref() == Some(&name);
                        view! { <option value=name.to_string() selected=selected>{label}</option> }
                    })
                    .collect_view()}
            </select>
            <button class="button" type="button" popovertarget="gallery-more">
                <Icon glyph=icon::SLIDERS />
                {said.filters}
                {(count > 0).then(|| view! { <span class="count number">{count}</span> })}
            </button>
            <div class="gallery-way" id="gallery-way">
                {months(view, lang)}
                {narrowed.map(|href| view! { <a class="button quiet" href=href><Icon glyph=icon::CLOSE />{said.clear}</a> })}
            </div>
            <button class="button gallery-go">{said.show}</button>
            <button class="button gallery-choose" type="button" id="gallery-select" aria-pressed="false">
                <Icon glyph=icon::CHECK_BOX />
                {said.choose}
            </button>
            <div class="gallery-more" id="gallery-more" popover>
                <h2>{said.filters}</h2>
                {choice("shape", said.shape, said.any, Shape::ALL.map(|it| (it.as_str(), (said.shape_name)(it), filter.shape == Some(it))).to_vec())}
                {choice("medium", said.medium, said.any, Medium::ALL.map(|it| (it.as_str(), (said.medium_name)(it), filter.medium == Some(it))).to_vec())}
                {choice("status", said.status, said.any, Completeness::ALL.map(|it| (it.as_str(), (said.status_name)(it), filter.status == Some(it))).to_vec())}
                {date("from", said.from, filter.from)}
                {date("to", said.to, filter.to)}
                <button class="button primary">{said.show}</button>
            </div>
        </form>
    }
}

fn choice(
    name: &'static str,
    label: &'static str,
    any: &'static str,
    options: Vec<(&'static str, &'static str, bool)>,
) -> impl IntoView {
    view! {
        <label class="gallery-choice">
            <span>{label}</span>
            <select name=name>
                <option value="">{any}</option>
                {options
                    .into_iter()
                    .map(|(value, says, selected)| view! { <option value=value selected=selected>{says}</option> })
                    .collect_view()}
            </select>
        </label>
    }
}

fn date(name: &'static str, label: &'static str, day: Option<Day>) -> impl IntoView {
    view! {
        <label class="gallery-choice">
            <span>{label}</span>
            <input type="date" name=name value=day.map(Day::machine).unwrap_or_default() />
        </label>
    }
}

/// The way to a month, for who looks for something from long ago.
fn months(view: &GalleryView, lang: Lang) -> Option<impl IntoView + use<>> {
    let said = &text::pages(lang).gallery;
    let query = view.filter.to_query();
    let joined = if query.is_empty() { String::new() } else { format!("{query}&") };
    let months = view.months.clone();
    (months.len() > 1).then(|| {
        view! {
            <button class="button" type="button" popovertarget="gallery-months"><Icon glyph=icon::CALENDAR />{said.months}</button>
            <div class="gallery-months" id="gallery-months" popover>
                <ul>
                    {months
                        .into_iter()
                        .map(|month| {
                            let href = format!("/gallery?{joined}before={}", month.before);
                            view! { <li><a href=href>{time::month_name(month.year, month.month, lang)}</a></li> }
                        })
                        .collect_view()}
                </ul>
            </div>
        }
    })
}

/// What can be done with what is chosen. The stylesheet shows it as soon as anything is.
pub(super) fn selection(view: &GalleryView, lang: Lang) -> impl IntoView + use<> {
    let said = &text::pages(lang).gallery;
    let query = view.filter.to_query();
    let trash = view.filter.trash;
    let acts = if trash { in_trash(said).into_any() } else { in_gallery(view, said, lang).into_any() };
    view! {
        <form class="selection" id="marks" method="post" action="/gallery/marks" aria-label=said.selection>
            <input type="hidden" name="in" value=query />
            <input type="hidden" name="next" value=view.filter.href() />
            <p class="selection-count number" id="gallery-chosen" role="status"></p>
            <label class="selection-all">
                <input type="checkbox" name="all" value="1" />
                <span>{(said.select_all)(view.choices)}</span>
            </label>
            {acts}
            <button class="button quiet selection-clear" type="button" id="gallery-unselect" hidden>
                <Icon glyph=icon::CLOSE />
                <span>{said.unselect}</span>
            </button>
        </form>
    }
}

fn in_gallery(view: &GalleryView, said: &'static GalleryText, lang: Lang) -> impl IntoView + use<> {
    let compare = text::pages(lang).viewer.compare;
    let collections = view.collections.clone();
    let here = view.filter.collection.clone();
    view! {
        <button class="button" formaction="/gallery/zip" name="act" value="zip"><Icon glyph=icon::DOWNLOAD /><span>{said.zip}</span></button>
        <button class="button" formmethod="get" formaction="/compare"><Icon glyph=icon::SCALING /><span>{compare}</span></button>
        {if view.filter.favourites {
            view! { <button class="button" name="act" value="unfavourite"><Icon glyph=icon::HEART /><span>{said.unfavourite}</span></button> }
        } else {
            view! { <button class="button" name="act" value="favourite"><Icon glyph=icon::HEART /><span>{said.favourite}</span></button> }
        }}
        <button class="button" type="button" popovertarget="gallery-collect"><Icon glyph=icon::FOLDER /><span>{said.collect}</span></button>
        <div class="gallery-collect" id="gallery-collect" popover>
            <h2>{said.collect}</h2>
            {collections
                .into_iter()
                .map(|shelf| view! { <button class="button quiet" name="collect" value=shelf.id.to_string()>{shelf.name}</button> })
                .collect_view()}
            {here
                .map(|id| {
                    view! { <button class="button quiet" name="uncollect" value=id.to_string()>{said.uncollect}</button> }
                })}
            <label class="field">
                <span class="sr-only">{said.collection_name}</span>
                <input name="name" maxlength="60" autocomplete="off" placeholder=said.new_collection />
            </label>
            <button class="button" formaction="/gallery/collections" name="act" value="make">{said.make_collection}</button>
        </div>
        <button class="button danger" name="act" value="trash"><Icon glyph=icon::TRASH /><span>{said.delete}</span></button>
    }
}

fn in_trash(said: &'static GalleryText) -> impl IntoView {
    view! {
        <button class="button" name="act" value="restore"><Icon glyph=icon::UNDO /><span>{said.restore}</span></button>
        <button class="button danger" type="button" popovertarget="gallery-purge"><Icon glyph=icon::TRASH /><span>{said.purge}</span></button>
        <div class="gallery-purge" id="gallery-purge" popover>
            <h2>{said.purge_sure.title}</h2>
            <p>{said.purge_sure.body}</p>
            <button class="button danger" name="act" value="purge">{said.purge}</button>
            <button class="button quiet" type="button" popovertarget="gallery-purge" popovertargetaction="hide">{said.keep}</button>
        </div>
    }
}

/// The tools of one tile, which a script puts over the tile that is looked at.
pub(super) fn tools(lang: Lang) -> impl IntoView {
    let said = &text::pages(lang).gallery;
    view! {
        <div class="tile-tools" id="tile-tools" hidden>
            <button type="button" data-tool="favourite" aria-label=said.favourite title=said.favourite aria-pressed="false" tabindex="-1"><Icon glyph=icon::HEART /></button>
            <a data-tool="remix" href="/create" aria-label=said.remix title=said.remix tabindex="-1"><Icon glyph=icon::REPEAT /></a>
            <a data-tool="download" href="/gallery" download="" aria-label=said.download title=said.download tabindex="-1"><Icon glyph=icon::DOWNLOAD /></a>
        </div>
    }
}
