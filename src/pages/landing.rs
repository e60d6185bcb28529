//! `/` for everybody who is not signed in: the promise, pictures that keep it, and how it is kept. No script at all.

use crate::app::Assets;
use crate::components::{Icon, Porch, icon};
use crate::domain::{Credits, Lang, StatementKind, Viewer};
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
    let lang = viewer.lang;
    let words = &text::pages(lang).landing;
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
                <Story lang words />
                <section class="api">
                    <div>
                        <h2>{words.api.title}</h2>
                        <p>{words.api.body}</p>
                        <p><a class="alone" href="/docs/api">{words.api_more}</a></p>
                        <p class="hint">{words.source}</p>
                    </div>
                    <pre tabindex="0" role="region" aria-label=words.api_example><code>{example(&origin)}</code></pre>
                </section>
            </div>
        </Porch>
    }
}

/// Four credits on their way: three become pictures, one comes back; and the lines that a statement has of it, as
/// `/credits` shows them.
#[component]
fn Story(lang: Lang, words: &'static LandingText) -> impl IntoView {
    let said = &text::pages(lang).credits;
    let line = |what: String, note: Option<String>, change: i64, balance: i64| {
        view! {
            <tr>
                <td class="what">{what}{note.map(|note| view! { <span class="badge ok">{note}</span> })}</td>
                <td class="amount" class:plus=change.is_positive()>{text::signed(change)}</td>
                <td class="amount">{text::number(balance)}</td>
            </tr>
        }
    };
    let pictures = format!("FLUX schnell {}", (said.pictures)(4));
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
            <div class="card excerpt">
                <h3>{said.statement}</h3>
                <table class="statement">
                    <thead>
                        <tr>
                            <th scope="col">{said.what}</th>
                            <th scope="col" class="amount">{said.change}</th>
                            <th scope="col" class="amount">{said.balance}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {line(pictures, Some((said.given_back)(1)), -3, 17)}
                        {line((said.kind)(StatementKind::SignupGrant).to_owned(), None, 20, 20)}
                    </tbody>
                </table>
                <p class="hint">{words.chain}</p>
            </div>
        </section>
    }
}

/// A request as `/v1` takes it, and what comes back.
fn example(origin: &str) -> String {
    format!(
        "curl {origin}/v1/models/black-forest-labs/flux-schnell/predictions \\\n  \
         -H \"Authorization: Bearer $ATELIER_API_KEY\" \\\n  \
         -H \"Content-Type: application/json\" -H \"Prefer: wait\" \\\n  \
         -H \"Idempotency-Key: poster-1042\" \\\n  \
         -d '{{\"input\": {{\"prompt\": \"a lighthouse at dusk\"}}}}'\n\n\
         {{\"id\": \"01a2060bfb24…\", \"status\": \"succeeded\",\n \
         \"output\": [\"{origin}/o/…/0.webp\"]}}"
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
