//! `/create`: the composer, what runs now, and the latest pictures below it.

use super::controls;
use crate::components::{Days, Frame, Icon, Place, icon, query_value};
use crate::domain::{GenerationView, Model, RawRequest, Refusal, Viewer};
use crate::islands::{Composer, ComposerStart, LiveStart, ModelChoice, Now, Parcel};
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
) -> impl IntoView {
    let (lang, now) = (viewer.lang, viewer.cursor);
    let words = text::pages(lang);
    let first = active.is_empty() && recent.is_empty();
    let chosen = form.choose(&models).or(models.first());
    let violations = if let Some(Refusal::Input(violations)) = &refusal { violations.as_slice() } else { &[] };
    let controls = chosen.map(|model| controls(model, &form.controls, violations, lang)).unwrap_or_default();
    let (problems, notice) = match refusal {
        Some(Refusal::Fields(problems)) => (problems, None),
        Some(refusal) => (Vec::new(), Some((words.picture.refusal)(&refusal))),
        None => (Vec::new(), None),
    };
    let models = models.iter().map(ModelChoice::from).collect();
    // Not by itself: a page that loads itself again takes along what somebody is typing.
    let waiting = active.iter().any(|view| !view.phase.is_terminal());
    let composer = Some(ComposerStart { models, values: form, problems, notice, controls });
    let parcel = Parcel { composer, generations: active, ..Parcel::new(start, viewer.balance) };
    view! {
        <Frame viewer parcel here=Place::Create>
            <h1 class="sr-only">{words.frame.create}</h1>
            <Composer />
            <Now />
            {waiting.then(|| view! { <noscript><p class="hint"><a href="/create">{words.viewer.reload}</a></p></noscript> })}
            {if first { view! { <First words /> }.into_any() } else { view! { <Days generations=recent now lang /> }.into_any() }}
        </Frame>
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
    use crate::domain::{Credits, Lang};

    fn page(form: RawRequest, refusal: Option<Refusal>, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        Owner::new().with(|| view! { <Create viewer start models=vec![] form refusal active=vec![] recent=vec![] /> }.to_html())
    }

    #[test]
    fn a_refused_press_says_why_and_keeps_what_was_typed() {
        let form = RawRequest { prompt: "</textarea><script>x</script>".into(), ..RawRequest::default() };
        let refusal = Refusal::Insufficient { available: Credits(1), price: Credits(4) };
        let html = page(form, Some(refusal), Lang::En);
        assert!(html.contains("This costs 4 credits"), "{html}");
        assert!(html.contains("&lt;/textarea") && !html.contains("<script>x"), "{html}");
    }

    #[test]
    fn the_first_visit_offers_prompts_that_only_fill_the_form() {
        let html = page(RawRequest::default(), None, Lang::Ja);
        assert_eq!(html.matches("/create?prompt=%").count(), 3, "{html}");
    }
}
