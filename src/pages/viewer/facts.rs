//! What is known of a picture: its prompt, what was changed, the seed, where the time and the credits went, and what it
//! comes from.

use super::{Seen, stage};
use crate::components::{Icon, Moment, icon, thumb, tile};
use crate::domain::{GenerationView, Lang, Medium, OutputView, Parent, Setting, Times, Verdict};
use crate::text::{self, ViewerText, live};
use leptos::prelude::*;

/// The prompt, and a button that copies it.
pub(super) fn prompt(generation: &GenerationView, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).viewer;
    let name = words.copy_prompt;
    view! {
        <section>
            <div class="panel-head">
                <h2>{words.prompt}</h2>
                <button type="button" class="button quiet" data-act="copy-prompt" aria-label=name title=name hidden>
                    <Icon glyph=icon::COPY />
                </button>
            </div>
            <p class="prompt-text" lang=language_of(&generation.prompt, lang)>{generation.prompt.clone()}</p>
        </section>
    }
}

/// What became of the same input, asked for once more.
pub(super) fn verdict(verdict: Option<Verdict>, words: &'static ViewerText) -> impl IntoView {
    verdict.map(|verdict| {
        let (said, class) = match verdict {
            Verdict::Identical => (words.identical, "badge ok"),
            Verdict::Alike => (words.alike, "badge ok"),
            Verdict::Changed => (words.different, "badge warn"),
        };
        view! {
            <div class="verdict" data-verdict=verdict.as_str()>
                <p class=class><Icon glyph=icon::REPEAT />{said.title}</p>
                <p class="hint">{said.body}</p>
            </div>
        }
    })
}

/// Everything known, as pairs; what somebody changed comes first.
pub(super) fn facts(seen: &Seen, output: Option<&OutputView>, lang: Lang) -> impl IntoView + use<> {
    let (words, said) = (&text::pages(lang).viewer, live::of(lang));
    let generation = &seen.receipt.generation;
    let (changed, rest): (Vec<_>, Vec<_>) = seen.settings.iter().cloned().partition(|setting| setting.changed);
    let partly = generation.is_partial();
    let kept = i64::try_from(generation.outputs.len()).unwrap_or_default();
    let returned = generation.returned().0;
    let times = seen.receipt.times;
    view! {
        {(!changed.is_empty())
            .then(|| view! { <section data-part="changed"><h2>{words.changed}</h2><dl class="facts">{settings(changed)}</dl></section> })}
        <dl class="facts">{pairs(seen, output, lang)}</dl>
        {times.map(|times| time_bar(times, lang))}
        {partly.then(|| view! { <p class="badge ok"><Icon glyph=icon::UNDO />{(said.kept_part)(kept, generation.count, returned)}</p> })}
        <p class="panel-receipt">
            <a class="button" href=format!("/g/{}/receipt", generation.id)>{words.receipt}</a>
            {output.map(|output| view! { <code title=output.sha256.clone()>{words.hash} " " {shortened(&output.sha256)}</code> })}
        </p>
        {(!rest.is_empty())
            .then(|| {
                view! { <details class="panel-more"><summary>{words.settings}</summary><dl class="facts">{settings(rest)}</dl></details> }
            })}
        {references(seen, words)}
    }
}

fn pairs(seen: &Seen, output: Option<&OutputView>, lang: Lang) -> impl IntoView + use<> {
    let (words, said) = (&text::pages(lang).viewer, live::of(lang));
    let generation = &seen.receipt.generation;
    let pair = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd class="number">{value}</dd></div> };
    let took = generation.started_at.zip(generation.finished_at).map(|(from, to)| (said.seconds)(to.since(from).max(0) / 100));
    let pictured = output.is_none_or(|output| output.medium() == Medium::Picture);
    let version = seen.receipt.version.as_deref().and_then(|version| version.get(..8));
    let model = view! {
        {generation.model_label.clone()}
        <small>{generation.model.to_string()} {version.map(|version| format!("@{version}"))}</small>
    };
    view! {
        {pair(words.model, model.into_any())}
        {pair(words.seed, seed(generation, words).into_any())}
        {pictured.then(|| pair(words.shape, generation.aspect.as_str().into_any()))}
        {output.filter(|output| output.width > 0).map(|output| pair(words.size, format!("{} × {}", output.width, output.height).into_any()))}
        {output.and_then(|output| output.duration_ms).map(|length| pair(words.length, thumb::length(length).into_any()))}
        {pair(words.made, view! { <Moment at=generation.created_at lang /> }.into_any())}
        {took.map(|took| pair(words.took, took.into_any()))}
        {output.map(|output| pair(words.file, file(output).into_any()))}
        {pair(words.price_path, view! { <span data-part="credits">{price_path(generation, words)}</span> }.into_any())}
    }
}

fn seed(generation: &GenerationView, words: &'static ViewerText) -> impl IntoView + use<> {
    let Some(seed) = generation.seed else { return words.seed_free.into_any() };
    let name = words.copy_seed;
    view! {
        {seed.to_string()}
        <button type="button" class="button quiet tiny" data-act="copy-seed" data-value=seed aria-label=name title=name hidden>
            <Icon glyph=icon::COPY />
        </button>
    }
    .into_any()
}

fn settings(settings: Vec<Setting>) -> impl IntoView {
    settings.into_iter().map(|setting| view! { <div><dt>{setting.name}</dt><dd>{setting.value}</dd></div> }).collect_view()
}

