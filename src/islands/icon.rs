//! The few icons that islands draw. Lucide (ISC), 24 units, stroke set by the style sheet.

use leptos::prelude::*;

/// Two coins.
pub const CREDITS: &str = r#"<circle cx="8" cy="8" r="6"/><path d="M18.09 10.37A6 6 0 1 1 10.34 18"/><path d="M7 6h1v4"/>"#;
/// A box seen from its corner.
pub const MODEL: &str = r#"<path d="m21 8-9-5-9 5v8l9 5 9-5Z"/><path d="m3.3 7.5 8.7 5 8.7-5"/><path d="M12 22V12"/>"#;
/// An arrow that turns back.
pub const RETURNED: &str = r#"<path d="M9 14 4 9l5-5"/><path d="M4 9h10.5a5.5 5.5 0 0 1 0 11H11"/>"#;
/// Three sliders.
pub const ADVANCED: &str = r#"<path d="M10 5H3M21 5h-7M14 3v4M8 12H3M21 12h-9M8 10v4M12 19H3M21 19h-5M16 17v4"/>"#;

/// An icon beside a word that says the same, so it has no name of its own.
pub fn icon(paths: &'static str) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=paths></svg> }
}
