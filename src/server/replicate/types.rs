//! What is sent to Replicate and what is read back.
//!
//! Only a prediction's `id` is required when reading: recorded answers leave out `output`, `logs`, `metrics` and
//! `data_removed` at different times, and the `OpenAPI` description disagrees with all of them.

use super::made::Made;
use crate::domain::{ModelName, PredictionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A prediction to buy.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// `owner/name`.
    pub model: ModelName,
    /// The version to run, 64 hex digits; `None` runs an official model by its name.
    pub version: Option<String>,
    /// The model's input: an object.
    pub input: Value,
    /// Where Replicate should tell us about it.
    pub webhook: Option<Webhook>,
}

/// A wish to be told about a prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Replicate accepts https only.
    pub url: String,
    /// Which changes to tell.
    pub events: Vec<WebhookEvent>,
}

/// A change Replicate can tell about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookEvent {
    /// It began to run.
    Start,
    /// A part of the output is there, at most every 500 ms.
    Output,
    /// The logs grew, at most every 500 ms.
    Logs,
    /// It ended.
    Completed,
}

impl WebhookEvent {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Start, Self::Output, Self::Logs, Self::Completed];

    /// Replicate's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Output => "output",
            Self::Logs => "logs",
            Self::Completed => "completed",
        }
    }

    /// Reads Replicate's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

/// Where a prediction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Queued, or the model is booting.
    Starting,
    /// Running.
    Processing,
    /// Ended with an output.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Stopped while running, by a person or by its deadline. The time it ran is billed.
    Canceled,
    /// Its deadline passed before it ran. Not billed. No released official client knows this one.
    Aborted,
    /// A word we do not know yet: treat it as still running, and let the deadline decide.
    Unknown(String),
}

impl Status {
    /// Reads Replicate's word.
    pub fn read(word: &str) -> Self {
        match word {
            "starting" => Self::Starting,
            "processing" => Self::Processing,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "aborted" => Self::Aborted,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Replicate's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Starting => "starting",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Aborted => "aborted",
            Self::Unknown(word) => word,
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Aborted)
    }
}

/// Replicate's run of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Prediction {
    /// Opaque.
    pub id: PredictionId,
    /// Where it is. After a create this may say `processing` although the output is there already.
    pub status: Status,
    /// Whatever the model made; see [`Prediction::output_urls`].
    pub output: Option<Value>,
    /// The model's or the platform's words. For the operator: people get a sentence of ours.
    pub error: Option<String>,
    /// Everything it printed so far.
    pub logs: Option<String>,
    /// Measurements, an open bag; null until the end.
    pub metrics: Value,
    /// The input as sent.
    pub input: Value,
    /// `owner/name`; an official model may answer under an internal name.
    pub model: Option<String>,
    /// May differ from the version asked for, or be `hidden`.
    pub version: Option<String>,
    /// The webhook it was created with.
    pub webhook: Option<String>,
    /// When it was accepted.
    pub created_at: Option<Timestamp>,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Whether input, output and logs were deleted, an hour after the end.
    pub data_removed: bool,
}

/// What a prediction's end without an output means for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFailure {
    /// A safety filter stopped it: the same prompt will be stopped again.
    Safety,
    /// The model refused the input.
    InvalidInput,
    /// The platform's fault, not the input's: worth another try.
    Interrupted,
    /// It ran out of time.
    TimedOut,
    /// The model failed.
    Failed,
}

impl Prediction {
    /// Every http(s) and `data:` URL in the output, in order: a string, a list, nested lists or the values of objects.
    pub fn output_urls(&self) -> Vec<String> {
        self.output.as_ref().map_or_else(Vec::new, |output| Made::of(output, usize::MAX).links)
    }

    /// Percent done, 0 to 100, from the last progress bar in the logs. It may go back: some models draw several bars.
    pub fn progress(&self) -> Option<i64> {
        self.logs.as_deref()?.split('\n').rev().find_map(bar_percent)
    }

    /// Why it ended without an output; `None` while it runs and when it succeeded. An end that nobody asked for
    /// (`canceled`, `aborted`) is its deadline's doing.
    pub fn failure(&self) -> Option<RunFailure> {
        match self.status {
            Status::Failed => Some(RunFailure::of(self.error.as_deref().unwrap_or_default())),
            Status::Canceled | Status::Aborted => Some(RunFailure::TimedOut),
            Status::Starting | Status::Processing | Status::Succeeded | Status::Unknown(_) => None,
        }
    }
}

