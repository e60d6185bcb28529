//! The reconciler: what Replicate has, what the store holds and what the books say, laid side by side.
//!
//! It runs every hour beside the worker, and by `atelier ledger verify`. It reports drift, each with its kind and its id,
//! and **repairs nothing by itself**: drift means that something happened which cannot, and whoever mends it by a rule
//! hides it. [`repair`] is an operator's, one thing at a time, with a reason that stays.
//!
//! To add a kind: a variant, and the part of the look that finds it.

use super::clock::Clock;
use super::db::Db;
use super::file::{self, resolve};
use super::generation::strays::{self, Source};
use super::generation::{audit, hooks};
use super::ledger;
use super::replicate::{Client, Error, Prediction};
use super::store::{Key, Listed, Store};
use crate::domain::{GenerationId, PredictionId, Timestamp};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_hours(1);
/// How far back the look at Replicate and at new files goes.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// What is younger may be on its way to where it belongs: longer than a paid call is looked for, and a file is put.
const SETTLED_MS: i64 = 10 * 60 * 1_000;
/// What should have ended and is late by this much never ends; the worker gives up after an hour.
const LATE_MS: i64 = 2 * 60 * 60 * 1_000;
/// The list of a shorter window is not cut in halves again.
const SHORTEST_WINDOW_MS: i64 = 60_000;

/// What does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The books break one of their promises.
    Books,
    /// A hold is open and nothing will ever settle it.
    Hold,
    /// Replicate has a prediction of ours that no generation has and no stray is.
    Prediction,
    /// Replicate does not know a prediction that a generation was told of.
    Unknown,
    /// A prediction runs on, though its generation has ended.
    Running,
    /// A stray is found, and not stopped.
    Stray,
    /// A generation names a prediction that none of its paid calls made.
    Submission,
    /// A generation should have ended long ago.
    Overdue,
    /// A kept file is not in the store, or not as long as it was.
    Missing,
    /// The store has a file that no row names.
    Object,
}

impl Kind {
    /// The word for it in reports and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Books => "books",
            Self::Hold => "hold",
            Self::Prediction => "prediction",
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Stray => "stray",
            Self::Submission => "submission",
            Self::Overdue => "overdue",
            Self::Missing => "missing",
            Self::Object => "object",
        }
    }
}

/// One thing that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Of which kind.
    pub kind: Kind,
    /// Of what: a generation, a prediction, an object, a row of the books.
    pub id: String,
    /// In words.
    pub detail: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind.as_str(), self.id, self.detail)
    }
}

/// Everything that is compared. Without a Replicate, that part is left out.
#[derive(Clone, Debug)]
pub struct Sides {
    /// The rows.
    pub db: Db,
    /// The files.
    pub store: Store,
    /// The predictions.
    pub replicate: Option<Client>,
}

/// Looks every hour until `stop`, and raises an alarm for each thing that does not agree.
pub async fn run(sides: Sides, clock: Clock, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match look(&sides, clock.now()).await {
            Ok(found) if found.is_empty() => tracing::info!("everything agrees"),
            Ok(found) => {
                for drift in found {
                    tracing::error!(kind = drift.kind.as_str(), id = drift.id, detail = drift.detail, "drift");
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "not everything could be compared"),
        }
    }
}

/// Everything that does not agree at this moment.
///
/// # Errors
/// When one of the sides cannot be asked; nothing is concluded then.
pub async fn look(sides: &Sides, now: Timestamp) -> anyhow::Result<Vec<Drift>> {
    let mut found = books(&sides.db, now).await.context("the books")?;
    found.extend(generations(&sides.db, now).await.context("the generations")?);
    if let Some(replicate) = &sides.replicate {
        found.extend(predictions(&sides.db, replicate, now).await.context("Replicate")?);
    }
    found.extend(missing(&sides.db, &sides.store, now).await.context("the kept files")?);
    found.extend(objects(&sides.db, &sides.store, now).await.context("the object store")?);
    Ok(found)
}

fn drift(kind: Kind, id: impl fmt::Display, detail: impl Into<String>) -> Drift {
    Drift { kind, id: id.to_string(), detail: detail.into() }
}

async fn books(db: &Db, now: Timestamp) -> anyhow::Result<Vec<Drift>> {
    let orphans = ledger::orphan_holds(db, now).await?;
    let orphans = orphans.into_iter().map(|id| drift(Kind::Hold, id, "its hold is open, and nothing will settle it"));
    let broken = ledger::verify(db).await?;
    let broken = broken.into_iter().map(|broken| drift(Kind::Books, broken.id, format!("not so: {}", broken.promise)));
    Ok(broken.chain(orphans).collect())
}

