//! `/keys`: the keys of a person's programs, a form for another, and, once, a key that was just made.

use crate::components::{Frame, Icon, Moment, Place, icon};
use crate::domain::{KeyForm, KeyName, KeyProblem, KeyView, Lang, Overlap, Scope, Viewer};
use crate::islands::{CopyButton, LiveStart, Parcel};
use crate::text::{self, KeysText};
use leptos::prelude::*;

/// The text of a key that was made a moment ago.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshKey(pub String);

/// The page of API keys.
#[component]
pub fn KeysPage(
    viewer: Viewer,
    start: LiveStart,
    /// Newest first.
    keys: Vec<KeyView>,
    /// What stands in the form.
    form: KeyForm,
    /// What is wrong with it.
    problems: Vec<KeyProblem>,
    /// The key that this very answer is the only copy of.
    fresh: Option<FreshKey>,
) -> impl IntoView {
    let lang = viewer.lang;
    let said = &text::pages(lang).keys;
    let copy = fresh.as_ref().map(|FreshKey(key)| key.clone()).unwrap_or_default();
    let parcel = Parcel { copy, ..Parcel::new(start, viewer.balance) };
    let list = if keys.is_empty() {
        view! {
            <div class="empty">
                <h3>{said.empty.title}</h3>
                <p>{said.empty.body}</p>
            </div>
        }
        .into_any()
    } else {
        view! { <ul class="keys">{keys.into_iter().map(|key| line(key, said, lang)).collect_view()}</ul> }.into_any()
    };
    view! {
        <Frame viewer parcel here=Place::Keys>
            <div class="page-head">
                <h1>{said.title}</h1>
                <a class="button" href="/webhooks">{text::pages(lang).webhooks.title}</a>
            </div>
            <p class="keys-lead">{said.lead} " " <a href="/docs/api">{text::pages(lang).docs.title}</a></p>
            {fresh.map(|key| shown_once(key, said))}
            <MakeForm said form problems />
            <section class="card sheet">
                <h2>{said.list}</h2>
                {list}
            </section>
        </Frame>
    }
}

fn shown_once(FreshKey(key): FreshKey, said: &'static KeysText) -> impl IntoView {
    view! {
        <section class="card key-made" role="status">
            <h2>{said.made.title}</h2>
            <p>{said.made.body}</p>
            <p class="key-text">
                <code>{key}</code>
                <CopyButton />
            </p>
        </section>
    }
}

#[component]
fn MakeForm(said: &'static KeysText, form: KeyForm, problems: Vec<KeyProblem>) -> impl IntoView {
    let at = |wanted: fn(&KeyProblem) -> bool| problems.iter().copied().find(wanted).map(|problem| sentence(problem, said));
    let whole = at(|problem| matches!(problem, KeyProblem::TooMany(_)));
    let name = at(|problem| matches!(problem, KeyProblem::NameMissing | KeyProblem::NameLong));
    let scopes = at(|problem| *problem == KeyProblem::NoScope);
    let cap = at(|problem| *problem == KeyProblem::Cap);
    let (wrong_name, wrong_cap) = (name.is_some(), cap.is_some());
    view! {
        <form class="card key-form" method="post" action="/keys">
            <h2>{said.make_title}</h2>
            <input type="hidden" name="id" value=form.id />
            {whole.map(|sentence| view! { <p class="notice bad" role="alert"><Icon glyph=icon::ALERT />{sentence}</p> })}
            <div class="field">
                <label for="key-name">{said.name}</label>
                <input
                    id="key-name"
                    name="name"
                    value=form.name
                    autocomplete="off"
                    required
                    aria-invalid=wrong_name.then_some("true")
                    aria-describedby="key-name-help"
                />
                {help("key-name-help", said.name_hint, name)}
            </div>
            <fieldset class="key-scopes">
                <legend>{said.scopes}</legend>
                <label><input type="checkbox" name="read" checked=!form.read.is_empty() />{said.read}</label>
                <label><input type="checkbox" name="write" checked=!form.write.is_empty() />{said.write}</label>
                {scopes.map(problem)}
            </fieldset>
            <div class="field">
                <label for="key-cap">{said.cap}</label>
                <input
                    id="key-cap"
                    name="cap"
                    value=form.cap
                    inputmode="numeric"
                    autocomplete="off"
                    aria-invalid=wrong_cap.then_some("true")
                    aria-describedby="key-cap-help"
                />
                {help("key-cap-help", said.cap_hint, cap)}
            </div>
            <button class="button primary">{said.make}</button>
        </form>
    }
}

/// What helps, or instead what is wrong.
fn help(id: &'static str, hint: &'static str, wrong: Option<String>) -> impl IntoView {
    let said = match wrong {
        Some(sentence) => problem(sentence).into_any(),
        None => view! { <p class="hint">{hint}</p> }.into_any(),
    };
    view! { <div id=id>{said}</div> }
}

fn problem(sentence: String) -> impl IntoView {
    view! { <p class="problem" role="alert"><Icon glyph=icon::ALERT />{sentence}</p> }
}

fn sentence(problem: KeyProblem, said: &'static KeysText) -> String {
    match problem {
        KeyProblem::NameMissing => said.name_missing.into(),
        KeyProblem::NameLong => (said.name_long)(KeyName::MAX_CHARS),
        KeyProblem::NoScope => said.scope_missing.into(),
        KeyProblem::Cap => said.cap_wrong.into(),
        KeyProblem::TooMany(most) => (said.too_many)(most),
    }
}

