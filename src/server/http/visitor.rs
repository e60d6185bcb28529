//! Who is asking and how they want it: the person, if signed in, the language and the theme.

use super::trouble::Trouble;
use crate::domain::{BalanceView, Credits, Enter, Lang, PersonId, Theme, Timestamp, Typing, Viewer};
use crate::islands::LiveStart;
use crate::server::App;
use crate::server::account::{Person, Role};
use crate::server::auth::AuthSession;
use crate::server::generation::views;
use crate::server::ledger;
use crate::server::model::Actor;
use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use sha2::{Digest, Sha256};
use std::convert::Infallible;

/// The name of the cookie that remembers the language.
pub(super) const LANG_COOKIE: &str = "lang";
/// The names of the cookie with the session: over https, and on a laptop.
pub(super) const SESSION_COOKIES: [&str; 2] = ["__Host-sid", "sid"];
/// The name of the cookie that remembers the theme.
pub(super) const THEME_COOKIE: &str = "theme";
/// The name of the cookie that remembers what Enter does.
pub(super) const ENTER_COOKIE: &str = "enter";
/// The name of the cookie that remembers whether single keys do anything.
pub(super) const KEYS_COOKIE: &str = "keys";

/// Somebody at the door; perhaps they are signed in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub person: Option<Person>,
    pub lang: Lang,
    pub theme: Theme,
    pub typing: Typing,
    /// Path and query.
    pub path: String,
    /// Whether they are to be answered in JSON.
    pub wants_json: bool,
    /// Opaque, different for everybody, no secret: a page brings it back, so that a tab which somebody else left open is
    /// not taken for one of theirs.
    pub stream: String,
    /// Whether a session was brought along that leads to nobody any more.
    pub expired: bool,
}

/// Somebody who is signed in. Without that, the request ends with a 401 that sends people to the door.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub id: PersonId,
    pub visitor: Visitor,
}

/// The one who runs the house. To everybody else who is signed in, what this guards is not there.
#[derive(Clone, Debug)]
pub(super) struct Keeper(pub SignedIn);

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // It is there wherever the session layer is; where that is not, nobody is signed in.
        let auth = <AuthSession as FromRequestParts<S>>::from_request_parts(parts, state).await.ok();
        let person = auth.and_then(|auth| auth.user);
        let headers = &parts.headers;
        Ok(Self {
            lang: cookie(headers, LANG_COOKIE)
                .and_then(Lang::parse)
                .unwrap_or_else(|| Lang::negotiate(text(headers, &header::ACCEPT_LANGUAGE))),
            theme: cookie(headers, THEME_COOKIE).and_then(Theme::parse).unwrap_or_default(),
            typing: Typing {
                enter: cookie(headers, ENTER_COOKIE).and_then(Enter::parse),
                single_keys_off: cookie(headers, KEYS_COOKIE) == Some("off"),
            },
            path: page_of(parts),
            wants_json: wants_json(headers) || is_for_programs(parts.uri.path()),
            expired: person.is_none() && SESSION_COOKIES.iter().any(|name| cookie(headers, name).is_some()),
            stream: person.as_ref().map(|person| stream_name(person.id.as_str())).unwrap_or_default(),
            person,
        })
    }
}

impl<S> OptionalFromRequestParts<S> for SignedIn
where
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Infallible> {
        let visitor = <Visitor as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(visitor.person.clone().map(|person| Self { id: person.id, visitor }))
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let signed_in = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await;
        signed_in.ok().flatten().ok_or(Trouble::SIGNED_OUT)
    }
}

impl<S> FromRequestParts<S> for Keeper
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let person = <SignedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let is_keeper = person.visitor.person.as_ref().is_some_and(|person| person.role == Role::Admin);
        if is_keeper { Ok(Self(person)) } else { Err(Trouble::NOT_FOUND) }
    }
}

impl Keeper {
    /// How the log names them.
    pub fn actor(&self) -> Actor {
        Actor::Person(self.0.id.clone())
    }
}

impl Visitor {
    /// What the frame of a page needs to know about them.
    pub async fn viewer(&self, app: &App) -> Result<Viewer, Trouble> {
        let (balance, pictures) = match &self.person {
            Some(person) => (ledger::balance(&app.db, &person.id).await?, views::pictures(&app.db, &person.id).await?),
            None => (BalanceView { version: 0, posted: Credits::ZERO, held: Credits::ZERO }, 0),
        };
        let below = self.person.as_ref().and_then(|person| person.guards.warn_below);
        let low = below.is_some_and(|below| balance.available() < below);
        Ok(Viewer { balance, pictures, low, ..self.bare_viewer(app) })
    }

    /// The same without asking the database: for pages that tell of its failure.
    pub fn bare_viewer(&self, app: &App) -> Viewer {
        Viewer {
            email: self.person.as_ref().map(|person| person.email.clone()),
            balance: BalanceView { version: 0, posted: Credits::ZERO, held: Credits::ZERO },
            pictures: 0,
            low: false,
            lang: self.lang,
            theme: self.theme,
            typing: self.typing,
            path: self.path.clone(),
            sandbox: app.sandbox,
            cursor: app.clock.now(),
        }
    }

    /// Whether a page was made for this visitor, going by what it brought back. Programs bring nothing.
    pub fn is_own_page(&self, brought: Option<&str>) -> bool {
        brought.is_none_or(|stream| stream.is_empty() || stream == self.stream)
    }

    /// What the islands of a page need to hear the stream from the moment `cursor` on.
    pub fn start(&self, cursor: Timestamp) -> LiveStart {
        LiveStart { session: self.stream.clone(), cursor, lang: self.lang }
    }
}

/// Whether nobody looks at the answers of this address. A stream that was sent to the sign-in page would read that.
fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/events"
}

/// Whether the answer goes to a program: it says that it takes JSON, and does not say that it takes pages.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accept = text(headers, &header::ACCEPT);
    accept.contains("json") && !accept.contains("text/html")
}

/// The page a person is on: what they look at, or, for a form that was sent, the page it stands on.
fn page_of(parts: &Parts) -> String {
    let path = parts.uri.path();
    match parts.method {
        Method::GET | Method::HEAD => parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        _ if matches!(path, "/generate" | "/share") || path.starts_with("/create/") => "/create".to_owned(),
        _ if path.starts_with("/g/") => {
            ["/cancel", "/again", "/share"].into_iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path).to_owned()
        }
        _ if path.starts_with("/gallery") => "/gallery".to_owned(),
        _ if path.starts_with("/shares") => "/shares".to_owned(),
        _ if path.starts_with("/keys") => "/keys".to_owned(),
        _ if path.starts_with("/account") => "/account".to_owned(),
        _ if path.starts_with("/admin/models") => {
            path.strip_suffix("/look").or_else(|| path.strip_suffix("/move")).unwrap_or(path).to_owned()
        }
        _ if path.starts_with("/sign-") && path != "/sign-out" => path.to_owned(),
        _ => "/".to_owned(),
    }
}

fn stream_name(person: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"live stream of ");
    digest.update(person);
    hex::encode(&digest.finalize()[..12])
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    text(headers, &header::COOKIE)
        .split(';')
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}
