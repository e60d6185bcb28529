//! The paid call, proved by walking through everything that can happen: one generation, two workers, and an adversary
//! who kills and freezes them, loses and delays whatever is on its way and lets time pass at will.
//!
//! The decisions are the product's own `plan` and `step`. Leave any one thought out of the protocol around them, and the
//! same walk finds a way to pay twice or to settle twice: those walks are tests too, so that a change which loses a
//! thought is noticed, and so is a walk that no longer finds anything.

mod protocol;
mod world;

use atelier::domain::State;
use protocol::{Deed, Protocol, Scope, deeds, happen};
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::HashMap;
use std::time::Instant;
use world::World;

/// Leases that a worn row has lost already: one more than that, and it is parked.
const WORN: u8 = 9;

const BOUGHT_ONCE: &str = "one prediction is bought, and another only after one that was interrupted";
const WITHIN_BUDGET: &str = "never more than two predictions are bought";
const SETTLED_ONCE: &str = "an end is settled once, by capture or release, and nothing else is";
const KEPT: &str = "what was captured is kept";
const FINAL: &str = "an end is never left";
const LEGAL: &str = "every step is one that the states allow";

struct Life {
    protocol: Protocol,
    scope: Scope,
    faults: u8,
}

impl Model for Life {
    type State = World;
    type Action = Deed;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.faults, 0), World::new(self.faults, WORN)]
    }

    fn actions(&self, world: &World, found: &mut Vec<Deed>) {
        deeds(self.protocol, self.scope, world, found);
    }

    fn next_state(&self, world: &World, deed: Deed) -> Option<World> {
        happen(self.protocol, world, deed)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(BOUGHT_ONCE, |_: &Self, world: &World| world.bought() <= 1 + world.interrupted()),
            Property::always(WITHIN_BUDGET, |_: &Self, world: &World| world.bought() <= 2),
            Property::always(SETTLED_ONCE, |_: &Self, world: &World| settled_once(world)),
            Property::always(KEPT, |_: &Self, world: &World| world.captures == 0 || world.kept),
            Property::always(FINAL, |_: &Self, world: &World| world.end.is_none_or(|end| world.row.state == end)),
            Property::always(LEGAL, |_: &Self, world: &World| !world.illegal),
            Property::sometimes("a picture is kept", |_: &Self, world: &World| world.row.state == State::Succeeded),
            Property::sometimes("a failure is given back", |_: &Self, world: &World| world.row.state == State::Failed),
            Property::sometimes("it is left to an operator", |_: &Self, world: &World| world.row.state == State::Parked),
            Property::sometimes("a second prediction is bought", |_: &Self, world: &World| world.bought() == 2),
            Property::sometimes("a prediction is found whose answer was lost", |_: &Self, world: &World| {
                world.row.reconciles > 0 && world.row.prediction.is_some()
            }),
        ];
        if self.scope == Scope::WholeLife {
            properties.push(Property::sometimes("a wish to stop is granted", |_: &Self, world: &World| {
                world.row.state == State::Canceled
            }));
        }
        properties
    }
}

fn settled_once(world: &World) -> bool {
    let settled = world.captures + world.releases;
    settled == u8::from(world.row.state.is_terminal()) && (world.captures == 1) == (world.row.state == State::Succeeded)
}

#[test]
fn rl_34_whatever_happens_to_a_life_one_prediction_is_paid_for_and_its_end_has_its_money() {
    for (scope, faults) in [(Scope::WholeLife, 1), (Scope::PaidCall, 2)] {
        let begun = Instant::now();
        let checker = Life { protocol: Protocol::Whole, scope, faults }.checker().spawn_bfs().join();
        println!("{scope:?}: {} states, {} ways, {:?}", checker.unique_state_count(), checker.state_count(), begun.elapsed());
        checker.assert_properties();
    }
}

#[test]
fn rl_34_from_wherever_it_is_a_generation_can_still_come_to_its_end() {
    let begun = Instant::now();
    let life = Life { protocol: Protocol::Whole, scope: Scope::WholeLife, faults: 1 };
    let (worlds, ways_back) = walk(&life, World::new(1, 0));
    let mut can_end: Vec<bool> = worlds.iter().map(|world| world.row.state.is_terminal()).collect();
    let mut open: Vec<usize> = (0..worlds.len()).filter(|at| can_end[*at]).collect();
    while let Some(at) = open.pop() {
        for before in &ways_back[at] {
            if !std::mem::replace(&mut can_end[*before], true) {
                open.push(*before);
            }
        }
    }
    println!("{} states, {:?}", worlds.len(), begun.elapsed());
    let stuck = can_end.iter().position(|can| !can).map(|at| worlds[at]);
    assert_eq!(stuck, None, "from here there is no end");
}

/// Every world, and for each the worlds it can come from.
fn walk(life: &Life, from: World) -> (Vec<World>, Vec<Vec<usize>>) {
    let mut worlds = vec![from];
    let mut known: HashMap<World, usize> = worlds.iter().copied().zip(0..).collect();
    let mut ways_back: Vec<Vec<usize>> = vec![Vec::new(); worlds.len()];
    let mut at = 0;
    while at < worlds.len() {
        for next in life.next_states(&worlds[at]) {
            let to = *known.entry(next).or_insert_with(|| {
                worlds.push(next);
                ways_back.push(Vec::new());
                worlds.len() - 1
            });
            ways_back[to].push(at);
        }
        at += 1;
    }
    (worlds, ways_back)
}

/// A protocol with one thought left out breaks this promise: the walk shows how.
#[expect(clippy::print_stdout, reason = "how it breaks is worth reading")]
fn breaks(protocol: Protocol, promise: &'static str) {
    let life = Life { protocol, scope: Scope::PaidCall, faults: 1 };
    let checker = life.checker().finish_when(HasDiscoveries::AnyOf([promise].into())).spawn_bfs().join();
    let way = checker.discovery(promise);
    let way = way.unwrap_or_else(|| panic!("{protocol:?} was not caught in {} states", checker.unique_state_count()));
    println!("{protocol:?}, {} states: {:?}", checker.unique_state_count(), way.into_actions());
}

#[test]
fn rl_34_without_an_intent_before_the_call_a_second_prediction_is_bought() {
    breaks(Protocol::MemoAfterTheCall, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_a_rescue_while_the_call_may_be_under_way_a_second_prediction_is_bought() {
    breaks(Protocol::RescueAtAnyTime, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_an_intent_that_does_not_renew_the_lease_a_second_prediction_is_bought() {
    breaks(Protocol::IntentKeepsTheOldLease, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_a_timeout_that_ends_the_lease_a_second_prediction_is_bought() {
    breaks(Protocol::TimeoutEndsTheLease, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_a_list_that_lags_one_look_buys_a_second_prediction() {
    breaks(Protocol::OneLook, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_writes_that_do_not_name_their_lease_a_second_prediction_is_bought() {
    breaks(Protocol::NoEpoch, BOUGHT_ONCE);
}

#[test]
fn rl_34_with_writes_that_name_nothing_an_end_is_settled_twice() {
    breaks(Protocol::NoFence, SETTLED_ONCE);
}
