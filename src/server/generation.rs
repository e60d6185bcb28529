//! The lifecycle of a generation: the verbs that change it, each one transaction with its guard in the SQL.
//!
//! [`request`] holds the credits and writes the row in one commit; that row is the durable job. [`admit`] is the only
//! way into flight. A worker takes work with [`claim`], reports with [`record`], and each of its writes names the lease
//! epoch it was given: zero rows means that the lease is lost and nothing was changed. A terminal state is written in
//! the same transaction as its money, once; whoever comes second changes nothing.
//!
//! What people may see of it is in [`views`], and why it waits in [`waits`]; who goes into flight next in [`admission`], by what [`limits`] allow; who may
//! work on it in [`lease`]; what a worker reports in [`work`]; what a webhook may do in [`hooks`], and what becomes of a
//! prediction that nobody has a use for in [`strays`]. What is kept for good about it is in [`receipt`], and the same once
//! more in [`again`].

pub mod admission;
pub mod again;
pub mod audit;
pub mod hooks;
pub mod lease;
pub mod limits;
pub mod predictions;
pub mod receipt;
pub mod strays;
pub mod views;
pub mod waits;
pub mod work;

pub use admission::{Admitted, admit};
pub use lease::{claim, heartbeat, next_due};
pub use limits::{Caps, Lesson};
pub use work::{Effects, Job, KeptOutput, Money, Submission, keep_output, record, sweep};

use super::crash::{self, Point};
use super::db::{Db, Tx, Yielding, mint, retried};
use super::file;
use super::gallery::words;
use super::outbox;
use super::replicate::WebhookEvent;
use super::{key, ledger};
use crate::domain::{
    ApiKeyId, Credits, FileId, FileProblem, GenerationId, Model, Parent, PersonId, RawRequest, Refusal, Request, RequestKey,
    State, Timestamp,
};
use regex::RegexBuilder;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// From the press of the button to the end, whatever happens: what is not done by then is failed and released.
pub const DEADLINE_MS: i64 = 15 * 60 * 1_000;

/// How much longer than its deadline a generation's hold may stay open before the reconciler asks why.
const HOLD_GRACE_MS: i64 = 60 * 60 * 1_000;

/// How many of one person's generations may wait at once.
pub const MAX_QUEUED_PER_PERSON: i64 = 200;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be taken; nothing was charged.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// There is no such generation of this person.
    #[error("no such generation")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Insufficient { available, price } => Self::Refused(Refusal::Insufficient { available, price }),
            ledger::Error::NotOpen(id) => Self::Database(sqlx::Error::Protocol(format!("the hold of {id} is not open"))),
            ledger::Error::Database(error) => Self::Database(error),
        }
    }
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Refused(_) | Self::NotFound => None,
        }
    }
}

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

#[expect(clippy::too_many_lines, reason = "one transaction, most of it one statement")]
async fn queue(
    source: &Source,
    db: &Db,
    owner: &PersonId,
    request: Request,
    model: &Model,
    now: Timestamp,
) -> Result<Requested, Error> {
    let files = named_files(&request.input, model)?;
    let hash = fingerprint(&request);
    let price = model.price_of(request.units).ok_or_else(|| sqlx::Error::Protocol("a price does not fit".into()))?;
    let mut tx = db.begin().await?;
    let id = GenerationId::trusted(mint());
    let request = seeded(request, model, &id);
    let prompt = request.prompt.clone();
    let (asked_deadline, deadline) = source.deadlines(now);
    let (again, remix) = match &request.parent {
        Some(Parent::Again(id)) => (Some(id), None),
        Some(Parent::Remix(id)) => (None, Some(id)),
        None => (None, None),
    };
    // The hold first: it locks the account row, so one person's parallel requests queue up here on either database and
    // each sees the keys of those before it. Also before a refusal: what took the last credit may have been this press.
    let held = ledger::hold(&mut tx, owner, &id, model.price.unit, price, deadline.plus_ms(HOLD_GRACE_MS), now).await;
    if matches!(held, Ok(()) | Err(ledger::Error::Insufficient { .. }))
        && let Some(known) = find_by_key(&mut tx, owner, &request, &hash).await?
    {
        return Ok(Requested::Again(known)); // the transaction, and with it the hold, is rolled back
    }
    if let Some(quoted) = request.quoted.filter(|quoted| *quoted < price) {
        return Err(Error::Refused(Refusal::PriceChanged { quoted, price }));
    }
    held?;
    charge_key(&mut tx, source, price, now).await?;
    let queued = sqlx::query(
        "insert into generation (id, owner_id, request_key, request_hash, model, model_version, prompt, aspect, seed, count, input,
                                 unit_price, price, state, run_at, deadline_at, created_at, updated_at, priority,
                                 price_rule, output_kind, api_key_id, webhook, webhook_events, asked_deadline_at, retry_of, remix_of)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'queued', $14, $15, $14, $14, $16, $18, $19, $20, $21, $22, $23,
                (select id from generation where id = $24 and owner_id = $2), (select id from generation where id = $25 and owner_id = $2)
         where (select count(*) from generation where owner_id = $2 and state = 'queued') < $17",
    )
    .bind(&id)
    .bind(owner)
    .bind(&request.key)
    .bind(&hash)
    .bind(&request.model)
    .bind(model.pinned().map(str::to_owned))
    .bind(&request.prompt)
    .bind(request.aspect)
    .bind(request.seed)
    .bind(request.units)
    .bind(Value::Object(request.input).to_string())
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
    work_from(&mut tx, owner, &id, &files, now).await?;
    words::keep(&mut tx, owner, &id, &prompt, now).await?;
    note(&mut tx, &id, now, 0, None, State::Queued, None).await?;
    tx.commit().await?;
    crash::point(Point::Requested).await;
    Ok(Requested::New(id))
}

