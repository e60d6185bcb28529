//! Moments as the protocol writes them: RFC 3339 in UTC.

use crate::domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// With as many fraction digits as it has; empty for a moment that no calendar has.
pub fn write(moment: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000_000).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// What somebody wrote, to the millisecond.
pub fn read(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_and_a_zone_is_understood() {
        let moment = Timestamp(1_795_356_309_120);
        assert_eq!(write(moment), "2026-11-22T14:05:09.12Z");
        assert_eq!((read(&write(moment)), read("2026-11-22T23:05:09.120+09:00")), (Some(moment), Some(moment)));
        assert_eq!(read("yesterday"), None);
    }
}
