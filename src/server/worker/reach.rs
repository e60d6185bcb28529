//! Whether our own store can be reached, as far as this process knows.
//!
//! A store that hangs must not take every slot of the worker: once it failed, one step at a time tries it, a second after
//! the last try at the earliest, and all others leave their files in the spool. The first success opens it for all.

use crate::domain::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Between two tries of a store that failed.
const TRY_AGAIN_MS: i64 = 1_000;

/// What is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Reach(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Not before then, while it is away.
    away_until: Option<Timestamp>,
    trying: bool,
}

/// The right to try the store. Dropped without a word, nothing new is known.
#[derive(Debug)]
pub(super) struct Try {
    reach: Reach,
    alone: bool,
}

impl Reach {
    /// The right to try it now; `None` while it is taken to be away.
    pub(super) fn attempt(&self, now: Timestamp) -> Option<Try> {
        let mut known = self.known();
        let alone = match known.away_until {
            None => false,
            Some(until) if until <= now && !known.trying => {
                known.trying = true;
                true
            }
            Some(_) => return None,
        };
        Some(Try { reach: self.clone(), alone })
    }

    /// Whether it failed when it was last tried.
    pub(super) fn is_away(&self) -> bool {
        self.known().away_until.is_some()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try {
    /// It took what it was given.
    pub(super) fn reached(self) {
        self.reach.known().away_until = None;
    }

    /// It did not.
    pub(super) fn missed(self, now: Timestamp) {
        self.reach.known().away_until = Some(now.plus_ms(TRY_AGAIN_MS));
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if self.alone {
            self.reach.known().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const LATER: Timestamp = Timestamp(1_000_000 + TRY_AGAIN_MS);

    #[test]
    fn a_store_that_failed_is_tried_by_one_at_a_time_until_it_is_back() {
        let reach = Reach::default();
        let (one, two) = (reach.attempt(NOW).expect("open"), reach.attempt(NOW).expect("open to all"));
        one.missed(NOW);
        assert!(reach.is_away() && reach.attempt(NOW).is_none(), "not so soon");
        two.missed(NOW);
        let probe = reach.attempt(LATER).expect("a second later");
        assert!(reach.attempt(LATER).is_none(), "one at a time");
        probe.reached();
        assert!(!reach.is_away() && reach.attempt(LATER).is_some());
    }

    #[test]
    fn a_try_that_is_dropped_leaves_the_next_one_to_somebody_else() {
        let reach = Reach::default();
        reach.attempt(NOW).expect("open").missed(NOW);
        drop(reach.attempt(LATER).expect("a try"));
        assert!(reach.is_away());
        assert!(reach.attempt(LATER).is_some());
    }
}
