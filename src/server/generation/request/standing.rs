//! What the database's answers forbid: the keys that programs came with, the limits that people set for themselves, how many
//! may wait. Pure, and in the order in which the presses came: what one of them takes is not there for those after it.

use super::press::Press;
use super::{MAX_QUEUED_PER_PERSON, Source};
use crate::domain::{PersonId, Refusal};
use crate::server::account::guards::{Limits, Spending};
use crate::server::db::Told;
use crate::server::key::Purse;
use std::collections::{BTreeMap, HashMap};

/// The presses that something stands in the way of, by their places.
pub(super) type Refused = BTreeMap<usize, Refusal>;

/// The word for how many of a person's generations wait.
const QUEUED: &str = "queued";

/// Which of these presses are refused.
pub(super) fn refusals(presses: &[&Press], told: &[Told]) -> Refused {
    let mut standing = Standing { told, purses: HashMap::new(), limits: HashMap::new(), queued: HashMap::new() };
    presses.iter().enumerate().filter_map(|(place, press)| Some((place, standing.refusal(press)?))).collect()
}

/// How the people and their keys stand, after the presses that were looked at.
struct Standing<'a> {
    told: &'a [Told],
    purses: HashMap<String, Purse>,
    limits: HashMap<&'a PersonId, Option<Limits>>,
    queued: HashMap<&'a PersonId, i64>,
}

impl<'a> Standing<'a> {
    fn refusal(&mut self, press: &'a Press) -> Option<Refusal> {
        self.of_key(press).or_else(|| self.of_limits(press)).or_else(|| self.of_queue(press))
    }

    fn of_key(&mut self, press: &Press) -> Option<Refusal> {
        let call = press.source.call()?;
        let Some(purse) = Purse::told(self.told, &call.key) else { return Some(Refusal::KeyEnded) };
        self.purses.entry(purse.lineage.clone()).or_insert(purse).spend(press.total)
    }

    fn of_limits(&mut self, press: &'a Press) -> Option<Refusal> {
        let limits = self.limits.entry(&press.owner).or_insert_with(|| Limits::told(self.told, &press.owner));
        // Programs cannot be asked whether they mean it.
        let can_be_asked = press.source == Source::Page;
        limits.as_mut()?.spend(&Spending { price: press.total, confirmed: press.confirmed, can_be_asked })
    }

    fn of_queue(&mut self, press: &'a Press) -> Option<Refusal> {
        let waiting = || self.told.iter().find(|told| told.what == QUEUED && told.whose == press.owner.as_str());
        let queued = self.queued.entry(&press.owner).or_insert_with(|| waiting().and_then(|told| told.numbers[0]).unwrap_or(0));
        let more = i64::try_from(press.wanted.len()).unwrap_or(i64::MAX);
        if queued.saturating_add(more) > MAX_QUEUED_PER_PERSON {
            return Some(Refusal::TooManyQueued { limit: MAX_QUEUED_PER_PERSON });
        }
        *queued += more;
        None
    }
}