impl RunFailure {
    /// Reads the text of a failed prediction. There is no code to go by: these are the texts seen in the wild.
    fn of(error: &str) -> Self {
        const OWN_FAULT: [&str; 2] = ["(E1001)", "(E4875)"];
        let text = error.to_ascii_lowercase();
        let says = |part: &str| text.contains(part);
        if says("nsfw") || says("flagged as sensitive") || says("(e005)") || says("safety") {
            return Self::Safety;
        }
        let platform = says("director: unexpected error") && !OWN_FAULT.iter().any(|code| error.contains(code));
        if platform || says("prediction interrupted") || says("(e003)") || says("(e004)") {
            return Self::Interrupted;
        }
        if says("timed out") {
            return Self::TimedOut;
        }
        if says("invalid input") || says("input validation") || says("validation error") {
            return Self::InvalidInput;
        }
        Self::Failed
    }
}

impl TryFrom<Value> for Prediction {
    type Error = &'static str;

    fn try_from(mut value: Value) -> Result<Self, Self::Error> {
        let fields = value.as_object_mut().ok_or("a prediction is an object")?;
        let mut take = |key: &str| fields.remove(key).filter(|value| !value.is_null());
        let id = match take("id") {
            Some(Value::String(id)) if !id.is_empty() => PredictionId::trusted(id),
            _ => return Err("a prediction has an id"),
        };
        Ok(Self {
            id,
            status: Status::read(&take("status").and_then(text).unwrap_or_default()),
            output: take("output"),
            error: take("error").and_then(text),
            logs: take("logs").and_then(text),
            metrics: take("metrics").unwrap_or_default(),
            input: take("input").unwrap_or_default(),
            model: take("model").and_then(text),
            version: take("version").and_then(text),
            webhook: take("webhook").and_then(text),
            created_at: take("created_at").as_ref().and_then(moment),
            started_at: take("started_at").as_ref().and_then(moment),
            completed_at: take("completed_at").as_ref().and_then(moment),
            data_removed: take("data_removed") == Some(Value::Bool(true)),
        })
    }
}

/// The account the token belongs to. Replicate has no call that tells its balance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// `user` or `organization`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name in URLs.
    pub username: String,
    /// The name people gave.
    pub name: Option<String>,
}

/// A string as it is, anything else as JSON: nothing is lost and nothing fails.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// RFC 3339 with any number of fraction digits; the same prediction was seen with three and with nine.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp)
}

/// The rule of the official clients, `^\s*(\d+)%\s*\|.+?\|\s*(\d+)/(\d+)`, written out.
fn bar_percent(line: &str) -> Option<i64> {
    let (percent, rest) = digits(line.trim_start())?;
    let bar = rest.strip_prefix('%')?.trim_start().strip_prefix('|')?;
    let counted = bar.match_indices('|').filter(|(at, _)| *at > 0).any(|(at, _)| counts(&bar[at + 1..]));
    counted.then_some(percent.min(100))
}

/// Whether the text begins with `18/50`.
fn counts(text: &str) -> bool {
    let total = digits(text.trim_start()).and_then(|(_, rest)| rest.strip_prefix('/'));
    total.and_then(digits).is_some()
}

