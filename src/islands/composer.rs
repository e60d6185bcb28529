//! The form that asks for pictures, at the price that stands on its button.
//!
//! The form is a real one and its fields are the browser's own: what is typed before the island wakes, restored by the
//! browser or filled in by an extension is what is sent. The island reads the fields; it never keeps a second copy of
//! them. Nothing typed is lost by a refusal.

mod choice;
mod fields;
mod keys;

pub use choice::ModelChoice;

use super::browser;
use super::cards::Card;
use super::icon::{ADVANCED, CREDITS, MODEL, icon};
use super::parcel::{ComposerStart, Parcel};
use super::part::{flag, part, value};
use super::press;
use super::store::{LiveStart, Store};
use crate::domain::{AspectRatio, Field, FieldProblem, MAX_COUNT, PriceRule, Problem, RequestKey};
use choice::Choice;
use fields::{aspect_picker, field_error, invalid, prompt};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::{html, task};

/// A second press of the same wish within this many milliseconds is the other half of a double click.
const DOUBLE_CLICK_MS: f64 = 700.0;

/// A sentence about the whole form.
#[derive(Clone, Debug, PartialEq)]
enum Notice {
    Sentence(String),
    SignedOut,
}

/// The state of the form that is not in its fields.
#[derive(Clone, Copy)]
struct Form {
    node: NodeRef<html::Form>,
    models: RwSignal<Vec<ModelChoice>>,
    choice: RwSignal<Choice>,
    problems: RwSignal<Vec<FieldProblem>>,
    notice: RwSignal<Option<Notice>>,
    /// The last press: the browser's own time, and what it sent.
    pressed: StoredValue<(f64, String)>,
}

impl Form {
    fn price(self) -> i64 {
        self.models.with(|models| self.choice.with(|choice| choice.price(models).0))
    }

    /// What is so of the chosen model.
    fn chosen(self, is: impl Fn(&ModelChoice) -> bool) -> bool {
        let model = self.choice.with(|choice| choice.model);
        self.models.with(|models| models.get(model).is_some_and(is))
    }

    /// Reads the fields again: something was chosen, or the browser restored them.
    fn read(self) {
        if let Some(form) = self.node.get_untracked() {
            let choice = self.models.with_untracked(|models| Choice::read(models, |name| browser::field(&form, name)));
            if browser::field(&form, "count") != choice.count.to_string() {
                browser::set_field(&form, "count", &choice.count.to_string());
            }
            if self.choice.with_untracked(|shown| *shown != choice) {
                self.choice.set(choice);
            }
        }
    }

    /// Sends what stands in the fields, once.
    fn press(self, store: &Store, at: f64) {
        let Some(form) = self.node.get_untracked() else { return };
        let wish = browser::fields(&form, "");
        let soon = |last: f64| at - last < DOUBLE_CLICK_MS || store.pending.get_untracked() > 0;
        if self.pressed.with_value(|(last, pressed)| *pressed == wish && soon(*last)) {
            return;
        }
        let prompt = browser::field(&form, "prompt").trim().to_owned();
        self.notice.set(None);
        if prompt.is_empty() && self.chosen(|model| model.takes_words) {
            self.problems.set(vec![FieldProblem { field: Field::Prompt, problem: Problem::Required }]);
            browser::focus_problem(&form);
            return;
        }
        self.pressed.set_value((at, wish));
        self.problems.set(Vec::new());
        let key = browser::fresh_key();
        let aspect = AspectRatio::parse(&browser::field(&form, "aspect_ratio")).unwrap_or_default();
        let (count, price) = (self.choice.get_untracked().units, untrack(|| self.price()));
        store.press(Card::pressed(&key, prompt, aspect, count, crate::domain::Credits(price), store.now()));
        let store = store.clone();
        task::spawn_local(async move {
            let request_key = RequestKey::trusted(key.clone());
            if browser::uploaded(&form).await {
                let fields = browser::fields(&form, &key);
                // A yes is said to one press.
                browser::set_field(&form, "confirmed", "");
                press::send(store, request_key, fields).await;
            } else {
                store.refuse(&request_key, super::store::Refused { status: 422, ..Default::default() });
            }
        });
    }

