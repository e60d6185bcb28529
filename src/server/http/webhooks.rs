//! `/webhooks`: plain forms over what was told to a person's programs. Every verb is told whose messages it is about; somebody
//! else's are not there.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::domain::{DeliveryOutcome, DeliveryTrouble, DeliveryView, SwitchedOff, TrialProblem};
use crate::pages::{TrialForm, WebhooksPage};
use crate::server::App;
use crate::server::outbox::log::{self, Delivery, Trial};
use crate::server::outbox::{self, secret};
use crate::text;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use leptos::prelude::*;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Messages on the page.
const SHOWN: i64 = 50;
/// How long a form waits for what came of the message it sent, and between two looks: most receivers answer at once, and then
/// the page that follows says so.
const PATIENCE: Duration = Duration::from_millis(2_500);
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/webhooks", get(page))
        .route("/webhooks/test", post(try_out))
        .route("/webhooks/enable", post(enable))
        .route("/webhooks/secret", post(rotate))
        .route("/webhooks/{id}/redeliver", post(redeliver))
}

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    url: String,
}

async fn page(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    show(&app, &person, StatusCode::OK, TrialForm::default()).await
}

async fn try_out(State(app): State<App>, person: SignedIn, Form(form): Form<Address>) -> Result<Response, Trouble> {
    let url = form.url.trim().to_owned();
    let trial = if super::v1::is_webhook(&url, &app) {
        match log::try_out(&app.db, &person.id, &url, app.clock.now()).await? {
            Trial::Sent(id) => Ok(id),
            Trial::NothingToTell => Err(TrialProblem::NothingToTell),
            Trial::TooMany => Err(TrialProblem::TooMany),
        }
    } else {
        Err(TrialProblem::Address)
    };
    match trial {
        Ok(id) => answered(&app, &person, &id).await,
        Err(problem) => {
            let form = TrialForm { url, problem: Some(problem) };
            show(&app, &person, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
    }
}

async fn redeliver(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response, Trouble> {
    if !log::redeliver(&app.db, &person.id, &id, app.clock.now()).await? {
        return Err(Trouble::NOT_FOUND);
    }
    answered(&app, &person, &id).await
}

async fn enable(State(app): State<App>, person: SignedIn, Form(form): Form<Address>) -> Result<Response, Trouble> {
    // One that is on already is as it was wanted.
    log::switch_on(&app.db, &person.id, &form.url).await?;
    Ok(Redirect::to("/webhooks").into_response())
}

async fn rotate(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    secret::rotate(&app.db, &person.id, app.clock.now()).await?;
    tracing::info!(person = %person.id, "a secret of webhooks was replaced");
    Ok(Redirect::to("/webhooks").into_response())
}

/// Back to the page, once the message was tried or has kept us waiting.
async fn answered(app: &App, person: &SignedIn, id: &str) -> Result<Response, Trouble> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !app.stop.is_cancelled() && log::is_due(&app.db, &person.id, id, app.clock.now()).await? {
        sleep(LOOK).await;
    }
    Ok(Redirect::to("/webhooks#log").into_response())
}

async fn show(app: &App, person: &SignedIn, status: StatusCode, form: TrialForm) -> Result<Response, Trouble> {
    let now = app.clock.now();
    let start = person.visitor.start(now);
    let viewer = person.visitor.viewer(app).await?;
    let secret = outbox::secret(&app.db, &person.id, now).await?.expose_secret().to_owned();
    let both_until = secret::both_until(&app.db, &person.id, now).await?;
    let off: Vec<_> = log::switched_off(&app.db, &person.id).await?.into_iter().map(switched_off).collect();
    let deliveries: Vec<_> = log::deliveries(&app.db, &person.id, SHOWN).await?.into_iter().map(told).collect();
    let form = TrialForm { url: if form.url.is_empty() { latest(&deliveries) } else { form.url }, ..form };
    let page = Page { status, ..Page::new(viewer.clone(), text::pages(viewer.lang).webhooks.title, true) };
    Ok(page
        .render(app, move || {
            let (viewer, start, secret) = (viewer.clone(), start.clone(), secret.clone());
            let (form, off, deliveries) = (form.clone(), off.clone(), deliveries.clone());
            view! { <WebhooksPage viewer start secret both_until form off deliveries /> }
        })
        .await)
}

/// The address that was used last: most likely the one to try.
fn latest(deliveries: &[DeliveryView]) -> String {
    deliveries.first().map(|sent| sent.url.clone()).unwrap_or_default()
}

fn switched_off(off: log::Off) -> SwitchedOff {
    SwitchedOff { gone: off.reason == "gone", url: off.url, at: off.off_at }
}

fn told(sent: Delivery) -> DeliveryView {
    let outcome = match (sent.last_status, sent.last_error.as_deref().and_then(DeliveryTrouble::parse)) {
        (Some(status @ 200..=299), _) => DeliveryOutcome::Taken(status),
        (Some(status), _) => DeliveryOutcome::Refused(status),
        (None, Some(trouble)) => DeliveryOutcome::Failed(trouble),
        (None, None) => DeliveryOutcome::Waiting,
    };
    DeliveryView {
        id: sent.id,
        generation: sent.generation_id,
        url: sent.url,
        event: sent.event,
        trial: sent.trial_at.is_some(),
        outcome,
        attempts: sent.attempts,
        took_ms: sent.took_ms,
        at: sent.last_at.unwrap_or(sent.created_at),
        next_at: sent.next_at,
    }
}
