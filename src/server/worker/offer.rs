//! The slots that a worker with nothing to do offers to presses of its own process; see
//! [`Standby`](crate::server::generation::Standby).

use crate::server::clock::Clock;
use crate::server::generation::{Handed, Standby};
use std::future::pending;
use std::sync::Arc;
use tokio::sync::oneshot::Receiver;

/// One offer at a time.
#[derive(Debug)]
pub(super) struct Offer {
    standby: Standby,
    open: Option<(usize, Receiver<Handed>)>,
}

impl Offer {
    pub const fn new(standby: Standby) -> Self {
        Self { standby, open: None }
    }

    /// Offers so many slots, unless others are in somebody's hands.
    pub fn make(&mut self, worker: &Arc<str>, slots: usize, clock: &Clock) {
        if slots > 0 && self.open.is_none() {
            let free = i64::try_from(slots).unwrap_or(i64::MAX);
            self.open = Some((slots, self.standby.stand_by(worker, free, clock)));
        }
    }

    /// Takes back what nobody has taken. How many slots are in somebody's hands, for as long as a press takes.
    pub fn withdraw(&mut self) -> usize {
        if self.standby.leave() {
            self.open = None;
        }
        self.open.as_ref().map_or(0, |(slots, _)| *slots)
    }

    /// What whoever took the slots hands over; for ever, while there is no offer.
    pub async fn handed(&mut self) -> Option<Handed> {
        let Some((_, handed)) = &mut self.open else { return pending().await };
        let handed = handed.await.ok();
        self.open = None;
        handed
    }
}
