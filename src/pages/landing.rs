//! `/` for everybody who is not signed in: the promise, pictures that keep it, and how it is kept. No script at all.

use crate::app::Assets;
use crate::components::{Icon, Porch, icon};
use crate::domain::{Credits, Viewer};
use crate::text::{self, LandingText, Notice};
use leptos::prelude::*;

/// The pictures of `public/demo`: file, width, height, average colour.
const DEMO: [(&str, u32, u32, &str); 8] = [
    ("1", 900, 600, "#906d76"),
    ("2", 600, 600, "#78a2b3"),
    ("3", 600, 900, "#944d5e"),
    ("4", 960, 540, "#516d53"),
    ("5", 600, 750, "#ae8560"),
    ("6", 540, 720, "#787476"),
    ("7", 720, 720, "#181f3b"),
    ("8", 960, 540, "#88799c"),
];

/// The landing page.
#[component]
pub fn Landing(
    viewer: Viewer,
    assets: Assets,
    /// Credits granted to a new account.
    gift: Credits,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).landing;
    let sign_in = text::pages(viewer.lang).frame.sign_in;
    let Assets { base, origin } = assets;
    let proof = |glyph: icon::Glyph, said: Notice| {
        view! { <li><Icon glyph /><h2>{said.title}</h2><p>{said.body}</p></li> }
    };
    view! {
        <Porch viewer>
            <div class="landing">
                <section class="hero">
                    <h1>
                        <span>{words.headline_first}</span>" "<span>{words.headline_second}</span>
                    </h1>
                    <p class="lead">{words.lead}</p>
                    <p class="hero-ways">
                        <a class="button primary large" href="/sign-up">{(words.start)(gift.0)}</a>
                        <a class="button large" href="/sign-in">{sign_in}</a>
                    </p>
                </section>
                <ul class="rows demo" aria-label=words.demo>
                    {DEMO
                        .into_iter()
                        .enumerate()
                        .map(|(at, (file, width, height, color))| {
                            let ratio = f64::from(width) / f64::from(height);
                            view! {
                                <li class="tile" style=format!("--ar:{ratio:.3};--tile:{color}")>
                                    <img
                                        src=format!("{base}/demo/{file}.webp")
                                        alt=""
                                        width=width
                                        height=height
                                        fetchpriority=(at < 2).then_some("high")
                                        loading=if at < 4 { "eager" } else { "lazy" }
                                        decoding="async"
                                    />
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
                <ul class="proofs">
                    {proof(icon::TAG, words.price)} {proof(icon::UNDO, words.failure)} {proof(icon::SERVER, words.server)}
                </ul>
                <Story words />
                <section class="api">
                    <div>
                        <h2>{words.api.title}</h2>
                        <p>{words.api.body}</p>
                        <p class="hint">{words.source}</p>
                    </div>
                    <pre tabindex="0" role="region" aria-label=words.api_example><code>{example(&origin)}</code></pre>
                </section>
            </div>
        </Porch>
    }
}

/// Four credits on their way: three become pictures, one comes back.
#[component]
fn Story(words: &'static LandingText) -> impl IntoView {
    let step = |said: String, note: &'static str, class: &'static str| {
        view! { <li class=class><strong class="number">{said}</strong><span>{note}</span></li> }
    };
    view! {
        <section class="story">
            <div>
                <h2>{words.story.title}</h2>
                <p>{words.story.body}</p>
            </div>
            <ol>
                {step((words.quoted)(4), words.quoted_note, "")} {step((words.held)(4), words.held_note, "")}
                {step((words.charged)(3), words.charged_note, "")} {step((words.returned)(1), words.returned_note, "back")}
            </ol>
        </section>
    }
}

/// A request with the seed's own trigger, as `server/http` takes it.
fn example(origin: &str) -> String {
    format!(
        "curl {origin}/api/app/generate \\\n  \
         -H 'Cookie: '\"$ATELIER_COOKIE\" \\\n  \
         -H 'Content-Type: application/json' \\\n  \
         -H 'Idempotency-Key: poster-1042' \\\n  \
         -d '{{\"prompt\": \"a lighthouse at dusk\"}}'\n\n\
         {{\"id\": \"0193b1e4-7c1f-7000-8000-…\", \"status\": \"processing\"}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    #[test]
    fn the_gift_stands_on_the_button_and_no_script_on_the_page() {
        for lang in [Lang::En, Lang::Ja] {
            let assets = Assets { base: "/assets/x".into(), origin: "https://a.example".into() };
            let viewer = Viewer { email: None, ..samples::viewer(lang) };
            let html = view! { <Landing viewer assets gift=Credits(20) /> }.to_html();
            assert!(html.contains("20") && !html.contains("<script") && !html.contains("leptos-island"), "{html}");
            assert_eq!(html.matches("<h1").count(), 1);
        }
    }
}
