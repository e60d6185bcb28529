//! `make drill`: kills the real binary, again and again, at every named point and out of the blue, while people press the
//! button; starts it again each time; and counts what was lost: every column from there on must be 0. What was given back
//! instead of kept is no loss, and is counted all the same.
//!
//! | file | what it is for |
//! |---|---|
//! | `processes` | the sandbox, which is never killed and so is a witness; and the product, which is |
//! | `people` | press the button the whole time, and press again with the same key when nobody answers |
//! | `eyes` | five wrongs, planted at the end, that must be found |
//! | `books` | what became of every press, by the rows, the objects and the sandbox's own invoice |
//!
//! SQLite is always drilled; PostgreSQL when `TEST_POSTGRES_URL` names a cluster (`scripts/drill` brings one). One argument
//! changes the number of kills for each database (500). The exit code is that of a failure when anything was lost, and when
//! there were [`ENOUGH`] kills and yet a point that nobody came to.

mod books;
#[path = "../databases.rs"]
mod databases;
mod eyes;
mod people;
mod processes;

use anyhow::Context;
use atelier::server::crash::Point;
use books::Found;
use databases::databases;
use people::{People, Press};
use processes::{Died, House};
use rand::Rng;
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Kills for each database, when nothing else is asked for.
const KILLS: usize = 500;
/// Of all kills, one in so many comes from outside at no point in particular.
const OUT_OF_THE_BLUE: usize = 10;
/// A process that has not come to its point by then is killed from outside.
const PATIENCE: Duration = Duration::from_secs(10);
/// A point that nobody came to so often, and not once before, is left out from then on, and named at the end.
const MISSES: usize = 3;
/// A drill with so many kills comes to every point, each in turn, twice or more: one that it never came to is a fault of the
/// drill, or of the product, and of the exit code.
const ENOUGH: usize = 2 * Point::ALL.len() * OUT_OF_THE_BLUE / (OUT_OF_THE_BLUE - 1);
/// The longest that everything may take to end once nobody is killed any more: the lease of a paid call (60 s), two looks
/// for it (30 s apart), another run; and what is damaged may be fetched for two minutes.
const SETTLED_WITHIN: Duration = Duration::from_mins(5);

/// Where a process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    At(Point),
    OutOfTheBlue,
}

/// The kills of one place, and what was pressed meanwhile.
#[derive(Default)]
struct Tally {
    kills: usize,
    misses: usize,
    generations: usize,
    found: Found,
}

