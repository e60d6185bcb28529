//! The row under the prompt: the model, the shapes, how many, and what opens the rest.

use super::extras::Extras;
use super::{Problems, error_id};
use crate::components::{Icon, icon};
use crate::domain::{AspectRatio, Field, MAX_COUNT, Model, PriceRule, RawRequest};
use crate::islands::Choice;
use crate::text::CreateText;
use leptos::prelude::*;

/// What the row shows.
pub(super) struct Bar<'a> {
    pub models: &'a [Model],
    pub form: &'a RawRequest,
    pub choice: &'a Choice,
    pub problems: &'a Problems,
    pub said: &'static CreateText,
}

impl Bar<'_> {
    pub fn view(&self, extras: Extras<'_>) -> impl IntoView + use<> {
        let said = self.said;
        let (models, counts) = (self.models(), self.counts());
        let open = !self.form.seed.is_empty() || self.problems.at(Field::Seed).is_some();
        let (seed, shapes) = (self.seed(), self.shapes());
        view! {
            <div class="composer-chips">
                <label class="chip chip-menu">
                    <Icon glyph=icon::BOX />
                    <span class="sr-only">{said.model}</span>
                    <select name="model">{models}</select>
                </label>
                {shapes}
                <label class="chip chip-menu" data-part="count">
                    <span class="chip-name">{said.count}</span>
                    <select name="count" data-testid="count">{counts}</select>
                </label>
                <details class="advanced" open=open>
                    <summary class="chip"><Icon glyph=icon::SLIDERS /> {said.advanced} <span class="badge-count" data-changed="" hidden></span></summary>
                    <div class="advanced-panel">{extras.view(seed)}</div>
                </details>
            </div>
        }
    }

    fn models(&self) -> impl IntoView + use<> {
        let option = |(at, model): (usize, &Model)| {
            let per = if model.price.rule == PriceRule::Second { self.said.per_second } else { "" };
            let label = format!("{} · {}{per}", model.label, model.price.unit);
            view! { <option value=model.name.to_string() selected=at == self.choice.model>{label}</option> }
        };
        self.models.iter().enumerate().map(option).collect_view()
    }

    fn counts(&self) -> impl IntoView + use<> {
        let option = |count: i64| view! { <option value=count.to_string() selected=count == self.choice.count>{count.to_string()}</option> };
        (1..=MAX_COUNT).map(option).collect_view()
    }

    /// A native radio group, so that arrow keys and forms without a script work. Without one any shape may be chosen with any
    /// model, and the server judges.
    fn shapes(&self) -> impl IntoView + use<> {
        let said = self.said;
        let chosen = AspectRatio::parse(&self.form.aspect_ratio).unwrap_or_default();
        let radios = AspectRatio::ALL.map(|aspect| {
            let (width, height) = aspect.pixels();
            let name = format!("{} ({width} × {height})", (said.aspect_name)(aspect));
            let title = name.clone();
            view! {
                <label title=title>
                    <input type="radio" name="aspect_ratio" value=aspect.as_str() checked=aspect == chosen />
                    <span class="aspect" data-aspect=aspect.as_str()></span>
                    <span class="sr-only">{name}</span>
                </label>
            }
        });
        view! {
            <fieldset class="chip aspects" data-part="aspects">
                <legend class="sr-only">{said.aspect}</legend>
                <div class="aspects-lane">{radios.into_iter().collect_view()}</div>
                <span class="aspects-said" aria-hidden="true"></span>
                <button type="button" class="aspects-swap" data-swap="" hidden aria-label=said.swap title=format!("{} (x)", said.swap)>
                    <Icon glyph=icon::SWAP />
                </button>
            </fieldset>
        }
    }

    fn seed(&self) -> AnyView {
        let (said, wrong) = (self.said, self.problems.at(Field::Seed).is_some());
        view! {
            <div class="control" data-part="seed">
                <label for="seed">{said.seed}</label>
                <input
                    id="seed"
                    name="seed"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    value=self.form.seed.clone()
                    aria-describedby=format!("seed-hint {}", error_id(Field::Seed))
                    aria-invalid=wrong.then_some("true")
                />
                <p id="seed-hint" class="hint">{said.seed_hint}</p>
                {self.problems.sentence(Field::Seed)}
            </div>
        }
        .into_any()
    }
}
