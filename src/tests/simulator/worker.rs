//! A worker that does what `server::worker` does, cut into pieces wherever that one awaits: between any two of them it
//! may freeze, die, or lose its lease. Decisions are the product's own `plan` and `step`, and all rows are written by
//! the product's own verbs.

use super::house::{Broken, Event, House, News, Post};
use super::mutant::Mutant;
use super::replicate::{Call, Fetched, Reply};
use super::weather::{Calamity, Storm};
use atelier::domain::{GenerationId, State, Timestamp};
use atelier::server::db::mint;
use atelier::server::generation::{self, Admitted, Effects, Job, KeptOutput, Lesson, lease, work};
use atelier::server::ledger;
use atelier::server::replicate::Error;
use atelier::server::worker::core::{self, Action, Stored, Taken};
use atelier::server::worker::submit;
use std::collections::BTreeMap;

/// Between two looks when nothing is known to be due.
const IDLE_MS: i64 = 5_000;
const HEARTBEAT_MS: i64 = 10_000;
const SWEEP_MS: i64 = 5_000;
/// The longest from the intent to the call, by the worker's own steady clock.
const SEND_WITHIN_MS: i64 = 5_000;
/// The longest a paid call is waited for.
const CALL_MS: i64 = 20_000;
/// Past its intent by this much, nothing of a paid call can still be under way.
const CALL_DEAD_MS: i64 = 45_000;
/// The longest a question is waited for.
const QUESTION_MS: i64 = 15_000;

/// A worker, life after life.
pub struct Worker {
    pub id: String,
    pub life: u32,
    pub is_alive: bool,
    pub frozen_until: i64,
    slots: usize,
    skew: i64,
    /// Whether anything went wrong lately that a paid call which goes well puts right.
    troubled: bool,
    /// What waits on this node for the store: it outlives the worker.
    spool: BTreeMap<(GenerationId, i64), String>,
    steps: BTreeMap<u64, Step>,
    next_step: u64,
    looks_at: i64,
}

/// One step under way.
struct Step {
    job: Job,
    taken: Taken,
    intended: i64,
    at: At,
}

/// How far it has come.
enum At {
    Begun,
    Calling,
    Keeping(Keeping),
    Deciding,
}

/// Everything is fetched before anything is put.
struct Keeping {
    /// The links of the outputs that are not kept yet, the next one last.
    missing: Vec<(i64, String)>,
    /// What is here, and whether it has just come.
    here: Vec<(i64, String, bool)>,
    stored: Stored,
}

/// What a step came to, about to be recorded.
#[derive(Debug)]
pub struct Decided {
    next: Job,
    effects: Effects,
    now: Timestamp,
}

impl Worker {
    pub fn new(slots: i64) -> Self {
        Self {
            id: String::new(),
            life: 0,
            is_alive: false,
            frozen_until: 0,
            slots: usize::try_from(slots).expect("a few slots"),
            skew: 0,
            troubled: false,
            spool: BTreeMap::new(),
            steps: BTreeMap::new(),
            next_step: 0,
            looks_at: i64::MAX,
        }
    }

    /// Whether it has a slot for anything it would find.
    pub fn may_look(&self) -> bool {
        self.is_alive && self.steps.len() < self.slots
    }
}

impl House {
    /// A worker's new life, with a new identity.
    pub fn start(&mut self, at: usize) {
        let skew = self.throw_skew();
        let worker = &mut self.workers[at];
        worker.id = mint();
        worker.life += 1;
        worker.is_alive = true;
        worker.frozen_until = 0;
        worker.skew = skew;
        worker.troubled = false;
        worker.steps.clear();
        worker.looks_at = i64::MAX;
        let post = Post { worker: at, life: worker.life };
        self.say(&format!("worker {at} starts"));
        self.look_in(at, 0);
        self.later(HEARTBEAT_MS, Event::Beat(post));
        self.later(0, Event::Sweep(post));
    }

    /// Makes a worker look no later than then.
    pub fn look_in(&mut self, at: usize, in_ms: i64) {
        let worker = &mut self.workers[at];
        let moment = self.now + in_ms;
        if worker.looks_at > self.now && worker.looks_at <= moment {
            return;
        }
        worker.looks_at = moment;
        let post = Post { worker: at, life: worker.life };
        self.later(in_ms, Event::Look(post));
    }

