//! Rate limits: buckets that refill continuously, as Replicate's recorded `ratelimit-remaining` suggests.

use crate::domain::Timestamp;

/// What a call draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Creating a prediction.
    Create,
    /// Looking at one prediction.
    Poll,
    /// Everything else.
    Read,
}

/// The three buckets of the account.
#[derive(Debug)]
pub(super) struct Buckets {
    create: Bucket,
    poll: Bucket,
    read: Bucket,
}

impl Buckets {
    pub(super) fn new(creates: u32, reads: u32) -> Self {
        Self { create: Bucket::full(creates), poll: Bucket::full(reads.saturating_mul(20)), read: Bucket::full(reads) }
    }

    /// Takes one: how many are left, or the seconds until there is one.
    pub(super) fn take(&mut self, kind: Kind, now: Timestamp) -> Result<i64, i64> {
        match kind {
            Kind::Create => self.create.take(now),
            Kind::Poll => self.poll.take(now),
            Kind::Read => self.read.take(now),
        }
    }
}

/// Counted in parts of a token, so that a millisecond refills a whole number of them.
const TOKEN: i64 = 60_000;

#[derive(Debug)]
struct Bucket {
    per_minute: i64,
    parts: i64,
    at: Timestamp,
}

impl Bucket {
    fn full(per_minute: u32) -> Self {
        let per_minute = i64::from(per_minute.max(1));
        Self { per_minute, parts: per_minute * TOKEN, at: Timestamp(0) }
    }

    fn take(&mut self, now: Timestamp) -> Result<i64, i64> {
        let most = self.per_minute * TOKEN;
        let refilled = now.since(self.at).max(0).saturating_mul(self.per_minute);
        self.parts = self.parts.saturating_add(refilled).min(most);
        self.at = now;
        if self.parts < TOKEN {
            let in_a_second = self.per_minute * 1000;
            return Err((TOKEN - self.parts + in_a_second - 1) / in_a_second);
        }
        self.parts -= TOKEN;
        Ok(self.parts / TOKEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_says_when_and_then_refills() {
        let mut buckets = Buckets::new(6, 3000);
        let now = Timestamp(1_700_000_000_000);
        let taken: Vec<_> = (0..7).map(|_| buckets.take(Kind::Create, now)).collect();
        assert_eq!(taken, [Ok(5), Ok(4), Ok(3), Ok(2), Ok(1), Ok(0), Err(10)]);
        assert_eq!(buckets.take(Kind::Create, now.plus_ms(9_000)), Err(1));
        assert_eq!(buckets.take(Kind::Create, now.plus_ms(10_000)), Ok(0));
        assert_eq!(buckets.take(Kind::Read, now), Ok(2999));
        assert_eq!(buckets.take(Kind::Poll, now), Ok(59_999));
    }
}
