//! Two processes for pages and two for work on one PostgreSQL, restarted one by one while people press: nothing is lost,
//! and nobody behind a client that tries again sees an error.

use crate::process::{Served, atelier, started, until};
use crate::support::{Browser, Database, Stream};
use atelier::domain::GenerationId;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Between two presses of one person.
const PACE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rl_25_a_rolling_restart_under_load_loses_nothing_and_shows_nobody_an_error() {
    let Some(database) = Database::postgres().await else { return };
    let dir = TempDir::new().expect("a directory");
    let house = House { dir: dir.path(), database: database.url(&dir), provider: provider(dir.path()).await };
    let mut web = [house.serve("web").await, house.serve("web").await];
    let mut workers = [house.serve("worker").await, house.serve("worker").await];
    let addresses = watch::Sender::new(web.each_ref().map(|served| served.url.clone()));
    let mika = Browser::new(&web[0].url);
    mika.sign_up("mika").await;

    let (stop, refused) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let mut people = JoinSet::new();
    for name in 0..3 {
        people.spawn(press_on(name, mika.clone(), addresses.subscribe(), stop.clone(), Arc::clone(&refused)));
    }
    for at in 0..2 {
        restart(&house, "web", &mut web[at]).await;
        addresses.send_modify(|urls| urls[at].clone_from(&web[at].url));
        restart(&house, "worker", &mut workers[at]).await;
    }
    stop.cancel();
    let mut pressed: Vec<GenerationId> = Vec::new();
    while let Some(ids) = people.join_next().await {
        pressed.extend(ids.expect("no press was lost"));
    }
    eprintln!("{} presses, {} tried again", pressed.len(), refused.load(Ordering::Relaxed));
    assert!(pressed.len() > 30, "there was a load: {}", pressed.len());

    let here = mika.at(&web[0].url);
    let mut stream: Stream = here.events("").await;
    stream.until(|frame| frame.data.get("balance").is_some()).await;
    for id in &pressed {
        until(Duration::from_secs(40), "every generation ends", async || {
            let told = here.told(id).await;
            (told["status"] == "failed").then_some(())
        })
        .await;
    }
    let verified = house.command().args(["ledger", "verify"]).status().await.expect("the command");
    assert!(verified.success(), "the books are right");
    for served in web.iter_mut().chain(&mut workers) {
        served.terminate().await;
        assert_eq!(served.ended().await.0, Some(0));
    }
    database.remove().await;
}

/// Everything that the four processes share.
struct House<'a> {
    dir: &'a Path,
    database: String,
    provider: Served,
}

impl House<'_> {
    fn command(&self) -> tokio::process::Command {
        let mut command = atelier(self.dir);
        command
            .env("DATABASE_URL", &self.database)
            .env("REPLICATE_API_TOKEN", "r8_rolling")
            .env("REPLICATE_BASE_URL", &self.provider.url)
            .env("SIGNUP_CREDITS", "10000")
            .env("MAX_IN_FLIGHT_PER_PERSON", "100");
        command
    }

    async fn serve(&self, role: &str) -> Served {
        started(self.command().args(["serve", "--role", role])).await
    }
}

/// A Replicate that outlives all of them.
async fn provider(dir: &Path) -> Served {
    started(atelier(dir).args(["sandbox", "--port", "0"])).await
}

async fn restart(house: &House<'_>, role: &str, served: &mut Served) {
    let begun = Instant::now();
    served.terminate().await;
    let (code, took) = served.ended().await;
    assert_eq!(code, Some(0), "{role}");
    *served = house.serve(role).await;
    eprintln!("{role}: stopped after {took:?}, back after {:?}", begun.elapsed());
}

/// Presses until told to stop. What is refused, or breaks, is tried again at the other process under the same key.
async fn press_on(
    name: usize,
    mika: Browser,
    addresses: watch::Receiver<[String; 2]>,
    stop: CancellationToken,
    refused: Arc<AtomicUsize>,
) -> Vec<GenerationId> {
    let mut pressed = Vec::new();
    while !stop.is_cancelled() {
        let key = format!("{name}-{}", pressed.len());
        let begun = Instant::now();
        for attempt in 0.. {
            assert!(begun.elapsed() < Duration::from_secs(10), "a press that nobody takes");
            let url = addresses.borrow()[(name + attempt) % 2].clone();
            let request = mika.at(&url).bare(Method::POST, "/api/app/generate").header("idempotency-key", &key);
            match request.json(&json!({"prompt": "#fail"})).send().await {
                Ok(answer) if answer.status() == 200 => {
                    let body: serde_json::Value = answer.json().await.expect("JSON");
                    pressed.push(GenerationId::trusted(body["id"].as_str().expect("an id")));
                    break;
                }
                Ok(answer) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "the only error there may be"),
                Err(_) => {}
            }
            refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PACE).await;
        }
        tokio::time::sleep(PACE).await;
    }
    pressed
}
