//! `/g/{id}`: one generation. Its pictures on a bare canvas with everything known about them beside; while it runs, how far
//! it is; when it failed, why, and that the credits are back.

use crate::components::{Frame, Icon, Moment, Place, icon, thumb, tile};
use crate::domain::{GenerationView, Lang, Medium, OutputView, Phase, Times, Viewer};
use crate::islands::{CopyButton, LiveStart, Parcel, RunningGeneration};
use crate::text::{self, ViewerText, live};
use leptos::prelude::*;

/// The page of a generation.
#[component]
pub fn ViewerPage(
    viewer: Viewer,
    start: LiveStart,
    generation: GenerationView,
    /// Which of its pictures is shown, from 0 (`?i=`); the first when there is no such one.
    shown: usize,
    /// What a text or a document says, whole.
    document: Option<String>,
    /// Where the time went, once it is over.
    times: Option<Times>,
) -> impl IntoView {
    let lang = viewer.lang;
    let words = &text::pages(lang).viewer;
    let parcel = Parcel {
        generations: if generation.phase.is_terminal() { Vec::new() } else { vec![generation.clone()] },
        copy: generation.prompt.clone(),
        ..Parcel::new(start, viewer.balance)
    };
    let chosen = generation.outputs.get(shown).or_else(|| generation.outputs.first()).cloned();
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <article class="viewer">
                <div class="stage">
                    <a class="button quiet stage-back" href="/gallery"><Icon glyph=icon::ARROW_LEFT />{words.back}</a>
                    {match &chosen {
                        Some(output) => stage(&generation, output, document.as_deref()),
                        None => without_picture(&generation, lang).into_any(),
                    }}
                    {strip(&generation, chosen.as_ref(), words)}
                </div>
                <div class="panel">
                    <h1 class="sr-only">{words.title}</h1>
                    {chosen
                        .as_ref()
                        .map(|output| {
                            view! {
                                <p class="panel-ways">
                                    <a class="button primary" href=format!("/create?remix={}", generation.id)>
                                        <Icon glyph=icon::REPEAT />
                                        {words.remix}
                                    </a>
                                    <a class="button" href=output.url.clone() download=file_name(&generation, output)>
                                        <Icon glyph=icon::DOWNLOAD />
                                        {words.download}
                                    </a>
                                </p>
                            }
                        })}
                    <section>
                        <div class="panel-head">
                            <h2>{words.prompt}</h2>
                            <CopyButton />
                        </div>
                        <p class="prompt-text" lang=language_of(&generation.prompt, lang)>{generation.prompt.clone()}</p>
                    </section>
                    {facts(&generation, chosen.as_ref(), times, lang)}
                </div>
            </article>
        </Frame>
    }
}

/// What was made, to be looked at, heard or read.
fn stage(generation: &GenerationView, output: &OutputView, document: Option<&str>) -> AnyView {
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
            />
        </a>
    }
}

