//! The few icons that islands draw. Lucide (ISC), 24 units, stroke set by the style sheet.

use leptos::prelude::*;

/// An arrow that turns back.
pub const RETURNED: &str = r#"<path d="M9 14 4 9l5-5"/><path d="M4 9h10.5a5.5 5.5 0 0 1 0 11H11"/>"#;

/// An icon beside a word that says the same, so it has no name of its own.
pub fn icon(paths: &'static str) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=paths></svg> }
}
