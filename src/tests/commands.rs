//! Random commands, given to SQLite, to PostgreSQL and to a model in memory: after each of them all three must answer
//! alike and hold the same rows, holds and balances. It is how a dialect that drifts, or a verb that forgets a guard, is
//! found.
//!
//! The model ([`model`]) is written from what the verbs promise and shares no SQL with them; what a step makes of a row
//! comes from the worker's own core. Every sequence follows from its seed, and a failure says which, and at which command.
//!
//! To add a verb: a [`Command`], the rule in the model, the call in [`house`], and a chance in [`Chance::next`].

mod gates;
mod house;
mod model;

use crate::support::TestApp;
use atelier::domain::{Credits, GenerationId, PredictionId, Refusal, State, Timestamp};
use atelier::server::generation::{Caps, Effects, Job, KeptOutput, Source};
use atelier::server::replicate::{Error, Prediction};
use atelier::server::worker::core::{Event, Stored, step};
use gates::{Gates, Scope};
use house::House;
use model::Model;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

/// Sequences, and the commands in each.
const SEEDS: std::ops::Range<u64> = 0..6;
const COMMANDS: usize = 250;

/// Who presses buttons, and who works.
const PEOPLE: [&str; 3] = ["mika", "noor", "ivo"];
const WORKERS: [&str; 3] = ["first", "second", "third"];

