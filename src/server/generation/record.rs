//! Writing down what came of steps and what was kept: under the lease each was given, and many at a time.
//!
//! Every write names its lease epoch; where the lease was lost nothing is changed. A terminal state is written together
//! with its money. What several steps of one process have to write at the same moment goes into one transaction
//! ([`Recorder`]): a commit costs the same for one as for many. Each of them still is written whole or not at all, and
//! when one of them cannot be, the others are written without it.

use super::limits;
use super::together::{Together, Turn};
use super::work::{Effects, Job, KeptOutput};
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
use std::io;

/// The most that go into one transaction: it keeps rows locked.
const AT_ONCE: usize = 64;

/// Something to write down.
#[derive(Clone, Debug)]
pub enum Item {
    /// What came of a step.
    Outcome(Box<Outcome>),
    /// A file that is safely in the store.
    Kept(Box<Kept>),
}

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

/// A file that is safely in the store.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whose it is.
    pub id: GenerationId,
    /// The lease under which it was stored.
    pub epoch: i64,
    /// The file.
    pub output: KeptOutput,
    /// When.
    pub at: Timestamp,
}

/// Writes down for many steps at once. Cheap to clone; the clones write together.
#[derive(Clone, Debug)]
pub struct Recorder {
    db: Db,
    items: Together<Item, Result<bool, ledger::Error>>,
}

impl Recorder {
    /// One for this process.
    pub fn new(db: Db) -> Self {
        Self { db, items: Together::new(AT_ONCE) }
    }

    /// Writes it down, together with whatever else waits at this moment. `false` means that the lease was lost: nothing
    /// was changed, and the caller must drop what it was doing.
    ///
    /// # Errors
    /// When the database fails, or whoever wrote it down was stopped; nothing may be assumed then, and the lease runs out.
    pub async fn write(&self, item: Item) -> Result<bool, ledger::Error> {
        let mut place = self.items.hand_in(item);
        loop {
            match place.turn().await {
                Turn::Over(written) => return written.unwrap_or_else(|| Err(stopped())),
                Turn::Mine(batch) => {
                    let written = write_each(&self.db, batch.items()).await;
                    batch.answer(written);
                }
            }
        }
    }

    /// [`Recorder::write`] of a step's outcome.
    ///
    /// # Errors
    /// As there.
    pub async fn record(&self, outcome: Outcome) -> Result<bool, ledger::Error> {
        self.write(Item::Outcome(Box::new(outcome))).await
    }

    /// [`Recorder::write`] of a file that is safely in the store. Writing it twice is writing it once.
    ///
    /// # Errors
    /// As there; the file is stored again later under the same key.
    pub async fn keep(&self, kept: Kept) -> Result<bool, ledger::Error> {
        self.write(Item::Kept(Box::new(kept))).await
    }
}

fn stopped() -> ledger::Error {
    let cause = "the step that wrote this down together with its own was stopped";
    ledger::Error::Database(sqlx::Error::Io(io::Error::new(io::ErrorKind::Interrupted, cause)))
}

/// Records the outcome of one step, alone; as [`Recorder::record`].
///
/// # Errors
/// As there.
pub async fn record(db: &Db, before: &Job, after: &Job, effects: &Effects, now: Timestamp) -> Result<bool, ledger::Error> {
    let outcome = Outcome { before: before.clone(), after: after.clone(), effects: effects.clone(), at: now };
    write_one(db, Item::Outcome(Box::new(outcome))).await
}

/// Records one file that is safely in the store, alone; as [`Recorder::keep`].
///
/// # Errors
/// As there.
pub async fn keep_output(db: &Db, job: &Job, output: &KeptOutput, now: Timestamp) -> Result<bool, sqlx::Error> {
    let kept = Kept { id: job.id.clone(), epoch: job.lease_epoch, output: output.clone(), at: now };
    write_one(db, Item::Kept(Box::new(kept))).await.map_err(|error| match error {
        ledger::Error::Database(error) => error,
        // No money is moved by keeping.
        error => sqlx::Error::Protocol(error.to_string()),
    })
}

async fn write_one(db: &Db, item: Item) -> Result<bool, ledger::Error> {
    let items = [item];
    Ok(retried(|| write_all(db, &items)).await?.into_iter().all(|written| written))
}

