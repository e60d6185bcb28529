//! `/models`: what can be asked for, what it costs and how long it usually takes. The search stands in the address and is
//! answered by the server.

use crate::components::{Frame, Icon, Place, icon, query_value};
use crate::domain::catalogue::{Search, Usual};
use crate::domain::{Credits, Lang, Model, Task, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, CatalogueText};
use leptos::prelude::*;

/// Prices that can be chosen as the most, in credits.
const PRICES: [i64; 5] = [1, 5, 20, 100, 500];

/// A model as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCard {
    /// Which.
    pub model: Model,
    /// How long it takes, where enough is known.
    pub usual: Option<Usual>,
}

/// The catalogue for everybody who is signed in.
#[component]
pub fn Models(
    viewer: Viewer,
    start: LiveStart,
    /// What is looked for.
    search: Search,
    /// What was found, in the order of the catalogue.
    found: Vec<ModelCard>,
    /// Whether whoever looks keeps the catalogue.
    keeper: bool,
) -> impl IntoView {
    let lang = viewer.lang;
    let parcel = Parcel::new(start, viewer.balance);
    let (words, said) = (text::pages(lang), &text::pages(lang).catalogue);
    let count = (said.found)(i64::try_from(found.len()).unwrap_or(i64::MAX));
    let nothing = found.is_empty();
    view! {
        <Frame viewer parcel here=Place::Models>
            <div class="page-head">
                <h1>{words.frame.models}</h1>
                <p class="count number">{count}</p>
                {keeper.then(|| view! { <a class="button" href="/admin/models"><Icon glyph=icon::SLIDERS />{said.manage}</a> })}
            </div>
            {filters(&search, said)}
            {if nothing {
                view! {
                    <div class="empty">
                        <h2>{said.nothing.title}</h2>
                        <p>{said.nothing.body}</p>
                        {(!search.is_any()).then(|| view! { <a class="button" href="/models">{said.everything}</a> })}
                    </div>
                }
                    .into_any()
            } else {
                view! { <ul class="models">{found.iter().map(|found| card(found, lang)).collect_view()}</ul> }.into_any()
            }}
        </Frame>
    }
}

fn filters(search: &Search, said: &'static CatalogueText) -> impl IntoView + use<> {
    let Search { words, task, most } = search.clone();
    // A price that somebody wrote into the address themselves can be chosen as well.
    let own = most.map(|most| most.0).filter(|most| !PRICES.contains(most));
    let prices: Vec<i64> = PRICES.into_iter().chain(own).collect();
    view! {
        <form class="filters" method="get" action="/models" role="search">
            <label class="filter-words">
                <span>{said.search}</span>
                <input type="search" name="q" value=words maxlength="100" autocomplete="off" />
            </label>
            <label>
                <span>{said.task}</span>
                <select name="task">
                    <option value="">{said.any_task}</option>
                    {Task::ALL
                        .map(|each| {
                            view! { <option value=each.as_str() selected=task == Some(each)>{(said.task_name)(each)}</option> }
                        })
                        .collect_view()}
                </select>
            </label>
            <label>
                <span>{said.most}</span>
                <select name="price">
                    <option value="">{said.any_price}</option>
                    {prices
                        .into_iter()
                        .map(|price| {
                            let chosen = most == Some(Credits(price));
                            view! { <option value=price.to_string() selected=chosen>{(said.up_to)(price)}</option> }
                        })
                        .collect_view()}
                </select>
            </label>
            <button class="button">{said.show}</button>
        </form>
    }
}

fn card(found: &ModelCard, lang: Lang) -> impl IntoView + use<> {
    let said = &text::pages(lang).catalogue;
    let model = &found.model;
    let (label, sentence) = in_language(model, lang);
    let pinned = model.pinned().is_some();
    let newer = pinned && model.newest_version.as_ref().is_some_and(|newest| Some(newest) != model.version.as_ref());
    let usual = found.usual.map(|usual| {
        view! { <p class="model-fact"><Icon glyph=icon::CLOCK /><span class="number">{(said.usually)(usual)}</span></p> }
    });
    view! {
        <li class="card model" data-model=model.name.as_str().to_owned()>
            {cover(model)}
            <div class="model-words">
                <h2>{label}</h2>
                <p class="model-name">{model.name.as_str().to_owned()}</p>
                {(!sentence.is_empty()).then(|| view! { <p class="model-sentence">{sentence}</p> })}
                <p class="model-fact"><Icon glyph=icon::COINS /><span class="number">{(said.price_of)(model)}</span></p>
                {usual}
                <p class="model-marks">
                    <span class="badge">{(said.task_name)(model.task)}</span>
                    {pinned.then(|| view! { <span class="badge" title=said.pinned_note>{said.pinned}</span> })}
                    {newer.then(|| view! { <span class="badge warn">{said.newer}</span> })}
                    {model
                        .license_url
                        .clone()
                        .map(|url| view! { <a class="alone" href=url rel="noreferrer nofollow license">{said.licence}</a> })}
                </p>
                <a class="button model-choose" href=format!("/create?model={}", query_value(model.name.as_str()))>
                    {said.choose}
                    <span class="sr-only">{format!(": {}", in_language(model, lang).0)}</span>
                </a>
            </div>
        </li>
    }
}

