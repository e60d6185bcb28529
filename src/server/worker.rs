//! The worker: takes what is due, carries out one step, records the outcome; then again.
//!
//! Every step is bounded in time, runs under a lease and ends in its [`Recorder`]; dying anywhere is being slow.
//! A process carries out at most `concurrency` steps side by side. Waiting for Replicate is not one of them: a generation
//! in `waiting` has no slot and no lease, and a handful of slots looks after thousands.
//!
//! To add a background step: a state in the domain, its rules in [`core`], its calls in a file beside it.

pub mod core;
mod follow;
mod offer;
pub mod reach;
mod run;
pub mod spool;
mod store;
mod strays;
pub mod submit;

pub use submit::check_window;

use self::core::{Action, Event, Taken, plan, step};
use self::offer::Offer;
use self::reach::Reach;
use self::run::{Listeners, Run};
use self::spool::Spool;
use super::account::leaving;
use super::clock::Clock;
use super::cog::{Cog, NotRun};
use super::crash;
use super::db::{Db, mint};
use super::egress::Egress;
use super::file;
use super::gallery;
use super::generation::lease::LEASE_MS;
use super::generation::{self, Effects, Handed, Job, Lesson, Outcome, Recorder, Standby};
use super::ledger;
use super::replicate::{Client, Prediction};
use super::store::Store;
use crate::domain::{GenerationId, State, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Between two looks when nothing is known to be due; another process may have made work.
const IDLE: Duration = Duration::from_secs(1);
/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_millis(20);
/// Between two signs of life; three of them fit into a lease.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Between two looks for deadlines.
const SWEEP: Duration = Duration::from_secs(5);
/// Between two looks for strays: what has not begun to run costs nothing yet.
const STRAYS: Duration = Duration::from_secs(1);
/// Between two looks for files that nobody waits for any more.
const CLEAR_SPOOL: Duration = Duration::from_hours(1);
/// Between two looks for files that nothing works from.
const CLEAR_FILES: Duration = Duration::from_mins(10);
/// Between two looks into the trash, and for prompts that no search finds yet.
const MIND_GALLERY: Duration = Duration::from_hours(1);
/// How long a stop waits for steps under way.
const GRACE: Duration = Duration::from_secs(10);

/// What the worker works with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The rows.
    pub db: Db,
    /// What writes down there how steps ended.
    pub recorder: Recorder,
    /// Replicate, or the sandbox.
    pub replicate: Client,
    /// Servers of our own.
    pub cog: Cog,
    /// The way to outputs on hosts that are not Replicate's.
    pub egress: Egress,
    /// Where outputs are kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Files on their way.
    pub spool: Spool,
    /// Whether the store can be reached.
    pub reach: Reach,
    /// Steps at work at once.
    pub concurrency: usize,
    /// Where presses of this process find it when it has nothing to do.
    pub standby: Standby,
    /// The origin that Replicate sends webhooks to; without one, predictions are only polled.
    pub webhooks: Option<Url>,
    /// The origin that files over 256 kB are linked at; without one, Replicate is given copies.
    pub links: Option<Url>,
}

/// The steps under way, by the lease each of them has: a row may be claimed again before its last step is quite over.
type Running = HashMap<(GenerationId, i64), CancellationToken>;

/// One worker of this process. Its identity is new at every boot, so that it never takes its predecessor's leases for
/// its own.
#[derive(Clone, Debug)]
pub struct Worker {
    id: Arc<str>,
    tools: Tools,
    running: Arc<Mutex<Running>>,
    /// Steps that only listen to a server of our own, and take no slot.
    listeners: Listeners,
    /// Whether anything went wrong lately that a paid call which goes well puts right, as of the last admission.
    troubled: Arc<AtomicBool>,
    /// Whether every step is taken for itself, so that a test can look at what is between two.
    halting: bool,
}

/// What a look for work came to.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    /// Rows that were taken.
    rows: usize,
    /// Whether the queue was empty before.
    nobody_waits: bool,
}

