//! A press of the button: the price is held and the row is written in one commit, or nothing is. That row is the durable
//! job; there is no second queue that could disagree with it.

use super::{DEADLINE_MS, Error, note};
use crate::domain::{
    ApiKeyId, Credits, FileId, FileProblem, GenerationId, Model, Parent, PersonId, RawRequest, Refusal, Request, RequestKey,
    State, Timestamp,
};
use crate::server::account::guards::{self, Spending};
use crate::server::crash::{self, Point};
use crate::server::db::{Db, Tx, mint, retried};
use crate::server::file;
use crate::server::gallery::words;
use crate::server::{key, ledger};
use regex::RegexBuilder;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How much longer than its deadline a generation's hold may stay open before the reconciler asks why.
const HOLD_GRACE_MS: i64 = 60 * 60 * 1_000;

/// How many of one person's generations may wait at once.
pub const MAX_QUEUED_PER_PERSON: i64 = 200;

/// What came of a press of the button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// A new generation, its credits held.
    New(GenerationId),
    /// The same press again: the generation it made before.
    Again(GenerationId),
}

impl Requested {
    /// The generation, new or not.
    pub const fn id(&self) -> &GenerationId {
        match self {
            Self::New(id) | Self::Again(id) => id,
        }
    }
}

/// Who pressed: somebody who waits before a page, or a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A person; goes before the programs of the same turn.
    Page,
    /// A program, with somebody's session.
    Api,
    /// A program with a key of its own, which may have a cap.
    Key(Call),
}

/// What a program says beside what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key it came with.
    pub key: ApiKeyId,
    /// Where to tell of it.
    pub webhook: Option<String>,
    /// Of what to tell: a list of words, as JSON.
    pub webhook_events: Option<String>,
    /// When to give it up, if sooner than everything is.
    pub cancel_after_ms: Option<i64>,
}

impl Call {
    /// A call that says nothing beside.
    pub const fn with(key: ApiKeyId) -> Self {
        Self { key, webhook: None, webhook_events: None, cancel_after_ms: None }
    }
}

impl Source {
    const fn priority(&self) -> i64 {
        match self {
            Self::Page => 1,
            Self::Api | Self::Key(_) => 0,
        }
    }

    /// When to give up what is asked for: as was asked for, if it was; and as it will be.
    fn deadlines(&self, now: Timestamp) -> (Option<Timestamp>, Timestamp) {
        let asked = self.call().and_then(|call| call.cancel_after_ms).map(|after| now.plus_ms(after));
        let latest = now.plus_ms(DEADLINE_MS);
        (asked, asked.map_or(latest, |asked| asked.min(latest)))
    }

    const fn call(&self) -> Option<&Call> {
        match self {
            Self::Key(call) => Some(call),
            Self::Page | Self::Api => None,
        }
    }
}

/// [`request_from`] a page.
///
/// # Errors
/// As [`request_from`].
pub async fn request(
    db: &Db,
    owner: &PersonId,
    raw: &RawRequest,
    catalogue: &[Model],
    now: Timestamp,
) -> Result<Requested, Error> {
    request_from(Source::Page, db, owner, raw, catalogue, now).await
}

/// The same for a program that says in the model's own words what it wants.
///
/// # Errors
/// As [`request_from`].
pub async fn request_input(
    source: Source,
    db: &Db,
    owner: &PersonId,
    key: &RequestKey,
    model: &Model,
    input: &Map<String, Value>,
    now: Timestamp,
) -> Result<Requested, Error> {
    let request = Request::of_input(key.clone(), model, input, matches);
    let request = request.map_err(|violations| Error::Refused(Refusal::Input(violations)))?;
    retried(|| queue(&source, db, owner, request.clone(), model, now)).await
}

