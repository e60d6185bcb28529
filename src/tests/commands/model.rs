//! What the verbs promise, in memory: lists instead of tables, no SQL.

use super::gates::{Gates, Pause, Scope};
use super::{Command, Outcome, PEOPLE, Seen, Sight, named, number};
use atelier::domain::{Credits, Failure, GenerationId, ModelName, OutputKind, PersonId, PriceRule, Refusal, State, Timestamp};
use atelier::server::generation::lease::{LEASE_MS, SUBMIT_LEASE_MS};
use atelier::server::generation::{DEADLINE_MS, Effects, Job, Money, Source};
use std::cmp::Reverse;

/// What everybody is given at the door.
const GIFT: i64 = 20;

/// A house that exists only in a test.
pub struct Model {
    /// The present moment.
    pub now: Timestamp,
    offered: ModelName,
    people: Vec<Balance>,
    rows: Vec<Row>,
    gates: Gates,
}

#[derive(Clone, Copy)]
struct Balance {
    posted: i64,
    held: i64,
}

/// One generation.
pub struct Row {
    /// How many files it keeps.
    pub kept: i64,
    job: Job,
    source: Source,
    key: usize,
    wish: (usize, i64),
    /// `None` while it is open; then what was captured.
    settled: Option<i64>,
    version: i64,
}

impl Model {
    pub fn new(now: Timestamp, offered: ModelName, gates: Gates) -> Self {
        Self { now, offered, people: vec![Balance { posted: GIFT, held: 0 }; PEOPLE.len()], rows: Vec::new(), gates }
    }

    pub const fn generations(&self) -> usize {
        self.rows.len()
    }

    pub fn row(&self, id: &GenerationId) -> &Row {
        &self.rows[number(id)]
    }

