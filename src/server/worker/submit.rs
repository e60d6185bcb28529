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
    let input = match serde_json::from_str(&job.input) {
        Ok(input) => input,
        Err(error) => {
            return Event::Submitted(Err(Error::Invalid { detail: format!("the stored input: {error}"), fields: Vec::new() }));
        }
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
    let choice = choose(&tools.db, job, listed).await?;
    if !choice.strays.is_empty() {
        strays::found(&tools.db, job, &choice.strays, tools.clock.now()).await?;
    }
    Ok(Ok(choice.ours))
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
