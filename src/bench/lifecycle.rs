//! `make bench`: what the house can do, from the press of the button to the picture on the page, in one run on one
//! machine, and each figure beside a limit or beside a peer that did only the bare part of the same work.
//!
//! | file | what it is for |
//! |---|---|
//! | `databases` | where it is measured |
//! | `house` | a database, a store, a sandbox and people, fresh for each database |
//! | `engine` | the verbs and the books with an outside world that weighs nothing; a queue of a hundred thousand |
//! | `peers` | two well-known job queues doing nothing on the same PostgreSQL |
//! | `work` | pickup, completed generations, accepted requests, and their peers |
//! | `gallery` | the page of fifty over loopback, and its statements alone |
//! | `product` | the binary itself: start to ready, memory |
//! | `table` | percentiles, ratios, the table |
//!
//! SQLite is always measured; PostgreSQL when `TEST_POSTGRES_URL` names a cluster (`scripts/bench` brings one, durable).
//! One argument changes the size: the number of single requests for the pickup (200), the rest in proportion.

mod databases;
mod engine;
mod gallery;
mod house;
mod peers;
mod product;
mod table;
mod work;

use anyhow::Context;
use databases::databases;
use house::House;
use std::io::{Write, stdout};
use std::time::Duration;
use table::{Against, Table};

/// The limits that were set before anything was built.
const PICKUP_LIMIT: Duration = Duration::from_millis(5);
/// From the call of the verb, the charge included, until a worker has the intent: on SQLite, on PostgreSQL.
const RUNNING_LIMITS: [Duration; 2] = [Duration::from_micros(1_500), Duration::from_micros(2_500)];
/// A whole life with its four durable steps against a sandbox that answers at once.
const OWN_TIME_LIMIT: Duration = Duration::from_millis(10);
/// Lives a second: on SQLite, on PostgreSQL.
const LIVES_LIMITS: [f64; 2] = [450.0, 1_000.0];
/// Whose turn it is, of a hundred thousand: on SQLite, on PostgreSQL.
const ADMISSION_LIMITS: [Duration; 2] = [Duration::from_micros(2_500), Duration::from_millis(20)];
const START_LIMIT: Duration = Duration::from_secs(1);
const MEMORY_LIMIT_MIB: f64 = 60.0;

/// Single requests on an idle system, when nothing else is asked for.
const SINGLES: usize = 200;

/// Says something beside the table.
fn note(text: &str) {
    // Nobody reading is no fault.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo bench` adds `--bench` to what it was given.
    let size = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let singles = size.map_or(Ok(SINGLES), |size| size.parse()).context("the size is a whole number")?.max(10);
    atelier::server::replicate::install_tls();

    let mut table = Table::default();
    for (name, url) in databases() {
        let folder = tempfile::tempdir()?;
        let house = House::open(&url, folder.path()).await.with_context(|| format!("opening {name}"))?;
        measure(&mut table, name, &house, singles).await.with_context(|| format!("measuring {name}"))?;
        house.close().await;
    }
    let product = product::measure().await.context("measuring the binary")?;
    table.time("start to ready, new database", "the binary", product.first_start, Against::Limit(START_LIMIT));
    table.time("start to ready, again", "the binary", product.second_start, Against::Limit(START_LIMIT));
    table.amount("resident memory, idle, MiB", "the binary", product.memory_mib, ("limit", MEMORY_LIMIT_MIB));

    let cores = std::thread::available_parallelism()?;
    let mut out = stdout().lock();
    writeln!(out, "Atelier {} on {cores} cores; a ratio is the figure over its limit or its peer\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "{table}")?;
    Ok(())
}

async fn measure(table: &mut Table, name: &'static str, house: &House, singles: usize) -> anyhow::Result<()> {
    let database = usize::from(house.db.is_shared());
    let lives = engine::lives(house, singles * 10).await?;
    table.amount("lives a second, outside for free", name, lives, ("at least", LIVES_LIMITS[database]));
    if house.db.is_shared() {
        for peer in peers::measure(&house.url, singles).await? {
            table.amount("jobs a second, doing nothing", &peer.name, peer.per_second, ("the house's lives", lives));
            table.time("pickup, call to job, p50", &peer.name, peer.pickup_p50(), Against::Limit(RUNNING_LIMITS[1]));
        }
    }
    let own = work::own_time(house, singles).await?;
    table.time("a whole life, ours, p50", name, own.p50(), Against::Limit(OWN_TIME_LIMIT));
    let (running, pickups) = work::pickups(house, singles).await?;
    table.time("pickup, call to step, p50", name, running.p50(), Against::Limit(RUNNING_LIMITS[database]));
    let written = work::bare_commits(house, singles).await?;
    table.time("pickup, commit to worker, p50", name, pickups.p50(), Against::Limit(PICKUP_LIMIT));
    table.time("pickup, commit to worker, p99", name, pickups.p99(), Against::Peer("one bare commit, p99", written.p99()));

    // Fifty of them are the gallery's page.
    let pictures = (singles / 2).max(60);
    let bare = work::bare_pictures(house, pictures).await?;
    let completed = work::completed(house, pictures).await?;
    table.amount("completed generations a second", name, completed, ("fetch, inspect, keep; no books", bare));

    let page = gallery::pages(house, singles).await?;
    let statements = gallery::statements(house, singles).await?;
    table.time("gallery of 50, over HTTP, p50", name, page.p50(), Against::Peer("its statements alone", statements.p50()));
    table.time("gallery of 50, over HTTP, p99", name, page.p99(), Against::Peer("its statements alone", statements.p99()));

    // After whatever looks for work: PostgreSQL takes its time to clear up after so many rows, and every look passes over them.
    let admissions = engine::admissions(house, singles / 2).await?;
    table.time("next turn of 100,000, p50", name, admissions.p50(), Against::Limit(ADMISSION_LIMITS[database]));

    let bare = work::bare_requests(house, singles * 5).await?;
    let accepted = work::accepted(house, singles * 5).await?;
    table.amount("requests accepted a second", name, accepted, ("one guarded update, one insert", bare));
    Ok(())
}
