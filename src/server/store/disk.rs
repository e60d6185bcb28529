//! Objects in a local directory.
//!
//! A file is written beside its destination's tree, flushed, renamed into place and the folders flushed: after a crash
//! there is the old object or the new one, never half of one. The content type is the file's ending.

use super::{ByteRange, Error, Key, Limits, Listed, Object, PAGE};
use crate::domain::Timestamp;
use bytes::Bytes;
use futures::StreamExt;
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// Where files are written before they are whole.
const INCOMING: &str = "incoming";
/// What a crash left in [`INCOMING`] goes at the next start after this time; a put takes a minute at most.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A directory that holds objects.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Absolute and without links, so that a prefix of it means inside it.
    root: Arc<Path>,
    limits: Limits,
}

impl Disk {
    /// Makes the directory if it is missing, readable by us alone, and clears what a crash left half-written.
    pub(super) async fn open(dir: PathBuf, limits: Limits) -> Result<Self, Error> {
        let root = blocking(limits, move || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir.join(INCOMING))
                .map_err(|error| failed("making", &dir, &error))?;
            let root = dir.canonicalize().map_err(|error| failed("finding", &dir, &error))?;
            clear_abandoned(&root.join(INCOMING)).map_err(|error| failed("clearing", &root, &error))?;
            Ok(root)
        });
        Ok(Self { root: root.await?.into(), limits })
    }

    pub(super) async fn put(&self, key: &Key, file: &Path) -> Result<(), Error> {
        let (disk, key, source) = (self.clone(), key.clone(), file.to_owned());
        let write = move || {
            // A missing source is a fault of ours and must not look like a missing object.
            let mut bytes =
                File::open(&source).map_err(|error| Error::Unavailable(format!("opening {}: {error}", source.display())))?;
            disk.write(&key, |target| io::copy(&mut bytes, target).map(drop))
        };
        blocking(self.limits, write).await
    }

    pub(super) async fn put_bytes(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        let (disk, key) = (self.clone(), key.clone());
        blocking(self.limits, move || disk.write(&key, |target| target.write_all(&bytes))).await
    }

    pub(super) async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Object, Error> {
        let (disk, path_key) = (self.clone(), key.clone());
        let open = move || {
            let (path, length) = disk.find(&path_key)?;
            let part = range.map(|range| range.within(length).ok_or(Error::OutOfRange)).transpose()?;
            let mut file = File::open(&path).map_err(|error| failed("opening", &path, &error))?;
            let start = part.as_ref().map_or(0, |part| part.start);
            file.seek(SeekFrom::Start(start)).map_err(|error| failed("reading", &path, &error))?;
            Ok((file, length, part))
        };
        let (file, length, range) = blocking(self.limits, open).await?;
        let held = range.as_ref().map_or(length, |part| part.end - part.start);
        let body = ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(held), CHUNK).boxed();
        Ok(Object { content_type: key.content_type(), length, range, body })
    }

    pub(super) async fn length(&self, key: &Key) -> Result<u64, Error> {
        let (disk, key) = (self.clone(), key.clone());
        blocking(self.limits, move || disk.find(&key).map(|(_, length)| length)).await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Error> {
        let (disk, key) = (self.clone(), key.clone());
        let delete = move || {
            let (path, _) = disk.find(&key)?;
            fs::remove_file(&path).map_err(|error| failed("removing", &path, &error))?;
            disk.flush_folders(&path).map_err(|error| failed("flushing the folder of", &path, &error))
        };
        blocking(self.limits, delete).await
    }

    pub(super) async fn list(&self, after: Option<&str>) -> Result<Vec<Listed>, Error> {
        let (root, after) = (Arc::clone(&self.root), after.map(str::to_owned));
        let walk = move || {
            let mut found = Vec::new();
            walk(&root, &root, &mut found).map_err(|error| failed("listing", &root, &error))?;
            found.retain(|listed| after.as_ref().is_none_or(|after| listed.key > *after));
            found.sort_by(|one, other| one.key.cmp(&other.key));
            found.truncate(PAGE);
            Ok(found)
        };
        blocking(self.limits, walk).await
    }

    /// The file of `key` and its length, if it is a plain file inside the root.
    fn find(&self, key: &Key) -> Result<(PathBuf, u64), Error> {
        let path = self.root.join(key.as_str());
        let meta = fs::symlink_metadata(&path).map_err(|error| failed("finding", &path, &error))?;
        self.refuse_links_out(&path)?;
        if meta.is_file() {
            Ok((path, meta.len()))
        } else {
            Err(Error::Refused(format!("{} is not a plain file", path.display())))
        }
    }

    /// A key cannot name a path outside, but a link that somebody put into the directory could lead there.
    fn refuse_links_out(&self, path: &Path) -> Result<(), Error> {
        let folder = path.parent().unwrap_or(&self.root);
        let real = folder.canonicalize().map_err(|error| failed("finding", folder, &error))?;
        if real == folder { Ok(()) } else { Err(Error::Refused(format!("{} leads to {}", folder.display(), real.display()))) }
    }

    fn write(&self, key: &Key, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
        let path = self.root.join(key.as_str());
        let folder = path.parent().unwrap_or(&self.root);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed("making", folder, &error))?;
        self.refuse_links_out(&path)?;
        let unfinished = self.root.join(INCOMING).join(uuid::Uuid::now_v7().to_string());
        let written = File::create_new(&unfinished)
            .and_then(|mut file| fill(&mut file).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &path));
        match written.and_then(|()| self.flush_folders(&path)) {
            Ok(()) => Ok(()),
            Err(error) => {
                // Usually still there when the disk is full; when it was renamed already, there is nothing to remove.
                drop(fs::remove_file(&unfinished));
                Err(failed("writing", &path, &error))
            }
        }
    }

    /// Makes the names on the way to `path` durable. Every folder every time: another task may have made one a moment ago
    /// and not have flushed it yet.
    fn flush_folders(&self, path: &Path) -> io::Result<()> {
        let inside = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        inside.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

/// Every plain file below `folder`, but not what is still being written.
fn walk(root: &Path, folder: &Path, found: &mut Vec<Listed>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What goes meanwhile is not there.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() && path != root.join(INCOMING) {
            walk(root, &path, found)?;
        } else if meta.is_file() {
            let key = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let age = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let put_at = Timestamp(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            found.push(Listed { key, length: meta.len(), put_at });
        }
    }
    Ok(())
}

/// Removes what was left half-written. Another process may be writing right now, so only what is old goes; "now" is what
/// the file system says it is, since its clock is the one that stamped the files.
fn clear_abandoned(incoming: &Path) -> io::Result<()> {
    let probe = incoming.join(uuid::Uuid::now_v7().to_string());
    let now = File::create_new(&probe)?.metadata()?.modified()?;
    fs::remove_file(&probe)?;
    for entry in fs::read_dir(incoming)? {
        let entry = entry?;
        // An entry that vanishes meanwhile was somebody's who has just finished.
        let Ok(modified) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
        if now.duration_since(modified).is_ok_and(|age| age > ABANDONED_AFTER) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    limits: Limits,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::time::timeout(limits.operation, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(panicked)) => Err(Error::Unavailable(format!("a disk operation panicked: {panicked}"))),
        Err(_) => Err(Error::Unavailable(format!("a disk operation took more than {:?}", limits.operation))),
    }
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Error {
    let cause = format!("{doing} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => {
            Error::Refused(cause)
        }
        _ => Error::Unavailable(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::GenerationId, server::store::Extension};
    use std::fs::FileTimes;

    fn key() -> Key {
        Key::output(&GenerationId::trusted("a"), 0, Extension::Txt)
    }

    async fn disk(dir: &Path) -> Disk {
        Disk::open(dir.to_owned(), Limits::DEFAULT).await.expect("a directory")
    }

    #[tokio::test]
    async fn nothing_outside_the_directory_is_read_or_written_through_a_link() {
        let (dir, outside) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
        let disk = disk(dir.path()).await;
        fs::write(outside.path().join("0.txt"), "secret").expect("a file");
        fs::create_dir(dir.path().join("generations")).expect("a folder");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("generations/a")).expect("a link");
        assert!(matches!(disk.get(&key(), None).await.err(), Some(Error::Refused(_))));
        assert!(matches!(disk.put_bytes(&key(), Bytes::from_static(b"x")).await, Err(Error::Refused(_))));
        assert!(matches!(disk.delete(&key()).await, Err(Error::Refused(_))));
        assert_eq!(fs::read(outside.path().join("0.txt")).expect("still there"), b"secret");

        fs::remove_file(dir.path().join("generations/a")).expect("the link");
        fs::create_dir(dir.path().join("generations/a")).expect("a folder");
        std::os::unix::fs::symlink(outside.path().join("0.txt"), dir.path().join("generations/a/0.txt")).expect("a link");
        assert!(matches!(disk.get(&key(), None).await.err(), Some(Error::Refused(_))));
        disk.put_bytes(&key(), Bytes::from_static(b"ours")).await.expect("put replaces the link itself");
        assert_eq!(fs::read(outside.path().join("0.txt")).expect("still there"), b"secret");
    }

    #[tokio::test]
    async fn a_put_that_fails_half_way_leaves_the_old_object_and_no_rubbish() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = disk(dir.path()).await;
        disk.put_bytes(&key(), Bytes::from_static(b"old")).await.expect("a put");
        let full = disk.write(&key(), |file| {
            file.write_all(b"ne")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(full, Err(Error::Unavailable(_))), "{full:?}");
        assert_eq!(disk.get(&key(), None).await.expect("an object").bytes().await.expect("bytes"), "old");
        assert_eq!(fs::read_dir(dir.path().join(INCOMING)).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn a_missing_source_is_our_fault_and_not_a_missing_object() {
        let dir = tempfile::tempdir().expect("a directory");
        let put = disk(dir.path()).await.put(&key(), &dir.path().join("absent")).await;
        assert!(matches!(put, Err(Error::Unavailable(_))), "{put:?}");
    }

    #[tokio::test]
    async fn what_a_crash_left_is_cleared_at_the_next_start_and_what_is_being_written_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(disk(dir.path()).await);
        let incoming = dir.path().join(INCOMING);
        let (old, new) = (incoming.join("old"), incoming.join("new"));
        let modified = File::create(&new).and_then(|file| file.metadata()).and_then(|meta| meta.modified()).expect("a time");
        let file = File::create(&old).expect("a file");
        file.set_times(FileTimes::new().set_modified(modified - 2 * ABANDONED_AFTER)).expect("an old file");
        drop(disk(dir.path()).await);
        assert!(!old.exists() && new.exists());
    }
}
