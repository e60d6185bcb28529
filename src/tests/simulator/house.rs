//! A house in a world of its own: its people and workers over the real verbs and a real database, a Replicate and an
//! object store in memory, and one queue of everything that is going to happen.
//!
//! Nothing here waits, and nothing here looks at a clock: time is the moment of the event at the head of the queue.

use super::dice::Dice;
use super::mutant::Mutant;
use super::replicate::{Call, Fetched, Replicate, Reply};
use super::weather::{Calamity, Weather};
use super::worker::{Decided, Worker};
use atelier::domain::{Credits, GenerationId, Model, PersonId, RawRequest, Refusal, Timestamp};
use atelier::server::db::Db;
use atelier::server::generation::{self, Caps, Desk, Requested, limits};
use atelier::server::ledger::{self, Grant};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::hash::{DefaultHasher, Hash};

/// Where every life begins; any moment would do.
pub const START: i64 = 1_790_000_000_000;
/// How long people keep pressing.
pub const PRESSES_MS: i64 = 120_000;
/// How much of what happened last is told when a promise is broken.
const TOLD: usize = 60;
/// After its deadline, a generation may take this long to end: its run has to be stopped, or its outputs to be kept.
const GRACE_MS: i64 = 10 * 60 * 1_000;

/// A broken promise.
#[derive(Debug)]
pub struct Broken(pub String);

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(format!("the database failed: {error}"))
    }
}

/// Which life of which worker something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    pub worker: usize,
    pub life: u32,
}

/// Something that is going to happen.
#[derive(Debug)]
pub enum Event {
    Press { person: usize, wish: RawRequest },
    Stop { person: usize, id: GenerationId },
    Look(Post),
    Beat(Post),
    Sweep(Post),
    Arrive(Post, u64, Call),
    Step(Post, u64, News),
    Calamity(usize, Calamity),
    Start(usize),
}

/// What a step hears.
#[expect(clippy::large_enum_variant, reason = "there are a few dozen at a time")]
#[derive(Debug)]
pub enum News {
    Begin,
    Reply(Reply),
    TimedOut,
    Fetched(Fetched),
    Put,
    Write(Box<Decided>),
}

struct Due {
    at: i64,
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Somebody who presses buttons.
pub struct Person {
    pub id: PersonId,
    pub granted: i64,
}

/// Everything.
pub struct House {
    pub dice: Dice,
    pub weather: Weather,
    pub mutant: Option<Mutant>,
    pub db: Db,
    pub caps: Caps,
    pub now: i64,
    pub workers: Vec<Worker>,
    pub people: Vec<Person>,
    pub replicate: Replicate,
    /// The object store: keys and hashes.
    pub objects: BTreeMap<String, String>,
    /// What was pressed, and by whom.
    pub requested: Vec<(GenerationId, usize)>,
    /// In the order in which they were let into flight; one that is let in twice stands here twice.
    pub admitted: Vec<GenerationId>,
    pub tally: BTreeMap<&'static str, u64>,
    pub last: VecDeque<String>,
    pub digest: DefaultHasher,
    catalogue: Vec<Model>,
    queue: BinaryHeap<Reverse<Due>>,
    order: u64,
}

impl House {
    /// A house with its people and its workers, before anybody presses anything.
    pub async fn new(db: Db, seed: u64, weather: Weather, caps: Caps, mutant: Option<Mutant>) -> Result<Self, Broken> {
        let catalogue = atelier::server::model::offered(&db).await?;
        limits::allow(&db, caps).await?;
        Ok(Self {
            dice: Dice::new(seed),
            weather,
            mutant,
            db,
            caps,
            now: START,
            workers: Vec::new(),
            people: Vec::new(),
            replicate: Replicate::default(),
            objects: BTreeMap::new(),
            requested: Vec::new(),
            admitted: Vec::new(),
            tally: BTreeMap::new(),
            last: VecDeque::new(),
            digest: DefaultHasher::new(),
            catalogue,
            queue: BinaryHeap::new(),
            order: 0,
        })
    }