fn digits(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    Some((number, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::client::tests::fixture;
    use serde_json::json;

    fn prediction(value: Value) -> Prediction {
        serde_json::from_value(value).expect("a prediction")
    }

    #[test]
    fn only_the_id_is_needed() {
        let bare = prediction(json!({ "id": "p" }));
        assert_eq!(bare.status, Status::Unknown(String::new()));
        assert!(!bare.status.is_terminal());
        let nulls = prediction(json!({
            "id": "p", "status": null, "output": null, "error": null, "logs": null, "metrics": null, "urls": null, "data_removed": null
        }));
        assert_eq!(bare, nulls);
        for bad in [json!({}), json!({ "id": "" }), json!({ "id": 7 }), json!([]), json!("p")] {
            assert!(serde_json::from_value::<Prediction>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_known_word_is_read_back_and_an_unknown_one_still_runs() {
        for word in ["starting", "processing", "succeeded", "failed", "canceled", "aborted", "successful"] {
            let status = Status::read(word);
            assert_eq!(status.as_str(), word);
            assert_eq!(status.is_terminal(), ["succeeded", "failed", "canceled", "aborted"].contains(&word), "{word}");
        }
    }

    #[test]
    fn times_have_two_to_nine_fraction_digits() {
        let read = |text: &str| prediction(json!({ "id": "p", "created_at": text })).created_at;
        assert_eq!(read("2023-11-16T11:46:16Z"), Some(Timestamp(1_700_135_176_000)));
        assert_eq!(read("2023-11-16T11:46:16.06Z"), Some(Timestamp(1_700_135_176_060)));
        assert_eq!(read("2023-11-16T11:46:16.064900134Z"), Some(Timestamp(1_700_135_176_064)));
        assert_eq!(read("2023-11-16T12:46:16.064900+01:00"), Some(Timestamp(1_700_135_176_064)));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn output_urls_are_found_in_any_shape_in_order() {
        let urls = |output: Value| prediction(json!({ "id": "p", "output": output })).output_urls();
        assert_eq!(urls(json!("https://a/1")), ["https://a/1"]);
        assert_eq!(urls(json!(["https://a/1", "data:image/png;base64,AA=="])), ["https://a/1", "data:image/png;base64,AA=="]);
        assert_eq!(urls(json!([["http://a/1"], [["https://a/2"]]])), ["http://a/1", "https://a/2"]);
        assert_eq!(urls(json!({ "image": "https://a/1", "seed": 3, "text": "hello", "more": [null] })), ["https://a/1"]);
        assert!(urls(json!(["He", "llo"])).is_empty());
        assert!(urls(Value::Null).is_empty());
    }

    #[test]
    fn an_error_that_is_not_text_is_kept_as_json() {
        assert_eq!(prediction(json!({ "id": "p", "error": { "code": 3 } })).error.as_deref(), Some(r#"{"code":3}"#));
    }

    #[test]
    fn progress_reads_what_the_official_clients_read() {
        let Some(samples) = fixture("logs/progress_samples.json") else { return };
        let samples = samples.as_array().expect("a list");
        assert!(samples.len() > 5);
        for sample in samples {
            let percent = sample["official_regex_result"]["percentage"].as_f64();
            let expected = percent.map(|share| format!("{:.0}", share * 100.0).parse::<i64>().expect("a number"));
            let read = prediction(json!({ "id": "p", "logs": sample["logs"] })).progress();
            assert_eq!(read, expected, "{}", sample["name"]);
        }
    }

    #[test]
    fn a_bar_needs_its_percent_its_frame_and_its_count() {
        assert_eq!(bar_percent(" 36%|███▌      | 18/50 [00:01<00:01, 17.12it/s]"), Some(36));
        assert_eq!(bar_percent("\r 98%|#########8| 49/50"), Some(98));
        for bad in ["Processed prompts: 100%|██| 1/1", "36%", "36%||18/50", "36%|██ 18/50", "%|██| 18/50", "36%|██| 18 of 50", ""]
        {
            assert_eq!(bar_percent(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_failure_text_has_its_class() {
        let Some(texts) = fixture("errors/prediction_error_texts.json") else { return };
        let texts = texts.as_array().expect("a list");
        assert!(texts.len() > 10);
        for entry in texts {
            let expected = match entry["class"].as_str().expect("a class") {
                "moderation" => RunFailure::Safety,
                "timeout" => RunFailure::TimedOut,
                "platform_transient" | "provider_rate_limit" | "provider_unavailable" => RunFailure::Interrupted,
                "out_of_memory" | "provider_credit" | "provider_auth" => RunFailure::Failed,
                other => panic!("a class without a rule: {other}"),
            };
            let failed = prediction(json!({ "id": "p", "status": "failed", "error": entry["error"] }));
            assert_eq!(failed.failure(), Some(expected), "{}", entry["error"]);
        }
    }

    #[test]
    fn only_an_end_without_an_output_is_a_failure() {
        let failure = |status: &str| prediction(json!({ "id": "p", "status": status, "error": "" })).failure();
        assert_eq!(failure("failed"), Some(RunFailure::Failed));
        assert_eq!(failure("aborted"), Some(RunFailure::TimedOut));
        for living in ["starting", "processing", "succeeded", "thinking"] {
            assert_eq!(failure(living), None, "{living}");
        }
    }
}
