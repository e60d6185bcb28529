//! Fetching an output: from the hosts Replicate delivers on and no other, counted while it arrives, hashed on the way.

use super::errors::causes;
use crate::server::data_url::{self, Unreadable};
use crate::server::sink::{self, Broken, Sink};
use reqwest::{Response, StatusCode, header::LOCATION};
use std::{io, path::Path, time::Duration};
use tokio::time::timeout;
use url::Url;

pub use crate::server::sink::Arrived as Download;

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
    /// As much as is kept of a film; a picture has a limit of its own.
    pub const DEFAULT: Self = Self { bytes: 100_000_000, idle: Duration::from_secs(15), total: Duration::from_mins(2) };
}

impl Default for DownloadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
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

/// Copies a file to `to` from where `base` is, or from Replicate's delivery hosts; see [`DownloadError`]. No token is sent.
pub(in crate::server) async fn download(
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
    if data_url::is_one(url) {
        let bytes = data_url::decode(url, limits.bytes)?;
        let mut sink = Sink::create(to, limits.bytes).await?;
        sink.write(&bytes).await?;
        return Ok(sink.finish().await?);
    }
    let response = follow(client, base, url, limits).await?;
    Ok(sink::receive(response, to, limits.bytes, limits.idle).await?)
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

impl From<Unreadable> for DownloadError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Malformed(why) => Self::Malformed(why),
            Unreadable::TooLarge { limit } => Self::TooLarge { limit },
        }
    }
}

impl From<Broken> for DownloadError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge { limit } => Self::TooLarge { limit },
            Broken::Truncated { bytes } => Self::Truncated { bytes },
            Broken::Empty => Self::Empty,
            Broken::Packed(packing) => Self::Packed(packing),
            Broken::Disk(error) => Self::Disk(error),
            silent @ Broken::Silent(_) => Self::Transient(silent.to_string()),
            Broken::Lost(causes) => Self::Transient(causes),
        }
    }
}
