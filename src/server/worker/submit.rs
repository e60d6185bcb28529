//! The paid call: sent once per intent, and looked for when its answer was lost.
//!
//! Replicate knows no idempotency key, so a call whose fate is unknown is never repeated. Its window is bounded instead
//! (five seconds from the intent until it is sent, twenty for the call), and only when nothing can be under way any more
//! is the list of predictions searched for it.

use super::Tools;
use super::core::Event;
use crate::domain::Timestamp;
use crate::server::crash::{self, Point};
use crate::server::generation::{Job, work};
use crate::server::replicate::{Create, Error, Prediction, Status};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The longest from the intent to the first byte.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// How far around its intent a prediction is looked for: clocks differ, and the call takes a while.
const LOOK_BEFORE_MS: i64 = 30_000;
const LOOK_AFTER_MS: i64 = 90_000;

pub(super) async fn submit(tools: &Tools, job: &Job, intended: Instant) -> Event {
    let input = match serde_json::from_str(&job.input) {
        Ok(input) => input,
        Err(error) => {
            return Event::Submitted(Err(Error::Invalid { detail: format!("the stored input: {error}"), fields: Vec::new() }));
        }
    };
    let create = Create { model: job.model.clone(), version: job.model_version.clone(), input, webhook: None };
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

/// The prediction of that time with exactly our input that no generation owns: the oldest that runs or succeeded, or else
/// the oldest. The seed is chosen per generation, so an equal input is this generation's own.
pub(super) async fn look(tools: &Tools, job: &Job) -> Result<Result<Option<Prediction>, Error>, sqlx::Error> {
    let at = job.submit_at.unwrap_or(job.created_at);
    let listed = match tools.replicate.list(at.plus_ms(-LOOK_BEFORE_MS), at.plus_ms(LOOK_AFTER_MS)).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    let input: Value = serde_json::from_str(&job.input).unwrap_or_default();
    let mut alike: Vec<_> = listed.into_iter().filter(|prediction| prediction.input == input).collect();
    alike.sort_by_key(|prediction| {
        let failed = prediction.status.is_terminal() && prediction.status != Status::Succeeded;
        (failed, prediction.created_at.unwrap_or(Timestamp(0)))
    });
    for prediction in alike {
        if !work::is_owned(&tools.db, &prediction.id).await? {
            return Ok(Ok(Some(prediction)));
        }
    }
    Ok(Ok(None))
}
