//! `/admin/models`: every entry of the catalogue, and the way to another. For its keeper alone.

use super::models::in_language;
use crate::components::{Frame, Icon, Moment, Place, icon};
use crate::domain::catalogue::{AddProblem, Entry, LogLine, Looked, NotAdded};
use crate::domain::{Lang, Model, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, AdminText, OwnText};
use leptos::prelude::*;

/// The list.
#[component]
pub fn AdminModels(
    viewer: Viewer,
    start: LiveStart,
    /// All entries, in their order.
    entries: Vec<Entry>,
    /// What was typed to add a model, and why that was not done.
    refused: Option<NotAdded>,
    /// What came of looking for newer versions, if somebody just did.
    looked: Option<Looked>,
    /// The last changes, newest first.
    log: Vec<LogLine>,
) -> impl IntoView {
    let lang = viewer.lang;
    let parcel = Parcel::new(start, viewer.balance);
    let said = &text::pages(lang).admin;
    view! {
        <Frame viewer parcel here=Place::Models>
            <div class="page-head">
                <h1>{said.title}</h1>
                <a class="button" href="/models">{said.shown}</a>
            </div>
            {looked.map(|looked| view! { <p class="notice" role="status">{(said.looked)(&looked)}</p> })}
            {adding(refused, said, &text::pages(lang).own)}
            {table(&entries, lang)}
            {history(log, lang)}
        </Frame>
    }
}

/// The way to another entry.
fn adding(refused: Option<NotAdded>, said: &'static AdminText, own: &'static OwnText) -> impl IntoView {
    let problem = refused.as_ref().map(|refused| refused.problem);
    let (name, endpoint) = refused.map(|refused| (refused.name, refused.endpoint)).unzip();
    let of_endpoint = problem.filter(|problem| problem.is_of_endpoint());
    let of_name = problem.filter(|problem| !problem.is_of_endpoint());
    let told = |id: &'static str, problem: Option<AddProblem>| {
        view! {
            <p class="problem" id=id role="alert" hidden=problem.is_none()>
                {problem.map(|problem| view! { <Icon glyph=icon::ALERT />{(said.add_problem)(problem)} })}
            </p>
        }
    };
    view! {
        <form class="card keeper-add" method="post" action="/admin/models">
            <h2>{said.add.title}</h2>
            <p class="hint" id="add-hint">{said.add.body}</p>
            <div class="field">
                <label for="name">{said.name}</label>
                <input
                    id="name"
                    name="name"
                    value=name
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    required
                    aria-invalid=of_name.is_some().then_some("true")
                    aria-describedby="add-hint add-problem"
                />
                {told("add-problem", of_name)}
            </div>
            <div class="field">
                <label for="endpoint">{own.server}</label>
                <input
                    id="endpoint"
                    name="endpoint"
                    value=endpoint
                    inputmode="url"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    placeholder="http://10.0.0.7:5000"
                    aria-invalid=of_endpoint.is_some().then_some("true")
                    aria-describedby="endpoint-hint endpoint-problem"
                />
                <p class="hint" id="endpoint-hint">{own.server_hint}</p>
                {told("endpoint-problem", of_endpoint)}
            </div>
            <button class="button primary">{said.add_it}</button>
        </form>
    }
}

