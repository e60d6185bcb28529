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
    pub(super) fn take(&mut self, kind: Kind, now: Timestamp) -> Result<u32, i64> {
        match kind {
            Kind::Create => self.create.take(now),
            Kind::Poll => self.poll.take(now),
            Kind::Read => self.read.take(now),
        }
    }
}

#[derive(Debug)]
struct Bucket {
    per_minute: f64,
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    fn full(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute), tokens: f64::from(per_minute), at: Timestamp(0) }
    }

    fn take(&mut self, now: Timestamp) -> Result<u32, i64> {
        let passed = now.since(self.at).max(0) as f64;
        self.tokens = (self.tokens + passed * self.per_minute / 60_000.0).min(self.per_minute);
        self.at = now;
        if self.tokens < 1.0 {
            return Err(((1.0 - self.tokens) * 60.0 / self.per_minute.max(0.1)).ceil() as i64);
        }
        self.tokens -= 1.0;
        Ok(self.tokens as u32)
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
