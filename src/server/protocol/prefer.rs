//! What the headers of a create ask for.

use axum::http::HeaderMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest wait, which is also that of a bare `wait`, in seconds.
const LONGEST: u64 = 60;

/// Bounds of `Cancel-After`, in milliseconds.
const CANCEL_AFTER_MS: RangeInclusive<i64> = 5_000..=86_400_000;

/// A wish to be answered when the prediction has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For how long at most.
    pub longest: Duration,
    /// What `Preference-Applied` says: the wish itself.
    pub applied: String,
}

/// `Prefer: wait` or `wait=n` with n from 1 to 60; anything else is no wish we know.
pub fn wait(headers: &HeaderMap) -> Option<Wait> {
    let text = headers.get("prefer")?.to_str().ok()?.trim();
    let seconds = match text.strip_prefix("wait")? {
        "" => LONGEST,
        rest => rest.strip_prefix('=')?.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds))?,
    };
    Some(Wait { longest: Duration::from_secs(seconds), applied: text.to_owned() })
}

/// `Cancel-After` in milliseconds: `30`, `30s`, `5m`, `1h30m45s`; from five seconds to a day.
///
/// # Errors
/// With a sentence, when it is there and cannot be read.
pub fn cancel_after(headers: &HeaderMap) -> Result<Option<i64>, &'static str> {
    let Some(value) = headers.get("cancel-after") else { return Ok(None) };
    let read = value.to_str().ok().and_then(duration_ms).filter(|after| CANCEL_AFTER_MS.contains(after));
    read.map(Some).ok_or("Cancel-After must be a duration from 5s to 24h.")
}

fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let (mut total, mut rest) = (0_i64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        // A number alone is seconds, and the last of them.
        let (unit_ms, after) = match unit.chars().next() {
            None | Some('s') => (1_000, unit.get(1..).unwrap_or_default()),
            Some('m') => (60_000, &unit[1..]),
            Some('h') => (3_600_000, &unit[1..]),
            Some(_) => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit_ms)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a value"));
        headers
    }

    #[test]
    fn a_wait_is_a_minute_or_what_it_says() {
        for (text, seconds) in [
            ("wait", Some(60)),
            ("wait=1", Some(1)),
            ("wait=60", Some(60)),
            ("wait=0", None),
            ("wait=61", None),
            ("respond-async", None),
        ] {
            assert_eq!(wait(&headers("prefer", text)).map(|wait| wait.longest.as_secs()), seconds, "{text}");
        }
        assert_eq!(wait(&HeaderMap::new()), None);
    }

    #[test]
    fn durations_have_units_and_bounds() {
        for (text, seconds) in [("30", 30), ("30s", 30), ("5m", 300), ("2h", 7_200), ("1m30s", 90), ("1h30m45s", 5_445)] {
            assert_eq!(cancel_after(&headers("cancel-after", text)), Ok(Some(seconds * 1_000)), "{text}");
        }
        for bad in ["", "4s", "25h", "s", "5d", "1.5s", "-30s", "99999999999999999999h"] {
            assert!(cancel_after(&headers("cancel-after", bad)).is_err(), "{bad}");
        }
    }
}