    /// Shows why a press was refused, at the field where that is known.
    fn refused(self, refused: super::store::Refused, trouble: &'static str) {
        if let Some(price) = refused.price.filter(|_| refused.status == 409) {
            let Choice { model, units, .. } = self.choice.get_untracked();
            self.models.update(|models| models[model].unit_price.0 = price / units);
            // Pressing again says yes to this price.
            if let Some(form) = self.node.get_untracked() {
                browser::set_field(&form, "confirmed", &price.to_string());
            }
        }
        self.notice.set(match refused.status {
            401 => Some(Notice::SignedOut),
            422 if !refused.problems.is_empty() => None,
            _ if refused.detail.is_empty() => Some(Notice::Sentence(trouble.to_owned())),
            _ => Some(Notice::Sentence(refused.detail)),
        });
        self.problems.set(refused.problems);
        if let Some(form) = self.node.get_untracked() {
            browser::show_violations(&form, &refused.violations);
            browser::focus_problem(&form);
        }
    }
}

/// The composer.
#[island]
pub fn Composer() -> impl IntoView {
    let Parcel { start, balance, composer, .. } = Parcel::open();
    composer.map(|given| composer_view(given, start, balance.available().0))
}

#[expect(clippy::too_many_lines, reason = "one view")]
fn composer_view(given: ComposerStart, start: LiveStart, available: i64) -> impl IntoView {
    let ComposerStart { models, values, problems, notice, controls } = given;
    let (lang, text, page) = (start.lang, &start.text().composer, start.session.clone());
    let given = |name: &str| match name {
        "model" => values.model.clone(),
        "count" => values.count.clone(),
        name => values.controls.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default(),
    };
    let choice = Choice::read(&models, given);
    let chosen = choice.clone();
    let form = Form {
        node: NodeRef::new(),
        choice: RwSignal::new(choice),
        problems: RwSignal::new(problems),
        notice: RwSignal::new(notice.map(Notice::Sentence)),
        pressed: StoredValue::new((f64::NEG_INFINITY, String::new())),
        models: RwSignal::new(models.clone()),
    };
    let available = RwSignal::new(available);
    let awake = RwSignal::new(false);
    let pending = RwSignal::new(false);
    let price = Memo::new(move |_| form.price());
    let missing = move || (price.get() - available.get()).max(0);

    let on_submit = {
        let start = start.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            if missing() == 0 {
                form.press(&Store::open(&start), event.time_stamp());
            }
        }
    };
    Effect::new(move |_| {
        let store = Store::open(&start);
        form.read();
        if let Some(node) = form.node.get_untracked() {
            browser::watch_controls(&node);
        }
        awake.set(true);
        let balance = store.balance.clone();
        Effect::new(move |_| {
            if let Some(balance) = balance.get() {
                available.set(balance.available().0);
            }
        });
        Effect::new(move |_| pending.set(store.pending.get() > 0));
        Effect::new(move |_| {
            if let Some(refused) = store.refused.get() {
                form.refused(refused, text.trouble);
            }
        });
    });

    let model_options = models
        .iter()
        .enumerate()
        .map(|(at, model)| {
            let per = if model.rule == PriceRule::Second { text.per_second } else { "" };
            let label = format!("{} · {}{per}", model.label, model.unit_price);
            view! { <option value=model.name.clone() selected=at == chosen.model>{label}</option> }
        })
        .collect::<Vec<_>>();
    let most = move || form.models.with(|models| models.get(form.choice.get().model).map_or(1, |model| model.max_count));
    let count_options = (1..=MAX_COUNT)
        .map(|count| {
            let beyond = flag(move || awake.get() && count > most());
            view! { <option value=count.to_string() selected=count == chosen.count disabled=beyond>{count.to_string()}</option> }
        })
        .collect::<Vec<_>>();
    let has_seed = !values.seed.is_empty();

    view! {
        <form class="composer" method="post" action="/generate" novalidate=flag(move || awake.get()) node_ref=form.node on:submit=on_submit
            on:input=move |_| form.read()>
            <input type="hidden" name="page" value=page />
            <input type="hidden" name="request_key" value=values.request_key />
            <input type="hidden" name="quote" value=values.quote />
            <input type="hidden" name="confirmed" value=values.confirmed />
            <input type="hidden" name="quoted_price" prop:value=value(move || Some(price.get().to_string())) value=untrack(|| price.get()).to_string() />
            <div class="composer-box">
                <div hidden=flag(move || awake.get() && !form.chosen(|model| model.takes_words))>{prompt(text, values.prompt, form, lang)}</div>
                <div class="controls" data-controls="needed" inner_html=controls.needed></div>
                <p class="hint" data-dropped="" role="status" hidden></p>
                <div class="composer-bar">
                    <div class="composer-chips">
                        <label class="chip chip-menu">
                            {icon(MODEL)} <span class="sr-only">{text.model}</span> <select name="model">{model_options}</select>
                        </label>
                        {aspect_picker(text, &values.aspect_ratio, form, awake)}
                        <label class="chip chip-menu" hidden=flag(move || awake.get() && most() < 2)>
                            <span class="chip-name">{text.count}</span> <select name="count" data-testid="count">{count_options}</select>
                        </label>
                        <details class="advanced" open=has_seed>
                            <summary class="chip">{icon(ADVANCED)} {text.advanced}</summary>
                            <div class="advanced-panel">
                                <div class="controls" data-controls="rest" inner_html=controls.rest></div>
                                <div class="control" hidden=flag(move || awake.get() && !form.chosen(|model| model.takes_seed))>
                                <label for="seed">{text.seed}</label>
                                <input id="seed" name="seed" inputmode="numeric" autocomplete="off" value=values.seed
                                    aria-describedby="seed-hint seed-error"
                                    aria-invalid=invalid(form, Field::Seed) />
                                <p id="seed-hint" class="hint">{text.seed_hint}</p>
                                {field_error(text, form, Field::Seed)}
                                </div>
                            </div>
                        </details>
                    </div>
                    <div class="composer-go">
                        {part(move || {
                            let short = missing();
                            // Without a script the button stays: fewer pictures may be sent with it.
                            let go = if short > 0 && awake.get() {
                                view! { <a class="generate" href="/credits" data-testid="get-credits">{text.get_credits}</a> }.into_any()
                            } else {
                                view! {
                                    <button class="generate" data-testid="generate" aria-disabled=pending.get().then_some("true")>
                                        {text.generate}
                                        " "
                                        <span class="generate-price">
                                            {icon(CREDITS)}
                                            <span data-testid="price">{price.get().to_string()}</span>
                                            " "
                                            <span class="sr-only">{(text.credits)(price.get())}</span>
                                        </span>
                                    </button>
                                }
                                .into_any()
                            };
                            let said = if short > 0 {
                                view! { <span class="missing">{(text.missing)(short)}</span> }.into_any()
                            } else {
                                view! { <span class="leaves">{(text.leaves)(available.get() - price.get())}</span> }.into_any()
                            };
                            view! { {said} {go} }.into_any()
                        })}
                    </div>
                </div>
                {[Field::Model, Field::AspectRatio, Field::Count, Field::RequestKey, Field::QuotedPrice]
                    .map(|field| field_error(text, form, field))
                    .into_iter()
                    .collect::<Vec<_>>()}
            </div>
            <div class="composer-notice" role="alert">
                {part(move || match form.notice.get() {
                    None => ().into_any(),
                    Some(Notice::Sentence(sentence)) => view! { <p>{sentence}</p> }.into_any(),
                    Some(Notice::SignedOut) => view! {
                        <p>{text.signed_out} " " <a href="/sign-in" target="_blank">{text.sign_in}</a></p>
                    }.into_any(),
                })}
            </div>
            {fields::key_hints(lang, text)}
        </form>
    }
}
