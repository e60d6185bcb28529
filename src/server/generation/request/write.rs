//! A press of the button in the database: everything in one commit, or nothing.

use super::MAX_QUEUED_PER_PERSON;
use super::press::{Press, Wanted, refused_file};
use crate::domain::{GenerationId, Refusal, State};
use crate::server::account::guards::{self, Spending};
use crate::server::db::{Db, Tx, with_rows};
use crate::server::gallery::words;
use crate::server::generation::timeline::{Event, note_all};
use crate::server::generation::{Error, Source};
use crate::server::ledger::{self, Hold};
use crate::server::{file, key};
use serde_json::json;
use std::collections::HashMap;

/// How much longer than its deadline a generation's hold may stay open before the reconciler asks why.
const HOLD_GRACE_MS: i64 = 60 * 60 * 1_000;

/// Holds the price of all that is wanted and queues it.
///
/// # Errors
/// [`Error::Refused`] with what stands in the way; nothing was written then.
pub(super) async fn write(db: &Db, press: &Press) -> Result<(), Error> {
    press.as_quoted()?;
    let mut tx = db.begin().await?;
    // The hold first: it locks the account row, so that one person's parallel presses queue up here on either database.
    hold(&mut tx, press).await?;
    allow(&mut tx, press).await?;
    insert(&mut tx, press).await?;
    work_from(&mut tx, press).await?;
    Ok(tx.commit().await?)
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

async fn hold(tx: &mut Tx, press: &Press) -> Result<(), Error> {
    let holds: Vec<_> = press
        .wanted
        .iter()
        .map(|wanted| Hold {
            person: &press.owner,
            generation: &wanted.id,
            unit_price: wanted.unit_price,
            amount: wanted.price,
            expires_at: wanted.deadline.plus_ms(HOLD_GRACE_MS),
            at: press.at,
        })
        .collect();
    Ok(ledger::hold(tx, &holds).await?)
}

/// Asks the key that a program came with, and the limits that the person set for themselves, whether this much may be
/// spent. Programs cannot be asked whether they mean it.
async fn allow(tx: &mut Tx, press: &Press) -> Result<(), Error> {
    if let Some(call) = press.source.call() {
        key::charge(tx, &call.key, press.total, press.at).await?.map_err(Error::Refused)?;
    }
    let spending = Spending { price: press.total, confirmed: press.confirmed, can_be_asked: press.source == Source::Page };
    let forbidding = guards::forbidding(tx, &press.owner, &spending, press.at).await?;
    forbidding.map_or(Ok(()), |refusal| Err(Error::Refused(refusal)))
}

/// The rows themselves, with the words they are found by and the first lines of their timelines; unless too many of this
/// person's wait already, or one of the keys is taken.
async fn insert(tx: &mut Tx, press: &Press) -> Result<(), Error> {
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
         retry_of text, remix_of text, room bigint),
        "where (select count(*) from generation q where q.owner_id = v.owner_id and q.state = 'queued') < v.room
         on conflict (owner_id, request_key) do nothing returning id"
    );
    let rows = (1..).zip(&press.wanted).map(|(place, wanted)| {
        let mut row = wanted.row.clone();
        row["room"] = json!(MAX_QUEUED_PER_PERSON + 1 - place);
        row
    });
    tx.defer(text, rows.collect());
    let inserted: Vec<(GenerationId,)> = tx.written().await?;
    if inserted.len() < press.wanted.len() {
        return Err(Error::Refused(Refusal::TooManyQueued { limit: MAX_QUEUED_PER_PERSON }));
    }
    let (owner, at) = (&press.owner, press.at);
    words::keep(tx, press.wanted.iter().map(|wanted| (&wanted.id, owner, wanted.prompt.as_str(), at)));
    let events =
        press.wanted.iter().map(|Wanted { id, .. }| Event { id, at, epoch: 0, from: None, to: State::Queued, detail: None });
    note_all(tx, &events.collect::<Vec<_>>());
    Ok(())
}

/// Keeps the files that the generations work from for as long as they do.
async fn work_from(tx: &mut Tx, press: &Press) -> Result<(), Error> {
    for wanted in &press.wanted {
        for (property, ids) in &wanted.files {
            file::work_from(tx, &press.owner, &wanted.id, ids, press.at).await.map_err(|error| match error {
                file::Error::Database(error) => Error::Database(error),
                file::Error::Refused(problem) => refused_file(property, problem),
                error @ (file::Error::Store(_) | file::Error::Disk(_)) => {
                    Error::Database(sqlx::Error::Protocol(error.to_string()))
                }
            })?;
        }
    }
    Ok(())
}
