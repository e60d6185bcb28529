//! One generation, two workers and Replicate, small enough to walk through everything that can happen to them.
//!
//! The row is kept as the few numbers that decide anything, so that many worlds fit into memory; every decision is
//! made by the product's own `plan` and `step` on a whole [`Job`] built from it. Times are ticks from now, rounded down:
//! what is due a little too early is worse than what happens in truth.

use atelier::domain::{Credits, GenerationId, ModelName, PersonId, PredictionId, State, Timestamp};
use atelier::server::generation::lease::{LEASE_MS, SUBMIT_LEASE_MS};
use atelier::server::generation::{Job, Money};
use atelier::server::replicate::{Error, Prediction, Status};
use atelier::server::worker::core::{Action, Event, Stored, Taken, plan, step};
use serde_json::{Value, json};
use std::time::Duration;

/// It is always now; the rest of the world moves towards it.
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const TICK_MS: i64 = 15_000;
/// A lease in ticks.
pub const LEASE: u8 = ticks(LEASE_MS);
/// The lease of whoever may be making the paid call.
pub const SUBMIT_LEASE: u8 = ticks(SUBMIT_LEASE_MS);
/// How long a paid call can still arrive: 5 s until it is sent, 20 s to send it, 20 s for what the kernel has buffered.
pub const CALL_LIVES: u8 = ticks(45_000);
/// A prediction of this age is in the list.
pub const LISTED_AT: u8 = ticks(30_000);

const fn ticks(milliseconds: i64) -> u8 {
    let ticks = milliseconds / TICK_MS;
    assert!(ticks >= 0 && ticks <= 200, "a few ticks");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few ticks")]
    let small = ticks as u8;
    small
}

/// The columns that decide what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub state: State,
    /// Whether a worker has it, or died having it.
    pub taken: bool,
    pub lease: u8,
    pub due: u8,
    pub step_try: u8,
    pub lost_leases: u8,
    pub submit_seq: u8,
    pub reconciles: u8,
    pub paid_attempts: u8,
    pub given_up: u8,
    pub prediction: Option<u8>,
    pub has_links: bool,
    pub asked_to_stop: bool,
}

/// How late it is for the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Late {
    InTime,
    PastDeadline,
    /// So long past it that nothing of it exists at Replicate any more.
    LongPast,
}

/// What surrounds a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct When {
    pub late: Late,
    pub links_dead: bool,
}

/// What a worker has learnt in its step and not yet recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Accepted(u8),
    Ambiguous,
    NotSent,
    TooLate,
    Throttled,
    Invalid,
    Found(u8, Run),
    NotFound,
    Unavailable,
    Unlisted,
    Seen(u8, Run),
    Kept,
    Unfetched,
    Parked,
}

/// Where a prediction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Run {
    Running,
    Succeeded,
    Interrupted,
    Broken,
    Canceled,
}

/// A prediction that Replicate made, and bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Made {
    pub run: Run,
    pub age: u8,
    /// Whether our books name it.
    pub owned: bool,
}

/// A paid call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub seq: u8,
    pub left: u8,
}

/// What a worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    Idle,
    Busy {
        /// The row as it was taken.
        job: Row,
        /// Whether it came by admission.
        admitted: bool,
        /// Whether its lease is still the last one given.
        ours: bool,
        /// Ticks since the intent, by the worker's own steady clock.
        age: u8,
        stage: Stage,
    },
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Begun,
    /// The paid call is made; the prediction, once its answer is on the way back.
    Calling(Option<u8>),
    Told(Told),
}

/// Everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub row: Row,
    pub workers: [Worker; 2],
    pub calls: [Option<Call>; 2],
    pub made: [Option<Made>; 4],
    pub kept: bool,
    pub captures: u8,
    pub releases: u8,
    /// The first end that was written.
    pub end: Option<State>,
    /// Whether a step was recorded that the states do not allow.
    pub illegal: bool,
    pub when: When,
    /// What may still go wrong.
    pub faults: u8,
}

impl World {
    /// Right after the press of the button.
    pub const fn new(faults: u8, lost_leases: u8) -> Self {
        let row = Row {
            state: State::Queued,
            taken: false,
            lease: 0,
            due: 0,
            step_try: 0,
            lost_leases,
            submit_seq: 0,
            reconciles: 0,
            paid_attempts: 0,
            given_up: 0,
            prediction: None,
            has_links: false,
            asked_to_stop: false,
        };
        Self {
            row,
            workers: [Worker::Idle; 2],
            calls: [None; 2],
            made: [None; 4],
            kept: false,
            captures: 0,
            releases: 0,
            end: None,
            illegal: false,
            when: When { late: Late::InTime, links_dead: false },
            faults,
        }
    }

    /// Predictions that were bought.
    pub fn bought(&self) -> usize {
        self.made.iter().flatten().count()
    }

    /// Predictions whose end allows another.
    pub fn interrupted(&self) -> usize {
        self.made.iter().flatten().filter(|made| made.run == Run::Interrupted).count()
    }
}

