//! The shelves: everything, the favourites, the collections, the trash; and the form of the collection that is looked at.

use super::{GalleryView, Shelf};
use crate::components::{Icon, icon};
use crate::domain::{GalleryFilter, Lang};
use crate::text::{self, GalleryText};
use leptos::prelude::*;

pub(super) fn shelves(view: &GalleryView, lang: Lang) -> impl IntoView + use<> {
    let said = &text::pages(lang).gallery;
    let here = view.filter.shelf();
    let link = |filter: GalleryFilter, name: String, glyph: Option<icon::Glyph>, count: Option<i64>| {
        let current = (filter == here).then_some("page");
        view! {
            <li>
                <a class="shelf" href=filter.href() aria-current=current data-drop=filter.collection.map(|id| id.to_string())>
                    {glyph.map(|glyph| view! { <Icon glyph /> })}
                    <span>{name}</span>
                    {count.map(|count| view! { <span class="count number">{text::number(count)}</span> })}
                </a>
            </li>
        }
    };
    let favourites = GalleryFilter { favourites: true, ..GalleryFilter::default() };
    let trash = GalleryFilter { trash: true, ..GalleryFilter::default() };
    let open = view.collections.iter().find(|shelf| Some(&shelf.id) == here.collection.as_ref()).cloned();
    view! {
        <nav class="shelves" aria-label=said.shelves>
            <ul>
                {link(GalleryFilter::default(), said.all.to_owned(), Some(icon::IMAGES), None)}
                {link(favourites, said.favourites.to_owned(), Some(icon::HEART), None)}
                {view
                    .collections
                    .iter()
                    .map(|shelf| {
                        let filter = GalleryFilter { collection: Some(shelf.id.clone()), ..GalleryFilter::default() };
                        link(filter, shelf.name.clone(), Some(icon::FOLDER), Some(shelf.items))
                    })
                    .collect_view()}
                {link(trash, said.trash.to_owned(), Some(icon::TRASH), None)}
            </ul>
        </nav>
        {open.map(|shelf| form(&shelf, said))}
    }
}

/// Another name for the collection that is looked at, or its end.
fn form(shelf: &Shelf, said: &'static GalleryText) -> impl IntoView + use<> {
    let (id, name) = (shelf.id.to_string(), shelf.name.clone());
    view! {
        <details class="collection-form">
            <summary class="button quiet"><Icon glyph=icon::PENCIL />{said.edit_collection}</summary>
            <form method="post" action="/gallery/collections">
                <input type="hidden" name="collection" value=id.clone() />
                <label class="field">
                    <span class="sr-only">{said.collection_name}</span>
                    <input name="name" value=name maxlength="60" required autocomplete="off" />
                </label>
                <button class="button" name="act" value="rename">{said.rename}</button>
            </form>
            <form method="post" action="/gallery/collections">
                <input type="hidden" name="collection" value=id />
                <button class="button quiet danger" name="act" value="remove">{said.remove_collection}</button>
                <p class="hint">{said.remove_note}</p>
            </form>
        </details>
    }
}
