//! A kept file seen from outside: a picture as itself, a film by its first frame, a text by its beginning, a sound and a
//! document by their sign. Where it stands it is inside a link that carries its name.

use crate::domain::{Medium, OutputView};
use leptos::prelude::*;

/// A film: the triangle that starts it.
const PLAY: &str = r#"<polygon points="6 3 20 12 6 21 6 3"/>"#;
/// A sound: its wave.
const WAVE: &str =
    r#"<path d="M2 10v3"/><path d="M6 6v11"/><path d="M10 3v18"/><path d="M14 8v7"/><path d="M18 5v13"/><path d="M22 10v3"/>"#;
/// A document: its braces.
const BRACES: &str = r#"<path d="M8 3H7a2 2 0 0 0-2 2v5a2 2 0 0 1-2 2 2 2 0 0 1 2 2v5c0 1.1.9 2 2 2h1"/><path d="M16 21h1a2 2 0 0 0 2-2v-5c0-1.1.9-2 2-2a2 2 0 0 1-2-2V5a2 2 0 0 0-2-2h-1"/>"#;

/// What is not a picture, as a sign on a plate. `text` is what a model wrote.
pub fn plate(output: &OutputView, text: Option<&str>) -> AnyView {
    let length = output.duration_ms.map(length);
    let sign = |paths: &'static str| view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=paths></svg> };
    let length = move || length.clone().map(|length| view! { <span class="thumb-length">{length}</span> });
    match output.medium() {
        Medium::Picture => ().into_any(),
        // The media fragment makes browsers paint the first frame before anybody presses play.
        Medium::Video => view! {
            <span class="thumb video">
                <video src=format!("{}#t=0.1", output.url) preload="metadata" muted playsinline tabindex="-1" aria-hidden="true"></video>
                <span class="thumb-sign">{sign(PLAY)}</span>
                {length()}
            </span>
        }
        .into_any(),
        Medium::Audio => view! { <span class="thumb audio">{sign(WAVE)} {length()}</span> }.into_any(),
        Medium::Text => view! { <span class="thumb text">{text.unwrap_or_default().chars().take(400).collect::<String>()}</span> }.into_any(),
        Medium::Json => view! { <span class="thumb json">{sign(BRACES)}</span> }.into_any(),
    }
}

/// `0:05`, `12:30`.
pub fn length(milliseconds: i64) -> String {
    let seconds = (milliseconds.max(0) + 500) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    #[test]
    fn what_a_model_wrote_stays_text_and_is_cut() {
        let mut output = samples::succeeded(1).outputs.remove(0);
        output.content_type = "text/plain; charset=utf-8".into();
        let html = plate(&output, Some(&format!("<script>{}", "x".repeat(900)))).to_html();
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
        assert_eq!(html.matches('x').count(), 392 + html.matches("text").count());
    }

    #[test]
    fn lengths_read_like_a_clock() {
        assert_eq!([0, 4_600, 61_000, 750_000].map(length), ["0:00", "0:05", "1:01", "12:30"]);
    }
}
