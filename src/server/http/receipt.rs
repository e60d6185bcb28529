//! The receipt of a generation, as a page that fits on a sheet of paper and as JSON. For its owner; an operator who asks for
//! one of their own is told the number upstream besides.

use super::render::Page;
use super::trouble::Trouble;
use super::viewer::read;
use super::visitor::SignedIn;
use crate::components::time::machine;
use crate::domain::{GenerationId, MoneyStep, OutputView, Parent, Receipt, Setting, Verdict};
use crate::pages::ReceiptPage;
use crate::server::App;
use crate::server::account::Role;
use crate::server::generation;
use crate::text;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde_json::{Value, json};

pub(super) async fn page(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response, Trouble> {
    let (receipt, settings, verdict) = told(&app, &person, &id).await?;
    if person.visitor.wants_json {
        return Ok(Json(written(&receipt, verdict)).into_response());
    }
    let start = person.visitor.start(app.clock.now());
    let viewer = person.visitor.viewer(&app).await?;
    let title = text::pages(viewer.lang).receipt.title;
    let page = Page { modules: vec!["viewer"], ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(&app, move || {
            let (viewer, start, receipt, settings) = (viewer.clone(), start.clone(), receipt.clone(), settings.clone());
            view! { <ReceiptPage viewer start receipt settings verdict /> }
        })
        .await)
}

pub(super) async fn document(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Json<Value>, Trouble> {
    let (receipt, _, verdict) = told(&app, &person, &id).await?;
    Ok(Json(written(&receipt, verdict)))
}

async fn told(app: &App, person: &SignedIn, id: &str) -> Result<(Receipt, Vec<Setting>, Option<Verdict>), Trouble> {
    let id = GenerationId::parse(id).ok_or(Trouble::NOT_FOUND)?;
    let (receipt, settings) = read(app, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    let verdict = generation::receipt::verdict(&app.db, &app.store, &person.id, &receipt).await?;
    let operator = person.visitor.person.as_ref().is_some_and(|person| person.role == Role::Admin);
    let upstream = receipt.upstream.clone().filter(|_| operator);
    Ok((Receipt { upstream, ..receipt }, settings, verdict))
}

/// The receipt for programs. Moments are RFC 3339 in UTC, lengths of time milliseconds, amounts whole credits.
fn written(receipt: &Receipt, verdict: Option<Verdict>) -> Value {
    let generation = &receipt.generation;
    let (again, remix) = match &receipt.parent {
        Some(Parent::Again(id)) => (Some(id), None),
        Some(Parent::Remix(id)) => (None, Some(id)),
        None => (None, None),
    };
    let mut told = json!({
        "id": generation.id,
        "state": generation.phase.as_str(),
        "prompt": generation.prompt,
        "model": {
            "name": generation.model, "label": generation.model_label, "version": receipt.version,
            "license_url": receipt.license_url,
        },
        "input": receipt.input,
        "seed": generation.seed,
        "references": receipt.references,
        "credits": {
            "quoted": generation.price, "unit_price": receipt.unit_price, "units": generation.count,
            "request_key": generation.request_key, "charged": generation.captured, "returned": generation.returned(),
            "steps": receipt.steps.iter().map(step).collect::<Vec<_>>(),
        },
        "asked_at": machine(generation.created_at),
        "started_at": generation.started_at.map(machine),
        "ended_at": generation.finished_at.map(machine),
        "times_ms": receipt.times,
        "outputs": generation.outputs.iter().map(output).collect::<Vec<_>>(),
        "retry_of": again,
        "remix_of": remix,
        "verdict": verdict.map(Verdict::as_str),
    });
    if let Some(upstream) = &receipt.upstream {
        told["upstream_prediction"] = json!(upstream);
    }
    told
}

fn step(step: &MoneyStep) -> Value {
    json!({"kind": step.kind, "id": step.id, "amount": step.amount, "at": machine(step.at), "entries": step.entries})
}

fn output(output: &OutputView) -> Value {
    json!({
        "place": output.index, "url": output.url, "content_type": output.content_type, "bytes": output.bytes,
        "width": output.width, "height": output.height, "duration_ms": output.duration_ms, "sha256": output.sha256,
    })
}
