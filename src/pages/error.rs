//! What a person sees when something did not work: what happened, what it means for their credits, and a way on.
//!
//! The words depend on the status alone, so a page never tells whether what was asked for exists.

use crate::components::Porch;
use crate::domain::Viewer;
use crate::text;
use leptos::prelude::*;

/// One page for every status that is an error.
#[component]
pub fn ErrorPage(
    viewer: Viewer,
    /// The HTTP status it is sent with.
    status: u16,
    /// The number under which the operator finds the cause.
    request_id: Option<String>,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).trouble;
    let said = (words.trouble)(status);
    let home = if viewer.email.is_some() { "/create" } else { "/" };
    // Only a page that could be read again is offered again; a form that was sent is not.
    let again = matches!(status, 429 | 500..).then(|| viewer.path.clone());
    view! {
        <Porch viewer>
            <div class="trouble">
                <p class="trouble-status number" aria-hidden="true">{status}</p>
                <h1>{said.title}</h1>
                <p class="trouble-body">{said.body}</p>
                <p class="trouble-ways">
                    <a class="button primary" href=home>{words.home}</a>
                    {again.map(|path| view! { <a class="button" href=path>{words.again}</a> })}
                </p>
                {request_id.map(|id| view! { <p class="hint">{words.request} " " <code>{id}</code></p> })}
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
    fn a_server_error_names_the_request_and_its_text_stays_text() {
        let viewer = samples::viewer(Lang::Ja);
        let html = view! { <ErrorPage viewer status=500 request_id=Some("<b>7</b>".into()) /> }.to_html();
        assert!(html.contains("&lt;b&gt;7"), "{html}");
        assert!(html.contains((text::pages(Lang::Ja).trouble.trouble)(500).title));
    }

    #[test]
    fn something_hidden_and_something_missing_read_the_same() {
        let words = text::pages(Lang::En).trouble.trouble;
        assert_eq!(words(404), words(410));
    }
}
