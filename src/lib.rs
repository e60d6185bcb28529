//! Atelier sells and makes pictures with Replicate's models: *see the price, then press; what follows is a picture that
//! stays yours, or all of your credits back.*
//!
//! The map of the house. A request walks one way: route → domain verb → database; the worker is another caller of the
//! same verbs; pages are pure views of plain data.
//!
//! | module | what it is for | may use |
//! |---|---|---|
//! | [`domain`] | plain types both builds share, and the rules about values | nothing of ours |
//! | [`text`] | what people read, in English and Japanese | `domain` |
//! | [`components`], [`pages`], [`app`] | what the server renders | `domain`, `text`, `islands` |
//! | [`islands`] | what lives in the browser | `domain`, `text`, the one text box of `components` |
//! | `server` | database, ledger, lifecycle, worker, Replicate, store, HTTP | everything |
//!
//! To add a page: a file in `pages`, a handler in `server/http/site.rs`. To add a background step: a state in
//! [`domain::State`], a file in `server/worker`. To add an object store: a variant and a file in `server/store`.

pub mod app;
pub mod components;
pub mod domain;
pub mod islands;
pub mod pages;
pub mod text;

#[cfg(feature = "ssr")]
pub mod server;

/// Wakes the islands of the page that loaded this module.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    islands::start();
    leptos::mount::hydrate_islands();
}
