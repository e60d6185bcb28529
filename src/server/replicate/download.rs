//! Fetching an output: from the hosts Replicate delivers on and no other, counted while it arrives, hashed on the way.

use super::errors::causes;
use crate::server::crash::{self, Point};
use base64::Engine;
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, LOCATION},
};
use sha2::{Digest, Sha256};
use std::{io, path::Path, time::Duration};
use tokio::{fs::File, io::AsyncWriteExt, time::timeout};
use url::Url;

/// Where Replicate puts files, itself or in a subdomain.
const DELIVERY: &str = "replicate.delivery";

/// Redirects followed, each checked like the first address.
const MAX_REDIRECTS: usize = 3;

/// What one file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadLimits {
    /// The most bytes, counted.
    pub bytes: u64,
    /// The longest silence.
    pub idle: Duration,
    /// The whole time.
    pub total: Duration,
}

impl DownloadLimits {
    /// More than any picture needs that we would keep.
    pub const DEFAULT: Self = Self { bytes: 32 * 1024 * 1024, idle: Duration::from_secs(15), total: Duration::from_mins(2) };
}

impl Default for DownloadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A file that arrived whole, as far as its sender said how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// 403, 404, 410: the link expired. It will not come back.
    #[error("the file is gone: {0}")]
    Gone(String),
    /// Timeout, reset, 5xx: worth another try.
    #[error("the file did not come: {0}")]
    Transient(String),
    /// The connection ended before the announced length.
    #[error("the file ended after {bytes} bytes")]
    Truncated {
        /// Bytes that came.
        bytes: u64,
    },
    /// More bytes than allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The bytes allowed.
        limit: u64,
    },
    /// An address we do not fetch from.
    #[error("the file is on a foreign host: {0}")]
    ForeignHost(String),
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Its bytes are packed, which nobody asked for. They are never unpacked: a few could become any number.
    #[error("the file is packed as {0}")]
    Packed(String),
    /// A `data:` URL that cannot be read.
    #[error("the data URL cannot be read: {0}")]
    Malformed(String),
    /// Our own disk.
    #[error("the file could not be written")]
    Disk(#[from] io::Error),
}

pub(super) async fn download(
    client: &reqwest::Client,
    base: &Url,
    url: &str,
    to: &Path,
    limits: DownloadLimits,
) -> Result<Download, DownloadError> {
    let fetched = timeout(limits.total, fetch(client, base, url, to, limits)).await;
    let result = fetched.unwrap_or_else(|_| Err(DownloadError::Transient(format!("not done in {:?}", limits.total))));
    if result.is_err() {
        // Half a file must not be taken for a whole one; that there is none to remove is as good.
        let _ = tokio::fs::remove_file(to).await;
    }
    result
}

async fn fetch(
    client: &reqwest::Client,
    base: &Url,
    url: &str,
    to: &Path,
    limits: DownloadLimits,
) -> Result<Download, DownloadError> {
    if let Some(data) = url.strip_prefix("data:") {
        let bytes = decode(data, limits.bytes)?;
        let mut sink = Sink::create(to, limits.bytes).await?;
        sink.write(&bytes).await?;
        return sink.finish().await;
    }
    let mut response = follow(client, base, url, limits).await?;
    if let Some(packing) = response.headers().get(CONTENT_ENCODING).filter(|packing| *packing != "identity") {
        return Err(DownloadError::Packed(String::from_utf8_lossy(packing.as_bytes()).into_owned()));
    }
    let announced = response.content_length();
    if announced.is_some_and(|length| length > limits.bytes) {
        return Err(DownloadError::TooLarge { limit: limits.bytes });
    }
    let mut sink = Sink::create(to, limits.bytes).await?;
    loop {
        match timeout(limits.idle, response.chunk()).await {
            Err(_) => return Err(DownloadError::Transient(format!("silent for {:?}", limits.idle))),
            Ok(Err(error)) if ended_early(&error) => return Err(DownloadError::Truncated { bytes: sink.bytes }),
            Ok(Err(error)) => return Err(DownloadError::Transient(causes(&error.without_url()))),
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
        return Err(DownloadError::Truncated { bytes: sink.bytes });
    }
    sink.finish().await
}

async fn follow(client: &reqwest::Client, base: &Url, url: &str, limits: DownloadLimits) -> Result<Response, DownloadError> {
    let mut url = Url::parse(url).map_err(|error| DownloadError::ForeignHost(error.to_string()))?;
    for _ in 0..=MAX_REDIRECTS {
        if !is_ours(&url, base) {
            return Err(DownloadError::ForeignHost(url.host_str().unwrap_or_default().to_owned()));
        }
        let sent = timeout(limits.idle, client.get(url.clone()).send()).await;
        let sent = sent.map_err(|_| DownloadError::Transient(format!("no answer in {:?}", limits.idle)))?;
        let response = sent.map_err(|error| DownloadError::Transient(causes(&error.without_url())))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        url = match location.filter(|_| status.is_redirection()).and_then(|location| url.join(location).ok()) {
            Some(next) => next,
            None => return Err(refusal(status)),
        };
    }
    Err(DownloadError::Transient(format!("more than {MAX_REDIRECTS} redirects")))
}

fn refusal(status: StatusCode) -> DownloadError {
    match status.as_u16() {
        403 | 404 | 410 => DownloadError::Gone(status.to_string()),
        _ => DownloadError::Transient(status.to_string()),
    }
}

/// Replicate's delivery hosts over https, or exactly the origin we are configured for. A model may name any host it
/// likes in its output, one inside our network included.
fn is_ours(url: &Url, base: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let delivered = host == DELIVERY || host.strip_suffix(DELIVERY).is_some_and(|rest| rest.ends_with('.'));
    (delivered && url.scheme() == "https" && url.port().is_none()) || (url.origin() == base.origin() && url.has_host())
}

fn ended_early(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let incomplete = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        incomplete || error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    })
}

/// The bytes of `image/png;base64,…`.
fn decode(data: &str, limit: u64) -> Result<Vec<u8>, DownloadError> {
    let (kind, encoded) = data.split_once(',').ok_or_else(|| DownloadError::Malformed("it has no comma".to_owned()))?;
    if !kind.ends_with(";base64") {
        return Err(DownloadError::Malformed("it is not base64".to_owned()));
    }
    if encoded.len() as u64 / 4 * 3 > limit.saturating_add(3) {
        return Err(DownloadError::TooLarge { limit });
    }
    base64::prelude::BASE64_STANDARD.decode(encoded).map_err(|error| DownloadError::Malformed(error.to_string()))
}

/// A file being written, counted and hashed.
struct Sink {
    file: File,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl Sink {
    async fn create(to: &Path, limit: u64) -> Result<Self, DownloadError> {
        Ok(Self { file: File::create(to).await?, hash: Sha256::new(), bytes: 0, limit })
    }

    async fn write(&mut self, chunk: &[u8]) -> Result<(), DownloadError> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limit {
            return Err(DownloadError::TooLarge { limit: self.limit });
        }
        self.hash.update(chunk);
        Ok(self.file.write_all(chunk).await?)
    }

    async fn finish(mut self) -> Result<Download, DownloadError> {
        if self.bytes == 0 {
            return Err(DownloadError::Empty);
        }
        self.file.flush().await?;
        Ok(Download { bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) })
    }
}
