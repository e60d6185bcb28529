//! The controls of a model, drawn from its schema: one for each property that the composer does not ask for in words of
//! its own. They are real fields; a form without a script sends the same.

use crate::components::plain;
use crate::domain::schema::{Accept, Control, Property, Violation, label, prefixed};
use crate::domain::{Lang, MAX_SIDE, Model, RawRequest};
use crate::text;
use crate::text::ControlText;
use leptos::prelude::*;
use serde_json::Value;

/// What a page may send, in megabytes; `server::file` holds to the same.
const PAGE_MEGABYTES: &str = "25";

/// A model's own controls, as HTML of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// What has to be there: files, and what the model asks for.
    pub needed: String,
    /// What may be changed.
    pub rest: String,
}

/// Draws them with what stands in the form, and with what is wrong at each.
pub fn controls(model: &Model, values: &[(String, String)], violations: &[Violation], lang: Lang) -> Controls {
    let words = &text::pages(lang).control;
    let promoted = model.promoted();
    let own = model.schema.properties.iter().filter(|property| !promoted.contains(&property.name.as_str()));
    let (needed, rest): (Vec<_>, Vec<_>) = own.partition(|property| is_needed(property));
    let draw = |properties: Vec<&Property>| {
        let drawn = properties.into_iter().map(|property| {
            let found = violations.iter().find(|violation| violation.is_at(&property.name));
            one(property, values, found.map(|found| (words.violation)(found)), words)
        });
        Owner::new().with(|| drawn.collect_view().to_html())
    };
    let of = format!("<input type=\"hidden\" name=\"drawn_for\" value=\"{}\">", plain(model.name.as_str()));
    let remix = values
        .iter()
        .find(|(name, _)| name == RawRequest::REMIX_OF)
        .map(|(name, of)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", plain(of).replace('"', "&quot;")));
    // Without a script another model's controls come with the whole page.
    let choose = format!(
        "<noscript><button class=\"button quiet\" formaction=\"/create/controls\" formnovalidate>{}</button></noscript>",
        plain(words.choose)
    );
    Controls { needed: draw(needed) + &of + &remix.unwrap_or_default() + &choose, rest: draw(rest) }
}

/// Files and what must be given stand beside the prompt; everything else can wait to be asked for.
fn is_needed(property: &Property) -> bool {
    property.required || matches!(property.control(), Control::File { .. })
}

fn one(property: &Property, values: &[(String, String)], problem: Option<String>, words: &'static ControlText) -> AnyView {
    let name = prefixed(&property.name);
    let id = format!("control-{}", property.name);
    let given: Vec<String> = values.iter().filter(|(field, _)| *field == name).map(|(_, value)| value.clone()).collect();
    let wrong = problem.is_some();
    let field = Field { property, name, id, given, wrong, words };
    let group = matches!(
        property.control(),
        Control::Segmented(_) | Control::Checks(_) | Control::Texts | Control::Numbers | Control::Files { .. }
    );
    let title = view! {
        {property.title.clone()}
        {property.required.then(|| view! { <span class="control-required">{words.required}</span> })}
        {property.deprecated.then(|| view! { <span class="control-required">{words.deprecated}</span> })}
    };
    let hint = (!property.description.is_empty())
        .then(|| view! { <p class="hint" id=field.hint_id()>{property.description.clone()}</p> });
    let error = view! { <p class="problem" id=field.error_id() hidden=!wrong>{problem}</p> };
    if group {
        view! {
            <fieldset class="control" data-property=property.name.clone() data-default=field.standard() aria-describedby=field.described_by()>
                <legend>{title}</legend>
                {field.draw()}
                {hint}
                {error}
            </fieldset>
        }
        .into_any()
    } else {
        view! {
            <div class="control" data-property=property.name.clone() data-default=field.standard()>
                <label for=field.id.clone()>{title}</label>
                {field.draw()}
                {hint}
                {error}
            </div>
        }
        .into_any()
    }
}

/// One property's fields.
struct Field<'a> {
    property: &'a Property,
    /// The name it is sent under.
    name: String,
    id: String,
    /// What stands in the form.
    given: Vec<String>,
    wrong: bool,
    words: &'static ControlText,
}

