//! Giving Replicate a copy of a file: a form with one part, sent as it is read, so that no file has to fit into memory.

use super::types::moment;
use crate::domain::Timestamp;
use crate::server::db::mint;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;
use std::io;

/// A file to be copied.
pub struct Upload {
    /// What it is to be called there: letters, digits, hyphens and dots.
    pub name: String,
    /// What it is.
    pub content_type: String,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub body: BoxStream<'static, io::Result<Bytes>>,
}

/// A copy that Replicate has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// What an input names it by. Only Replicate itself can read there.
    pub url: String,
    /// When it goes, if it was told.
    pub expires_at: Option<Timestamp>,
}

/// As Replicate tells of it.
#[derive(Deserialize)]
pub(super) struct Told {
    urls: Urls,
    #[serde(default)]
    expires_at: Value,
}

#[derive(Deserialize)]
struct Urls {
    get: String,
}

impl From<Told> for Uploaded {
    fn from(told: Told) -> Self {
        Self { url: told.urls.get, expires_at: moment(&told.expires_at) }
    }
}

impl Upload {
    /// Puts the form into a request.
    pub(super) fn fill(self, request: RequestBuilder) -> RequestBuilder {
        // Random, so that no file holds it.
        let boundary = format!("atelier-{}", mint());
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"content\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
            self.name, self.content_type
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let length = head.len() as u64 + self.bytes + tail.len() as u64;
        let whole = |text: String| stream::iter([Ok(Bytes::from(text))]);
        request
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .header(CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(whole(head).chain(self.body).chain(whole(tail))))
    }
}