/// Holds the price and queues one generation. The same key with the same request answers with the first one.
///
/// # Errors
/// [`Error::Refused`] with the reason; nothing is charged or recorded then.
pub async fn request_from(
    source: Source,
    db: &Db,
    owner: &PersonId,
    raw: &RawRequest,
    catalogue: &[Model],
    now: Timestamp,
) -> Result<Requested, Error> {
    let (request, model) = raw.parse(catalogue, matches).map_err(Error::Refused)?;
    retried(|| queue(&source, db, owner, request.clone(), model, now)).await
}

/// What a form asks for, checked and with its model; for who has something to do before it is [queued](request_ready).
///
/// # Errors
/// [`Error::Refused`] with everything that is wrong with it.
pub fn read<'a>(raw: &RawRequest, catalogue: &'a [Model]) -> Result<(Request, &'a Model), Error> {
    raw.parse(catalogue, matches).map_err(Error::Refused)
}

/// The same as [`request_from`] for what was [`read`].
///
/// # Errors
/// As [`request_from`].
pub async fn request_ready(
    source: &Source,
    db: &Db,
    owner: &PersonId,
    request: &Request,
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    retried(|| queue(source, db, owner, request.clone(), model, now)).await
}

/// Several at once of one model and one price each, all or none: the first says for all what was quoted. Answers with the
/// first of them.
///
/// # Errors
/// As [`request_from`]; what is refused is refused of all of them together.
pub async fn request_all(
    source: &Source,
    db: &Db,
    owner: &PersonId,
    requests: &[Request],
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    retried(|| queue_all(source, db, owner, requests, model, now)).await
}

pub(super) async fn queue(
    source: &Source,
    db: &Db,
    owner: &PersonId,
    request: Request,
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    queue_all(source, db, owner, &[request], model, now).await
}

async fn queue_all(
    source: &Source,
    db: &Db,
    owner: &PersonId,
    requests: &[Request],
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    let mut tx = db.begin().await?;
    let mut first = None;
    for (before, request) in (0..).zip(requests) {
        let batch = Batch { before, size: i64::try_from(requests.len()).unwrap_or(i64::MAX) };
        let made = queue_one(&mut tx, source, owner, request.clone(), model, batch, now).await?;
        match first.get_or_insert(made.clone()) {
            // Of a press that is sent again, all are known.
            Requested::Again(_) if matches!(made, Requested::New(_)) => return Err(Error::Refused(Refusal::KeyReused)),
            Requested::New(_) if matches!(made, Requested::Again(_)) => return Err(Error::Refused(Refusal::KeyReused)),
            _ => {}
        }
    }
    let first = first.ok_or_else(|| sqlx::Error::Protocol("nothing was asked for".into()))?;
    if matches!(first, Requested::New(_)) {
        tx.commit().await?;
        crash::point(Point::Requested).await;
    }
    Ok(first) // what was asked for again held nothing: the transaction is rolled back
}

/// The place of one request among those of a press.
#[derive(Clone, Copy)]
struct Batch {
    /// How many come before it, and are held for in the same transaction.
    before: i64,
    /// How many there are.
    size: i64,
}

impl Batch {
    /// What is refused of one, said of all.
    fn refused(self, error: ledger::Error) -> Error {
        let times = |credits: Credits, n: i64| credits.checked_mul(n).unwrap_or(credits);
        match error {
            ledger::Error::Insufficient { available, price } => Error::Refused(Refusal::Insufficient {
                available: Credits(available.0 + times(price, self.before).0),
                price: times(price, self.size),
            }),
            error => error.into(),
        }
    }
}

