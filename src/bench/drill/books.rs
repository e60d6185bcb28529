//! What became of every press: by the rows, which say what was promised; by the objects, which are what was promised; and
//! by the sandbox's own record, which knows nothing of us and says what was bought.

use crate::people::Press;
use crate::processes::House;
use anyhow::{Context, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The longest that something can be parked: its deadline, and the sweep that looks for it.
const PARKED: Duration = Duration::from_mins(16);
/// Between two looks whether everything has ended.
const LOOK: Duration = Duration::from_millis(500);

/// What must not be; and, last, what may.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Acknowledged, and neither kept nor given back: without an end in time, a picture that is not what its row says,
    /// credits that are neither with their owner nor paid for a picture that is there.
    pub lost: usize,
    /// More was taken for it than for what was kept, or it was taken for more than once.
    pub paid_twice: usize,
    /// More predictions were bought for it than it may cost.
    pub created_twice: usize,
    /// Promises of the books that do not hold, and whatever else the reconciler finds.
    pub adrift: usize,
    /// Not everything that could be had was kept, but for all of the rest the credits are back: killed too often at its
    /// paid call, it may cost us no more calls. Promised, if not what anybody wanted.
    pub given_back: usize,
}

impl Found {
    pub const fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.paid_twice += other.paid_twice;
        self.created_twice += other.created_twice;
        self.adrift += other.adrift;
        self.given_back += other.given_back;
    }

    pub const fn is_clean(&self) -> bool {
        self.lost + self.paid_twice + self.created_twice + self.adrift == 0
    }
}

