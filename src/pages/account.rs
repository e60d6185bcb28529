//! `/account`: what belongs to the person and not to their pictures: limits, password, where they are signed in, how it
//! looks, taking everything along, and leaving.

use super::door::{DoorProblem, PASSWORD_MIN_CHARS};
use crate::components::{Frame, Icon, LanguageSwitch, Moment, Place, ThemeSwitch, icon};
use crate::domain::{Credits, Guard, GuardsForm, Lang, Timestamp, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, AccountText};
use leptos::prelude::*;

/// Everything the page shows of the person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Whether they run the house and nobody else does, so that they cannot leave it yet.
    pub only_admin: bool,
    /// What stands in the form of limits.
    pub guards: GuardsForm,
    /// What of it is no number.
    pub wrong: Vec<Guard>,
    /// What the last 24 hours cost.
    pub spent_today: Credits,
    /// Where they are signed in, the newest first.
    pub sessions: Vec<SessionLine>,
    /// What was done by the form that led here.
    pub done: Option<Done>,
    /// Why a password form was refused.
    pub refused: Option<AccountRefusal>,
}

/// A browser that the person is signed in with.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionLine {
    /// What its form names it by.
    pub name: String,
    /// Roughly what it is; empty when nobody knows.
    pub agent: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether it is the one that looks.
    pub here: bool,
}

/// What a form did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The limits are saved.
    Limits,
    /// The password is changed.
    Password,
    /// One session is ended.
    Session,
    /// All others are.
    Sessions,
}

impl Done {
    const ALL: [Self; 4] = [Self::Limits, Self::Password, Self::Session, Self::Sessions];

    /// The word in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Password => "password",
            Self::Session => "session",
            Self::Sessions => "sessions",
        }
    }

    /// Reads an address.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == word)
    }
}

/// Why a form with a password was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// The present password was not given.
    OldPassword(Denied),
    /// The new one cannot be one.
    NewPassword(DoorProblem),
    /// The account stays: the password was not given.
    Deletion(Denied),
}

/// What was wrong with a present password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is another.
    Wrong,
    /// Too many wrong ones before; so many seconds to wait.
    Wait(i64),
}

impl AccountRefusal {
    /// After how many seconds it can be tried again, if not at once.
    pub const fn wait(self) -> Option<i64> {
        match self {
            Self::OldPassword(Denied::Wait(seconds)) | Self::Deletion(Denied::Wait(seconds)) => Some(seconds),
            Self::OldPassword(Denied::Wrong) | Self::Deletion(Denied::Wrong) | Self::NewPassword(_) => None,
        }
    }
}

impl Denied {
    fn sentence(self, lang: Lang) -> String {
        let words = text::pages(lang);
        match self {
            Self::Wrong => words.account.wrong_password.to_owned(),
            Self::Wait(seconds) => (words.door.wait)(seconds),
        }
    }
}

/// The account page.
#[component]
pub fn AccountPage(viewer: Viewer, start: LiveStart, account: Account) -> impl IntoView {
    let lang = viewer.lang;
    let parcel = Parcel::new(start, viewer.balance);
    let words = text::pages(lang);
    let said = &words.account;
    let Account { only_admin, guards, wrong, spent_today, sessions, done, refused } = account;
    let (available, pictures, shown) = (viewer.balance.available(), viewer.pictures, viewer.clone());
    let email = viewer.email.clone().unwrap_or_default();
    let done = done.map(|done| {
        let sentence = match done {
            Done::Limits => said.saved,
            Done::Password => said.password_changed,
            Done::Session => said.session_ended,
            Done::Sessions => said.sessions_ended,
        };
        view! { <p class="notice ok" role="status"><Icon glyph=icon::CHECK />{sentence}</p> }
    });
    view! {
        <Frame viewer parcel here=Place::Account>
            <div class="page-head"><h1>{said.title}</h1></div>
            {done}
            <section class="card account-part account-who">
                <p><span class="hint">{said.email}</span><strong>{email}</strong></p>
                <a class="button" href="/credits"><Icon glyph=icon::COINS />{said.to_credits}</a>
                <a class="button" href="/keys"><Icon glyph=icon::KEY />{words.frame.keys}</a>
            </section>
            <Limits said guards wrong spent_today />
            <Password lang refused />
            <Sessions said lang sessions />
            <section class="card account-part">
                <h2>{said.looks.title}</h2>
                <p class="hint">{said.looks.body}</p>
                <div class="account-looks"><LanguageSwitch viewer=shown.clone() /><ThemeSwitch viewer=shown /></div>
            </section>

            <section class="card account-part">
                <h2>{said.export.title}</h2>
                <p class="hint">{said.export.body}</p>
                <p><a class="button" href="/account/export" download=""><Icon glyph=icon::DOWNLOAD />{said.export_link}</a></p>
            </section>
            <Leave lang only_admin available pictures refused />
        </Frame>
    }
}

