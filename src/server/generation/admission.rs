//! The only way into flight: who goes next, and the write-ahead intent of their paid call.
//!
//! One process at a time, in one short transaction, so that every cap is exact. Least in flight goes first: whoever has
//! the fewest predictions at Replicate has the next turn, so one person's thousand delays another's first by one turn of
//! a slot and no more. Between equals the page goes before the API, then the older press.

use super::lease::{SUBMIT_LEASE_MS, job_columns};
use super::limits::Gates;
use super::work::Job;
use super::{Event, note_all};
use crate::domain::{State, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Alone, Db, Tx, with_rows};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// How far down the queue a look goes before it asks for everybody's first instead. Usually that is all of it.
const FRONT: usize = 64;

/// What an admission came to.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Let into flight, their intents committed.
    pub jobs: Vec<Job>,
    /// Whether anything went wrong lately that a paid call which goes well puts right.
    pub troubled: bool,
}

/// One of the queue that may go, usually its person's first.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
struct Head {
    id: String,
    owner_id: String,
    model: String,
    priority: i64,
    created_at: Timestamp,
    /// Of their owner, at Replicate already.
    flight: i64,
    /// Whether their owner has more in the queue.
    more: i64,
}

/// What a queued generation must be to have a turn: due, wanted and in time. What was asked to stop while a step put it
/// back, or is past its deadline, buys nothing more: it is left to the sweep.
macro_rules! may_go {
    ($g:literal) => {
        concat!(
            $g,
            ".state = 'queued' and ",
            $g,
            ".run_at <= $1 and ",
            $g,
            ".deadline_at > $1 and ",
            $g,
            ".cancel_requested_at is null"
        )
    };
}

/// The head of the whole queue, in its order.
macro_rules! front_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "select g.id, g.owner_id, g.model, g.priority, g.created_at, 0 as flight, 0 as more from generation g where ",
            may_go!("g"),
            " and g.model not in ",
            $in_list,
            "$3",
            $end,
            " and g.owner_id not in ",
            $in_list,
            "$2",
            $end,
            " order by g.priority desc, g.created_at, g.id limit $4"
        )
    };
}

/// Everybody's first, the next turns first: skips from person to person along the index, however long their queues are.
/// `$in_list` and `$end` unpack a JSON list where the dialects differ.
macro_rules! heads_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "with recursive lane (owner_id) as (
               select min(owner_id) from generation where state = 'queued'
               union all
               select (select min(g.owner_id) from generation g where g.state = 'queued' and g.owner_id > lane.owner_id)
               from lane where lane.owner_id is not null
             ), head as (
               select lane.owner_id,
                      (select g.id from generation g where g.owner_id = lane.owner_id and ", may_go!("g"), "
                         and g.model not in ", $in_list, "$3", $end, "
                       order by g.priority desc, g.created_at, g.id limit 1) as id,
                      (select count(*) from generation f where f.owner_id = lane.owner_id
                         and f.state in ('submitting', 'waiting', 'canceling')) as flight
               from lane where lane.owner_id is not null and lane.owner_id not in ", $in_list, "$2", $end, "
             )
             select t.id, t.owner_id, t.model, t.priority, t.created_at, t.flight,
                    (case when exists (select 1 from generation n where n.owner_id = t.owner_id and n.state = 'queued' and n.id <> t.id)
                     then 1 else 0 end) as more
             from (select h.id, g.owner_id, g.model, g.priority, g.created_at, h.flight from head h join generation g on g.id = h.id
                   order by h.flight, g.priority desc, g.created_at, g.id limit $4) as t
             order by t.flight, t.priority desc, t.created_at, t.id"
        )
    };
}

/// The next of one person's queue, after those that were chosen.
macro_rules! next_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "select g.id, g.owner_id, g.model, g.priority, g.created_at, 0 as flight, 1 as more
             from generation g where g.owner_id = $2 and ",
            may_go!("g"),
            "
               and g.model not in ",
            $in_list,
            "$3",
            $end,
            " and g.id not in ",
            $in_list,
            "$4",
            $end,
            "
             order by g.priority desc, g.created_at, g.id limit 1"
        )
    };
}

