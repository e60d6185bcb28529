//! Signing up, in and out, and how the page should look: plain forms, answered with a redirect or with themselves.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::{ENTER_COOKIE, KEYS_COOKIE, LANG_COOKIE, THEME_COOKIE, Visitor};
use crate::domain::{Enter, Lang, Theme};
use crate::pages::{DoorForm, DoorProblem, SignIn, SignUp};
use crate::server::App;
use crate::server::account::{self, Credentials, PASSWORD_CHARS, SignUpProblem};
use crate::server::auth::{AGENT, AuthSession, describe};
use crate::text;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

/// A year, in seconds.
const PREFERENCE_SECONDS: i64 = 365 * 24 * 60 * 60;

#[derive(Deserialize)]
pub(super) struct DoorQuery {
    next: Option<String>,
    expired: Option<String>,
}

/// What a door's form sends. The password is wrapped as soon as it is read.
#[derive(Deserialize)]
pub(super) struct DoorFields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Which of the two doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    In,
    Up,
}

pub(super) async fn sign_in_page(State(app): State<App>, visitor: Visitor, query: Query<DoorQuery>) -> Result<Response, Trouble> {
    door_page(&app, &visitor, Side::In, query.0).await
}

pub(super) async fn sign_up_page(State(app): State<App>, visitor: Visitor, query: Query<DoorQuery>) -> Result<Response, Trouble> {
    door_page(&app, &visitor, Side::Up, query.0).await
}

async fn door_page(app: &App, visitor: &Visitor, side: Side, query: DoorQuery) -> Result<Response, Trouble> {
    let next = local(query.next.as_deref().unwrap_or_default());
    if visitor.person.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let form = DoorForm { email: String::new(), next };
    show(app, visitor, side, form, Vec::new(), query.expired.is_some()).await
}

pub(super) async fn sign_in(
    State(app): State<App>,
    mut auth: AuthSession,
    session: Session,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<DoorFields>,
) -> Result<Response, Trouble> {
    let (form, credentials) = fields.split();
    let problem = match account::authenticate(&app.db, &credentials, app.clock.now()).await {
        Ok(Some(person)) => return enter(&mut auth, &session, &person, &headers, &form.next).await,
        Ok(None) => DoorProblem::Wrong,
        Err(account::Error::TooManyTries { seconds }) => DoorProblem::Wait(seconds),
        Err(error) => return Err(error.into()),
    };
    show(&app, &visitor, Side::In, form, vec![problem], false).await
}

