//! The parts of the composer: the prompt, the shapes, and what is wrong at a field.

use super::choice::{Choice, ModelChoice};
use super::keys::KeyPress;
use crate::domain::{AspectRatio, Field, FieldProblem, Lang};
use crate::islands::browser;
use crate::text::live::ComposerText;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;

/// The prompt.
///
/// Leptos 0.8 does not escape the text inside a `<textarea>`, so it goes in as HTML that is escaped here.
#[component]
pub fn PromptBox(
    text: &'static ComposerText,
    value: String,
    problems: RwSignal<Vec<FieldProblem>>,
    lang: Lang,
    form: NodeRef<html::Form>,
) -> impl IntoView {
    let node = NodeRef::<html::Textarea>::new();
    let composed_at = StoredValue::new(f64::NEG_INFINITY);
    let on_keydown = move |event: KeyboardEvent| {
        let press = KeyPress {
            key: event.key(),
            key_code: event.key_code(),
            composing: event.is_composing(),
            shift: event.shift_key(),
            command: event.ctrl_key() || event.meta_key(),
            since_composition: event.time_stamp() - composed_at.get_value(),
        };
        if press.generates(lang) {
            event.prevent_default();
            if let Some(form) = form.get_untracked().filter(|_| !event.repeat()) {
                browser::submit(&form);
            }
        }
    };
    Effect::new(move |_| {
        if let Some(prompt) = node.get() {
            browser::grow(&prompt);
            browser::focus_prompt(&prompt);
        }
    });
    view! {
        <label class="unseen" for="prompt">{text.prompt}</label>
        <textarea id="prompt" name="prompt" rows="2" data-testid="prompt" placeholder=text.placeholder node_ref=node
            inner_html=textarea_html(&value) aria-describedby="prompt-error" aria-invalid=move || invalid(problems, Field::Prompt)
            on:keydown=on_keydown on:compositionend=move |event| composed_at.set_value(event.time_stamp())
            on:input=move |_| if let Some(prompt) = node.get_untracked() { browser::grow(&prompt) }></textarea>
        <FieldError id="prompt-error" field=Field::Prompt problems text />
    }
}

/// Text as the content of a `<textarea>`. Parsers drop one line break at its start, so one is put there.
fn textarea_html(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// The shapes, drawn; a native radio group, so that arrow keys and forms without JavaScript work.
#[component]
pub fn AspectPicker(
    text: &'static ComposerText,
    value: String,
    models: RwSignal<Vec<ModelChoice>>,
    choice: RwSignal<Choice>,
    awake: RwSignal<bool>,
) -> impl IntoView {
    let chosen = AspectRatio::parse(&value).unwrap_or_default();
    let possible =
        move |aspect| models.with(|models| models.get(choice.get().model).is_none_or(|model| model.aspects.contains(&aspect)));
    let radios = AspectRatio::ALL
        .map(|aspect| {
            let name = (text.aspect_name)(aspect);
            view! {
                <label title=name>
                    // Before the island wakes any shape may be chosen with any model, and the server judges.
                    <input type="radio" name="aspect_ratio" value=aspect.as_str() checked=aspect == chosen
                        disabled=move || awake.get() && !possible(aspect) />
                    <span class="aspect" data-aspect=aspect.as_str()></span>
                    <span class="unseen">{name}</span>
                </label>
            }
        })
        .collect_view();
    view! { <fieldset class="chip aspects"><legend class="unseen">{text.aspect}</legend>{radios}</fieldset> }
}

/// What is wrong at a field, if anything.
#[component]
pub fn FieldError(
    id: &'static str,
    field: Field,
    problems: RwSignal<Vec<FieldProblem>>,
    text: &'static ComposerText,
) -> impl IntoView {
    let sentence = move || problems.with(|all| all.iter().find(|one| one.field == field).map(|one| (text.problem)(one.problem)));
    view! { <p class="field-error" id=id>{sentence}</p> }
}

/// The id of a field's error.
pub const fn error_id(field: Field) -> &'static str {
    match field {
        Field::Prompt => "prompt-error",
        Field::Model => "model-error",
        Field::AspectRatio => "aspect-error",
        Field::Count => "count-error",
        Field::Seed => "seed-error",
        Field::RequestKey => "request-key-error",
        Field::QuotedPrice => "quoted-price-error",
    }
}

/// The value of `aria-invalid` for a field.
pub fn invalid(problems: RwSignal<Vec<FieldProblem>>, field: Field) -> Option<&'static str> {
    problems.with(|all| all.iter().any(|one| one.field == field)).then_some("true")
}

/// Which keys do what, under the form; the style sheet hides it where there is no keyboard.
pub fn key_hints(lang: Lang, text: &'static ComposerText) -> impl IntoView {
    let (generates, breaks) = match lang {
        Lang::En => (["", "↵"], "⇧"),
        Lang::Ja => (["⌘/Ctrl", "↵"], ""),
    };
    let keys = |keys: [&'static str; 2]| keys.into_iter().filter(|key| !key.is_empty()).map(|key| view! { <kbd>{key}</kbd> }).collect_view();
    view! {
        <p class="composer-keys">
            <span>{keys(generates)} {text.key_generates}</span>
            <span>{keys([breaks, "↵"])} {text.key_breaks}</span>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::live;

    #[test]
    fn a_prompt_cannot_end_its_field() {
        let owner = Owner::new();
        owner.set();
        let value = "</textarea><script>alert(1)</script> a & b".to_owned();
        let page = view! {
            <PromptBox text=&live::of(Lang::En).composer value problems=RwSignal::new(Vec::new()) lang=Lang::En form=NodeRef::new() />
        }
        .to_html();
        assert!(page.contains("\n&lt;/textarea>&lt;script>alert(1)&lt;/script> a &amp; b</textarea>"), "{page}");
        assert_eq!(page.matches("</textarea>").count(), 1, "{page}");
    }
}
