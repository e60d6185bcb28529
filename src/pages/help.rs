//! `/help`: how credits work, in answers short enough to be read. The same link leads here from the last line of every page.

use crate::components::Porch;
use crate::domain::Viewer;
use crate::text;
use leptos::prelude::*;

/// The answers.
#[component]
pub fn Help(viewer: Viewer) -> impl IntoView {
    let words = &text::pages(viewer.lang).help;
    let answers = [words.price, words.hold, words.failure, words.cancel, words.twice, words.keep];
    view! {
        <Porch viewer>
            <div class="help">
                <h1>{words.title}</h1>
                {answers
                    .map(|answer| view! { <section><h2>{answer.title}</h2><p>{answer.body}</p></section> })
                    .collect_view()}
            </div>
        </Porch>
    }
}
