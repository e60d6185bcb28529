//! `/admin/models/{owner}/{name}`: one entry of the catalogue and everything that can be changed of it.

use super::admin_models::{history, short, state};
use super::models::in_language;
use crate::components::{Frame, Icon, Place, icon};
use crate::domain::catalogue::{AddProblem, Entry, EntryForm, EntryProblem, Health, LogLine, Looked, Maximum, SchemaChanges};
use crate::domain::{Lang, PriceRule, Task, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, AdminText, OwnText};
use leptos::prelude::*;
use serde_json::Number;

/// What just happened, to be said above the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was put into the catalogue.
    Added,
    /// The form was written.
    Saved,
    /// Newer versions were looked for.
    Looked(Looked),
    /// It runs another version now, which differs so.
    Moved(SchemaChanges),
    /// There was nothing to move to.
    NothingNewer,
    /// The newer version does not say what it takes.
    Undescribed,
    /// Replicate did not answer.
    Away,
    /// Its own server was asked again, and what it takes differs so.
    Reread(SchemaChanges),
    /// Its own server did not say.
    Unread(AddProblem),
}

/// The entry with its form.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn AdminModel(
    viewer: Viewer,
    start: LiveStart,
    entry: Entry,
    /// How its own server is, if it has one.
    health: Option<Health>,
    /// What stands in the form.
    form: EntryForm,
    /// Why it was not written.
    problems: Vec<EntryProblem>,
    said: Option<Said>,
    /// What was changed of it, newest first.
    log: Vec<LogLine>,
) -> impl IntoView {
    let lang = viewer.lang;
    let parcel = Parcel::new(start, viewer.balance);
    let words = &text::pages(lang).admin;
    let own = &text::pages(lang).own;
    let address = format!("/admin/models/{}", entry.model.name);
    let wrong = !problems.is_empty();
    let fields = Fields { form: &form, problems: &problems, words };
    let drawn = (texts(&fields), sums(&fields, lang), maxima(&entry.maxima, &fields));
    view! {
        <Frame viewer parcel here=Place::Models>
            <div class="page-head">
                <h1>{in_language(&entry.model, lang).0}</h1>
                {state(entry.enabled, words)}
                <a class="button" href="/admin/models"><Icon glyph=icon::ARROW_LEFT />{words.back}</a>
            </div>
            {said.map(|said| notice(&said, words, own))}
            {wrong.then(|| view! { <p class="notice bad" role="alert"><Icon glyph=icon::ALERT />{words.summary}</p> })}
            {match &entry.model.endpoint {
                Some(endpoint) => server(&entry, endpoint, health, &address, (words, own)).into_any(),
                None => versions(&entry, &address, words).into_any(),
            }}
            <form class="card keeper-form" method="post" action=address.clone()>
                {drawn}
                <button class="button primary">{words.save}</button>
            </form>
            {history(log, lang)}
        </Frame>
    }
}

fn notice(said: &Said, words: &'static AdminText, own: &'static OwnText) -> impl IntoView + use<> {
    let bad = matches!(said, Said::Away | Said::Undescribed | Said::Unread(_));
    let sentences = match said {
        Said::Added => vec![words.added.to_owned()],
        Said::Saved => vec![words.saved.to_owned()],
        Said::Looked(looked) => vec![(words.looked)(looked)],
        Said::NothingNewer => vec![words.nothing_newer.to_owned()],
        Said::Undescribed => vec![words.undescribed.to_owned()],
        Said::Away => vec![words.away.to_owned()],
        Said::Unread(problem) => vec![(own.unread)(*problem).to_owned()],
        Said::Moved(changes) => differences(words.moved, changes, words),
        Said::Reread(changes) => differences(own.reread, changes, words),
    };
    view! {
        <div class=if bad { "notice bad" } else { "notice" } role="status">
            <div>{sentences.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view()}</div>
        </div>
    }
}

/// What was done, and what is different since.
fn differences(done: &'static str, changes: &SchemaChanges, words: &'static AdminText) -> Vec<String> {
    let listed = [
        (&changes.added, words.appeared),
        (&changes.removed, words.disappeared),
        (&changes.changed, words.differ),
        (&changes.dropped, words.dropped),
    ]
    .into_iter()
    .filter(|(names, _)| !names.is_empty())
    .map(|(names, say)| say(names));
    let output = changes.output.then(|| words.other_output.to_owned());
    let same = (*changes == SchemaChanges::default()).then(|| words.moved_same.to_owned());
    [done.to_owned()].into_iter().chain(listed).chain(output).chain(same).collect()
}

