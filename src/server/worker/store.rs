//! Keeping the outputs: fetched before their links die, proved whole, stored under a key that is always the same.
//!
//! Every part can be done twice without harm, so a step that died half-way is simply taken again; what is kept already
//! is not fetched again.

use super::Tools;
use super::core::Stored;
use crate::server::crash::{self, Point};
use crate::server::generation::{Job, KeptOutput, keep_output, work};
use crate::server::picture::{self, Inspected, Problem};
use crate::server::replicate::{Download, DownloadError, DownloadLimits};
use crate::server::store::{self, Key};
use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};

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
    /// Our own store, disk or database would not take it.
    #[error("not stored: {0}")]
    StoreAway(String),
}

pub(super) async fn store(tools: &Tools, job: &Job) -> Result<Stored, sqlx::Error> {
    let links: Vec<String> =
        job.prediction_output.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let kept = work::kept_places(&tools.db, &job.id).await?;
    let mut stored = Stored { kept: i64::try_from(kept.len()).unwrap_or(0), ..Stored::default() };
    for (place, link) in links.iter().enumerate() {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        if kept.contains(&i64::from(place)) {
            continue;
        }
        match keep(tools, job, place, link).await {
            Ok(()) => stored.kept += 1,
            Err(cause) => note(&mut stored, &cause),
        }
    }
    Ok(stored)
}

fn note(stored: &mut Stored, cause: &NotKept) {
    match cause {
        NotKept::Lost(_) => stored.lost += 1,
        NotKept::Unfetched(_) => stored.unfetched += 1,
        NotKept::Damaged(_) => stored.damaged += 1,
        NotKept::StoreAway(_) => {
            stored.unfetched += 1;
            stored.store_away = true;
        }
    }
    stored.detail = Some(cause.to_string());
}

/// Fetches, proves and stores one output, and records it.
async fn keep(tools: &Tools, job: &Job, place: u32, link: &str) -> Result<(), NotKept> {
    let file = Scratch(tools.scratch.join(format!("{}-{place}-{}", job.id, job.lease_epoch)));
    crash::point(Point::Fetching).await;
    let download = fetch(tools, job, place, link, &file.0).await?;
    crash::point(Point::Fetched).await;
    let inspected = inspect(&file.0).await?;
    let extension = inspected.kind.extension();
    let key = Key::output(&job.id, place, extension);
    tools.store.put(&key, &file.0).await?;
    crash::point(Point::Put).await;
    // Thumbnails after the original, the row after both: what is recorded is always all there.
    tools.store.put_bytes(&Key::small(&job.id, place), Bytes::from(inspected.small)).await?;
    tools.store.put_bytes(&Key::large(&job.id, place), Bytes::from(inspected.large)).await?;
    crash::point(Point::Stored).await;
    let output = KeptOutput {
        place: i64::from(place),
        object_key: key.to_string(),
        content_type: extension.content_type().to_owned(),
        bytes: i64::try_from(download.bytes).unwrap_or(i64::MAX),
        sha256: download.sha256,
        width: i64::from(inspected.width),
        height: i64::from(inspected.height),
        color: inspected.color,
        thumbhash: inspected.thumbhash,
    };
    match keep_output(&tools.db, job, &output, tools.clock.now()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(NotKept::Unfetched("the lease was lost".to_owned())),
        Err(error) => Err(NotKept::StoreAway(error.to_string())),
    }
}

/// Fetches a link; when it is dead, asks Replicate once for a fresh one.
async fn fetch(tools: &Tools, job: &Job, place: u32, link: &str, to: &Path) -> Result<Download, NotKept> {
    let limits = DownloadLimits::default();
    match tools.replicate.download(link, to, limits).await {
        // A foreign host may be an address that the sandbox had before it was restarted.
        Err(DownloadError::Gone(_) | DownloadError::ForeignHost(_)) => {}
        other => return Ok(other?),
    }
    let id = job.prediction_id.as_ref().ok_or_else(|| NotKept::Lost("the row names no prediction".to_owned()))?;
    let prediction = tools.replicate.get(id).await.map_err(|error| NotKept::Unfetched(error.to_string()))?;
    let fresh = prediction.output_urls().into_iter().nth(usize::try_from(place).unwrap_or(usize::MAX));
    let fresh = fresh.ok_or_else(|| NotKept::Lost("Replicate has deleted the output".to_owned()))?;
    Ok(tools.replicate.download(&fresh, to, limits).await?)
}

/// Decodes the whole file off the async threads.
async fn inspect(file: &Path) -> Result<Inspected, NotKept> {
    let bytes = tokio::fs::read(file).await?;
    let inspected = tokio::task::spawn_blocking(move || picture::inspect(&bytes)).await;
    inspected.map_err(|panic| NotKept::Lost(format!("it could not be decoded: {panic}")))?.map_err(NotKept::from)
}

impl From<DownloadError> for NotKept {
    fn from(error: DownloadError) -> Self {
        let text = error.to_string();
        match error {
            DownloadError::Transient(_) => Self::Unfetched(text),
            DownloadError::Truncated { .. } | DownloadError::Empty => Self::Damaged(text),
            DownloadError::Disk(_) => Self::StoreAway(text),
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
            // The bytes counted right and still are no whole picture: perhaps what the host had was not finished.
            Problem::Damaged(_) => Self::Damaged(text),
            _ => Self::Lost(text),
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
        Self::StoreAway(error.to_string())
    }
}

/// A file on its way, gone when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have come to exist.
        let _ = std::fs::remove_file(&self.0);
    }
}