#[component]
fn Limits(said: &'static AccountText, guards: GuardsForm, wrong: Vec<Guard>, spent_today: Credits) -> impl IntoView {
    let field = |guard: Guard, id: &'static str, label: &'static str, hint: String, value: String| {
        let is_wrong = wrong.contains(&guard);
        let help = format!("{id}-help");
        let sentence =
            if is_wrong { problem(said.not_a_number).into_any() } else { view! { <p class="hint">{hint}</p> }.into_any() };
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input
                    id=id
                    name=id
                    value=value
                    inputmode="numeric"
                    autocomplete="off"
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=help.clone()
                />
                <div id=help>{sentence}</div>
            </div>
        }
    };
    view! {
        <form class="card account-part" id="limits" method="post" action="/account/limits">
            <h2>{said.limits.title}</h2>
            <p class="hint">{said.limits.body}</p>
            <div class="account-fields">
                {field(Guard::DailyCap, "daily_cap", said.daily_cap, (said.daily_cap_hint)(spent_today.0), guards.daily_cap)}
                {field(Guard::AskAbove, "ask_above", said.ask_above, said.ask_above_hint.into(), guards.ask_above)}
                {field(Guard::WarnBelow, "warn_below", said.warn_below, said.warn_below_hint.into(), guards.warn_below)}
            </div>
            <button class="button primary">{said.save}</button>
        </form>
    }
}

#[component]
fn Password(lang: Lang, refused: Option<AccountRefusal>) -> impl IntoView {
    let words = text::pages(lang);
    let said = &words.account;
    let (wrong_old, wrong_new) = match refused {
        Some(AccountRefusal::OldPassword(denied)) => (Some(denied.sentence(lang)), None),
        Some(AccountRefusal::NewPassword(wrong)) => (None, Some(wrong.sentence(&words.door))),
        Some(AccountRefusal::Deletion(_)) | None => (None, None),
    };
    let hint = (words.door.password_hint)(PASSWORD_MIN_CHARS);
    view! {
        <form class="card account-part" method="post" action="/account/password">
            <h2>{said.password.title}</h2>
            <p class="hint">{said.password.body}</p>
            <div class="account-fields">
                {secret("old", PRESENT, said.old_password, wrong_old, None)}
                {secret("new", "new-password", said.new_password, wrong_new, Some(hint))}
            </div>
            <button class="button">{said.change_password}</button>
        </form>
    }
}

#[component]
fn Sessions(said: &'static AccountText, lang: Lang, sessions: Vec<SessionLine>) -> impl IntoView {
    let others = sessions.iter().any(|session| !session.here);
    let line = move |session: SessionLine| {
        let agent = if session.agent.is_empty() { said.some_browser.to_owned() } else { session.agent };
        let described = format!("{}: {agent}", said.end_session);
        let end = if session.here {
            view! { <span class="badge ok">{said.this_browser}</span> }.into_any()
        } else {
            view! {
                <form method="post" action=format!("/account/sessions/{}/end", session.name)>
                    <button class="button" aria-label=described>{said.end_session}</button>
                </form>
            }
            .into_any()
        };
        view! {
            <li>
                <strong>{agent}</strong>
                <span class="hint">{said.since} " " <Moment at=session.since lang /></span>
                {end}
            </li>
        }
    };
    view! {
        <section class="card account-part">
            <h2>{said.sessions.title}</h2>
            <p class="hint">{said.sessions.body}</p>
            <ul class="sessions">{sessions.into_iter().map(line).collect_view()}</ul>
            {others
                .then(|| {
                    view! {
                        <form method="post" action="/account/sessions/end">
                            <button class="button">{said.end_sessions}</button>
                        </form>
                    }
                })}
        </section>
    }
}

