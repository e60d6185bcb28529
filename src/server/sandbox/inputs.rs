//! Inputs that are files: an https address, an http address on this machine, a data URL, or what was uploaded here.
//!
//! The sandbox does not look at what is elsewhere. All it takes from a file is a number that follows from its content, or
//! from its address where the content is not at hand, and the size of a picture if it can be read: the same file always
//! leads to the same result, and another one to another.

use super::uploads::Uploads;
use crate::{
    domain::{Timestamp, schema::Violation},
    server::replicate::is_loopback,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use image::ImageReader;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Cursor, Seek};
use url::Url;

/// What the files of an input add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    /// Of their content or address, in order.
    pub(super) hash: u64,
    /// Width and height of the first that is a picture within reach.
    pub(super) size: Option<(u32, u32)>,
}

/// A file of an input: where it stands in the body, and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given<'a> {
    path: String,
    url: &'a str,
}

/// The files of an input, in the order of the form.
pub(super) fn files<'a>(input: &'a Map<String, Value>, schemas: &Value) -> Vec<Given<'a>> {
    let properties = &schemas["Input"]["properties"];
    let mut given: Vec<(&str, &Value)> = input.iter().map(|(key, value)| (key.as_str(), value)).collect();
    given.sort_by_key(|(key, _)| properties[*key]["x-order"].as_u64());
    let mut files = Vec::new();
    for (key, value) in given {
        if properties[key]["format"] == "uri" {
            files.extend(value.as_str().map(|url| Given { path: format!("input.{key}"), url }));
        } else if properties[key]["items"]["format"] == "uri" {
            let several = value.as_array().into_iter().flatten().enumerate();
            files.extend(several.filter_map(|(at, url)| Some(Given { path: format!("input.{key}.{at}"), url: url.as_str()? })));
        }
    }
    files
}

/// Adds files up; `origin` is where the caller reached us. `None` when there are none.
///
/// # Errors
/// The first that no model could fetch: it is no address, or leads to an upload that is not there (any more).
pub(super) fn source(files: &[Given<'_>], origin: &str, uploads: &Uploads, now: Timestamp) -> Result<Option<Source>, Violation> {
    let mut sum = Sha256::new();
    let mut size = None;
    for file in files {
        let seen = look(file.url, origin, uploads, now).ok_or_else(|| unfit(file))?;
        sum.update(seen.digest);
        size = size.or(seen.size);
    }
    let hash = sum.finalize().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    Ok((!files.is_empty()).then_some(Source { hash, size }))
}

struct Seen {
    digest: [u8; 32],
    size: Option<(u32, u32)>,
}

fn look(url: &str, origin: &str, uploads: &Uploads, now: Timestamp) -> Option<Seen> {
    if let Some(data) = url.strip_prefix("data:") {
        let (kind, data) = data.split_once(',')?;
        let content = if kind.ends_with(";base64") { BASE64_STANDARD.decode(data).ok()? } else { data.as_bytes().to_vec() };
        return Some(Seen { digest: Sha256::digest(&content).into(), size: size(Cursor::new(content)) });
    }
    let parsed = Url::parse(url).ok()?;
    let here =
        parsed.scheme() == "http" && (is_loopback(&parsed) || url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/')));
    if let Some(id) = parsed.path().strip_prefix("/v1/files/").filter(|_| here) {
        let (upload, content) = uploads.open_file(id, now)?;
        return Some(Seen { digest: Sha256::digest(upload.sha256.as_bytes()).into(), size: size(BufReader::new(content)) });
    }
    (here || parsed.scheme() == "https").then(|| Seen { digest: Sha256::digest(url.as_bytes()).into(), size: None })
}

fn size(content: impl BufRead + Seek) -> Option<(u32, u32)> {
    ImageReader::new(content).with_guessed_format().ok()?.into_dimensions().ok()
}

fn unfit(file: &Given<'_>) -> Violation {
    Violation { kind: "format".into(), field: file.path.clone(), description: "Does not match format 'uri'".to_owned() }
}