/// What stands where the picture would be.
fn without_picture(generation: &GenerationView, lang: Lang) -> impl IntoView + use<> {
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

/// All pictures of the generation, when there are several; the shown one is marked.
fn strip(generation: &GenerationView, chosen: Option<&OutputView>, words: &'static ViewerText) -> impl IntoView + use<> {
    let chosen = chosen.map(|output| output.index);
    let several = generation.outputs.len() > 1;
    let tiles = if several { tile::tiles(generation) } else { Vec::new() };
    several.then(|| {
        view! {
            <nav class="strip" aria-label=words.others>
                {tiles
                    .into_iter()
                    .map(|tile| {
                        let current = (Some(tile.output.index) == chosen).then_some("page");
                        let style = tile::tile_style(&tile.output);
                        if tile.output.medium() != Medium::Picture {
                            return view! {
                                <a href=tile.href aria-current=current style=style aria-label=tile.alt>
                                    {thumb::plate(&tile.output, tile.text.as_deref())}
                                </a>
                            }
                                .into_any();
                        }
                        view! {
                            <a href=tile.href aria-current=current style=style>
                                <img
                                    src=tile.output.small
                                    alt=tile.alt
                                    width=tile.output.width
                                    height=tile.output.height
                                    decoding="async"
                                />
                            </a>
                        }
                            .into_any()
                    })
                    .collect_view()}
            </nav>
        }
    })
}

/// Everything known, as pairs.
fn facts(generation: &GenerationView, output: Option<&OutputView>, times: Option<Times>, lang: Lang) -> impl IntoView + use<> {
    let (words, said) = (&text::pages(lang).viewer, live::of(lang));
    let pair = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd class="number">{value}</dd></div> };
    let took = generation.started_at.zip(generation.finished_at).map(|(from, to)| (said.seconds)(to.since(from).max(0) / 100));
    let seed = generation.seed.map_or_else(|| words.seed_free.to_owned(), |seed| seed.to_string());
    let partly = generation.is_partial();
    let pictured = output.is_none_or(|output| output.medium() == Medium::Picture);
    let kept = i64::try_from(generation.outputs.len()).unwrap_or_default();
    let returned = generation.returned().0;
    view! {
        <dl class="facts">
            {pair(words.model, generation.model_label.clone().into_any())}
            {pictured.then(|| pair(words.shape, generation.aspect.as_str().into_any()))}
            {output.filter(|output| output.width > 0).map(|output| pair(words.size, format!("{} × {}", output.width, output.height).into_any()))}
            {output.and_then(|output| output.duration_ms).map(|length| pair(words.length, thumb::length(length).into_any()))}
            {pair(words.seed, seed.into_any())}
            {pair(words.made, view! { <Moment at=generation.created_at lang /> }.into_any())}
            {took.map(|took| pair(words.took, took.into_any()))}
            {times.map(|times| pair(words.times, time_path(times, words, lang).into_any()))}
            {output.map(|output| pair(words.file, file(output).into_any()))}
            {pair(words.price_path, price_path(generation, words).into_any())}
        </dl>
        {partly.then(|| view! { <p class="badge ok"><Icon glyph=icon::UNDO />{(said.kept_part)(kept, generation.count, returned)}</p> })}
        {output
            .map(|output| {
                view! {
                    <div class="hash">
                        <h2>{words.hash}</h2>
                        <p class="hint">{words.hash_note}</p>
                        <code>{output.sha256.clone()}</code>
                    </div>
                }
            })}
    }
}

/// Where the time went, in one line; what took next to nothing is left out.
fn time_path(times: Times, words: &ViewerText, lang: Lang) -> String {
    let said = live::of(lang);
    let parts = [
        (words.time_queue, times.queue),
        (words.time_boot, times.boot),
        (words.time_run, times.run),
        (words.time_save, times.save),
    ];
    let told = parts.into_iter().filter(|(_, ms)| *ms >= 100);
    told.map(|(part, ms)| format!("{part} {}", (said.seconds)(ms / 100))).collect::<Vec<_>>().join(" · ")
}

/// The way of the credits in one line: held 4 → charged 3 → returned 1.
fn price_path(generation: &GenerationView, words: &ViewerText) -> String {
    let steps = [(words.held, generation.price), (words.charged, generation.captured), (words.returned, generation.returned())];
    let told = steps.into_iter().filter(|(_, credits)| credits.0 > 0);
    told.map(|(step, credits)| format!("{step} {}", text::number(credits.0))).collect::<Vec<_>>().join(" → ")
}

/// `PNG, 1.4 MB`
fn file(output: &OutputView) -> String {
    let kind = match output.content_type.as_str() {
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
    };
    let kilobytes = output.bytes / 1_000;
    let size = if kilobytes >= 1_000 {
        format!("{}.{} MB", kilobytes / 1_000, kilobytes % 1_000 / 100)
    } else {
        format!("{kilobytes} kB")
    };
    format!("{kind}, {size}")
}