fn references(seen: &Seen, words: &'static ViewerText) -> impl IntoView + use<> {
    let files = seen.receipt.references.clone();
    (!files.is_empty()).then(|| {
        let one = |file: crate::domain::Reference| {
            let address = format!("/api/app/files/{}", file.id);
            let shown = match Medium::of(&file.content_type) {
                Medium::Picture => view! { <img src=address.clone() alt=file.name.clone() loading="lazy" /> }.into_any(),
                _ => file.name.clone().into_any(),
            };
            view! { <a href=address>{shown}</a> }
        };
        view! {
            <section>
                <h2>{words.references}</h2>
                <div class="panel-pictures">{files.into_iter().map(one).collect_view()}</div>
            </section>
        }
    })
}

/// What it comes from and what it led to, and the way to lay two of them beside each other.
pub(super) fn lineage(seen: &Seen, words: &'static ViewerText) -> impl IntoView + use<> {
    let here = seen.receipt.generation.id.to_string();
    let parent = seen.parent.as_ref().zip(seen.receipt.parent.as_ref()).map(|(view, parent)| {
        let name = if matches!(parent, Parent::Again(_)) { words.repeats } else { words.remixed };
        let compare = format!("/compare?a={}&b={here}", view.id);
        view! {
            <p class="hint">{name}</p>
            <div class="panel-pictures">{first(view)}</div>
            <a class="button" href=compare>{words.compare}</a>
        }
    });
    let children = (!seen.children.is_empty()).then(|| {
        let compare = seen.children.first().map(|child| format!("/compare?a={here}&b={}", child.id));
        view! {
            <p class="hint">{words.led_to}</p>
            <div class="panel-pictures">{seen.children.iter().map(first).collect_view()}</div>
            {compare.map(|href| view! { <a class="button" href=href>{words.compare}</a> })}
        }
    });
    (parent.is_some() || children.is_some()).then(|| {
        view! { <section class="lineage"><h2>{words.lineage}</h2>{parent}{children}</section> }
    })
}

fn first(generation: &GenerationView) -> AnyView {
    match tile::tiles(generation).first() {
        Some(tile) => stage::small(tile, tile.href.clone(), None),
        None => view! { <a href=format!("/g/{}", generation.id)>{tile::alt(&generation.prompt)}</a> }.into_any(),
    }
}

/// Where the time went: a bar in proportion, and the same in words; what took next to nothing is left out.
pub fn time_bar(times: Times, lang: Lang) -> impl IntoView {
    let parts = time_parts(times, lang);
    let whole: i64 = parts.iter().map(|(_, ms, _)| ms).sum::<i64>().max(1);
    let bars = parts.iter().map(|(_, ms, at)| {
        view! { <span data-part=*at style=format!("flex-grow:{}", ms * 1_000 / whole)></span> }
    });
    let told = parts.iter().map(|(name, ms, at)| {
        view! { <li data-part=*at>{format!("{name} {}", (live::of(lang).seconds)(ms / 100))}</li> }
    });
    view! {
        <section class="times">
            <h2>{text::pages(lang).viewer.times}</h2>
            <div class="time-bar" aria-hidden="true">{bars.collect_view()}</div>
            <ul class="number">{told.collect_view()}</ul>
        </section>
    }
}

fn time_parts(times: Times, lang: Lang) -> Vec<(&'static str, i64, &'static str)> {
    let words = &text::pages(lang).viewer;
    let parts = [
        (words.time_queue, times.queue, "queue"),
        (words.time_boot, times.boot, "boot"),
        (words.time_run, times.run, "run"),
        (words.time_save, times.save, "save"),
    ];
    parts.into_iter().filter(|(_, ms, _)| *ms >= 100).collect()
}

/// The way of the credits in one line: quoted 4 → held 4 → charged 3 → returned 1.
pub(super) fn price_path(generation: &GenerationView, words: &ViewerText) -> String {
    let steps = [
        (words.quoted, generation.price),
        (words.held, generation.price),
        (words.charged, generation.captured),
        (words.returned, generation.returned()),
    ];
    let told = steps.into_iter().filter(|(_, credits)| credits.0 > 0);
    told.map(|(step, credits)| format!("{step} {}", text::number(credits.0))).collect::<Vec<_>>().join(" → ")
}

/// `9f2c1a…44e1`
fn shortened(hash: &str) -> String {
    match (hash.get(..6), hash.get(hash.len().saturating_sub(4)..)) {
        (Some(start), Some(end)) if hash.len() > 12 => format!("{start}…{end}"),
        _ => hash.to_owned(),
    }
}

/// What people call a content type.
pub fn file_kind(content_type: &str) -> &str {
    match content_type {
        "image/png" => "PNG",
        "image/jpeg" => "JPEG",
        "image/webp" => "WebP",
        "image/gif" => "GIF",
        "video/mp4" => "MP4",
        "video/webm" => "WebM",
        "audio/wav" => "WAV",
        "audio/mpeg" => "MP3",
        "audio/flac" => "FLAC",
        "audio/ogg" => "Ogg",
        "audio/mp4" => "M4A",
        "application/json" => "JSON",
        other if other.starts_with("text/") => "TXT",
        other => other,
    }
}

/// `PNG, 1.4 MB`
pub(super) fn file(output: &OutputView) -> String {
    let kilobytes = output.bytes / 1_000;
    let size = if kilobytes >= 1_000 {
        format!("{}.{} MB", kilobytes / 1_000, kilobytes % 1_000 / 100)
    } else {
        format!("{kilobytes} kB")
    };
    format!("{}, {size}", file_kind(&output.content_type))
}

/// A Japanese prompt on an English page, or the other way round, is read out in its own voice.
pub(super) fn language_of(prompt: &str, page: Lang) -> Option<&'static str> {
    let kana = prompt.chars().any(|c| matches!(c, 'ぁ'..='ヿ' | '一'..='龯'));
    let spoken = if kana { Lang::Ja } else { Lang::En };
    (spoken != page).then_some(spoken.as_str())
}