impl Field<'_> {
    fn hint_id(&self) -> String {
        format!("{}-hint", self.id)
    }

    fn error_id(&self) -> String {
        format!("{}-error", self.id)
    }

    fn described_by(&self) -> String {
        if self.property.description.is_empty() { self.error_id() } else { format!("{} {}", self.hint_id(), self.error_id()) }
    }

    /// What the model uses when the field is empty.
    fn default(&self) -> Option<String> {
        self.property.default.as_ref().map(label)
    }

    /// The same for a script that counts what was changed; a list as JSON.
    fn standard(&self) -> String {
        match &self.property.default {
            Some(Value::Array(items)) => serde_json::json!(items.iter().map(label).collect::<Vec<_>>()).to_string(),
            _ => self.default().unwrap_or_default(),
        }
    }

    /// What stands in the field, or would be used.
    fn shown(&self) -> Option<String> {
        self.given.last().cloned().or_else(|| self.default())
    }

    fn invalid(&self) -> Option<&'static str> {
        self.wrong.then_some("true")
    }

    fn draw(&self) -> AnyView {
        match self.property.control() {
            Control::Text { multiline: false } => self.line("text", None, None, None),
            Control::Secret => self.line("password", None, None, None),
            Control::Text { multiline: true } | Control::Json { .. } => self.lines(),
            Control::Number { integer, min, max } => self.line("number", min, max, Some(if integer { "1" } else { "any" })),
            Control::Range { min, max, step, integer } => self.range(min, max, step, integer),
            Control::Switch => self.switch(),
            Control::Segmented(values) => self.choices(values, "radio"),
            Control::Checks(values) => self.choices(values, "checkbox"),
            Control::Select(values) => self.select(values),
            Control::File { accept } => self.files(accept, false),
            Control::Files { accept } => self.files(accept, true),
            Control::Texts => self.list("text"),
            Control::Numbers => self.list("number"),
        }
    }

    fn line(&self, kind: &'static str, min: Option<f64>, max: Option<f64>, step: Option<&'static str>) -> AnyView {
        // A number field of the browser refuses full-width digits before anybody can read them.
        let mode = step.map(|step| if step == "1" { "numeric" } else { "decimal" });
        let kind = if kind == "number" { "text" } else { kind };
        let range = min.zip(max).map(|(min, max)| format!("{min} – {max}"));
        let placeholder = self.default().or(range);
        view! {
            <input
                id=self.id.clone()
                name=self.name.clone()
                type=kind
                inputmode=mode
                value=self.given.last().cloned()
                placeholder=placeholder
                data-multiple=self.property.multiple().map(|multiple| multiple.to_string())
                data-min=min.map(|min| min.to_string())
                data-max=max.map(|max| max.to_string())
                autocomplete="off"
                aria-required=self.property.required.then_some("true")
                aria-invalid=self.invalid()
                aria-describedby=self.described_by()
            />
        }
        .into_any()
    }

    fn lines(&self) -> AnyView {
        let text = self.given.last().cloned().unwrap_or_default();
        let first = if text.starts_with('\n') { "\n" } else { "" };
        let code = matches!(self.property.control(), Control::Json { .. });
        view! {
            <textarea
                id=self.id.clone()
                name=self.name.clone()
                rows="2"
                class=code.then_some("code")
                placeholder=self.default()
                autocomplete="off"
                spellcheck=code.then_some("false")
                aria-required=self.property.required.then_some("true")
                aria-invalid=self.invalid()
                aria-describedby=self.described_by()
                inner_html=format!("{first}{}", plain(&text))
            ></textarea>
        }
        .into_any()
    }

    /// The slider is for the hand, the field beside it is what is sent.
    fn range(&self, min: f64, max: f64, step: f64, integer: bool) -> AnyView {
        let step = self.property.multiple().filter(|multiple| (min / multiple).fract() == 0.0).unwrap_or(step);
        let place = self.shown().and_then(|text| text.parse::<f64>().ok()).unwrap_or(min);
        let label = self.property.title.clone();
        view! {
            <div class="control-range">
                <input
                    type="range"
                    min=min.to_string()
                    max=max.to_string()
                    step=step.to_string()
                    value=place.to_string()
                    data-for=self.id.clone()
                    aria-label=label
                    tabindex="-1"
                />
                {self.line("number", Some(min), Some(max), Some(if integer { "1" } else { "any" }))}
            </div>
        }
        .into_any()
    }

    fn switch(&self) -> AnyView {
        let on = self.shown().as_deref() == Some("true");
        view! {
            <input type="hidden" name=self.name.clone() value="false" />
            <input
                id=self.id.clone()
                name=self.name.clone()
                type="checkbox"
                role="switch"
                value="true"
                checked=on
                aria-describedby=self.described_by()
            />
        }
        .into_any()
    }

    fn choices(&self, values: &[Value], kind: &'static str) -> AnyView {
        let chosen = if self.given.is_empty() { self.default().into_iter().collect() } else { self.given.clone() };
        let defaults = match &self.property.default {
            Some(Value::Array(defaults)) if self.given.is_empty() => defaults.iter().map(label).collect(),
            _ => chosen,
        };
        let all = values.iter().enumerate().map(|(at, value)| {
            let value = label(value);
            let checked = defaults.contains(&value);
            // The first bears the id, so that a problem can bring the focus here.
            let id = (at == 0).then(|| self.id.clone());
            view! {
                <label class="segment">
                    <input type=kind id=id name=self.name.clone() value=value.clone() checked=checked />
                    <span>{value.clone()}</span>
                </label>
            }
        });
        view! { <div class="segments">{all.collect_view()}</div> }.into_any()
    }

    fn select(&self, values: &[Value]) -> AnyView {
        let shown = self.shown();
        let nothing = (self.property.default.is_none()).then(|| view! { <option value="">{self.words.model_decides}</option> });
        let all = values.iter().map(|value| {
            let value = label(value);
            let selected = shown.as_ref() == Some(&value);
            view! { <option value=value.clone() selected=selected>{value.clone()}</option> }
        });
        view! {
            <select id=self.id.clone() name=self.name.clone() aria-describedby=self.described_by() aria-invalid=self.invalid()>
                {nothing}
                {all.collect_view()}
            </select>
        }
        .into_any()
    }

    /// An address can always be typed or pasted; with a script a file can be picked, dropped or pasted instead.
    fn files(&self, accept: Accept, many: bool) -> AnyView {
        let mut given = self.given.clone();
        if given.is_empty() {
            given.push(String::new());
        }
        let slots = given.into_iter().enumerate().map(|(at, address)| {
            let id = if at == 0 { self.id.clone() } else { format!("{}-{at}", self.id) };
            view! {
                <input
                    class="slot-address"
                    id=id
                    name=self.name.clone()
                    type="text"
                    inputmode="url"
                    value=address
                    placeholder="https://"
                    autocomplete="off"
                    aria-label=self.words.address
                    aria-invalid=self.invalid()
                    aria-describedby=self.described_by()
                />
            }
        });
        view! {
            <div class="slot" data-slot=self.name.clone() data-many=many.then_some("") data-most=PAGE_MEGABYTES data-side=MAX_SIDE.to_string() data-words=self.words.slot_words()>
                <div class="slot-files"></div>
                <div class="slot-ways" hidden>
                    <label class="button slot-pick">
                        <input type="file" class="sr-only" accept=accept.as_str() multiple=many />
                        {if many { self.words.pick_files } else { self.words.pick_file }}
                    </label>
                    <button type="button" class="button quiet" data-open="yours">{self.words.yours}</button>
                    <span class="hint slot-drop">{self.words.drop}</span>
                </div>
                {slots.collect_view()}
            </div>
        }
        .into_any()
    }

    /// As many fields as there are values, and one more for another.
    fn list(&self, kind: &'static str) -> AnyView {
        let mut given = self.given.clone();
        given.push(String::new());
        let mode = (kind == "number").then_some("decimal");
        let all = given.into_iter().enumerate().map(|(at, value)| {
            let id = if at == 0 { self.id.clone() } else { format!("{}-{at}", self.id) };
            view! { <input id=id name=self.name.clone() type="text" inputmode=mode value=value autocomplete="off" aria-label=self.property.title.clone() /> }
        });
        view! { <div class="control-list" data-list="">{all.collect_view()}</div> }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;
    use serde_json::json;

    fn drawn(properties: &Value, values: &[(&str, &str)]) -> (Model, Controls) {
        let model = model(properties);
        let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let controls = controls(&model, &values, &[], Lang::En);
        (model, controls)
    }

    #[test]
    fn every_property_has_one_control_or_stands_in_the_composer() {
        let (model, controls) = drawn(
            &json!({
                "prompt": {"type": "string"}, "seed": {"type": "integer"}, "num_outputs": {"type": "integer"},
                "steps": {"type": "integer", "minimum": 1, "maximum": 50}, "image": {"type": "string", "format": "uri"},
                "style": {"type": "string", "enum": ["a", "b"]}, "raw": {"type": "boolean"}, "odd": {"type": "unheard-of"},
            }),
            &[],
        );
        let html = format!("{}{}", controls.needed, controls.rest);
        assert_eq!(html.matches("data-property=").count() + model.promoted().len(), model.schema.properties.len(), "{html}");
        assert!(controls.needed.contains("control-image") && controls.rest.contains("control-odd"));
    }

    #[test]
    fn what_stands_in_a_field_cannot_leave_it() {
        let (_, controls) = drawn(
            &json!({"note": {"type": "string", "description": "<script>x</script>"}, "data": {"type": "object"}}),
            &[("input.note", "\"><script>1</script>"), ("input.data", "</textarea><script>2</script>")],
        );
        assert!(!controls.rest.contains("<script"), "{}", controls.rest);
    }

    #[test]
    fn a_problem_stands_at_its_control() {
        let model = model(&json!({"steps": {"type": "integer", "maximum": 4}}));
        let values = vec![("input.steps".to_owned(), "9".to_owned())];
        let violations = model.schema.read(&values).expect_err("too many");
        let html = controls(&model, &values, &violations, Lang::En).rest;
        assert!(html.contains("aria-invalid=\"true\"") && html.contains("less than or equal to 4"), "{html}");
    }
}
