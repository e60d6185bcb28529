//! The database is away: refused, silent, or its connections gone from one moment to the next. People are told, nothing
//! is half done, and when it is back everything is, at once. On SQLite there is nothing that could be away.

use crate::support::{Answer, Browser, Engine, Process, Stream, TestApp, Wire, both_databases};
use atelier::domain::State;
use atelier::server::generation::Recorder;
use atelier::server::worker::{Tools, Worker};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How soon everything works again.
const RECOVERY: Duration = Duration::from_secs(5);
/// Between two looks at something that goes on by itself.
const LOOK: Duration = Duration::from_millis(50);

/// Everything that asks the database, and how it is asked.
const ASKED: &[(Method, &str, &str)] = &[
    (Method::GET, "/create", "text/html"),
    (Method::GET, "/gallery", "text/html"),
    (Method::GET, "/credits", "text/html"),
    (Method::GET, "/g/0193b1e4-7c1f-7000-8000-000000000001", "text/html"),
    (Method::POST, "/generate", "text/html"),
    (Method::POST, "/generate", "application/json"),
    (Method::POST, "/api/app/generate", "application/json"),
    (Method::GET, "/api/app/generations/0193b1e4-7c1f-7000-8000-000000000001", "application/json"),
    (Method::GET, "/events", "text/event-stream"),
    (Method::GET, "/files/0193b1e4-7c1f-7000-8000-000000000001/0.webp", "image/*"),
    (Method::POST, "/sign-in", "text/html"),
    (Method::POST, "/sign-up", "text/html"),
];