/// What runs now, and what could.
fn versions(entry: &Entry, address: &str, words: &'static AdminText) -> impl IntoView + use<> {
    let model = &entry.model;
    let version = model.version.as_deref().map_or_else(|| "–".to_owned(), short);
    let by_name = model.official.then(|| view! { <span class="badge">{words.by_name}</span> });
    let newer = model.newest_version.as_deref().map(|newest| {
        view! {
            <div><dt>{words.newest}</dt><dd><code>{short(newest)}</code></dd></div>
        }
    });
    let (look, go) = (format!("{address}/look"), format!("{address}/move"));
    let can_move = model.newest_version.is_some();
    view! {
        <section class="card keeper-versions">
            <dl class="facts">
                <div><dt>{words.model}</dt><dd>{model.name.as_str().to_owned()}</dd></div>
                <div><dt>{words.version}</dt><dd><code>{version}</code> " " {by_name}</dd></div>
                {newer}
            </dl>
            <form method="post" action=look><button class="button">{words.look}</button></form>
            {can_move
                .then(|| view! { <form method="post" action=go><button class="button primary">{words.move_on}</button></form> })}
        </section>
    }
}

/// Where it runs, and how it is there.
fn server(
    entry: &Entry,
    endpoint: &str,
    health: Option<Health>,
    address: &str,
    (words, own): (&'static AdminText, &'static OwnText),
) -> impl IntoView + use<> {
    let (name, endpoint, again) = (entry.model.name.as_str().to_owned(), endpoint.to_owned(), format!("{address}/move"));
    let health = health.map(|health| {
        let class = match health {
            Health::Ready | Health::Busy => "badge ok",
            Health::Starting => "badge",
            Health::Broken | Health::Away => "badge warn",
        };
        view! { <div><dt>{own.health_label}</dt><dd><span class=class>{(own.health)(health)}</span></dd></div> }
    });
    view! {
        <section class="card keeper-versions">
            <dl class="facts">
                <div><dt>{words.model}</dt><dd>{name}</dd></div>
                <div><dt>{own.address}</dt><dd><code>{endpoint}</code></dd></div>
                {health}
            </dl>
            <form method="post" action=again><button class="button">{own.read_again}</button></form>
        </section>
    }
}

/// The form's fields, with what stands in each and what is wrong with it.
struct Fields<'a> {
    form: &'a EntryForm,
    problems: &'a [EntryProblem],
    words: &'static AdminText,
}

impl Fields<'_> {
    fn problem(&self, name: &str) -> Option<String> {
        self.problems.iter().find(|problem| problem.at == name).map(|problem| (self.words.wrong)(&problem.what))
    }

    fn line(&self, name: &'static str, label: &'static str, mode: Option<&'static str>, hint: Option<&'static str>) -> AnyView {
        view! {
            <div class="field">
                <label for=name>{label}</label>
                {self.input(name.to_owned(), mode, None)}
                {hint.map(|hint| view! { <p class="hint">{hint}</p> })}
                {self.told(name)}
            </div>
        }
        .into_any()
    }

    fn input(&self, name: String, mode: Option<&'static str>, label: Option<String>) -> AnyView {
        let (value, wrong) = (self.form.get(&name).to_owned(), self.problem(&name).is_some());
        view! {
            <input
                id=name.clone()
                aria-describedby=format!("{name}-problem")
                name=name
                value=value
                inputmode=mode
                autocomplete="off"
                aria-label=label
                aria-invalid=wrong.then_some("true")
            />
        }
        .into_any()
    }

    fn told(&self, name: &str) -> AnyView {
        let problem = self.problem(name);
        let none = problem.is_none();
        view! { <p class="problem" id=format!("{name}-problem") hidden=none>{problem}</p> }.into_any()
    }

    fn choice(&self, name: &'static str, label: &'static str, choices: Vec<(&'static str, &'static str)>) -> AnyView {
        let chosen = self.form.get(name).to_owned();
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <select id=name name=name aria-describedby=format!("{name}-problem")>
                    {choices
                        .into_iter()
                        .map(|(value, words)| view! { <option value=value selected=value == chosen>{words}</option> })
                        .collect_view()}
                </select>
                {self.told(name)}
            </div>
        }
        .into_any()
    }
}

fn texts(fields: &Fields<'_>) -> impl IntoView + use<> {
    let words = fields.words;
    view! {
        <div class="keeper-pair">
            {fields.line("label", words.label, None, None)} {fields.line("label_ja", words.label_ja, None, None)}
            {fields.line("description", words.description, None, None)}
            {fields.line("description_ja", words.description_ja, None, None)}
            {fields.line("license_url", words.license_url, Some("url"), None)}
            {fields.line("endpoint", words.endpoint, Some("url"), Some(words.endpoint_note))}
        </div>
    }
}

