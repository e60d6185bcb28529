//! The keys of the house on one sheet, how a person wants them, and the menu of everything. The sheet and its form work
//! without a script; `public/js/keys.js` makes the keys do something.

use crate::domain::{Enter, Viewer};
use crate::text::{self, KeysHelpText};
use leptos::prelude::*;

/// The sheet and the menu, closed.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn Keyboard(viewer: Viewer) -> impl IntoView {
    let words = text::pages(viewer.lang);
    let (said, frame) = (&words.keys_help, &words.frame);
    let enter = viewer.typing.enter(viewer.lang);
    let label = |name: &'static str, keys: &'static str| {
        view! { <span>{name}</span> {(!keys.is_empty()).then(|| view! { <kbd>{keys}</kbd> })} }
    };
    let place = |href: &'static str, name: &'static str, keys: &'static str| {
        view! { <li><a href=href>{label(name, keys)}</a></li> }
    };
    let deed = |act: &'static str, name: &'static str, keys: &'static str| {
        view! { <li><button type="button" data-do=act>{label(name, keys)}</button></li> }
    };
    view! {
        <div class="key-sheet" id="keys" popover role="dialog" aria-labelledby="keys-title" data-enter=enter.as_str() data-single=viewer.typing.single_keys_off.then_some("off")>
            <h2 id="keys-title">{said.title}</h2>
            <dl class="key-list">{key_list(enter, said)}</dl>
            <form method="post" action="/preferences">
                <input type="hidden" name="next" value=viewer.path.clone() />
                <input type="hidden" name="typing" value="1" />
                <fieldset>
                    <legend>{said.enter}</legend>
                    {[(Enter::Generates, said.enter_generates), (Enter::Breaks, said.enter_breaks)]
                        .map(|(choice, name)| {
                            view! { <label><input type="radio" name="enter" value=choice.as_str() checked=choice == enter /> {name}</label> }
                        })
                        .into_iter()
                        .collect_view()}
                </fieldset>
                <label><input type="checkbox" name="keys" value="on" checked=!viewer.typing.single_keys_off /> {said.single}</label>
                <label data-notify="" hidden data-title=said.done data-body=said.done_body><input type="checkbox" /> {said.notify}</label>
                <p class="hint" data-notify-denied="" hidden>{said.notify_denied}</p>
                <button class="button primary">{said.save}</button>
            </form>
        </div>
        <dialog class="menu" id="menu" aria-label=said.menu>
            <input type="search" class="menu-find" autocomplete="off" placeholder=said.menu_find aria-label=said.menu_find />
            <ul class="menu-list">
                {place("/create", frame.create, "g c")}
                {place("/gallery", frame.gallery, "g g")}
                {place("/models", frame.models, "")}
                {place("/credits", frame.credits, "g b")}
                {place("/keys", frame.keys, "")}
                {place("/docs/api", words.docs.title, "")}
                {place("/help", frame.help, "")}
                {deed("history", words.create.history, "⌘↑")}
                {deed("swap", said.swap, "x")}
                {deed("code", words.create.code, "")}
                {deed("keys", said.sheet, "?")}
                {deed("sign-out", frame.sign_out, "")}
            </ul>
            <p class="hint menu-nothing" hidden>{said.menu_nothing}</p>
        </dialog>
    }
}

/// What each key does.
fn key_list(enter: Enter, said: &'static KeysHelpText) -> impl IntoView {
    let (generate, new_line) = match enter {
        Enter::Generates => ("↵   ⌘/Ctrl ↵", "⇧ ↵"),
        Enter::Breaks => ("⌘/Ctrl ↵", "↵   ⇧ ↵"),
    };
    let rows = [
        (generate, said.generate),
        (new_line, said.break_line),
        ("↑", said.older),
        ("⌘/Ctrl ↑", said.history),
        ("⌘/Ctrl K", said.menu),
        ("/", said.search),
        ("g c", said.go_create),
        ("g g", said.go_gallery),
        ("g b", said.go_credits),
        ("[   ]", said.models),
        ("x", said.swap),
        ("?", said.sheet),
        ("Esc", said.close),
    ];
    rows.map(|(keys, name)| {
        let keys = keys.split("   ").map(|keys| view! { <kbd>{keys}</kbd> " " }).collect_view();
        view! { <div><dt>{keys}</dt><dd>{name}</dd></div> }
    })
    .into_iter()
    .collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{Lang, Typing};

    #[test]
    fn the_sheet_shows_what_enter_does_in_the_language_and_what_was_chosen() {
        let of = |lang, typing| {
            let viewer = Viewer { typing, ..samples::viewer(lang) };
            Owner::new().with(|| view! { <Keyboard viewer /> }.to_html())
        };
        let off = Typing { enter: Some(Enter::Generates), single_keys_off: true };
        assert!(of(Lang::En, Typing::default()).contains(r#"data-enter="generates""#));
        assert!(of(Lang::Ja, Typing::default()).contains(r#"data-enter="breaks""#));
        let html = of(Lang::Ja, off);
        assert!(html.contains(r#"data-enter="generates""#) && html.contains(r#"data-single="off""#), "{html}");
    }
}