/// One verb with everything it is told. People and generations go by number; rows carry the model's ids.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
#[derive(Clone, Debug)]
enum Command {
    Request { source: Source, person: usize, key: usize, wish: usize, count: i64, quoted: Option<i64>, unit_price: Credits },
    Cancel { person: usize, generation: usize },
    Admit { worker: &'static str, slots: i64 },
    Claim { worker: &'static str },
    Record { before: Job, after: Job, effects: Effects },
    Heartbeat { worker: &'static str, generations: Vec<usize> },
    HandBack { worker: &'static str },
    Sweep,
    Grant { person: usize, credits: i64 },
    Allow { caps: Caps },
    Pause { scope: Scope },
    Resume { scope: Scope },
    Pass { milliseconds: i64 },
}

/// What a verb answered.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Requested { generation: usize, new: bool },
    Refused(Refusal),
    NotFound,
    Admitted { jobs: Vec<Job>, troubled: bool },
    Taken(Vec<Job>),
    Written(bool),
    Resumed(bool),
    Counted(usize),
    Held(Vec<usize>),
    Done,
}

/// Everything there is to see, for comparing.
#[derive(Clone, Debug, PartialEq)]
struct Sight {
    rows: Vec<Seen>,
    /// Posted and held, of each person.
    balances: Vec<(i64, i64)>,
    gates: Gates,
}

/// One generation: its row, the number of its last change, its hold and how many files it keeps.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    job: Job,
    version: i64,
    hold: (String, i64),
    kept: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_postgres_and_a_model_in_memory_agree_after_every_command() {
    let mut visited = HashSet::new();
    for seed in SEEDS {
        visited.extend(Box::pin(agree(seed)).await);
    }
    // Sequences that never get anywhere would agree too.
    let missing: Vec<_> = State::ALL.into_iter().filter(|state| !visited.contains(state)).collect();
    assert!(missing.is_empty(), "no generation was ever in {missing:?}");
}

/// Plays one sequence; where its generations have been.
async fn agree(seed: u64) -> HashSet<State> {
    let mut visited = HashSet::new();
    let mut houses = vec![House::open(TestApp::sqlite().await).await];
    if let Some(app) = TestApp::postgres().await {
        houses.push(House::open(app).await);
    }
    let mut model = Model::new(houses[0].app.clock.now(), houses[0].model_name(), houses[0].sight().await.gates);
    let mut chance = Chance { random: StdRng::seed_from_u64(seed), hands: Vec::new(), predictions: 0 };
    for number in 0..COMMANDS {
        let command = chance.next(&model);
        let told = format!("seed {seed}, command {number}: {command:?}");
        let expected = model.obey(&command);
        for house in &mut houses {
            let outcome = house.obey(&command).await;
            assert_eq!(outcome, expected, "{:?} answers otherwise than the model; {told}", house.app.engine());
            assert_eq!(house.sight().await, model.sight(), "{:?} looks otherwise than the model; {told}", house.app.engine());
        }
        visited.extend(model.sight().rows.into_iter().map(|row| row.job.state));
        if let Outcome::Taken(jobs) | Outcome::Admitted { jobs, .. } = expected {
            chance.hands.extend(jobs);
        }
    }
    for house in houses {
        house.app.finish().await;
    }
    visited
}

/// What happens next.
struct Chance {
    random: StdRng,
    /// Rows as workers were given them. Some stay in a hand long after somebody else has the lease.
    hands: Vec<Job>,
    predictions: usize,
}

impl Chance {
    fn next(&mut self, model: &Model) -> Command {
        let worker = WORKERS[self.below(WORKERS.len())];
        match self.random.random_range(0..100) {
            0..20 => self.request(),
            20..26 if model.generations() > 0 => {
                Command::Cancel { person: self.below(PEOPLE.len()), generation: self.below(model.generations()) }
            }
            26..38 => Command::Admit { worker, slots: self.random.random_range(0..5) },
            38..50 => Command::Claim { worker },
            50..79 if !self.hands.is_empty() => self.work(model),
            79..82 => {
                let generations = (0..model.generations()).filter(|_| self.random.random_bool(0.5)).collect();
                Command::Heartbeat { worker, generations }
            }
            82..84 => Command::HandBack { worker },
            84..87 => Command::Sweep,
            87..89 => Command::Allow { caps: self.caps() },
            89..90 => {
                Command::Pause { scope: [Scope::Global, Scope::Model, Scope::Person(self.below(PEOPLE.len()))][self.below(3)] }
            }
            90..92 => {
                let scopes =
                    [Scope::Global, Scope::Model, Scope::Account, Scope::Provider, Scope::Person(self.below(PEOPLE.len()))];
                Command::Resume { scope: scopes[self.below(scopes.len())] }
            }
            92..94 => Command::Grant { person: self.below(PEOPLE.len()), credits: self.random.random_range(1..10) },
            _ => {
                let steps = [1, 300, 1_000, 5_000, 30_000, 60_000, 300_000, 900_000];
                Command::Pass { milliseconds: steps[self.below(steps.len())] }
            }
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn caps(&mut self) -> Caps {
        Caps {
            in_flight: self.random.random_range(1..12),
            per_person: self.random.random_range(1..5),
            creates_per_minute: [6, 60, 600, 600_000][self.below(4)],
        }
    }

    /// Few keys and few wishes, so that both come again; a price that is the model's, or has just changed.
    fn request(&mut self) -> Command {
        Command::Request {
            source: if self.random.random_bool(0.5) { Source::Page } else { Source::Api },
            person: self.below(PEOPLE.len()),
            key: self.below(12),
            wish: self.below(2),
            count: self.random.random_range(1..=4),
            quoted: self.random.random_bool(0.3).then(|| self.random.random_range(0..6)),
            unit_price: Credits(if self.random.random_bool(0.2) { 3 } else { 1 }),
        }
    }

    /// Somebody goes on with a row in their hand, and mostly lets go of it then.
    fn work(&mut self, model: &Model) -> Command {
        let at = self.below(self.hands.len());
        let job = self.hands[at].clone();
        let row = model.row(&job.id);
        if self.random.random_bool(0.8) {
            self.hands.swap_remove(at);
        }
        let event = self.event(&job, row.kept, model.now);
        let (after, effects) = step(&job, event, model.now);
        Command::Record { before: job, after, effects }
    }

    fn event(&mut self, job: &Job, kept: i64, now: Timestamp) -> Event {
        if self.random.random_bool(0.05) {
            return Event::Parked;
        }
        let chosen = self.below(8);
        match (job.state, chosen) {
            (State::Submitting, 0) => Event::Submitted(Ok(self.another("starting", job, now))),
            (State::Submitting, 1) => Event::Submitted(Err(self.trouble())),
            (State::Submitting, 2) => Event::SentTooLate,
            (State::Submitting, 3) => Event::Looked(Ok(Some(self.another("processing", job, now)))),
            (State::Submitting, 4..7) => Event::Looked(Ok(None)),
            (State::Submitting, _) => Event::Looked(Err(self.trouble())),
            (State::Waiting | State::Canceling, 0) => Event::Seen(Err(self.trouble())),
            (State::Waiting | State::Canceling, _) => {
                let statuses = ["starting", "processing", "succeeded", "succeeded", "failed", "canceled", "aborted", "new word"];
                Event::Seen(Ok(prediction(job.prediction_id.as_ref(), statuses[chosen], job, now)))
            }
            (State::Storing, _) => {
                let files: Vec<_> = (kept..job.count).take_while(|_| self.random.random_bool(0.6)).map(file).collect();
                let kept = kept + i64::try_from(files.len()).expect("a few");
                let missing = job.count - kept;
                let (unfetched, damaged) = (missing * i64::from(chosen == 0), missing * i64::from(chosen == 1));
                let lost = missing - unfetched - damaged;
                Event::Stored(Stored { kept, files, lost, unfetched, damaged, ..Stored::default() })
            }
            _ => Event::Parked,
        }
    }

    /// A prediction that nobody had before.
    fn another(&mut self, status: &str, job: &Job, now: Timestamp) -> Prediction {
        self.predictions += 1;
        prediction(Some(&PredictionId::trusted(format!("p{}", self.predictions))), status, job, now)
    }

    fn trouble(&mut self) -> Error {
        let detail = "in a test".to_owned();
        match self.below(7) {
            0 => Error::NotSent(detail),
            1 => Error::Throttled { retry_after: Duration::from_secs(7), detail },
            2 => Error::Account { status: 402, detail },
            3 => Error::Invalid { detail, fields: Vec::new() },
            4 => Error::NotFound { detail },
            5 => Error::Ambiguous(detail),
            _ => Error::Unavailable(detail),
        }
    }
}

fn prediction(id: Option<&PredictionId>, status: &str, job: &Job, now: Timestamp) -> Prediction {
    let error = match job.lease_epoch % 3 {
        0 => "Prediction interrupted; please retry (code: PA)",
        1 => "NSFW content detected",
        _ => "CUDA error",
    };
    let output: Vec<_> = (0..job.count).map(|place| format!("https://replicate.delivery/{}/{place}", now.0)).collect();
    let told = match status {
        "succeeded" => json!({ "id": id, "status": status, "output": output }),
        "failed" => json!({ "id": id, "status": status, "error": error }),
        _ => json!({ "id": id, "status": status }),
    };
    serde_json::from_value(told).expect("a prediction")
}

/// A file as the model knows it; the house puts one into its store under a name of its own.
fn file(place: i64) -> KeptOutput {
    KeptOutput {
        place,
        object_key: String::new(),
        content_type: "image/webp".to_owned(),
        bytes: 1,
        sha256: String::new(),
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    }
}

/// The model's name of its generation number `at`.
fn named(at: usize) -> GenerationId {
    GenerationId::trusted(at.to_string())
}

/// The number of a generation that the model has named.
fn number(id: &GenerationId) -> usize {
    id.as_str().parse().expect("a name of the model's")
}
