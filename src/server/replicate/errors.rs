//! How an answer of Replicate, or its absence, becomes an error.
//!
//! The question that decides everything is *may a prediction exist now?* Only [`Error::Ambiguous`] says "perhaps"; each
//! other error of a create says "certainly not", so the worker may send again without paying twice. The upstream's own
//! words are kept for the operator's log and are never for people.

use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use std::time::Duration;

/// The wait when a 429 does not say how long.
const UNTOLD_WAIT: Duration = Duration::from_secs(10);

/// The longest wait believed: limits refill within a minute, and a slip of the server must not stop us for a day.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection was never made (name, refused, TLS): no byte of the request left this machine.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// Too many requests; nothing was created.
    #[error("throttled for {} s: {detail}", retry_after.as_secs())]
    Throttled {
        /// How long to leave it.
        retry_after: Duration,
        /// The upstream's words.
        detail: String,
    },
    /// The token, the credit or the rights of our own account: 401, 402, 403. Nothing was created; the operator must act.
    #[error("Replicate refuses our account ({status}): {detail}")]
    Account {
        /// The HTTP status.
        status: u16,
        /// The upstream's words.
        detail: String,
    },
    /// The request cannot be carried out as it is; nothing was created.
    #[error("Replicate refuses the request: {detail}")]
    Invalid {
        /// The upstream's words.
        detail: String,
        /// Which fields, when it said so.
        fields: Vec<InvalidField>,
    },
    /// No such prediction.
    #[error("no such prediction: {detail}")]
    NotFound {
        /// The upstream's words.
        detail: String,
    },
    /// The answer to a create was lost: a prediction may exist and may be billed. Look before creating another.
    #[error("the answer was lost; a prediction may exist: {0}")]
    Ambiguous(String),
    /// A read did not work; asking again does no harm.
    #[error("Replicate is unavailable: {0}")]
    Unavailable(String),
    /// The client cannot be built from its settings.
    #[error("the client cannot be set up: {0}")]
    Setup(String),
}

/// One entry of a 422's `invalid_fields`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InvalidField {
    /// The rule, such as `required` or `number_lte`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A dotted path; of a missing key, its parent.
    pub field: String,
    /// The rule in words.
    pub description: String,
}

/// Whether losing the answer can mean that money was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Buys a prediction.
    Create,
    /// Reads, or does what may be done twice.
    Harmless,
}

impl Call {
    /// The answer never came, or could not be read.
    pub(super) fn lost(self, detail: String) -> Error {
        match self {
            Self::Create => Error::Ambiguous(detail),
            Self::Harmless => Error::Unavailable(detail),
        }
    }

    /// The request failed before there was an answer.
    pub(super) fn broken(self, error: reqwest::Error) -> Error {
        // The URL may hold a cursor; the causes are what the operator needs.
        let error = error.without_url();
        let detail = causes(&error);
        match self {
            _ if error.is_builder() => Error::Setup(detail),
            Self::Create if error.is_connect() => Error::NotSent(detail),
            _ => self.lost(detail),
        }
    }

    /// The answer says no.
    pub(super) fn refused(self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let problem = Problem::read(body);
        let detail = problem.detail(status);
        match (status.as_u16(), self) {
            (429, _) => Error::Throttled { retry_after: problem.retry_after(headers), detail },
            (401..=403, _) => Error::Account { status: status.as_u16(), detail },
            (404, Self::Harmless) => Error::NotFound { detail },
            // A timeout told by a server between us and Replicate: the request may have gone through.
            (408, _) => self.lost(detail),
            (400..=499, _) => Error::Invalid { detail, fields: problem.invalid_fields },
            // 5xx, and redirects, which are not followed: what was done with the request is not known.
            _ => self.lost(detail),
        }
    }
}

/// An error body as Replicate writes it; every member may be missing, and the whole may be HTML.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    retry_after: Option<f64>,
    invalid_fields: Vec<InvalidField>,
}

