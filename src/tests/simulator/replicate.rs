//! Replicate in memory: predictions whose whole fate is thrown when they are made, and the invoice of all it ever made.

use super::dice::Dice;
use super::weather::{Storm, Weather};
use atelier::domain::{PredictionId, Timestamp};
use atelier::server::replicate::{Error, Prediction, Status};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Inputs, outputs and files are deleted this long after the end.
const KEPT_MS: i64 = 60 * 60 * 1_000;

/// What is asked of Replicate.
#[derive(Clone, Debug)]
pub enum Call {
    Create { input: Value, outputs: usize, cancel_after_ms: i64 },
    List { from: i64, to: i64 },
    Get(PredictionId),
    Cancel(PredictionId),
}

/// What it answers.
#[expect(clippy::large_enum_variant, reason = "there are a few at a time")]
#[derive(Debug)]
pub enum Reply {
    One(Result<Prediction, Error>),
    Many(Result<Vec<Prediction>, Error>),
}

/// How a run would end if nobody stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Succeeds(usize),
    Fails,
    IsUnsafe,
    IsInterrupted,
    Stalls,
}

/// A prediction on the invoice.
pub struct Made {
    pub id: PredictionId,
    pub input: Value,
    created: i64,
    listed: i64,
    starts: i64,
    ends: i64,
    stops: i64,
    asked_to_stop: Option<i64>,
    fate: Fate,
}

/// What comes of fetching a file.
#[derive(Debug)]
pub enum Fetched {
    /// Its SHA-256.
    Whole(String),
    Damaged,
    BrokenOff,
    Gone,
}

/// The service.
#[derive(Default)]
pub struct Replicate {
    /// The invoice: everything that was ever made.
    pub made: Vec<Made>,
}

impl Made {
    /// Where it is at a moment, and since when it has been over.
    fn at(&self, now: i64) -> (Status, Option<i64>) {
        let end = self.ends.min(self.stops).min(self.asked_to_stop.unwrap_or(i64::MAX));
        if now < end {
            return (if now < self.starts { Status::Starting } else { Status::Processing }, None);
        }
        let status = if end == self.ends {
            if matches!(self.fate, Fate::Succeeds(_)) { Status::Succeeded } else { Status::Failed }
        } else if end == self.stops && self.starts > end {
            Status::Aborted
        } else {
            Status::Canceled
        };
        (status, Some(end))
    }

    /// Whether it ended in a way that allows another to be bought.
    pub fn was_interrupted(&self, now: i64) -> bool {
        self.fate == Fate::IsInterrupted && self.at(now).0 == Status::Failed
    }

    fn view(&self, now: i64) -> Prediction {
        let (status, ended) = self.at(now);
        let removed = ended.is_some_and(|end| now >= end + KEPT_MS);
        let outputs =
            if let (Status::Succeeded, Fate::Succeeds(outputs), false) = (&status, self.fate, removed) { outputs } else { 0 };
        let links: Vec<String> = (0..outputs).map(|place| link(&self.id, place)).collect();
        let error = (status == Status::Failed).then_some(match self.fate {
            Fate::IsUnsafe => "NSFW content detected. Try running it again, or try a different prompt.",
            Fate::IsInterrupted => "Prediction interrupted; please retry (code: PA)",
            _ => "CUDA error: an illegal memory access was encountered",
        });
        Prediction {
            id: self.id.clone(),
            status,
            output: (outputs > 0).then(|| json!(links)),
            error: error.map(str::to_owned),
            logs: None,
            metrics: Value::Null,
            input: if removed { Value::Null } else { self.input.clone() },
            model: None,
            version: None,
            webhook: None,
            created_at: Some(Timestamp(self.created)),
            started_at: (now >= self.starts).then_some(Timestamp(self.starts)),
            completed_at: ended.map(Timestamp),
            data_removed: removed,
        }
    }
}

