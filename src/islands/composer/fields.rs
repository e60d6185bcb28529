//! The parts of the composer: the prompt, the shapes, and what is wrong at a field.

use super::Form;
use super::keys::KeyPress;
use crate::components::PromptBox;
use crate::domain::{AspectRatio, Field, Lang};
use crate::islands::browser;
use crate::islands::part::{flag, value, words};
use crate::text::live::ComposerText;
use leptos::ev::{CompositionEvent, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;

/// The prompt, with the keys that generate.
pub fn prompt(text: &'static ComposerText, value: String, form: Form, lang: Lang) -> impl IntoView {
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
            // A key held down asks once.
            if let Some(form) = form.node.get_untracked().filter(|_| !event.repeat()) {
                browser::submit(&form);
            }
        }
    };
    let grow = move || {
        if let Some(prompt) = node.get_untracked() {
            browser::grow(&prompt);
        }
    };
    Effect::new(move |_| {
        grow();
        if let Some(prompt) = node.get_untracked() {
            browser::focus_prompt(&prompt);
        }
    });
    view! {
        <PromptBox
            value
            placeholder=text.placeholder
            label=text.prompt
            node_ref=node
            attr:aria-describedby=error_id(Field::Prompt)
            attr:aria-invalid=invalid(form, Field::Prompt)
            on:keydown=on_keydown
            on:compositionend=move |event: CompositionEvent| composed_at.set_value(event.time_stamp())
            on:input=move |_| grow()
        />
        {field_error(text, form, Field::Prompt)}
    }
}

/// The shapes, drawn; a native radio group, so that arrow keys and forms without JavaScript work.
pub fn aspect_picker(text: &'static ComposerText, value: &str, form: Form, awake: RwSignal<bool>) -> impl IntoView + use<> {
    let chosen = AspectRatio::parse(value).unwrap_or_default();
    let possible = move |aspect| {
        form.models.with(|models| models.get(form.choice.get().model).is_none_or(|model| model.aspects.contains(&aspect)))
    };
    let radios = AspectRatio::ALL.map(|aspect| {
        let name = (text.aspect_name)(aspect);
        // Before the island wakes any shape may be chosen with any model, and the server judges.
        let disabled = flag(move || awake.get() && !possible(aspect));
        view! {
            <label title=name>
                <input type="radio" name="aspect_ratio" value=aspect.as_str() checked=aspect == chosen disabled=disabled />
                <span class="aspect" data-aspect=aspect.as_str()></span>
                <span class="sr-only">{name}</span>
            </label>
        }
    });
    let none = flag(move || awake.get() && !form.chosen(|model| !model.aspects.is_empty()));
    view! { <fieldset class="chip aspects" hidden=none><legend class="sr-only">{text.aspect}</legend>{radios.into_iter().collect::<Vec<_>>()}</fieldset> }
}

/// What is wrong at a field, if anything.
pub fn field_error(text: &'static ComposerText, form: Form, field: Field) -> impl IntoView {
    let problem = move || form.problems.with(|all| all.iter().find(|one| one.field == field).map(|one| one.problem));
    let sentence = words(move || problem().map(text.problem).unwrap_or_default());
    view! { <p class="problem" id=error_id(field) hidden=flag(move || problem().is_none())>{sentence}</p> }
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
pub fn invalid(form: Form, field: Field) -> Box<dyn FnMut() -> Option<String> + Send> {
    value(move || form.problems.with(|all| all.iter().any(|one| one.field == field)).then(|| "true".to_owned()))
}

/// Which keys do what, under the form; the style sheet hides it where there is no keyboard.
pub fn key_hints(lang: Lang, text: &'static ComposerText) -> impl IntoView {
    let (generate, new_line): (&[&str], &[&str]) = match lang {
        Lang::En => (&["↵"], &["⇧", "↵"]),
        Lang::Ja => (&["⌘ / Ctrl", "↵"], &["↵"]),
    };
    let keys = |keys: &[&'static str]| keys.iter().map(|key| view! { <kbd>{*key}</kbd> " " }).collect::<Vec<_>>();
    view! {
        <p class="composer-keys">
            <span>{keys(generate)} {text.key_generates}</span>
            <span>{keys(new_line)} {text.key_breaks}</span>
        </p>
    }
}