/// How long a worker that has looked for work does nothing, unless it is told of some.
#[derive(Clone, Copy, Debug)]
enum Pause {
    Of(Duration),
    /// Until something is due that was not at that moment.
    UntilDue(Timestamp),
}

/// A step could not be recorded; its lease runs out and somebody takes it up again.
#[derive(Debug, thiserror::Error)]
enum Dropped {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the books refused: {0}")]
    Ledger(#[from] ledger::Error),
    #[error("the lease was lost")]
    LeaseLost,
}

impl Worker {
    /// A worker with a fresh identity.
    pub fn new(tools: Tools) -> Self {
        Self {
            id: mint().into(),
            tools,
            running: Arc::default(),
            listeners: Listeners::default(),
            troubled: Arc::default(),
            halting: false,
        }
    }

    /// Works until told to stop, then finishes what is under way, hands back the rest and returns.
    pub async fn run(&self, stop: CancellationToken) {
        let mut chores = JoinSet::new();
        chores.spawn(self.clone().beat(stop.clone()));
        chores.spawn(self.clone().sweep(stop.clone()));
        chores.spawn(self.clone().stop_strays(stop.clone()));
        chores.spawn(self.clone().tidy(stop.clone()));
        chores.spawn(self.clone().clear_files(stop.clone()));
        chores.spawn(self.clone().mind_gallery(stop.clone()));
        let mut steps = JoinSet::new();
        self.work(&mut steps, &stop).await;
        self.finish(steps).await;
        chores.shutdown().await;
    }

    /// Takes everything that is due now and sees each step through. Returns how many. For tests: no waiting, no loops.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn turn(&self) -> anyhow::Result<usize> {
        let ended = generation::sweep(&self.tools.db, self.tools.clock.now()).await?;
        let mut steps = JoinSet::new();
        let single = Self { halting: true, ..self.clone() };
        let taken = single.take(usize::MAX >> 33, &mut steps).await?.rows + strays::cancel_due(&self.tools).await?;
        while let Some(step) = steps.join_next().await {
            step?;
        }
        Ok(ended + taken)
    }

