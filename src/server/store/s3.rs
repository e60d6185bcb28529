//! Objects in a bucket of an S3 server: Amazon's or any that speaks its protocol.
//!
//! An object is put in one piece: there is no upload in parts that could be left unfinished and cost money unseen.
//! Every upload carries the SHA-256 of its bytes, so that the server refuses one that was damaged on the way, and every
//! call is bounded in time and tries. A call whose credentials have expired is repeated once with those that the
//! [file](Credentials::File) has by then.

mod credentials;

pub use credentials::{Credentials, Keys};

use super::{ByteRange, Error, Key, Limits, Listed, Object, PAGE};
use crate::domain::Timestamp;
use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Region, RequestChecksumCalculation, StalledStreamProtectionConfig, http::HttpResponse,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, SdkBody},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use std::{
    error::Error as Cause,
    fs::File,
    io,
    ops::Range,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};
use tokio_util::io::ReaderStream;
use url::Url;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A bucket and the connections to it.
#[derive(Clone, Debug)]
pub struct Bucket {
    session: Arc<RwLock<Session>>,
    credentials: Credentials,
    name: String,
}

/// Connections, and what is signed with on them.
#[derive(Clone, Debug)]
struct Session {
    client: Client,
    keys: Keys,
}

/// Connections to an S3 server. Nothing is sent yet.
pub(super) fn client(region: &str, endpoint: Option<&Url>, keys: &Keys, limits: Limits) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .credentials_provider(keys.signing())
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(limits.attempts))
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(limits.stall).build())
        // We send a SHA-256 of our own. The SDK's default, a checksum after the body, is not understood everywhere.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint.as_str()).force_path_style(true);
    }
    Client::from_conf(config.build())
}

impl Bucket {
    pub(super) fn new(client: Client, keys: Keys, credentials: Credentials, name: String) -> Self {
        Self { session: Arc::new(RwLock::new(Session { client, keys })), credentials, name }
    }

    /// Makes a call; once more with other keys, if those it was made with have expired and there are others.
    async fn call<T, E, F>(&self, doing: &str, mut call: impl FnMut(Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: Cause + ProvideErrorMetadata + 'static,
    {
        let session = self.session();
        // On the heap: a call of the SDK is a large future, and it would be part of everything that awaits a store.
        let error = match Box::pin(call(session.client)).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let renewed = if has_expired(&error) { self.renewed(&session.keys).await } else { None };
        match renewed {
            Some(client) => Box::pin(call(client)).await.map_err(|error| classify(doing, &error)),
            None => Err(classify(doing, &error)),
        }
    }

    fn session(&self) -> Session {
        self.session.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connections with the keys of this moment, when they are not those that were refused.
    async fn renewed(&self, refused: &Keys) -> Option<Client> {
        self.credentials.file()?;
        let keys = self.credentials.keys().await.inspect_err(|error| tracing::warn!(%error, "no new keys for the store"));
        let keys = keys.ok().filter(|keys| keys != refused)?;
        let mut session = self.session.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have renewed them meanwhile.
        if session.keys != keys {
            let config = session.client.config().to_builder().credentials_provider(keys.signing());
            *session = Session { client: Client::from_conf(config.build()), keys };
        }
        Some(session.client.clone())
    }

    pub(super) async fn put(&self, key: &Key, file: &Path) -> Result<(), Error> {
        let spooled = |error: String| Error::Unavailable(format!("reading {}: {error}", file.display()));
        let path = file.to_owned();
        let (sha256, length) = tokio::task::spawn_blocking(move || sha256_of(&path))
            .await
            .map_err(|panicked| spooled(panicked.to_string()))?
            .map_err(|error| spooled(error.to_string()))?;
        let body = ByteStream::from_path(file).await.map_err(|error| spooled(error.to_string()))?;
        self.send(key, body, length, sha256).await
    }

    pub(super) async fn put_bytes(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        let (sha256, length) = (Sha256::digest(&bytes).into(), bytes.len() as u64);
        self.send(key, ByteStream::from(bytes), length, sha256).await
    }

    pub(super) async fn send(&self, key: &Key, body: ByteStream, length: u64, sha256: [u8; 32]) -> Result<(), Error> {
        // Bytes and files can be had as often as they are sent.
        let body = body.into_inner();
        let mut bodies = vec![body.try_clone(), Some(body)];
        let put = |client: Client| {
            let body = ByteStream::from(bodies.pop().flatten().unwrap_or_else(SdkBody::taken));
            let put = client.put_object().bucket(&self.name).key(key.as_str()).content_type(key.content_type());
            put.content_length(length.cast_signed()).checksum_sha256(STANDARD.encode(sha256)).body(body).send()
        };
        self.call("put", put).await.map(drop)
    }

    pub(super) async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Object, Error> {
        // Servers disagree on the last n bytes of an object shorter than n (one answers 500), so we count ourselves.
        let range = match range {
            Some(last @ ByteRange::Last(_)) => {
                let bytes = last.within(self.length(key).await?).ok_or(Error::OutOfRange)?;
                Some(ByteRange::FromTo(bytes.start, bytes.end - 1))
            }
            other => other,
        };
        let range = range.map(|range| range.to_string());
        let get = |client: Client| client.get_object().bucket(&self.name).key(key.as_str()).set_range(range.clone()).send();
        let object = self.call("get", get).await?;
        // A server that ignores the range says nothing of one and sends everything.
        let part = object.content_range().map(|header| parse_content_range(header).ok_or_else(|| unreadable("content-range")));
        let (range, length) = match part.transpose()? {
            Some((part, whole)) => (Some(part), whole),
            None => (
                None,
                object.content_length().and_then(|length| length.try_into().ok()).ok_or_else(|| unreadable("content-length"))?,
            ),
        };
        let body = ReaderStream::with_capacity(object.body.into_async_read(), CHUNK).boxed();
        Ok(Object { content_type: key.content_type(), length, range, body })
    }

    pub(super) async fn length(&self, key: &Key) -> Result<u64, Error> {
        let head = |client: Client| client.head_object().bucket(&self.name).key(key.as_str()).send();
        let length = self.call("head", head).await?.content_length();
        length.and_then(|length| length.try_into().ok()).ok_or_else(|| unreadable("content-length"))
    }

    pub(super) async fn list(&self, after: Option<&str>) -> Result<Vec<Listed>, Error> {
        let list = |client: Client| {
            let list = client.list_objects_v2().bucket(&self.name).max_keys(i32::try_from(PAGE).unwrap_or(i32::MAX));
            list.set_start_after(after.map(str::to_owned)).send()
        };
        let listed = self.call("list", list).await?;
        let read = |object: &aws_sdk_s3::types::Object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                length: object.size()?.try_into().ok()?,
                put_at: Timestamp(object.last_modified()?.to_millis().ok()?),
            })
        };
        listed.contents().iter().map(|object| read(object).ok_or_else(|| unreadable("list"))).collect()
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Error> {
        let delete = |client: Client| client.delete_object().bucket(&self.name).key(key.as_str()).send();
        self.call("delete", delete).await.map(drop)
    }
}

fn sha256_of(path: &Path) -> io::Result<([u8; 32], u64)> {
    let mut hash = Sha256::new();
    let length = io::copy(&mut File::open(path)?, &mut hash)?;
    Ok((hash.finalize().into(), length))
}

/// Reads `bytes 0-9/100`: the part, its end excluded, and the length of the whole.
fn parse_content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (part, whole) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    Some((first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?, whole.parse().ok()?))
}