/// Leaving for good: what becomes of everything is said before the password is asked for.
#[component]
fn Leave(lang: Lang, only_admin: bool, available: Credits, pictures: i64, refused: Option<AccountRefusal>) -> impl IntoView {
    let said = &text::pages(lang).account;
    let wrong = match refused {
        Some(AccountRefusal::Deletion(denied)) => Some(denied.sentence(lang)),
        _ => None,
    };
    let open = wrong.is_some();
    let form = if only_admin {
        view! {
            <p class="notice">
                <Icon glyph=icon::INFO />
                <span>{said.delete_keeper} <code class="account-command">"atelier user role "{said.delete_keeper_address}" admin"</code></span>
            </p>
        }
        .into_any()
    } else {
        view! {
            <ul class="account-lost">
                <li>{(said.delete_pictures)(pictures)}</li>
                <li>{(said.delete_credits)(available.0)}</li>
            </ul>
            <details open=open>
                <summary class="button danger">{said.delete.title}</summary>
                <form method="post" action="/account/delete">
                    {secret("password", PRESENT, said.delete_password, wrong, None)}
                    <button class="button danger">{said.delete_it}</button>
                </form>
            </details>
        }
        .into_any()
    };
    view! {
        <section class="card account-part account-leave">
            <h2>{said.delete.title}</h2>
            <p class="hint">{said.delete.body}</p>
            {form}
        </section>
    }
}

/// What a browser fills in by itself where the password that holds now is asked for.
const PRESENT: &str = "current-password";

/// The field of a password; below it what is wrong with what was sent, or else the hint.
fn secret(
    name: &'static str,
    fills: &'static str,
    label: &'static str,
    wrong: Option<String>,
    hint: Option<String>,
) -> impl IntoView {
    let (id, help) = (format!("account-{name}"), format!("account-{name}-help"));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                name=name
                type="password"
                autocomplete=fills
                // The page is long, and begins far above.
                autofocus=wrong.is_some()
                required
                aria-invalid=wrong.is_some().then_some("true")
                aria-describedby=help.clone()
            />
            <div id=help>
                {match wrong {
                    Some(wrong) => Some(problem(wrong).into_any()),
                    None => hint.map(|hint| view! { <p class="hint">{hint}</p> }.into_any()),
                }}
            </div>
        </div>
    }
}

fn problem(sentence: impl Into<String>) -> impl IntoView {
    view! { <p class="problem" role="alert"><Icon glyph=icon::ALERT />{sentence.into()}</p> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    fn page(account: Account, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        Owner::new().with(|| view! { <AccountPage viewer start account /> }.to_html())
    }

    fn session(agent: &str, here: bool) -> SessionLine {
        SessionLine { name: "ab12".into(), agent: agent.into(), since: samples::NOW, here }
    }

    #[test]
    fn the_browser_that_looks_is_marked_and_the_others_can_be_ended() {
        let sessions = vec![session("Firefox, Linux", true), session("", false)];
        let html = page(Account { sessions, ..Account::default() }, Lang::En);
        assert_eq!(html.matches("/account/sessions/ab12/end").count(), 1, "{html}");
        assert!(html.contains("this browser") && html.contains("A browser") && html.contains("/account/sessions/end"), "{html}");
        let alone = page(Account { sessions: vec![session("", true)], ..Account::default() }, Lang::En);
        assert!(!alone.contains("/account/sessions/end"), "{alone}");
    }

    #[test]
    fn what_is_lost_is_said_before_the_account_can_be_deleted_and_who_alone_runs_the_house_is_told_what_to_do_first() {
        let html = page(Account::default(), Lang::En);
        assert!(html.contains("116 credits would be given up") && html.contains("1,284 pictures would be removed"), "{html}");
        let keeper = page(Account { only_admin: true, ..Account::default() }, Lang::Ja);
        assert!(!keeper.contains("/account/delete") && keeper.contains("atelier user role "), "{keeper}");
    }

    #[test]
    fn a_refused_form_says_why_at_its_field_and_keeps_what_was_typed() {
        let guards = GuardsForm { daily_cap: "<b>many".into(), ..GuardsForm::default() };
        let html = page(Account { guards, wrong: vec![Guard::DailyCap], ..Account::default() }, Lang::En);
        assert!(html.contains("&lt;b&gt;many") && html.matches("aria-invalid=\"true\"").count() == 1, "{html}");
        for refused in [
            AccountRefusal::OldPassword(Denied::Wrong),
            AccountRefusal::NewPassword(DoorProblem::PasswordWeak),
            AccountRefusal::Deletion(Denied::Wait(30)),
        ] {
            let html = page(Account { refused: Some(refused), ..Account::default() }, Lang::Ja);
            assert_eq!(html.matches("aria-invalid=\"true\"").count(), 1, "{refused:?}: {html}");
            assert_eq!(html.matches(" autofocus").count(), 1, "{refused:?}: it is where one looks first: {html}");
        }
    }
}
