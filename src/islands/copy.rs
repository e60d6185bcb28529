//! A button that copies a text, and says so.

use super::browser;
use super::parcel::Parcel;
use super::part::{flag, words};
use leptos::prelude::*;
use leptos::task;

/// Copies what the parcel says. Hidden until it can work.
#[island]
pub fn CopyButton() -> impl IntoView {
    let Parcel { start, copy: value, .. } = Parcel::open();
    let text = start.text();
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