    /// A whole life of this seed: everybody comes, everything happens, everything ends.
    pub async fn live(&mut self) -> Result<(), Broken> {
        let (people, workers, presses) = (self.dice.between(2, 4), self.dice.between(2, 3), self.dice.between(6, 12));
        for _ in 0..people {
            let credits = self.dice.between(5, 30);
            self.welcome(credits).await?;
        }
        for _ in 0..workers {
            let slots = self.dice.between(1, 5);
            self.hire(slots);
        }
        for at in 0..presses {
            let (after, person) = (self.dice.between(0, PRESSES_MS), self.dice.below(self.people.len()));
            let wish = self.wish(at);
            self.later(after, Event::Press { person, wish });
        }
        for (at, worker, calamity) in std::mem::take(&mut self.weather.calamities) {
            let worker = worker % self.workers.len();
            self.later(at - self.now, Event::Calamity(worker, calamity));
        }
        self.until_all_is_over(START + PRESSES_MS + generation::DEADLINE_MS + GRACE_MS).await
    }

    /// Lets everything happen until no generation is unfinished and nobody is going to make another.
    async fn until_all_is_over(&mut self, latest: i64) -> Result<(), Broken> {
        loop {
            self.until(latest, |_, event| matches!(event, Event::Sweep(_))).await?;
            // Not every time: it is a question to the database.
            if self.dice.chance(300) && self.nobody_is_coming() && self.unfinished().await?.is_empty() {
                return Ok(());
            }
        }
    }

    /// Lets everything happen up to the event after which it is enough.
    pub async fn until(&mut self, latest: i64, enough: impl Fn(&Self, &Event) -> bool) -> Result<(), Broken> {
        while let Some(Reverse(due)) = self.queue.pop() {
            self.now = due.at;
            if self.now > latest {
                let left = self.unfinished().await?;
                return Err(Broken(format!("past every deadline and not over: {left:?}")));
            }
            let last = enough(self, &due.event);
            self.happen(due).await?;
            if last {
                return Ok(());
            }
        }
        Err(Broken("nothing is going to happen any more".to_owned()))
    }

    fn nobody_is_coming(&self) -> bool {
        !self.queue.iter().any(|Reverse(due)| matches!(due.event, Event::Press { .. }))
    }

    async fn happen(&mut self, due: Due) -> Result<(), Broken> {
        let Due { at, order, event } = due;
        if let Event::Look(post) | Event::Beat(post) | Event::Sweep(post) | Event::Step(post, ..) = &event {
            let worker = &self.workers[post.worker];
            if !worker.is_alive || worker.life != post.life {
                return Ok(());
            }
            if worker.frozen_until > at {
                // Awake again, it finds everything at once, and does it in any order.
                let at = worker.frozen_until + self.dice.between(0, 5);
                self.queue.push(Reverse(Due { at, order, event }));
                return Ok(());
            }
        }
        match event {
            Event::Press { person, wish } => self.press(person, wish).await,
            Event::Stop { person, id } => self.stop(person, &id).await,
            Event::Look(post) => self.look(post).await,
            Event::Beat(post) => self.beat(post).await,
            Event::Sweep(post) => self.sweep(post).await,
            Event::Arrive(post, step, call) => {
                self.arrive(post, step, &call);
                Ok(())
            }
            Event::Step(post, step, news) => self.go_on(post, step, news).await,
            Event::Calamity(worker, calamity) => self.befall(worker, calamity).await,
            Event::Start(worker) => {
                self.start(worker);
                Ok(())
            }
        }
    }

