//! Writing down what came of steps: under the lease each was given, and many at a time.
//!
//! Every write names its lease epoch; where the lease was lost nothing is changed. A step's files are written with what the
//! step came to, and a terminal state with its money. What several steps of one process have to write at the same moment
//! goes into one transaction ([`Recorder`]): a commit costs the same for one as for many. Each of them still is written
//! whole or not at all, and when one of them cannot be, the others are written without it.

use super::limits;
use super::together::{Together, Turn, stopped};
use super::work::{Effects, Job};
use super::{Event, note_all};
use crate::domain::{Failure, GenerationId, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Db, Tx, retried, with_rows};
use crate::server::ledger::{self, Settlement};
use crate::server::outbox::{self, Message};
use crate::server::replicate::WebhookEvent;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The most that go into one transaction: it keeps rows locked.
const AT_ONCE: usize = 64;

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The row when the step began.
    pub before: Job,
    /// What the step makes of it.
    pub after: Job,
    /// What goes with it.
    pub effects: Effects,
    /// When.
    pub at: Timestamp,
}

/// Writes down for many steps at once. Cheap to clone; the clones write together.
#[derive(Clone, Debug)]
pub struct Recorder {
    db: Db,
    outcomes: Together<Outcome, Result<bool, ledger::Error>>,
}

impl Recorder {
    /// One for this process.
    pub fn new(db: Db) -> Self {
        Self { db, outcomes: Together::new(AT_ONCE) }
    }

    /// Writes it down, together with whatever else waits at this moment. `false` means that the lease was lost: nothing
    /// was changed, and the caller must drop what it was doing.
    ///
    /// # Errors
    /// When the database fails, or whoever wrote it down was stopped; nothing may be assumed then, and the lease runs out.
    pub async fn record(&self, outcome: Outcome) -> Result<bool, ledger::Error> {
        let mut place = self.outcomes.hand_in(outcome);
        loop {
            match place.turn().await {
                Turn::Over(written) => return written.unwrap_or_else(|| Err(stopped().into())),
                Turn::Mine(batch) => {
                    let written = write_each(&self.db, batch.items()).await;
                    batch.answer(written);
                }
            }
        }
    }
}

/// Records the outcome of one step, alone; as [`Recorder::record`].
///
/// # Errors
/// As there.
pub async fn record(db: &Db, before: &Job, after: &Job, effects: &Effects, now: Timestamp) -> Result<bool, ledger::Error> {
    write_one(db, Outcome { before: before.clone(), after: after.clone(), effects: effects.clone(), at: now }).await
}

async fn write_one(db: &Db, outcome: Outcome) -> Result<bool, ledger::Error> {
    let alone = [outcome];
    Ok(retried(|| write_all(db, &alone)).await?.into_iter().all(|written| written))
}

/// All of them in one transaction; when that fails, each in its own, so that none suffers for another.
async fn write_each(db: &Db, outcomes: &[Outcome]) -> Vec<Result<bool, ledger::Error>> {
    match retried(|| write_all(db, outcomes)).await {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err(error) if outcomes.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::debug!(%error, together = outcomes.len(), "what could not be written together is written one by one");
            join_all(outcomes.iter().cloned().map(|outcome| write_one(db, outcome))).await
        }
    }
}

/// Whether each of them was written, in one transaction.
async fn write_all(db: &Db, outcomes: &[Outcome]) -> Result<Vec<bool>, ledger::Error> {
    let mut tx = db.begin().await?;
    let ours = write_rows(&mut tx, outcomes).await?;
    let written = outcomes.iter().map(|outcome| ours.contains(&outcome.lease())).collect();
    let outcomes: Vec<&Outcome> = outcomes.iter().filter(|outcome| ours.contains(&outcome.lease())).collect();
    if outcomes.is_empty() {
        return Ok(written);
    }
    settle(&mut tx, &outcomes).await?;
    keep(&mut tx, &outcomes);
    write_submissions(&mut tx, &outcomes);
    for outcome in &outcomes {
        if let Some(lesson) = outcome.effects.lesson {
            limits::learn(&mut tx, lesson, outcome.effects.detail.as_deref(), outcome.at).await?;
        }
    }
    tell(&mut tx, &outcomes);
    for outcome in &outcomes {
        tx.touch(&outcome.after.owner_id);
        crash::point(outcome.due()).await;
    }
    tx.commit().await?;
    for outcome in &outcomes {
        crash::point(outcome.done()).await;
    }
    Ok(written)
}

/// A lease: whose, and its number.
type Lease = (GenerationId, i64);

impl Outcome {
    fn lease(&self) -> Lease {
        (self.before.id.clone(), self.before.lease_epoch)
    }

    fn due(&self) -> Point {
        if self.effects.money.is_some() { Point::Settling } else { Point::Recording }
    }

    fn done(&self) -> Point {
        if self.effects.money.is_some() { Point::Settled } else { Point::Recorded }
    }
}

/// The rows of the files that they kept. A file that was kept before stays as it was.
fn keep(tx: &mut Tx, outcomes: &[&Outcome]) {
    let files = outcomes.iter().flat_map(|outcome| outcome.effects.files.iter().map(move |file| (outcome, file)));
    let rows = files.map(|(Outcome { after, at, .. }, file)| {
        json!({
            "generation_id": after.id, "place": file.place, "object_key": file.object_key, "content_type": file.content_type,
            "bytes": file.bytes, "sha256": file.sha256, "width": file.width, "height": file.height,
            "color": file.color, "thumbhash": file.thumbhash, "created_at": at, "duration_ms": file.duration_ms,
        })
    });
    let text = with_rows!(
        tx,
        "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash,
                             created_at, duration_ms)
         select generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at,
                duration_ms from ",
        (generation_id text, place bigint, object_key text, content_type text, bytes bigint, sha256 text, width bigint,
         height bigint, color text, thumbhash text, created_at bigint, duration_ms bigint),
        "where true on conflict (generation_id, place) do nothing"
    );
    tx.defer(text, rows.collect());
}

