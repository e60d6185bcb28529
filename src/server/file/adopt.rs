//! Making files of ours out of what a request names: an address on the open internet, a `data:` URL, a file or a picture of
//! the person's own. Afterwards the input holds marks alone, and every mark is a file of that person.

use super::kind::Accepts;
use super::uploads::Arrival;
use super::{API_BYTES, Error, File, Files, find};
use crate::domain::{FileId, FileProblem, GenerationId, PersonId, Timestamp};
use crate::server::data_url::{self, Unreadable};
use crate::server::egress::{self, Limits};
use crate::server::generation::{predictions, views};
use crate::server::seal::{Opens, Seals};
use crate::server::sink::{Arrived, Sink};
use crate::server::store::Key;
use serde_json::{Map, Value};
use url::Url;

/// Which property could not be adopted, and why.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {error}")]
pub struct Unadopted {
    /// The property.
    pub name: String,
    /// Why.
    pub error: Error,
}

/// Replaces what the properties `names` hold by marks, and answers with the files behind them, without repetition, for
/// [`super::work_from`]. A value that is no text, nor a list of texts, is left to the validator. `origin` is our own.
///
/// # Errors
/// With the first property that names no file that can be had. What was adopted before it is cleared away in time.
pub async fn adopt(
    files: &Files,
    origin: &Url,
    owner: &PersonId,
    input: &mut Map<String, Value>,
    names: &[&str],
    accepts: Accepts,
    now: Timestamp,
) -> Result<Vec<FileId>, Unadopted> {
    let side = Side { files, origin, owner, accepts, now };
    let mut adopted = Vec::new();
    for name in names {
        let Some(value) = input.get_mut(*name) else { continue };
        let items: &mut [Value] = match value {
            Value::Array(items) => items,
            single => std::slice::from_mut(single),
        };
        for item in items {
            let Value::String(text) = item else { continue };
            let id = side.one(text).await.map_err(|error| Unadopted { name: (*name).to_owned(), error })?.id;
            *text = id.mark();
            if !adopted.contains(&id) {
                adopted.push(id);
            }
        }
    }
    Ok(adopted)
}

/// The files that an input names in these properties, without repetition.
pub fn marked(input: &Map<String, Value>, names: &[&str]) -> Vec<FileId> {
    let mut found = Vec::new();
    for value in names.iter().filter_map(|name| input.get(*name)) {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for id in items.iter().filter_map(Value::as_str).filter_map(FileId::marked) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

/// Whether a property holds a text that is no mark.
pub fn has_addresses(input: &Map<String, Value>, name: &str) -> bool {
    let Some(value) = input.get(name) else { return false };
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str).any(|text| FileId::marked(text).is_none())
}

/// Who asks, and when.
struct Side<'a> {
    files: &'a Files,
    origin: &'a Url,
    owner: &'a PersonId,
    accepts: Accepts,
    now: Timestamp,
}

