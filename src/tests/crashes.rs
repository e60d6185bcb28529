//! Every death: a worker is killed at each point it comes to, and at each pair of points, and whoever comes next makes up
//! for it. CR-17, RL-06.
//!
//! A script says what happens at Replicate and what the owner does. It is played once in peace, which tells how many
//! points its one process comes to; then once for each of them, with a process that dies there and another, of a new
//! identity, that goes on; then once for each pair. A process dies by being dropped where it stands: a transaction that
//! was open is rolled back, a call that was answered is forgotten, and a commit that was made stays made although nobody
//! was told. Time moves to whatever is due next, never further.
//!
//! To add a script: another test. To add a point: `crash::point` in the code; it is found by itself.

use crate::support::{Engine, TestApp, both_databases};
use atelier::domain::{GenerationId, Model, PersonId, RawRequest, State};
use atelier::server::crash::{Doom, Point, doomed};
use atelier::server::generation::{self, DEADLINE_MS};
use atelier::server::model;
use atelier::server::worker::Worker;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::{Notify, mpsc};

/// More turns than any schedule needs.
const TURNS: usize = 500;
/// How long after its deadline the last end may come: a worker died just then, and its lease had to run out.
const AFTER_DEADLINE_MS: i64 = 2 * 60 * 1_000;
/// Of the pairs, PostgreSQL plays one in so many; its singles are all played, and SQLite plays every pair.
const PAIRS_ON_POSTGRES: usize = 10;
/// Between two schedules: nothing of one is in the window where another looks for lost predictions.
const APART_MS: i64 = 10 * 60 * 1_000;
/// An original and its two thumbnails.
const FILES_OF_AN_OUTPUT: usize = 3;

/// Where a life goes by that nobody interferes with.
const WAY: [Point; 14] = [
    Point::Requested,
    Point::Admitted,
    Point::Sending,
    Point::Answered,
    Point::Recording,
    Point::Recorded,
    Point::Claimed,
    Point::Fetching,
    Point::Fetched,
    Point::Put,
    Point::Stored,
    Point::Kept,
    Point::Settling,
    Point::Settled,
];

/// What happens to a generation besides the deaths.
struct Script {
    /// With the words that script the run at the sandbox.
    prompt: &'static str,
    /// Pictures asked for.
    count: i64,
    /// What else happens.
    twist: Twist,
    /// How it ends.
    end: State,
    /// How else it may end when two processes died right before the paid call: for all that anybody can know they made it,
    /// and that counts against the budget.
    or: State,
    /// Outputs that are kept when it succeeds.
    kept: usize,
    /// Predictions bought, however many die.
    bought: RangeInclusive<usize>,
}

/// Something that happens once, between two turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    /// Nothing does.
    None,
    /// The owner cancels it when it is seen in this state.
    Cancel(State),
    /// Its deadline comes when it is seen in this state.
    Deadline(State),
    /// Our store is away when outputs are to be kept, for one turn.
    StoreAway,
}

/// One picture that succeeds: what every script begins with.
const PLAIN: Script = Script {
    prompt: "a lighthouse",
    count: 1,
    twist: Twist::None,
    end: State::Succeeded,
    or: State::Succeeded,
    kept: 1,
    bought: 1..=1,
};

/// One that fails.
const FAILING: Script = Script { prompt: "#fail", end: State::Failed, or: State::Failed, kept: 0, ..PLAIN };

/// One that its owner stops.
const CANCELED: Script = Script { end: State::Canceled, or: State::Canceled, ..FAILING };

