//! What the database's answers forbid: what people have, the keys that programs came with, the limits that people set for
//! themselves, how many may wait. Pure, and in the order in which the presses came: what one that may go takes is not there for
//! those after it; one that may not takes nothing.

use super::press::Press;
use super::{MAX_QUEUED_PER_PERSON, Source};
use crate::domain::{Credits, PersonId, Refusal};
use crate::server::account::guards::{Limits, Spending};
use crate::server::db::Told;
use crate::server::key::Purse;
use std::collections::{BTreeMap, HashMap};

/// The presses that something stands in the way of, by their places.
pub(super) type Refused = BTreeMap<usize, Refusal>;

/// The word for how many of a person's generations wait.
const QUEUED: &str = "queued";

/// Which of these presses are refused. `funds` is what people have who have too little for all of theirs.
pub(super) fn refusals<'a>(presses: &[&'a Press], told: &'a [Told], funds: HashMap<&'a PersonId, Credits>) -> Refused {
    let mut standing = Standing { told, funds, purses: HashMap::new(), limits: HashMap::new(), queued: HashMap::new() };
    let mut refused = Refused::new();
    for (place, press) in presses.iter().enumerate() {
        match standing.refusal(press) {
            Some(refusal) => drop(refused.insert(place, refusal)),
            None => standing.count(press),
        }
    }
    refused
}

/// How the people and their keys stand, after the presses that may go.
struct Standing<'a> {
    told: &'a [Told],
    funds: HashMap<&'a PersonId, Credits>,
    purses: HashMap<String, Purse>,
    limits: HashMap<&'a PersonId, Option<Limits>>,
    queued: HashMap<&'a PersonId, i64>,
}

impl<'a> Standing<'a> {
    fn refusal(&mut self, press: &'a Press) -> Option<Refusal> {
        let of_funds = self.of_funds(press);
        of_funds.or_else(|| self.of_key(press)).or_else(|| self.of_limits(press)).or_else(|| self.of_queue(press))
    }

    fn of_funds(&self, press: &Press) -> Option<Refusal> {
        let available = *self.funds.get(&press.owner)?;
        (press.total > available).then_some(Refusal::Insufficient { available, price: press.total })
    }

    fn of_key(&mut self, press: &Press) -> Option<Refusal> {
        let call = press.source.call()?;
        let Some(purse) = Purse::told(self.told, &call.key) else { return Some(Refusal::KeyEnded) };
        self.purses.entry(purse.lineage.clone()).or_insert(purse).forbids(press.total)
    }

    fn of_limits(&mut self, press: &'a Press) -> Option<Refusal> {
        let limits = self.limits.entry(&press.owner).or_insert_with(|| Limits::told(self.told, &press.owner));
        // Programs cannot be asked whether they mean it.
        let can_be_asked = press.source == Source::Page;
        limits.as_ref()?.forbids(&Spending { price: press.total, confirmed: press.confirmed, can_be_asked })
    }

    fn of_queue(&mut self, press: &'a Press) -> Option<Refusal> {
        let waiting = || self.told.iter().find(|told| told.what == QUEUED && told.whose == press.owner.as_str());
        let queued = self.queued.entry(&press.owner).or_insert_with(|| waiting().and_then(|told| told.numbers[0]).unwrap_or(0));
        let is_full = queued.saturating_add(press.places()) > MAX_QUEUED_PER_PERSON;
        is_full.then_some(Refusal::TooManyQueued { limit: MAX_QUEUED_PER_PERSON })
    }

    /// What one that may go takes is not there for those after it.
    fn count(&mut self, press: &'a Press) {
        if let Some(funds) = self.funds.get_mut(&press.owner) {
            *funds = Credits(funds.0 - press.total.0);
        }
        if let Some(call) = press.source.call()
            && let Some(purse) = Purse::told(self.told, &call.key)
            && let Some(purse) = self.purses.get_mut(&purse.lineage)
        {
            purse.spend(press.total);
        }
        if let Some(Some(limits)) = self.limits.get_mut(&press.owner) {
            limits.spend(press.total);
        }
        if let Some(queued) = self.queued.get_mut(&press.owner) {
            *queued += press.places();
        }
    }
}

impl Press {
    /// How many places in the queue it takes.
    fn places(&self) -> i64 {
        i64::try_from(self.wanted.len()).unwrap_or(i64::MAX)
    }
}