/// All of them in one transaction; when that fails, each in its own, so that none suffers for another.
async fn write_each(db: &Db, items: &[Item]) -> Vec<Result<bool, ledger::Error>> {
    match retried(|| write_all(db, items)).await {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err(error) if items.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::debug!(%error, together = items.len(), "what could not be written together is written one by one");
            join_all(items.iter().cloned().map(|item| write_one(db, item))).await
        }
    }
}

/// Whether each of them was written, in one transaction.
async fn write_all(db: &Db, items: &[Item]) -> Result<Vec<bool>, ledger::Error> {
    let kept: Vec<&Kept> = items.iter().filter_map(Item::kept).collect();
    let outcomes: Vec<&Outcome> = items.iter().filter_map(Item::outcome).collect();
    let mut tx = db.begin().await?;
    let held = if kept.is_empty() { HashSet::new() } else { keep(&mut tx, &kept).await? };
    let ours = if outcomes.is_empty() { HashSet::new() } else { write_rows(&mut tx, &outcomes).await? };
    let written: Vec<bool> = items.iter().map(|item| item.is_among(&held, &ours)).collect();
    let outcomes: Vec<&Outcome> = outcomes.into_iter().filter(|outcome| ours.contains(&outcome.lease())).collect();
    if !written.contains(&true) {
        return Ok(written);
    }
    settle(&mut tx, &outcomes).await?;
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
    for (item, _) in items.iter().zip(&written).filter(|(_, written)| **written) {
        crash::point(item.done()).await;
    }
    Ok(written)
}

/// A lease: whose, and its number.
type Lease = (GenerationId, i64);

impl Item {
    fn kept(&self) -> Option<&Kept> {
        match self {
            Self::Kept(kept) => Some(kept),
            Self::Outcome(_) => None,
        }
    }

    fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Kept(_) => None,
        }
    }

    fn is_among(&self, held: &HashSet<Lease>, ours: &HashSet<Lease>) -> bool {
        match self {
            Self::Kept(kept) => held.contains(&kept.lease()),
            Self::Outcome(outcome) => ours.contains(&outcome.lease()),
        }
    }

    fn done(&self) -> Point {
        match self {
            Self::Kept(_) => Point::Kept,
            Self::Outcome(outcome) if outcome.effects.money.is_some() => Point::Settled,
            Self::Outcome(_) => Point::Recorded,
        }
    }
}

impl Kept {
    fn lease(&self) -> Lease {
        (self.id.clone(), self.epoch)
    }
}

impl Outcome {
    fn lease(&self) -> Lease {
        (self.before.id.clone(), self.before.lease_epoch)
    }

    fn due(&self) -> Point {
        if self.effects.money.is_some() { Point::Settling } else { Point::Recording }
    }
}

/// The rows of the files whose leases still are the ones that were given: those leases.
async fn keep(tx: &mut Tx, kept: &[&Kept]) -> Result<HashSet<Lease>, sqlx::Error> {
    let asked = kept.iter().map(|kept| json!({"id": kept.id, "epoch": kept.epoch, "at": kept.at}));
    let text = with_rows!(
        tx,
        "update generation set updated_at = v.at from ",
        (id text, epoch bigint, at bigint),
        "where generation.id = v.id and generation.lease_epoch = v.epoch and generation.state = 'storing'
         returning generation.id, generation.lease_epoch"
    );
    let held: Vec<Lease> = sqlx::query_as(text).bind(list(asked)).fetch_all(tx.connection()).await?;
    let held = HashSet::from_iter(held);
    let rows = kept.iter().filter(|kept| held.contains(&kept.lease())).map(|Kept { id, output, at, .. }| {
        json!({
            "generation_id": id, "place": output.place, "object_key": output.object_key, "content_type": output.content_type,
            "bytes": output.bytes, "sha256": output.sha256, "width": output.width, "height": output.height,
            "color": output.color, "thumbhash": output.thumbhash, "created_at": at, "duration_ms": output.duration_ms,
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
    Ok(held)
}

/// The rows themselves, where the lease still is the one that was given: those leases.
async fn write_rows(tx: &mut Tx, outcomes: &[&Outcome]) -> Result<HashSet<Lease>, sqlx::Error> {
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
