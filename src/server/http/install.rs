//! What makes the house an app of a telephone: its manifest, the worker that says when there is no connection, and the
//! word for the build, by which an open page learns that it has grown old.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::Visitor;
use crate::domain::Lang;
use crate::pages::Offline;
use crate::server::App;
use crate::text;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// It may ask this house for pages and for nothing else.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";
/// A browser that has the app asks now and then whether it has changed.
const ASK_AGAIN: &str = "no-cache";

#[derive(Deserialize)]
pub(super) struct Which {
    lang: Option<String>,
}

/// One app in two languages: what is installed is told apart by its `id`, which is the same in both.
pub(super) async fn manifest(State(app): State<App>, Query(which): Query<Which>) -> Response {
    let lang = which.lang.as_deref().and_then(Lang::parse).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "application/manifest+json"), (header::CACHE_CONTROL, ASK_AGAIN)];
    (headers, told(lang, app.assets.base()).to_string()).into_response()
}

fn told(lang: Lang, base: &str) -> Value {
    let words = &text::pages(lang).frame;
    let icon = |file: &str, sizes: &str, purpose: &str| json!({"src": format!("{base}/{file}"), "sizes": sizes, "type": "image/png", "purpose": purpose});
    let shortcut = |name: &str, url: &str| json!({"name": name, "url": url});
    json!({
        "id": "/",
        "name": format!("Atelier: {}", words.tagline),
        "short_name": "Atelier",
        "description": words.description,
        "lang": lang.as_str(),
        "dir": "ltr",
        "start_url": "/create",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fafaf9",
        "theme_color": "#fafaf9",
        "categories": ["graphics", "photo", "productivity"],
        "icons": [
            icon("icon-192.png", "192x192", "any"),
            icon("icon-512.png", "512x512", "any"),
            icon("icon-maskable-512.png", "512x512", "maskable"),
        ],
        "shortcuts": [shortcut(words.create, "/create"), shortcut(words.gallery, "/gallery"), shortcut(words.credits, "/credits")],
        "share_target": {
            "action": "/share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {
                "title": "title",
                "text": "text",
                "files": [{"name": "picture", "accept": ["image/png", "image/jpeg", "image/webp", ".png", ".jpg", ".jpeg", ".webp"]}],
            },
        },
    })
}

/// The worker stands at the root, because it looks after every page. A browser asks for it again at least once a day.
pub(super) async fn worker() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, ASK_AGAIN),
        (header::CONTENT_SECURITY_POLICY, WORKER_POLICY),
    ];
    (headers, include_str!("../../../public/js/sw.js")).into_response()
}

/// The build that is served now, as it stands in the addresses of its files.
pub(super) async fn build(State(app): State<App>) -> String {
    app.assets.base().rsplit('/').next().unwrap_or_default().to_owned()
}

/// Without a name and without a balance, whoever asks: a browser keeps it.
pub(super) async fn offline(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let visitor = Visitor { person: None, path: "/".to_owned(), ..visitor };
    let viewer = visitor.bare_viewer(&app);
    let title = text::pages(viewer.lang).around.no_line.title;
    Ok(Page::new(viewer.clone(), title, false).render(&app, move || view! { <Offline viewer=viewer.clone() /> }).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_manifests_are_of_one_app_and_each_is_in_its_language() {
        let (english, japanese) = (told(Lang::En, "/assets/b"), told(Lang::Ja, "/assets/b"));
        assert_eq!(english["id"], japanese["id"]);
        assert_eq!((english["lang"].as_str(), japanese["lang"].as_str()), (Some("en"), Some("ja")));
        assert_ne!(english["shortcuts"], japanese["shortcuts"]);
        assert!(english["icons"].as_array().is_some_and(|icons| icons.iter().any(|icon| icon["purpose"] == "maskable")));
    }
}