/// Waits until every generation has ended, or the time is up: then `judge` will find those that have not. What was left to
/// an operator ends at its deadline, and is waited for. How long the others took.
pub async fn settled(house: &House, longest: Duration) -> anyhow::Result<Duration> {
    let (mut rows, began) = (connect(house).await?, Instant::now());
    let mut moving_until = Duration::ZERO;
    loop {
        let query = "select count(*), count(case when state = 'parked' then 1 end) from generation
                     where state not in ('succeeded', 'failed', 'canceled')";
        let (left, parked): (i64, i64) = sqlx::query_as(query).fetch_one(&mut rows).await?;
        if left > parked {
            moving_until = began.elapsed();
        }
        let patience = if parked > 0 { longest.max(PARKED) } else { longest };
        if left == 0 || moving_until > longest || began.elapsed() > patience {
            return Ok(moving_until);
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    state: String,
    unit_price: i64,
    captured: i64,
    kept: i64,
    captures: i64,
    taken: i64,
    held: i64,
}

/// What is wrong with each press, told on the way when that is wanted.
pub async fn judge(house: &House, presses: &[Press], aloud: bool) -> anyhow::Result<Vec<Found>> {
    let mut rows = connect(house).await?;
    let generations: Vec<Row> = sqlx::query_as(
        "select g.id, g.state, g.unit_price, g.captured,
                (select count(*) from output o where o.generation_id = g.id) as kept,
                (select count(*) from txn t where t.kind = 'capture' and t.ref = g.id) as captures,
                (select cast(coalesce(sum(-e.amount), 0) as bigint) from entry e join txn t on t.id = e.txn_id
                   join account a on a.id = e.account_id
                 where t.kind = 'capture' and t.ref = g.id and a.kind = 'person') as taken,
                (select count(*) from hold h where h.generation_id = g.id and h.state = 'open') as held
         from generation g",
    )
    .fetch_all(&mut rows)
    .await?;
    ensure!(generations.len() == presses.len(), "{} presses made {} generations", presses.len(), generations.len());
    let broken = broken_objects(house, &mut rows).await?;
    let bought = bought(house).await?;
    let by_id: HashMap<_, _> = generations.iter().map(|row| (row.id.as_str(), row)).collect();
    Ok(presses
        .iter()
        .map(|press| {
            let bought = bought.get(&press.prompt).copied().unwrap_or(0);
            let row = by_id.get(press.id.as_str());
            let kept_word = row.is_some_and(|row| is_as_promised(row) && !broken.contains_key(&row.id));
            let found = Found {
                lost: usize::from(!kept_word),
                given_back: usize::from(kept_word && row.is_some_and(|row| row.kept_for_good() != press.wanted)),
                paid_twice: usize::from(row.is_some_and(|row| row.captures > 1 || row.taken > row.unit_price * row.kept)),
                created_twice: bought.saturating_sub(press.allowed),
                adrift: 0,
            };
            if aloud && !found.is_clean() {
                tell(press, row.copied(), bought);
            }
            found
        })
        .collect())
}

impl Row {
    /// Pictures that are its owner's.
    fn kept_for_good(&self) -> i64 {
        if self.state == "succeeded" { self.kept } else { 0 }
    }
}

/// Whether it has ended, and was paid for as much as was kept.
fn is_as_promised(row: &Row) -> bool {
    let (kept, captures) = (row.kept_for_good(), i64::from(row.state == "succeeded"));
    ["succeeded", "failed"].contains(&row.state.as_str())
        && (kept > 0) == (row.state == "succeeded")
        && row.captured == row.unit_price * kept
        && row.taken == row.captured
        && (row.captures, row.held) == (captures, 0)
}

#[expect(clippy::print_stderr, reason = "a program that reports")]
fn tell(press: &Press, row: Option<&Row>, bought: usize) {
    let row = row.map(|row| (&row.state, row.kept, row.captured, row.taken, row.held));
    eprintln!(
        "{} during {:?}, {bought} bought, state, kept, captured, taken, held: {row:?}: {}",
        press.id, press.during, press.prompt
    );
}

/// The generations with an object that is not there or not what its row says.
async fn broken_objects(house: &House, rows: &mut AnyConnection) -> anyhow::Result<HashMap<String, String>> {
    let outputs: Vec<(String, String, String)> =
        sqlx::query_as("select generation_id, object_key, sha256 from output").fetch_all(rows).await?;
    let objects = house.data().join("objects");
    let is_right = |key: &str, sha256: &str| {
        std::fs::read(objects.join(key)).is_ok_and(|bytes| hex::encode(Sha256::digest(bytes)) == sha256)
    };
    Ok(outputs.into_iter().filter(|(_, key, sha256)| !is_right(key, sha256)).map(|(id, key, _)| (id, key)).collect())
}

/// How many predictions the sandbox sold for each prompt, by its journal; its invoice must know as many.
async fn bought(house: &House) -> anyhow::Result<HashMap<String, usize>> {
    let journal = std::fs::read_to_string(house.sandbox_data().join("sandbox/predictions.jsonl"))?;
    let mut bought: HashMap<String, usize> = HashMap::new();
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line)?;
        if line["event"] == "created" {
            let prompt = line["input"]["prompt"].as_str().context("a prediction without a prompt")?;
            *bought.entry(prompt.to_owned()).or_default() += 1;
        }
    }
    let invoice: Vec<Value> = serde_json::from_slice(
        &house.http.get(format!("{}/sandbox/invoice", house.sandbox_origin())).send().await?.bytes().await?,
    )?;
    let billed = invoice.iter().filter(|line| line["event"] == "created").count();
    ensure!(billed == bought.values().sum::<usize>(), "the sandbox's invoice and its journal disagree");
    Ok(bought)
}

/// How many things do not agree (books, holds, predictions, objects), as an operator would ask.
pub async fn adrift(house: &House) -> anyhow::Result<usize> {
    let output = house.atelier(&house.data()).args(["ledger", "verify"]).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let broken = said.lines().filter(|line| line.starts_with("DRIFT")).count();
    ensure!(output.status.success() || broken > 0, "the books cannot be read: {}", String::from_utf8_lossy(&output.stderr));
    Ok(broken)
}

/// Changes rows behind everybody's back.
pub async fn meddle(house: &House, statement: &'static str, bound: &str) -> anyhow::Result<()> {
    let changed = sqlx::query(statement).bind(bound.to_owned()).execute(&mut connect(house).await?).await?;
    ensure!(changed.rows_affected() == 1, "{statement} changed {} rows", changed.rows_affected());
    Ok(())
}

async fn connect(house: &House) -> anyhow::Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    Ok(AnyConnection::connect(&house.database_url).await?)
}
