//! Files on their way into the store: fetched, proved whole, and kept here until the store has them.
//!
//! A file arrives under a temporary name and is renamed once it is proved; the name it then has carries its SHA-256,
//! which is computed again before every use. So neither half a file nor one that was damaged here is ever taken for what
//! was paid for, and a process that dies leaves nothing that another could mistake.
//!
//! ```text
//! scratch/{generation}/{place}.{epoch}.part   arriving
//! scratch/{generation}/{place}-{sha256}       here, whole
//! scratch/node                                the name of this directory, which rows refer to
//! ```
//!
//! What is here belongs to one generation each and goes with its end. The whole is bounded: see [`Limits::bytes`].

use crate::domain::GenerationId;
use crate::server::db::mint;
use crate::server::replicate::DownloadLimits;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The file that names the directory.
const NODE: &str = "node";
/// Longer than a file takes to arrive; what is older and still arriving belongs to nobody.
const LONGEST_ARRIVAL: Duration = Duration::from_hours(1);

/// What keeping files here may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes that wait here. Beyond it nothing is fetched that the store does not take at once; beyond half of it
    /// nothing new is begun, which leaves the other half to what Replicate is at already.
    pub bytes: u64,
    /// How long after its links died a file waits here for the store, before its credits are given back.
    pub patience: Duration,
    /// What one file may cost.
    pub download: DownloadLimits,
}

impl Limits {
    /// What the operator gets who says nothing.
    pub const DEFAULT: Self =
        Self { bytes: 4096 * 1024 * 1024, patience: Duration::from_hours(72), download: DownloadLimits::DEFAULT };
}

/// The directory. Clones share it.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: Arc<Path>,
    node: Arc<str>,
    limits: Limits,
    bytes: Arc<AtomicU64>,
}

/// A file that is here, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
}

impl Spool {
    /// Makes the directory if it is missing, gives it a name, and counts what waits in it.
    ///
    /// # Errors
    /// When it cannot be made, read or written.
    pub async fn open(dir: PathBuf, limits: Limits) -> io::Result<Self> {
        blocking(move || {
            fs::create_dir_all(&dir)?;
            let node = name_of(&dir)?;
            let spool = Self { dir: dir.into(), node: node.into(), limits, bytes: Arc::default() };
            spool.count()?;
            Ok(spool)
        })
        .await
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it may cost.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Its name, the same for as long as the directory is.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Whether a file may wait here.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < self.limits.bytes
    }

    /// Whether so much waits here that nothing new should be begun.
    pub(super) fn is_crowded(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.limits.bytes / 2
    }

    /// Where a file of a generation may arrive. Two leases never write the same one.
    pub(super) async fn arrival(&self, id: &GenerationId, place: u32, epoch: i64) -> io::Result<PathBuf> {
        let folder = self.folder(id);
        tokio::fs::create_dir_all(&folder).await?;
        Ok(folder.join(format!("{place}.{epoch}.part")))
    }

    /// Gives what has arrived, and was proved, its own name.
    pub(super) async fn take_in(&self, arrived: &Path, place: u32, sha256: &str) -> io::Result<Held> {
        let path = arrived.with_file_name(format!("{place}-{sha256}"));
        let length = tokio::fs::metadata(arrived).await?.len();
        tokio::fs::rename(arrived, &path).await?;
        self.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(Held { path, sha256: sha256.to_owned() })
    }

