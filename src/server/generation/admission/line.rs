//! The line before the admission: who waits, in what order, and what comes behind each. It is read from its head; a line that
//! is too long for that is asked for everybody's first.

use super::super::limits::{GateRow, Gates, gates_text};
use crate::domain::Timestamp;
use crate::server::db::{Db, Tx};
use serde_json::json;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// How far down the queue a look goes before it asks for everybody's first instead. Usually that is all of it.
pub(super) const FRONT: usize = 64;
/// One of the queue that may go, usually its person's first.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub(super) struct Head {
    pub id: String,
    pub owner_id: String,
    pub model: String,
    pub priority: i64,
    pub created_at: Timestamp,
    /// Of their owner, at Replicate already.
    pub flight: i64,
    /// Whether their owner has more in the queue.
    pub more: i64,
    /// The number of its last lease, and of its last intent.
    pub lease_epoch: i64,
    pub submit_seq: i64,
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

/// What everybody keeps to, and the head of the whole queue in its order.
macro_rules! look_text {
    () => {
        concat!(
            gates_text!(),
            " union all select * from (
                select 'waiting', g.id, g.model, g.owner_id, g.created_at, g.priority, g.lease_epoch, g.submit_seq
                from generation g where ",
            may_go!("g"),
            " order by g.priority desc, g.created_at, g.id limit $2) as front"
        )
    };
}

/// The head of the queue of all but these people and models, in its order.
macro_rules! front_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "select g.id, g.owner_id, g.model, g.priority, g.created_at, 0 as flight, 0 as more, g.lease_epoch, g.submit_seq
             from generation g where ",
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
             select t.id, t.owner_id, t.model, t.priority, t.created_at, t.flight, t.lease_epoch, t.submit_seq,
                    (case when exists (select 1 from generation n where n.owner_id = t.owner_id and n.state = 'queued' and n.id <> t.id)
                     then 1 else 0 end) as more
             from (select h.id, g.owner_id, g.model, g.priority, g.created_at, g.lease_epoch, g.submit_seq, h.flight from head h join generation g on g.id = h.id
                   order by h.flight, g.priority desc, g.created_at, g.id limit $4) as t
             order by t.flight, t.priority desc, t.created_at, t.id"
        )
    };
}

/// The next of one person's queue, after those that were chosen.
macro_rules! next_text {
    ($in_list:literal, $end:literal) => {
        concat!(
            "select g.id, g.owner_id, g.model, g.priority, g.created_at, 0 as flight, 1 as more, g.lease_epoch, g.submit_seq
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

/// What everybody keeps to, and the head of the queue: [`FRONT`] of those that are due, or all there are.
pub(super) async fn look(tx: &mut Tx, now: Timestamp) -> Result<(Gates, Vec<Head>), sqlx::Error> {
    let limit = i64::try_from(FRONT).unwrap_or(i64::MAX);
    let rows: Vec<GateRow> = sqlx::query_as(look_text!()).bind(now).bind(limit).fetch_all(tx.connection()).await?;
    let (waiting, gates): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.what == "waiting");
    let head = |row: GateRow| Head {
        id: row.name,
        owner_id: row.more_text,
        model: row.text,
        priority: row.more,
        created_at: Timestamp(row.number.unwrap_or(0)),
        flight: 0,
        more: 0,
        lease_epoch: row.epoch,
        submit_seq: row.seq,
    };
    Ok((Gates::of(gates, now), waiting.into_iter().map(head).collect()))
}

/// The head of the queue of all but these people: [`FRONT`] of those that may go, or all there are.
pub(super) async fn front(
    db: &Db,
    tx: &mut Tx,
    gates: &Gates,
    without: &[&str],
    now: Timestamp,
) -> Result<Vec<Head>, sqlx::Error> {
    sqlx::query_as(
        db.either(
            front_text!("(select value from json_each(", "))"),
            front_text!("(select json_array_elements_text(", "::json))"),
        ),
    )
    .bind(now)
    .bind(json!(without).to_string())
    .bind(json!(gates.closed_models(now)).to_string())
    .bind(i64::try_from(FRONT).unwrap_or(i64::MAX))
    .fetch_all(tx.connection())
    .await
}

/// Where a person's next comes from, once their first has had its turn.
pub(super) enum Rest {
    /// The lines behind the firsts, by person: the whole queue was read.
    Read(HashMap<String, VecDeque<Head>>),
    /// The queue is too long to be read: the database is asked.
    Asked,
}

/// The firsts of a line, and what is behind each.
pub(super) fn lanes(gates: &Gates, line: Vec<Head>) -> (Vec<Head>, Rest) {
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
pub(super) async fn heads(db: &Db, tx: &mut Tx, gates: &Gates, room: usize, now: Timestamp) -> Result<Vec<Head>, sqlx::Error> {
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

/// The next of one person's line, after those that were chosen.
pub(super) async fn next(
    db: &Db,
    tx: &mut Tx,
    gates: &Gates,
    owner: &str,
    chosen: &[Head],
    now: Timestamp,
) -> Result<Option<Head>, sqlx::Error> {
    sqlx::query_as(
        db.either(next_text!("(select value from json_each(", "))"), next_text!("(select json_array_elements_text(", "::json))")),
    )
    .bind(now)
    .bind(owner)
    .bind(json!(gates.closed_models(now)).to_string())
    .bind(json!(chosen.iter().map(|head| &head.id).collect::<Vec<_>>()).to_string())
    .fetch_optional(tx.connection())
    .await
}
