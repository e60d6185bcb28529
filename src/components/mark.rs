//! The mark of the house: an atelier's north light, four panes under a sloping roof, one of them lit.

use leptos::prelude::*;

/// The mark alone, in the text's colour with one pane of the signal colour.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg
            class="mark"
            viewBox="0 0 24 24"
            aria-hidden="true"
            inner_html=r#"<path d="M3 10.2 11 6v7H3zM13 5l8-4.2V13h-8zM3 15h8v7H3z"/><path class="lit" d="M13 15h8v7h-8z"/>"#
        ></svg>
    }
}

/// The mark and the name, as a link home.
#[component]
pub fn Brand(
    /// Where home is: `/` outside, `/create` when signed in.
    href: &'static str,
    /// The link's name.
    label: &'static str,
) -> impl IntoView {
    view! {
        <a class="brand" href=href aria-label=label>
            <Mark />
            <span>"Atelier"</span>
        </a>
    }
}
