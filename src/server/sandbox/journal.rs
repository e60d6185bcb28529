//! The facts on disk: one JSON line for each creation and each cancellation, synced before anybody is told.

use super::{
    catalogue::{self, Entry, Makes},
    inputs::Source,
};
use crate::domain::Timestamp;
use crate::server::protocol::Problem;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// What is known of a prediction from its creation, and its cancellation if there was one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) model: String,
    /// `hidden` for an official model.
    pub(super) version: String,
    pub(super) input: Value,
    /// The seed that is used: the input's, or a random one.
    pub(super) seed: u64,
    /// What its files add up to; `None` when its input has no files.
    #[serde(default)]
    pub(super) source: Option<Source>,
    pub(super) starting_ms: i64,
    pub(super) rendering_ms: i64,
    /// Whether this is one of the runs that `#interrupted` fails.
    pub(super) interrupted: bool,
    pub(super) deadline: Option<Timestamp>,
    /// Where its creator reached us; the addresses in its webhooks begin with it.
    #[serde(default)]
    pub(super) origin: String,
    pub(super) webhook: Option<Value>,
    pub(super) webhook_events_filter: Option<Value>,
    #[serde(skip)]
    pub(super) canceled_at: Option<Timestamp>,
}

impl Facts {
    /// The prompt, or what the model takes in its place; empty when there is none.
    pub(super) fn prompt(&self) -> &str {
        words(|key| self.input.get(key))
    }

    /// Its model. There is always one, unless the journal is older than the catalogue.
    pub(super) fn entry(&self) -> Option<&'static Entry> {
        let (owner, name) = self.model.split_once('/')?;
        catalogue::named(owner, name)
    }

    /// What it makes.
    pub(super) fn makes(&self) -> Makes {
        self.entry().map_or(Makes::Pictures, |entry| entry.makes)
    }

    /// A whole number of the input, which may be written as `1.0`.
    #[expect(clippy::cast_possible_truncation, reason = "it was checked to be whole and in range")]
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        let value = self.input.get(key)?;
        value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))
    }

    /// Any number of the input.
    pub(super) fn fraction(&self, key: &str) -> Option<f64> {
        self.input.get(key).and_then(Value::as_f64)
    }

    /// A word of the input.
    pub(super) fn word(&self, key: &str) -> Option<&str> {
        self.input.get(key).and_then(Value::as_str)
    }
}

/// The words of an input that a person wrote: what is made follows from them, and so does the script of the run.
pub(super) fn words<'a>(input: impl Fn(&str) -> Option<&'a Value>) -> &'a str {
    ["prompt", "text", "initial_prompt"].into_iter().find_map(|key| input(key)?.as_str()).unwrap_or_default()
}

#[expect(clippy::large_enum_variant, reason = "there is never more than one")]
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Created(std::borrow::Cow<'a, Facts>),
    Canceled { id: String, at: Timestamp },
}

/// The open file. Its last line is always whole.
#[derive(Debug)]
pub(super) struct Journal(File);

impl Journal {
    /// Opens the journal of a directory and reads everything in it. What follows the last whole line was never told to
    /// anybody, so it is cut off.
    pub(super) fn open(dir: &Path) -> anyhow::Result<(Self, Vec<Facts>)> {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let path = dir.join("predictions.jsonl");
        let written = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.with_context(|| format!("reading {}", path.display()))?,
        };
        let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut all: Vec<Facts> = Vec::new();
        for line in written[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line).with_context(|| format!("a line of {} cannot be read", path.display()))? {
                Line::Created(facts) => all.push(facts.into_owned()),
                Line::Canceled { id, at } => {
                    let canceled = all.iter_mut().rev().find(|facts| facts.id == id);
                    canceled.context("the journal cancels what it did not create")?.canceled_at = Some(at);
                }
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        file.set_len(whole as u64).context("cutting off a line that was never finished")?;
        // The new file's name must outlive a power cut as well as its lines.
        File::open(dir).and_then(|dir| dir.sync_all()).with_context(|| format!("syncing {}", dir.display()))?;
        Ok((Self(file), all))
    }

    pub(super) fn created(&mut self, facts: &Facts) -> Result<(), Problem> {
        self.write(&Line::Created(std::borrow::Cow::Borrowed(facts)))
    }

    pub(super) fn canceled(&mut self, id: &str, at: Timestamp) -> Result<(), Problem> {
        self.write(&Line::Canceled { id: id.to_owned(), at })
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        let mut bytes = serde_json::to_vec(line).map_err(io::Error::from).map_err(|error| lost(&error))?;
        bytes.push(b'\n');
        let before = self.0.metadata().map_err(|error| lost(&error))?.len();
        self.0.write_all(&bytes).and_then(|()| self.0.sync_data()).map_err(|error| {
            // A disk that is full took half a line; if it will not give it back, the next opening cuts it off.
            let _ = self.0.set_len(before);
            lost(&error)
        })
    }
}

fn lost(error: &io::Error) -> Problem {
    tracing::error!(%error, "the sandbox's journal cannot be written");
    Problem::internal()
}