/// A picture of what it makes, if it is a file of this house: others' may not be loaded here. Else a plate with its sign.
fn cover(model: &Model) -> AnyView {
    match model.cover_url.as_deref().filter(|url| url.starts_with('/') && !url.starts_with("//")) {
        Some(url) => {
            view! { <div class="model-cover"><img src=url.to_owned() alt="" loading="lazy" decoding="async" /></div> }.into_any()
        }
        None => view! { <div class="model-cover"><Icon glyph=sign(model.task) /></div> }.into_any(),
    }
}

const fn sign(task: Task) -> icon::Glyph {
    match task {
        Task::Image => icon::IMAGE,
        Task::Edit => icon::PENCIL,
        Task::Upscale => icon::SCALING,
        Task::Video => icon::FILM,
        Task::Audio => icon::WAVE,
        Task::Text => icon::LETTERS,
        Task::Data => icon::BRACES,
    }
}

/// Its name for people and its sentence, in their language where somebody wrote it.
pub(super) fn in_language(model: &Model, lang: Lang) -> (String, String) {
    let choose = |ja: &Option<String>, en: &String| match lang {
        Lang::Ja => ja.clone().unwrap_or_else(|| en.clone()),
        Lang::En => en.clone(),
    };
    (choose(&model.label_ja, &model.label), choose(&model.description_ja, &model.description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::samples::model;
    use serde_json::json;

    fn page(found: Vec<ModelCard>, search: Search, lang: Lang, keeper: bool) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        Owner::new().with(|| view! { <Models viewer start search found keeper /> }.to_html())
    }

    fn shown(change: impl Fn(&mut Model)) -> String {
        let mut model = model(&json!({}));
        change(&mut model);
        page(vec![ModelCard { model, usual: Some(Usual { from: 6, to: 9 }) }], Search::default(), Lang::En, false)
    }

    #[test]
    fn a_card_says_what_it_costs_how_long_it_takes_and_where_to_go() {
        let html = shown(|model| model.license_url = Some("https://example.com/licence".into()));
        for words in ["2 credits a picture", "usually 6–9 s", "href=\"/create?model=owner/name\"", "https://example.com/licence"]
        {
            assert!(html.contains(words), "{words}: {html}");
        }
        assert!(!html.contains("pinned") && !html.contains("/admin/"), "{html}");
    }

    #[test]
    fn only_a_pinned_model_says_so_and_that_there_is_a_newer_one() {
        let pin = |model: &mut Model| (model.official, model.version) = (false, Some("a".repeat(64)));
        assert!(shown(pin).contains(">pinned<") && !shown(pin).contains("newer version exists"));
        let newer = |model: &mut Model| {
            pin(model);
            model.newest_version = Some("b".repeat(64));
        };
        assert!(shown(newer).contains("newer version exists"));
        assert!(!shown(|model| model.newest_version = Some("b".repeat(64))).contains("newer version exists"));
    }

    #[test]
    fn a_cover_is_shown_only_when_it_is_ours() {
        assert!(shown(|model| model.cover_url = Some("/demo/1.webp".into())).contains("src=\"/demo/1.webp\""));
        for foreign in ["https://elsewhere.example/1.webp", "//elsewhere.example/1.webp"] {
            assert!(!shown(|model| model.cover_url = Some(foreign.into())).contains("<img"), "{foreign}");
        }
    }

    #[test]
    fn what_was_looked_for_stays_in_the_form_and_nothing_found_leads_back_to_everything() {
        let html = page(Vec::new(), Search::read("\"><script>x</script>", "video", "7"), Lang::Ja, true);
        assert!(!html.contains("<script>x") && html.contains("&lt;script&gt;") || html.contains("&quot;&gt;"), "{html}");
        assert!(html.contains("href=\"/models\"") && html.contains("7クレジットまで"), "{html}");
        assert!(html.contains("/admin/models") && html.contains(text::pages(Lang::Ja).catalogue.nothing.title), "{html}");
    }

    #[test]
    fn japanese_stands_where_somebody_wrote_it_and_english_where_nobody_did() {
        let mut named = model(&json!({}));
        (named.label_ja, named.description) = (Some("名前".into()), "A sentence.".into());
        let cards = vec![ModelCard { model: named, usual: None }];
        let html = page(cards, Search::default(), Lang::Ja, false);
        assert!(html.contains(">名前<") && html.contains("A sentence."), "{html}");
        assert!(!html.contains("通常"), "nothing is said where nothing is known");
    }
}
