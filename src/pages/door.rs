//! Signing in and signing up: two plain forms that any password manager can fill, without a script and without a puzzle.

use crate::app::Assets;
use crate::components::{Icon, Porch, icon, query_value};
use crate::domain::{Credits, Viewer};
use crate::text::{self, DoorText};
use leptos::prelude::*;

/// What stands in the form; the password never comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorForm {
    /// As it was typed.
    pub email: String,
    /// The local path to go on to.
    pub next: String,
}

/// Why the door stayed shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorProblem {
    /// No account has this email and this password. Which of them is wrong is not said.
    Wrong,
    /// Too many tries; so many seconds to wait.
    Wait(i64),
    /// Not an email address.
    EmailInvalid,
    /// An account has this email already.
    EmailTaken,
    /// The password has fewer than so many characters.
    PasswordShort(i64),
    /// The password has more than so many characters.
    PasswordLong(i64),
    /// The password is among the first a stranger would try.
    PasswordWeak,
}

/// The fewest characters of a password, as the hint says.
pub const PASSWORD_MIN_CHARS: i64 = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spot {
    Form,
    Email,
    Password,
}

impl DoorProblem {
    const fn spot(self) -> Spot {
        match self {
            Self::Wrong | Self::Wait(_) => Spot::Form,
            Self::EmailInvalid | Self::EmailTaken => Spot::Email,
            Self::PasswordShort(_) | Self::PasswordLong(_) | Self::PasswordWeak => Spot::Password,
        }
    }

    pub(super) fn sentence(self, words: &DoorText) -> String {
        match self {
            Self::Wrong => words.wrong.into(),
            Self::Wait(seconds) => (words.wait)(seconds),
            Self::EmailInvalid => words.email_invalid.into(),
            Self::EmailTaken => words.email_taken.into(),
            Self::PasswordShort(least) => (words.password_short)(least),
            Self::PasswordLong(most) => (words.password_long)(most),
            Self::PasswordWeak => words.password_weak.into(),
        }
    }
}

/// `/sign-in`
#[component]
pub fn SignIn(
    viewer: Viewer,
    assets: Assets,
    form: DoorForm,
    problems: Vec<DoorProblem>,
    /// Whether the person comes here because a session ended.
    expired: bool,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).door;
    let next = form.next.clone();
    view! {
        <Door viewer=viewer assets title=words.sign_in_title>
            {expired.then(|| view! { <p class="notice" role="status"><Icon glyph=icon::CLOCK />{words.expired}</p> })}
            <Fields words action="/sign-in" form problems password="current-password" submit=words.sign_in />
            <p class="door-other">
                {words.no_account} " " <a href=with_next("/sign-up", &next)>{words.sign_up}</a>
            </p>
        </Door>
    }
}

/// `/sign-up`
#[component]
pub fn SignUp(
    viewer: Viewer,
    assets: Assets,
    form: DoorForm,
    problems: Vec<DoorProblem>,
    /// Credits granted to a new account.
    gift: Credits,
) -> impl IntoView {
    let words = &text::pages(viewer.lang).door;
    let next = form.next.clone();
    view! {
        <Door viewer=viewer assets title=words.sign_up_title>
            <p class="door-gift">{(words.gift)(gift.0)}</p>
            <Fields words action="/sign-up" form problems password="new-password" submit=words.sign_up />
            <p class="door-other">
                {words.have_account} " " <a href=with_next("/sign-in", &next)>{words.sign_in}</a>
            </p>
        </Door>
    }
}

#[component]
fn Door(viewer: Viewer, assets: Assets, title: &'static str, children: Children) -> impl IntoView {
    let words = &text::pages(viewer.lang).door;
    let picture = format!("{}/demo/door.webp", assets.base);
    view! {
        <Porch viewer>
            <div class="door">
                <div class="door-form">
                    <h1>{title}</h1>
                    {children()}
                </div>
                <figure class="door-picture">
                    <img src=picture alt="" width="1000" height="1250" decoding="async" />
                    <figcaption>{words.caption}</figcaption>
                </figure>
            </div>
        </Porch>
    }
}

