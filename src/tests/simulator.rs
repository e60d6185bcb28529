//! Whole lives, thrown by a seed: people, workers and a Replicate where anything goes wrong at any moment, over the real
//! verbs and a real database, without a network, a clock or a wait. The same seed is the same life, to the last event.
//!
//! `ATELIER_SEEDS=10000` lives that many; `ATELIER_SEED=7` lives that one and tells how it ended.

pub mod dice;
mod house;
mod mutant;
mod replicate;
mod verdict;
mod weather;
mod worker;

use crate::support::{Memory, seeds};
use atelier::domain::{GenerationId, RawRequest};
use atelier::server::db::with_ids_from;
use atelier::server::generation::{self, Caps};
use dice::Dice;
use house::{Broken, Event, House};
use mutant::Mutant;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::time::Instant;
use weather::{Climate, Weather};

/// How many lives are lived when nobody says otherwise.
const SEEDS: u64 = 200;
/// A mutant is found within this many lives.
const MUTANT_SEEDS: u64 = 60;

/// What a life showed.
struct Lived {
    tally: BTreeMap<&'static str, u64>,
    digest: u64,
    last: Vec<String>,
    verdict: Result<(), Broken>,
}

/// Lives one life, from its first event to the verdict.
async fn live(databases: &Memory, seed: u64, mutant: Option<Mutant>) -> Lived {
    let database = databases.database().await;
    let mut dice = Dice::new(!seed);
    // What a mutant does wrong shows where much goes wrong; and every fourth life should bear that too.
    let climate = if mutant.is_some() || seed % 4 == 3 { Climate::Rough } else { Climate::Mixed };
    let weather = Weather::of(&mut dice, climate, house::START, house::PRESSES_MS * 2);
    let caps = Caps { in_flight: dice.between(2, 8), per_person: dice.between(1, 4), creates_per_minute: 600 };
    let lived = with_ids_from(
        seed,
        Box::pin(async {
            let mut house = House::new(database.db.clone(), seed, weather, caps, mutant).await.expect("a house");
            let mut verdict = house.live().await;
            if verdict.is_ok() {
                verdict = house.judge().await;
            }
            Lived { digest: house.digest.finish(), last: house.last.into(), tally: house.tally, verdict }
        }),
    )
    .await;
    database.remove().await;
    lived
}

#[tokio::test]
async fn rl_34_two_hundred_lives_in_which_anything_goes_wrong_keep_every_promise() {
    let (databases, begun) = (Memory::new().await, Instant::now());
    let (seeds, mut tally) = (seeds(SEEDS), BTreeMap::<_, u64>::new());
    for seed in &seeds {
        let lived = live(&databases, *seed, None).await;
        if let Err(Broken(promise)) = lived.verdict {
            panic!("ATELIER_SEED={seed}: {promise}\n{}", lived.last.join("\n"));
        }
        if let [_] = seeds.as_slice() {
            println!("{}", lived.last.join("\n"));
        }
        for (what, n) in lived.tally {
            *tally.entry(what).or_default() += n;
        }
    }
    println!("{} lives in {:?}: {tally:#?}", seeds.len(), begun.elapsed());
    // A life in which nothing goes wrong proves nothing.
    if seeds.len() >= 100 {
        for what in [
            "answers to a paid call lost",
            "bought again",
            "calls too late to send",
            "commits that failed",
            "deaths",
            "deaths right after a commit",
            "ended: canceled",
            "ended: failed",
            "ended: succeeded",
            "freezes",
            "leases found lost",
            "paid calls lost",
            "parked",
            "predictions found by looking",
            "presses told twice",
            "records of a lost lease",
            "restarts",
            "sweeps that ended something",
        ] {
            assert!(tally.contains_key(what), "never happened: {what}");
        }
    }
}

#[tokio::test]
async fn rl_09_somebodys_backlog_delays_anothers_first_by_one_turn_at_most() {
    let databases = Memory::new().await;
    for seed in 0..10 {
        let database = databases.database().await;
        let caps = Caps { in_flight: 5, per_person: 5, creates_per_minute: 600 };
        let mut house = House::new(database.db.clone(), seed, Weather::fair(), caps, None).await.expect("a house");
        let (many, one) = (house.welcome(100).await.expect("a person"), house.welcome(5).await.expect("a person"));
        house.hire(5);
        house.hire(3);
        for at in 0..100 {
            house.later(at / 10, Event::Press { person: many, wish: wish(at) });
        }
        let comes_after = house.dice.between(100, 20_000);
        house.later(comes_after, Event::Press { person: one, wish: wish(100) });
        let latest = house.now + generation::DEADLINE_MS;
        let owner =
            |house: &House, id: &GenerationId| house.requested.iter().find(|(known, _)| known == id).map(|(_, owner)| *owner);
        let has_come = |house: &House, _: &Event| house.requested.iter().any(|(_, owner)| *owner == one);
        let has_gone = |house: &House, _: &Event| house.admitted.iter().any(|id| owner(house, id) == Some(one));
        house.until(latest, has_come).await.expect("everybody comes");
        let before = house.admitted.len();
        house.until(latest, has_gone).await.expect("everybody has their turn");
        let others = house.admitted[before..].iter().take_while(|id| owner(&house, id) == Some(many)).count();
        assert!(before < 90, "there is a backlog: {before} of 100 have gone");
        assert!(others <= 1, "seed {seed}: {others} of somebody else's went before the first of theirs");
        database.remove().await;
    }
}

/// A press like any other.
fn wish(at: i64) -> RawRequest {
    RawRequest { request_key: format!("press-{at}"), prompt: format!("lighthouse {at}"), ..RawRequest::default() }
}

#[tokio::test]
async fn rl_34_the_same_seed_is_the_same_life() {
    let databases = Memory::new().await;
    let mut digests = BTreeSet::new();
    for seed in 0..5 {
        let (once, again) = (live(&databases, seed, None).await, live(&databases, seed, None).await);
        assert_eq!((once.digest, &once.last), (again.digest, &again.last), "seed {seed}");
        digests.insert(once.digest);
    }
    assert_eq!(digests.len(), 5, "and another seed is another life");
}

#[tokio::test]
async fn rl_34_a_house_with_one_thought_left_out_is_found_out() {
    let databases = Memory::new().await;
    for mutant in Mutant::ALL {
        let mut found = None;
        for seed in 0..MUTANT_SEEDS {
            if let Err(Broken(promise)) = live(&databases, seed, Some(mutant)).await.verdict {
                found = Some((seed, promise));
                break;
            }
        }
        let (seed, promise) = found.unwrap_or_else(|| panic!("{mutant:?} kept every promise in {MUTANT_SEEDS} lives"));
        println!("{mutant:?}: found by seed {seed}: {promise}");
    }
}
