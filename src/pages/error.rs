//! What a person sees when something did not work: what happened, what it means for their credits, and a way on.
//!
//! The words depend on the status alone, so a page never tells whether what was asked for exists.

use crate::components::{Icon, Mark, Porch, icon};
use crate::domain::Viewer;
use crate::text::{self, Notice};
use leptos::prelude::*;

/// One page for every status that is an error.
#[component]
pub fn ErrorPage(
    viewer: Viewer,
    /// The HTTP status it is sent with.
    status: u16,
    /// The number under which the operator finds the cause.
    request_id: Option<String>,
    /// Seconds to wait before it is worth trying again, where that is known. A script counts them down.
    wait: Option<i64>,
    /// What happened, where more is known than the status tells.
    #[prop(optional_no_strip)]
    said: Option<(Notice, String)>,
) -> impl IntoView {
    let (words, around) = (&text::pages(viewer.lang).trouble, &text::pages(viewer.lang).around);
    let (notice, more) = said.map_or_else(|| ((words.trouble)(status), None), |(notice, more)| (notice, Some(more)));
    let home = if viewer.email.is_some() { "/create" } else { "/" };
    // Only a page that could be read again is offered again; a form that was sent is not.
    let again = (more.is_none() && matches!(status, 429 | 500..)).then(|| viewer.path.clone());
    // The number is for the operator, who looks for what broke here.
    let request_id = request_id.filter(|_| status >= 500);
    view! {
        <Porch viewer>
            <div class="trouble">
                <Mark />
                <p class="trouble-status number" aria-hidden="true">{status}</p>
                <h1>{notice.title}</h1>
                {more.map(|more| view! { <p class="trouble-body">{more}</p> })}
                <p class="trouble-body">{notice.body}</p>
                {wait
                    .map(|seconds| {
                        view! {
                            <p class="trouble-wait number" role="timer" data-wait=seconds data-waited=around.waited>
                                {(around.wait)(seconds)}
                            </p>
                        }
                    })}
                <p class="trouble-ways">
                    <a class="button primary" href=home>{words.home}</a>
                    {again.map(|path| view! { <a class="button" href=path data-again="">{words.again}</a> })}
                </p>
                {request_id
                    .map(|id| {
                        view! {
                            <p class="trouble-request">
                                {words.request} " " <code>{id.clone()}</code>
                                <button class="button quiet" type="button" hidden data-copy=id data-copied=around.copied>
                                    <Icon glyph=icon::COPY />
                                    <span role="status">{around.copy}</span>
                                </button>
                            </p>
                        }
                    })}
            </div>
        </Porch>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    fn page(status: u16, wait: Option<i64>) -> String {
        let viewer = samples::viewer(Lang::Ja);
        view! { <ErrorPage viewer status request_id=Some("<b>7</b>".into()) wait said=None /> }.to_html()
    }

    #[test]
    fn a_server_error_names_the_request_and_its_text_stays_text() {
        let html = page(500, None);
        assert!(html.contains("&lt;b&gt;7") && html.contains(r#"data-copy="&lt;b&gt;7"#), "{html}");
        assert!(html.contains((text::pages(Lang::Ja).trouble.trouble)(500).title));
        assert!(!page(404, None).contains("&lt;b&gt;7"), "what was mistyped is nobody's fault here");
    }

    #[test]
    fn a_wait_is_said_in_words_and_for_the_script_that_counts_it() {
        let html = page(429, Some(5));
        assert!(html.contains(r#"data-wait="5""#) && html.contains("あと5秒"), "{html}");
        assert!(!page(429, None).contains("data-wait"));
    }

    #[test]
    fn something_hidden_and_something_missing_read_the_same() {
        let words = text::pages(Lang::En).trouble.trouble;
        assert_eq!(words(404), words(410));
    }
}