async fn generations(db: &Db, now: Timestamp) -> Result<Vec<Drift>, sqlx::Error> {
    let overdue = audit::overdue(db, now.plus_ms(-LATE_MS)).await?;
    let overdue = overdue.into_iter().map(|id| drift(Kind::Overdue, id, "it should have ended long ago"));
    let unexplained = audit::unexplained(db).await?;
    let unexplained = unexplained.into_iter().map(|id| drift(Kind::Submission, id, "none of its paid calls made its prediction"));
    let unstopped = audit::unstopped(db, now.plus_ms(-LATE_MS)).await?;
    let unstopped = unstopped.into_iter().map(|id| drift(Kind::Stray, id, "it was found hours ago, and may still run"));
    Ok(overdue.chain(unexplained).chain(unstopped).collect())
}

/// The day's predictions against the day's paid calls, in both directions.
async fn predictions(db: &Db, replicate: &Client, now: Timestamp) -> anyhow::Result<Vec<Drift>> {
    let (since, until) = (now.plus_ms(-DAY_MS), now.plus_ms(-SETTLED_MS));
    let listed = list(replicate, since, until).await?;
    // A paid call is intended a little before its prediction is created.
    let known = audit::known(db, since.plus_ms(-SETTLED_MS)).await?;
    let inputs: HashMap<Value, GenerationId> = audit::inputs(db, since.plus_ms(-SETTLED_MS))
        .await?
        .into_iter()
        .filter_map(|(input, id)| Some((serde_json::from_str(&input).ok()?, id)))
        .collect();
    let mut found = Vec::new();
    let mut there = HashSet::new();
    for prediction in &listed {
        there.insert(&prediction.id);
        if is_ours(prediction, &inputs) && !super::generation::work::is_owned(db, &prediction.id).await? {
            found.push(drift(
                Kind::Prediction,
                &prediction.id,
                format!("nobody has it, and it is {}", prediction.status.as_str()),
            ));
        }
    }
    let running: HashSet<_> = listed.iter().filter(|prediction| !prediction.status.is_terminal()).map(|p| &p.id).collect();
    for known in &known {
        if known.state.is_terminal() && running.contains(&known.prediction_id) {
            let detail = format!("generation {} has ended, and it still runs", known.generation_id);
            found.push(drift(Kind::Running, &known.prediction_id, detail));
        }
        // The list may lag; only Replicate's own word for it counts.
        if known.current == 1 && !there.contains(&known.prediction_id) {
            match replicate.get(&known.prediction_id).await {
                Err(Error::NotFound { .. }) => {
                    let detail = format!("generation {} has it, and Replicate does not know it", known.generation_id);
                    found.push(drift(Kind::Unknown, &known.prediction_id, detail));
                }
                other => drop(other?),
            }
        }
    }
    Ok(found)
}

/// By its mark, or else by an input with a seed that we chose. Other programs may use the same account.
fn is_ours(prediction: &Prediction, inputs: &HashMap<Value, GenerationId>) -> bool {
    match &prediction.webhook {
        Some(told) => marked(told).is_some(),
        None => {
            // Most inputs name no file, and are found at once.
            inputs.contains_key(&prediction.input) || inputs.keys().any(|ours| resolve::became(ours, &prediction.input))
        }
    }
}

/// The generation and the paid call that the address of a webhook names.
fn marked(url: &str) -> Option<(GenerationId, i64)> {
    let mut parts = url.rsplit('/');
    let (seq, id) = (parts.next()?.parse().ok()?, GenerationId::parse(parts.next()?)?);
    url.ends_with(&hooks::path(&id, seq)).then_some((id, seq))
}

