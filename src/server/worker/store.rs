//! Keeping the outputs: fetched before their links die, proved whole, stored under a key that is always the same.
//!
//! Everything is fetched before anything is put: links die, our store comes back. From the moment a file is in the
//! [spool](super::spool) no link is needed for it and no outage of the store can lose it. Every part can be done twice
//! without harm, so a step that died half-way is simply taken again; what is kept or spooled is not fetched again. An
//! object is put before a row names it, never after: the rows of a go are written with what it came to.

use super::Tools;
use super::core::Stored;
use super::spool::Held;
use crate::server::crash::{self, Point};
use crate::server::egress::{self, Closed};
use crate::server::generation::{Job, KeptOutput, work};
use crate::server::media::{self, Inspected, Problem};
use crate::server::replicate::made::{self, Document};
use crate::server::replicate::{Download, DownloadError, DownloadLimits};
use crate::server::store::{self, Key};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use url::Url;

/// How often somebody else's host may send us elsewhere for one file.
const MOST_REDIRECTS: usize = 3;

/// Why one output was not kept this time.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    /// It will never come.
    #[error("lost: {0}")]
    Lost(String),
    /// It did not arrive; another fetch may do better.
    #[error("not fetched: {0}")]
    Unfetched(String),
    /// It arrived, but not whole.
    #[error("damaged: {0}")]
    Damaged(String),
    /// There is nowhere to put it: our disk is full or broken.
    #[error("not fetched: {0}")]
    NoRoom(String),
    /// It is here, but the store would not take it.
    #[error("not stored: {0}")]
    StoreAway(String),
    /// It is in the spool of another node.
    #[error("not stored: another node has it")]
    Elsewhere,
}

/// An output that is in the spool.
struct Gathered {
    place: u32,
    held: Held,
    /// What is known of it, when it arrived just now.
    inspected: Option<Inspected>,
}

pub(super) async fn store(tools: &Tools, job: &Job) -> Result<Stored, sqlx::Error> {
    let links: Vec<String> =
        job.prediction_output.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let kept = work::kept(&tools.db, &job.id).await?;
    let mut stored = Stored { kept: i64::try_from(kept.len()).unwrap_or(0), ..Stored::default() };
    let mut played_ms: Vec<i64> = kept.iter().filter_map(|(_, duration)| *duration).collect();
    stored.out_of_patience = is_out_of_patience(tools, job);
    let mut gathered = Vec::new();
    let is_missing = |place: u32| kept.iter().all(|(kept, _)| *kept != i64::from(place));
    for (place, link) in (0_u32..).zip(&links).filter(|(place, _)| is_missing(*place)) {
        match gather(tools, job, place, link).await {
            Ok(file) => gathered.push(file),
            Err(cause @ (NotKept::Lost(_) | NotKept::Unfetched(_))) => {
                let elsewhere = work::is_spooled_elsewhere(&tools.db, &job.id, place, tools.spool.node()).await?;
                note(&mut stored, if elsewhere { &NotKept::Elsewhere } else { &cause });
            }
            Err(cause) => note(&mut stored, &cause),
        }
    }
    let place = u32::try_from(links.len()).unwrap_or(u32::MAX);
    if let Some(document) = document(job).filter(|_| is_missing(place)) {
        match gather_document(tools, job, place, &document).await {
            Ok(file) => gathered.push(file),
            Err(cause) => note(&mut stored, &cause),
        }
    }
    for file in gathered {
        match put(tools, job, &file).await {
            Ok(output) => {
                stored.kept += 1;
                played_ms.extend(output.duration_ms);
                stored.files.push(output);
            }
            Err(cause) => {
                if matches!(cause, NotKept::StoreAway(_)) && file.inspected.is_some() {
                    wait_for_the_store(tools, job, &file).await?;
                }
                note(&mut stored, &cause);
            }
        }
    }
    stored.seconds = (!played_ms.is_empty()).then(|| (played_ms.iter().sum::<i64>() + 999) / 1_000);
    Ok(stored)
}

/// What the output says that is no file.
fn document(job: &Job) -> Option<Document> {
    let shape: Value = serde_json::from_str(job.output_shape.as_deref()?).ok()?;
    made::document(&shape, job.output_kind)
}

fn note(stored: &mut Stored, cause: &NotKept) {
    match cause {
        NotKept::Lost(_) => stored.lost += 1,
        NotKept::Unfetched(_) | NotKept::NoRoom(_) => stored.unfetched += 1,
        NotKept::Damaged(_) => stored.damaged += 1,
        NotKept::StoreAway(_) | NotKept::Elsewhere => stored.spooled += 1,
    }
    stored.store_away |= matches!(cause, NotKept::NoRoom(_) | NotKept::StoreAway(_) | NotKept::Elsewhere);
    stored.detail = Some(cause.to_string());
}

