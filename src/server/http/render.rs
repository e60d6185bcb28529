//! From a page, which is a pure view of plain data, to a whole HTML answer.

use super::headers::page_policy;
use super::trouble::Explained;
use crate::app::{Document, Preview};
use crate::domain::Viewer;
use crate::server::App;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use leptos::nonce::Nonce;
use leptos::prelude::*;
use rand::RngCore;

/// What is known of a page before it is drawn.
pub(super) struct Page {
    /// Who looks.
    pub viewer: Viewer,
    /// The name in the tab; empty for the house's alone.
    pub title: String,
    /// Whether it has islands, and so loads the browser half.
    pub live: bool,
    /// Whether it shows something that still runs; without a script it then loads itself again.
    pub unfinished: bool,
    /// The ES modules it loads: `public/js/{name}.js`.
    pub modules: Vec<&'static str>,
    /// How a link to it looks elsewhere, where that is not as the house does.
    pub preview: Option<Preview>,
    /// What it is answered with.
    pub status: StatusCode,
}

impl Page {
    /// A page that is answered with 200.
    pub fn new(viewer: Viewer, title: impl Into<String>, live: bool) -> Self {
        Self { viewer, title: title.into(), live, unfinished: false, modules: Vec::new(), preview: None, status: StatusCode::OK }
    }

    /// Draws it. `view` is called once.
    pub async fn render<V>(self, app: &App, view: impl Fn() -> V + Clone + Send + Sync + 'static) -> Response
    where
        V: IntoView + 'static,
    {
        let Self { viewer, title, live, unfinished, mut modules, preview, status } = self;
        if live {
            modules.insert(0, "keys");
        }
        let nonce = fresh_nonce();
        let policy = page_policy(&nonce);
        let assets = app.page_assets();
        let request = Request::new(Body::empty());
        let document = move || {
            let (viewer, title, assets) = (viewer.clone(), title.clone(), assets.clone());
            let (modules, preview) = (modules.clone(), preview.clone());
            let page = view();
            view! { <Document viewer title live assets unfinished modules preview>{page}</Document> }
        };
        let context = move || provide_context(Nonce::from_value(nonce.clone()));
        let mut response = leptos_axum::render_app_async_with_context(context, document)(request).await.into_response();
        *response.status_mut() = status;
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response.extensions_mut().insert(Explained);
        response
    }
}

/// 128 random bits, different for every answer.
fn fresh_nonce() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
