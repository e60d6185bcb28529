//! A worker that stands by: what is pressed then is in flight with its own commit, and nobody is passed over for it.

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::clock::Clock;
use atelier::server::db::Alone;
use atelier::server::generation::lease::SUBMIT_LEASE_MS;
use atelier::server::generation::{Handed, limits};
use futures::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

both_databases! {
    async fn a_press_that_finds_a_worker_standing_by_is_in_flight_with_its_own_commit(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (id, handed) = press(&app, &mika, "a lighthouse", 2).await;
        let job = &handed.expect("what was let in").admitted.jobs[0];
        assert_eq!((&job.id, job.state, job.lease_owner.as_deref()), (&id, State::Submitting, Some("standing by")));
        let intents = "select count(*) from submission where worker = 'standing by' and outcome is null";
        assert_eq!((app.count(intents).await, app.bought()), (1, 0), "the intent is there before the paid call");
        let way = "select count(*) from generation_event where (from_state is null and to_state = 'queued')
                   or (from_state = 'queued' and to_state = 'submitting')";
        assert_eq!(app.count(way).await, 2, "and its timeline says both");
        app.settle_all().await;
        app.finish().await;
    }

    async fn the_lease_of_a_press_begins_when_it_is_written_however_long_it_waited_for_that(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let later = Clock::manual(app.clock.now().plus_ms(20_000));
        let (_, handed) = press_at(&app, &mika, "#fail", 2, &later).await;
        let job = &handed.expect("what was let in").admitted.jobs[0];
        assert_eq!(job.lease_until.since(later.now()), SUBMIT_LEASE_MS);
        app.settle_all().await;
        app.finish().await;
    }

    async fn whoever_waits_is_not_passed_over_for_a_press(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let early = mika.trigger("#fail").await;
        let (late, handed) = press(&app, &noor, "#fail", 2).await;
        assert!(handed.expect("its slots back").admitted.jobs.is_empty());
        assert_eq!((app.state(&early).await, app.state(&late).await), (State::Queued, State::Queued));
        app.settle_all().await;
        app.finish().await;
    }

    async fn no_more_go_with_their_press_than_there_are_slots_and_room(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let worker = Arc::<str>::from("standing by");
        let handed = app.process.app.desk.standby().stand_by(&worker, 2, &app.clock);
        let pressed = mika.press("/generate", &[("request_key", "k"), ("prompt", "#fail {red|green|blue} boat")]).await;
        assert_eq!(pressed.status, 201, "{}", pressed.text());
        assert_eq!(handed.await.expect("two").admitted.jobs.len(), 2);
        assert_eq!(app.count("select count(*) from generation where state = 'queued'").await, 1);
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_pause_and_a_full_house_keep_a_press_in_the_queue(app: TestApp) {
        let mika = app.sign_up("mika").await;
        limits::pause(app.db(), "global", "in a test").await.expect("the database");
        let (paused, handed) = press(&app, &mika, "#fail", 2).await;
        assert!(handed.expect("its slots back").admitted.jobs.is_empty());
        assert_eq!(app.state(&paused).await, State::Queued);
        limits::resume(app.db(), "global").await.expect("the database");
        app.settle_all().await;
        app.allow(1, 1, 1_000_000).await;
        for let_in in [1, 0] {
            let (_, handed) = press(&app, &mika, "#fail", 2).await;
            assert_eq!(handed.expect("an answer").admitted.jobs.len(), let_in);
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_press_beside_another_admission_only_waits_its_turn(app: TestApp) {
        let mika = app.sign_up("mika").await;
        // SQLite has one writer: there, nothing can be beside.
        let beside = if app.db().is_shared() { app.db().begin_alone(Alone::Admission).await.expect("the database") } else { None };
        let (id, handed) = press(&app, &mika, "#fail", 2).await;
        assert_eq!(handed.expect("its slots back").admitted.jobs.is_empty(), beside.is_some());
        assert_eq!(app.state(&id).await == State::Queued, beside.is_some());
        drop(beside);
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_refused_press_gives_the_slots_back_and_writes_nothing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let worker = Arc::<str>::from("standing by");
        let handed = app.process.app.desk.standby().stand_by(&worker, 2, &app.clock);
        app.meddle("update account set posted = 0 where owner_id is not null").await.expect("an empty purse");
        assert_eq!(mika.post_json("/api/app/generate", &json!({"prompt": "#fail"})).await.status, 403);
        assert!(handed.await.is_err(), "nothing was let in");
        assert_eq!(app.count("select count(*) from submission").await, 0);
        app.meddle("update account set posted = 20 where owner_id is not null").await.expect("as it was");
        app.finish().await;
    }

    async fn rl_07_what_a_press_let_in_for_a_worker_that_died_is_looked_for_and_bought_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (id, handed) = press(&app, &mika, "a lighthouse", 2).await;
        drop(handed);
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn a_worker_at_work_takes_on_what_presses_let_in_for_it(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let stop = CancellationToken::new();
        let (worker, told) = (app.worker.clone(), stop.clone());
        let working = tokio::spawn(async move { worker.run(told).await });
        let mut ids = Vec::new();
        for at in 0..3 {
            ids.push(mika.trigger(&format!("#fail {at}")).await);
        }
        let over = timeout(Duration::from_secs(20), join_all(ids.iter().map(|id| ended(&app, id)))).await;
        assert!(over.is_ok(), "they are {:?}", app.states().await);
        stop.cancel();
        working.await.expect("a worker that stops");
        assert_eq!(app.bought(), 3);
        app.finish().await;
    }
}

/// Presses while a worker stands by with so many slots: what was made, and what the worker was handed.
async fn press(app: &TestApp, browser: &Browser, prompt: &str, slots: i64) -> (GenerationId, Option<Handed>) {
    press_at(app, browser, prompt, slots, &app.clock).await
}

async fn press_at(app: &TestApp, browser: &Browser, prompt: &str, slots: i64, clock: &Clock) -> (GenerationId, Option<Handed>) {
    let handed = app.process.app.desk.standby().stand_by(&Arc::from("standing by"), slots, clock);
    let id = browser.trigger(prompt).await;
    (id, timeout(Duration::from_secs(10), handed).await.expect("an end of it").ok())
}

async fn ended(app: &TestApp, id: &GenerationId) {
    let mut news = app.db().news();
    while !app.state(id).await.is_terminal() {
        let _ = timeout(Duration::from_millis(100), news.recv()).await;
        app.clock.advance_ms(100);
    }
}