/// Writes the intents of all that were chosen.
macro_rules! intend_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "update generation set state = 'submitting', submit_seq = submit_seq + 1, submit_at = $2, reconciles = 0,
                    endpoint = (select m.endpoint from model m where m.name = generation.model),
                    lease_owner = $3, lease_until = $4, lease_epoch = lease_epoch + 1, run_at = $2, updated_at = $2, version = version + 1
             where id in ", $in_list, "$1", $end, " and state = 'queued' and cancel_requested_at is null returning ",
            job_columns!()
        )
    };
}

/// Lets up to `slots` queued generations into flight, and writes the intents of their paid calls. Committed before a byte
/// is sent.
///
/// # Errors
/// When the database fails; nobody was admitted then.
pub async fn admit(db: &Db, worker: &str, slots: i64, now: Timestamp) -> Result<Admitted, sqlx::Error> {
    let Some(mut tx) = db.begin_alone(Alone::Admission).await? else { return Ok(Admitted::default()) };
    let mut gates = Gates::look(tx.connection(), now).await?;
    let troubled = gates.is_troubled();
    let chosen = choose(db, &mut tx, &mut gates, slots, now).await?;
    if chosen.is_empty() {
        // Ended here: a transaction that is only dropped keeps the turn until the pool gets round to it, and whoever looks
        // next, perhaps at the very moment a gate opens, would find it taken.
        tx.commit().await?;
        return Ok(Admitted { jobs: Vec::new(), troubled });
    }
    let jobs = intend(db, &mut tx, &chosen, worker, now).await?;
    gates.close(&mut tx, now);
    tx.commit().await?;
    crash::point(Point::Admitted).await;
    Ok(Admitted { jobs, troubled })
}

/// Whose turn it is, in order: at most `slots`, and no more than every cap leaves room for.
async fn choose(db: &Db, tx: &mut Tx, gates: &mut Gates, slots: i64, now: Timestamp) -> Result<Vec<String>, sqlx::Error> {
    let room = usize::try_from(slots.min(gates.free(now)).max(0)).unwrap_or(0);
    if room == 0 {
        return Ok(Vec::new());
    }
    let front = front(db, tx, gates, now).await?;
    let is_all = front.len() < FRONT;
    let (mut firsts, mut rest) = lanes(gates, front);
    if !is_all {
        // Whoever has nothing in flight goes before everybody who has: when there are enough of them, theirs are the next
        // turns, however long the line goes on.
        firsts.retain(|head| head.flight == 0);
        firsts.truncate(room);
        if firsts.len() < room || firsts.iter().any(|head| gates.room(&head.model) <= 0) {
            (firsts, rest) = (heads(db, tx, gates, room, now).await?, Rest::Asked);
        }
    }
    take_turns(db, tx, gates, (firsts, rest), room, now).await
}

/// The head of the queue: [`FRONT`] of those that may go, or all there are.
async fn front(db: &Db, tx: &mut Tx, gates: &Gates, now: Timestamp) -> Result<Vec<Head>, sqlx::Error> {
    sqlx::query_as(
        db.either(
            front_text!("(select value from json_each(", "))"),
            front_text!("(select json_array_elements_text(", "::json))"),
        ),
    )
    .bind(now)
    .bind(json!(gates.closed_people(now)).to_string())
    .bind(json!(gates.closed_models(now)).to_string())
    .bind(i64::try_from(FRONT).unwrap_or(i64::MAX))
    .fetch_all(tx.connection())
    .await
}

/// Where a person's next comes from, once their first has had its turn.
enum Rest {
    /// The lines behind the firsts, by person: the whole queue was read.
    Read(HashMap<String, VecDeque<Head>>),
    /// The queue is too long to be read: the database is asked.
    Asked,
}

/// The firsts of a line, and what is behind each.
fn lanes(gates: &Gates, line: Vec<Head>) -> (Vec<Head>, Rest) {
    let flights = gates.by_person();
    let mut rest = HashMap::<String, VecDeque<Head>>::new();
    let mut firsts = Vec::new();
    for head in line {
        match rest.entry(head.owner_id.clone()) {
            Entry::Occupied(mut behind) => behind.get_mut().push_back(head),
            Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                let flight = flights.get(head.owner_id.as_str()).copied().unwrap_or(0);
                firsts.push(Head { flight, more: 1, ..head });
            }
        }
    }
    (firsts, Rest::Read(rest))
}

