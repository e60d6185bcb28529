//! The only place that looks at the time of day. Everything else is handed a [`Timestamp`], so that a test can be at
//! any moment it likes.

use crate::domain::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a clock that is being slowed down to be right may lose between two looks at it.
const DRIFT_MS: i64 = 100;

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's own clock.
    #[default]
    System,
    /// A clock that stands still until it is told otherwise.
    Manual(Arc<AtomicI64>),
    /// Another clock, and how many milliseconds it is behind the right time.
    Corrected(Arc<Self>, Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(at) => Timestamp(at.load(Ordering::SeqCst)),
            Self::Corrected(clock, behind) => clock.now().plus_ms(behind.load(Ordering::SeqCst)),
        }
    }

    /// The same clock as far as it is known to be `behind_ms` the right time, which [`Clock::put_right`] may learn.
    #[must_use]
    pub fn corrected(&self, behind_ms: i64) -> Self {
        Self::Corrected(Arc::new(self.clone()), Arc::new(AtomicI64::new(behind_ms)))
    }

    /// Learns the right time from somebody who was asked at `asked` and had answered by `answered`, both by this clock.
    /// What lies between the two is no news.
    pub fn put_right(&self, asked: Timestamp, right: Timestamp, answered: Timestamp) {
        let Self::Corrected(_, behind) = self else { return };
        let off = if right < asked { right.since(asked) } else { right.since(answered).max(0) };
        if off != 0 {
            behind.fetch_add(off, Ordering::SeqCst);
        }
    }

    /// Learns that it is this late at least. Being set ahead is believed, as after a machine has slept; a clock that is set
    /// back would have everything wait until it is as late again as it was.
    pub fn catch_up(&self, at_least: Timestamp) {
        let Self::Corrected(_, behind) = self else { return };
        let missing = at_least.since(self.now());
        if missing > DRIFT_MS {
            tracing::warn!(
                milliseconds = missing,
                "this machine's clock was set back; what is under way goes on as if it had not been"
            );
            behind.fetch_add(missing, Ordering::SeqCst);
        }
    }

    /// Moves a manual clock on; the machine's clock moves by itself.
    pub fn advance_ms(&self, milliseconds: i64) {
        match self {
            Self::System => {}
            Self::Manual(at) => {
                at.fetch_add(milliseconds, Ordering::SeqCst);
            }
            Self::Corrected(clock, _) => clock.advance_ms(milliseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rl_24_a_clock_is_put_right_by_what_cannot_be_explained_by_the_time_an_answer_takes() {
        let machine = Clock::manual(Timestamp(1_000_000));
        let clock = machine.corrected(0);
        clock.put_right(clock.now(), Timestamp(1_600_000), clock.now());
        assert_eq!(clock.now(), Timestamp(1_600_000));
        machine.advance_ms(500);
        assert_eq!(clock.now(), Timestamp(1_600_500), "it goes on by itself");
        // The answer came at some moment between the two, which is all that is known.
        clock.put_right(Timestamp(1_600_400), Timestamp(1_600_450), Timestamp(1_600_500));
        assert_eq!(clock.now(), Timestamp(1_600_500));
        // Stepped an hour ahead by its operator; what the database says brings it back.
        machine.advance_ms(3_600_000);
        clock.put_right(clock.now(), Timestamp(1_600_600), clock.now());
        assert_eq!(clock.now(), Timestamp(1_600_600));
        machine.put_right(Timestamp(0), Timestamp(9), Timestamp(0));
        assert_eq!(machine.now(), Timestamp(1_000_000 + 500 + 3_600_000), "the machine's own is nobody's to set");
    }

    #[test]
    fn rl_24_a_clock_that_is_set_back_goes_on_and_one_that_is_set_ahead_is_believed() {
        let machine = Clock::manual(Timestamp(10_000_000));
        let clock = machine.corrected(0);
        machine.advance_ms(-3_600_000);
        clock.catch_up(Timestamp(10_001_000));
        assert_eq!(clock.now(), Timestamp(10_001_000));
        clock.catch_up(Timestamp(10_001_000 + DRIFT_MS));
        assert_eq!(clock.now(), Timestamp(10_001_000), "it is only slow");
        machine.advance_ms(3_600_000);
        clock.catch_up(Timestamp(10_002_000));
        assert_eq!(clock.now(), Timestamp(13_601_000));
    }
}