pub(super) async fn sign_up(
    State(app): State<App>,
    mut auth: AuthSession,
    session: Session,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<DoorFields>,
) -> Result<Response, Trouble> {
    let (form, credentials) = fields.split();
    match account::sign_up(&app.db, &credentials, app.config.signup_credits, app.clock.now()).await {
        Ok(id) => {
            let person = account::find(&app.db, &id).await?.ok_or_else(|| Trouble::internal(&"a new person is missing"))?;
            enter(&mut auth, &session, &person, &headers, &form.next).await
        }
        Err(account::Error::Refused(problems)) => {
            let problems = problems.into_iter().map(problem).collect();
            show(&app, &visitor, Side::Up, form, problems, false).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn sign_out(State(app): State<App>, mut auth: AuthSession) -> Result<Response, Trouble> {
    let left = auth.logout().await?;
    if let Some(person) = left {
        app.hub.close(&person.id);
    }
    let mut response = Redirect::to("/").into_response();
    if app.config.is_https() {
        // Browsers ignore a change of a `__Host-` cookie that is not marked as one, as the session layer's own is.
        let gone = HeaderValue::from_static("__Host-sid=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    // Whatever this browser kept of the pages goes with the session.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct Preferences {
    language: Option<String>,
    theme: Option<String>,
    enter: Option<String>,
    /// A check box, which is silent when it is off; so the form says with `typing` that it has one.
    keys: Option<String>,
    typing: Option<String>,
    #[serde(default)]
    next: String,
}

pub(super) async fn preferences(State(app): State<App>, Form(wanted): Form<Preferences>) -> Response {
    let mut response = Redirect::to(&local(&wanted.next)).into_response();
    let lang = wanted.language.as_deref().and_then(Lang::parse).map(|lang| (LANG_COOKIE, lang.as_str()));
    let theme = wanted.theme.as_deref().and_then(Theme::parse).map(|theme| (THEME_COOKIE, theme.as_str()));
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let enter = wanted.enter.as_deref().and_then(Enter::parse).map(|enter| (ENTER_COOKIE, enter.as_str()));
    let keys = wanted.typing.map(|_| (KEYS_COOKIE, if wanted.keys.is_some() { "on" } else { "off" }));
    for (name, value) in lang.into_iter().chain(theme).chain(enter).chain(keys) {
        let cookie = format!("{name}={value}; Path=/; Max-Age={PREFERENCE_SECONDS}; SameSite=Lax; HttpOnly{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

impl DoorFields {
    /// What may be shown again, and what may not.
    fn split(self) -> (DoorForm, Credentials) {
        let form = DoorForm { email: self.email.clone(), next: local(&self.next) };
        (form, Credentials { email: self.email, password: self.password })
    }
}

/// Signs a person in, remembers roughly with which browser, and lets them go on.
async fn enter(
    auth: &mut AuthSession,
    session: &Session,
    person: &account::Person,
    headers: &HeaderMap,
    next: &str,
) -> Result<Response, Trouble> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(describe).unwrap_or_default();
    session.insert(AGENT, agent).await?;
    let_in(auth, session, person).await?;
    Ok(Redirect::to(next).into_response())
}

/// Signs a person in under a session id that nobody has seen before.
pub(super) async fn let_in(auth: &mut AuthSession, session: &Session, person: &account::Person) -> Result<(), Trouble> {
    session.cycle_id().await?;
    auth.login(person).await?;
    Ok(())
}

pub(super) fn problem(problem: SignUpProblem) -> DoorProblem {
    let count = |chars: usize| i64::try_from(chars).unwrap_or(i64::MAX);
    match problem {
        SignUpProblem::EmailInvalid => DoorProblem::EmailInvalid,
        SignUpProblem::EmailTaken => DoorProblem::EmailTaken,
        SignUpProblem::PasswordTooShort => DoorProblem::PasswordShort(count(*PASSWORD_CHARS.start())),
        SignUpProblem::PasswordTooLong => DoorProblem::PasswordLong(count(*PASSWORD_CHARS.end())),
        SignUpProblem::PasswordCommon => DoorProblem::PasswordWeak,
    }
}

/// A door with its form, as it was filled in, and why it stayed shut.
async fn show(
    app: &App,
    visitor: &Visitor,
    side: Side,
    form: DoorForm,
    problems: Vec<DoorProblem>,
    expired: bool,
) -> Result<Response, Trouble> {
    let viewer = visitor.viewer(app).await?;
    let (assets, gift, words) = (app.page_assets(), app.config.signup_credits, text::pages(viewer.lang).door);
    let title = if side == Side::In { words.sign_in_title } else { words.sign_up_title };
    let wait = problems.iter().find_map(|problem| if let DoorProblem::Wait(seconds) = problem { Some(*seconds) } else { None });
    let page = Page { status: status(&problems), ..Page::new(viewer.clone(), title, false) };
    let response = page
        .render(app, move || {
            let (viewer, assets, form, problems) = (viewer.clone(), assets.clone(), form.clone(), problems.clone());
            match side {
                Side::In => view! { <SignIn viewer assets form problems expired /> }.into_any(),
                Side::Up => view! { <SignUp viewer assets form problems gift /> }.into_any(),
            }
        })
        .await;
    Ok(later(response, wait))
}

/// The answer to somebody who tried too often: the same page, and after how many seconds to come back.
pub(super) fn later(mut response: Response, wait: Option<i64>) -> Response {
    if let Some(seconds) = wait {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const fn status(problems: &[DoorProblem]) -> StatusCode {
    if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

/// A path of our own to go on to; `/create` when what was asked for is anything else. A browser reads `//host`, `/\host`
/// and control characters in ways of its own.
pub(super) fn local(next: &str) -> String {
    let is_path =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\']) && !next.chars().any(char::is_control);
    if is_path && next.is_ascii() { next.to_owned() } else { "/create".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_leads_only_to_our_own_pages() {
        for good in ["/gallery", "/g/0193?x=1", "/"] {
            assert_eq!(local(good), good);
        }
        for bad in
            ["", "gallery", "https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "/\tx", "/\r\nset-cookie: a"]
        {
            assert_eq!(local(bad), "/create", "{bad:?}");
        }
    }
}