    async fn work(&self, steps: &mut JoinSet<()>, stop: &CancellationToken) {
        let mut news = self.tools.db.news();
        let mut offer = Offer::new(self.tools.standby.clone());
        // What ran out of time while nobody worked is ended first.
        self.sweep_once().await;
        while !stop.is_cancelled() {
            let free = self.tools.concurrency.saturating_sub(self.busy(steps) + offer.withdraw());
            let looked_at = self.tools.clock.now();
            let pause = match self.take(free, steps).await {
                // Something was taken: there may be more, as soon as a slot is free.
                Ok(taken) if taken.rows > 0 && self.busy(steps) < self.tools.concurrency => Pause::Of(SHORTEST),
                Ok(taken) => {
                    if taken.nobody_waits && !self.tools.spool.is_crowded() {
                        offer.make(&self.id, free.saturating_sub(taken.rows + self.reserved()), &self.tools.clock);
                    }
                    Pause::UntilDue(looked_at)
                }
                Err(error) => {
                    tracing::error!(%error, "the worker cannot reach the database; it will try again");
                    Pause::Of(IDLE)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(handed) = offer.handed() => self.take_on(handed, steps),
                Some(ended) = steps.join_next(), if !steps.is_empty() => report(ended),
                // A lagging receiver has news too.
                _ = news.recv(), if self.busy(steps) < self.tools.concurrency => {}
                () = self.rest(pause) => {}
            }
            // The news may be of the very commit that let in what is handed over a moment later.
            if offer.withdraw() > 0
                && let Ok(Some(handed)) = timeout(SHORTEST, offer.handed()).await
            {
                self.take_on(handed, steps);
            }
            // One look answers all the news there is.
            while !matches!(news.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        }
        if offer.withdraw() > 0
            && let Ok(Some(handed)) = timeout(GRACE, offer.handed()).await
        {
            self.take_on(handed, steps);
        }
    }

    /// Starts what a press let in.
    fn take_on(&self, handed: Handed, steps: &mut JoinSet<()>) {
        let Handed { admitted, intended } = handed;
        if !admitted.jobs.is_empty() {
            self.troubled.store(admitted.troubled, Ordering::Relaxed);
        }
        for job in admitted.jobs {
            self.start(job, Taken::Admitted, intended, steps);
        }
    }

    /// One slot is never given to new work: what is paid for already must find one within seconds, however long the queue.
    const fn reserved(&self) -> usize {
        if self.tools.concurrency > 1 { 1 } else { 0 }
    }

    /// Slots that are taken.
    fn busy(&self, steps: &JoinSet<()>) -> usize {
        steps.len().saturating_sub(self.listeners.count())
    }

    /// Claims what is due, admits what is queued, and starts a step for each.
    async fn take(&self, slots: usize, steps: &mut JoinSet<()>) -> anyhow::Result<Took> {
        let Tools { db, clock, .. } = &self.tools;
        let slots = i64::try_from(slots)?;
        if slots == 0 {
            return Ok(Took::default());
        }
        let there_is = generation::takeable(db, clock.now()).await?;
        let mut claimed = Vec::new();
        if there_is.due {
            claimed = generation::claim(db, &self.id, slots, clock.now()).await?;
        }
        let mut rows = claimed.len();
        // Started before anything else can fail: a claimed row that nobody works on waits for its lease to run out.
        for job in claimed {
            self.start(job, Taken::Claimed, Instant::now(), steps);
        }
        let left = slots - i64::try_from(rows + self.reserved())?;
        if there_is.queued && left > 0 && !self.tools.spool.is_crowded() {
            // Read before the intent: the send window is measured by this process's own steady clock.
            let intended = Instant::now();
            let admitted = generation::admit(db, &self.id, left, clock.now()).await?;
            self.troubled.store(admitted.troubled, Ordering::Relaxed);
            rows += admitted.jobs.len();
            for job in admitted.jobs {
                self.start(job, Taken::Admitted, intended, steps);
            }
        }
        Ok(Took { rows, nobody_waits: !there_is.queued })
    }

    fn start(&self, job: Job, taken: Taken, intended: Instant, steps: &mut JoinSet<()>) {
        let lost = CancellationToken::new();
        self.with_running(|running| running.insert((job.id.clone(), job.lease_epoch), lost.clone()));
        let worker = self.clone();
        steps.spawn(crash::inherited(async move {
            let id = job.id.clone();
            let (of, epoch) = (job.state, job.lease_epoch);
            let state = of.as_str();
            // However the step ends, a panic included, it is no longer running.
            let _ended = Ended { worker: worker.clone(), lease: (id.clone(), epoch) };
            tokio::select! {
                () = lost.cancelled() => tracing::warn!(generation = %id, "the lease was lost; the step is dropped"),
                outcome = worker.carry_out(job, taken, intended) => match outcome {
                    Ok(()) => {}
                    // A webhook that knew sooner: it makes the row due at once and fences whoever was just asking.
                    Err(Dropped::LeaseLost) if matches!(of, State::Waiting | State::Canceling) => {
                        tracing::debug!(generation = %id, state, epoch, "somebody knew more; the step is not needed");
                    }
                    Err(error) => tracing::warn!(generation = %id, state, epoch, %error, "a step was not recorded"),
                },
            }
        }));
    }

    /// One step, and what belongs to it under the same lease: to a run on a server of our own the listening, and to a
    /// finished one that it found the keeping of its outputs, whose links die; nobody should have to be found for them first.
    async fn carry_out(&self, job: Job, taken: Taken, intended: Instant) -> Result<(), Dropped> {
        let mut next = self.one_step(job, taken, intended).await?;
        while matches!(next.state, State::Waiting | State::Storing) && next.lease_owner.is_some() {
            next = self.one_step(next, Taken::Claimed, intended).await?;
        }
        if next.state.is_terminal() {
            self.forget(&next.id).await;
        }
        Ok(())
    }

    async fn one_step(&self, mut job: Job, taken: Taken, intended: Instant) -> Result<Job, Dropped> {
        let event = match plan(&job, taken, self.tools.clock.now()) {
            Action::Submit => submit::submit(&self.tools, &job, intended).await,
            Action::Look => Event::Looked(submit::look(&self.tools, &job).await?),
            Action::Poll => Event::Seen(follow::poll(&self.tools, &job).await),
            Action::Begin => Event::Begun,
            Action::Run => Event::Ran(self.listen(&mut job).await?),
            Action::Cancel if job.endpoint.is_some() => Event::Ran(Err(run::stop(&self.tools, &job).await)),
            Action::Cancel => Event::Seen(follow::cancel(&self.tools, &job).await),
            Action::Store => Event::Stored(store::store(&self.tools, &job).await?),
            Action::Park => Event::Parked,
        };
        let begun = matches!(event, Event::Begun);
        let (mut next, mut effects) = step(&job, event, self.tools.clock.now());
        let goes_on = begun || next.state == State::Storing && job.state != State::Storing;
        if goes_on && !self.halting {
            self.hold(&mut next);
        }
        // Most calls go well after others that did, and there is nothing to put right.
        if effects.lesson == Some(Lesson::Well) && !self.troubled.load(Ordering::Relaxed) {
            effects.lesson = None;
        }
        if let Some(lesson @ (Lesson::AccountRefused | Lesson::Unreachable)) = effects.lesson {
            tracing::error!(generation = %job.id, ?lesson, detail = effects.detail, "a paid call met trouble that is not this generation's");
        }
        if next.state != job.state {
            tracing::info!(generation = %job.id, from = job.state.as_str(), to = next.state.as_str(), "generation moved");
        }
        self.record(job, next, effects).await
    }

    async fn record(&self, before: Job, next: Job, effects: Effects) -> Result<Job, Dropped> {
        let outcome = Outcome { before, after: next.clone(), effects, at: self.tools.clock.now() };
        let recorded = self.tools.recorder.record(outcome).await?;
        recorded.then_some(next).ok_or(Dropped::LeaseLost)
    }

    /// Keeps the row while more is done for it.
    fn hold(&self, next: &mut Job) {
        next.lease_owner = Some(self.id.to_string());
        next.lease_until = self.tools.clock.now().plus_ms(LEASE_MS);
    }

    /// Listens to a run on a server of our own; that it began is written down on the way.
    async fn listen(&self, job: &mut Job) -> Result<Result<Prediction, NotRun>, Dropped> {
        let mut run = match Run::begin(&self.tools, job).await {
            Ok(run) => run,
            Err(why) => return Ok(Err(why)),
        };
        if let Some(ended) = run.at_once().await {
            return Ok(ended);
        }
        let (mut next, effects) = step(job, Event::Running, self.tools.clock.now());
        self.hold(&mut next);
        *job = self.record(job.clone(), next, effects).await?;
        let _listening = self.listeners.begin();
        Ok(run.until_its_end(&self.tools, job).await)
    }

    /// What was spooled of a generation that has ended is needed no more.
    async fn forget(&self, id: &GenerationId) {
        if let Err(error) = self.tools.spool.forget(id).await {
            tracing::warn!(generation = %id, %error, "its spooled files could not be removed; they go later");
        }
    }

    async fn tidy(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.clear_spool().await {
                tracing::warn!(%error, "the spool could not be cleared");
            }
            if !pause(&stop, CLEAR_SPOOL).await {
                return;
            }
        }
    }

    /// Removes what a process that was killed left half-fetched, and what waits for a generation that ended elsewhere.
    ///
    /// # Errors
    /// When the directory or the database fails.
    pub async fn clear_spool(&self) -> anyhow::Result<()> {
        let left = self.tools.spool.clear().await?;
        for id in generation::work::ended(&self.tools.db, &left).await? {
            self.forget(&id).await;
        }
        Ok(())
    }

    async fn clear_files(self, stop: CancellationToken) {
        while pause(&stop, CLEAR_FILES).await {
            let Tools { db, store, clock, .. } = &self.tools;
            match file::sweep(db, store, clock.now()).await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "files that nothing worked from were cleared away"),
                Err(error) => tracing::error!(%error, "files could not be looked at"),
            }
            match leaving::erase(db, store, clock.now()).await {
                Ok(0) => {}
                Ok(people) => tracing::info!(people, "what people who left had made was removed"),
                Err(error) => tracing::error!(error = format!("{error:#}"), "what people who left had made could not be removed"),
            }
        }
    }

    async fn mind_gallery(self, stop: CancellationToken) {
        let Tools { db, store, clock, .. } = &self.tools;
        loop {
            match gallery::words::fill(db).await {
                Ok(0) => {}
                Ok(filled) => tracing::info!(filled, "older prompts can be searched now"),
                Err(error) => tracing::error!(%error, "prompts could not be made ready for searches"),
            }
            match gallery::purge::sweep(db, store, clock.now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "files that were in the trash for a month were removed"),
                Err(error) => tracing::error!(error = format!("{error:#}"), "the trash could not be emptied"),
            }
            if !pause(&stop, MIND_GALLERY).await {
                return;
            }
        }
    }

    /// Sleeps; what has become due since a look is due at once.
    async fn rest(&self, pause: Pause) {
        match pause {
            Pause::Of(time) => sleep(time).await,
            Pause::UntilDue(looked_at) => {
                // Between two that follow each other closely nobody has to know what comes later.
                sleep(SHORTEST).await;
                let due = generation::next_due(&self.tools.db, looked_at).await;
                // A failure to look is met again, and told, by the next attempt to take something.
                sleep(due.ok().flatten().map_or(IDLE, |due| due.clamp(SHORTEST, IDLE))).await;
            }
        }
    }

    async fn beat(self, stop: CancellationToken) {
        while pause(&stop, HEARTBEAT).await {
            let leases: Vec<_> = self.with_running(|running| running.keys().cloned().collect());
            if leases.is_empty() {
                continue;
            }
            let ids: Vec<_> = leases.iter().map(|(id, _)| id.clone()).collect();
            match generation::heartbeat(&self.tools.db, &self.id, &ids, self.tools.clock.now()).await {
                Ok(ours) => self.with_running(|running| {
                    let lost = leases.iter().filter(|(id, _)| !ours.contains(id));
                    lost.filter_map(|lease| running.get(lease)).for_each(CancellationToken::cancel);
                }),
                Err(error) => tracing::error!(%error, "no sign of life could be written"),
            }
        }
    }

    async fn sweep(self, stop: CancellationToken) {
        while pause(&stop, SWEEP).await {
            self.sweep_once().await;
        }
    }

    async fn stop_strays(self, stop: CancellationToken) {
        while pause(&stop, STRAYS).await {
            if let Err(error) = strays::cancel_due(&self.tools).await {
                tracing::error!(%error, "strays could not be looked at");
            }
        }
    }

    async fn sweep_once(&self) {
        if let Err(error) = generation::sweep(&self.tools.db, self.tools.clock.now()).await {
            tracing::error!(%error, "deadlines could not be looked at");
        }
    }

    /// Lets steps under way end, then drops what is left. A dropped paid call keeps its lease and is looked for later.
    async fn finish(&self, mut steps: JoinSet<()>) {
        let ended = timeout(GRACE, async {
            while let Some(ended) = steps.join_next().await {
                report(ended);
            }
        })
        .await;
        if ended.is_err() {
            steps.shutdown().await;
        }
        if let Err(error) = generation::lease::hand_back(&self.tools.db, &self.id, self.tools.clock.now()).await {
            tracing::warn!(%error, "leases could not be handed back; they run out by themselves");
        }
    }

    fn with_running<T>(&self, look: impl FnOnce(&mut Running) -> T) -> T {
        look(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a step off the list of those running when it is dropped.
struct Ended {
    worker: Worker,
    lease: (GenerationId, i64),
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.worker.with_running(|running| running.remove(&self.lease));
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a step panicked; its lease will run out");
    }
}

/// Waits, unless told to stop.
async fn pause(stop: &CancellationToken, duration: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = sleep(duration) => true,
    }
}
