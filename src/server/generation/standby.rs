//! A worker of this process that stands by, and the press that finds it there: what is pressed goes into flight in the very
//! commit that writes it down, and the worker has it without looking.
//!
//! It stands by only when nobody waits, so that nobody is passed over. What it offered is lent until the press is over, and
//! comes back with whatever was let in, or with nothing.

use super::Admitted;
use crate::server::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where a worker stands by. Clones are the same place; there is room for one.
#[derive(Clone, Debug, Default)]
pub struct Standby(Arc<Mutex<Option<Slots>>>);

/// Slots of the worker that stood by, in the hands of whoever met it. Dropped, nobody was let in.
#[derive(Debug)]
pub(super) struct Slots {
    pub worker: Arc<str>,
    pub free: i64,
    /// That of its leases, which begin when a press is written and not when it came.
    pub clock: Clock,
    hand: oneshot::Sender<Handed>,
}

/// What a worker is handed.
#[derive(Debug)]
pub struct Handed {
    /// Let into flight under its name.
    pub admitted: Admitted,
    /// Before their leases began, by this process's own steady clock.
    pub intended: Instant,
}

impl Standby {
    /// Stands by with so many slots. What is told is all that comes of it; an error, that nothing did.
    pub fn stand_by(&self, worker: &Arc<str>, free: i64, clock: &Clock) -> oneshot::Receiver<Handed> {
        let (hand, handed) = oneshot::channel();
        *self.place() = Some(Slots { worker: Arc::clone(worker), free, clock: clock.clone(), hand });
        handed
    }

    /// Leaves. `false` when it was met before; what comes of that is still told.
    pub fn leave(&self) -> bool {
        self.place().take().is_some()
    }

    /// The slots of the worker that stands by, if one does.
    pub(super) fn meet(&self) -> Option<Slots> {
        self.place().take()
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Slots>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Hands over what was let in.
    pub fn hand(self, admitted: Admitted, intended: Instant) {
        // A worker that has gone meanwhile leaves it to its lease.
        let _ = self.hand.send(Handed { admitted, intended });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stands_by_is_met_once_and_told_what_came_of_it() {
        let (standby, worker) = (Standby::default(), Arc::<str>::from("w"));
        assert!(standby.meet().is_none(), "nobody is there");
        let handed = standby.stand_by(&worker, 3, &Clock::System);
        let slots = standby.meet().expect("a worker");
        assert_eq!((&*slots.worker, slots.free), ("w", 3));
        assert!(standby.meet().is_none(), "it is in other hands");
        let intended = Instant::now();
        slots.hand(Admitted { troubled: true, ..Admitted::default() }, intended);
        let handed = handed.await.expect("an answer");
        assert!(handed.admitted.troubled && handed.intended == intended);
    }

    #[tokio::test]
    async fn who_leaves_or_whose_slots_are_dropped_hears_that_nothing_came() {
        let (standby, worker) = (Standby::default(), Arc::<str>::from("w"));
        let handed = standby.stand_by(&worker, 1, &Clock::System);
        assert!(standby.leave() && standby.meet().is_none() && handed.await.is_err());
        let handed = standby.stand_by(&worker, 1, &Clock::System);
        drop(standby.meet());
        assert!(!standby.leave() && handed.await.is_err());
    }
}
