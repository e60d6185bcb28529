//! Live pages: the rows are the truth, news only says "look".
//!
//! Two kinds of frames: `state` has all of what an island shows; `marks` has a number that rises with every mark in the
//! gallery, and whoever shows a gallery that is behind it asks for the page again.
//!
//! One task looks, for everybody: when somebody's rows changed and one of their pages is open, it reads what changed
//! since its last look, writes each state down once as a frame of the event stream, and hands it to all their pages. A
//! page ignores what is not newer than what it shows, so a look too many does no harm, and every look reaches a little
//! further back than the last, so a commit that was slow to appear is not missed.
//!
//! Several processes on PostgreSQL tell each other through [`relay`]; besides, everybody who watches is looked at every
//! two seconds, so that a hint that was lost, or that another process on SQLite cannot give, is late and not lost.

use super::clock::Clock;
use super::crash::{self, Point};
use super::db::{Db, News};
use super::gallery::marks;
use super::generation::{views, waits};
use super::ledger;
use crate::domain::{GenerationId, LiveState, PersonId, Timestamp, Waiting};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How far back each look reaches: longer than any commit waits for its turn after its moment was read, and than two
/// servers' clocks differ.
const OVERLAP_MS: i64 = 30_000;
/// How long news is gathered before a look.
const GATHER: Duration = Duration::from_millis(10);
/// How long news is gathered before other processes are told: at most twenty notifications a second.
const GATHER_FOR_OTHERS: Duration = Duration::from_millis(50);
/// Between two looks at everybody who watches.
const BACKSTOP: Duration = Duration::from_secs(2);
/// Before the next attempt to reach the other processes.
const AGAIN: Duration = Duration::from_millis(500);
/// Frames a page may be behind before it is dropped; it reconnects and catches up.
const BEHIND: usize = 256;
/// Streams one person may have open.
const MAX_STREAMS: usize = 10;

/// One frame of an event stream, written once for all who get it.
pub type Frame = Bytes;

/// Pages that catch up at the same time; when a thousand come back at once, others still find a connection.
const CATCHING_UP: usize = 4;

/// The live pages of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    feeds: Arc<Mutex<HashMap<PersonId, Feed>>>,
    turns: Arc<Semaphore>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { feeds: Arc::default(), turns: Arc::new(Semaphore::new(CATCHING_UP)) }
    }
}

#[derive(Debug)]
struct Feed {
    frames: broadcast::Sender<Frame>,
    /// Where the next look begins.
    since: Timestamp,
    balance: i64,
    /// The [`marks::version`] that was handed out last.
    marks: i64,
    /// What the queued ones were last said to wait for.
    waiting: Vec<Waiting>,
    /// Versions handed out lately, so that the overlap is not sent again and again.
    sent: HashMap<GenerationId, i64>,
}

impl Hub {
    /// Opens a stream of one person's frames; `None` when they have too many already.
    pub fn subscribe(&self, person: &PersonId, now: Timestamp) -> Option<broadcast::Receiver<Frame>> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.frames.receiver_count() > 0);
        let feed = feeds.entry(person.clone()).or_insert_with(|| Feed {
            frames: broadcast::channel(BEHIND).0,
            since: now,
            balance: 0,
            marks: 0,
            waiting: Vec::new(),
            sent: HashMap::new(),
        });
        (feed.frames.receiver_count() < MAX_STREAMS).then(|| feed.frames.subscribe())
    }

    /// Ends every stream of a person; those that may come back do.
    pub fn close(&self, person: &PersonId) {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).remove(person);
    }

    /// Everything a page that was rendered at `since` may not know, when it is its turn; see [`catch_up`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn catch_up(
        &self,
        db: &Db,
        person: &PersonId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Frame>, sqlx::Error> {
        // Never closed, so that there is always a turn.
        let _turn = self.turns.acquire().await;
        catch_up(db, person, since, now).await
    }

    /// Looks whenever there is news, until told to stop.
    pub async fn run(self, db: Db, clock: Clock, stop: CancellationToken) {
        let mut news = db.news();
        let mut backstop = tokio::time::interval(BACKSTOP);
        backstop.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut whom = Whom::default();
            tokio::select! {
                () = stop.cancelled() => return,
                heard = news.recv() => whom.add(heard),
                _ = backstop.tick() => whom.everybody = true,
            }
            tokio::time::sleep(GATHER).await;
            loop {
                match news.try_recv() {
                    Ok(more) => whom.add(Ok(more)),
                    Err(TryRecvError::Lagged(_)) => whom.everybody = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            if !whom.people.is_empty() {
                crash::point(Point::Telling).await;
            }
            for person in self.watching(&whom) {
                if let Err(error) = self.look(&db, &clock, &person).await {
                    // The others' would fail too; the next round, or the return of the database, reaches back to it.
                    tracing::warn!(%error, "a live look failed");
                    break;
                }
            }
        }
    }

    fn watching(&self, whom: &Whom) -> Vec<PersonId> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let open = feeds.iter().filter(|(_, feed)| feed.frames.receiver_count() > 0);
        open.map(|(person, _)| person).filter(|person| whom.everybody || whom.people.contains(person)).cloned().collect()
    }

    async fn look(&self, db: &Db, clock: &Clock, person: &PersonId) -> Result<(), sqlx::Error> {
        let now = clock.now();
        let Some(since) = self.with_feed(person, |feed| feed.since) else { return Ok(()) };
        let changed = views::changed(db, person, since.plus_ms(-OVERLAP_MS)).await?;
        let balance = ledger::balance(db, person).await?;
        let waiting = waits::of(db, person, now).await?;
        let marks = marks::version(db, person).await?;
        self.with_feed(person, |feed| {
            for (at, view) in changed {
                if feed.sent.get(&view.id).is_none_or(|sent| *sent < view.version) {
                    feed.sent.insert(view.id.clone(), view.version);
                    feed.send(&LiveState::Generation(Box::new(view)), at);
                }
            }
            if balance.version > feed.balance {
                feed.balance = balance.version;
                feed.send(&LiveState::Balance(balance), now);
            }
            if marks > feed.marks {
                feed.marks = marks;
                // No page being open any more is no fault.
                let _ = feed.frames.send(marked(marks, now));
            }
            if waiting != feed.waiting {
                feed.send(&LiveState::Queue(waiting.clone()), now);
                feed.waiting = waiting;
            }
            feed.since = feed.since.max(now);
            if feed.sent.len() > 10_000 {
                feed.sent.clear();
            }
        });
        Ok(())
    }

    fn with_feed<T>(&self, person: &PersonId, look: impl FnOnce(&mut Feed) -> T) -> Option<T> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).get_mut(person).map(look)
    }
}

