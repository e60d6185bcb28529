//! `make bench-overload`: ten minutes at five times the load that the product can carry. It must turn away early what it
//! cannot carry, go on with what it can, and need no more memory at the end than at the beginning. RL-29.
//!
//! | file | what it is for |
//! |---|---|
//! | `served` | the real binary on a database of its own, beside a sandbox that answers at once |
//! | `callers` | many connections of many people: first as fast as they are answered, then by the clock |
//! | `memory` | what the kernel says of the process, every second, and whether it grows |
//!
//! SQLite is always loaded; PostgreSQL when `TEST_POSTGRES_URL` names a cluster (`scripts/bench-overload` brings one). The
//! first argument is the time under load for each database, in seconds (600; 60 for a quick look); the second names the one
//! database that is loaded.

mod callers;
#[path = "../databases.rs"]
mod databases;
mod memory;
mod served;
#[path = "../table.rs"]
mod table;

use anyhow::{Context, ensure};
use callers::{Answers, Crowd, Pace};
use databases::databases;
use memory::Memory;
use served::Served;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use table::{Against, Spread, Table};

/// Time under load, when nothing else is asked for.
const UNDER_LOAD: Duration = Duration::from_mins(10);
/// How many times more is offered than can be carried.
const TIMES: f64 = 5.0;
/// Callers at once when it is found out what can be carried: enough that there is always work, few enough that nobody waits.
const UNHURRIED: usize = 16;
/// Callers at once under load. Who is turned away at once is free again, so that these can offer whatever is wanted.
const CROWD: usize = 1_024;
/// Turned away early: this is the longest for all but one in a hundred.
const EARLY: Duration = Duration::from_secs(1);
/// What may be needed more in the last minute than in the first that is settled.
const FLAT: f64 = 1.1;

/// Says something beside the table.
fn note(text: &str) {
    // Nobody reading is no fault.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` adds `--bench` to what it was given.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (seconds, only) = (arguments.next(), arguments.next());
    let seconds = seconds.map(|seconds| seconds.parse()).transpose().context("the time is a whole number of seconds")?;
    let time = seconds.map_or(UNDER_LOAD, Duration::from_secs);
    ensure!(time >= Duration::from_secs(20), "in less than 20 seconds nothing settles");
    atelier::server::replicate::install_tls();
    let (mut table, mut wrong) = (Table::default(), Vec::new());
    for (name, cluster) in databases().into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        let found = overload(&mut table, name, &cluster, time).await.with_context(|| format!("the overload on {name}"))?;
        wrong.extend(found.into_iter().map(|wrong| format!("{name}: {wrong}")));
    }
    let cores = std::thread::available_parallelism()?;
    let mut out = stdout().lock();
    writeln!(out, "{} s of overload on {cores} cores; a ratio is the figure over what stands beside it\n", time.as_secs())?;
    writeln!(out, "{table}")?;
    for wrong in &wrong {
        writeln!(out, "{wrong}")?;
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Loads one process; what is not as it should be.
async fn overload(table: &mut Table, name: &str, cluster: &str, time: Duration) -> anyhow::Result<Vec<String>> {
    let served = Served::start(cluster).await?;
    let mut crowd = Crowd::gather(&served.address).await?;
    let pages = crowd.open_pages();

    let (ended, began) = (served.ended().await?, Instant::now());
    let before = crowd.call(UNHURRIED, Pace::AsAnswered, (time / 10).max(Duration::from_secs(10))).await?;
    let lives = per_second(served.ended().await? - ended, began.elapsed());
    let carried = per_second(before.welcome(), before.took);
    table.amount(
        "requests a second it can carry",
        name,
        carried,
        ("of them presses", per_second(before.accepted(), before.took)),
    );

    let (ended, began) = (served.ended().await?, Instant::now());
    let watching = Memory::watch(served.id()?);
    let load = crowd.call(CROWD, Pace::PerSecond(carried * TIMES), time).await?;
    let memory = watching.stop().await?;
    let lives_meanwhile = per_second(served.ended().await? - ended, began.elapsed());
    drop(pages);

    let offered = per_second(load.asked(), load.took);
    table.amount("offered a second", name, offered, ("what it can carry", carried));
    table.amount(
        "presses accepted a second",
        name,
        per_second(load.accepted(), load.took),
        ("before", per_second(before.accepted(), before.took)),
    );
    table.amount("lives ended a second", name, lives_meanwhile, ("before", lives));
    for status in [429, 503] {
        table.amount(
            &format!("answered {status} a second"),
            name,
            per_second(load.with(status), load.took),
            ("offered", offered),
        );
    }
    let (welcome, unhurried) = (Spread::new(load.welcomed.clone()), Spread::new(before.welcomed.clone()));
    table.time("what was accepted, p50", name, welcome.p50(), Against::Peer("before", unhurried.p50()));
    let refusals = Spread::new(load.refused.clone());
    table.time("a refusal, p99", name, refusals.p99(), Against::Limit(EARLY));
    let mut wrong = load.wrong();
    wrong.extend(grown(table, name, &memory, time));
    wrong.extend((refusals.p99() > EARLY).then(|| "who is turned away is told late".to_owned()));
    wrong.extend((load.with(429) + load.with(503) == 0).then(|| "nobody was turned away: it was no overload".to_owned()));
    wrong.extend((offered < carried * TIMES * 0.95).then(|| format!("only {offered:.0} a second could be offered")));
    let after = crowd.call(1, Pace::AsAnswered, Duration::from_secs(1)).await?;
    wrong.extend(after.wrong());
    served.stop().await?;
    Ok(wrong)
}

/// What is needed at the end beside what was needed at the beginning; what of it grew.
fn grown(table: &mut Table, name: &str, memory: &Memory, time: Duration) -> Vec<String> {
    let (first, last) = memory.first_and_last(time);
    let (all_first, all_last) = (first.own + first.files, last.own + last.files);
    table.amount("its own memory at the end, MiB", name, last.own, ("first settled minute", first.own));
    table.amount("with what it maps of files, MiB", name, all_last, ("first settled minute", all_first));
    table.amount("growth in ten minutes, MiB", name, memory.slope(time) * 600.0, ("a tenth", first.own * (FLAT - 1.0)));
    let pairs = [("alone", first.own, last.own), ("with files", all_first, all_last)];
    let grown = pairs.into_iter().filter(|(_, first, last)| *last > first * FLAT);
    grown.map(|(what, first, last)| format!("{what} {first:.1} MiB grew to {last:.1} MiB")).collect()
}

#[expect(clippy::cast_precision_loss, reason = "millions at most")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

impl Answers {
    /// What nobody should have been answered.
    fn wrong(&self) -> Vec<String> {
        let expected = |status: u16| matches!(status, 200 | 429 | 503);
        let statuses = self.statuses.iter().filter(|(status, _)| !expected(**status));
        let mut wrong: Vec<_> = statuses.map(|(status, count)| format!("{count} were answered {status}")).collect();
        wrong.extend((self.unanswered > 0).then(|| format!("{} were not answered", self.unanswered)));
        wrong
    }
}