/// Lets the key that a program came with spend this much, if it may.
async fn charge_key(tx: &mut Tx, source: &Source, price: Credits, now: Timestamp) -> Result<(), Error> {
    match source.call() {
        Some(call) => key::charge(tx, &call.key, price, now).await?.map_err(Error::Refused),
        None => Ok(()),
    }
}

/// Keeps the files that a generation works from for as long as it does.
async fn work_from(
    tx: &mut Tx,
    owner: &PersonId,
    id: &GenerationId,
    files: &[(String, Vec<FileId>)],
    now: Timestamp,
) -> Result<(), Error> {
    for (property, ids) in files {
        file::work_from(tx, owner, id, ids, now).await.map_err(|error| match error {
            file::Error::Database(error) => Error::Database(error),
            file::Error::Refused(problem) => refused_file(property, problem),
            error @ (file::Error::Store(_) | file::Error::Disk(_)) => Error::Database(sqlx::Error::Protocol(error.to_string())),
        })?;
    }
    Ok(())
}

/// Asks a generation to stop. Queued, it is cancelled here and now; in flight, a worker asks Replicate. Asking again, or
/// asking when it is over, changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not this person's.
pub async fn cancel(db: &Db, owner: &PersonId, id: &GenerationId, now: Timestamp) -> Result<(), Error> {
    retried(|| cancel_once(db, owner, id, now)).await
}

async fn cancel_once(db: &Db, owner: &PersonId, id: &GenerationId, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let dropped = sqlx::query(
        "update generation set state = 'canceled', finished_at = $3, updated_at = $3, cancel_requested_at = $3, version = version + 1
         where id = $1 and owner_id = $2 and state = 'queued'",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .execute(tx.connection())
    .await?;
    if dropped.rows_affected() == 1 {
        ledger::release(&mut tx, id, now).await?;
        note(&mut tx, id, now, 0, Some(State::Queued), State::Canceled, Some("by its owner")).await?;
    } else {
        // Only the flag: the worker that holds the lease, or the next one, acts on it. `run_at` wakes it at once, but not
        // one that is to look for a lost prediction later: it must not look too early.
        let flagged = sqlx::query(
            "update generation set cancel_requested_at = $3, run_at = (case when run_at > $3 and state <> 'submitting' then $3 else run_at end),
                    updated_at = $3, version = version + 1
             where id = $1 and owner_id = $2 and state in ('queued', 'submitting', 'waiting', 'parked') and cancel_requested_at is null",
        )
        .bind(id)
        .bind(owner)
        .bind(now)
        .execute(tx.connection())
        .await?;
        if flagged.rows_affected() == 0 && !views::exists(&mut tx, owner, id).await? {
            return Err(Error::NotFound);
        }
    }
    tx.touch(owner);
    tx.commit().await?;
    Ok(())
}

/// Asks everything of a person that can still be stopped to stop. Answers how many were asked.
///
/// # Errors
/// When the database fails; some may have been asked by then, and asking again is harmless.
pub async fn cancel_all(db: &Db, owner: &PersonId, now: Timestamp) -> Result<usize, Error> {
    let stoppable: Vec<(GenerationId,)> = sqlx::query_as(
        "select id from generation where owner_id = $1 and state in ('queued', 'submitting', 'waiting', 'parked')
           and cancel_requested_at is null order by created_at desc, id",
    )
    .bind(owner)
    .fetch_all(db.pool())
    .await?;
    // One transaction each: together they would hold rows that workers want, in another order than theirs.
    for (id,) in &stoppable {
        cancel(db, owner, id, now).await?;
    }
    Ok(stoppable.len())
}

/// Writes one line of a generation's timeline; of its end, whoever wants to hear is told.
async fn note(
    tx: &mut Tx,
    id: &GenerationId,
    now: Timestamp,
    epoch: i64,
    from: Option<State>,
    to: State,
    detail: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into generation_event (id, generation_id, at, epoch, from_state, to_state, detail) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(mint())
    .bind(id)
    .bind(now)
    .bind(epoch)
    .bind(from)
    .bind(to)
    .bind(detail.map(str::to_owned))
    .execute(tx.connection())
    .await?;
    if to.is_terminal() {
        outbox::post(tx, id, WebhookEvent::Completed, now).await?;
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
