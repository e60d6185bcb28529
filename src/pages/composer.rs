//! The form that asks for pictures, as the server draws it: complete and usable before any script has come. The island
//! around it ([`Composer`](crate::islands::Composer)) only says the price and sends the press.

mod bar;
mod dialogs;
mod extras;

pub use dialogs::Dialogs;
pub use extras::preset_list;

use super::controls::Controls;
use crate::components::{Icon, PromptBox, icon, plain};
use crate::domain::{Credits, Field, FieldProblem, MAX_COUNT, Model, Preset, RawRequest, Refusal, Viewer};
use crate::islands::{Choice, ModelChoice};
use crate::text::{self, CreateText, PictureText};
use leptos::prelude::*;
use serde_json::json;

/// Everything that stands in the form.
pub struct Drawing<'a> {
    /// Who looks.
    pub viewer: &'a Viewer,
    /// Whose page it is, for the server to know it again.
    pub page: &'a str,
    /// The catalogue.
    pub models: &'a [Model],
    /// What stands in the fields; its key makes the next press one generation.
    pub form: &'a RawRequest,
    /// Why the last press was not taken, if it was not.
    pub refusal: Option<&'a Refusal>,
    /// The chosen model's own controls.
    pub controls: Controls,
    /// What the person saved.
    pub presets: &'a [Preset],
}

/// The inside of the form.
pub fn inside(drawing: Drawing<'_>) -> String {
    let words = text::pages(drawing.viewer.lang);
    Owner::new().with(|| view(drawing, &words.create, &words.picture).to_html())
}

fn view(drawing: Drawing<'_>, said: &'static CreateText, words: &'static PictureText) -> impl IntoView + use<> {
    let Drawing { viewer, page, models, form, refusal, controls, presets } = drawing;
    let problems: &[FieldProblem] = if let Some(Refusal::Fields(problems)) = refusal { problems } else { &[] };
    let problems = Problems { found: problems.to_vec(), words };
    let notice = refusal.filter(|refusal| !matches!(refusal, Refusal::Fields(_))).map(words.refusal);
    let choices: Vec<_> = models.iter().map(ModelChoice::from).collect();
    let choice = Choice::read(&choices, |name| match name {
        "model" => form.model.clone(),
        "count" => form.count.clone(),
        name => form.controls.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default(),
    });
    let price = choice.price(&choices);
    let bar = bar::Bar { models, form, choice: &choice, problems: &problems, said };
    let more = bar.view(extras::Extras { presets, rest: controls.rest, said });
    let wrong = problems.at(Field::Prompt).is_some();
    view! {
        // Enter in a field presses the form's first button, whatever it does: so that is this one.
        <button hidden></button>
        <input type="hidden" name="page" value=page.to_owned() />
        <input type="hidden" name="request_key" value=form.request_key.clone() />
        <input type="hidden" name="quote" value=form.quote.clone() />
        <input type="hidden" name="confirmed" value=form.confirmed.clone() />
        <input type="hidden" name="quoted_price" value=price.to_string() />
        <div class="composer-box" data-looks=looks(models) data-words=script_words(said, words)>
            <div class="composer-prompt" data-part="prompt">
                <PromptBox value=form.prompt.clone() placeholder=said.placeholder label=said.prompt problem="prompt-error" wrong />
                {problems.sentence(Field::Prompt)}
            </div>
            <button type="button" class="composer-history" data-open="history" hidden aria-label=said.history title=said.history>
                <Icon glyph=icon::CLOCK />
            </button>
            <div class="controls" data-controls="needed" inner_html=controls.needed></div>
            <p class="hint" data-dropped="" role="status" hidden></p>
            <p class="hint composer-many" data-many="" role="status" hidden></p>
            <div class="composer-bar">
                {more}
                <div class="composer-go">{go(price, viewer.balance.available(), said)}</div>
            </div>
            {[Field::Model, Field::AspectRatio, Field::Count, Field::RequestKey, Field::QuotedPrice]
                .map(|field| problems.sentence(field))
                .into_iter()
                .collect_view()}
        </div>
        <div class="composer-notice" role="alert">{notice.map(|notice| view! { <p>{notice}</p> })}</div>
    }
}