fn is_out_of_patience(tools: &Tools, job: &Job) -> bool {
    let patience = i64::try_from(tools.spool.limits().patience.as_millis()).unwrap_or(i64::MAX);
    job.output_until.is_some_and(|until| tools.clock.now().since(until) >= patience)
}

/// Sees to it that an output is in the spool, whole.
async fn gather(tools: &Tools, job: &Job, place: u32, link: &str) -> Result<Gathered, NotKept> {
    if let Some(held) = tools.spool.find(&job.id, place).await? {
        return Ok(Gathered { place, held, inspected: None });
    }
    if tools.reach.is_away() && !tools.spool.has_room() {
        return Err(NotKept::NoRoom("the spool is full and the store is away".to_owned()));
    }
    let arrival = tools.spool.arrival(&job.id, place, job.lease_epoch).await?;
    crash::point(Point::Fetching).await;
    let download = fetch(tools, job, place, link, &arrival).await?;
    crash::point(Point::Fetched).await;
    let inspected = inspect(tokio::fs::read(&arrival).await?.into()).await;
    if inspected.is_err() {
        // Nothing will ever ask for it again.
        tokio::fs::remove_file(&arrival).await?;
    }
    let inspected = Some(inspected?);
    let held = tools.spool.take_in(&arrival, place, &download.sha256).await?;
    Ok(Gathered { place, held, inspected })
}

/// Writes down what a model said, as a file among the others.
async fn gather_document(tools: &Tools, job: &Job, place: u32, document: &Document) -> Result<Gathered, NotKept> {
    let (inspected, bytes) = match document {
        Document::Text(text) => Inspected::text(text)?,
        Document::Json(value) => Inspected::json(value)?,
    };
    let held = if let Some(held) = tools.spool.find(&job.id, place).await? {
        held
    } else {
        let arrival = tools.spool.arrival(&job.id, place, job.lease_epoch).await?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        tokio::fs::write(&arrival, &bytes).await?;
        tools.spool.take_in(&arrival, place, &sha256).await?
    };
    Ok(Gathered { place, held, inspected: Some(inspected) })
}

/// Puts what is in the spool into the store, the original and its thumbnails side by side: what a row will name is all there.
async fn put(tools: &Tools, job: &Job, file: &Gathered) -> Result<KeptOutput, NotKept> {
    let Some(attempt) = tools.reach.attempt(tools.clock.now()) else {
        return Err(NotKept::StoreAway("the store failed a moment ago".to_owned()));
    };
    // The very bytes whose hash is recorded are the ones that are sent.
    let bytes = tools.spool.read(&file.held).await?;
    let bytes = bytes.ok_or_else(|| NotKept::Unfetched("what was spooled is damaged".to_owned()))?;
    let inspected = match &file.inspected {
        Some(inspected) => inspected.clone(),
        None => inspect(bytes.clone()).await?,
    };
    let length = bytes.len();
    let extension = inspected.kind.extension();
    let key = Key::output(&job.id, file.place, extension);
    match put_all(tools, job, file.place, &key, bytes, &inspected).await {
        Ok(()) => attempt.reached(),
        Err(error) => {
            attempt.missed(tools.clock.now());
            return Err(error.into());
        }
    }
    Ok(KeptOutput {
        place: i64::from(file.place),
        object_key: key.to_string(),
        content_type: extension.content_type().to_owned(),
        bytes: i64::try_from(length).unwrap_or(i64::MAX),
        sha256: file.held.sha256.clone(),
        width: inspected.width.map_or(0, i64::from),
        height: inspected.height.map_or(0, i64::from),
        color: inspected.picture.as_ref().map_or_else(String::new, |picture| picture.color.clone()),
        thumbhash: inspected.picture.map_or_else(String::new, |picture| picture.thumbhash),
        duration_ms: inspected.duration_ms.and_then(|duration| i64::try_from(duration).ok()),
    })
}

async fn put_all(
    tools: &Tools,
    job: &Job,
    place: u32,
    key: &Key,
    bytes: Bytes,
    inspected: &Inspected,
) -> Result<(), store::Error> {
    // Alone at first: a store that is away is asked for one thing, not for three.
    tools.store.put_bytes(key, bytes).await?;
    crash::point(Point::Put).await;
    if let Some(picture) = &inspected.picture {
        let (small, large) = (Key::small(&job.id, place), Key::large(&job.id, place));
        let (small, large) = tokio::join!(
            tools.store.put_bytes(&small, Bytes::copy_from_slice(&picture.small)),
            tools.store.put_bytes(&large, Bytes::copy_from_slice(&picture.large)),
        );
        small.and(large)?;
    }
    crash::point(Point::Stored).await;
    Ok(())
}