impl Replicate {
    /// Does what a call asks that has just arrived, and answers it.
    pub fn serve(&mut self, call: &Call, now: i64, weather: &Weather, dice: &mut Dice) -> Reply {
        let refusal = turned_away(now, weather, dice);
        match call {
            Call::Create { input, outputs, cancel_after_ms } => {
                // Some of what is answered with 5xx was done all the same.
                let works = match refusal {
                    None => true,
                    Some(Error::Unavailable(_)) => dice.chance(500),
                    Some(_) => false,
                };
                let made = works.then(|| self.make(input.clone(), *outputs, now + cancel_after_ms, now, weather, dice));
                Reply::One(match (refusal, made) {
                    (Some(Error::Unavailable(detail)), _) => Err(Error::Ambiguous(detail)),
                    (Some(refusal), _) => Err(refusal),
                    (None, Some(_)) if dice.chance(weather.failed_answer) => Err(Error::Ambiguous("502".to_owned())),
                    (None, made) => made.ok_or_else(|| Error::Ambiguous("nothing was made".to_owned())),
                })
            }
            Call::List { from, to } => {
                let within = |made: &&Made| (*from..=*to).contains(&made.created) && made.listed <= now;
                Reply::Many(refusal.map_or_else(|| Ok(self.made.iter().filter(within).map(|made| made.view(now)).collect()), Err))
            }
            Call::Get(id) | Call::Cancel(id) => {
                let Some(made) = self.made.iter_mut().find(|made| made.id == *id) else {
                    return Reply::One(Err(Error::NotFound { detail: id.to_string() }));
                };
                let heard = refusal.is_none() || dice.chance(500);
                if matches!(call, Call::Cancel(_)) && heard && made.at(now).1.is_none() {
                    made.asked_to_stop = Some(now);
                }
                Reply::One(refusal.map_or_else(|| Ok(made.view(now)), Err))
            }
        }
    }

    fn make(&mut self, input: Value, outputs: usize, stops: i64, now: i64, weather: &Weather, dice: &mut Dice) -> Prediction {
        let starts = now + if dice.chance(100) { dice.between(5_000, 90_000) } else { dice.between(50, 1_500) };
        let fate = match dice.below(100) {
            0..70 => Fate::Succeeds(outputs),
            70..76 => Fate::Succeeds(dice.below(outputs + 1)),
            76..84 => Fate::Fails,
            84..87 => Fate::IsUnsafe,
            87..97 => Fate::IsInterrupted,
            _ => Fate::Stalls,
        };
        let ends = if fate == Fate::Stalls { i64::MAX } else { starts + dice.between(200, 12_000) };
        let listed = now + if dice.chance(weather.list_lag) { dice.between(0, 30_000) } else { 0 };
        let id = PredictionId::trusted(format!("prediction{}", self.made.len()));
        self.made.push(Made { id, input, created: now, listed, starts, ends, stops, asked_to_stop: None, fate });
        self.made[self.made.len() - 1].view(now)
    }

    /// A file of an output.
    pub fn fetch(&self, url: &str, now: i64, weather: &Weather, dice: &mut Dice) -> Fetched {
        let gone = |made: &&Made| made.at(now).1.is_none_or(|end| now >= end + KEPT_MS);
        let of_it = |made: &&Made| url.starts_with(&link(&made.id, 0)[..link(&made.id, 0).len() - 1]);
        if self.made.iter().find(of_it).is_none_or(|made| gone(&made)) {
            return Fetched::Gone;
        }
        if dice.chance(weather.bad_fetch) {
            return if dice.chance(500) { Fetched::Damaged } else { Fetched::BrokenOff };
        }
        Fetched::Whole(hex::encode(Sha256::digest(url)))
    }
}

fn link(id: &PredictionId, place: usize) -> String {
    format!("https://replicate.delivery/{id}/{place}")
}

/// Why a call is not served, if it is not. 5xx is told as such: what it means depends on the call.
fn turned_away(now: i64, weather: &Weather, dice: &mut Dice) -> Option<Error> {
    if weather.storms(Storm::Throttling, now) {
        let retry_after = Duration::from_millis(u64::try_from(dice.between(500, 20_000)).expect("a while"));
        return Some(Error::Throttled { retry_after, detail: "resets soon".to_owned() });
    }
    if weather.storms(Storm::Account, now) {
        return Some(Error::Account { status: 402, detail: "insufficient credit".to_owned() });
    }
    weather.storms(Storm::Errors, now).then(|| Error::Unavailable("503".to_owned()))
}