fn sums(fields: &Fields<'_>, lang: Lang) -> impl IntoView + use<> {
    let words = fields.words;
    let names = text::pages(lang).catalogue.task_name;
    let tasks = Task::ALL.map(|task| (task.as_str(), names(task))).to_vec();
    let rules = PriceRule::ALL.map(|rule| (rule.as_str(), (words.rule_name)(rule))).to_vec();
    let enabled = fields.form.get("enabled") == "yes";
    view! {
        <div class="keeper-pair">
            {fields.choice("task", words.task, tasks)} {fields.choice("price_rule", words.rule, rules)}
            {fields.line("unit_price", words.unit_price, Some("numeric"), None)}
            {fields.line("max_count", words.max_count, Some("numeric"), None)}
            {fields.line("max_seconds", words.max_seconds, Some("numeric"), Some(words.max_seconds_note))}
            {fields.line("place", words.place, Some("numeric"), None)}
        </div>
        <label class="keeper-switch">
            <input type="checkbox" name="enabled" value="yes" checked=enabled />
            {words.enabled}
        </label>
    }
}

/// The numbers of the schema, each with the most that the house allows.
fn maxima(maxima: &[Maximum], fields: &Fields<'_>) -> Option<AnyView> {
    let words = fields.words;
    let number = |number: &Option<Number>| number.as_ref().map(Number::to_string);
    let rows = maxima.iter().map(|maximum| {
        let name = EntryForm::most(&maximum.name);
        let least = number(&maximum.least).unwrap_or_default();
        let most = number(&maximum.own).unwrap_or_default();
        let takes = if least.is_empty() && most.is_empty() { "–".to_owned() } else { format!("{least} – {most}") };
        let label = format!("{}: {}", words.house, maximum.title);
        view! {
            <tr>
                <th scope="row">{maximum.title.clone()} <span class="line-note">{maximum.name.clone()}</span></th>
                <td class="number">{takes}</td>
                <td class="number">{number(&maximum.default).unwrap_or_else(|| "–".to_owned())}</td>
                <td class="field">{fields.input(name.clone(), Some("decimal"), Some(label))} {fields.told(&name)}</td>
            </tr>
        }
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section>
                <h2 id="maxima">{words.maxima.title}</h2>
                <p class="hint">{words.maxima.body}</p>
                <div class="keeper-scroll">
                    <table class="statement keeper" aria-labelledby="maxima">
                        <thead>
                            <tr>
                                {[words.setting, words.takes, words.by_itself, words.house]
                                    .map(|head| view! { <th scope="col">{head}</th> })
                                    .collect_view()}
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </section>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::catalogue::Wrong;
    use crate::domain::samples::model;
    use serde_json::{Map, json};

    fn page(form: Option<EntryForm>, problems: Vec<EntryProblem>, said: Option<Said>) -> String {
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        let mut model = model(&json!({"steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20}}));
        model.newest_version = Some("ab".repeat(32));
        let maxima = Maximum::all(&model.schema, &Map::new());
        let entry = Entry { model, enabled: true, place: 7, maxima };
        let form = form.unwrap_or_else(|| EntryForm::of(&entry));
        Owner::new().with(|| view! { <AdminModel viewer start entry health=None form problems said log=vec![] /> }.to_html())
    }

    #[test]
    fn the_form_holds_everything_that_can_be_changed() {
        let html = page(None, Vec::new(), None);
        let names = ["label", "label_ja", "description", "description_ja", "task", "price_rule", "unit_price", "max_count"];
        for name in names.into_iter().chain(["max_seconds", "place", "enabled", "license_url", "endpoint", "most.steps"]) {
            assert_eq!(html.matches(&format!("name=\"{name}\"")).count(), 1, "{name}: {html}");
        }
        assert!(html.contains("/admin/models/owner/name/move") && html.contains("abababab"), "{html}");
        assert!(html.contains("1 – 50") && html.contains("value=\"7\""), "{html}");
    }

    #[test]
    fn what_is_wrong_stands_at_its_field_and_what_was_typed_stays() {
        let form = EntryForm::of_fields(vec![("most.steps".into(), "\"><script>x".into())]);
        let problems = vec![EntryProblem { at: "most.steps".into(), what: Wrong::TooSmall("20".into()) }];
        let html = page(Some(form), problems, None);
        assert!(html.contains("The model needs at least 20.") && html.contains("aria-invalid=\"true\""), "{html}");
        assert!(!html.contains("<script>x") && html.contains(text::pages(Lang::En).admin.summary), "{html}");
    }

    #[test]
    fn a_move_says_what_is_different_or_that_nothing_is() {
        let changes = SchemaChanges { added: vec!["mask".into()], removed: vec!["odd".into()], ..SchemaChanges::default() };
        let html = page(None, Vec::new(), Some(Said::Moved(changes)));
        assert!(html.contains("New settings: mask.") && html.contains("Settings that are gone: odd."), "{html}");
        let html = page(None, Vec::new(), Some(Said::Moved(SchemaChanges::default())));
        assert!(html.contains(text::pages(Lang::En).admin.moved_same), "{html}");
    }
}
