//! Where objects live: a local directory, or a bucket of an S3 server.
//!
//! Both promise the same: an object is put whole or not at all; once `put` returns it survives a crash; putting again
//! under the same key is harmless, which is what lets a worker repeat a step it may have finished. Callers put an object
//! first and point a row at it afterwards, never the other way round.
//!
//! To add an object store: a variant of [`Store`] and of [`StoreConfig`], and a file in `store/` that passes `store/tests.rs`.

mod disk;
mod key;
mod s3;
#[cfg(test)]
mod tests;

pub use disk::Disk;
pub use key::{ByteRange, Extension, Key};
pub use s3::{Bucket, Credentials, Keys};

use crate::domain::Timestamp;
use bytes::{Bytes, BytesMut};
use futures::{TryStreamExt, stream::BoxStream};
use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// Where objects shall live.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// In a local directory, made when it is missing.
    Disk {
        /// The directory.
        dir: PathBuf,
    },
    /// In a bucket, which must exist.
    S3 {
        /// Its name.
        bucket: String,
        /// Its region; servers other than Amazon's take any.
        region: String,
        /// The server, when it is not Amazon's own. Addressed by path: such servers rarely have a host name per bucket.
        endpoint: Option<Url>,
        /// Who we are there.
        credentials: Credentials,
    },
}

/// How long a store may take. Nothing here waits for ever.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To open a connection.
    pub connect: Duration,
    /// For one try of an operation.
    pub attempt: Duration,
    /// For an operation with all its tries; a download counts until its first byte.
    pub operation: Duration,
    /// For a body under way that stands still.
    pub stall: Duration,
    /// Tries of an operation in all.
    pub attempts: u32,
}

impl Limits {
    /// What [`Store::open`] takes.
    pub const DEFAULT: Self = Self {
        connect: Duration::from_secs(5),
        attempt: Duration::from_secs(30),
        operation: Duration::from_mins(2),
        stall: Duration::from_secs(15),
        attempts: 3,
    };
}

/// Why an object could not be put or had. The cause is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The object has no such bytes.
    #[error("the object has no bytes in that range")]
    OutOfRange,
    /// It may work later: timeout, overload, lost connection, full disk, damage on the way.
    #[error("the object store is unavailable: {0}")]
    Unavailable(String),
    /// It will not work until somebody mends the configuration: wrong credentials or rights, wrong clock, no bucket.
    #[error("the object store refuses: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later without anybody's help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// What is known of an object without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is served as.
    pub content_type: &'static str,
    /// Bytes.
    pub length: u64,
}

/// An object as a list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key, whole.
    pub key: String,
    /// Bytes.
    pub length: u64,
    /// When it was put, by the store's clock.
    pub put_at: Timestamp,
}

/// Objects in one page of a list.
const PAGE: usize = 1_000;

/// An object being read.
pub struct Object {
    /// What it is served as. From its key, whatever the store says: a bucket edited by hand cannot make us serve HTML.
    pub content_type: &'static str,
    /// Bytes of the whole object.
    pub length: u64,
    /// The part that `body` holds, its end excluded; `None` when that is everything.
    pub range: Option<Range<u64>>,
    /// The bytes. An error means that the rest is lost or did not match its checksum: what came so far must not be used.
    pub body: BoxStream<'static, io::Result<Bytes>>,
}

impl Object {
    /// Bytes that `body` holds.
    pub fn body_length(&self) -> u64 {
        self.range.as_ref().map_or(self.length, |range| range.end - range.start)
    }

    /// Reads the body into memory; for objects known to be small.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it breaks off.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let whole = self.body.try_fold(BytesMut::new(), async |mut whole, part| {
            whole.extend_from_slice(&part);
            Ok(whole)
        });
        whole.await.map(BytesMut::freeze).map_err(|error| Error::Unavailable(format!("reading an object: {error}")))
    }
}

/// An object store. Cheap to clone; clones share its connections.
#[derive(Clone, Debug)]
pub enum Store {
    /// A local directory.
    Disk(Disk),
    /// A bucket.
    S3(Bucket),
}

impl Store {
    /// Gets ready. Nothing is sent to an S3 server yet: see [`Store::check`].
    ///
    /// # Errors
    /// When the directory can neither be found nor made, or the file with the credentials not be read.
    pub async fn open(config: &StoreConfig) -> Result<Self, Error> {
        Self::open_within(config, Limits::DEFAULT).await
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_within(config: &StoreConfig, limits: Limits) -> Result<Self, Error> {
        match config {
            StoreConfig::Disk { dir } => Disk::open(dir.clone(), limits).await.map(Self::Disk),
            StoreConfig::S3 { bucket, region, endpoint, credentials } => {
                let keys = credentials.keys().await?;
                let client = s3::client(region, endpoint.as_ref(), &keys, limits);
                Ok(Self::S3(Bucket::new(client, keys, credentials.clone(), bucket.clone())))
            }
        }
    }

    /// Puts a file, in place of what was there. What arrives damaged is an error, never a success.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`]; what was there before is then still there, or the new object is, whole.
    pub async fn put(&self, key: &Key, file: &Path) -> Result<(), Error> {
        match self {
            Self::Disk(disk) => disk.put(key, file).await,
            Self::S3(bucket) => bucket.put(key, file).await,
        }
    }

    /// Puts bytes, in place of what was there.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_bytes(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        match self {
            Self::Disk(disk) => disk.put_bytes(key, bytes).await,
            Self::S3(bucket) => bucket.put_bytes(key, bytes).await,
        }
    }

    /// Begins to read an object, whole or in part.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::OutOfRange`]; [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Object, Error> {
        match self {
            Self::Disk(disk) => disk.get(key, range).await,
            Self::S3(bucket) => bucket.get(key, range).await,
        }
    }

    /// What is known of an object; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn head(&self, key: &Key) -> Result<Option<Meta>, Error> {
        let length = match self {
            Self::Disk(disk) => disk.length(key).await,
            Self::S3(bucket) => bucket.length(key).await,
        };
        match length {
            Ok(length) => Ok(Some(Meta { content_type: key.content_type(), length })),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object. That it is absent already is fine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let deleted = match self {
            Self::Disk(disk) => disk.delete(key).await,
            Self::S3(bucket) => bucket.delete(key).await,
        };
        match deleted {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }

    /// A page of what is there, in the order of the keys, beginning after one. An empty page is the end. What is put or
    /// deleted meanwhile may or may not be in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn list(&self, after: Option<&str>) -> Result<Vec<Listed>, Error> {
        match self {
            Self::Disk(disk) => disk.list(after).await,
            Self::S3(bucket) => bucket.list(after).await,
        }
    }

    /// Writes, reads and removes an object of its own: everything we need works, and the rights suffice.
    ///
    /// # Errors
    /// The first that occurs.
    pub async fn check(&self) -> Result<(), Error> {
        let key = Key::probe();
        self.put_bytes(&key, Bytes::from_static(b"probe")).await?;
        let read = self.get(&key, None).await?.bytes().await;
        // The probe goes whether or not it could be read.
        self.delete(&key).await?;
        match read?.as_ref() {
            b"probe" => Ok(()),
            other => Err(Error::Unavailable(format!("a probe of 5 bytes came back as {} different ones", other.len()))),
        }
    }
}
