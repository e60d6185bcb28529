//! The box a prompt is typed into: the only `<textarea>` of the house.
//!
//! Its text is inner HTML and not a child (see [`plain`]); browsers read it back as plain text, at first paint and on
//! hydration alike.

use super::plain;
use leptos::prelude::*;

/// A prompt that can be edited.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn PromptBox(
    /// What stands in it at first, exactly as it was typed.
    #[prop(into)]
    value: String,
    /// What may be typed here, shown while it is empty.
    #[prop(into)]
    placeholder: String,
    /// The accessible name.
    #[prop(into)]
    label: String,
    /// The id of the element that says what is wrong, if something is.
    #[prop(optional, into)]
    problem: Option<String>,
    /// Whether something is.
    #[prop(optional)]
    wrong: bool,
) -> impl IntoView {
    view! {
        <textarea
            id="prompt"
            name="prompt"
            class="prompt-box"
            rows="2"
            required
            autocomplete="off"
            data-testid="prompt"
            placeholder=placeholder
            aria-label=label
            aria-invalid=wrong.then_some("true")
            aria-describedby=problem
            inner_html=inside(&value)
        ></textarea>
    }
}

/// The text as the inside of the box. A parser drops a line break right after the opening tag; the one it drops must not be
/// the person's.
fn inside(text: &str) -> String {
    let first = if text.starts_with('\n') { "\n" } else { "" };
    format!("{first}{}", plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(value: &str) -> String {
        let value = value.to_owned();
        Owner::new().with(|| view! { <PromptBox value placeholder="" label="Prompt" /> }.to_html())
    }

    #[test]
    fn a_prompt_cannot_close_its_box_and_open_a_script() {
        let html = render("</textarea><script>alert(1)</script>");
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("</textarea>").count(), 1, "{html}");
        assert!(html.contains("&lt;/textarea&gt;&lt;script&gt;"), "{html}");
    }

    #[test]
    fn ampersands_are_escaped_once_and_a_leading_line_break_survives() {
        assert!(render("salt &amp; pepper").contains(">salt &amp;amp; pepper</textarea>"));
        assert!(render("\nfirst").contains(">\n\nfirst</textarea>"));
    }
}
