//! A file that comes from somewhere else, while it comes: counted and hashed piece by piece, never longer than it may be,
//! and never taken for whole when it broke off.

use super::crash::{self, Point};
use super::replicate::causes;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// A file that arrived whole, as far as its sender said how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
}

/// Why it did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// More bytes than allowed, or announced to be more.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The bytes allowed.
        limit: u64,
    },
    /// Fewer bytes than announced.
    #[error("it ended after {bytes} bytes")]
    Truncated {
        /// Bytes that came.
        bytes: u64,
    },
    /// No bytes at all.
    #[error("it is empty")]
    Empty,
    /// Nothing came for so long.
    #[error("silent for {0:?}")]
    Silent(Duration),
    /// The connection failed, in its own words.
    #[error("{0}")]
    Lost(String),
    /// Its bytes are packed, which nobody asked for. They are never unpacked: a few could become any number.
    #[error("it is packed as {0}")]
    Packed(String),
    /// Our own disk.
    #[error("it could not be written: {0}")]
    Disk(#[from] io::Error),
}

/// A file being written.
pub struct Sink {
    file: File,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl Sink {
    /// Begins a file at `to`, in place of what was there, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Broken::Disk`].
    pub async fn create(to: &Path, limit: u64) -> Result<Self, Broken> {
        Ok(Self { file: File::create(to).await?, hash: Sha256::new(), bytes: 0, limit })
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// [`Broken::TooLarge`] or [`Broken::Disk`].
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), Broken> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.limit {
            return Err(Broken::TooLarge { limit: self.limit });
        }
        self.hash.update(piece);
        Ok(self.file.write_all(piece).await?)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Broken::Empty`] or [`Broken::Disk`].
    pub async fn finish(mut self) -> Result<Arrived, Broken> {
        if self.bytes == 0 {
            return Err(Broken::Empty);
        }
        self.file.flush().await?;
        Ok(Arrived { bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) })
    }
}

/// Writes the body of an answer to `to`. What is there after an error is no file; the caller removes it.
///
/// # Errors
/// See [`Broken`].
pub async fn receive(mut response: Response, to: &Path, limit: u64, idle: Duration) -> Result<Arrived, Broken> {
    if let Some(packing) = response.headers().get(CONTENT_ENCODING).filter(|packing| *packing != "identity") {
        return Err(Broken::Packed(String::from_utf8_lossy(packing.as_bytes()).into_owned()));
    }
    let announced = response.content_length();
    if announced.is_some_and(|length| length > limit) {
        return Err(Broken::TooLarge { limit });
    }
    let mut sink = Sink::create(to, limit).await?;
    loop {
        match timeout(idle, response.chunk()).await {
            Err(_) => return Err(Broken::Silent(idle)),
            Ok(Err(error)) if ended_early(&error) => return Err(Broken::Truncated { bytes: sink.bytes }),
            Ok(Err(error)) => return Err(Broken::Lost(causes(&error.without_url()))),
            Ok(Ok(Some(chunk))) => {
                // A file that comes in one piece is written in two, so that there is a half to be left with.
                let (first, second) = chunk.split_at(chunk.len() / 2);
                sink.write(first).await?;
                crash::point(Point::HalfFetched).await;
                sink.write(second).await?;
            }
            Ok(Ok(None)) => break,
        }
    }
    if announced.is_some_and(|length| sink.bytes < length) {
        return Err(Broken::Truncated { bytes: sink.bytes });
    }
    sink.finish().await
}

fn ended_early(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let incomplete = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        incomplete || error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    })
}