/// All entries.
fn table(entries: &[Entry], lang: Lang) -> impl IntoView + use<> {
    let (said, catalogue) = (&text::pages(lang).admin, &text::pages(lang).catalogue);
    view! {
        <section class="card sheet">
            <div class="keeper-head">
                <h2 id="entries">{said.title}</h2>
                <form method="post" action="/admin/models/look"><button class="button">{said.look_all}</button></form>
            </div>
            <div class="keeper-scroll">
                <table class="statement keeper" aria-labelledby="entries">
                    <thead>
                        <tr>
                            {[said.model, said.price, said.version, said.state]
                                .map(|head| view! { <th scope="col">{head}</th> })
                                .collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        {entries
                            .iter()
                            .map(|entry| {
                                let model = &entry.model;
                                view! {
                                    <tr>
                                        <td>
                                            <a href=format!("/admin/models/{}", model.name)>{in_language(model, lang).0}</a>
                                            <span class="line-note">{model.name.as_str().to_owned()}</span>
                                        </td>
                                        <td class="number">{(catalogue.price_of)(model)}</td>
                                        <td>{version(model, said, &text::pages(lang).own)}</td>
                                        <td>{state(entry.enabled, said)}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
}

/// What runs: a version, or whatever the name stands for; and whether there is a newer one.
pub(super) fn version(model: &Model, said: &'static AdminText, own: &'static OwnText) -> impl IntoView + use<> {
    let runs = match model.pinned() {
        _ if model.endpoint.is_some() => own.own.into_any(),
        Some(version) => view! { <code>{short(version)}</code> }.into_any(),
        None => said.by_name.into_any(),
    };
    let newer = model.newest_version.is_some().then(|| view! { <span class="badge warn">{said.newest}</span> });
    view! { {runs} " " {newer} }
}

/// As much of a version as tells it from others.
pub(super) fn short(version: &str) -> String {
    version.chars().take(8).collect()
}

pub(super) fn state(enabled: bool, said: &'static AdminText) -> impl IntoView {
    let (class, word) = if enabled { ("badge ok", said.offered) } else { ("badge", said.not_offered) };
    view! { <span class=class>{word}</span> }
}

/// What was changed, newest first.
pub(super) fn history(log: Vec<LogLine>, lang: Lang) -> impl IntoView {
    let said = &text::pages(lang).admin;
    let empty = log.is_empty();
    view! {
        <section class="card sheet">
            <h2>{said.log}</h2>
            {empty.then(|| view! { <p class="hint">{said.log_empty}</p> })}
            <ul class="keeper-log">
                {log
                    .into_iter()
                    .map(|line| {
                        view! {
                            <li>
                                <p>
                                    <Moment at=line.at lang />
                                    " "
                                    <strong>{line.subject}</strong>
                                    " "
                                    {(said.action)(&line.action)}
                                    <span class="line-note">{line.who.unwrap_or_else(|| said.operator.to_owned())}</span>
                                </p>
                                <p class="keeper-values"><code>{line.before}</code> " → " <code>{line.after}</code></p>
                            </li>
                        }
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
    use crate::domain::samples::model;
    use serde_json::json;

    fn page(refused: Option<NotAdded>, log: Vec<LogLine>) -> String {
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        let mut pinned = model(&json!({}));
        (pinned.official, pinned.version) = (false, Some("7762fd07".repeat(8)));
        let entries = vec![
            Entry { model: pinned, enabled: true, place: 1, maxima: Vec::new() },
            Entry { model: model(&json!({})), enabled: false, place: 2, maxima: Vec::new() },
        ];
        let looked = Some(Looked { asked: 2, newer: 0, silent: 1 });
        Owner::new().with(|| view! { <AdminModels viewer start entries refused looked log /> }.to_html())
    }

    #[test]
    fn every_entry_is_listed_with_its_price_its_version_and_whether_it_is_offered() {
        let html = page(None, Vec::new());
        for words in ["/admin/models/owner/name", "2 credits a picture", ">7762fd07<", "run by its name", "not offered"] {
            assert!(html.contains(words), "{words}: {html}");
        }
        assert!(html.contains("Asked about 2 models") && !html.contains("aria-invalid"), "{html}");
    }

    #[test]
    fn a_refused_name_stands_in_its_field_with_the_reason_and_the_log_is_text() {
        let hostile = "\"><script>x</script>";
        let line = LogLine {
            at: samples::NOW,
            who: None,
            action: "model.changed".into(),
            subject: "owner/name".into(),
            before: format!("{{\"label\":\"{hostile}\"}}"),
            after: "{}".into(),
        };
        let refused = NotAdded { name: hostile.into(), endpoint: hostile.into(), problem: AddProblem::Unknown };
        let html = page(Some(refused), vec![line]);
        assert!(html.contains("aria-invalid=\"true\"") && html.contains("Replicate shows no such model"), "{html}");
        assert!(html.contains("a command on the server") && !html.contains("<script>x"), "{html}");
    }
}