    /// Puts something into the future.
    pub fn later(&mut self, in_ms: i64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Due { at: self.now + in_ms, order: self.order, event }));
    }

    /// Notes what happens, for whoever has to find out what went wrong.
    pub fn say(&mut self, what: &str) {
        let line = format!("{:>9} {what}", self.now - START);
        line.hash(&mut self.digest);
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Counts something, to show that it happens at all.
    pub fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Somebody signs up; the password is nobody's business here.
    pub async fn welcome(&mut self, credits: i64) -> Result<usize, Broken> {
        let id = PersonId::trusted(atelier::server::db::mint());
        let mut tx = self.db.begin().await?;
        sqlx::query("insert into person (id, email, password_hash, role, created_at) values ($1, $1, '', 'creator', 0)")
            .bind(id.as_str())
            .execute(tx.connection())
            .await?;
        let now = Timestamp(self.now);
        ledger::open_account(&mut tx, &id, now).await?;
        ledger::grant(&mut tx, &id, Credits(credits), &Grant::Signup, now).await?;
        tx.commit().await?;
        self.people.push(Person { id, granted: credits });
        Ok(self.people.len() - 1)
    }

    /// One more worker.
    pub fn hire(&mut self, slots: i64) {
        self.workers.push(Worker::new(slots));
        self.start(self.workers.len() - 1);
    }

    /// A clock that is nearly right.
    pub fn throw_skew(&mut self) -> i64 {
        let most = if self.mutant == Some(Mutant::ClocksApart) { 600_000 } else { self.weather.skew_ms };
        self.dice.between(-most, most)
    }

    fn wish(&mut self, at: i64) -> RawRequest {
        // Some want exactly the same as somebody else; their predictions cannot be told apart.
        let twins = self.dice.chance(150);
        RawRequest {
            request_key: format!("press-{at}"),
            model: if self.dice.chance(200) { "stability-ai/sdxl".to_owned() } else { String::new() },
            prompt: if twins { "the same lighthouse".to_owned() } else { format!("lighthouse {at}") },
            count: if twins { "1".to_owned() } else { self.dice.between(1, 3).to_string() },
            seed: if twins { "7".to_owned() } else { String::new() },
            ..RawRequest::default()
        }
    }

    /// Somebody presses the button; when the answer is lost, they press it again.
    async fn press(&mut self, person: usize, wish: RawRequest) -> Result<(), Broken> {
        let owner = self.people[person].id.clone();
        let made = generation::request(&Desk::new(self.db.clone()), &owner, &wish, &self.catalogue, Timestamp(self.now)).await;
        match made {
            Ok(Requested::Again(id)) => {
                if !self.requested.iter().any(|(known, _)| *known == id) {
                    return Err(Broken(format!("{id} was pressed again and never before")));
                }
                self.count("presses told twice");
            }
            Ok(Requested::New(id)) => {
                self.say(&format!("{person} presses: {id}"));
                self.count("presses");
                self.requested.push((id.clone(), person));
                self.tell_workers();
                if self.dice.chance(self.weather.stops) {
                    let after = self.dice.between(0, 30_000);
                    self.later(after, Event::Stop { person, id });
                }
                if self.dice.chance(self.weather.unheard_commit) {
                    let after = self.dice.between(10, 5_000);
                    self.later(after, Event::Press { person, wish });
                }
            }
            Err(generation::Error::Refused(Refusal::Insufficient { .. })) => self.count("presses without credits"),
            Err(other) => return Err(Broken(format!("a press was refused: {other}"))),
        }
        Ok(())
    }

    async fn stop(&mut self, person: usize, id: &GenerationId) -> Result<(), Broken> {
        let owner = self.people[person].id.clone();
        self.say(&format!("{person} stops {id}"));
        self.count("stops");
        let stopped = generation::cancel(&self.db, &owner, id, Timestamp(self.now)).await;
        stopped.map_err(|error| Broken(format!("a wish to stop was refused: {error}")))?;
        self.tell_workers();
        Ok(())
    }

    /// A row has changed: every worker looks soon, unless it does not hear of it.
    pub fn tell_workers(&mut self) {
        for worker in 0..self.workers.len() {
            if self.workers[worker].may_look() && !self.dice.chance(self.weather.lost_news) {
                let in_ms = self.dice.between(1, 1_500);
                self.look_in(worker, in_ms);
            }
        }
    }

    async fn unfinished(&self) -> Result<Vec<(String, String)>, Broken> {
        let query = "select id, state from generation where state not in ('succeeded', 'failed', 'canceled')";
        Ok(sqlx::query_as(query).fetch_all(self.db.pool()).await?)
    }
}
