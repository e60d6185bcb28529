//! `/account`: plain forms, each answered with a redirect to the page that says what was done, or with the page and why
//! nothing was. What cannot be undone asks for the password again.

use super::credits;
use super::doors;
use super::render::Page;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::components::time::machine;
use crate::domain::{Day, GalleryFilter, Guard, GuardsForm};
use crate::pages::{Account, AccountPage, AccountRefusal, Denied, Done, SessionLine};
use crate::server::App;
use crate::server::account::leaving::{self, Leave};
use crate::server::account::{self, Error, Person, Role, guards, roles};
use crate::server::auth::{self, AuthSession};
use crate::server::gallery::Chosen;
use crate::server::gallery::archive::{self, Beside};
use crate::server::ledger::export;
use crate::text;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use leptos::prelude::*;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

/// The addresses of the account.
pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/account", get(page))
        .route("/account/limits", post(limits))
        .route("/account/password", post(password))
        .route("/account/sessions/end", post(end_others))
        .route("/account/sessions/{name}/end", post(end_one))
        .route("/account/export", get(everything))
        .route("/account/delete", post(delete))
}

/// What a form changes of the page.
#[derive(Clone, Default)]
struct Shown {
    status: StatusCode,
    done: Option<Done>,
    form: Option<(GuardsForm, Vec<Guard>)>,
    refused: Option<AccountRefusal>,
}

impl Shown {
    fn refused(why: AccountRefusal) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, refused: Some(why), ..Self::default() }
    }
}

#[derive(Deserialize)]
pub(super) struct AccountQuery {
    #[serde(default)]
    done: String,
}

async fn page(
    State(app): State<App>,
    person: SignedIn,
    session: Session,
    Query(query): Query<AccountQuery>,
) -> Result<Response, Trouble> {
    show(&app, &person, &session, Shown { done: Done::parse(&query.done), ..Shown::default() }).await
}

fn done(what: Done) -> Response {
    Redirect::to(&format!("/account?done={}", what.as_str())).into_response()
}

async fn limits(
    State(app): State<App>,
    person: SignedIn,
    session: Session,
    Form(form): Form<GuardsForm>,
) -> Result<Response, Trouble> {
    match form.parse() {
        Ok(limits) => {
            guards::set_guards(&app.db, &person.id, &limits).await?;
            Ok(done(Done::Limits))
        }
        Err(wrong) => {
            let shown = Shown { status: StatusCode::UNPROCESSABLE_ENTITY, form: Some((form, wrong)), ..Shown::default() };
            show(&app, &person, &session, shown).await
        }
    }
}

#[derive(Deserialize)]
struct Passwords {
    #[serde(default)]
    old: SecretString,
    #[serde(default)]
    new: SecretString,
}

async fn password(
    State(app): State<App>,
    mut auth: AuthSession,
    signed_in: SignedIn,
    session: Session,
    Form(Passwords { old, new }): Form<Passwords>,
) -> Result<Response, Trouble> {
    let person = who(&signed_in)?;
    let why = match account::change_password(&app.db, person, old, new, app.clock.now()).await {
        Ok(person) => {
            end_all_but(&app, &person, &session).await?;
            // A new name for this one, too: whoever had a copy of the old one is out.
            doors::let_in(&mut auth, &session, &person).await?;
            tracing::info!(person = %person.id, "a password was changed");
            return Ok(done(Done::Password));
        }
        Err(Error::WrongPassword) => AccountRefusal::OldPassword(Denied::Wrong),
        Err(Error::TooManyTries { seconds }) => AccountRefusal::OldPassword(Denied::Wait(seconds)),
        Err(Error::Refused(problems)) => match problems.first() {
            Some(problem) => AccountRefusal::NewPassword(doors::problem(*problem)),
            None => return Err(Trouble::internal(&"a password was refused for no reason")),
        },
        Err(error) => return Err(error.into()),
    };
    show(&app, &signed_in, &session, Shown::refused(why)).await
}

async fn end_one(State(app): State<App>, person: SignedIn, Path(name): Path<String>) -> Result<Response, Trouble> {
    if !auth::end_session(&app.db, &person.id, &name).await? {
        return Err(Trouble::NOT_FOUND);
    }
    app.hub.close(&person.id);
    Ok(done(Done::Session))
}

async fn end_others(State(app): State<App>, signed_in: SignedIn, session: Session) -> Result<Response, Trouble> {
    end_all_but(&app, who(&signed_in)?, &session).await?;
    Ok(done(Done::Sessions))
}

