//! What was uploaded: the files API's objects, kept for a day beside the journal.
//!
//! A file is two files in the directory `uploads`: the content under its id, and what is known of it under the id with
//! `.json`, which is written last. So a content without a description was never told to anybody, and an opening throws it
//! away.

use crate::domain::Timestamp;
use crate::server::protocol::{Problem, moment};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::Rng;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How long a file is kept.
const KEPT_MS: i64 = 24 * 3_600_000;
/// The largest file, in bytes.
pub(super) const LARGEST: usize = 100_000_000;
/// Whose files they are.
pub(super) const OWNER: &str = "sandbox";

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    /// In hexadecimal, both of them.
    pub(super) sha256: String,
    pub(super) md5: String,
    pub(super) metadata: Value,
    pub(super) created_at: Timestamp,
}

impl Upload {
    fn expires_at(&self) -> Timestamp {
        self.created_at.plus_ms(KEPT_MS)
    }

    /// As the API tells it, with URLs at `origin`.
    pub(super) fn told(&self, origin: &str) -> Value {
        json!({
            "id": self.id, "name": self.name, "content_type": self.content_type, "size": self.size, "etag": self.md5,
            "checksums": { "sha256": self.sha256, "md5": self.md5 }, "metadata": self.metadata,
            "created_at": moment::write(self.created_at), "expires_at": moment::write(self.expires_at()),
            "urls": { "get": format!("{origin}/v1/files/{}", self.id) },
        })
    }
}

/// All files that are kept, oldest first.
#[derive(Debug)]
pub(super) struct Uploads {
    dir: PathBuf,
    kept: Mutex<Vec<Upload>>,
    key: hmac::Key,
}

/// What the caller says of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) metadata: Value,
}

impl Uploads {
    /// Opens what is kept in the directory `dir` of the sandbox, whose secret the downloads are signed with.
    pub(super) fn open(dir: &Path, secret: &str) -> anyhow::Result<Self> {
        let dir = dir.join("uploads");
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let mut kept = Vec::new();
        for file in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = file.with_context(|| format!("reading {}", dir.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                kept.extend(serde_json::from_slice::<Upload>(&text).ok());
            } else if !path.with_extension("json").exists() {
                fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            }
        }
        kept.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(Self { dir, kept: Mutex::new(kept), key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()) })
    }

    /// Keeps a file. Hashes and writes all of it: not for an async thread.
    pub(super) fn keep(&self, content: &[u8], label: Label, now: Timestamp) -> Result<Upload, Problem> {
        let Label { name, content_type, metadata } = label;
        // As long and as random as Replicate's: a UUID, in base64.
        let uuid = uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid();
        let id = BASE64_STANDARD.encode(uuid.hyphenated().to_string());
        let (sha256, md5) = (hex::encode(Sha256::digest(content)), hex::encode(<md5::Md5 as md5::Digest>::digest(content)));
        let upload = Upload { id, name, content_type, size: content.len() as u64, sha256, md5, metadata, created_at: now };
        let described = serde_json::to_vec(&upload).map_err(io::Error::from);
        let written = described.and_then(|description| {
            write(&self.dir.join(&upload.id), content)?;
            write(&self.description(&upload.id), &description)
        });
        written.map_err(|error| lost(&error))?;
        let mut kept = self.kept();
        let expired = kept.extract_if(.., |kept| kept.expires_at() <= now).collect::<Vec<_>>();
        kept.push(upload.clone());
        drop(kept);
        for expired in expired {
            self.remove(&expired.id);
        }
        Ok(upload)
    }

    /// The file of that id.
    pub(super) fn find(&self, id: &str, now: Timestamp) -> Result<Upload, Problem> {
        let kept = self.kept();
        let found = kept.iter().find(|upload| upload.id == id && now < upload.expires_at());
        found.cloned().ok_or_else(Problem::no_such_file)
    }

    /// The file of that id and its content; `None` when it is not there (any more).
    pub(super) fn open_file(&self, id: &str, now: Timestamp) -> Option<(Upload, File)> {
        let upload = self.find(id, now).ok()?;
        let content = File::open(self.dir.join(&upload.id)).ok()?;
        Some((upload, content))
    }

    /// All files, newest first.
    pub(super) fn list(&self, now: Timestamp) -> Vec<Upload> {
        self.kept().iter().rev().filter(|upload| now < upload.expires_at()).cloned().collect()
    }

    /// Deletes the file of that id.
    pub(super) fn delete(&self, id: &str, now: Timestamp) -> Result<(), Problem> {
        self.find(id, now)?;
        self.kept().retain(|upload| upload.id != id);
        self.remove(id);
        Ok(())
    }

    /// Whether a download was signed by somebody who knows the secret.
    pub(super) fn is_signed(&self, id: &str, expiry: i64, signature: &str) -> bool {
        let signature = BASE64_STANDARD.decode(signature).unwrap_or_default();
        hmac::verify(&self.key, message(id, expiry).as_bytes(), &signature).is_ok()
    }

    /// The signature of a download.
    #[cfg(test)]
    pub(super) fn sign(&self, id: &str, expiry: i64) -> String {
        BASE64_STANDARD.encode(hmac::sign(&self.key, message(id, expiry).as_bytes()))
    }

    fn remove(&self, id: &str) {
        // The description first: what is left without one is thrown away by the next opening.
        for path in [self.description(id), self.dir.join(id)] {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "a file of the sandbox cannot be removed");
            }
        }
    }

    fn description(&self, id: &str) -> PathBuf {
        self.dir.join(id).with_extension("json")
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Upload>> {
        // A panic elsewhere cannot leave an upload half made: they are pushed whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a new file, synced.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn message(id: &str, expiry: i64) -> String {
    format!("{OWNER} {id} {expiry}")
}

fn lost(error: &io::Error) -> Problem {
    tracing::error!(%error, "an upload cannot be written");
    Problem::internal()
}