fn unreadable(header: &str) -> Error {
    Error::Unavailable(format!("the answer has no readable {header}"))
}

/// Whether newer keys may do better. An answer to `HEAD` has no body that could say why it refuses.
fn has_expired<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let SdkError::ServiceError(answer) = error else { return false };
    match answer.err().code() {
        Some("ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" | "InvalidAccessKeyId") => true,
        Some(_) => false,
        None => matches!(answer.raw().status().as_u16(), 400 | 401 | 403),
    }
}

/// What a failure means for the caller. The codes are those of Amazon's list of S3 error responses.
fn classify<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: Cause + ProvideErrorMetadata + 'static,
{
    let SdkError::ServiceError(answer) = error else {
        let cause = format!("{doing}: {}", short_cause(error));
        // Everything but an answer or a request that cannot be built is the network's or the server's trouble.
        return if matches!(error, SdkError::ConstructionFailure(_)) { Error::Refused(cause) } else { Error::Unavailable(cause) };
    };
    let (status, code) = (answer.raw().status().as_u16(), answer.err().code().unwrap_or_default());
    let message = answer.err().message().unwrap_or("no message");
    let cause = format!("{doing}: {status} {code}: {message}");
    match (status, code) {
        (404, "" | "NoSuchKey" | "NotFound") => Error::NotFound,
        (416, _) => Error::OutOfRange,
        (501, _) => Error::Refused(cause),
        // Overloaded, or the upload was damaged or cut off on the way: the next try sends it afresh.
        (408 | 429 | 500.., _)
        | (
            _,
            "BadDigest"
            | "InvalidDigest"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch"
            | "IncompleteBody"
            | "RequestTimeout"
            | "OperationAborted"
            | "SlowDown",
        ) => Error::Unavailable(cause),
        _ => Error::Refused(cause),
    }
}

/// The chain of causes in one line. The SDK's own account of it adds a dump of the whole exchange.
fn short_cause(error: &dyn Cause) -> String {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(deeper) = cause {
        chain.push(deeper.to_string());
        cause = deeper.source();
    }
    chain.join(": ")
}