/// Everybody's first, of a queue that is too long to be read.
async fn heads(db: &Db, tx: &mut Tx, gates: &Gates, room: usize, now: Timestamp) -> Result<Vec<Head>, sqlx::Error> {
    sqlx::query_as(
        db.either(
            heads_text!("(select value from json_each(", "))"),
            heads_text!("(select json_array_elements_text(", "::json))"),
        ),
    )
    .bind(now)
    .bind(json!(gates.closed_people(now)).to_string())
    .bind(json!(gates.closed_models(now)).to_string())
    .bind(i64::try_from(room).unwrap_or(i64::MAX))
    .fetch_all(tx.connection())
    .await
}

/// Gives out the turns, as long as there is room.
async fn take_turns(
    db: &Db,
    tx: &mut Tx,
    gates: &mut Gates,
    (firsts, mut rest): (Vec<Head>, Rest),
    room: usize,
    now: Timestamp,
) -> Result<Vec<String>, sqlx::Error> {
    let mut chosen = Vec::new();
    let mut turns: BinaryHeap<Reverse<Turn>> = firsts.into_iter().map(|head| Reverse(Turn(head))).collect();
    while chosen.len() < room {
        let Some(Reverse(Turn(head))) = turns.pop() else { break };
        let goes = gates.room(&head.model) > 0;
        if goes {
            gates.let_in(&head.owner_id, &head.model);
            chosen.push(head.id.clone());
        }
        let flight = head.flight + i64::from(goes);
        if head.more == 1 && flight < gates.caps.per_person && chosen.len() < room {
            let next = match &mut rest {
                Rest::Read(lanes) => lanes.get_mut(&head.owner_id).and_then(VecDeque::pop_front),
                Rest::Asked => next(db, tx, gates, &head.owner_id, &chosen, now).await?,
            };
            turns.extend(next.map(|head| Reverse(Turn(Head { flight, more: 1, ..head }))));
        }
    }
    Ok(chosen)
}

async fn next(
    db: &Db,
    tx: &mut Tx,
    gates: &Gates,
    owner: &str,
    chosen: &[String],
    now: Timestamp,
) -> Result<Option<Head>, sqlx::Error> {
    sqlx::query_as(
        db.either(next_text!("(select value from json_each(", "))"), next_text!("(select json_array_elements_text(", "::json))")),
    )
    .bind(now)
    .bind(owner)
    .bind(json!(gates.closed_models(now)).to_string())
    .bind(json!(chosen).to_string())
    .fetch_optional(tx.connection())
    .await
}

/// Ordered by turn: the smallest goes first.
#[derive(Debug, Eq, PartialEq)]
struct Turn(Head);

impl Turn {
    fn key(&self) -> (i64, Reverse<i64>, Timestamp, &str) {
        (self.0.flight, Reverse(self.0.priority), self.0.created_at, &self.0.id)
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The write-ahead record of the chosen ones' paid calls, in the order they were chosen; without those that their owners
/// cancelled just now.
async fn intend(db: &Db, tx: &mut Tx, chosen: &[String], worker: &str, now: Timestamp) -> Result<Vec<Job>, sqlx::Error> {
    let mut jobs: Vec<Job> = sqlx::query_as(db.either(
        intend_text!("(select value from json_each(", "))"),
        intend_text!("(select json_array_elements_text(", "::json))"),
    ))
    .bind(json!(chosen).to_string())
    .bind(now)
    .bind(worker)
    .bind(now.plus_ms(SUBMIT_LEASE_MS))
    .fetch_all(tx.connection())
    .await?;
    let places: HashMap<&str, usize> = chosen.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    jobs.sort_by_key(|job| places.get(job.id.as_str()).copied());
    let intents: Vec<_> =
        jobs.iter().map(|job| json!({"id": job.id, "seq": job.submit_seq, "worker": worker, "at": now})).collect();
    let text = with_rows!(
        tx,
        "insert into submission (generation_id, seq, worker, intended_at) select id, seq, worker, at from ",
        (id text, seq bigint, worker text, at bigint),
        ""
    );
    tx.defer(text, intents);
    let (from, to) = (Some(State::Queued), State::Submitting);
    let events: Vec<_> = jobs
        .iter()
        .map(|Job { id, lease_epoch: epoch, .. }| Event { id, at: now, epoch: *epoch, from, to, detail: None })
        .collect();
    note_all(tx, &events);
    for job in &jobs {
        tx.touch(&job.owner_id);
    }
    Ok(jobs)
}
