//! The bank test: credits move between everybody and the house, through the verbs of the product, while the database
//! dies twice in the middle of it. Whoever reads sees right books at every moment, and nothing that was confirmed is gone.

use crate::support::Cluster;
use atelier::domain::{Credits, GenerationId, PersonId, RawRequest, State};
use atelier::server::account::{self, Credentials};
use atelier::server::clock::Clock;
use atelier::server::db::{Db, is_passing, mint};
use atelier::server::generation::limits::{self, Caps};
use atelier::server::generation::{self, Desk, Effects, Error, Job, KeptOutput, Money};
use atelier::server::ledger::{self, Grant};
use atelier::server::model;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Nobody is ever held back.
const FREE: Caps = Caps { in_flight: 10_000, per_person: 10_000, creates_per_minute: 1_000_000 };
/// Between two of what happens to the database.
const PART: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cr_18_readers_see_right_books_while_eight_writers_lose_the_database_twice() {
    let Some(cluster) = Cluster::start().map(Arc::new) else { return };
    let db = Db::connect(&cluster.url()).await.expect("the database");
    limits::allow(&db, FREE).await.expect("allowances");
    let stop = CancellationToken::new();
    let watching = tokio::spawn(db.clone().watch(Clock::System.corrected(0), stop.clone()));
    let mut people = Vec::new();
    for name in 0..5 {
        let credentials = Credentials { email: format!("{name}@example.com"), password: SecretString::from("a lantern above") };
        people.push(account::sign_up(&db, &credentials, Credits(50), Clock::System.now()).await.expect("a person"));
    }
    let (people, looks) = (Arc::new(people), Arc::new(AtomicUsize::new(0)));
    let mut writers = JoinSet::new();
    for seed in 0..8 {
        writers.spawn(write(db.clone(), Arc::clone(&people), StdRng::seed_from_u64(seed), stop.clone()));
    }
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        readers.spawn(read(db.clone(), Arc::clone(&looks), stop.clone()));
    }
    for _ in 0..2 {
        tokio::time::sleep(PART).await;
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || cluster.restart_immediately()).await.expect("a restart");
    }
    let before = looks.load(Ordering::Relaxed);
    tokio::time::sleep(PART).await;
    stop.cancel();

    let (mut confirmed, mut moves, mut interrupted) = (BTreeSet::new(), 0, 0);
    while let Some(writer) = writers.join_next().await {
        let Wrote { grants, done, lost } = writer.expect("a writer met nothing but the outages");
        confirmed.extend(grants);
        moves += done;
        interrupted += lost;
    }
    while let Some(reader) = readers.join_next().await {
        reader.expect("a reader never saw wrong books");
    }
    watching.await.expect("no panic");
    let looks = looks.load(Ordering::Relaxed);
    println!("{moves} moves, {interrupted} interrupted, {looks} looks at the whole of the books");
    assert!(moves > 100 && interrupted > 0 && before > 0 && looks > before, "{moves} {interrupted} {before} {looks}");
    assert_eq!(ledger::verify(&db).await.expect("the books"), []);
    let granted: Vec<(String,)> =
        sqlx::query_as("select ref from txn where kind = 'grant'").fetch_all(db.pool()).await.expect("the grants");
    let granted: BTreeSet<_> = granted.into_iter().map(|(reference,)| reference).collect();
    assert!(confirmed.is_subset(&granted), "what was confirmed is there");
    db.close().await;
}

/// What a writer did.
#[derive(Default)]
struct Wrote {
    grants: Vec<String>,
    done: usize,
    lost: usize,
}

/// Moves credits until told to stop. Only the outage may come between.
async fn write(db: Db, people: Arc<Vec<PersonId>>, mut dice: StdRng, stop: CancellationToken) -> Wrote {
    let mut wrote = Wrote::default();
    while !stop.is_cancelled() {
        let person = &people[dice.random_range(0..people.len())];
        let moved = match dice.random_range(0..4) {
            0 => grant(&db, person, &mut wrote.grants).await,
            1 => press(&db, person).await.map(drop),
            2 => press_and_cancel(&db, person).await,
            _ => deliver(&db, &mint()).await,
        };
        match moved {
            Ok(()) => wrote.done += 1,
            Err(error) if is_passing(&error) => {
                wrote.lost += 1;
                db.until_here().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    wrote
}

async fn grant(db: &Db, person: &PersonId, confirmed: &mut Vec<String>) -> Result<(), sqlx::Error> {
    let reference = mint();
    let cause = Grant::Operator { reference: reference.clone(), reason: "the bank test".to_owned() };
    let mut tx = db.begin().await?;
    ledger::grant(&mut tx, person, Credits(3), &cause, Clock::System.now()).await?;
    tx.commit().await?;
    confirmed.push(reference);
    Ok(())
}

/// The id, unless the person has spent everything.
async fn press(db: &Db, person: &PersonId) -> Result<Option<GenerationId>, sqlx::Error> {
    let raw = RawRequest { request_key: mint(), prompt: "a lantern".to_owned(), ..RawRequest::default() };
    let catalogue = model::offered(db).await?;
    match generation::request(&Desk::new(db.clone()), person, &raw, &catalogue, Clock::System.now()).await {
        Ok(requested) => Ok(Some(requested.id().clone())),
        Err(Error::Database(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

async fn press_and_cancel(db: &Db, person: &PersonId) -> Result<(), sqlx::Error> {
    let Some(id) = press(db, person).await? else { return Ok(()) };
    match generation::cancel(db, person, &id, Clock::System.now()).await {
        Ok(()) => Ok(()),
        Err(Error::Database(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// Takes somebody's generation from the queue to its end, as a worker would.
async fn deliver(db: &Db, worker: &str) -> Result<(), sqlx::Error> {
    let now = Clock::System.now();
    for admitted in generation::admit(db, worker, 3, now).await?.jobs {
        let storing = Job { state: State::Storing, lease_until: admitted.lease_until, ..admitted.clone() };
        if !record(db, &admitted, &storing, &Effects::default()).await? {
            continue;
        }
        let files = vec![output(&storing.id)];
        let money = Effects { money: Some(Money::Capture(1)), files, ..Effects::default() };
        let succeeded = Job { state: State::Succeeded, captured: storing.unit_price, ..storing.clone() };
        record(db, &storing, &succeeded, &money).await?;
    }
    Ok(())
}

async fn record(db: &Db, before: &Job, after: &Job, effects: &Effects) -> Result<bool, sqlx::Error> {
    match generation::record(db, before, after, effects, Clock::System.now()).await {
        Ok(written) => Ok(written),
        Err(ledger::Error::Database(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn output(id: &GenerationId) -> KeptOutput {
    KeptOutput {
        place: 0,
        object_key: format!("generations/{id}/0.webp"),
        content_type: "image/webp".to_owned(),
        bytes: 1,
        sha256: "0".repeat(64),
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    }
}

/// Checks every promise of the books, over and over: all accounts together hold nothing, everybody has the sum of their
/// entries, every chain is whole.
async fn read(db: Db, looks: Arc<AtomicUsize>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match ledger::verify(&db).await {
            Ok(drift) => {
                assert_eq!(drift, []);
                looks.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(is_passing(&error), "{error}");
                db.until_here().await;
            }
        }
    }
}
