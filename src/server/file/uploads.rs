//! Where files arrive before anybody has looked at them: a folder of our own, in which nothing outlives its request.
//!
//! A file is counted while it comes and stops at its limit; how many come at once is bounded for each person, and how
//! many pictures are unpacked at once for the whole process, because that is what takes memory.

use super::Error;
use crate::domain::{FileProblem, PersonId};
use crate::server::db::mint;
use crate::server::sink::{Arrived, Broken, Sink};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Files of one person that come at once.
pub const AT_ONCE: usize = 4;
/// Pictures unpacked at once; each may take a few hundred megabytes.
const UNPACKING: usize = 2;
/// The longest silence of a sender.
const IDLE: Duration = Duration::from_secs(15);
/// The longest that a file may take.
const LONGEST: Duration = Duration::from_mins(10);
/// What is older belongs to nobody any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// The folder. Clones share it.
#[derive(Clone, Debug)]
pub struct Uploads {
    dir: Arc<Path>,
    coming: Arc<Mutex<HashMap<PersonId, usize>>>,
    unpacking: Arc<Semaphore>,
}

/// One of the places a person has for files that are coming; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    uploads: Uploads,
    person: PersonId,
}

/// A place for one file, which is gone when this is dropped.
#[derive(Debug)]
pub struct Arrival {
    path: PathBuf,
}

impl Uploads {
    /// Makes the folder if it is missing, and removes what a process that was killed left in it.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub async fn open(dir: PathBuf) -> io::Result<Self> {
        tokio::fs::create_dir_all(&dir).await?;
        let mut files = tokio::fs::read_dir(&dir).await?;
        while let Some(file) = files.next_entry().await? {
            // Another process may use the same folder; what it receives just now is young.
            let age = file.metadata().await?.modified()?.elapsed().unwrap_or_default();
            if age > ABANDONED {
                tokio::fs::remove_file(file.path()).await?;
            }
        }
        Ok(Self { dir: dir.into(), coming: Arc::default(), unpacking: Arc::new(Semaphore::new(UNPACKING)) })
    }

    /// Takes one of this person's places.
    ///
    /// # Errors
    /// [`FileProblem::TooMany`] when all are taken.
    pub fn place(&self, person: &PersonId) -> Result<Place, Error> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = coming.entry(person.clone()).or_default();
        if *taken >= AT_ONCE {
            return Err(Error::Refused(FileProblem::TooMany(i64::try_from(AT_ONCE).unwrap_or(i64::MAX))));
        }
        *taken += 1;
        Ok(Place { uploads: self.clone(), person: person.clone() })
    }

    /// A place for a file.
    pub fn arrival(&self) -> Arrival {
        Arrival { path: self.dir.join(mint()) }
    }

    /// Writes what comes, up to `most` bytes.
    ///
    /// # Errors
    /// [`FileProblem::TooLarge`], [`FileProblem::Empty`], [`FileProblem::Interrupted`]; or our own disk.
    pub async fn receive<E: Display>(
        &self,
        pieces: impl Stream<Item = Result<Bytes, E>>,
        most: u64,
    ) -> Result<(Arrival, Arrived), Error> {
        let arrival = self.arrival();
        let received = timeout(LONGEST, write(pieces, &arrival.path, most, IDLE)).await;
        let arrived = received.unwrap_or(Err(Error::Refused(FileProblem::Interrupted)))?;
        Ok((arrival, arrived))
    }

    /// Runs what unpacks a picture where blocking is allowed, in its turn.
    pub(super) async fn unpack<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        // It is never closed; and without it, it would only be more at once.
        let _turn = self.unpacking.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|panic| {
            tracing::error!(%panic, "a picture could not be unpacked");
            Error::Refused(FileProblem::Damaged)
        })
    }
}

