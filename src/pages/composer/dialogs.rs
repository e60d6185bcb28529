//! What opens over the create page, with its words; closed, and of no use without `public/js/create.js`.

use crate::components::{Icon, icon};
use crate::domain::Lang;
use crate::text;
use leptos::prelude::*;

/// Earlier prompts, the form as a program, one's own pictures, and signing in again.
#[component]
pub fn Dialogs(lang: Lang) -> impl IntoView {
    let words = text::pages(lang);
    let said = &words.create;
    let close = || close(said.close);
    let tab = |id: &'static str, name: &'static str| {
        let selected = if id == "curl" { "true" } else { "false" };
        view! {
            <button type="button" role="tab" class="code-tab" id=format!("tab-{id}") data-code=id aria-selected=selected aria-controls="code-panel">
                {name}
            </button>
        }
    };
    view! {
        <dialog class="over" id="history" aria-label=said.history>
            <div class="over-head"><h2>{said.history}</h2>{close()}</div>
            <input type="search" class="over-find" autocomplete="off" placeholder=said.history_search aria-label=said.history_search />
            <ul class="history-list"></ul>
            <p class="hint over-empty" hidden>{said.history_empty}</p>
        </dialog>
        <dialog class="over wide" id="yours" aria-label=said.yours>
            <div class="over-head"><h2>{said.yours}</h2>{close()}</div>
            <ul class="yours-list"></ul>
            <p class="hint over-empty" hidden>{said.yours_empty}</p>
        </dialog>
        <dialog class="over wide" id="code" aria-label=said.code_title>
            <div class="over-head"><h2>{said.code_title}</h2>{close()}</div>
            <p class="hint">{said.code_note} " " <a href="/keys">{words.frame.keys}</a></p>
            <div class="code-bar">
                <div role="tablist" class="code-tabs" aria-label=said.code>
                    {tab("curl", "curl")} {tab("javascript", "JavaScript")} {tab("python", "Python")}
                </div>
                <button type="button" class="button code-copy" data-copied=said.copied><span role="status">{said.copy}</span></button>
            </div>
            <div role="tabpanel" id="code-panel" aria-labelledby="tab-curl"><pre tabindex="0"><code></code></pre></div>
        </dialog>
        <SessionDialog lang />
        <Undo lang />
        <p class="toast" id="told" role="status" hidden></p>
    }
}

/// The button that closes the dialog it stands in.
fn close(name: &'static str) -> impl IntoView {
    view! { <form method="dialog"><button class="button quiet" aria-label=name><Icon glyph=icon::CLOSE /></button></form> }
}

/// Signing in again, in place.
#[component]
fn SessionDialog(lang: Lang) -> impl IntoView {
    let words = text::pages(lang);
    let (said, door) = (&words.create, &words.door);
    view! {
        <dialog class="over" id="session" aria-labelledby="session-title">
            <div class="over-head"><h2 id="session-title">{said.session.title}</h2>{close(said.close)}</div>
            <p>{said.session.body}</p>
            <form class="session-form" method="post" action="/sign-in" data-other=said.session_other data-wrong=door.wrong>
                <div class="field">
                    <label for="session-email">{door.email}</label>
                    <input id="session-email" name="email" type="email" autocomplete="username" required />
                </div>
                <div class="field">
                    <label for="session-password">{door.password}</label>
                    <input id="session-password" name="password" type="password" autocomplete="current-password" required />
                </div>
                <p class="problem" role="alert" hidden></p>
                <button class="button primary">{door.sign_in}</button>
            </form>
        </dialog>
    }
}

/// Asks before what waits is cancelled, and lets it be undone.
#[component]
fn Undo(lang: Lang) -> impl IntoView {
    let said = &text::pages(lang).create;
    view! {
        <div
            class="toast"
            id="undo"
            role="status"
            hidden
            data-confirm=said.confirm
            data-confirm-one=said.confirm_one
            data-undo=said.undo
            data-undo-one=said.undo_one
        >
            <p></p>
            <button type="button" class="button primary" data-yes="">{said.confirm_yes}</button>
            <button type="button" class="button" data-no="">{said.confirm_no}</button>
            <button type="button" class="button" data-undo-it="">{said.undo_it}</button>
        </div>
    }
}