    pub fn obey(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Request { source, person, key, wish, count, quoted, unit_price } => {
                self.request(source.clone(), *person, *key, (*wish, *count), *quoted, *unit_price)
            }
            Command::Cancel { person, generation } => self.cancel(*person, *generation),
            Command::Admit { worker, slots } => self.admit(worker, *slots),
            Command::Claim { worker } => self.claim(worker),
            Command::Record { before, after, effects } => self.record(before, after, effects),
            Command::Heartbeat { worker, generations } => self.heartbeat(worker, generations),
            Command::HandBack { worker } => self.hand_back(worker),
            Command::Sweep => self.sweep(),
            Command::Grant { person, credits } => {
                self.people[*person].posted += credits;
                Outcome::Done
            }
            Command::Allow { caps } => {
                self.gates.caps = *caps;
                Outcome::Done
            }
            Command::Pause { scope } => {
                self.gates.pauses.insert(*scope, Pause { until: None, failures: 0 });
                Outcome::Done
            }
            Command::Resume { scope } => Outcome::Resumed(self.gates.pauses.remove(scope).is_some()),
            Command::Pass { milliseconds } => {
                self.now = self.now.plus_ms(*milliseconds);
                Outcome::Done
            }
        }
    }

    pub fn sight(&self) -> Sight {
        let seen = |row: &Row| Seen {
            job: row.job.clone(),
            version: row.version,
            hold: match row.settled {
                None => ("open".to_owned(), 0),
                Some(0) => ("released".to_owned(), 0),
                Some(captured) => ("captured".to_owned(), captured),
            },
            kept: row.kept,
        };
        let balances = self.people.iter().map(|balance| (balance.posted, balance.held)).collect();
        Sight { rows: self.rows.iter().map(seen).collect(), balances, gates: self.gates.clone() }
    }

    /// The same key again is the same generation, or refused; then the quote counts, then the credits.
    fn request(
        &mut self,
        source: Source,
        person: usize,
        key: usize,
        wish: (usize, i64),
        quoted: Option<i64>,
        unit_price: Credits,
    ) -> Outcome {
        let owner = owner(person);
        if let Some(known) = self.rows.iter().position(|row| row.job.owner_id == owner && row.key == key) {
            let same = self.rows[known].wish == wish;
            return if same {
                Outcome::Requested { generation: known, new: false }
            } else {
                Outcome::Refused(Refusal::KeyReused)
            };
        }
        let price = unit_price.0 * wish.1;
        if let Some(quoted) = quoted.filter(|quoted| *quoted < price) {
            return Outcome::Refused(Refusal::PriceChanged { quoted: Credits(quoted), price: Credits(price) });
        }
        let balance = &mut self.people[person];
        let available = balance.posted - balance.held;
        if available < price {
            return Outcome::Refused(Refusal::Insufficient { available: Credits(available), price: Credits(price) });
        }
        balance.held += price;
        let generation = self.rows.len();
        let job = self.queued(generation, owner, wish.1, unit_price);
        self.rows.push(Row { kept: 0, job, source, key, wish, settled: None, version: 1 });
        Outcome::Requested { generation, new: true }
    }

    fn queued(&self, generation: usize, owner_id: PersonId, count: i64, unit_price: Credits) -> Job {
        Job {
            id: named(generation),
            owner_id,
            model: self.offered.clone(),
            model_version: None,
            endpoint: None,
            input: String::new(),
            count,
            price_rule: PriceRule::Output,
            output_kind: OutputKind::Files,
            unit_price,
            price: Credits(unit_price.0 * count),
            captured: Credits::ZERO,
            state: State::Queued,
            run_at: self.now,
            deadline_at: self.now.plus_ms(DEADLINE_MS),
            lease_owner: None,
            lease_until: Timestamp(0),
            lease_epoch: 0,
            step_try: 0,
            lost_leases: 0,
            submit_seq: 0,
            submit_at: None,
            reconciles: 0,
            paid_attempts: 0,
            given_up: 0,
            prediction_id: None,
            prediction_status: None,
            prediction_output: None,
            output_shape: None,
            output_text: None,
            logs: None,
            prediction_metrics: None,
            progress: None,
            output_until: None,
            cancel_requested_at: None,
            failure: None,
            failure_detail: None,
            created_at: self.now,
            started_at: None,
        }
    }

    /// In the queue it ends at once; in flight it is only asked to, and whoever is next acts on it now.
    fn cancel(&mut self, person: usize, generation: usize) -> Outcome {
        let now = self.now;
        let row = &mut self.rows[generation];
        if row.job.owner_id != owner(person) {
            return Outcome::NotFound;
        }
        if row.job.state == State::Queued {
            row.job.state = State::Canceled;
            row.job.cancel_requested_at = Some(now);
            row.version += 1;
            self.settle(generation, Money::Release);
        } else if matches!(row.job.state, State::Submitting | State::Waiting | State::Parked)
            && row.job.cancel_requested_at.is_none()
        {
            row.job.cancel_requested_at = Some(now);
            if row.job.state != State::Submitting {
                row.job.run_at = row.job.run_at.min(now);
            }
            row.version += 1;
        }
        Outcome::Done
    }

    /// Least in flight first, then the page before the API, then the oldest; never more than the gates let through.
    fn admit(&mut self, worker: &str, slots: i64) -> Outcome {
        let now = self.now;
        if !self.rows.iter().any(|row| row.job.state == State::Queued && row.job.run_at <= now) {
            // Nobody looked at the gates.
            return Outcome::Admitted { jobs: Vec::new(), troubled: false };
        }
        let troubled = self.gates.is_troubled();
        let flies = |row: &&Row| matches!(row.job.state, State::Submitting | State::Waiting | State::Canceling);
        let in_flight = i64::try_from(self.rows.iter().filter(flies).count()).expect("a few");
        let mut turns = Vec::new();
        for person in (0..PEOPLE.len()).filter(|person| !self.gates.is_closed(Scope::Person(*person), now)) {
            let owner = owner(person);
            let flying = self.rows.iter().filter(flies).filter(|row| row.job.owner_id == owner).count();
            let waits = |row: &Row| {
                row.job.owner_id == owner
                    && row.job.state == State::Queued
                    && row.job.run_at <= now
                    && row.job.deadline_at > now
                    && row.job.cancel_requested_at.is_none()
            };
            let by_page = |at: &usize| Reverse(self.rows[*at].source == Source::Page);
            let mut lane: Vec<_> = (0..self.rows.len()).filter(|at| waits(&self.rows[*at])).collect();
            // Numbers grow with the time of creation.
            lane.sort_by_key(|at| (by_page(at), *at));
            let turn = |place: usize| i64::try_from(flying + place + 1).expect("a few");
            turns.extend(lane.iter().enumerate().map(|(place, at)| (turn(place), by_page(at), *at)));
        }
        turns.retain(|(turn, ..)| *turn <= self.gates.caps.per_person);
        turns.sort_unstable();
        let free = slots.min(self.gates.free(in_flight, now)).max(0);
        turns.truncate(usize::try_from(free).expect("not negative"));
        let mut taken = Vec::new();
        if !turns.is_empty() {
            self.gates.let_in(i64::try_from(turns.len()).expect("a few"), now);
        }
        for (.., at) in turns {
            let row = &mut self.rows[at];
            row.version += 1;
            let job = &mut row.job;
            (job.state, job.run_at, job.submit_at, job.reconciles) = (State::Submitting, now, Some(now), 0);
            job.submit_seq += 1;
            lease(job, worker, now.plus_ms(SUBMIT_LEASE_MS));
            taken.push(job.clone());
        }
        Outcome::Admitted { jobs: taken, troubled }
    }

    /// All that is due and that nobody holds.
    fn claim(&mut self, worker: &str) -> Outcome {
        let now = self.now;
        let mut taken = Vec::new();
        for Row { job, .. } in &mut self.rows {
            let acts = matches!(job.state, State::Submitting | State::Waiting | State::Storing | State::Canceling);
            if acts && job.run_at <= now && job.lease_until <= now {
                job.lost_leases += i64::from(job.lease_owner.is_some());
                let lasts = if job.state == State::Submitting { SUBMIT_LEASE_MS } else { LEASE_MS };
                lease(job, worker, now.plus_ms(lasts));
                taken.push(job.clone());
            }
        }
        Outcome::Taken(taken)
    }

    /// Whether a worker that was given `job` may still write.
    fn is_theirs(&self, job: &Job) -> bool {
        let present = &self.row(&job.id).job;
        present.lease_epoch == job.lease_epoch && present.state == job.state
    }

    /// What the step made of the row, but for what belongs to others: who it is, when it must end, whether it was asked to
    /// stop. If it was asked meanwhile, whoever is next acts on it now.
    fn record(&mut self, before: &Job, after: &Job, effects: &Effects) -> Outcome {
        if !self.is_theirs(before) {
            return Outcome::Written(false);
        }
        let (now, at) = (self.now, number(&before.id));
        let row = &mut self.rows[at];
        let cancel_requested_at = row.job.cancel_requested_at;
        let asked_meanwhile = cancel_requested_at.is_some() && before.cancel_requested_at.is_none();
        row.version += 1;
        row.kept += i64::try_from(effects.files.len()).expect("a few");
        row.job = Job { cancel_requested_at, lease_owner: None, ..after.clone() };
        if asked_meanwhile && after.state != State::Submitting {
            row.job.run_at = now;
        }
        if let Some(lesson) = effects.lesson {
            self.gates.learn(lesson, now);
        }
        if let Some(money) = effects.money {
            self.settle(at, money);
        }
        Outcome::Written(true)
    }

    fn heartbeat(&mut self, worker: &str, generations: &[usize]) -> Outcome {
        let mut held = Vec::new();
        for at in generations {
            let job = &mut self.rows[*at].job;
            if job.lease_owner.as_deref() == Some(worker) {
                if job.state != State::Submitting {
                    job.lease_until = self.now.plus_ms(LEASE_MS);
                }
                held.push(*at);
            }
        }
        Outcome::Held(held)
    }

    fn hand_back(&mut self, worker: &str) -> Outcome {
        for Row { job, .. } in &mut self.rows {
            if job.lease_owner.as_deref() == Some(worker) && job.state != State::Submitting {
                (job.lease_owner, job.lease_until, job.run_at) = (None, Timestamp(0), self.now);
                job.lease_epoch += 1;
            }
        }
        Outcome::Done
    }

    fn sweep(&mut self) -> Outcome {
        let mut ended = 0;
        for at in 0..self.rows.len() {
            let row = &mut self.rows[at];
            let (asked, late) = (row.job.cancel_requested_at.is_some(), row.job.deadline_at <= self.now);
            if matches!(row.job.state, State::Queued | State::Parked) && (asked || late) {
                row.job.state = if asked { State::Canceled } else { State::Failed };
                row.job.failure = if asked { None } else { Some(Failure::Timeout) };
                row.job.lease_epoch += 1;
                row.version += 1;
                self.settle(at, Money::Release);
                ended += 1;
            }
        }
        Outcome::Counted(ended)
    }

    /// The hold ends: what was delivered is taken at the price of the press, the rest is spendable again.
    fn settle(&mut self, at: usize, money: Money) {
        let row = &mut self.rows[at];
        assert_eq!(row.settled, None, "settled once");
        let captured = match money {
            Money::Release => 0,
            Money::Capture(delivered) => (row.job.unit_price.0 * delivered).min(row.job.price.0),
        };
        row.settled = Some(captured);
        let balance = &mut self.people[row.job.owner_id.as_str().parse::<usize>().expect("a number")];
        balance.held -= row.job.price.0;
        balance.posted -= captured;
    }
}

fn lease(job: &mut Job, worker: &str, until: Timestamp) {
    (job.lease_owner, job.lease_until) = (Some(worker.to_owned()), until);
    job.lease_epoch += 1;
}

fn owner(person: usize) -> PersonId {
    PersonId::trusted(person.to_string())
}
