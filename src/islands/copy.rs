//! A button that copies a text, and says so.

use super::browser;
use super::part::{flag, words};
use crate::domain::Lang;
use crate::text::live;
use leptos::prelude::*;
use leptos::task;

/// Copies `value`. Hidden until it can work.
#[island]
pub fn CopyButton(
    /// What is copied.
    value: String,
    /// The language of the page.
    lang: Lang,
) -> impl IntoView {
    let text = live::of(lang);
    let awake = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    let copy = move |_| {
        let value = value.clone();
        task::spawn_local(async move { copied.set(browser::copy(&value).await.is_ok()) });
    };
    view! {
        <button type="button" class="button" hidden=flag(move || !awake.get()) on:click=copy>
            <span role="status">{words(move || if copied.get() { text.copied } else { text.copy }.to_owned())}</span>
        </button>
    }
}
