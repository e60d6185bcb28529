//! The real binary, from start to kill: what only a process of its own can show.

use crate::support::{Browser, Stream};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Between two looks at something that another process does.
const LOOK: Duration = Duration::from_millis(50);

/// A running `atelier serve`; killed when it is dropped.
pub struct Served {
    pub child: Child,
    pub url: String,
    ready_after: Duration,
}

impl Served {
    /// Asks it to stop, as a supervisor does.
    pub async fn terminate(&self) {
        let pid = self.child.id().expect("a process").to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill").success());
    }

    /// Its exit code, and how long it took to come to that.
    pub async fn ended(&mut self) -> (Option<i32>, Duration) {
        let told = Instant::now();
        let ended = timeout(Duration::from_secs(15), self.child.wait()).await.expect("an end in time").expect("its status");
        (ended.code(), told.elapsed())
    }
}

/// The binary, in a directory of its own and with no other environment.
pub fn atelier(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    command.env_clear().current_dir(dir).env("DATA_DIR", dir).env("ATELIER_ADDR", "127.0.0.1:0").kill_on_drop(true);
    command
}

async fn serve(dir: &Path) -> Served {
    started(atelier(dir).arg("serve")).await
}

/// Starts a command that serves, and waits until it says that it does.
pub async fn started(command: &mut Command) -> Served {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let url = timeout(Duration::from_mins(1), async {
        loop {
            let line = lines.next_line().await.expect("a line").expect("the line that says it is ready");
            if let Some((_, url)) = line.split_once(" is ready at ") {
                return url.split(' ').next().unwrap_or_default().to_owned();
            }
        }
    });
    let url = url.await.expect("ready in time");
    Served { child, url, ready_after: begun.elapsed() }
}

