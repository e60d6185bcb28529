//! The canvas: what was made, to be looked at, heard or read, or what stands in its place; and the buttons around it.

use crate::components::{Icon, icon, thumb, tile};
use crate::domain::{GenerationView, Lang, Medium, OutputView, Phase};
use crate::islands::RunningGeneration;
use crate::text::{self, ViewerText, live};
use leptos::prelude::*;

/// What the script can do with a picture; hidden until it is there. What can be dragged can be done by a button as well.
pub(super) fn tools(words: &'static ViewerText) -> impl IntoView {
    let pan = |act: &'static str, name: &'static str, turn: &'static str| {
        view! {
            <button type="button" class="button quiet" data-act=act data-turn=turn aria-label=name title=name hidden>
                <Icon glyph=icon::ARROW_RIGHT />
            </button>
        }
    };
    view! {
        <div class="stage-tools">
            {pan("pan-left", words.pan_left, "180")}
            {pan("pan-up", words.pan_up, "270")}
            {pan("pan-down", words.pan_down, "90")}
            {pan("pan-right", words.pan_right, "0")}
            <button type="button" class="button quiet" data-act="zoom" aria-pressed="false" hidden>
                <Icon glyph=icon::SCALING />
                <span>{words.zoom}</span>
            </button>
            <button type="button" class="button quiet" data-act="info" aria-pressed="true" aria-controls="panel" hidden>
                <Icon glyph=icon::INFO />
                <span>{words.info}</span>
            </button>
        </div>
    }
}

/// The way to the picture before or behind; nothing at either end.
pub(super) fn step(href: Option<String>, rel: &'static str, name: &'static str, glyph: icon::Glyph) -> impl IntoView {
    href.map(|href| {
        view! {
            <a class="stage-step" href=href rel=rel data-act=rel aria-label=name title=name>
                <Icon glyph />
            </a>
        }
    })
}

/// What was made, to be looked at, heard or read.
pub(super) fn stage(generation: &GenerationView, output: &OutputView, document: Option<&str>) -> AnyView {
    let (url, name) = (output.url.clone(), tile::alt(&generation.prompt));
    let text = || document.unwrap_or_default().to_owned();
    match output.medium() {
        Medium::Picture => picture(generation, output).into_any(),
        Medium::Video => {
            view! { <video class="stage-video" src=url controls preload="metadata" playsinline aria-label=name></video> }
                .into_any()
        }
        Medium::Audio => {
            view! { <div class="stage-audio"><audio src=url controls preload="metadata" aria-label=name></audio></div> }
                .into_any()
        }
        Medium::Text => view! { <div class="stage-text" tabindex="0" role="document">{text()}</div> }.into_any(),
        Medium::Json => view! { <pre class="stage-json" tabindex="0"><code>{text()}</code></pre> }.into_any(),
    }
}

fn picture(generation: &GenerationView, output: &OutputView) -> impl IntoView + use<> {
    let (width, height) = (output.width.max(1), output.height.max(1));
    view! {
        <a class="stage-picture" href=output.url.clone() style=tile::tile_style(output)>
            <img
                src=output.large.clone()
                srcset=format!("{} {}w, {} {width}w", output.large, tile::scaled(width, height, tile::LARGE), output.url)
                sizes=format!("(max-width: 899px) 100vw, min(60vw, {width}px)")
                width=width
                height=height
                alt=tile::alt(&generation.prompt)
                fetchpriority="high"
                draggable="false"
            />
        </a>
    }
}

/// What stands where the picture would be.
pub(super) fn without_picture(generation: &GenerationView, lang: Lang) -> impl IntoView + use<> {
    let (words, said) = (&text::pages(lang).viewer, live::of(lang));
    if !generation.phase.is_terminal() {
        let path = format!("/g/{}", generation.id);
        return view! {
            <div class="stage-note">
                <RunningGeneration />
                <noscript><p class="hint">{words.waiting} " " <a href=path>{words.reload}</a></p></noscript>
            </div>
        }
        .into_any();
    }
    let (what, then) = match generation.phase {
        Phase::Failed(failure) => ((said.failure)(failure).what, Some((said.failure)(failure).then)),
        phase => ((said.phase)(phase), None),
    };
    let returned = generation.returned().0;
    view! {
        <div class="stage-note" data-gen-id=generation.id.to_string() data-state=generation.phase.as_str() data-cost=generation.price.0>
            <p class="stage-what">{what}</p>
            {then.map(|then| view! { <p>{then}</p> })}
            {(returned > 0).then(|| view! { <p class="badge ok"><Icon glyph=icon::UNDO />{(said.returned)(returned)}</p> })}
            <a class="button primary" href=format!("/create?remix={}", generation.id)>{said.edit_and_retry}</a>
        </div>
    }
    .into_any()
}

/// One output, small, as a link.
pub(super) fn small(tile: &tile::TileView, href: String, current: Option<&'static str>) -> AnyView {
    let style = tile::tile_style(&tile.output);
    if tile.output.medium() != Medium::Picture {
        return view! {
            <a href=href aria-current=current style=style aria-label=tile.alt.clone()>
                {thumb::plate(&tile.output, tile.text.as_deref())}
            </a>
        }
        .into_any();
    }
    view! {
        <a href=href aria-current=current style=style>
            <img
                src=tile.output.small.clone()
                alt=tile.alt.clone()
                width=tile.output.width
                height=tile.output.height
                decoding="async"
            />
        </a>
    }
    .into_any()
}
