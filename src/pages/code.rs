//! The request of the API that a form would be, in three languages, for who has no script; and the way back to the form with
//! everything in it.

use crate::components::{Frame, Icon, Place, icon};
use crate::domain::{Snippets, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text;
use leptos::prelude::*;

/// The page.
#[component]
pub fn CodePage(
    viewer: Viewer,
    start: LiveStart,
    /// The request.
    said: Snippets,
    /// The form, as it was sent.
    fields: Vec<(String, String)>,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).create;
    let parcel = Parcel::new(start, viewer.balance);
    let Snippets { curl, javascript, python } = said;
    let one = |name: &'static str, code: String| {
        view! {
            <figure class="code">
                <figcaption>{name}</figcaption>
                <pre tabindex="0"><code>{code}</code></pre>
            </figure>
        }
    };
    let kept = fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view();
    view! {
        <Frame viewer parcel here=Place::Create>
            <article class="docs">
                <h1>{words.code_title}</h1>
                <p>{words.code_note}</p>
                {one("curl", curl)}
                {one("JavaScript", javascript)}
                {one("Python", python)}
                <form method="post" action="/create/controls">
                    {kept}
                    <button class="button"><Icon glyph=icon::ARROW_LEFT /> {words.to_form}</button>
                </form>
            </article>
        </Frame>
    }
}