type Tallies = BTreeMap<Place, Tally>;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` adds `--bench` to what it was given.
    let size = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let kills = size.map_or(Ok(KILLS), |size| size.parse()).context("the number of kills is a whole number")?;
    atelier::server::replicate::install_tls();
    // Side by side: each has processes, a folder and a database of its own, and most of its time it waits.
    let drills = databases().into_iter().map(|(name, cluster)| drilled(name, cluster, kills));
    let drills = futures::future::try_join_all(drills).await?;
    let mut out = stdout().lock();
    for (told, _) in &drills {
        writeln!(out, "\n{told}")?;
    }
    let is_clean = drills.iter().all(|(_, is_clean)| *is_clean);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is to be told of the drill on one database, and whether all of it is as it should be.
async fn drilled(name: &str, cluster: String, kills: usize) -> anyhow::Result<(String, bool)> {
    let began = Instant::now();
    let (tallies, slowest) = drill(name, &cluster, kills).await.with_context(|| format!("the drill on {name}"))?;
    let missed = missed(&tallies);
    let is_clean = tallies.values().all(|tally| tally.found.is_clean()) && (missed.is_empty() || kills < ENOUGH);
    let (minutes, seconds) = (began.elapsed().as_secs() / 60, began.elapsed().as_secs() % 60);
    let told = format!(
        "{}\n{name}: {minutes} min {seconds} s; the last to move on ended {} s after the last start\n\
         {name}: points that nobody came to: {}",
        table(name, &tallies),
        slowest.as_secs(),
        named(&missed)
    );
    Ok((told, is_clean))
}

/// One drill on a database of its own. What was found, and how long the last generation took to end in the end.
async fn drill(name: &str, cluster: &str, kills: usize) -> anyhow::Result<(Tallies, Duration)> {
    let house = House::open(cluster).await?;
    let sandbox = house.sandbox().await?;
    // Everybody signs up while all is well; from then on they only press.
    let first = house.serve(None)?;
    house.ready().await?;
    let people = People::sign_up(house.origin()).await?;
    first.kill().await?;

    let mut tallies = Tallies::new();
    let mut points = Point::ALL.into_iter().cycle();
    for at in 0..kills {
        let place = next_place(at, &mut points, &tallies).context("nobody comes to any point")?;
        people.now_at(place);
        let died = die(&house, place).await.with_context(|| format!("kill {at}, {place:?}"))?;
        let counted = if died == Died::ByItself { place } else { Place::OutOfTheBlue };
        tallies.entry(counted).or_default().kills += 1;
        tallies.entry(place).or_default().misses += usize::from(counted != place);
        if (at + 1) % 25 == 0 {
            writeln!(stdout().lock(), "{name}: {} of {kills} kills, {} presses", at + 1, people.presses().len())?;
        }
    }
    let last = house.serve(None)?;
    house.ready().await?;
    let presses = people.stop().await?;
    let slowest = books::settled(&house, SETTLED_WITHIN).await?;
    let found = judge(&house, &presses, &mut tallies).await?;
    last.kill().await?;
    if found.is_clean() {
        eyes::can_see(&house, &presses).await?;
    }
    sandbox.kill().await?;
    house.close().await?;
    Ok((tallies, slowest))
}

/// Starts the product and sees it die.
async fn die(house: &House, place: Place) -> anyhow::Result<Died> {
    // Also the second or third visit, so that the first is not always the one that dies.
    let (visit, moment) = (rand::rng().random_range(1..=3), rand::rng().random_range(200..2_500));
    match place {
        Place::At(point) => house.serve(Some(&format!("{}:{visit}", point.as_str())))?.dies_within(PATIENCE).await,
        Place::OutOfTheBlue => house.serve(None)?.dies_within(Duration::from_millis(moment)).await,
    }
}

/// Every place in turn, round after round, so that each dies in every company.
fn next_place(at: usize, points: &mut impl Iterator<Item = Point>, tallies: &Tallies) -> Option<Place> {
    if at.is_multiple_of(OUT_OF_THE_BLUE) {
        return Some(Place::OutOfTheBlue);
    }
    let comes = |place| tallies.get(&place).is_none_or(|tally| tally.kills > 0 || tally.misses < MISSES);
    points.by_ref().take(Point::ALL.len()).map(Place::At).find(|place| comes(*place))
}

/// Puts what became of every press beside the kills during which it was made.
async fn judge(house: &House, presses: &[Press], tallies: &mut Tallies) -> anyhow::Result<Found> {
    let found = books::judge(house, presses, true).await?;
    let mut total = Found { adrift: books::adrift(house).await?, ..Found::default() };
    // Nobody can say during which kill the books went wrong.
    tallies.entry(Place::OutOfTheBlue).or_default().found.adrift += total.adrift;
    for (press, found) in presses.iter().zip(found) {
        let tally = tallies.entry(press.during).or_default();
        tally.generations += 1;
        tally.found.add(&found);
        total.add(&found);
    }
    Ok(total)
}

/// The points without a kill.
fn missed(tallies: &Tallies) -> Vec<Point> {
    let killed = |point| tallies.get(&Place::At(point)).is_some_and(|tally| tally.kills > 0);
    Point::ALL.into_iter().filter(|point| !killed(*point)).collect()
}

fn named(points: &[Point]) -> String {
    let names: Vec<_> = points.iter().copied().map(Point::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn table(name: &str, tallies: &Tallies) -> String {
    let mut told = String::from(
        "| database | killed at | kills | generations | given back | lost | paid twice | created twice | credits adrift |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut total = Tally::default();
    for (place, tally) in tallies {
        let place = match place {
            Place::At(point) => point.as_str(),
            Place::OutOfTheBlue => "out of the blue",
        };
        told += &row(name, place, tally);
        total.kills += tally.kills;
        total.generations += tally.generations;
        total.found.add(&tally.found);
    }
    told + &row(name, "**in all**", &total)
}

fn row(name: &str, place: &str, tally: &Tally) -> String {
    let Found { given_back, lost, paid_twice, created_twice, adrift } = tally.found;
    format!(
        "| {name} | {place} | {} | {} | {given_back} | {lost} | {paid_twice} | {created_twice} | {adrift} |\n",
        tally.kills, tally.generations
    )
}