async fn write<E: Display>(
    pieces: impl Stream<Item = Result<Bytes, E>>,
    to: &Path,
    most: u64,
    idle: Duration,
) -> Result<Arrived, Error> {
    let mut pieces = pin!(pieces);
    let mut sink = Sink::create(to, most).await?;
    loop {
        match timeout(idle, pieces.next()).await {
            Ok(Some(Ok(piece))) => sink.write(&piece).await?,
            Ok(None) => return Ok(sink.finish().await?),
            Ok(Some(Err(error))) => {
                tracing::info!(%error, "an upload broke off");
                return Err(Error::Refused(FileProblem::Interrupted));
            }
            Err(_) => return Err(Error::Refused(FileProblem::Interrupted)),
        }
    }
}

impl Arrival {
    /// Where the file is to be.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        // There may never have been one. What cannot be removed now is removed at a later start.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut coming = self.uploads.coming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = coming.get_mut(&self.person) {
            *taken -= 1;
            if *taken == 0 {
                coming.remove(&self.person);
            }
        }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge { limit } => Self::Refused(FileProblem::TooLarge(super::megabytes(limit))),
            Broken::Empty => Self::Refused(FileProblem::Empty),
            Broken::Truncated { .. } | Broken::Silent(_) | Broken::Lost(_) => Self::Refused(FileProblem::Interrupted),
            Broken::Packed(_) => Self::Refused(FileProblem::Unreachable),
            Broken::Disk(error) => Self::Disk(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use tempfile::TempDir;

    async fn uploads() -> (Uploads, TempDir) {
        let dir = TempDir::new().expect("a directory");
        (Uploads::open(dir.path().join("uploads")).await.expect("a folder"), dir)
    }

    fn pieces(count: usize) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::iter((0..count).map(|_| Ok(Bytes::from_static(&[7; 100]))))
    }

    fn left(dir: &TempDir) -> usize {
        std::fs::read_dir(dir.path().join("uploads")).expect("a folder").count()
    }

    #[tokio::test]
    async fn a_file_is_counted_while_it_comes_and_gone_when_nobody_holds_it() {
        let (uploads, dir) = uploads().await;
        let (arrival, arrived) = uploads.receive(pieces(10), 1_000).await.expect("a file");
        assert_eq!((arrived.bytes, std::fs::read(arrival.path()).expect("a file").len()), (1_000, 1_000));
        assert_eq!(left(&dir), 1);
        drop(arrival);
        let endless = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[7; 100])));
        let refused = uploads.receive(endless, 1_000_000).await;
        assert!(matches!(refused, Err(Error::Refused(FileProblem::TooLarge(1)))), "{refused:?}");
        let refused = uploads.receive(pieces(0), 1_000).await;
        assert!(matches!(refused, Err(Error::Refused(FileProblem::Empty))), "{refused:?}");
        let broken = pieces(3).chain(stream::iter([Err(io::Error::from(io::ErrorKind::ConnectionReset))]));
        let refused = uploads.receive(broken, 1_000).await;
        assert!(matches!(refused, Err(Error::Refused(FileProblem::Interrupted))), "{refused:?}");
        assert_eq!(left(&dir), 0);
    }

    #[tokio::test]
    async fn a_sender_who_falls_silent_is_not_waited_for() {
        let (uploads, dir) = uploads().await;
        let silent = pieces(3).chain(stream::pending());
        let arrival = uploads.arrival();
        let refused = write(silent, arrival.path(), 1_000, Duration::from_millis(20)).await;
        drop(arrival);
        assert!(matches!(refused, Err(Error::Refused(FileProblem::Interrupted))), "{refused:?}");
        assert_eq!(left(&dir), 0);
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_few_files_coming_and_a_place_that_is_left_is_free() {
        let (uploads, _dir) = uploads().await;
        let (mika, noor) = (PersonId::trusted("mika"), PersonId::trusted("noor"));
        let mut places: Vec<_> = (0..AT_ONCE).map(|_| uploads.place(&mika).expect("a place")).collect();
        assert!(matches!(uploads.place(&mika), Err(Error::Refused(FileProblem::TooMany(4)))));
        assert!(uploads.place(&noor).is_ok(), "somebody else has places of their own");
        places.pop();
        assert!(uploads.place(&mika).is_ok());
    }
}
