//! `/s/{word}`: a picture for whoever was given its link, without a script and with no more than its owner chose to show.
//! `/shares`: all of a person's links, and the end of each.

use crate::components::{Frame, Icon, Moment, Place, Porch, icon, tile};
use crate::domain::{Lang, Medium, OutputView, Setting, ShareView, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, ShareText};
use leptos::prelude::*;

/// What a link shows. What its owner did not choose to show is not in here at all.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedPicture {
    /// The picture, its addresses below the link.
    pub output: OutputView,
    /// The prompt, where it is shown.
    pub prompt: Option<String>,
    /// Name of the model, seed and settings, where they are shown.
    pub settings: Option<Vec<(String, String)>>,
    /// What a text or a document says.
    pub document: Option<String>,
}

impl SharedPicture {
    /// Names a setting as the page does.
    pub fn lines(model: String, seed: Option<i64>, settings: &[Setting], lang: Lang) -> Vec<(String, String)> {
        let words = &text::pages(lang).viewer;
        let model = (words.model.to_owned(), model);
        let seed = seed.map(|seed| (words.seed.to_owned(), seed.to_string()));
        let rest = settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
        [model].into_iter().chain(seed).chain(rest).collect()
    }
}

/// The page of a link.
#[component]
pub fn SharedPage(viewer: Viewer, picture: SharedPicture) -> impl IntoView {
    let (words, names) = (&text::pages(viewer.lang).share, &text::pages(viewer.lang).viewer);
    let name = picture.prompt.as_deref().map_or_else(|| names.title.to_owned(), tile::alt);
    let output = picture.output;
    let url = output.url.clone();
    let shown = match output.medium() {
        Medium::Picture => view! {
            <a class="shared-picture" href=url.clone() style=tile::tile_style(&output)>
                <img src=output.large.clone() width=output.width.max(1) height=output.height.max(1) alt=name />
            </a>
        }
        .into_any(),
        Medium::Video => {
            view! { <video class="stage-video" src=url.clone() controls preload="metadata" playsinline aria-label=name></video> }
                .into_any()
        }
        Medium::Audio => view! { <audio src=url.clone() controls preload="metadata" aria-label=name></audio> }.into_any(),
        Medium::Text | Medium::Json => {
            view! { <pre class="stage-json" tabindex="0"><code>{picture.document}</code></pre> }.into_any()
        }
    };
    let line = |(name, value): (String, String)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    view! {
        <Porch viewer>
            <article class="shared">
                <h1 class="sr-only">{names.title}</h1>
                {shown}
                {picture.prompt.map(|prompt| view! { <p class="prompt-text">{prompt}</p> })}
                {picture.settings.map(|lines| view! { <dl class="facts">{lines.into_iter().map(line).collect_view()}</dl> })}
                <p class="shared-foot">
                    <span class="hint">{words.by}</span>
                    <a href=url>{words.open}</a>
                    <a href="/">{words.what_is_this}</a>
                </p>
            </article>
        </Porch>
    }
}

/// All live links of a person.
#[component]
pub fn SharesPage(viewer: Viewer, start: LiveStart, shares: Vec<ShareView>) -> impl IntoView {
    let lang = viewer.lang;
    let words = &text::pages(lang).share;
    let parcel = Parcel::new(start, viewer.balance);
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <div class="page-head"><h1>{words.title}</h1></div>
            <ShareList shares lang />
        </Frame>
    }
}

/// The list by itself, for any page that has room for it.
#[component]
pub fn ShareList(shares: Vec<ShareView>, lang: Lang) -> impl IntoView {
    let words = &text::pages(lang).share;
    if shares.is_empty() {
        return view! { <div class="empty"><h2>{words.empty.title}</h2><p>{words.empty.body}</p></div> }.into_any();
    }
    view! {
        <p class="keys-lead">{words.lead}</p>
        <ul class="shares">{shares.into_iter().map(|share| one(share, words, lang)).collect_view()}</ul>
    }
    .into_any()
}

fn one(share: ShareView, words: &'static ShareText, lang: Lang) -> impl IntoView {
    let viewer = &text::pages(lang).viewer;
    let shown = [(share.with_prompt, viewer.prompt), (share.with_settings, viewer.settings)];
    let shown: Vec<_> = shown.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    let shown = if shown.is_empty() { words.picture_only.to_owned() } else { shown.join(" · ") };
    let ends = match share.expires_at {
        Some(at) => view! { {words.ends} " " <Moment at lang /> }.into_any(),
        None => words.never_ends.into_any(),
    };
    let picture = share.output.as_ref().filter(|output| output.medium() == Medium::Picture).map(|output| {
        view! { <img src=output.small.clone() alt="" width=output.width height=output.height loading="lazy" /> }
    });
    let name = if share.output.is_some() { tile::alt(&share.prompt) } else { words.gone.to_owned() };
    view! {
        <li class="card">
            <a class="shares-picture" href=format!("/g/{}", share.generation)>{picture}<span>{name}</span></a>
            <input readonly value=share.address aria-label=words.link />
            <p class="hint">
                <span>{words.shows} " " {shown}</span>
                <span>{words.made} " " <Moment at=share.created_at lang /></span>
                <span>{ends}</span>
            </p>
            <form method="post" action=format!("/shares/{}/revoke", share.id) data-form="revoke">
                <button class="button"><Icon glyph=icon::CLOSE />{words.revoke}</button>
            </form>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    fn picture(prompt: Option<&str>) -> SharedPicture {
        let output = samples::succeeded(1).outputs.remove(0);
        SharedPicture { output, prompt: prompt.map(str::to_owned), settings: None, document: None }
    }

    #[test]
    fn a_shared_page_has_no_script_and_a_prompt_only_where_it_is_given() {
        let page = |picture| Owner::new().with(|| view! { <SharedPage viewer=samples::viewer(Lang::En) picture /> }.to_html());
        let bare = page(picture(None));
        assert!(!bare.contains("<script") && !bare.contains("prompt-text"), "{bare}");
        assert!(page(picture(Some("a <b>boat</b>"))).contains("a &lt;b&gt;boat"));
    }

    #[test]
    fn an_empty_list_says_how_to_make_a_link() {
        let html = Owner::new().with(|| view! { <ShareList shares=vec![] lang=Lang::Ja /> }.to_html());
        assert!(html.contains("リンクを作れます"), "{html}");
    }
}
