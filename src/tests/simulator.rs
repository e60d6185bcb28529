//! Whole lives, thrown by a seed: people, workers and a Replicate where anything goes wrong at any moment, over the real
//! verbs and a real database, without a network, a clock or a wait. The same seed is the same life, to the last event.
//!
//! `ATELIER_SEEDS=10000` lives that many; `ATELIER_SEED=7` lives that one and tells how it ended.

mod dice;
mod house;
mod mutant;
mod replicate;
mod verdict;
mod weather;
mod worker;

use crate::support::variable;
use atelier::server::db::{Db, with_ids_from};
use atelier::server::generation::Caps;
use dice::Dice;
use house::{Broken, House};
use mutant::Mutant;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;
use weather::Weather;

/// How many lives are lived when nobody says otherwise.
const SEEDS: u64 = 200;
/// A mutant is found within this many lives.
const MUTANT_SEEDS: u64 = 40;

/// Databases that cost nothing to make: copies of one that has its schema, where there is no disk to wait for.
struct Databases {
    dir: TempDir,
    template: PathBuf,
}

impl Databases {
    async fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a directory");
        let template = dir.path().join("template.db");
        Db::connect(&url(&template)).await.expect("a database").close().await;
        Self { dir, template }
    }

    async fn fresh(&self) -> (Db, PathBuf) {
        let file = self.dir.path().join(format!("{}.db", atelier::server::db::mint()));
        std::fs::copy(&self.template, &file).expect("a copy");
        (Db::connect(&url(&file)).await.expect("a database"), file)
    }
}

fn url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// What a life showed.
struct Lived {
    tally: BTreeMap<&'static str, u64>,
    digest: u64,
    last: Vec<String>,
    verdict: Result<(), Broken>,
}

/// Lives one life, from its first event to the verdict.
async fn live(databases: &Databases, seed: u64, mutant: Option<Mutant>) -> Lived {
    let (db, file) = databases.fresh().await;
    let mut dice = Dice::new(!seed);
    let weather = Weather::of(&mut dice, house::START, house::PRESSES_MS * 2);
    let caps = Caps { in_flight: dice.between(2, 8), per_person: dice.between(1, 4), creates_per_minute: 600 };
    let lived = with_ids_from(seed, async {
        let mut house = House::new(db.clone(), seed, weather, caps, mutant).await.expect("a house");
        let mut verdict = house.live().await;
        if verdict.is_ok() {
            verdict = house.judge().await;
        }
        Lived { digest: house.digest.finish(), last: house.last.into(), tally: house.tally, verdict }
    })
    .await;
    db.close().await;
    std::fs::remove_file(file).expect("the database");
    lived
}

/// Which seeds to live.
fn seeds() -> Vec<u64> {
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a whole number"));
    match (number("ATELIER_SEED"), number("ATELIER_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, several) => (0..several.unwrap_or(SEEDS)).collect(),
    }
}

#[tokio::test]
async fn rl_34_two_hundred_lives_in_which_anything_goes_wrong_keep_every_promise() {
    let (databases, begun) = (Databases::new().await, Instant::now());
    let (seeds, mut tally) = (seeds(), BTreeMap::<_, u64>::new());
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
async fn rl_34_the_same_seed_is_the_same_life() {
    let databases = Databases::new().await;
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
    let databases = Databases::new().await;
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