/// Ends all of a person's sessions but this, and with them their open pages; this one's opens its stream again by itself.
async fn end_all_but(app: &App, person: &Person, session: &Session) -> Result<(), Trouble> {
    let here = session.id().map(auth::hash);
    let mut tx = app.db.begin().await?;
    auth::end_sessions(&mut tx, &person.id, here.as_deref()).await?;
    tx.commit().await?;
    app.hub.close(&person.id);
    Ok(())
}

/// Everything that is the person's, as one file that is written while it is read.
async fn everything(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Trouble> {
    let (now, lang) = (app.clock.now(), signed_in.visitor.lang);
    let person = who(&signed_in)?;
    let ids = archive::chosen(&app.db, &person.id, &Chosen::All(GalleryFilter::default()), lang).await?;
    let head = export::head(&app.db, &person.id).await?;
    let limits = GuardsForm::of(&person.guards);
    let profile = json!({
        "id": person.id, "email": person.email, "language": lang.as_str(), "limits": limits, "exported_at": machine(now),
    });
    let profile = stream::once(async move { Ok(Bytes::from(format!("{profile:#}\n"))) });
    let beside = vec![
        Beside { name: "profile.json", content: profile.boxed() },
        Beside { name: "statement.csv", content: credits::csv(app.db.clone(), person.id.clone(), lang).boxed() },
        Beside { name: "statement.json", content: credits::json_chain(app.db.clone(), person.id.clone(), head, now).boxed() },
    ];
    let body = archive::everything(app.db.clone(), app.store.clone(), person.id.clone(), ids, lang, beside);
    let day = Day::at(now, lang).machine();
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"atelier-everything-{day}.zip\"")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

#[derive(Deserialize)]
struct Leaving {
    #[serde(default)]
    password: SecretString,
}

async fn delete(
    State(app): State<App>,
    auth: AuthSession,
    signed_in: SignedIn,
    session: Session,
    Form(Leaving { password }): Form<Leaving>,
) -> Result<Response, Trouble> {
    let person = who(&signed_in)?;
    let denied = match account::prove(&app.db, person, password, app.clock.now()).await {
        Ok(()) => None,
        Err(Error::WrongPassword) => Some(Denied::Wrong),
        Err(Error::TooManyTries { seconds }) => Some(Denied::Wait(seconds)),
        Err(error) => return Err(error.into()),
    };
    if let Some(denied) = denied {
        return show(&app, &signed_in, &session, Shown::refused(AccountRefusal::Deletion(denied))).await;
    }
    match leaving::leave(&app.db, person, app.clock.now()).await? {
        Leave::Gone => {
            tracing::info!(person = %person.id, "somebody left");
            doors::sign_out(State(app), auth).await
        }
        // The page says what has to be done first.
        Leave::OnlyAdmin => show(&app, &signed_in, &session, Shown { status: StatusCode::CONFLICT, ..Shown::default() }).await,
    }
}

fn who(signed_in: &SignedIn) -> Result<&Person, Trouble> {
    signed_in.visitor.person.as_ref().ok_or(Trouble::SIGNED_OUT)
}

async fn show(app: &App, signed_in: &SignedIn, session: &Session, shown: Shown) -> Result<Response, Trouble> {
    let now = app.clock.now();
    let person = who(signed_in)?;
    let start = signed_in.visitor.start(now);
    let viewer = signed_in.visitor.viewer(app).await?;
    let here = session.id().map(auth::hash);
    let sessions = auth::sessions_of(&app.db, &person.id, now).await?;
    let line = |open: auth::Open| SessionLine {
        here: here.as_ref() == Some(&open.name),
        name: open.name,
        agent: open.agent,
        since: open.since,
    };
    let (guards, wrong) = shown.form.unwrap_or_else(|| (GuardsForm::of(&person.guards), Vec::new()));
    let account = Account {
        only_admin: person.role == Role::Admin && roles::is_only_admin(&app.db, &person.id).await?,
        guards,
        wrong,
        spent_today: guards::spent_today(&app.db, &person.id, now).await?,
        sessions: sessions.into_iter().map(line).collect(),
        done: shown.done,
        refused: shown.refused,
    };
    let wait = shown.refused.and_then(AccountRefusal::wait);
    let page = Page { status: shown.status, ..Page::new(viewer.clone(), text::pages(viewer.lang).account.title, true) };
    let response = page
        .render(app, move || {
            let (viewer, start, account) = (viewer.clone(), start.clone(), account.clone());
            view! { <AccountPage viewer start account /> }
        })
        .await;
    Ok(doors::later(response, wait))
}
