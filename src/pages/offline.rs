//! `/offline`: what the installed app shows when it cannot reach the house. Kept by its worker (`public/js/sw.js`), so it
//! knows nobody: no name, no picture, no script.

use crate::components::{Mark, Porch};
use crate::domain::Viewer;
use crate::text;
use leptos::prelude::*;

/// No connection, and where to try again: at the beginning, since the address that was asked for is not known here.
#[component]
pub fn Offline(viewer: Viewer) -> impl IntoView {
    let words = text::pages(viewer.lang);
    view! {
        <Porch viewer>
            <div class="trouble">
                <Mark />
                <h1>{words.around.no_line.title}</h1>
                <p class="trouble-body">{words.around.no_line.body}</p>
                <p class="trouble-ways"><a class="button primary" href="/create">{words.trouble.again}</a></p>
            </div>
        </Porch>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    #[test]
    fn it_leads_back_and_holds_no_script() {
        let viewer = Viewer { email: None, ..samples::viewer(Lang::Ja) };
        let html = view! { <Offline viewer /> }.to_html();
        assert!(html.contains("href=\"/create\"") && !html.contains("<script") && !html.contains("@example.com"), "{html}");
    }
}