/// The rows themselves, where the lease still is the one that was given: those leases.
async fn write_rows(tx: &mut Tx, outcomes: &[Outcome]) -> Result<HashSet<Lease>, sqlx::Error> {
    let rows = outcomes.iter().map(|Outcome { before, after, at, .. }| {
        json!({
            "id": after.id, "epoch": before.lease_epoch, "was": before.state.as_str(), "state": after.state.as_str(),
            "ends": i64::from(after.state.is_terminal()), "asked": i64::from(before.cancel_requested_at.is_some()), "at": at,
            "run_at": after.run_at, "lease_owner": after.lease_owner, "lease_until": after.lease_until,
            "step_try": after.step_try, "lost_leases": after.lost_leases, "reconciles": after.reconciles,
            "paid_attempts": after.paid_attempts, "given_up": after.given_up, "prediction_id": after.prediction_id,
            "prediction_status": after.prediction_status, "prediction_output": after.prediction_output,
            "output_shape": after.output_shape, "output_text": after.output_text, "logs": after.logs,
            "prediction_metrics": after.prediction_metrics, "progress": after.progress, "output_until": after.output_until,
            "failure": after.failure.map(Failure::as_str), "failure_detail": after.failure_detail,
            "started_at": after.started_at, "captured": after.captured,
        })
    });
    let text = with_rows!(
        tx,
        "update generation set state = v.state, lease_owner = v.lease_owner, lease_until = v.lease_until, step_try = v.step_try,
                lost_leases = v.lost_leases, reconciles = v.reconciles, paid_attempts = v.paid_attempts, given_up = v.given_up,
                prediction_id = v.prediction_id, prediction_status = v.prediction_status,
                prediction_output = v.prediction_output, output_shape = v.output_shape, output_text = v.output_text, logs = v.logs,
                prediction_metrics = v.prediction_metrics, progress = v.progress, output_until = v.output_until,
                failure = v.failure, failure_detail = v.failure_detail, started_at = v.started_at, captured = v.captured,
                finished_at = (case when v.ends = 1 then v.at else generation.finished_at end),
                run_at = (case when generation.cancel_requested_at is not null and v.asked = 0 and v.state <> 'submitting'
                          then v.at else v.run_at end),
                updated_at = v.at, version = generation.version + 1
         from ",
        (id text, epoch bigint, was text, state text, ends bigint, asked bigint, at bigint, run_at bigint, lease_owner text,
         lease_until bigint, step_try bigint, lost_leases bigint, reconciles bigint, paid_attempts bigint, given_up bigint,
         prediction_id text, prediction_status text, prediction_output text, output_shape text, output_text text, logs text,
         prediction_metrics text, progress bigint, output_until bigint, failure text, failure_detail text,
         started_at bigint, captured bigint),
        "where generation.id = v.id and generation.lease_epoch = v.epoch and generation.state = v.was
         returning generation.id, generation.lease_epoch"
    );
    let ours: Vec<Lease> = sqlx::query_as(text).bind(list(rows)).fetch_all(tx.connection()).await?;
    Ok(HashSet::from_iter(ours))
}

/// The money of those that ended.
async fn settle(tx: &mut Tx, outcomes: &[&Outcome]) -> Result<(), ledger::Error> {
    let ends: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.effects.money.map(|money| Settlement::of(&outcome.after.id, money, outcome.at)))
        .collect();
    ledger::settle(tx, &ends).await.map(drop)
}

/// What came of their paid calls.
fn write_submissions(tx: &mut Tx, outcomes: &[&Outcome]) {
    let rows: Vec<_> = outcomes
        .iter()
        .filter_map(|Outcome { before, effects, .. }| {
            let outcome = effects.submission?.as_str();
            Some(json!({"id": before.id, "seq": before.submit_seq, "outcome": outcome, "prediction": effects.prediction}))
        })
        .collect();
    let text = with_rows!(
        tx,
        "update submission set outcome = v.outcome, prediction_id = v.prediction from ",
        (id text, seq bigint, outcome text, prediction text),
        "where submission.generation_id = v.id and submission.seq = v.seq"
    );
    tx.defer(text, rows);
}

/// The timeline, and whoever wants to hear of it.
fn tell(tx: &mut Tx, outcomes: &[&Outcome]) {
    let mut messages = Vec::new();
    let mut events = Vec::new();
    for Outcome { before, after, effects, at } in outcomes {
        let id = &after.id;
        if before.started_at.is_none() && after.started_at.is_some() {
            messages.push(Message { generation: id, event: WebhookEvent::Start, at: *at });
        }
        if before.output_text != after.output_text && !after.state.is_terminal() {
            messages.push(Message { generation: id, event: WebhookEvent::Output, at: *at });
        }
        if before.logs != after.logs && after.logs.is_some() && !after.state.is_terminal() {
            messages.push(Message { generation: id, event: WebhookEvent::Logs, at: *at });
        }
        if before.state != after.state || effects.detail.is_some() {
            let (from, detail) = (Some(before.state), effects.detail.as_deref());
            events.push(Event { id, at: *at, epoch: before.lease_epoch, from, to: after.state, detail });
        }
    }
    outbox::post_all(tx, &messages);
    note_all(tx, &events);
}

fn list(rows: impl IntoIterator<Item = Value>) -> String {
    Value::Array(rows.into_iter().collect()).to_string()
}
