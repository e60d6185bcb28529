//! What stands around a page: [`Frame`] for people who are signed in, [`Porch`] for everybody else.
//!
//! One markup serves all widths: the column on the left becomes a bar above and tabs below on a telephone, by stylesheet
//! alone. Each has a skip link, one navigation, one `main` and the same last line.

use super::{Brand, Icon, Keyboard, LanguageSwitch, ThemeSwitch, icon};
use crate::domain::{Lang, Viewer};
use crate::islands::{Balance, Handed, Parcel};
use crate::text;
use leptos::prelude::*;

/// A place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/create`
    Create,
    /// `/gallery`, and the pictures in it.
    Gallery,
    /// `/models`, and the catalogue behind it.
    Models,
    /// `/credits`
    Credits,
    /// `/keys`
    Keys,
    /// `/account`
    Account,
}

/// The page of somebody who is signed in.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn Frame(
    viewer: Viewer,
    /// What the islands of the page begin with.
    parcel: Parcel,
    /// Which place of the navigation this page is.
    here: Place,
    children: Children,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).frame;
    let link = |place: Place, href: &'static str, name: &'static str, glyph: icon::Glyph, count: Option<String>| {
        view! {
            <a href=href aria-current=(place == here).then_some("page")>
                <Icon glyph />
                <span>{name}</span>
                {count.map(|count| view! { <span class="count number">{count}</span> })}
            </a>
        }
    };
    let low = viewer.low.then(|| low_balance(&viewer));
    let pictures = (viewer.pictures > 0).then(|| text::number(viewer.pictures));
    view! {
        <Handed parcel />
        <a class="skip" href="#main">{words.skip}</a>
        <Signals lang=viewer.lang />
        <Keyboard viewer=viewer.clone() />
        <div class="frame">
            <header class="side">
                <Brand href="/create" label=words.home />
                <nav aria-label=words.navigation>
                    {link(Place::Create, "/create", words.create, icon::SPARKLES, None)}
                    {link(Place::Gallery, "/gallery", words.gallery, icon::IMAGES, pictures)}
                    {link(Place::Models, "/models", words.models, icon::BOX, None)}
                    {link(Place::Credits, "/credits", words.credits, icon::COINS, None)}
                </nav>
                <Balance />
                <button class="account-button" type="button" popovertarget="account" aria-label=words.account>
                    <Icon glyph=icon::USER />
                </button>
                <div class="account" id="account" popover>
                    <p class="account-email">{viewer.email.clone()}</p>
                    <LanguageSwitch viewer=viewer.clone() />
                    <ThemeSwitch viewer=viewer.clone() />
                    <a class="button quiet" href="/account" aria-current=(here == Place::Account).then_some("page")>
                        <Icon glyph=icon::USER />
                        {words.account}
                    </a>
                    <a class="button quiet" href="/keys" aria-current=(here == Place::Keys).then_some("page")>
                        <Icon glyph=icon::KEY />
                        {words.keys}
                    </a>
                    <form method="post" action="/sign-out">
                        <button class="button quiet">
                            <Icon glyph=icon::LOG_OUT />
                            {words.sign_out}
                        </button>
                    </form>
                </div>
            </header>
            <div class="body">
                {viewer.sandbox.then(|| view! { <aside class="sandbox"><Icon glyph=icon::INFO /><p>{words.sandbox}</p></aside> })}
                {low}
                <main id="main" tabindex="-1">{children()}</main>
                <Foot lang=viewer.lang />
            </div>
        </div>
    }
}

/// For who wants to be told in time.
fn low_balance(viewer: &Viewer) -> impl IntoView + use<> {
    let said = &text::pages(viewer.lang).account;
    view! {
        <aside class="low-balance" aria-labelledby="low-balance">
            <p class="notice warn">
                <Icon glyph=icon::ALERT />
                <span id="low-balance">{(said.low)(viewer.balance.available().0)} " " <a href="/account#limits">{said.low_link}</a></span>
            </p>
        </aside>
    }
}

/// The page of anybody: landing, sign-in, errors. Loads no script.
#[expect(clippy::needless_pass_by_value, reason = "components own their properties")]
#[component]
pub fn Porch(viewer: Viewer, children: Children) -> impl IntoView {
    let words = &text::pages(viewer.lang).frame;
    let signed_in = viewer.email.is_some();
    let (href, name) = if signed_in { ("/create", words.create) } else { ("/sign-in", words.sign_in) };
    view! {
        <a class="skip" href="#main">{words.skip}</a>
        <div class="porch">
            <header class="porch-head">
                <Brand href="/" label=words.home />
                <LanguageSwitch viewer=viewer.clone() />
                <ThemeSwitch viewer=viewer.clone() />
                <a class="button" href=href>{name}</a>
            </header>
            {viewer.sandbox.then(|| view! { <aside class="sandbox"><Icon glyph=icon::INFO /><p>{words.sandbox}</p></aside> })}
            <main id="main" tabindex="-1">{children()}</main>
            <Foot lang=viewer.lang />
        </div>
    }
}

/// What `public/js/frame.js` has to say when it is so; until then nothing is seen or heard of it.
#[component]
fn Signals(lang: Lang) -> impl IntoView {
    let words = &text::pages(lang).around;
    view! {
        <div
            class="signals"
            id="signals"
            role="status"
            data-offline=words.offline
            data-file-missing=words.file_missing
            data-file-away=words.file_away
            data-newer=words.newer
            data-renew=words.renew
        ></div>
    }
}

#[component]
fn Foot(lang: Lang) -> impl IntoView {
    let words = &text::pages(lang).frame;
    view! {
        <footer class="foot">
            <p>{words.motto}</p>
            <p class="foot-ways">
                <a href="/docs/api">{text::pages(lang).docs.title}</a>
                <a href="/help">{words.help}</a>
            </p>
        </footer>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    fn frame(viewer: Viewer) -> String {
        let parcel = samples::parcel(viewer.lang);
        Owner::new().with(|| view! { <Frame viewer parcel here=Place::Credits><p>"x"</p></Frame> }.to_html())
    }

    #[test]
    fn an_email_and_a_path_stay_text_in_the_frame() {
        let hostile = r#""><script>x</script>"#.to_owned();
        let html = frame(Viewer { email: Some(hostile.clone()), path: hostile, ..samples::viewer(Lang::En) });
        assert!(!html.contains("<script>x"), "{html}");
    }

    #[test]
    fn one_place_is_the_current_one_and_the_sandbox_says_so_only_when_it_is_one() {
        let html = frame(samples::viewer(Lang::En));
        let words = &text::pages(Lang::En).frame;
        assert_eq!(html.matches(r#"aria-current="page""#).count(), 1, "{html}");
        assert!(html.contains("1,284") && !html.contains(words.sandbox));
        assert!(frame(Viewer { sandbox: true, ..samples::viewer(Lang::En) }).contains(words.sandbox));
    }
}
