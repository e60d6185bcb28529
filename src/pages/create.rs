//! `/create`: the composer, what runs now, and the latest pictures below it.

use super::composer::{Dialogs, Drawing, inside};
use super::controls;
use crate::components::{Days, Frame, Icon, Place, icon, query_value};
use crate::domain::{Enter, GenerationView, Model, Preset, RawRequest, Refusal, Viewer};
use crate::islands::{Composer, ComposerStart, LiveStart, ModelChoice, Now, Parcel, UsualTime};
use crate::text::{self, PageText};
use leptos::prelude::*;

/// Where pictures are asked for.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn Create(
    viewer: Viewer,
    start: LiveStart,
    /// The catalogue.
    models: Vec<Model>,
    /// What stands in the form; its key makes the next press one generation.
    form: RawRequest,
    /// Why the last press was not taken, if it was not.
    refusal: Option<Refusal>,
    /// Unfinished, and finished so lately that they still belong beside the composer; newest first.
    active: Vec<GenerationView>,
    /// Succeeded ones before those, newest first.
    recent: Vec<GenerationView>,
    /// How long models usually take.
    usual: Vec<UsualTime>,
    /// The settings the person saved.
    presets: Vec<Preset>,
) -> impl IntoView {
    let (lang, now) = (viewer.lang, viewer.cursor);
    let words = text::pages(lang);
    let first = active.is_empty() && recent.is_empty();
    let chosen = form.choose(&models).or(models.first());
    let violations = if let Some(Refusal::Input(violations)) = &refusal { violations.as_slice() } else { &[] };
    let controls = chosen.map(|model| controls(model, &form.controls, violations, lang)).unwrap_or_default();
    let drawing = Drawing {
        viewer: &viewer,
        page: &start.session,
        models: &models,
        form: &form,
        refusal: refusal.as_ref(),
        controls,
        presets: &presets,
    };
    let composer = Some(ComposerStart { models: models.iter().map(ModelChoice::from).collect(), inside: inside(drawing) });
    // Not by itself: a page that loads itself again takes along what somebody is typing.
    let waiting = active.iter().any(|view| !view.phase.is_terminal());
    let parcel = Parcel { composer, generations: active, usual, ..Parcel::new(start, viewer.balance) };
    let keys = key_hints(viewer.typing.enter(lang), words);
    view! {
        <Frame viewer parcel here=Place::Create>
            <h1 class="sr-only">{words.frame.create}</h1>
            <Composer />
            {keys}
            <Dialogs lang />
            <Now />
            {waiting.then(|| view! { <noscript><p class="hint"><a href="/create">{words.viewer.reload}</a></p></noscript> })}
            {if first { view! { <First words /> }.into_any() } else { view! { <Days generations=recent now lang /> }.into_any() }}
        </Frame>
    }
}

/// Which keys do what, under the form; the style sheet hides it where there is no keyboard.
fn key_hints(enter: Enter, words: &'static PageText) -> impl IntoView {
    const COMMAND: &[&str] = &["⌘ / Ctrl", "↵"];
    let (generate, new_line) = match enter {
        Enter::Generates => (&["↵"][..], &["⇧", "↵"][..]),
        Enter::Breaks => (COMMAND, &["↵"][..]),
    };
    let said = &words.keys_help;
    let hint = |keys: &'static [&'static str], name: &'static str| {
        view! { <span>{keys.iter().map(|key| view! { <kbd>{*key}</kbd> " " }).collect_view()} {name}</span> }
    };
    view! {
        <p class="composer-keys">
            {hint(generate, said.generate)} {hint(new_line, said.break_line)} {hint(&["⌘ / Ctrl", "K"], said.menu)}
            <button type="button" class="composer-sheet" popovertarget="keys"><kbd>"?"</kbd> " " {said.title}</button>
        </p>
    }
}

/// For somebody who has made nothing yet: three prompts to begin with. A link fills the form and presses nothing.
#[component]
fn First(words: &'static PageText) -> impl IntoView {
    let words = &words.picture;
    view! {
        <section class="empty first">
            <h2>{words.first.title}</h2>
            <p>{words.first.body}</p>
            <ul class="examples" aria-label=words.first_examples>
                {[words.example_one, words.example_two, words.example_three]
                    .map(|example| {
                        let href = format!("/create?prompt={}", query_value(example));
                        view! { <li><a href=href><Icon glyph=icon::PENCIL />{example}</a></li> }
                    })
                    .collect_view()}
            </ul>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    fn page(form: RawRequest, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        Owner::new().with(|| view! { <Create viewer start models=vec![] form refusal=None active=vec![] recent=vec![] usual=vec![] presets=vec![] /> }.to_html())
    }

    #[test]
    fn the_first_visit_offers_prompts_that_only_fill_the_form() {
        let html = page(RawRequest::default(), Lang::Ja);
        assert_eq!(html.matches("/create?prompt=%").count(), 3, "{html}");
    }
}