async fn queue_one(
    tx: &mut Tx,
    source: &Source,
    owner: &PersonId,
    request: Request,
    model: &Model,
    batch: Batch,
    now: Timestamp,
) -> Result<Requested, Error> {
    let files = named_files(&request.input, model)?;
    let hash = fingerprint(&request);
    let price = model.price_of(request.units).ok_or_else(|| sqlx::Error::Protocol("a price does not fit".into()))?;
    let total = price.checked_mul(batch.size).ok_or_else(|| sqlx::Error::Protocol("a price does not fit".into()))?;
    let id = GenerationId::trusted(mint());
    let request = seeded(request, model, &id);
    let (_, deadline) = source.deadlines(now);
    // The hold first: it locks the account row, so one person's parallel requests queue up here on either database and
    // each sees the keys of those before it. Also before a refusal: what took the last credit may have been this press.
    let held = ledger::hold(tx, owner, &id, model.price.unit, price, deadline.plus_ms(HOLD_GRACE_MS), now).await;
    if matches!(held, Ok(()) | Err(ledger::Error::Insufficient { .. }))
        && let Some(known) = find_by_key(tx, owner, &request, &hash).await?
    {
        return Ok(Requested::Again(known));
    }
    as_quoted(&request, total)?;
    held.map_err(|error| batch.refused(error))?;
    if batch.before == 0 {
        allow(tx, source, owner, &request, total, now).await?;
    }
    insert(tx, source, owner, &Row { id: &id, hash: &hash, request: &request, price, now }, model).await?;
    work_from(tx, owner, &id, &files, &request.prompt, now).await?;
    note(tx, &id, now, 0, None, State::Queued, None).await?;
    Ok(Requested::New(id))
}

/// What a new row says, beside its source, its owner and its model.
struct Row<'a> {
    id: &'a GenerationId,
    hash: &'a str,
    request: &'a Request,
    price: Credits,
    now: Timestamp,
}

/// The row itself, unless too many of this person's wait already.
async fn insert(tx: &mut Tx, source: &Source, owner: &PersonId, row: &Row<'_>, model: &Model) -> Result<(), Error> {
    let Row { id, hash, request, price, now } = *row;
    let (asked_deadline, deadline) = source.deadlines(now);
    let (again, remix) = match &request.parent {
        Some(Parent::Again(id)) => (Some(id), None),
        Some(Parent::Remix(id)) => (None, Some(id)),
        None => (None, None),
    };
    let queued = sqlx::query(
        "insert into generation (id, owner_id, request_key, request_hash, model, model_version, prompt, aspect, seed, count, input,
                                 unit_price, price, state, run_at, deadline_at, created_at, updated_at, priority,
                                 price_rule, output_kind, api_key_id, webhook, webhook_events, asked_deadline_at, retry_of, remix_of)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'queued', $14, $15, $14, $14, $16, $18, $19, $20, $21, $22, $23,
                (select id from generation where id = $24 and owner_id = $2), (select id from generation where id = $25 and owner_id = $2)
         where (select count(*) from generation where owner_id = $2 and state = 'queued') < $17",
    )
    .bind(id)
    .bind(owner)
    .bind(&request.key)
    .bind(hash.to_owned())
    .bind(&request.model)
    .bind(model.pinned().map(str::to_owned))
    .bind(&request.prompt)
    .bind(request.aspect)
    .bind(request.seed)
    .bind(request.units)
    .bind(json!(request.input).to_string())
    .bind(model.price.unit)
    .bind(price)
    .bind(now)
    .bind(deadline)
    .bind(source.priority())
    .bind(MAX_QUEUED_PER_PERSON)
    .bind(model.price.rule)
    .bind(model.kind())
    .bind(source.call().map(|call| call.key.clone()))
    .bind(source.call().and_then(|call| call.webhook.clone()))
    .bind(source.call().and_then(|call| call.webhook_events.clone()))
    .bind(asked_deadline)
    .bind(again.map(ToString::to_string))
    .bind(remix.map(ToString::to_string))
    .execute(tx.connection())
    .await?;
    if queued.rows_affected() == 0 {
        return Err(Error::Refused(Refusal::TooManyQueued { limit: MAX_QUEUED_PER_PERSON }));
    }
    Ok(())
}

/// Nobody pays more than stood on the button.
fn as_quoted(request: &Request, price: Credits) -> Result<(), Error> {
    let shown = request.quoted.filter(|quoted| *quoted < price);
    shown.map_or(Ok(()), |quoted| Err(Error::Refused(Refusal::PriceChanged { quoted, price })))
}