impl Problem {
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let start: String = String::from_utf8_lossy(body).chars().take(200).collect();
            Self { detail: Some(start), ..Self::default() }
        })
    }

    fn detail(&self, status: StatusCode) -> String {
        let words: Vec<&str> = [&self.title, &self.detail].into_iter().flatten().map(|words| words.trim()).collect();
        format!("{} {}", status.as_u16(), words.join(": ")).trim_end().to_owned()
    }

    /// The header, else the body's number, else the "~30s" in its words.
    fn retry_after(&self, headers: &HeaderMap) -> Duration {
        let header = headers.get("retry-after").and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
        let told = header.or(self.retry_after).or_else(|| self.detail.as_deref().and_then(told_seconds));
        let seconds = told.filter(|seconds: &f64| *seconds >= 0.0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.unwrap_or(UNTOLD_WAIT).min(LONGEST_WAIT)
    }
}

/// "Your rate limit resets in ~30s.", and the older "Expected available in 1 second."
fn told_seconds(words: &str) -> Option<f64> {
    let rest = words.rsplit_once('~').or_else(|| words.rsplit_once("available in "))?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The error and everything behind it, in one line.
pub(in crate::server) fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::client::tests::fixture;
    use serde_json::Value;

    fn refuse(call: Call, status: u64, body: &Value) -> Error {
        let status = StatusCode::from_u16(u16::try_from(status).expect("a status")).expect("a status");
        call.refused(status, &HeaderMap::new(), format!("{body}\n").as_bytes())
    }

    #[test]
    fn every_known_error_body_has_its_class() {
        let Some(bodies) = fixture("errors/bodies.json") else { return };
        let bodies = bodies.as_array().expect("a list");
        assert!(bodies.len() >= 14);
        for entry in bodies {
            let (status, body) = (entry["status"].as_u64().expect("a status"), &entry["body"]);
            let error = refuse(Call::Create, status, body);
            let matches = match status {
                401 | 402 => matches!(&error, Error::Account { status: told, .. } if u64::from(*told) == status),
                404 | 413 => matches!(&error, Error::Invalid { fields, .. } if fields.is_empty()),
                422 => matches!(&error, Error::Invalid { fields, .. }
                    if fields.len() == body["invalid_fields"].as_array().map_or(0, Vec::len)),
                429 => matches!(&error, Error::Throttled { .. }),
                other => panic!("a status without a rule: {other}"),
            };
            assert!(matches, "{error:?}");
            let words = body["detail"].as_str().expect("a detail").trim();
            assert!(error.to_string().contains(words), "the operator reads {words}: {error}");
            if status == 404 {
                assert!(matches!(refuse(Call::Harmless, status, body), Error::NotFound { .. }));
            }
        }
    }

    #[test]
    fn the_wait_is_read_from_the_header_then_the_number_then_the_words() {
        let wait = |header: Option<&str>, body: &str| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("retry-after", header.parse().expect("a header"));
            }
            match Call::Create.refused(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes()) {
                Error::Throttled { retry_after, .. } => retry_after.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        let body = r#"{"detail":"Request was throttled. Your rate limit resets in ~30s.","retry_after":7}"#;
        assert_eq!(wait(Some("3"), body), 3);
        assert_eq!(wait(None, body), 7);
        assert_eq!(wait(None, r#"{"detail":"Request was throttled. Your rate limit resets in ~30s."}"#), 30);
        assert_eq!(wait(None, r#"{"detail":"Request was throttled. Expected available in 1 second."}"#), 1);
        assert_eq!(wait(None, "<html>slow down</html>"), 10);
        assert_eq!(wait(Some("-4"), "{}"), 10);
        assert_eq!(wait(Some("1e300"), "{}"), 10);
        assert_eq!(wait(Some("86400"), "{}"), 600);
    }

    #[test]
    fn an_answer_that_leaves_doubt_is_ambiguous_for_a_create_alone() {
        for status in [302, 408, 500, 502, 503, 504, 524] {
            let body = Value::String("<html>Bad gateway</html>".to_owned());
            assert!(matches!(refuse(Call::Create, status, &body), Error::Ambiguous(_)), "{status}");
            assert!(matches!(refuse(Call::Harmless, status, &body), Error::Unavailable(_)), "{status}");
        }
    }
}