both_databases! {
    async fn rl_22_while_the_database_refuses_everybody_is_told_and_then_all_is_as_before(app: TestApp) {
        if let Some((there, wire)) = app.beside_wired().await {
            let mika = app.sign_up("mika").await;
            let mut stream = watching(&there, &mika).await;
            wire.set(Wire::Refusing);
            assert_all_say_so(&there, &mika).await;
            wire.set(Wire::Whole);
            assert_recovers(&app, &there, &mika, &mut stream).await;
        }
        app.finish().await;
    }

    async fn rl_22_while_the_database_is_silent_for_thirty_seconds_everybody_is_told_and_then_all_is_as_before(app: TestApp) {
        if let Some((there, wire)) = app.beside_wired().await {
            let mika = app.sign_up("mika").await;
            let mut stream = watching(&there, &mika).await;
            let begun = Instant::now();
            wire.set(Wire::Silent);
            assert_all_say_so(&there, &mika).await;
            tokio::time::sleep_until((begun + Duration::from_secs(30)).into()).await;
            assert_eq!(there.welcome(&mika).get("/create").await.status, 503);
            wire.set(Wire::Whole);
            assert_recovers(&app, &there, &mika, &mut stream).await;
        }
        app.finish().await;
    }

    async fn rl_22_connections_that_are_terminated_cost_no_press_and_no_page(app: TestApp) {
        if app.engine() == Engine::Postgres {
            let mika = app.sign_up("mika").await;
            for round in 0..5 {
                app.meddle("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
                    .await
                    .expect("the server");
                let wish = json!({"prompt": format!("#fail {round}")});
                assert_eq!(mika.post_json("/api/app/generate", &wish).await.status, 200);
                assert_eq!(mika.get("/create").await.status, 200);
            }
            assert_eq!(app.count("select count(*) from generation").await, 5);
            app.settle_all().await;
        }
        app.finish().await;
    }

    async fn rl_22_an_answer_of_the_database_that_breaks_off_is_never_a_press_that_counts_twice(app: TestApp) {
        if let Some((there, wire)) = app.beside_wired().await {
            let mika = app.sign_up("mika").await;
            let hers = there.welcome(&mika);
            let (mut keys, taken) = (0, wire.taken());
            // Before the greeting, in the middle of signing in to the database, and ever deeper into the work itself.
            for bytes in [0, 1, 100, 600, 1_500, 3_000, 6_000] {
                for fault in [Wire::CutAfter(bytes), Wire::ResetAfter(bytes)] {
                    let key = format!("press {keys}").replace(' ', "-");
                    keys += 1;
                    wire.set(fault);
                    let pressed = press(&hers, &key).await;
                    assert!([200, 503].contains(&pressed), "{fault:?}: {pressed}");
                    wire.set(Wire::Whole);
                    until("the press is taken", || async { press(&hers, &key).await == 200 }).await;
                }
            }
            assert!(wire.taken() > taken, "connections were lost and made again");
            assert_eq!(app.count("select count(*) from generation").await, keys);
            app.settle_all().await;
        }
        app.finish().await;
    }

    async fn rl_22_a_worker_that_loses_the_database_in_the_middle_loses_nothing_else(app: TestApp) {
        if let Some((there, wire)) = app.beside_wired().await {
            let mika = app.sign_up("mika").await;
            let worker = Worker::new(Tools { recorder: Recorder::new(there.app.db.clone()), db: there.app.db.clone(), ..app.tools.clone() });
            let stop = CancellationToken::new();
            let working = tokio::spawn({
                let stop = stop.clone();
                async move { worker.run(stop).await }
            });
            for (at, fault) in [Wire::Refusing, Wire::Silent].into_iter().enumerate() {
                for picture in 0..3 {
                    mika.trigger(&format!("lantern {at} {picture}")).await;
                }
                moving_on(&app, || async { app.states().await.contains(&State::Waiting) }).await;
                wire.set(fault);
                until("the process knows", || async { !there.app.db.is_here() }).await;
                wire.set(Wire::Whole);
                moving_on(&app, || async { app.states().await.iter().all(|state| state.is_terminal()) }).await;
            }
            assert!(app.states().await.iter().all(|state| *state == State::Succeeded), "{:?}", app.states().await);
            assert_eq!(app.bought(), 6);
            stop.cancel();
            working.await.expect("no panic");
            // Of an end whose confirmation was lost on the wire the worker does not know; the hourly chore looks.
            app.worker.clear_spool().await.expect("the spool");
        }
        app.finish().await;
    }
}

/// A stream of hers at that process, up to date.
async fn watching(there: &Process, mika: &Browser) -> Stream {
    let mut stream = there.welcome(mika).events("").await;
    stream.until(|frame| frame.data.get("balance").is_some()).await;
    stream
}

/// From the first moment of the outage: whatever is asked is answered with a 503 and when to ask again.
async fn assert_all_say_so(there: &Process, mika: &Browser) {
    let mut slowest = Duration::ZERO;
    for (method, path, accept) in ASKED {
        for (lang, title) in [("en", "Back in a moment"), ("ja", "まもなく戻ります")] {
            let begun = Instant::now();
            let answer = ask(there, mika, method, path, accept, lang).await;
            slowest = slowest.max(begun.elapsed());
            let asked = format!("{method} {path} for {accept} in {lang}");
            assert_eq!(answer.status, 503, "{asked}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), "5", "{asked}");
            let said = answer.text();
            assert!(said.contains(title), "{asked}: {said}");
            assert!(!said.contains("sqlx") && !said.to_lowercase().contains("pool"), "{asked}: {said}");
        }
    }
    eprintln!("the slowest answer of the outage took {slowest:?}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let nobody = there.visitor();
    assert_eq!(nobody.get("/readyz").await.status, 503);
    assert_eq!(nobody.post("/sign-in", &[("email", "a@b.co"), ("password", "a lantern")]).await.status, 503);
    assert_eq!(nobody.get("/livez").await.status, 200);
    assert_eq!(nobody.get("/").await.status, 200, "what needs no database is there");
}

async fn ask(there: &Process, mika: &Browser, method: &Method, path: &str, accept: &str, lang: &str) -> Answer {
    let hers = there.welcome(mika);
    let asked = hers.bare(method.clone(), path).header("accept", accept).header("accept-language", lang);
    let asked = match *method {
        Method::POST if path.starts_with("/api/") => asked.json(&json!({"prompt": "a lighthouse"})),
        Method::POST => asked
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("request_key=in-the-outage&prompt=a&email=noor@example.com&password=a+lantern+above+seven+hills"),
        _ => asked,
    };
    hers.send(asked).await
}

/// Pages, what happened meanwhile, and what happens from now on.
async fn assert_recovers(app: &TestApp, there: &Process, mika: &Browser, stream: &mut Stream) {
    let back = Instant::now();
    assert_eq!(app.count("select count(*) from generation").await, 0, "nothing of the outage was half done");
    // Somewhere else, where the database was all the time; this process was told of it by nobody.
    let meanwhile = mika.trigger("#fail meanwhile").await;
    let hers = there.welcome(mika);
    until("her page is back", || async { hers.get("/create").await.status == 200 }).await;
    eprintln!("a page came back after {:?}", back.elapsed());
    stream.until(|frame| frame.generation().is_some_and(|(id, _)| id == meanwhile.as_str())).await;
    eprintln!("the stream caught up after {:?}", back.elapsed());
    let listening = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN %'";
    until("both processes listen", || async { app.count(listening).await == 2 }).await;
    assert!(back.elapsed() < RECOVERY, "{:?}", back.elapsed());
    assert_eq!(there.visitor().get("/readyz").await.status, 200);
    let pressed = hers.post_json("/api/app/generate", &json!({"prompt": "#fail afterwards"})).await;
    assert_eq!(pressed.status, 200, "{}", pressed.text());
    app.settle_all().await;
}

/// Presses under this key; the status.
async fn press(hers: &Browser, key: &str) -> u16 {
    let request = hers.bare(Method::POST, "/api/app/generate").header("idempotency-key", key);
    hers.send(request.json(&json!({"prompt": "#fail"}))).await.status.as_u16()
}

async fn until<F: Future<Output = bool>>(what: &str, is_it: impl Fn() -> F) {
    let begun = Instant::now();
    while !is_it().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "not in time: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets the time go on until it is so, for a worker that runs by itself.
async fn moving_on<F: Future<Output = bool>>(app: &TestApp, is_it: impl Fn() -> F) {
    until("the worker", || async {
        app.clock.advance_ms(200);
        is_it().await
    })
    .await;
}