/// The button and what is left after it; with a script, a link to credits when there are too few.
fn go(price: Credits, available: Credits, said: &'static CreateText) -> impl IntoView + use<> {
    let short = (price.0 - available.0).max(0);
    let missing = if short == 1 { said.missing_one.to_owned() } else { said.missing.replace("{}", &short.to_string()) };
    let leaves = said.leaves.replace("{}", &(available.0 - price.0).to_string());
    let unit = if price.0 == 1 { said.credit } else { said.credits };
    view! {
        <span class="missing" data-short="" hidden=short == 0>{missing.clone()}</span>
        <span class="leaves" data-leaves="" hidden={short > 0}>{leaves}</span>
        <a class="generate" href="/credits" data-testid="get-credits" hidden><Icon glyph=icon::COINS /> <span data-short="">{missing}</span></a>
        <button class="generate" data-testid="generate">
            {said.generate}
            " "
            <span class="generate-price">
                <Icon glyph=icon::COINS />
                <span data-testid="price">{price.to_string()}</span>
                " "
                <span class="sr-only" data-unit="">{unit}</span>
            </span>
        </button>
    }
}

/// What is wrong with the fields that every model has.
struct Problems {
    found: Vec<FieldProblem>,
    words: &'static PictureText,
}

impl Problems {
    fn at(&self, field: Field) -> Option<String> {
        let found = self.found.iter().find(|one| one.field == field);
        found.map(|one| (self.words.problem)(field, one.problem))
    }

    fn sentence(&self, field: Field) -> impl IntoView + use<> {
        let (id, problem) = (error_id(field), self.at(field));
        let right = problem.is_none();
        view! { <p class="problem" id=id data-at=field.as_str() hidden=right>{problem}</p> }
    }
}

/// The id of the element that says what is wrong at a field.
fn error_id(field: Field) -> String {
    format!("{}-error", field.as_str().replace('_', "-"))
}

/// What a script has to know of each model to show only what it takes.
fn looks(models: &[Model]) -> String {
    let look = |model: &Model| {
        json!({
            "name": model.name, "aspects": model.aspects(), "count": if model.count_name().is_some() { model.max_count.min(MAX_COUNT) } else { 1 },
            "words": model.prompt_name().is_some(), "seed": model.takes_seed(),
            "file": !model.file_names().is_empty(),
        })
    };
    json!(models.iter().map(look).collect::<Vec<_>>()).to_string()
}

/// The sentences that a script says.
fn script_words(said: &'static CreateText, words: &'static PictureText) -> String {
    json!({
        "leaves": said.leaves, "missing_one": said.missing_one, "missing": said.missing, "credit": said.credit, "credits": said.credits,
        "many": said.many, "trouble": said.trouble, "signed_out": said.signed_out,
        "required": (words.problem)(Field::Prompt, crate::domain::Problem::Required), "changed": said.changed, "reset": said.reset,
        "yours": said.yours,
    })
    .to_string()
}

/// A button that posts the form elsewhere.
fn elsewhere(action: &str, class: &str, name: &str) -> String {
    format!("<button class=\"{class}\" formaction=\"{action}\" formnovalidate>{}</button>", plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{Lang, samples::model};

    fn drawn(form: &RawRequest, refusal: Option<&Refusal>, lang: Lang) -> String {
        let models = [model(&json!({"prompt": {"type": "string"}, "seed": {"type": "integer"}}))];
        let viewer = samples::viewer(lang);
        let controls = Controls::default();
        inside(Drawing { viewer: &viewer, page: "p", models: &models, form, refusal, controls, presets: &[] })
    }

    #[test]
    fn a_refused_press_says_why_and_keeps_what_was_typed() {
        let form = RawRequest { prompt: "</textarea><script>x</script>".into(), ..RawRequest::default() };
        let html = drawn(&form, Some(&Refusal::Insufficient { available: Credits(1), price: Credits(4) }), Lang::En);
        assert!(html.contains("This costs 4 credits"), "{html}");
        assert!(html.contains("&lt;/textarea") && !html.contains("<script>x"), "{html}");
    }

    #[test]
    fn a_problem_stands_at_its_field() {
        let problem = FieldProblem { field: Field::Prompt, problem: crate::domain::Problem::Required };
        let html = drawn(&RawRequest::default(), Some(&Refusal::Fields(vec![problem])), Lang::Ja);
        assert!(
            html.contains("aria-invalid=\"true\"") && html.contains("class=\"problem\">見たいものを書いてください。"),
            "{html}"
        );
    }

    #[test]
    fn enter_in_a_field_presses_generate_and_nothing_else() {
        let html = drawn(&RawRequest::default(), None, Lang::En);
        let first = html.split("<button").nth(1).expect("a button");
        assert!(!first.split('>').next().unwrap_or_default().contains("formaction"), "{first}");
    }
}