    /// What a worker takes the time to be.
    fn clock(&self, post: Post) -> Timestamp {
        Timestamp(self.now + self.workers[post.worker].skew)
    }

    /// Claims what is due, admits what is queued, and starts a step for each.
    pub async fn look(&mut self, post: Post) -> Result<(), Broken> {
        let worker = &self.workers[post.worker];
        if worker.looks_at > self.now {
            return Ok(()); // it has looked since
        }
        self.workers[post.worker].looks_at = i64::MAX;
        let worker = &self.workers[post.worker];
        let (id, now) = (worker.id.clone(), self.clock(post));
        let free = worker.slots.saturating_sub(worker.steps.len());
        if free == 0 {
            return Ok(());
        }
        let slots = i64::try_from(free).expect("a few");
        let claimed = generation::claim(&self.db, &id, slots, now).await?;
        if self.dies(post.worker) {
            return Ok(());
        }
        let mut taken = claimed.len();
        for job in claimed {
            self.begin(post, job, Taken::Claimed, self.now);
        }
        let reserved = i64::from(self.workers[post.worker].slots > 1);
        let left = slots - i64::try_from(taken).expect("a few") - reserved;
        if left > 0 {
            let admitted = self.admit(post, &id, left, now).await?;
            if self.dies(post.worker) {
                return Ok(());
            }
            taken += admitted.len();
            for job in admitted {
                self.begin(post, job, Taken::Admitted, self.now);
            }
        }
        let worker = &self.workers[post.worker];
        let pause = if taken > 0 && worker.steps.len() < worker.slots {
            20
        } else {
            let due = generation::next_due(&self.db, now)
                .await?
                .map_or(IDLE_MS, |due| i64::try_from(due.as_millis()).unwrap_or(IDLE_MS));
            due.clamp(20, IDLE_MS)
        };
        self.look_in(post.worker, pause);
        Ok(())
    }