    /// The file of a place, if it is here.
    pub(super) async fn find(&self, id: &GenerationId, place: u32) -> io::Result<Option<Held>> {
        let mut files = match tokio::fs::read_dir(self.folder(id)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            files => files?,
        };
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let sha256 = name.to_str().and_then(|name| name.strip_prefix(&format!("{place}-")));
            if let Some(sha256) = sha256 {
                return Ok(Some(Held { sha256: sha256.to_owned(), path: file.path() }));
            }
        }
        Ok(None)
    }

    /// The bytes of a file, or nothing when they are not those that its name promises; then it is gone from here.
    pub(super) async fn read(&self, held: &Held) -> io::Result<Option<Bytes>> {
        let (path, promised) = (held.path.clone(), held.sha256.clone());
        let read = blocking(move || {
            let bytes = fs::read(path)?;
            let whole = hex::encode(Sha256::digest(&bytes)) == promised;
            Ok((Bytes::from(bytes), whole))
        });
        let (bytes, whole) = read.await?;
        if whole {
            return Ok(Some(bytes));
        }
        tokio::fs::remove_file(&held.path).await?;
        self.let_go(bytes.len() as u64);
        Ok(None)
    }

    /// Makes a file that has to wait outlive a power cut. What the store takes at once need not.
    pub(super) async fn flush(&self, held: &Held) -> io::Result<()> {
        let path = held.path.clone();
        blocking(move || {
            fs::File::open(&path)?.sync_all()?;
            path.ancestors().skip(1).take(2).try_for_each(|folder| fs::File::open(folder)?.sync_all())
        })
        .await
    }

    /// Removes everything of a generation. That there is nothing is fine.
    pub(super) async fn forget(&self, id: &GenerationId) -> io::Result<()> {
        let (spool, folder) = (self.clone(), self.folder(id));
        blocking(move || {
            let waiting = held_in(&folder).or_else(gone)?;
            fs::remove_dir_all(&folder).or_else(gone)?;
            spool.let_go(waiting);
            Ok(())
        })
        .await
    }

    /// Removes what stopped arriving, and whatever is older than anything can wait here. Answers with the generations
    /// that something is left of; which of them have ended is for the caller to know.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub(super) async fn clear(&self) -> io::Result<Vec<GenerationId>> {
        let spool = self.clone();
        blocking(move || {
            let mut left = Vec::new();
            for folder in spool.folders()? {
                if clear_folder(&folder, spool.longest_stay()).or_else(gone)? {
                    left.extend(folder.file_name().and_then(|name| name.to_str()).map(GenerationId::trusted));
                }
            }
            spool.count()?;
            Ok(left)
        })
        .await
    }

    /// A file is here at most while its links live, and as long again as we are patient, and some.
    fn longest_stay(&self) -> Duration {
        self.limits.patience + Duration::from_hours(24)
    }

    fn folder(&self, id: &GenerationId) -> PathBuf {
        self.dir.join(id.as_str())
    }

    fn folders(&self) -> io::Result<Vec<PathBuf>> {
        let entries: Vec<_> = fs::read_dir(&self.dir)?.collect::<io::Result<_>>()?;
        Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
    }

    fn count(&self) -> io::Result<()> {
        let waiting = self.folders()?.iter().map(|folder| held_in(folder).or_else(gone)).sum::<io::Result<u64>>()?;
        self.bytes.store(waiting, Ordering::Relaxed);
        Ok(())
    }

    fn let_go(&self, bytes: u64) {
        // Another process may share the directory, so that more leaves than was counted in.
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| Some(held.saturating_sub(bytes)));
    }
}

/// The name in the directory, written first when there is none.
fn name_of(dir: &Path) -> io::Result<String> {
    let path = dir.join(NODE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Renamed into place, so that two processes which start at once agree on whichever comes last.
            let unfinished = dir.join(format!("{NODE}.{}", mint()));
            fs::write(&unfinished, mint())?;
            fs::rename(&unfinished, &path)?;
            fs::read_to_string(&path)
        }
        read => read,
    }
}

/// The bytes of whole files in a generation's folder.
fn held_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_arriving(&entry.path()) {
            // A file that goes meanwhile weighs nothing.
            bytes += entry.metadata().map_or(0, |meta| meta.len());
        }
    }
    Ok(bytes)
}

/// Whether anything is left in the folder; an empty one goes.
fn clear_folder(folder: &Path, longest_stay: Duration) -> io::Result<bool> {
    let mut left = false;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // What vanishes meanwhile was somebody's who has just finished.
        let Ok(modified) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
        let longest = if is_arriving(&entry.path()) { LONGEST_ARRIVAL } else { longest_stay };
        if modified.elapsed().is_ok_and(|age| age > longest) {
            fs::remove_file(entry.path())?;
        } else {
            left = true;
        }
    }
    if !left {
        // Somebody may have put something into it just now; then it stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(left)
}