both_databases! {
    async fn cr_17_rl_06_nobody_interferes(app: TestApp) {
        let seen = play_all(app, PLAIN).await;
        let missing: Vec<_> = WAY.into_iter().filter(|point| !seen.contains(point)).collect();
        assert!(missing.is_empty(), "nobody ever died at {missing:?}");
    }

    async fn cr_17_rl_06_two_of_three_pictures_come(app: TestApp) {
        play_all(app, Script { prompt: "#partial", count: 3, kept: 2, ..PLAIN }).await;
    }

    async fn cr_17_rl_06_the_model_fails(app: TestApp) {
        play_all(app, FAILING).await;
    }

    async fn cr_17_rl_06_the_run_is_interrupted_and_bought_once_more(app: TestApp) {
        play_all(app, Script { prompt: "#interrupted", or: State::Failed, bought: 1..=2, ..PLAIN }).await;
    }

    async fn cr_17_rl_06_the_answer_is_lost(app: TestApp) {
        play_all(app, Script { prompt: "#lost", ..PLAIN }).await;
    }

    async fn cr_17_rl_06_the_gateway_fails_after_the_call_was_accepted(app: TestApp) {
        play_all(app, Script { prompt: "#502", ..PLAIN }).await;
    }

    async fn cr_17_rl_06_replicate_is_busy_once(app: TestApp) {
        play_all(app, Script { prompt: "#busy", ..PLAIN }).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_in_the_queue(app: TestApp) {
        play_all(app, Script { prompt: "a lighthouse", twist: Twist::Cancel(State::Queued), bought: 0..=0, ..CANCELED }).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_while_the_answer_is_lost(app: TestApp) {
        play_all(app, Script { prompt: "#lost #stall", twist: Twist::Cancel(State::Submitting), bought: 0..=1, ..CANCELED }).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_the_run(app: TestApp) {
        play_all(app, Script { prompt: "#stall", twist: Twist::Cancel(State::Waiting), ..CANCELED }).await;
    }

    async fn cr_17_rl_06_the_run_never_ends(app: TestApp) {
        play_all(app, Script { prompt: "#stall", twist: Twist::Deadline(State::Waiting), ..FAILING }).await;
    }

    async fn cr_17_rl_06_the_outputs_are_gone(app: TestApp) {
        play_all(app, Script { prompt: "#expired", ..FAILING }).await;
    }

    async fn cr_17_rl_06_the_store_is_away_once(app: TestApp) {
        play_all(app, Script { twist: Twist::StoreAway, ..PLAIN }).await;
    }
}

/// One process: what it comes to, and where it dies.
struct Life {
    doom: Doom,
    seen: Arc<Mutex<Vec<Point>>>,
    died: Arc<Notify>,
    /// Ends when nothing of it is left.
    gone: mpsc::Receiver<Infallible>,
}

impl Life {
    /// Dies at its visit number `dies_at`, counted from one; `None` lives for ever.
    fn new(dies_at: Option<usize>) -> Self {
        let (alive, gone) = mpsc::channel(1);
        let (seen, died) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (saw, knell) = (seen.clone(), died.clone());
        let doom = move |here| {
            let _alive = &alive;
            let mut saw = saw.lock().expect("nobody panics here");
            saw.push(here);
            let dead = dies_at.is_some_and(|at| saw.len() >= at);
            if dead {
                knell.notify_one();
            }
            dead
        };
        Self { doom: Arc::new(doom), seen, died, gone }
    }

    /// What `work` comes to; `None` when the process dies of it.
    async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = doomed(self.doom.clone(), work) => Some(done),
            () = self.died.notified() => None,
        }
    }

    /// Waits until every step of it is dropped; the points it came to.
    async fn end(self) -> Vec<Point> {
        let Self { doom, seen, mut gone, .. } = self;
        drop(doom);
        assert!(gone.recv().await.is_none());
        let seen = seen.lock().expect("nobody panics here");
        seen.clone()
    }
}

/// Where all schedules of one script are played, one generation after the other.
struct Stage {
    app: TestApp,
    script: Script,
    owner: PersonId,
    catalogue: Vec<Model>,
}

/// Plays the script in peace, with every single death and with every pair; the points that somebody died at.
async fn play_all(app: TestApp, script: Script) -> BTreeSet<Point> {
    let begun = Instant::now();
    let browser = app.sign_up("mika").await;
    let owner = app.person(&browser).await;
    app.grant(&owner, 10_000).await;
    let catalogue = model::offered(app.db()).await.expect("the catalogue");
    let stage = Stage { app, script, owner, catalogue };
    let peace = stage.play(&[]).await;
    let points = peace.concat().len();
    let (mut schedules, mut died_at) = (1, BTreeSet::new());
    for first in 1..=points {
        let lives = stage.play(&[first]).await;
        died_at.extend(lives[0].last().copied());
        schedules += 1;
        for second in 1..=lives[1].len() {
            if stage.app.engine() == Engine::Sqlite || (first + second).is_multiple_of(PAIRS_ON_POSTGRES) {
                stage.play(&[first, second]).await;
                schedules += 1;
            }
        }
    }
    let took = begun.elapsed();
    eprintln!("{}, {:?}: {points} points, {schedules} schedules in {took:.1?}", stage.script.prompt, stage.app.engine());
    stage.app.finish().await;
    died_at
}

/// What was there before a schedule.
struct Before {
    balance: (i64, i64),
    bought: usize,
}

impl Stage {
    /// Plays the script once: the first process dies at its visit `deaths[0]`, the next at `deaths[1]`, the last one
    /// lives. What each of them came to.
    async fn play(&self, deaths: &[usize]) -> Vec<Vec<Point>> {
        self.app.clock.advance_ms(APART_MS);
        let before = Before { balance: self.app.balance(&self.owner).await, bought: self.app.bought() };
        let mut company = Company { deaths: deaths.to_vec(), lives: Vec::new(), life: Life::new(deaths.first().copied()) };
        let id = self.press(&mut company).await;
        self.see_through(&id, &mut company).await;
        let Company { mut lives, life, .. } = company;
        lives.push(life.end().await);
        let died_at: Vec<_> = lives.iter().take(deaths.len()).filter_map(|seen| seen.last().copied()).collect();
        self.check(&id, &before, &died_at, &format!("{} after deaths at visits {deaths:?}, {died_at:?}", self.script.prompt))
            .await;
        lives
    }

    /// Presses the button, again with the same key when the process dies of it.
    async fn press(&self, company: &mut Company) -> GenerationId {
        let press = RawRequest {
            request_key: atelier::server::db::mint(),
            prompt: format!("{} {}", self.script.prompt, atelier::server::db::mint()),
            count: self.script.count.to_string(),
            ..RawRequest::default()
        };
        loop {
            let now = self.app.clock.now();
            let request = generation::request(self.app.db(), &self.owner, &press, &self.catalogue, now);
            match company.life.live(request).await {
                Some(requested) => return requested.expect("it is taken").id().clone(),
                None => company.next(&self.app).await,
            }
        }
    }

    /// Turns workers until it is over.
    async fn see_through(&self, id: &GenerationId, company: &mut Company) {
        let mut worker = Worker::new(self.app.tools.clone());
        let (deadline, mut twist) = (self.app.clock.now().plus_ms(DEADLINE_MS), self.script.twist);
        for _ in 0..TURNS {
            let state = self.app.state(id).await;
            if state.is_terminal() {
                return;
            }
            let turned = match twist {
                Twist::Cancel(at) if at == state => {
                    twist = Twist::None;
                    generation::cancel(self.app.db(), &self.owner, id, self.app.clock.now()).await.expect("it is theirs");
                    continue;
                }
                Twist::Deadline(at) if at == state => {
                    twist = Twist::None;
                    self.app.clock.advance_ms(deadline.since(self.app.clock.now()));
                    continue;
                }
                Twist::StoreAway if state == State::Storing => {
                    twist = Twist::None;
                    self.app.take_store_away();
                    let turned = company.life.live(worker.turn()).await;
                    self.app.bring_store_back();
                    turned
                }
                _ => company.life.live(worker.turn()).await,
            };
            match turned {
                None => {
                    company.next(&self.app).await;
                    worker = Worker::new(self.app.tools.clone());
                }
                Some(turned) => {
                    let did_something = turned.expect("a turn") > 0;
                    assert!(did_something || self.app.move_on().await, "forgotten as {state:?}");
                }
            }
        }
        panic!("{} never ends", self.script.prompt);
    }

    /// One end, one effect on the books, the files iff it succeeded, nothing bought that the script does not allow.
    async fn check(&self, id: &GenerationId, before: &Before, died_at: &[Point], what: &str) {
        let (app, script) = (&self.app, &self.script);
        let state = app.state(id).await;
        let in_the_dark = died_at.iter().filter(|point| matches!(point, Point::Admitted | Point::Sending)).count();
        assert!(state == script.end || (in_the_dark > 1 && state == script.or), "{state:?}: {what}");
        let kept = if state == State::Succeeded { script.kept } else { 0 };
        assert_eq!(app.objects(id), kept * FILES_OF_AN_OUTPUT, "objects: {what}");
        let taken = i64::try_from(kept).expect("a few") * self.catalogue[0].unit_price.0;
        let (spendable, held) = before.balance;
        assert_eq!(app.balance(&self.owner).await, (spendable - taken, held), "the balance: {what}");
        let row = Row::read(app, id).await;
        assert_eq!((row.holds, row.captures + row.releases), (1, 1), "effects on the books: {what}");
        assert_eq!((row.captures, row.captured), (i64::from(kept > 0), taken), "what was taken: {what}");
        let late = row.finished_at - row.created_at - DEADLINE_MS;
        assert!(late <= AFTER_DEADLINE_MS, "{late} ms after its deadline: {what}");
        let bought = app.bought() - before.bought;
        assert!(script.bought.contains(&bought), "{bought} bought: {what}");
        assert_eq!(row.known, i64::try_from(bought).expect("a few"), "predictions that somebody here knows of: {what}");
    }
}

/// The processes of one schedule.
struct Company {
    deaths: Vec<usize>,
    lives: Vec<Vec<Point>>,
    life: Life,
}

impl Company {
    /// Buries the one that died and starts the next.
    async fn next(&mut self, app: &TestApp) {
        let dies_at = self.deaths.get(self.lives.len() + 1).copied();
        let dead = std::mem::replace(&mut self.life, Life::new(dies_at));
        self.lives.push(dead.end().await);
        app.quiet().await;
    }
}

/// What the database has of one generation.
#[derive(sqlx::FromRow)]
struct Row {
    captured: i64,
    created_at: i64,
    finished_at: i64,
    holds: i64,
    captures: i64,
    releases: i64,
    known: i64,
}

impl Row {
    async fn read(app: &TestApp, id: &GenerationId) -> Self {
        sqlx::query_as(
            "select captured, created_at, finished_at,
                    (select count(*) from txn where kind = 'hold' and ref = g.id) as holds,
                    (select count(*) from txn where kind = 'capture' and ref = g.id) as captures,
                    (select count(*) from txn where kind = 'release' and ref = g.id) as releases,
                    (select count(*) from submission s where s.generation_id = g.id and s.prediction_id is not null) as known
             from generation g where id = $1",
        )
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("an end that was written down")
    }
}
