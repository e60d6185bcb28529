//! The only way into flight: who goes next, and the write-ahead intent of their paid call.
//!
//! One process at a time, in one short transaction, so that every cap is exact. Least in flight goes first: whoever has
//! the fewest predictions at Replicate has the next turn, so one person's thousand delays another's first by one turn of
//! a slot and no more. Between equals the page goes before the API, then the older press. Where nobody waits there is nobody
//! to weigh, and what is pressed may be let in by its own transaction ([`admit_just_written`]).

mod line;

use self::line::{FRONT, Head, Rest, front, heads, lanes, look, next};
use super::lease::{SUBMIT_LEASE_MS, job_columns};
use super::limits::Gates;
use super::work::Job;
use super::{Event, note_all};
use crate::domain::{GenerationId, State, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Alone, Db, Tx, with_rows};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

/// How often it chooses anew when somebody is cancelled meanwhile.
const TRIES: usize = 5;
/// How often it looks further for people who have nothing in flight, before it asks for everybody's first.
const FURTHER: usize = 3;

/// What an admission came to.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Let into flight, their intents committed.
    pub jobs: Vec<Job>,
    /// Whether anything went wrong lately that a paid call which goes well puts right.
    pub troubled: bool,
}

/// Who takes on what is let into flight, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker<'a> {
    pub worker: &'a str,
    pub slots: i64,
}

/// Lets up to `slots` queued generations into flight, and writes the intents of their paid calls. Committed before a byte
/// is sent.
///
/// # Errors
/// When the database fails; nobody was admitted then.
pub async fn admit(db: &Db, worker: &str, slots: i64, now: Timestamp) -> Result<Admitted, sqlx::Error> {
    for _ in 0..TRIES {
        if let Some(admitted) = attempt(db, Taker { worker, slots }, now).await? {
            return Ok(admitted);
        }
    }
    Ok(Admitted::default())
}

/// `None` when one of those who were chosen was cancelled at that very moment: the others are not to wait for it.
async fn attempt(db: &Db, taker: Taker<'_>, now: Timestamp) -> Result<Option<Admitted>, sqlx::Error> {
    let Some(mut tx) = db.begin_alone(Alone::Admission).await? else { return Ok(Some(Admitted::default())) };
    let (gates, front) = look(&mut tx, now).await?;
    let Some(admitted) = let_in(db, &mut tx, gates, front, taker, now).await? else {
        tx.roll_back().await?;
        return Ok(None);
    };
    // Ended here also when nobody goes: a transaction that is only dropped keeps the turn until the pool gets round to it,
    // and whoever looks next, perhaps at the very moment a gate opens, would find it taken.
    tx.commit().await?;
    if !admitted.jobs.is_empty() {
        crash::point(Point::Admitted).await;
    }
    Ok(Some(admitted))
}

/// The same in the transaction that has just written these generations and has the [turn](Alone::Admission): they are let
/// in with it as far as there is room, unless others wait, who are to be weighed against them.
///
/// # Errors
/// When the database fails.
pub(super) async fn admit_just_written(
    db: &Db,
    tx: &mut Tx,
    written: &HashSet<&str>,
    taker: Taker<'_>,
    now: Timestamp,
) -> Result<Admitted, sqlx::Error> {
    let (gates, front) = look(tx, now).await?;
    if front.len() == FRONT || front.iter().any(|head| !written.contains(head.id.as_str())) {
        return Ok(Admitted::default());
    }
    let admitted = let_in(db, tx, gates, front, taker, now).await?;
    admitted.ok_or_else(|| sqlx::Error::Protocol("what nobody else has seen yet was changed".into()))
}

/// Chooses, and writes the intents. `None` when one of the chosen is not there any more, and nothing may be committed.
async fn let_in(
    db: &Db,
    tx: &mut Tx,
    mut gates: Gates,
    front: Vec<Head>,
    taker: Taker<'_>,
    now: Timestamp,
) -> Result<Option<Admitted>, sqlx::Error> {
    let troubled = gates.is_troubled();
    let chosen = choose(db, tx, &mut gates, front, taker.slots, now).await?;
    if chosen.is_empty() {
        return Ok(Some(Admitted { jobs: Vec::new(), troubled }));
    }
    intend(tx, &chosen, taker.worker, now);
    gates.close(tx, now);
    let jobs = in_order(tx.answers().await?, &chosen);
    for job in &jobs {
        tx.touch(&job.owner_id);
    }
    Ok((jobs.len() == chosen.len()).then_some(Admitted { jobs, troubled }))
}

