//! Presses of the button in the database: any number of them, each in one commit with all that belongs to it, or not at all.
//!
//! Everything is asked and written on one way there. What has to be decided is decided by the answers, before the commit: a
//! press that something stands in the way of is refused, nothing is committed, and the others are sent again without it.
//! When a worker stands by, and nobody waits, they go into flight with the same commit.

use super::press::{Press, Wanted, refused_file};
use super::standing::{self, Refused};
use crate::domain::{GenerationId, PersonId, Refusal, State, Timestamp};
use crate::server::account::guards;
use crate::server::crash::{self, Point};
use crate::server::db::{Alone, Db, Tx, retried, with_rows};
use crate::server::gallery::words;
use crate::server::generation::admission::{Taker, admit_just_written};
use crate::server::generation::standby::{Slots, Standby};
use crate::server::generation::timeline::{Event, note_all};
use crate::server::generation::{Admitted, Error};
use crate::server::ledger::{self, Hold};
use crate::server::{file, key};
use futures::future::join_all;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use tokio::time::Instant;

/// How much longer than its deadline a generation's hold may stay open before the reconciler asks why.
const HOLD_GRACE_MS: i64 = 60 * 60 * 1_000;

/// Holds the price of all that each press wants and queues it, or lets it into flight. One answer for each press.
pub(super) async fn write_each(db: &Db, standby: &Standby, presses: &[Press]) -> Vec<Result<(), Error>> {
    let mut slots = standby.meet();
    let mut answers: Vec<_> = presses.iter().map(|press| press.as_quoted().err().map(Err)).collect();
    loop {
        let left: Vec<usize> = (0..presses.len()).filter(|place| answers[*place].is_none()).collect();
        if left.is_empty() {
            return answers.into_iter().flatten().collect();
        }
        let together: Vec<&Press> = left.iter().map(|place| &presses[*place]).collect();
        let intended = Instant::now();
        match retried(|| write(db, &together, slots.as_ref())).await {
            Ok(Written::All(admitted)) => {
                if let Some(slots) = slots.take() {
                    if !admitted.jobs.is_empty() {
                        crash::point(Point::Admitted).await;
                    }
                    slots.hand(admitted, intended);
                }
                for place in left {
                    answers[place] = Some(Ok(()));
                }
            }
            Ok(Written::None(refused)) => {
                for (place, refusal) in refused {
                    answers[left[place]] = Some(Err(Error::Refused(refusal)));
                }
            }
            Err(error) if left.len() == 1 => answers[left[0]] = Some(Err(error)),
            Err(error) => {
                tracing::debug!(%error, together = left.len(), "what could not be written together is written one by one");
                let alone = join_all(left.iter().map(|place| write_one(db, &presses[*place]))).await;
                for (place, answer) in left.into_iter().zip(alone) {
                    answers[place] = Some(answer);
                }
            }
        }
    }
}

async fn write_one(db: &Db, press: &Press) -> Result<(), Error> {
    let alone = [press];
    match retried(|| write(db, &alone, None)).await? {
        Written::All(_) => Ok(()),
        Written::None(refused) => refused.into_values().next().map_or(Ok(()), |refusal| Err(Error::Refused(refusal))),
    }
}

/// What came of presses that were to be written together.
enum Written {
    /// They are, and these of them are in flight already.
    All(Admitted),
    /// None of them is, since something stands in the way of these.
    None(Refused),
}

async fn write(db: &Db, presses: &[&Press], slots: Option<&Slots>) -> Result<Written, Error> {
    let written = match attempt(db, presses, slots, false).await? {
        // Once the accounts are locked beforehand, nothing can be stale.
        None => attempt(db, presses, slots, true).await?,
        written => written,
    };
    written.ok_or_else(|| sqlx::Error::Protocol("a locked account has changed".into()).into())
}

/// `None` when something of one of these people changed between the look and the lock.
async fn attempt(db: &Db, presses: &[&Press], slots: Option<&Slots>, locked: bool) -> Result<Option<Written>, Error> {
    let Some(now) = presses.iter().map(|press| press.at).max() else {
        return Ok(Some(Written::All(Admitted::default())));
    };
    let people: BTreeSet<&PersonId> = presses.iter().map(|press| &press.owner).collect();
    let mut tx = db.begin().await?;
    if locked {
        ledger::lock(&mut tx, &people).await?;
    }
    let holds: Vec<_> = presses.iter().flat_map(|press| press.holds()).collect();
    let holding = ledger::hold(&mut tx, &holds).await?;
    key::ask(&mut tx, presses.iter().filter_map(|press| press.source.call()).map(|call| &call.key).collect::<BTreeSet<_>>(), now);
    guards::ask(&mut tx, people.iter().copied(), now);
    count_queued(&mut tx, &people);
    insert(&mut tx, presses);
    if slots.is_some() {
        tx.ask_for_the_turn(Alone::Admission);
    }
    let told = tx.told().await?;
    if holding.is_stale(&told) {
        tx.roll_back().await?;
        return Ok(None);
    }
    let mut funds = HashMap::new();
    for person in holding.short(&told) {
        funds.insert(person, ledger::available(&mut tx, person).await?);
    }
    let were_short = !funds.is_empty();
    let mut refused = standing::refusals(presses, &told, funds);
    if refused.is_empty() && were_short {
        // They were given some meanwhile.
        tx.roll_back().await?;
        return Ok(None);
    }
    for (place, press) in presses.iter().enumerate() {
        if refused.is_empty()
            && let Err(refusal) = work_from(&mut tx, press).await?
        {
            refused.insert(place, refusal);
        }
    }
    if !refused.is_empty() {
        tx.roll_back().await?;
        return Ok(Some(Written::None(refused)));
    }
    let mut admitted = Admitted::default();
    if let Some(Slots { worker, free, clock, .. }) = slots
        && tx.has_the_turn(&told)
    {
        let written = presses.iter().flat_map(|press| press.wanted.iter().map(|wanted| wanted.id.as_str())).collect();
        admitted = admit_just_written(db, &mut tx, &written, Taker { worker, slots: *free }, clock.now()).await?;
    }
    tx.commit().await?;
    Ok(Some(Written::All(admitted)))
}