/// What somebody else removed meanwhile counts as nothing.
fn gone<T: Default>(error: io::Error) -> io::Result<T> {
    if error.kind() == io::ErrorKind::NotFound { Ok(T::default()) } else { Err(error) }
}

fn is_arriving(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "part")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::FileTimes;

    const SMALL: Limits = Limits { bytes: 10, ..Limits::DEFAULT };

    fn id(name: &str) -> GenerationId {
        GenerationId::trusted(name)
    }

    async fn take_in(spool: &Spool, generation: &str, place: u32, bytes: &[u8]) -> Held {
        let arrival = spool.arrival(&id(generation), place, 1).await.expect("a place to arrive");
        fs::write(&arrival, bytes).expect("a file");
        spool.take_in(&arrival, place, &hex::encode(Sha256::digest(bytes))).await.expect("it is taken in")
    }

    #[tokio::test]
    async fn what_was_taken_in_is_found_again_by_another_process_and_goes_with_its_generation() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path().join("scratch"), SMALL).await.expect("a spool");
        let held = take_in(&spool, "g", 1, b"four").await;
        spool.flush(&held).await.expect("it is flushed");
        let again = Spool::open(dir.path().join("scratch"), SMALL).await.expect("a spool");
        assert_eq!(again.node(), spool.node());
        assert_eq!(again.find(&id("g"), 1).await.expect("a look"), Some(held.clone()));
        assert_eq!(again.find(&id("g"), 0).await.expect("a look"), None);
        assert_eq!(again.read(&held).await.expect("a read").as_deref(), Some(&b"four"[..]));
        again.forget(&id("g")).await.expect("it goes");
        again.forget(&id("g")).await.expect("it is gone");
        assert_eq!(again.find(&id("g"), 1).await.expect("a look"), None);
    }

    #[tokio::test]
    async fn a_file_that_is_not_what_its_name_promises_is_not_used_and_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path().into(), SMALL).await.expect("a spool");
        let held = take_in(&spool, "g", 0, b"four").await;
        fs::write(&held.path, b"fuor").expect("a flipped bit");
        assert_eq!(spool.read(&held).await.expect("a read"), None);
        assert_eq!(spool.find(&id("g"), 0).await.expect("a look"), None);
    }

    #[tokio::test]
    async fn it_is_crowded_at_half_and_full_at_its_limit_and_counts_again_at_the_next_start() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path().into(), SMALL).await.expect("a spool");
        assert!(spool.has_room() && !spool.is_crowded());
        take_in(&spool, "one", 0, b"sixsix").await;
        assert!(spool.has_room() && spool.is_crowded());
        take_in(&spool, "two", 0, b"four").await;
        assert!(!spool.has_room());
        let again = Spool::open(dir.path().into(), SMALL).await.expect("a spool");
        assert!(!again.has_room());
        again.forget(&id("one")).await.expect("it goes");
        assert!(again.has_room() && !again.is_crowded());
    }

    #[tokio::test]
    async fn what_stopped_arriving_goes_after_an_hour_and_what_waits_only_after_all_patience() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path().into(), Limits::DEFAULT).await.expect("a spool");
        let aged = |path: &Path, age: Duration| {
            let file = fs::File::options().write(true).open(path).expect("the file");
            let modified = file.metadata().and_then(|meta| meta.modified()).expect("a time");
            file.set_times(FileTimes::new().set_modified(modified - age)).expect("an old file");
        };
        let part = spool.arrival(&id("dead"), 0, 1).await.expect("a place to arrive");
        fs::write(&part, b"half").expect("half a file");
        aged(&part, 2 * LONGEST_ARRIVAL);
        let waits = take_in(&spool, "waits", 0, b"whole").await;
        aged(&waits.path, Limits::DEFAULT.patience);
        let forgotten = take_in(&spool, "forgotten", 0, b"whole").await;
        aged(&forgotten.path, 2 * Limits::DEFAULT.patience);
        assert_eq!(spool.clear().await.expect("it is cleared"), [id("waits")]);
        assert!(waits.path.exists() && !part.exists() && !forgotten.path.exists());
        assert_eq!(spool.folders().expect("the folders").len(), 1);
    }
}