impl Row {
    fn job(&self, when: When) -> Job {
        let deadline_in_ms = match when.late {
            Late::InTime => 600_000,
            Late::PastDeadline => 0,
            Late::LongPast => -7_200_000,
        };
        Job {
            id: GenerationId::trusted("g"),
            owner_id: PersonId::trusted("p"),
            model: ModelName::trusted("o/n"),
            model_version: None,
            endpoint: None,
            input: String::new(),
            count: 1,
            price_rule: atelier::domain::PriceRule::Output,
            output_kind: atelier::domain::OutputKind::Files,
            unit_price: Credits(1),
            price: Credits(1),
            captured: Credits::ZERO,
            state: self.state,
            run_at: after(self.due),
            deadline_at: NOW.plus_ms(deadline_in_ms),
            lease_owner: None,
            lease_until: after(self.lease),
            lease_epoch: 1,
            step_try: self.step_try.into(),
            lost_leases: self.lost_leases.into(),
            submit_seq: self.submit_seq.into(),
            submit_at: Some(NOW),
            reconciles: self.reconciles.into(),
            paid_attempts: self.paid_attempts.into(),
            given_up: self.given_up.into(),
            prediction_id: self.prediction.map(id),
            prediction_status: None,
            prediction_output: self.has_links.then(String::new),
            output_shape: None,
            output_text: None,
            logs: None,
            prediction_metrics: None,
            progress: None,
            output_until: self.has_links.then(|| NOW.plus_ms(if when.links_dead { 0 } else { 3_000_000 })),
            cancel_requested_at: self.asked_to_stop.then_some(NOW),
            failure: None,
            failure_detail: None,
            created_at: NOW,
            started_at: None,
        }
    }

    fn of(job: &Job) -> Self {
        let small = |number: i64| u8::try_from(number).expect("a small number");
        let from_now = |at: Timestamp| small((at.since(NOW) / TICK_MS).max(0));
        Self {
            state: job.state,
            taken: false,
            lease: from_now(job.lease_until),
            due: from_now(job.run_at),
            step_try: small(job.step_try),
            lost_leases: small(job.lost_leases),
            submit_seq: small(job.submit_seq),
            reconciles: small(job.reconciles),
            paid_attempts: small(job.paid_attempts),
            given_up: small(job.given_up),
            prediction: job.prediction_id.as_ref().map(|id| id.as_str().parse().expect("one of ours")),
            has_links: job.prediction_output.is_some(),
            asked_to_stop: job.cancel_requested_at.is_some(),
        }
    }

    /// What the product would do with it.
    pub fn plan(&self, admitted: bool, when: When) -> Action {
        plan(&self.job(when), if admitted { Taken::Admitted } else { Taken::Claimed }, NOW)
    }

    /// What the product would make of it: the row, its money, and the prediction that is ours now.
    pub fn step(&self, told: Told, when: When) -> (Self, Option<Money>, Option<u8>) {
        let (next, effects) = step(&self.job(when), told.event(), NOW);
        let adopted = effects.prediction.map(|id| id.as_str().parse().expect("one of ours"));
        (Self::of(&next), effects.money, adopted)
    }
}

impl Told {
    fn event(self) -> Event {
        match self {
            Self::Accepted(at) => Event::Submitted(Ok(prediction(at, Run::Running))),
            Self::Ambiguous => Event::Submitted(Err(Error::Ambiguous(String::new()))),
            Self::NotSent => Event::Submitted(Err(Error::NotSent(String::new()))),
            Self::TooLate => Event::SentTooLate,
            Self::Throttled => {
                Event::Submitted(Err(Error::Throttled { retry_after: Duration::from_secs(1), detail: String::new() }))
            }
            Self::Invalid => Event::Submitted(Err(Error::Invalid { detail: String::new(), fields: Vec::new() })),
            Self::Found(at, run) => Event::Looked(Ok(Some(prediction(at, run)))),
            Self::NotFound => Event::Looked(Ok(None)),
            Self::Unlisted => Event::Looked(Err(Error::Unavailable(String::new()))),
            Self::Unavailable => Event::Seen(Err(Error::Unavailable(String::new()))),
            Self::Seen(at, run) => Event::Seen(Ok(prediction(at, run))),
            Self::Kept => Event::Stored(Stored { kept: 1, ..Stored::default() }),
            Self::Unfetched => Event::Stored(Stored { unfetched: 1, ..Stored::default() }),
            Self::Parked => Event::Parked,
        }
    }
}

fn after(ticks: u8) -> Timestamp {
    NOW.plus_ms(i64::from(ticks) * TICK_MS)
}

fn id(at: u8) -> PredictionId {
    PredictionId::trusted(at.to_string())
}

fn prediction(at: u8, run: Run) -> Prediction {
    let (status, error) = match run {
        Run::Running => (Status::Processing, None),
        Run::Succeeded => (Status::Succeeded, None),
        Run::Interrupted => (Status::Failed, Some("Prediction interrupted; please retry (code: PA)")),
        Run::Broken => (Status::Failed, Some("CUDA error")),
        Run::Canceled => (Status::Canceled, None),
    };
    Prediction {
        id: id(at),
        output: (status == Status::Succeeded).then(|| json!("https://replicate.delivery/a")),
        status,
        error: error.map(str::to_owned),
        logs: None,
        metrics: Value::Null,
        input: Value::Null,
        model: None,
        version: None,
        webhook: None,
        created_at: None,
        started_at: None,
        completed_at: None,
        data_removed: false,
    }
}
