//! The document around every page: `<html>`, its head, and, only where islands live, the scripts that wake them.
//!
//! Pages without islands and modules load no script at all. None is inline; every module carries the nonce of the
//! Content-Security-Policy.

use crate::components::plain;
use crate::domain::{Lang, Theme, Viewer};
use crate::text;
use leptos::html::meta;
use leptos::nonce::use_nonce;
use leptos::prelude::*;

/// Where the browser finds what belongs to this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The folder that holds `main.css`, `atelier.js`, `atelier.wasm` and everything of `public/`, with a leading slash and
    /// without a trailing one: `/assets/<build>`.
    pub base: String,
    /// The origin people reach us at, without a trailing slash; link previews need whole addresses.
    pub origin: String,
}

/// How a link to one page looks where somebody pastes it. Such a page is for whoever was given its address: no search engine
/// is to list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What it shows.
    pub title: String,
    /// One sentence about it.
    pub description: String,
    /// The whole address of its picture.
    pub image: String,
}

/// One whole HTML document.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn Document(
    /// Who looks, in which language and colours.
    viewer: Viewer,
    /// What the tab says before the name of the house; empty for the name alone.
    title: String,
    /// Whether the page has islands.
    live: bool,
    /// Where this build's files are.
    assets: Assets,
    /// Whether what the page shows is still changing: without a script it then loads itself again every three seconds.
    #[prop(optional)]
    unfinished: bool,
    /// What the page has of scripts besides the islands: names of ES modules, `public/js/{name}.js`.
    #[prop(optional)]
    modules: Vec<&'static str>,
    /// What others are shown of the page before they open it, where that is not the house itself.
    #[prop(optional_no_strip)]
    preview: Option<Preview>,
    children: Children,
) -> impl IntoView {
    let words = text::pages(viewer.lang);
    let title = if title.is_empty() { format!("Atelier: {}", words.frame.tagline) } else { format!("{title} · Atelier") };
    let Assets { base, origin } = assets;
    let code = live.then(|| island_code(&base));
    // Every frame has two of its own.
    let modules: Vec<_> = ["frame", "islands"]
        .into_iter()
        .filter(|_| live)
        .chain(modules)
        .map(|name| view! { <script r#type="module" src=format!("{base}/js/{name}.js") nonce=use_nonce()></script> })
        .collect();
    view! {
        <!DOCTYPE html>
        <html lang=viewer.lang.as_str() data-theme=viewer.theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <title inner_html=plain(&title)></title>
                <meta name="description" content=words.frame.description />
                <meta name="color-scheme" content=color_scheme(viewer.theme) />
                {theme_colors(viewer.theme)}
                <link
                    rel="preload"
                    href=format!("{base}/fonts/inter-latin.woff2")
                    r#as="font"
                    r#type="font/woff2"
                    crossorigin="anonymous"
                />
                <link rel="stylesheet" href=format!("{base}/main.css") />
                <link rel="icon" href=format!("{base}/favicon.svg") r#type="image/svg+xml" />
                <link rel="icon" href=format!("{base}/icon-32.png") r#type="image/png" sizes="32x32" />
                <link rel="manifest" href=format!("/manifest.webmanifest?lang={}", viewer.lang.as_str()) />
                <meta name="apple-mobile-web-app-title" content="Atelier" />
                <link rel="apple-touch-icon" href=format!("{base}/icon-180.png") />
                {property("og:title", preview.as_ref().map_or(&title, |preview| &preview.title))}
                {property("og:description", preview.as_ref().map_or(words.frame.description, |preview| &preview.description))}
                {property("og:type", "website")}
                {property("og:locale", locale(viewer.lang))}
                {property("og:image", &preview.as_ref().map_or_else(|| format!("{origin}{base}/og.png"), |preview| preview.image.clone()))}
                {preview.is_some().then(|| view! { <meta name="robots" content="noindex, nofollow" /> })}
                <meta name="twitter:card" content="summary_large_image" />
                {unfinished.then(|| view! { <noscript>{meta().http_equiv("refresh").content("3")}</noscript> })}
                {code}
                {modules}
            </head>
            <body>{children()}</body>
        </html>
    }
}

/// What `public/js/islands.js` is going to ask for; whatever is to be seen comes before it.
fn island_code(base: &str) -> impl IntoView + use<> {
    // What is drawn here is never drawn again, only woken island by island.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    view! {
        <link rel="modulepreload" href=format!("{base}/atelier.js") fetchpriority="low" />
        <link
            rel="preload"
            href=format!("{base}/atelier.wasm")
            r#as="fetch"
            r#type="application/wasm"
            crossorigin="anonymous"
            fetchpriority="low"
        />
    }
}

/// A property of a link preview; leptos does not know the attribute.
fn property(name: &'static str, content: &str) -> impl IntoView + use<> {
    meta().attr("property", name).content(content.to_owned())
}

const fn color_scheme(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

const fn locale(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "en_GB",
        Lang::Ja => "ja_JP",
    }
}

/// The browser's own chrome takes the colour of the canvas (`--canvas` in `style/tokens.css`).
fn theme_colors(theme: Theme) -> Vec<AnyView> {
    const PAPER: &str = "#fafaf9";
    const INK: &str = "#0b0b0c";
    let one = |color: &'static str, media: Option<&'static str>| {
        meta().name("theme-color").content(color).attr("media", media).into_any()
    };
    match theme {
        Theme::Light => vec![one(PAPER, None)],
        Theme::Dark => vec![one(INK, None)],
        Theme::System => vec![one(PAPER, Some("(prefers-color-scheme: light)")), one(INK, Some("(prefers-color-scheme: dark)"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    fn document(title: &str, live: bool, unfinished: bool) -> String {
        let assets = Assets { base: "/assets/b1".into(), origin: "https://a.example".into() };
        let (viewer, title) = (samples::viewer(Lang::Ja), title.to_owned());
        Owner::new().with(|| view! { <Document viewer title live assets unfinished><p>"x"</p></Document> }.to_html())
    }

    #[test]
    fn a_module_is_loaded_from_this_build() {
        let assets = Assets { base: "/assets/b1".into(), origin: "https://a.example".into() };
        let (viewer, modules) = (samples::viewer(Lang::En), vec!["gallery"]);
        let title = String::new();
        let html = Owner::new().with(|| view! { <Document viewer title live=false assets modules>"x"</Document> }.to_html());
        assert!(html.contains(r#"<script type="module" src="/assets/b1/js/gallery.js""#), "{html}");
        assert_eq!(html.matches("<script").count(), 1, "{html}");
    }

    #[test]
    fn a_document_without_islands_has_no_script() {
        let html = document("", false, false);
        assert!(html.starts_with("<!DOCTYPE html><html"), "{html}");
        assert!(html.contains(r#"lang="ja""#) && html.contains(r#"data-theme="system""#));
        assert!(!html.contains("<script") && !html.contains(".wasm") && !html.contains("<noscript"), "{html}");
    }

    #[test]
    fn a_live_document_asks_for_this_builds_module_and_loads_again_without_a_script_while_it_changes() {
        let html = document("", true, true);
        assert!(html.contains("/assets/b1/atelier.wasm") && html.contains("/assets/b1/js/islands.js"), "{html}");
        assert!(html.contains(r#"<noscript><meta http-equiv="refresh" content="3"></noscript>"#), "{html}");
    }

    #[test]
    fn a_title_is_exactly_its_text() {
        let html = document("</title><script>x</script>", false, false);
        assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt; · Atelier</title>"), "{html}");
    }
}