/// The first generation that this press made when it was sent before, if it was. Another press under one of its keys is
/// refused.
///
/// # Errors
/// [`Refusal::KeyReused`], or when the database fails.
pub(super) async fn known(db: &Db, press: &Press) -> Result<Option<GenerationId>, Error> {
    let keys: Vec<_> = press.wanted.iter().map(|wanted| &wanted.key).collect();
    let rows: Vec<(String, GenerationId, String)> = sqlx::query_as(db.either(
        "select request_key, id, request_hash from generation
         where owner_id = $1 and request_key in (select value from json_each($2))",
        "select request_key, id, request_hash from generation
         where owner_id = $1 and request_key in (select json_array_elements_text($2::json))",
    ))
    .bind(&press.owner)
    .bind(json!(keys).to_string())
    .fetch_all(db.pool())
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let made: HashMap<_, _> = rows.into_iter().map(|(key, id, hash)| (key, (id, hash))).collect();
    let of = |wanted: &Wanted| made.get(wanted.key.as_str()).filter(|(_, hash)| *hash == wanted.hash).map(|(id, _)| id);
    let all: Option<Vec<_>> = press.wanted.iter().map(of).collect();
    let first = all.and_then(|all| all.first().copied().cloned());
    first.map(Some).ok_or(Error::Refused(Refusal::KeyReused))
}

impl Press {
    fn holds(&self) -> impl Iterator<Item = Hold<'_>> {
        self.wanted.iter().map(|wanted| Hold {
            person: &self.owner,
            generation: &wanted.id,
            unit_price: wanted.unit_price,
            amount: wanted.price,
            expires_at: wanted.deadline.plus_ms(HOLD_GRACE_MS),
            at: self.at,
        })
    }
}

fn count_queued(tx: &mut Tx, people: &BTreeSet<&PersonId>) {
    let text = with_rows!(
        tx,
        "select 'queued', v.person, '', (select count(*) from generation q where q.owner_id = v.person and q.state = 'queued'), 0, 0
         from ",
        (person text),
        ""
    );
    tx.ask(text, people.iter().map(|person| json!({"person": person})).collect());
}

/// The rows themselves, with the words they are found by and the first lines of their timelines. A key that is taken makes
/// all of it fail.
fn insert(tx: &mut Tx, presses: &[&Press]) {
    let text = with_rows!(
        tx,
        "insert into generation (id, owner_id, request_key, request_hash, model, model_version, prompt, aspect, seed, count, input,
                                 unit_price, price, state, run_at, deadline_at, created_at, updated_at, priority,
                                 price_rule, output_kind, api_key_id, webhook, webhook_events, asked_deadline_at, retry_of, remix_of)
         select v.id, v.owner_id, v.request_key, v.request_hash, v.model, v.model_version, v.prompt, v.aspect, v.seed, v.count,
                v.input, v.unit_price, v.price, 'queued', v.at, v.deadline_at, v.at, v.at, v.priority, v.price_rule, v.output_kind,
                v.api_key_id, v.webhook, v.webhook_events, v.asked_deadline_at,
                (select g.id from generation g where g.id = v.retry_of and g.owner_id = v.owner_id),
                (select g.id from generation g where g.id = v.remix_of and g.owner_id = v.owner_id)
         from ",
        (id text, owner_id text, request_key text, request_hash text, model text, model_version text, prompt text, aspect text,
         seed bigint, count bigint, input text, unit_price bigint, price bigint, at bigint, deadline_at bigint, priority bigint,
         price_rule text, output_kind text, api_key_id text, webhook text, webhook_events text, asked_deadline_at bigint,
         retry_of text, remix_of text),
        ""
    );
    let all: Vec<(&PersonId, Timestamp, &Wanted)> =
        presses.iter().flat_map(|press| press.wanted.iter().map(|wanted| (&press.owner, press.at, wanted))).collect();
    tx.defer(text, all.iter().map(|(.., wanted)| wanted.row.clone()).collect());
    words::keep(tx, all.iter().map(|(owner, at, wanted)| (&wanted.id, *owner, wanted.prompt.as_str(), *at)));
    let events: Vec<_> = all
        .iter()
        .map(|(_, at, Wanted { id, .. })| Event { id, at: *at, epoch: 0, from: None, to: State::Queued, detail: None })
        .collect();
    note_all(tx, &events);
}

/// Keeps the files that the generations work from for as long as they do; or says which of them is not there any more.
async fn work_from(tx: &mut Tx, press: &Press) -> Result<Result<(), Refusal>, sqlx::Error> {
    for wanted in &press.wanted {
        for (property, ids) in &wanted.files {
            match file::work_from(tx, &press.owner, &wanted.id, ids, press.at).await {
                Ok(()) => {}
                Err(file::Error::Database(error)) => return Err(error),
                Err(file::Error::Refused(problem)) => return Ok(Err(refused_file(property, problem))),
                Err(error @ (file::Error::Store(_) | file::Error::Disk(_))) => {
                    return Err(sqlx::Error::Protocol(error.to_string()));
                }
            }
        }
    }
    Ok(Ok(()))
}