/// The original's name on the person's own disk.
fn file_name(generation: &GenerationView, output: &OutputView) -> String {
    let extension = output.url.rsplit_once('.').map_or("", |(_, extension)| extension);
    let short: String = generation.id.as_str().chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    format!("atelier-{short}-{}.{extension}", output.index + 1)
}

/// A Japanese prompt on an English page, or the other way round, is read out in its own voice.
fn language_of(prompt: &str, page: Lang) -> Option<&'static str> {
    let kana = prompt.chars().any(|c| matches!(c, 'ぁ'..='ヿ' | '一'..='龯'));
    let spoken = if kana { Lang::Ja } else { Lang::En };
    (spoken != page).then_some(spoken.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{Credits, Failure};

    fn page(generation: GenerationView, shown: usize) -> String {
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        Owner::new().with(|| view! { <ViewerPage viewer start generation shown document=None times=None /> }.to_html())
    }

    #[test]
    fn a_prompt_is_text_wherever_it_stands() {
        let mut generation = samples::succeeded(2);
        generation.prompt = "</p><script>alert(1)</script>\"'".into();
        assert!(!page(generation, 0).contains("<script>alert"));
    }

    #[test]
    fn the_asked_for_picture_is_shown_and_a_wrong_number_shows_the_first() {
        let shown = |at| page(samples::succeeded(3), at);
        assert!(shown(2).contains(r#"href="/files/g/2.png" download"#), "{}", shown(2));
        assert!(shown(9).contains(r#"href="/files/g/0.png" download"#));
        assert_eq!(shown(2).matches(r#"class="strip""#).count(), 1);
        assert_eq!(page(samples::succeeded(1), 0).matches(r#"class="strip""#).count(), 0);
    }

    #[test]
    fn every_failure_says_why_that_the_credits_are_back_and_offers_another_try() {
        for failure in Failure::ALL {
            let html = page(samples::failed(failure), 0);
            assert!(html.contains("4 credits returned"), "{html}");
            assert!(html.contains((live::of(Lang::En).failure)(failure).what), "{failure:?}");
            assert!(html.contains("/create?remix=") && html.contains(r#"data-state="failed""#));
        }
    }

    #[test]
    fn the_way_of_the_credits_is_told_to_its_end() {
        let words = &text::pages(Lang::En).viewer;
        let part = GenerationView { captured: Credits(3), ..samples::succeeded(4) };
        assert_eq!(price_path(&part, words), "held 4 → charged 3 → returned 1");
        assert_eq!(price_path(&samples::succeeded(4), words), "held 4 → charged 4");
        assert_eq!(price_path(&samples::failed(Failure::Timeout), words), "held 4 → returned 4");
        let running = GenerationView { phase: Phase::Queued, captured: Credits::ZERO, ..samples::succeeded(4) };
        assert_eq!(price_path(&running, words), "held 4");
    }

    #[test]
    fn of_what_was_asked_for_it_says_how_much_was_kept_and_what_came_back() {
        let part = || {
            let whole = samples::succeeded(4);
            let outputs = whole.outputs[1..3].to_vec();
            GenerationView { captured: Credits(2), outputs, ..whole }
        };
        assert!(page(part(), 0).contains("2 of 4 kept; 2 credits returned"));
        let (viewer, start) = (samples::viewer(Lang::Ja), samples::start(Lang::Ja));
        let html = Owner::new()
            .with(|| view! { <ViewerPage viewer start generation=part() shown=0 document=None times=None /> }.to_html());
        assert!(html.contains("4枚中2枚を保存、2クレジット返却済み"), "{html}");
        assert!(!page(samples::succeeded(4), 0).contains("kept;"));
    }

    #[test]
    fn a_prompt_in_the_other_language_is_marked_as_such() {
        assert_eq!(language_of("夕焼けの海", Lang::En), Some("ja"));
        assert_eq!(language_of("a lighthouse", Lang::Ja), Some("en"));
        assert_eq!(language_of("a lighthouse", Lang::En), None);
    }
}