/// A window with more than one listing may hold is cut in halves.
async fn list(replicate: &Client, since: Timestamp, until: Timestamp) -> anyhow::Result<Vec<Prediction>> {
    let (mut windows, mut listed) = (vec![(since, until)], HashMap::new());
    while let Some((from, to)) = windows.pop() {
        match replicate.list(from, to).await {
            Ok(found) => listed.extend(found.into_iter().map(|prediction| (prediction.id.clone(), prediction))),
            Err(Error::Unavailable(_)) if to.since(from) > SHORTEST_WINDOW_MS => {
                let middle = from.plus_ms(to.since(from) / 2);
                windows.extend([(from, middle), (middle, to)]);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(listed.into_values().collect())
}

/// Every file kept in the last day is where its row says, and as long.
async fn missing(db: &Db, store: &Store, now: Timestamp) -> anyhow::Result<Vec<Drift>> {
    let mut found = Vec::new();
    for kept in audit::kept_since(db, now.plus_ms(-DAY_MS)).await? {
        let name = kept.object_key.rsplit('/').next().unwrap_or_default();
        let Some(key) = Key::parse(&kept.generation_id, name) else {
            found.push(drift(Kind::Missing, &kept.object_key, "its key is none of ours"));
            continue;
        };
        match store.head(&key).await? {
            Some(meta) if i64::try_from(meta.length) == Ok(kept.bytes) => {}
            Some(meta) => {
                let detail = format!("it has {} bytes, and was kept with {}", meta.length, kept.bytes);
                found.push(drift(Kind::Missing, &kept.object_key, detail));
            }
            None => found.push(drift(Kind::Missing, &kept.object_key, "it is not in the store")),
        }
    }
    Ok(found)
}

/// Everything in the store belongs to a row, or to a generation that is being worked on.
async fn objects(db: &Db, store: &Store, now: Timestamp) -> anyhow::Result<Vec<Drift>> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.list(after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.key.clone());
        let old: Vec<_> = page.iter().filter(|listed| now.since(listed.put_at) >= SETTLED_MS).collect();
        for key in orphans(db, &old).await? {
            found.push(drift(Kind::Object, key, "no row names it"));
        }
    }
}

/// Of some objects, those that nobody needs.
async fn orphans(db: &Db, listed: &[&Listed]) -> Result<Vec<String>, sqlx::Error> {
    let ours = listed.iter().filter_map(|listed| Some((listed.key.as_str(), owner(&listed.key)?)));
    let ours: Vec<(&str, GenerationId)> = ours.collect();
    let ids: HashSet<_> = ours.iter().map(|(_, id)| id.clone()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let alive: HashSet<_> = audit::alive(db, &ids).await?.into_iter().collect();
    let mut needed = HashSet::new();
    for kept in audit::kept_of(db, &ids).await? {
        let place = u32::try_from(kept.place).unwrap_or(u32::MAX);
        needed.insert(Key::small(&kept.generation_id, place).to_string());
        needed.insert(Key::large(&kept.generation_id, place).to_string());
        needed.insert(kept.object_key);
    }
    let orphan = |(key, id): &(&str, GenerationId)| !needed.contains(*key) && !alive.contains(id);
    let mut orphans: Vec<_> = ours.iter().filter(|ours| orphan(ours)).map(|(key, _)| (*key).to_owned()).collect();
    let keys: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
    orphans.extend(file::orphans(db, &keys).await?);
    Ok(orphans)
}

/// Whose an object is, by its key; `None` for what is none of ours.
fn owner(key: &str) -> Option<GenerationId> {
    let (id, _) = key.strip_prefix("generations/")?.split_once('/')?;
    GenerationId::parse(id)
}

/// A key of ours, read from its text.
fn key(text: &str) -> Option<Key> {
    if let Some((_, key)) = Key::parse_file(text) {
        return Some(key);
    }
    Key::parse(&owner(text)?, text.rsplit('/').next()?)
}

/// What an operator can have mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Repair {
    /// Gives back an open hold of a generation that has ended; the id is the generation's
    Hold,
    /// Has a prediction that nobody owns cancelled and counted; the id is the prediction's
    Prediction,
    /// Removes an object that no row names; the id is its key
    Object,
}

/// Mends one thing that still does not agree. The reason stays in the books or in the log. Returns what was done.
///
/// # Errors
/// When there is nothing to mend there, or it cannot be done; nothing has changed then.
pub async fn repair(sides: &Sides, what: Repair, id: &str, reason: &str, now: Timestamp) -> anyhow::Result<String> {
    let done = match what {
        Repair::Hold => {
            let generation = GenerationId::parse(id).context("the id is no generation's")?;
            let mut tx = sides.db.begin().await?;
            ledger::release_orphan(&mut tx, &generation, reason, now).await?;
            tx.commit().await?;
            format!("the hold of {generation} is released")
        }
        Repair::Prediction => {
            let replicate = sides.replicate.as_ref().context("there is no Replicate to ask: set REPLICATE_API_TOKEN")?;
            let prediction = replicate.get(&PredictionId::trusted(id)).await?;
            let marked = prediction.webhook.as_deref().and_then(marked);
            let (generation, seq) = marked.context("it does not bear the mark of a paid call of ours")?;
            if !strays::declare(&sides.db, &prediction.id, &generation, seq, Source::Operator, now).await? {
                bail!("it has its place already");
            }
            format!("prediction {id} is a stray now; a worker cancels it")
        }
        Repair::Object => {
            let listed = Listed { key: id.to_owned(), length: 0, put_at: now };
            let key = key(id).context("the id is no key of ours")?;
            if orphans(&sides.db, &[&listed]).await?.is_empty() {
                bail!("a row names it, or its generation is being worked on");
            }
            sides.store.delete(&key).await?;
            format!("object {id} is removed")
        }
    };
    tracing::warn!(done, reason, "an operator repaired drift");
    Ok(done)
}
