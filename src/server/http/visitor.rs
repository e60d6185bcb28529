//! Who is asking and how they want it: the person, if signed in, the language and the theme.

use super::trouble::Trouble;
use crate::domain::{BalanceView, Credits, Lang, PersonId, Theme, Timestamp, Viewer};
use crate::islands::LiveStart;
use crate::server::App;
use crate::server::account::Person;
use crate::server::auth::AuthSession;
use crate::server::generation::views;
use crate::server::ledger;
use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use tower_sessions::Session;

/// The name of the cookie that remembers the language.
pub(super) const LANG_COOKIE: &str = "lang";
/// The name of the cookie that remembers the theme.
pub(super) const THEME_COOKIE: &str = "theme";

/// Somebody at the door; perhaps they are signed in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub person: Option<Person>,
    pub lang: Lang,
    pub theme: Theme,
    /// Path and query.
    pub path: String,
    /// Whether they are to be answered in JSON.
    pub wants_json: bool,
    /// Opaque, different for every session, no secret: it keeps tabs of different people apart.
    pub stream: String,
}

/// Somebody who is signed in. Without that, the request ends with a 401 that sends people to the door.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub id: PersonId,
    pub visitor: Visitor,
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Both are there wherever the session layer is; where it is not, nobody is signed in.
        let auth = <AuthSession as FromRequestParts<S>>::from_request_parts(parts, state).await.ok();
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await.ok();
        let headers = &parts.headers;
        Ok(Self {
            person: auth.and_then(|auth| auth.user),
            lang: cookie(headers, LANG_COOKIE)
                .and_then(Lang::parse)
                .unwrap_or_else(|| Lang::negotiate(text(headers, &header::ACCEPT_LANGUAGE))),
            theme: cookie(headers, THEME_COOKIE).and_then(Theme::parse).unwrap_or_default(),
            path: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            wants_json: wants_json(headers) || is_for_programs(parts.uri.path()),
            stream: session.and_then(|session| session.id()).map(|id| stream_name(&id.0.to_le_bytes())).unwrap_or_default(),
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

impl Visitor {
    /// What the frame of a page needs to know about them.
    pub async fn viewer(&self, app: &App) -> Result<Viewer, Trouble> {
        let (balance, pictures) = match &self.person {
            Some(person) => (ledger::balance(&app.db, &person.id).await?, views::pictures(&app.db, &person.id).await?),
            None => (BalanceView { version: 0, posted: Credits::ZERO, held: Credits::ZERO }, 0),
        };
        Ok(Viewer { balance, pictures, ..self.bare_viewer(app) })
    }

    /// The same without asking the database: for pages that tell of its failure.
    pub fn bare_viewer(&self, app: &App) -> Viewer {
        Viewer {
            email: self.person.as_ref().map(|person| person.email.clone()),
            balance: BalanceView { version: 0, posted: Credits::ZERO, held: Credits::ZERO },
            pictures: 0,
            lang: self.lang,
            theme: self.theme,
            path: self.path.clone(),
            sandbox: app.sandbox,
            cursor: app.clock.now(),
        }
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

fn stream_name(session: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(b"live stream of ");
    digest.update(session);
    hex::encode(&digest.finalize()[..12])
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    text(headers, &header::COOKIE)
        .split(';')
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}