    /// Lets some into flight, and checks that no cap is exceeded by it.
    async fn admit(&mut self, post: Post, id: &str, slots: i64, now: Timestamp) -> Result<Vec<Job>, Broken> {
        let Admitted { jobs: admitted, troubled } = generation::admit(&self.db, id, slots, now).await?;
        self.workers[post.worker].troubled = troubled;
        if admitted.is_empty() {
            return Ok(admitted);
        }
        for job in &admitted {
            let line = format!("{id} admits {} as call {}", job.id, job.submit_seq);
            self.say(&line);
            self.admitted.push(job.id.clone());
        }
        let (all, most): (i64, i64) = sqlx::query_as(
            "select cast(coalesce(sum(n), 0) as bigint), coalesce(max(n), 0) from (select count(*) as n from generation
             where state in ('submitting', 'waiting', 'canceling') group by owner_id) as flying",
        )
        .fetch_one(self.db.pool())
        .await?;
        if all > self.caps.in_flight || most > self.caps.per_person {
            return Err(Broken(format!("{all} are in flight, {most} of one person")));
        }
        Ok(admitted)
    }

    fn begin(&mut self, post: Post, job: Job, taken: Taken, intended: i64) {
        let worker = &mut self.workers[post.worker];
        worker.next_step += 1;
        let number = worker.next_step;
        worker.steps.insert(number, Step { job, taken, intended, at: At::Begun });
        // Now and then a task is not run for seconds.
        let in_ms = if self.dice.chance(20) { self.dice.between(0, 8_000) } else { self.dice.between(0, 3) };
        self.later(in_ms, Event::Step(post, number, News::Begin));
    }

    /// Whether a worker dies here and now.
    fn dies(&mut self, at: usize) -> bool {
        let dies = self.dice.chance(self.weather.death);
        if dies {
            let back_in_ms = self.dice.between(50, 15_000);
            self.die(at, back_in_ms);
        }
        dies
    }

    /// Whether a worker freezes here and now, for about as long as its leases last.
    fn freezes(&mut self, at: usize) -> bool {
        let freezes = self.dice.chance(self.weather.freeze);
        if freezes {
            let for_ms = self.dice.between(lease::LEASE_MS / 2, lease::SUBMIT_LEASE_MS * 2);
            self.freeze(at, for_ms);
        }
        freezes
    }

    fn freeze(&mut self, at: usize, for_ms: i64) {
        self.count("freezes");
        self.say(&format!("worker {at} freezes for {for_ms} ms"));
        self.workers[at].frozen_until = self.now + for_ms;
    }

    fn die(&mut self, at: usize, back_in_ms: i64) {
        if self.workers[at].is_alive {
            self.workers[at].is_alive = false;
            self.count("deaths");
            self.say(&format!("worker {at} dies"));
            self.later(back_in_ms, Event::Start(at));
        }
    }

    /// Something befalls a worker.
    pub async fn befall(&mut self, at: usize, calamity: Calamity) -> Result<(), Broken> {
        if !self.workers[at].is_alive {
            return Ok(());
        }
        match calamity {
            Calamity::Death { back_in_ms } => self.die(at, back_in_ms),
            Calamity::Freeze { for_ms } => self.freeze(at, for_ms),
            Calamity::Restart { back_in_ms } => {
                self.count("restarts");
                self.say(&format!("worker {at} is stopped"));
                let (id, now) = (self.workers[at].id.clone(), Timestamp(self.now + self.workers[at].skew));
                lease::hand_back(&self.db, &id, now).await?;
                self.workers[at].is_alive = false;
                self.later(back_in_ms, Event::Start(at));
            }
            Calamity::Clock => {
                self.count("clocks set");
                self.workers[at].skew = self.throw_skew();
            }
        }
        Ok(())
    }

    /// A sign of life for everything under way; what is no longer its own is dropped.
    pub async fn beat(&mut self, post: Post) -> Result<(), Broken> {
        let (id, now) = (self.workers[post.worker].id.clone(), self.clock(post));
        let ids: Vec<GenerationId> = self.workers[post.worker].steps.values().map(|step| step.job.id.clone()).collect();
        if !ids.is_empty() && !self.dice.chance(self.weather.failed_commit) {
            let ours = generation::heartbeat(&self.db, &id, &ids, now).await?;
            let steps = &mut self.workers[post.worker].steps;
            let before = steps.len();
            steps.retain(|_, step| ours.contains(&step.job.id));
            if steps.len() < before {
                self.count("leases found lost");
            }
        }
        self.later(HEARTBEAT_MS, Event::Beat(post));
        Ok(())
    }

    /// Ends what is past its deadline.
    pub async fn sweep(&mut self, post: Post) -> Result<(), Broken> {
        if self.mutant != Some(Mutant::NoSweep) {
            let ended = generation::sweep(&self.db, self.clock(post)).await;
            let ended = ended.map_err(|error| Broken(format!("the sweep: {error}")))?;
            if ended > 0 {
                self.count("sweeps that ended something");
                self.tell_workers();
            }
        }
        self.later(SWEEP_MS, Event::Sweep(post));
        Ok(())
    }

    /// A call is at Replicate; whether its answer gets back is another matter.
    pub fn arrive(&mut self, post: Post, step: u64, call: &Call) {
        let reply = self.replicate.serve(call, self.now, &self.weather, &mut self.dice);
        if !self.dice.chance(self.weather.lost_answer) {
            let in_ms = self.dice.between(5, 900);
            self.later(in_ms, Event::Step(post, step, News::Reply(reply)));
        }
    }

    /// The next piece of a step.
    pub async fn go_on(&mut self, post: Post, number: u64, news: News) -> Result<(), Broken> {
        if self.dies(post.worker) {
            return Ok(());
        }
        if self.freezes(post.worker) {
            self.later(0, Event::Step(post, number, news));
            return Ok(());
        }
        let Some(mut step) = self.workers[post.worker].steps.remove(&number) else { return Ok(()) };
        match (&mut step.at, news) {
            (At::Begun, News::Begin) => self.plan(post, number, &mut step).await?,
            (At::Calling, News::Reply(reply)) => {
                let event = self.heard(&step.job, reply).await?;
                self.decide(post, number, &mut step, event);
            }
            (At::Calling, News::TimedOut) => {
                let event = match step.job.state {
                    State::Submitting if self.calls(&step) => {
                        core::Event::Submitted(Err(Error::Ambiguous("no answer".to_owned())))
                    }
                    State::Submitting => core::Event::Looked(Err(Error::Unavailable("no answer".to_owned()))),
                    _ => core::Event::Seen(Err(Error::Unavailable("no answer".to_owned()))),
                };
                self.decide(post, number, &mut step, event);
            }
            (At::Keeping(_), News::Fetched(fetched)) => {
                self.fetched(post, &mut step, fetched).await?;
                self.keep_next(post, number, &mut step);
            }
            (At::Keeping(_), News::Put) => {
                self.put(post, &mut step).await?;
                self.keep_next(post, number, &mut step);
            }
            (At::Deciding, News::Write(decided)) => return self.record(post, number, step, *decided).await,
            // An answer that comes when nobody waits for it any more.
            _ => {}
        }
        self.workers[post.worker].steps.insert(number, step);
        Ok(())
    }

    /// Whether a step's outward call is the paid one.
    fn calls(&self, step: &Step) -> bool {
        step.taken == Taken::Admitted || self.mutant == Some(Mutant::CallsAgain)
    }

    async fn plan(&mut self, post: Post, number: u64, step: &mut Step) -> Result<(), Broken> {
        let taken = if self.calls(step) { Taken::Admitted } else { step.taken };
        match core::plan(&step.job, taken, self.clock(post)) {
            Action::Submit => self.submit(post, number, step),
            Action::Look => {
                let at = step.job.submit_at.unwrap_or(step.job.created_at);
                self.ask(post, number, step, Call::List { from: at.0 - 30_000, to: at.0 + 90_000 });
            }
            Action::Poll | Action::Cancel if step.job.prediction_id.is_none() => {
                return Err(Broken(format!("{} waits for no prediction", step.job.id)));
            }
            Action::Poll => {
                let id = step.job.prediction_id.clone().expect("just looked");
                self.ask(post, number, step, Call::Get(id));
            }
            Action::Cancel => {
                let id = step.job.prediction_id.clone().expect("just looked");
                self.ask(post, number, step, Call::Cancel(id));
            }
            Action::Store => {
                let links: Vec<String> =
                    step.job.prediction_output.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
                let kept: Vec<i64> = work::kept(&self.db, &step.job.id).await?.into_iter().map(|(place, _)| place).collect();
                let stored = Stored { kept: i64::try_from(kept.len()).expect("a few"), ..Stored::default() };
                let missing = (0..).zip(links).filter(|(place, _)| !kept.contains(place)).collect::<Vec<_>>();
                let missing = missing.into_iter().rev().collect();
                step.at = At::Keeping(Keeping { missing, here: Vec::new(), stored });
                self.keep_next(post, number, step);
            }
            Action::Begin | Action::Run => return Err(Broken("there is no server of our own here".to_owned())),
            Action::Park => self.decide(post, number, step, core::Event::Parked),
        }
        Ok(())
    }

    /// The paid call: sent at most once, right after the last look at the steady clock.
    fn submit(&mut self, post: Post, number: u64, step: &mut Step) {
        let age = self.now - step.intended;
        if age > SEND_WITHIN_MS {
            self.count("calls too late to send");
            return self.decide(post, number, step, core::Event::SentTooLate);
        }
        if self.dice.chance(self.weather.refused) {
            return self.decide(post, number, step, core::Event::Submitted(Err(Error::NotSent("refused".to_owned()))));
        }
        step.at = At::Calling;
        let late = self.dice.chance(self.weather.late_call);
        // A connection may break at any time, and what was sent may still get there by way of whoever buffered it.
        let breaks = late && self.dice.chance(500);
        let patience = if breaks { self.dice.between(10, CALL_MS) } else { CALL_MS };
        self.later(patience, Event::Step(post, number, News::TimedOut));
        if self.dice.chance(self.weather.lost_call) {
            return self.count("paid calls lost");
        }
        let in_ms = if late { self.dice.between(0, CALL_DEAD_MS - age) } else { self.dice.between(5, 400) };
        let input = serde_json::from_str(&step.job.input).unwrap_or_default();
        let (outputs, clock) = (usize::try_from(step.job.count).unwrap_or(1), self.clock(post));
        let call = Call::Create { input, outputs, cancel_after_ms: step.job.deadline_at.since(clock).max(0) };
        self.later(in_ms, Event::Arrive(post, number, call));
    }

    fn ask(&mut self, post: Post, number: u64, step: &mut Step, call: Call) {
        step.at = At::Calling;
        self.later(QUESTION_MS, Event::Step(post, number, News::TimedOut));
        if !self.dice.chance(self.weather.lost_call) {
            let in_ms = self.dice.between(5, 400);
            self.later(in_ms, Event::Arrive(post, number, call));
        }
    }

    async fn heard(&self, job: &Job, reply: Reply) -> Result<core::Event, Broken> {
        Ok(match reply {
            Reply::One(answer) if job.state == State::Submitting => core::Event::Submitted(answer),
            Reply::One(answer) => core::Event::Seen(answer),
            Reply::Many(Err(error)) => core::Event::Looked(Err(error)),
            Reply::Many(Ok(listed)) => core::Event::Looked(Ok(submit::choose(&self.db, job, listed).await?.ours)),
        })
    }

    /// Fetches the next output that is not here, or puts the next that is, or is done.
    fn keep_next(&mut self, post: Post, number: u64, step: &mut Step) {
        let At::Keeping(keeping) = &mut step.at else { return };
        while let Some((place, link)) = keeping.missing.last() {
            let Some(spooled) = self.workers[post.worker].spool.get(&(step.job.id.clone(), *place)) else {
                let fetched = self.replicate.fetch(link, self.now, &self.weather, &mut self.dice);
                let in_ms = self.dice.between(20, 1_500);
                return self.later(in_ms, Event::Step(post, number, News::Fetched(fetched)));
            };
            keeping.here.push((*place, spooled.clone(), false));
            keeping.missing.pop();
        }
        if keeping.here.is_empty() {
            let stored = keeping.stored.clone();
            return self.decide(post, number, step, core::Event::Stored(stored));
        }
        let in_ms = self.dice.between(2, 300);
        self.later(in_ms, Event::Step(post, number, News::Put));
    }

    /// One output has come, or not.
    async fn fetched(&mut self, post: Post, step: &mut Step, fetched: Fetched) -> Result<(), Broken> {
        let At::Keeping(keeping) = &mut step.at else { return Ok(()) };
        let Some((place, _)) = keeping.missing.pop() else { return Ok(()) };
        let lost = match fetched {
            Fetched::Whole(sha256) => {
                self.workers[post.worker].spool.insert((step.job.id.clone(), place), sha256.clone());
                keeping.here.push((place, sha256, true));
                return Ok(());
            }
            Fetched::Damaged => {
                keeping.stored.damaged += 1;
                return Ok(());
            }
            Fetched::BrokenOff => &mut keeping.stored.unfetched,
            Fetched::Gone => &mut keeping.stored.lost,
        };
        let small = u32::try_from(place).expect("a few");
        if work::is_spooled_elsewhere(&self.db, &step.job.id, small, &node(post)).await? {
            keeping.stored.spooled += 1;
            keeping.stored.store_away = true;
        } else {
            *lost += 1;
        }
        Ok(())
    }

    /// Puts one output into the store; its row comes with the end of the step.
    async fn put(&mut self, post: Post, step: &mut Step) -> Result<(), Broken> {
        let now = self.clock(post);
        let At::Keeping(keeping) = &mut step.at else { return Ok(()) };
        let Some((place, sha256, is_new)) = keeping.here.pop() else { return Ok(()) };
        let object_key = format!("generations/{}/{place}.webp", step.job.id);
        let away = self.weather.storms(Storm::StoreAway, self.now);
        if away && self.mutant != Some(Mutant::RowBeforeObject) {
            if is_new {
                let small = u32::try_from(place).expect("a few");
                work::spooled(&self.db, &step.job.id, small, &node(post), now).await?;
            }
            keeping.stored.spooled += 1;
            keeping.stored.store_away = true;
            *self.tally.entry("outputs spooled").or_default() += 1;
            return Ok(());
        }
        if !away {
            self.objects.insert(object_key.clone(), sha256.clone());
        }
        keeping.stored.kept += 1;
        keeping.stored.files.push(kept_output(place, object_key, sha256));
        Ok(())
    }

    fn decide(&mut self, post: Post, number: u64, step: &mut Step, event: core::Event) {
        let now = self.clock(post);
        let before = step.job.clone();
        let one_look = self.mutant == Some(Mutant::OneLook) && matches!(event, core::Event::Looked(Ok(None)));
        let ambiguous = matches!(event, core::Event::Submitted(Err(Error::Ambiguous(_))));
        let judged = if one_look { Job { reconciles: 1, ..before } } else { before };
        if ambiguous {
            self.count("answers to a paid call lost");
        }
        if matches!(event, core::Event::Looked(Ok(Some(_)))) {
            self.count("predictions found by looking");
        }
        let (mut next, mut effects) = core::step(&judged, event, now);
        // A run that is found finished is kept under the same lease.
        if next.state == State::Storing && step.job.state != State::Storing {
            next.lease_owner = Some(self.workers[post.worker].id.clone());
            next.lease_until = now.plus_ms(lease::LEASE_MS);
        }
        if effects.lesson == Some(Lesson::Well) && !self.workers[post.worker].troubled {
            effects.lesson = None;
        }
        if ambiguous && self.mutant == Some(Mutant::TimeoutEndsTheLease) {
            next.lease_until = Timestamp(0);
        }
        step.at = At::Deciding;
        let in_ms = self.dice.between(0, 4);
        self.later(in_ms, Event::Step(post, number, News::Write(Box::new(Decided { next, effects, now }))));
    }

    async fn record(&mut self, post: Post, number: u64, step: Step, decided: Decided) -> Result<(), Broken> {
        let Decided { next, effects, now } = decided;
        self.look_in(post.worker, 0);
        if self.dice.chance(self.weather.failed_commit) {
            self.count("commits that failed");
            return Ok(());
        }
        let mut before = step.job.clone();
        if self.mutant == Some(Mutant::StaleRecords) {
            let query = sqlx::query_as("select lease_epoch from generation where id = $1").bind(before.id.as_str());
            (before.lease_epoch,) = query.fetch_one(self.db.pool()).await?;
        }
        let (id, from, to) = (before.id.clone(), before.state.as_str(), next.state.as_str());
        match generation::record(&self.db, &before, &next, &effects, now).await {
            Ok(true) => {
                self.say(&format!("worker {} records {id}: {from} to {to}, {effects:?}", post.worker));
                let query = sqlx::query_as("select lease_epoch from generation where id = $1").bind(id.as_str());
                let (epoch,): (i64,) = query.fetch_one(self.db.pool()).await?;
                if epoch != step.job.lease_epoch {
                    return Err(Broken(format!(
                        "{id} was written under lease {}, when lease {epoch} had been given",
                        step.job.lease_epoch
                    )));
                }
                self.tell_workers();
                if next.state.is_terminal() {
                    self.workers[post.worker].spool.retain(|(kept, _), _| *kept != id);
                }
                if next.lease_owner.is_some() && !self.dies(post.worker) {
                    let goes_on = Step { job: next, taken: Taken::Claimed, intended: step.intended, at: At::Begun };
                    self.workers[post.worker].steps.insert(number, goes_on);
                    self.later(0, Event::Step(post, number, News::Begin));
                    return Ok(());
                }
            }
            Ok(false) => {
                self.say(&format!("worker {} lost {id}, {from} to {to}", post.worker));
                self.count("records of a lost lease");
            }
            // Two that want exactly the same can find the same prediction; the second is told by the database.
            Err(ledger::Error::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                self.say(&format!("worker {} cannot record {id}: {error}", post.worker));
                self.count("predictions found by two");
            }
            Err(error) => return Err(Broken(format!("{id} could not be recorded: {error}"))),
        }
        if self.dies(post.worker) {
            self.count("deaths right after a commit");
        }
        Ok(())
    }
}

/// The name of a worker's node.
fn node(post: Post) -> String {
    format!("node {}", post.worker)
}

fn kept_output(place: i64, object_key: String, sha256: String) -> KeptOutput {
    KeptOutput {
        place,
        object_key,
        content_type: "image/webp".to_owned(),
        bytes: 1,
        sha256,
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    }
}