/// Whose turn it is, in order: at most `slots`, and no more than every cap leaves room for.
async fn choose(
    db: &Db,
    tx: &mut Tx,
    gates: &mut Gates,
    mut front: Vec<Head>,
    slots: i64,
    now: Timestamp,
) -> Result<Vec<Head>, sqlx::Error> {
    let room = usize::try_from(slots.min(gates.free(now)).max(0)).unwrap_or(0);
    if room == 0 {
        return Ok(Vec::new());
    }
    let (people, models) = (gates.closed_people(now), gates.closed_models(now));
    let is_all = front.len() < FRONT;
    front.retain(|head| !people.contains(&head.owner_id) && !models.contains(&head.model));
    let (mut firsts, mut rest) = lanes(gates, front);
    if !is_all {
        // Whoever has nothing in flight goes before everybody who has: when there are enough of them, theirs are the next
        // turns, however long the line goes on.
        firsts.retain(|head| head.flight == 0);
        fresh(db, tx, gates, &mut firsts, room, now).await?;
        if firsts.len() < room || are_too_many(gates, &firsts) {
            (firsts, rest) = (heads(db, tx, gates, room, now).await?, Rest::Asked);
        }
    }
    take_turns(db, tx, gates, (firsts, rest), room, now).await
}

/// Whether more of a model are among these than may go.
fn are_too_many(gates: &Gates, firsts: &[Head]) -> bool {
    let mut models = HashMap::<&str, i64>::new();
    for head in firsts {
        *models.entry(&head.model).or_default() += 1;
    }
    models.into_iter().any(|(model, wanted)| wanted > gates.room(model))
}

/// Adds the firsts of people who have nothing in flight and come later in the line, until there are enough or no more of
/// them: a few people's long lines may be all that the front shows.
async fn fresh(
    db: &Db,
    tx: &mut Tx,
    gates: &Gates,
    firsts: &mut Vec<Head>,
    room: usize,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for _ in 0..FURTHER {
        if firsts.len() >= room {
            break;
        }
        let mut seen: Vec<&str> = gates.by_person().into_keys().chain(firsts.iter().map(|head| head.owner_id.as_str())).collect();
        let closed = gates.closed_people(now);
        seen.extend(closed.iter().map(String::as_str));
        let line = front(db, tx, gates, &seen, now).await?;
        let was_all = line.len() < FRONT;
        firsts.extend(lanes(gates, line).0);
        if was_all {
            break;
        }
    }
    firsts.truncate(room);
    Ok(())
}

/// Gives out the turns, as long as there is room.
async fn take_turns(
    db: &Db,
    tx: &mut Tx,
    gates: &mut Gates,
    (firsts, mut rest): (Vec<Head>, Rest),
    room: usize,
    now: Timestamp,
) -> Result<Vec<Head>, sqlx::Error> {
    let mut chosen = Vec::new();
    let mut turns: BinaryHeap<Reverse<Turn>> = firsts.into_iter().map(|head| Reverse(Turn(head))).collect();
    while chosen.len() < room {
        let Some(Reverse(Turn(head))) = turns.pop() else { break };
        let goes = gates.room(&head.model) > 0;
        if goes {
            gates.let_in(&head.owner_id, &head.model);
            chosen.push(head.clone());
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

/// Leaves the write-ahead record of the chosen ones' paid calls for the next way to the database, which answers with their
/// rows; without those that their owners cancelled just now.
fn intend(tx: &mut Tx, chosen: &[Head], worker: &str, now: Timestamp) {
    let text = with_rows!(
        tx,
        "update generation set state = 'submitting', submit_seq = submit_seq + 1, submit_at = v.at, reconciles = 0,
                endpoint = (select m.endpoint from model m where m.name = generation.model),
                lease_owner = v.worker, lease_until = v.until, lease_epoch = lease_epoch + 1, run_at = v.at, updated_at = v.at,
                version = version + 1
         from ",
        (chosen text, worker text, at bigint, until bigint),
        concat!(
            "where generation.id = v.chosen and generation.state = 'queued' and generation.cancel_requested_at is null returning ",
            job_columns!()
        )
    );
    let until = now.plus_ms(SUBMIT_LEASE_MS);
    tx.ask(text, chosen.iter().map(|head| json!({"chosen": head.id, "worker": worker, "at": now, "until": until})).collect());
    let text = with_rows!(
        tx,
        "insert into submission (generation_id, seq, worker, intended_at) select id, seq, worker, at from ",
        (id text, seq bigint, worker text, at bigint),
        ""
    );
    let intents = chosen.iter().map(|head| json!({"id": head.id, "seq": head.submit_seq + 1, "worker": worker, "at": now}));
    tx.defer(text, intents.collect());
    let (from, to) = (Some(State::Queued), State::Submitting);
    let ids: Vec<_> = chosen.iter().map(|head| GenerationId::trusted(head.id.clone())).collect();
    let events =
        chosen.iter().zip(&ids).map(|(head, id)| Event { id, at: now, epoch: head.lease_epoch + 1, from, to, detail: None });
    note_all(tx, &events.collect::<Vec<_>>());
}

/// The rows in the order in which they were chosen.
fn in_order(mut jobs: Vec<Job>, chosen: &[Head]) -> Vec<Job> {
    let places: HashMap<&str, usize> = chosen.iter().enumerate().map(|(place, head)| (head.id.as_str(), place)).collect();
    jobs.sort_by_key(|job| places.get(job.id.as_str()).copied());
    jobs
}