/// One key: what it is, and what can be done with it while it lives.
fn line(key: KeyView, said: &'static KeysText, lang: Lang) -> impl IntoView {
    let rights = [(Scope::Read, said.may_read), (Scope::Write, said.may_write)];
    let rights: Vec<_> = rights.into_iter().filter(|(scope, _)| key.scopes.allow(*scope)).map(|(_, word)| word).collect();
    let spent = match key.cap {
        Some(cap) => format!("{} {}", (said.spent)(key.spent.0), (said.spent_of)(cap.0)),
        None => (said.spent)(key.spent.0),
    };
    let used = match key.last_used_at {
        Some(at) => view! { {said.last_used} " " <Moment at lang /> }.into_any(),
        None => said.never_used.into_any(),
    };
    let end = key
        .expires_at
        .filter(|_| key.live)
        .map(|at| view! { <span class="badge warn">{said.ends} " " <Moment at lang /></span> });
    let over = (!key.live).then(|| view! { <span class="badge">{if key.replaced { said.replaced } else { said.ended }}</span> });
    let actions = key.live.then(|| actions(&key, said));
    view! {
        <li class:over=!key.live>
            <div class="key-head">
                <strong>{key.name.as_str().to_owned()}</strong>
                <code>{key.prefix} "…"</code>
                {end}
                {over}
            </div>
            <p class="hint">
                <span>{rights.join(" · ")}</span>
                <span class="number">{spent}</span>
                <span>{used}</span>
                <span>{said.created} " " <Moment at=key.created_at lang /></span>
            </p>
            {actions}
        </li>
    }
}

fn actions(key: &KeyView, said: &'static KeysText) -> impl IntoView + use<> {
    let id = key.id.clone();
    let overlap = format!("overlap-{id}");
    let choice = |overlap: Overlap| {
        let word = match overlap {
            Overlap::None => said.overlap_none,
            Overlap::Hour => said.overlap_hour,
            Overlap::Day => said.overlap_day,
            Overlap::Week => said.overlap_week,
        };
        view! { <option value=overlap.as_str() selected=overlap == Overlap::Day>{word}</option> }
    };
    let rotate = (!key.replaced).then(|| {
        view! {
            <details>
                <summary class="button">{said.rotate}</summary>
                <form method="post" action=format!("/keys/{id}/rotate")>
                    <p>{said.rotate_note}</p>
                    <label for=overlap.clone()>{said.overlap}</label>
                    <select id=overlap name="overlap">{Overlap::ALL.map(choice).collect_view()}</select>
                    <button class="button primary">{said.rotate_submit}</button>
                </form>
            </details>
        }
    });
    view! {
        <div class="key-actions">
            {rotate}
            <details>
                <summary class="button">{said.revoke}</summary>
                <form method="post" action=format!("/keys/{id}/revoke")>
                    <p>{said.revoke_note}</p>
                    <button class="button danger">{said.revoke_submit}</button>
                </form>
            </details>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{ApiKeyId, Credits, Scopes};

    fn key(live: bool) -> KeyView {
        KeyView {
            id: ApiKeyId::trusted("0193b1e4-7c1f-7000-8000-000000000007"),
            name: KeyName::trusted("<b>build server</b>"),
            prefix: "atl_Zu4kP0qW".into(),
            scopes: Scopes::Read,
            cap: Some(Credits(1_000)),
            spent: Credits(12),
            created_at: samples::NOW,
            last_used_at: None,
            expires_at: None,
            live,
            replaced: false,
        }
    }

    fn page(keys: Vec<KeyView>, problems: Vec<KeyProblem>, fresh: Option<FreshKey>, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        let form = KeyForm::fresh(&ApiKeyId::trusted("f"));
        Owner::new().with(|| view! { <KeysPage viewer start keys form problems fresh /> }.to_html())
    }

    #[test]
    fn a_key_is_told_by_its_name_and_how_it_begins_and_its_name_is_text() {
        let html = page(vec![key(true)], Vec::new(), None, Lang::En);
        assert!(html.contains("&lt;b&gt;build server") && html.contains("atl_Zu4kP0qW") && !html.contains("<b>build"), "{html}");
        assert!(html.contains("12 credits this month of at most 1,000") && html.contains("Never used"), "{html}");
        assert!(html.contains("/rotate\"") && html.contains("/revoke\""), "{html}");
        let over = page(vec![key(false)], Vec::new(), None, Lang::En);
        assert!(!over.contains("/rotate\"") && over.contains("Ended"), "{over}");
    }

    #[test]
    fn a_fresh_key_stands_there_to_be_copied_and_otherwise_there_is_none() {
        let fresh = page(vec![key(true)], Vec::new(), Some(FreshKey("atl_the-whole-key".into())), Lang::Ja);
        assert!(fresh.contains("<code>atl_the-whole-key") && fresh.contains("新しいキー"), "{fresh}");
        assert!(!page(vec![key(true)], Vec::new(), None, Lang::Ja).contains("the-whole-key"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_its_field() {
        let problems = vec![KeyProblem::NameMissing, KeyProblem::NoScope, KeyProblem::Cap, KeyProblem::TooMany(50)];
        let html = page(Vec::new(), problems, None, Lang::En);
        assert_eq!(html.matches("role=\"alert\"").count(), 4, "{html}");
        assert_eq!(html.matches("aria-invalid=\"true\"").count(), 2, "{html}");
    }
}