#[component]
fn Fields(
    words: &'static DoorText,
    action: &'static str,
    form: DoorForm,
    problems: Vec<DoorProblem>,
    /// What a password manager should offer.
    password: &'static str,
    submit: &'static str,
) -> impl IntoView {
    let at = |spot: Spot| {
        let said: Vec<String> =
            problems.iter().filter(|problem| problem.spot() == spot).map(|problem| problem.sentence(words)).collect();
        (!said.is_empty()).then(|| said.join(" "))
    };
    let (whole, email, secret) = (at(Spot::Form), at(Spot::Email), at(Spot::Password));
    let hint = (password == "new-password").then(|| (words.password_hint)(PASSWORD_MIN_CHARS));
    let described = [hint.as_ref().map(|_| "password-hint"), secret.as_ref().map(|_| "password-problem")];
    let described: Vec<_> = described.into_iter().flatten().collect();
    // The first thing that is wrong has the focus; without one, the field to begin with.
    let focus_password = (whole.is_some() || secret.is_some()) && email.is_none();
    view! {
        <form class="door-fields" method="post" action=action>
            <input type="hidden" name="next" value=form.next />
            {whole
                .map(|said| {
                    view! {
                        <div class="notice bad" role="alert">
                            <Icon glyph=icon::ALERT />
                            <p><strong>{words.summary}</strong><br /><span>{said}</span></p>
                        </div>
                    }
                })}
            <div class="field">
                <label for="email">{words.email}</label>
                <input
                    id="email"
                    name="email"
                    type="email"
                    value=form.email
                    required
                    autocomplete="username"
                    inputmode="email"
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=!focus_password
                    aria-invalid=email.as_ref().map(|_| "true")
                    aria-describedby=email.as_ref().map(|_| "email-problem")
                />
                {email.map(|said| view! { <p class="problem" id="email-problem"><Icon glyph=icon::ALERT />{said}</p> })}
            </div>
            <div class="field">
                <label for="password">{words.password}</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    required
                    autocomplete=password
                    autofocus=focus_password
                    aria-invalid=secret.as_ref().map(|_| "true")
                    aria-describedby=(!described.is_empty()).then(|| described.join(" "))
                />
                {hint.map(|hint| view! { <p class="hint" id="password-hint">{hint}</p> })}
                {secret.map(|said| view! { <p class="problem" id="password-problem"><Icon glyph=icon::ALERT />{said}</p> })}
            </div>
            <button class="button primary large">{submit}</button>
        </form>
    }
}

/// The other door, keeping where the person wants to go. Only a local path is kept.
fn with_next(path: &str, next: &str) -> String {
    if !next.starts_with('/') || next.starts_with("//") {
        return path.to_owned();
    }
    format!("{path}?next={}", query_value(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    fn sign_in(form: DoorForm, problems: Vec<DoorProblem>) -> String {
        let assets = Assets { base: "/assets/x".into(), origin: "https://a.example".into() };
        view! { <SignIn viewer=samples::viewer(Lang::En) assets form problems expired=false /> }.to_html()
    }

    #[test]
    fn what_was_typed_comes_back_as_words_and_never_the_password() {
        let form = DoorForm { email: r#""><script>x</script>"#.into(), next: "/create".into() };
        let html = sign_in(form, vec![DoorProblem::Wrong]);
        assert!(!html.contains("<script>x"), "{html}");
        assert!(html.contains("&quot;&gt;&lt;script&gt;x"), "{html}");
        assert!(html.contains(r#"role="alert""#));
        let password = html.split(r#"id="password""#).nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        assert!(!password.contains("value"), "{password}");
    }

    #[test]
    fn a_problem_is_tied_to_its_field() {
        let html = sign_in(DoorForm::default(), vec![DoorProblem::EmailInvalid]);
        assert!(html.contains(r#"aria-describedby="email-problem""#) && html.contains(r#"id="email-problem""#), "{html}");
        assert_eq!(html.matches(r#"aria-invalid="true""#).count(), 1);
    }

    #[test]
    fn the_other_door_keeps_a_local_way_on_and_drops_a_foreign_one() {
        assert_eq!(with_next("/sign-up", "/g/1?i=2&x=あ"), "/sign-up?next=/g/1%3Fi%3D2%26x%3D%E3%81%82");
        assert_eq!(with_next("/sign-up", "//evil.example"), "/sign-up");
        assert_eq!(with_next("/sign-up", "https://evil.example"), "/sign-up");
    }
}
