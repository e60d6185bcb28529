//! `/g/{id}`: one generation. Its pictures on a bare canvas with everything known about them beside; while it runs, how far
//! it is; when it failed, why, and that the credits are back.
//!
//! The gallery takes the `article` of this page into a dialog of its own (`public/js/viewer.js`), so that everything in it
//! works there as well as here: by links and forms, which the script only spares the waiting.

mod facts;
mod stage;
mod ways;

pub use facts::file_kind;

use crate::components::{Frame, Icon, Place, icon, tile};
use crate::domain::{Credits, GenerationView, Lang, OutputView, Receipt, Refusal, Setting, ShareView, Verdict, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, ViewerText};
use leptos::prelude::*;
use serde_json::json;

/// Everything the page of one generation shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// All that is known of it.
    pub receipt: Receipt,
    /// Which of its outputs is shown, from 0; the first when there is no such one.
    pub shown: usize,
    /// What a text or a document says, whole.
    pub document: Option<String>,
    /// What the model was told, changed settings first.
    pub settings: Vec<Setting>,
    /// How it stands in the gallery.
    pub standing: Standing,
    /// What it was made from, as far as that is still there.
    pub parent: Option<GenerationView>,
    /// What was made from it, newest first.
    pub children: Vec<GenerationView>,
    /// How it compares with what it repeats.
    pub verdict: Option<Verdict>,
    /// The key of the next press of *make it again*.
    pub again_key: String,
    /// What that costs; `None` when the model is not on offer any more.
    pub again_price: Option<Credits>,
    /// Why the last press was not taken.
    pub refusal: Option<Refusal>,
    /// Live links to its pictures, newest first.
    pub shares: Vec<ShareView>,
    /// The id of the next link.
    pub share_id: String,
}

/// How a generation stands in its owner's gallery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The view it is looked at in: a query without a question mark, empty for everything.
    pub view: String,
    /// The address of what stands before the shown picture, if anything.
    pub newer: Option<String>,
    /// The address of what stands behind it, if anything.
    pub older: Option<String>,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// Whether it is in the trash.
    pub trashed: bool,
}

impl Seen {
    fn chosen(&self) -> Option<&OutputView> {
        let outputs = &self.receipt.generation.outputs;
        outputs.get(self.shown).or_else(|| outputs.first())
    }
}

impl Standing {
    /// The address of the gallery in the same view.
    fn gallery(&self) -> String {
        if self.view.is_empty() { "/gallery".to_owned() } else { format!("/gallery?{}", self.view) }
    }

    /// The address of a picture in the same view.
    pub fn address(&self, generation: &str, place: &str) -> String {
        let place = if place == "0" { String::new() } else { format!("i={place}") };
        match [place.as_str(), self.view.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&") {
            query if query.is_empty() => format!("/g/{generation}"),
            query => format!("/g/{generation}?{query}"),
        }
    }
}

/// The page of a generation.
#[component]
pub fn ViewerPage(viewer: Viewer, start: LiveStart, seen: Seen) -> impl IntoView {
    let lang = viewer.lang;
    let generation = &seen.receipt.generation;
    let running = if generation.phase.is_terminal() { Vec::new() } else { vec![generation.clone()] };
    let parcel = Parcel { generations: running, ..Parcel::new(start, viewer.balance) };
    view! { <Frame viewer parcel here=Place::Gallery>{article(&seen, lang)}</Frame> }
}

/// What the gallery takes into its dialog.
fn article(seen: &Seen, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).viewer;
    let generation = &seen.receipt.generation;
    let chosen = seen.chosen();
    view! {
        <article
            class="viewer"
            data-id=generation.id.to_string()
            data-place=chosen.map_or(0, |output| output.index)
            data-newer=seen.standing.newer.clone()
            data-older=seen.standing.older.clone()
            data-prompt=json!(generation.prompt).to_string()
            data-words=said(words, text::pages(lang).share.copied)
        >
            <div class="stage">
                <div class="stage-bar">
                    <a class="button quiet stage-back" href=seen.standing.gallery() data-act="close">
                        <Icon glyph=icon::ARROW_LEFT />
                        {words.back}
                    </a>
                    {chosen.is_some().then(|| stage::tools(words))}
                </div>
                {seen.standing.trashed.then(|| view! { <p class="notice warn"><Icon glyph=icon::ALERT />{words.in_trash}</p> })}
                <div class="stage-room">
                    {stage::step(seen.standing.newer.clone(), "prev", words.newer, icon::ARROW_LEFT)}
                    {match chosen {
                        Some(output) => stage::stage(generation, output, seen.document.as_deref()),
                        None => stage::without_picture(generation, lang).into_any(),
                    }}
                    {stage::step(seen.standing.older.clone(), "next", words.older, icon::ARROW_RIGHT)}
                </div>
                {strip(seen, chosen, words)}
            </div>
            <div class="panel" id="panel">
                <h1 class="sr-only">{words.title}</h1>
                {chosen.map(|output| ways::ways(seen, output, lang))}
                {facts::prompt(generation, lang)}
                {facts::verdict(seen.verdict, words)}
                {facts::facts(seen, chosen, lang)}
                {facts::lineage(seen, words)}
                {chosen.map(|output| ways::more(seen, output, lang))}
            </div>
        </article>
    }
}

/// What the script says by itself, as a text of JSON.
fn said(words: &ViewerText, link_copied: &str) -> String {
    json!({
        "prompt": words.copied_prompt, "seed": words.copied_seed, "link": link_copied, "zoom": words.zoom, "fit": words.fit,
        "favourite": words.is_favourite, "unfavourite": words.not_favourite, "trash": words.trashed, "restore": words.restored,
        "failed": words.failed, "viewer": words.title,
    })
    .to_string()
}

/// All pictures of the generation, when there are several; the shown one is marked.
fn strip(seen: &Seen, chosen: Option<&OutputView>, words: &'static ViewerText) -> impl IntoView + use<> {
    let generation = &seen.receipt.generation;
    let chosen = chosen.map(|output| output.index);
    let standing = seen.standing.clone();
    let id = generation.id.to_string();
    let several = generation.outputs.len() > 1;
    let tiles = if several { tile::tiles(generation) } else { Vec::new() };
    several.then(|| {
        view! {
            <nav class="strip" aria-label=words.others>
                {tiles
                    .into_iter()
                    .map(|tile| {
                        let current = (Some(tile.output.index) == chosen).then_some("page");
                        stage::small(&tile, standing.address(&id, &tile.output.index.to_string()), current)
                    })
                    .collect_view()}
            </nav>
        }
    })
}

#[cfg(test)]
mod tests;