/// Asks the key that a program came with, and the limits that the person set for themselves, whether this much may be
/// spent. Programs cannot be asked whether they mean it.
async fn allow(
    tx: &mut Tx,
    source: &Source,
    owner: &PersonId,
    request: &Request,
    price: Credits,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(call) = source.call() {
        key::charge(tx, &call.key, price, now).await?.map_err(Error::Refused)?;
    }
    let spending = Spending { price, confirmed: request.confirmed, can_be_asked: *source == Source::Page };
    let forbidding = guards::forbidding(tx, owner, &spending, now).await?;
    forbidding.map_or(Ok(()), |refusal| Err(Error::Refused(refusal)))
}

/// Keeps the files that a generation works from for as long as it does, and the words that it is found by.
async fn work_from(
    tx: &mut Tx,
    owner: &PersonId,
    id: &GenerationId,
    files: &[(String, Vec<FileId>)],
    prompt: &str,
    now: Timestamp,
) -> Result<(), Error> {
    words::keep(tx, owner, id, prompt, now).await?;
    for (property, ids) in files {
        file::work_from(tx, owner, id, ids, now).await.map_err(|error| match error {
            file::Error::Database(error) => Error::Database(error),
            file::Error::Refused(problem) => refused_file(property, problem),
            error @ (file::Error::Store(_) | file::Error::Disk(_)) => Error::Database(sqlx::Error::Protocol(error.to_string())),
        })?;
    }
    Ok(())
}

/// The generation a key made before, if any; a different request under the same key is refused.
async fn find_by_key(tx: &mut Tx, owner: &PersonId, request: &Request, hash: &str) -> Result<Option<GenerationId>, Error> {
    let known: Option<(GenerationId, String)> =
        sqlx::query_as("select id, request_hash from generation where owner_id = $1 and request_key = $2")
            .bind(owner)
            .bind(&request.key)
            .fetch_optional(tx.connection())
            .await?;
    match known {
        Some((id, known_hash)) if known_hash == hash => Ok(Some(id)),
        Some(_) => Err(Error::Refused(Refusal::KeyReused)),
        None => Ok(None),
    }
}

/// The files that an input names, by the property. By now they are ours: an address that somebody else could change or
/// watch is not what a model is told.
fn named_files(input: &Map<String, Value>, model: &Model) -> Result<Vec<(String, Vec<FileId>)>, Error> {
    let mut named = Vec::new();
    for property in model.file_names() {
        let ids = file::adopt::marked(input, &[property]);
        if file::adopt::has_addresses(input, property) {
            return Err(refused_file(property, FileProblem::Address));
        }
        if !ids.is_empty() {
            named.push((property.to_owned(), ids));
        }
    }
    Ok(named)
}

fn refused_file(property: &str, problem: FileProblem) -> Error {
    Error::Refused(Refusal::Input(vec![problem.violation(property)]))
}

/// Whether a text matches a pattern of a model's schema. One that cannot be read here, or is meant to be costly, matches
/// everything: the model itself has the last word.
fn matches(pattern: &str, text: &str) -> bool {
    const MOST_BYTES: usize = 1 << 20;
    let pattern = RegexBuilder::new(pattern).size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES).build();
    pattern.map_or(true, |pattern| pattern.is_match(text))
}

/// A model that takes a seed always gets one: the picture can be made again, and should the answer to the paid call be
/// lost, no other prediction has the same input.
fn seeded(mut request: Request, model: &Model, id: &GenerationId) -> Request {
    let digest = Sha256::digest(id.as_str());
    let chosen = i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 1);
    if request.seed.is_none() && model.takes_seed() {
        request.input.insert("seed".to_owned(), json!(chosen));
        request.seed = Some(chosen);
    }
    request
}

/// What a key stands for: everything asked for, but not the price that was shown.
fn fingerprint(request: &Request) -> String {
    // In the order of the names, however they came.
    let input: BTreeMap<_, _> = request.input.iter().collect();
    hex::encode(Sha256::digest(format!("{}\n{}", request.model, json!(input))))
}