/// From now on this file has to last: through a power cut here, and through the judgement of other nodes.
async fn wait_for_the_store(tools: &Tools, job: &Job, file: &Gathered) -> Result<(), sqlx::Error> {
    if let Err(error) = tools.spool.flush(&file.held).await {
        tracing::warn!(generation = %job.id, %error, "a spooled file could not be flushed");
    }
    work::spooled(&tools.db, &job.id, file.place, tools.spool.node(), tools.clock.now()).await
}

/// Fetches a link; when it is dead, asks Replicate once for a fresh one. One to somebody else's host is fetched by the
/// guarded way out, which has no token to lose.
async fn fetch(tools: &Tools, job: &Job, place: u32, link: &str, to: &Path) -> Result<Download, NotKept> {
    let limits = tools.spool.limits().download;
    if let Some(endpoint) = &job.endpoint {
        return match tools.cog.download(endpoint, link, to, limits).await {
            Err(DownloadError::ForeignHost(_)) => elsewhere(tools, link, to).await,
            other => Ok(other?),
        };
    }
    let foreign = match tools.replicate.download(link, to, limits).await {
        Err(DownloadError::Gone(_)) => false,
        // It may also be an address that the sandbox had before it was restarted.
        Err(DownloadError::ForeignHost(_)) => true,
        other => return Ok(other?),
    };
    let id = job.prediction_id.as_ref().ok_or_else(|| NotKept::Lost("the row names no prediction".to_owned()))?;
    let prediction = tools.replicate.get(id).await.map_err(|error| NotKept::Unfetched(error.to_string()))?;
    let fresh = prediction.output_urls().into_iter().nth(usize::try_from(place).unwrap_or(usize::MAX));
    // Replicate deletes what it knows of an output, and not what others have.
    let fresh = fresh.or_else(|| foreign.then(|| link.to_owned()));
    let fresh = fresh.ok_or_else(|| NotKept::Lost("Replicate has deleted the output".to_owned()))?;
    match tools.replicate.download(&fresh, to, limits).await {
        Err(DownloadError::ForeignHost(_)) => elsewhere(tools, &fresh, to).await,
        other => Ok(other?),
    }
}

/// Fetches from a host that is neither Replicate's nor ours.
async fn elsewhere(tools: &Tools, link: &str, to: &Path) -> Result<Download, NotKept> {
    let DownloadLimits { bytes, idle, total } = tools.spool.limits().download;
    let limits = egress::Limits { idle, total, redirects: MOST_REDIRECTS, ..egress::Limits::of(bytes) };
    tools.egress.fetch(link, to, limits).await.map_err(|error| NotKept::from_elsewhere(error, link))
}

/// Walks or decodes the whole file off the async threads.
async fn inspect(bytes: Bytes) -> Result<Inspected, NotKept> {
    let inspected = tokio::task::spawn_blocking(move || media::inspect(&bytes)).await;
    inspected.map_err(|panic| NotKept::Lost(format!("it could not be decoded: {panic}")))?.map_err(NotKept::from)
}

impl NotKept {
    fn from_elsewhere(error: egress::Error, link: &str) -> Self {
        let host = Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        match error {
            egress::Error::Closed(why @ Closed::Private) => {
                Self::Lost(format!("its address is a private one and is not asked: {host}: {why}"))
            }
            egress::Error::Closed(why) => Self::Lost(format!("its address is not asked: {host}: {why}")),
            egress::Error::Broken(broken) => DownloadError::from(broken).into(),
            error @ (egress::Error::Refused(403 | 404 | 410) | egress::Error::Redirected(_)) => {
                Self::Lost(format!("{host}: {error}"))
            }
            error => Self::Unfetched(format!("{host}: {error}")),
        }
    }
}

impl From<DownloadError> for NotKept {
    fn from(error: DownloadError) -> Self {
        let text = error.to_string();
        match error {
            DownloadError::Transient(_) => Self::Unfetched(text),
            DownloadError::Truncated { .. } | DownloadError::Empty | DownloadError::Packed(_) => Self::Damaged(text),
            DownloadError::Disk(_) => Self::NoRoom(text),
            DownloadError::Gone(_)
            | DownloadError::TooLarge { .. }
            | DownloadError::ForeignHost(_)
            | DownloadError::Malformed(_) => Self::Lost(text),
        }
    }
}

impl From<Problem> for NotKept {
    fn from(problem: Problem) -> Self {
        let text = problem.to_string();
        match problem {
            // Perhaps what the host had was not finished, or a page of its own stood in for it: another go may do better.
            Problem::Damaged(_) | Problem::Unknown => Self::Damaged(text),
            Problem::TooLarge => Self::Lost(text),
        }
    }
}

impl From<store::Error> for NotKept {
    fn from(error: store::Error) -> Self {
        Self::StoreAway(error.to_string())
    }
}

impl From<io::Error> for NotKept {
    fn from(error: io::Error) -> Self {
        Self::NoRoom(error.to_string())
    }
}