impl Feed {
    fn send(&self, state: &LiveState, cursor: Timestamp) {
        if let Some(frame) = frame(state, cursor) {
            // No page being open any more is no fault.
            let _ = self.frames.send(frame);
        }
    }
}

/// Whom to look at.
#[derive(Default)]
struct Whom {
    people: HashSet<PersonId>,
    everybody: bool,
}

impl Whom {
    fn add(&mut self, heard: Result<News, broadcast::error::RecvError>) {
        match heard {
            Ok(News::Here(person) | News::Elsewhere(person)) => {
                self.people.insert(person);
            }
            Ok(News::Anything) | Err(_) => self.everybody = true,
        }
    }
}

/// Everything a page that was rendered at `since` may not know: what is unfinished, what changed, and last the balance.
/// Each frame's id is a moment up to which everything before it was told, so a connection that breaks on the way comes
/// back for the rest.
async fn catch_up(db: &Db, person: &PersonId, since: Timestamp, now: Timestamp) -> Result<Vec<Frame>, sqlx::Error> {
    let unfinished = views::present(db, person, Timestamp(i64::MAX)).await?;
    let changed = views::changed(db, person, since.plus_ms(-OVERLAP_MS)).await?;
    let balance = ledger::balance(db, person).await?;
    let told = |view, at| frame(&LiveState::Generation(Box::new(view)), at);
    let unfinished = unfinished.into_iter().map(|view| told(view, since));
    let changed = changed.into_iter().map(|(at, view)| told(view, at.max(since)));
    let waiting = waits::of(db, person, now).await?;
    let waiting = (!waiting.is_empty()).then(|| frame(&LiveState::Queue(waiting), now.max(since))).flatten();
    let marks = marks::version(db, person).await?;
    let marks = (marks > 0).then(|| marked(marks, now.max(since)));
    let balance = frame(&LiveState::Balance(balance), now.max(since));
    Ok(unfinished.chain(changed).chain([waiting, marks, balance]).flatten().collect())
}

/// One message: its id is the cursor to come back with.
fn frame(state: &LiveState, cursor: Timestamp) -> Option<Frame> {
    let data = serde_json::to_string(state).inspect_err(|error| tracing::error!(%error, "a state has no JSON")).ok()?;
    Some(Bytes::from(format!("id: {}\nevent: state\ndata: {data}\n\n", cursor.0)))
}

/// One message of how often the gallery was marked.
fn marked(version: i64, cursor: Timestamp) -> Frame {
    Bytes::from(format!("id: {}\nevent: marks\ndata: {version}\n\n", cursor.0))
}

/// Carries news between the processes of one PostgreSQL database, on two connections of its own. On SQLite there is
/// nobody to tell.
pub async fn relay(db: Db, stop: CancellationToken) {
    if !db.is_shared() {
        return;
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = tell(&db) => {}
        () = hear(&db) => {}
    }
}

async fn tell(db: &Db) {
    let mut news = db.news();
    loop {
        db.until_here().await;
        let Ok(Some(mut publisher)) = db.publisher().await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        loop {
            let mut people = HashSet::new();
            let mut anything = false;
            match news.recv().await {
                Ok(News::Here(person)) => {
                    people.insert(person);
                }
                Ok(News::Elsewhere(_) | News::Anything) => continue,
                Err(_) => anything = true,
            }
            tokio::time::sleep(GATHER_FOR_OTHERS).await;
            while let Ok(more) = news.try_recv() {
                if let News::Here(person) = more {
                    people.insert(person);
                }
            }
            crash::point(Point::Telling).await;
            let people: Vec<_> = if anything { Vec::new() } else { people.into_iter().collect() };
            if let Err(error) = publisher.publish(&people).await {
                tracing::warn!(%error, "other processes could not be told; they look every two seconds");
                break;
            }
        }
    }
}

async fn hear(db: &Db) {
    loop {
        db.until_here().await;
        match db.listener().await {
            Ok(Some(mut listener)) => {
                // Whatever was said while nobody listened.
                db.pass_on(News::Anything);
                loop {
                    match listener.heard().await {
                        Ok(people) if people.is_empty() => db.pass_on(News::Anything),
                        Ok(people) => people.into_iter().for_each(|person| db.pass_on(News::Elsewhere(person))),
                        Err(error) => {
                            tracing::warn!(%error, "the connection that listens was lost; opening another");
                            break;
                        }
                    }
                }
            }
            Ok(None) => return,
            Err(error) => tracing::warn!(%error, "no connection to listen on; trying again"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