impl Side<'_> {
    async fn one(&self, text: &str) -> Result<File, Error> {
        if let Some(id) = FileId::marked(text) {
            return self.known(&id).await;
        }
        if data_url::is_one(text) {
            return self.written(text).await;
        }
        // An address of ours is nothing to ask for over the network: whoever asks would be nobody there.
        match self.origin.join(text) {
            Ok(url) if url.origin() == self.origin.origin() => self.ours(&url).await,
            Ok(url) => self.fetched(&url).await,
            Err(_) => Err(Error::Refused(FileProblem::Address)),
        }
    }

    async fn known(&self, id: &FileId) -> Result<File, Error> {
        find(&self.files.db, self.owner, id).await?.ok_or(Error::Refused(FileProblem::Gone))
    }

    async fn written(&self, text: &str) -> Result<File, Error> {
        let bytes = data_url::decode(text, API_BYTES).map_err(|unreadable| match unreadable {
            Unreadable::Malformed(_) => Error::Refused(FileProblem::Damaged),
            Unreadable::TooLarge { limit } => Error::Refused(FileProblem::TooLarge(super::megabytes(limit))),
        })?;
        let arrival = self.files.uploads.arrival();
        let mut sink = Sink::create(arrival.path(), API_BYTES).await?;
        sink.write(&bytes).await?;
        let arrived = sink.finish().await?;
        self.keep(&arrival, &arrived, "").await
    }

    /// A file or a picture of ours, by the address that our pages show.
    async fn ours(&self, url: &Url) -> Result<File, Error> {
        let gone = || Error::Refused(FileProblem::Gone);
        let parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
        match parts.as_slice() {
            ["api", "app", "files", id] | ["v1", "files", id] | ["v1", "files", id, "download"] => {
                self.known(&FileId::parse(id).ok_or_else(gone)?).await
            }
            ["files", generation, name] => {
                let generation = GenerationId::parse(generation).ok_or_else(gone)?;
                let key = Key::parse(&generation, name).ok_or_else(gone)?;
                let place = name.split('.').next().and_then(|place| place.parse().ok()).ok_or_else(gone)?;
                let kept = views::file(&self.files.db, self.owner, &generation, place).await?;
                // Its thumbnails are no more than it, and less to work from.
                kept.filter(|(original, _)| original == key.as_str()).ok_or_else(gone)?;
                self.copied(&key, name).await
            }
            // An output that a program was given, by whoever it was given on to.
            ["o", sealed, name] => {
                let seals = Seals::new(self.files.db.clone());
                let generation = seals.get().await?.open(Opens::Files, sealed).ok_or_else(gone)?;
                let name = name.strip_prefix("out-").ok_or_else(gone)?;
                let key = Key::parse(&generation, name).ok_or_else(gone)?;
                let place = name.split('.').next().and_then(|place| place.parse().ok()).ok_or_else(gone)?;
                let kept = predictions::file(&self.files.db, &generation, place).await?;
                kept.filter(|kept| kept == key.as_str()).ok_or_else(gone)?;
                self.copied(&key, name).await
            }
            _ => Err(Error::Refused(FileProblem::Address)),
        }
    }

    /// One of our own outputs as a file to work from.
    async fn copied(&self, key: &Key, name: &str) -> Result<File, Error> {
        let object = self.files.store.get(key, None).await?;
        let (arrival, arrived) = self.files.uploads.receive(object.body, API_BYTES).await?;
        self.keep(&arrival, &arrived, name).await
    }

    async fn fetched(&self, url: &Url) -> Result<File, Error> {
        let _place = self.files.uploads.place(self.owner)?;
        let arrival = self.files.uploads.arrival();
        let fetched = self.files.egress.fetch(url.as_str(), arrival.path(), Limits::of(API_BYTES)).await;
        let arrived = fetched.map_err(|error| {
            // With the host alone: the rest of an address may be a key to what is there.
            tracing::info!(host = url.host_str(), %error, "a file could not be fetched for somebody");
            Error::from(error)
        })?;
        let last = url.path_segments().and_then(Iterator::last).unwrap_or_default();
        self.keep(&arrival, &arrived, last).await
    }

    async fn keep(&self, arrival: &Arrival, arrived: &Arrived, name: &str) -> Result<File, Error> {
        self.files.keep(self.owner, arrival, arrived, name, self.accepts, self.now).await
    }
}

impl From<egress::Error> for Error {
    fn from(error: egress::Error) -> Self {
        match error {
            egress::Error::Closed(_) => Self::Refused(FileProblem::Address),
            egress::Error::Broken(broken) => broken.into(),
            egress::Error::Unreachable(_)
            | egress::Error::Redirected(_)
            | egress::Error::Refused(_)
            | egress::Error::TooSlow(_)
            | egress::Error::Setup(_) => Self::Refused(FileProblem::Unreachable),
        }
    }
}