/// Looks until `look` finds something.
pub async fn until<T>(longest: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = timeout(longest, async {
        loop {
            match look().await {
                Some(found) => return found,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("not within {longest:?}: {what}"))
}

async fn states(dir: &Path) -> Vec<String> {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=ro", dir.join("atelier.db").display());
    let mut rows = AnyConnection::connect(&url).await.expect("the database");
    let states: Vec<(String,)> = sqlx::query_as("select state from generation").fetch_all(&mut rows).await.expect("the rows");
    states.into_iter().map(|(state,)| state).collect()
}

/// Who holds what, and how often it was lost.
async fn rows(dir: &Path) -> Vec<(String, Option<String>, i64)> {
    let url = format!("sqlite://{}?mode=ro", dir.join("atelier.db").display());
    let mut rows = AnyConnection::connect(&url).await.expect("the database");
    sqlx::query_as("select id, lease_owner, lost_leases from generation").fetch_all(&mut rows).await.expect("the rows")
}

/// How many predictions the sandbox sold, by prompt.
fn sold(dir: &Path) -> BTreeMap<String, usize> {
    let journal = std::fs::read_to_string(dir.join("sandbox/predictions.jsonl")).expect("the sandbox's journal");
    let mut sold = BTreeMap::new();
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        if line["event"] == "created" {
            *sold.entry(line["input"]["prompt"].as_str().expect("a prompt").to_owned()).or_default() += 1;
        }
    }
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rl_06_five_under_way_survive_kill_9_and_each_was_bought_once() {
    let dir = TempDir::new().expect("a directory");
    let mut first = serve(dir.path()).await;
    let mika = Browser::new(&first.url);
    mika.sign_up("mika").await;
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(mika.trigger(&format!("lantern {at} #slow")).await);
    }
    until(Duration::from_secs(30), "all five are at Replicate", async || {
        states(dir.path()).await.iter().all(|state| state == "waiting").then_some(())
    })
    .await;
    first.child.start_kill().expect("kill -9");
    first.child.wait().await.expect("its end");

    let second = serve(dir.path()).await;
    let mika = mika.at(&second.url);
    until(Duration::from_mins(1), "all five end", async || {
        let ended = |state: &String| ["succeeded", "failed", "canceled"].contains(&state.as_str());
        states(dir.path()).await.iter().all(ended).then_some(())
    })
    .await;
    for id in &ids {
        assert_eq!(mika.told(id).await["status"], "completed");
    }
    assert_eq!(sold(dir.path()), (0..5).map(|at| (format!("lantern {at} #slow"), 1)).collect());
    let verified = atelier(dir.path()).args(["ledger", "verify"]).status().await.expect("the command");
    assert!(verified.success(), "the books are right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_with_an_open_stream_ends_well_within_fifteen_seconds() {
    let dir = TempDir::new().expect("a directory");
    let mut served = serve(dir.path()).await;
    println!("ready after {:?}", served.ready_after);
    assert!(served.ready_after < Duration::from_secs(20), "{:?}", served.ready_after);
    let mika = Browser::new(&served.url);
    mika.sign_up("mika").await;
    // What the hash of a password took is given back some seconds later.
    let pid = served.child.id().expect("a process");
    let idle = until(Duration::from_secs(30), "at most 120 MiB are resident when idle", async || {
        Some(resident_mib(pid)).filter(|resident| *resident <= 120)
    });
    println!("{} MiB resident when idle", idle.await);
    let mut stream: Stream = mika.events("").await;
    stream.until(|frame| frame.data.get("balance").is_some()).await;

    served.terminate().await;
    stream.end().await;
    let (code, took) = served.ended().await;
    println!("stopped after {took:?}");
    assert_eq!(code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rl_25_sigterm_with_streams_half_sent_requests_and_work_under_way_lets_everybody_know_and_ends_in_time() {
    let dir = TempDir::new().expect("a directory");
    let mut served = serve(dir.path()).await;
    let addr = served.url.trim_start_matches("http://").to_owned();
    let mika = Browser::new(&served.url);
    mika.sign_up("mika").await;
    let under_way = mika.trigger("a lantern #slow").await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(mika.bare(Method::GET, "/events").send().await.expect("a stream"));
    }
    let mut half_sent = Vec::new();
    for _ in 0..200 {
        let mut socket = TcpStream::connect(&addr).await.expect("a connection");
        socket.write_all(b"POST /api/app/generate HTTP/1.1\r\nhost: a\r\ncontent-le").await.expect("half a head");
        half_sent.push(socket);
    }
    let mut uploading = TcpStream::connect(&addr).await.expect("a connection");
    let head = b"POST /preferences HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\n\r\nlang";
    uploading.write_all(head).await.expect("half a body");
    until(Duration::from_secs(20), "work is under way", async || (states(dir.path()).await == ["waiting"]).then_some(())).await;

    served.terminate().await;
    let told = Instant::now();
    until(Duration::from_secs(1), "it says that it is not ready", async || {
        (mika.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    let mut come_back = BTreeSet::new();
    for stream in streams {
        let all = stream.text().await.expect("an orderly end");
        let last =
            all.trim_end().rsplit("\n\n").next().and_then(|frame| frame.strip_prefix("retry: ")).expect("when to come back");
        come_back.insert(last.parse::<u64>().expect("milliseconds"));
    }
    let streams_ended = told.elapsed();
    assert!(streams_ended < Duration::from_secs(2), "{streams_ended:?}");
    assert!(come_back.len() > 5 && come_back.iter().all(|ms| (2_000..6_000).contains(ms)), "not all at once: {come_back:?}");
    // What was being sent is waited for: the rest of the body still gets its answer.
    uploading.write_all(b"uage=").await.expect("the rest of the body");
    let mut answer = vec![0; 12];
    uploading.read_exact(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
    let (code, _) = served.ended().await;
    println!("streams ended after {streams_ended:?}, everything after {:?}", told.elapsed());
    assert_eq!(code, Some(0));
    assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
    let verified = atelier(dir.path()).args(["ledger", "verify"]).status().await.expect("the command");
    assert!(verified.success(), "the books are right");
    // The step that was cut off was handed back: nobody holds it, and it was not counted as a loss.
    let rows = rows(dir.path()).await;
    assert_eq!(rows, [(under_way.to_string(), None, 0)], "id, lease owner, lost leases");
}

#[tokio::test]
async fn a_bad_variable_stops_the_start_with_its_name_and_the_fix() {
    let dir = TempDir::new().expect("a directory");
    for (variable, value, fix) in [
        ("ATELIER_ADDR", "3000", "127.0.0.1:3000"),
        ("MAX_IN_FLIGHT", "many", "whole number"),
        ("DATABASE_URL", "mysql://x", "postgres://"),
    ] {
        let output = atelier(dir.path()).arg("serve").env(variable, value).output().await.expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(variable) && said.contains(fix), "{variable}: {said}");
    }
}

/// What a process keeps in memory, as Linux counts it. Every connection maps the database; its pages are there once.
fn resident_mib(pid: u32) -> u64 {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).expect("Linux");
    let (mut sum, mut database, mut is_database) = (0, 0, false);
    for line in maps.lines() {
        if let Some(kilobytes) = line.strip_prefix("Rss:") {
            let kilobytes: u64 = kilobytes.trim().trim_end_matches(" kB").parse().expect("a number");
            if is_database {
                database = kilobytes.max(database);
            } else {
                sum += kilobytes;
            }
        } else if line.split_whitespace().next().is_some_and(|first| first.contains('-')) {
            is_database = line.ends_with("/atelier.db");
        }
    }
    (sum + database) / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rl_29_at_many_times_the_load_it_can_carry_it_turns_away_early_and_its_memory_stays_flat() {
    let dir = TempDir::new().expect("a directory");
    let served = started(atelier(dir.path()).arg("serve").env("SIGNUP_CREDITS", "1000000")).await;
    let pid = served.child.id().expect("a process");
    let mika = Browser::new(&served.url);
    mika.sign_up("mika").await;
    let stop = CancellationToken::new();
    let mut clients = JoinSet::new();
    for client in 0..400 {
        clients.spawn(overload(mika.clone(), client, stop.clone()));
    }
    // The first seconds fill every pool and queue; from then on nothing may grow.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let full = resident_mib(pid);
    tokio::time::sleep(Duration::from_secs(12)).await;
    let later = resident_mib(pid);
    stop.cancel();
    let (mut statuses, mut slowest) = (BTreeMap::new(), Duration::ZERO);
    while let Some(answered) = clients.join_next().await {
        let (answered, longest) = answered.expect("every request was answered");
        slowest = slowest.max(longest);
        for (status, count) in answered {
            *statuses.entry(status).or_insert(0) += count;
        }
    }
    println!("{full} MiB, twelve seconds later {later} MiB; slowest {slowest:?}; answers: {statuses:?}");
    assert!(statuses.keys().all(|status| [200, 429, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains_key(&503) && statuses.contains_key(&200), "{statuses:?}");
    assert!(later <= full + full / 10, "{full} MiB grew to {later} MiB");
    assert_eq!(mika.get("/create").await.status, 200, "and afterwards it is there for everybody");
}

/// Presses and looks without ever waiting; how often it was answered with what, and the longest time that took.
async fn overload(mika: Browser, client: usize, stop: CancellationToken) -> (BTreeMap<u16, usize>, Duration) {
    let (mut statuses, mut slowest) = (BTreeMap::new(), Duration::ZERO);
    while !stop.is_cancelled() {
        let asked = Instant::now();
        let answer = match client % 3 {
            0 => mika.get("/create").await,
            _ => mika.post_json("/api/app/generate", &json!({"prompt": "#stall"})).await,
        };
        slowest = slowest.max(asked.elapsed());
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
    }
    (statuses, slowest)
}
