//! The paid call: sent once per intent, and looked for when its answer was lost.
//!
//! Replicate knows no idempotency key, so a call whose fate is unknown is never repeated. Its window is bounded instead
//! (five seconds from the intent until it is sent, twenty for the call), and only when nothing can be under way any more
//! is the list of predictions searched for it: by the mark that its webhook bears, or else by its input.

use super::Tools;
use super::core::Event;
use crate::domain::{PredictionId, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::Db;
use crate::server::file::resolve::{Copies, Sides, Unresolved, resolve};
use crate::server::generation::lease::SUBMIT_LEASE_MS;
use crate::server::generation::{Job, hooks, strays, work};
use crate::server::replicate::{Client, Create, Error, Prediction, Status, Webhook, WebhookEvent};
use anyhow::ensure;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The longest from the intent to the first byte.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// How long the kernel may still hold bytes of a call that we have given up.
const KERNEL_HOLDS: Duration = Duration::from_secs(20);
/// How far around its intent a prediction is looked for: clocks differ, and the call takes a while.
const LOOK_BEFORE_MS: i64 = 30_000;
const LOOK_AFTER_MS: i64 = 90_000;

/// That nothing of a paid call can be under way any more when its lease ends and its prediction is looked for.
///
/// # Errors
/// When the times do not add up; there must be no start then.
pub fn check_window(replicate: &Client) -> anyhow::Result<()> {
    let open = SEND_WITHIN + replicate.limits().create + KERNEL_HOLDS;
    let lease = Duration::from_millis(SUBMIT_LEASE_MS.unsigned_abs());
    ensure!(lease > open, "a paid call can be under way for {open:?}, and its lease is only {lease:?}");
    Ok(())
}

pub(super) async fn submit(tools: &Tools, job: &Job, intended: Instant) -> Event {
    let input = match input(tools, job).await {
        Ok(input) => input,
        Err(event) => return event,
    };
    let create = Create { model: job.model.clone(), version: job.model_version.clone(), input, webhook: webhook(tools, job) };
    let until_deadline = job.deadline_at.since(tools.clock.now());
    let cancel_after = Duration::from_millis(u64::try_from(until_deadline).unwrap_or(0));
    if intended.elapsed() > SEND_WITHIN {
        return Event::SentTooLate;
    }
    crash::point(Point::Sending).await;
    let answer = tools.replicate.create(&create, cancel_after).await;
    crash::point(Point::Answered).await;
    Event::Submitted(answer)
}

/// What the model is told: as it was stored, and its files as something that the model can read. Copying a large file may
/// take longer than there is before sending; then the copy is there for the next try.
pub(super) async fn input(tools: &Tools, job: &Job) -> Result<Value, Event> {
    let invalid = |detail| Event::Submitted(Err(Error::Invalid { detail, fields: Vec::new() }));
    let mut input = serde_json::from_str(&job.input).map_err(|error| invalid(format!("the stored input: {error}")))?;
    let sides = Sides { db: &tools.db, store: &tools.store };
    // A run may go on for a while after it should have ended.
    let copies = match &tools.links {
        _ if job.endpoint.is_some() => Copies::WrittenOut,
        Some(origin) => Copies::Linked(origin, job.deadline_at),
        None => Copies::Made(&tools.replicate, job.deadline_at),
    };
    match resolve(sides, copies, &job.id, &mut input, tools.clock.now()).await {
        Ok(()) => Ok(input),
        Err(gone @ Unresolved::Gone(_)) => Err(invalid(gone.to_string())),
        Err(ours @ (Unresolved::Store(_) | Unresolved::Database(_))) => Err(Event::NotReady(ours.to_string())),
        Err(Unresolved::Replicate(error)) => Err(Event::Submitted(Err(match error {
            // As sure as they are of a prediction: none was asked for.
            Error::Throttled { .. } | Error::Account { .. } | Error::Invalid { .. } | Error::NotSent(_) | Error::Setup(_) => {
                error
            }
            other => Error::NotSent(other.to_string()),
        }))),
    }
}

/// Where Replicate is to tell of this call's prediction, if it can reach us.
fn webhook(tools: &Tools, job: &Job) -> Option<Webhook> {
    let url = tools.webhooks.as_ref()?.join(&hooks::path(&job.id, job.submit_seq)).ok()?;
    Some(Webhook { url: url.into(), events: vec![WebhookEvent::Start, WebhookEvent::Completed] })
}

/// The prediction that an unanswered call made, as [`choose`] says. Whatever else it made is written down as a stray.
pub(super) async fn look(tools: &Tools, job: &Job) -> Result<Result<Option<Prediction>, Error>, sqlx::Error> {
    let at = job.submit_at.unwrap_or(job.created_at);
    let listed = match tools.replicate.list(at.plus_ms(-LOOK_BEFORE_MS), at.plus_ms(LOOK_AFTER_MS)).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    let choice = choose(&tools.db, &as_sent(tools, job).await?, listed).await?;
    if !choice.strays.is_empty() {
        strays::found(&tools.db, job, &choice.strays, tools.clock.now()).await?;
    }
    Ok(Ok(choice.ours))
}

/// The job with the input that the lost call sent, so that its prediction can be known by it. Of a file of which nothing is
/// known any more the mark stays, which no prediction has.
async fn as_sent(tools: &Tools, job: &Job) -> Result<Job, sqlx::Error> {
    let Ok(mut input) = serde_json::from_str::<Value>(&job.input) else { return Ok(job.clone()) };
    let sides = Sides { db: &tools.db, store: &tools.store };
    match resolve(sides, Copies::Known, &job.id, &mut input, tools.clock.now()).await {
        Ok(()) => Ok(Job { input: input.to_string(), ..job.clone() }),
        Err(Unresolved::Database(error)) => Err(error),
        Err(error) => {
            tracing::warn!(generation = %job.id, %error, "its prediction cannot be known by its input");
            Ok(job.clone())
        }
    }
}

/// What a look makes of the list.
#[derive(Debug, Default)]
pub struct Choice {
    /// The one to go on with.
    pub ours: Option<Prediction>,
    /// What the same call made besides it.
    pub strays: Vec<PredictionId>,
}

/// Of the predictions that bear the mark of this very call, or no mark at all but exactly its input, and that nobody owns:
/// the oldest that runs or succeeded, or else the oldest.
///
/// # Errors
/// When the database fails.
pub async fn choose(db: &Db, job: &Job, listed: Vec<Prediction>) -> Result<Choice, sqlx::Error> {
    // Asked before anything is found to be without an owner: a twin that is none any more owns its prediction by then, so
    // that it cannot be taken for a stray of ours.
    let twin = strays::has_twin(db, job).await?;
    let mut choice = Choice::default();
    for prediction in candidates(job, listed) {
        if work::is_owned(db, &prediction.id).await? {
            continue;
        }
        if choice.ours.is_none() {
            choice.ours = Some(prediction);
        } else if prediction.webhook.is_some() || !twin {
            choice.strays.push(prediction.id);
        }
    }
    Ok(choice)
}

/// What may be this call's, best first. The seed in its input is chosen per generation.
fn candidates(job: &Job, listed: Vec<Prediction>) -> Vec<Prediction> {
    let mark = hooks::path(&job.id, job.submit_seq);
    let input: Value = serde_json::from_str(&job.input).unwrap_or_default();
    let is_ours = |prediction: &Prediction| match &prediction.webhook {
        Some(told) => told.ends_with(&mark),
        None => prediction.input == input,
    };
    let mut ours: Vec<_> = listed.into_iter().filter(is_ours).collect();
    ours.sort_by_key(|prediction| {
        let failed = prediction.status.is_terminal() && prediction.status != Status::Succeeded;
        (prediction.webhook.is_none(), failed, prediction.created_at.unwrap_or(Timestamp(0)))
    });
    ours
}
