//! Language and theme, as plain forms: they work without a script and come back to the page they were sent from.

use super::{Icon, icon};
use crate::domain::{Lang, Theme, Viewer};
use crate::text;
use leptos::prelude::*;

/// The button that turns the page into the other language. It is written in that language.
#[component]
pub fn LanguageSwitch(viewer: Viewer) -> impl IntoView {
    let other = match viewer.lang {
        Lang::En => Lang::Ja,
        Lang::Ja => Lang::En,
    };
    view! {
        <form method="post" action="/preferences">
            <input type="hidden" name="next" value=viewer.path />
            <button class="button quiet" name="language" value=other.as_str() lang=other.as_str()>
                {text::pages(viewer.lang).frame.other_language}
            </button>
        </form>
    }
}

/// Three buttons: as the system, light, dark.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn ThemeSwitch(viewer: Viewer) -> impl IntoView {
    let words = &text::pages(viewer.lang).frame;
    let choice = |theme: Theme, name: &'static str, glyph: icon::Glyph| {
        view! {
            <button
                name="theme"
                value=theme.as_str()
                aria-pressed=if viewer.theme == theme { "true" } else { "false" }
                aria-label=name
                title=name
            >
                <Icon glyph />
            </button>
        }
    };
    view! {
        <form method="post" action="/preferences">
            <input type="hidden" name="next" value=viewer.path.clone() />
            <div class="theme-switch" role="group" aria-label=words.theme>
                {choice(Theme::System, words.theme_system, icon::MONITOR)}
                {choice(Theme::Light, words.theme_light, icon::SUN)}
                {choice(Theme::Dark, words.theme_dark, icon::MOON)}
            </div>
        </form>
    }
}
