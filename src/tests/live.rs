//! Live pages: what changes arrives, what was missed is caught up, and nobody hears of anybody else's.

use crate::support::{Browser, Engine, TestApp, both_databases};
use atelier::domain::State;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

both_databases! {
    async fn a_stream_begins_with_what_its_page_does_not_know(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let rendered = app.clock.now().0;
        app.clock.advance_ms(60_000);
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        app.clock.advance_ms(60_000);
        let mut caught_up = mika.events(&format!("?since={rendered}")).await;
        assert_eq!(caught_up.response.headers()["content-type"], "text/event-stream");
        let frame = caught_up.until(|frame| frame.generation().is_some()).await;
        assert_eq!(frame.generation().map(|(told, _)| told.to_owned()), Some(id.to_string()));
        assert_eq!(frame.phase().as_deref(), Some("succeeded"));
        // What was rendered a moment ago knows all of it: only the balance comes.
        let mut fresh = mika.events(&format!("?since={}", app.clock.now().0)).await;
        assert!(fresh.next().await.expect("a frame").data.get("balance").is_some());
        app.finish().await;
    }

    async fn whoever_cannot_hear_the_stream_is_told_once_what_it_would_have_said(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let rendered = app.clock.now().0;
        app.clock.advance_ms(60_000);
        let id = mika.trigger("a lighthouse").await;
        let told = mika.get(&format!("/events?since={rendered}&once")).await;
        assert_eq!(told.status, 200, "{}", told.text());
        assert_eq!(told.header("content-type"), "text/event-stream");
        assert!(told.text().starts_with("id: ") && told.text().contains(id.as_str()), "{}", told.text());
        let mut stream = mika.bare(Method::GET, "/events").timeout(Duration::from_secs(20)).send().await.expect("an answer");
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("\n\nevent: here\n") {
            heard.extend(stream.chunk().await.expect("a piece").expect("a stream that speaks at once"));
        }
        app.finish().await;
    }

    async fn the_id_of_the_last_event_counts_for_more_than_the_pages_own(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let rendered = app.clock.now().0;
        mika.trigger("a lighthouse").await;
        app.settle_all().await;
        app.clock.advance_ms(60_000);
        let seen = mika.events("").await.next().await.expect("a frame").id;
        assert_eq!(seen, app.clock.now().0.to_string(), "an event's id is the moment to come back with");
        let mut back = mika.events_from(&format!("?since={rendered}"), Some(&seen)).await;
        assert!(back.next().await.expect("a frame").data.get("balance").is_some(), "nothing of what it saw comes again");
        app.finish().await;
    }

    async fn every_change_arrives_with_a_version_above_the_last_and_only_at_its_owner(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (mut hers, mut his) = (mika.events("").await, noor.events("").await);
        let id = mika.trigger("a lighthouse").await;
        let queued = hers.until(|frame| frame.generation().is_some()).await;
        assert_eq!(queued.phase().as_deref(), Some("queued"));
        app.settle_all().await;
        let mut version = queued.generation().expect("a generation").1;
        loop {
            let frame = hers.until(|frame| frame.generation().is_some()).await;
            let (told, next) = frame.generation().expect("a generation");
            assert!(told == id.as_str() && next > version, "{next} after {version}");
            version = next;
            if frame.phase().as_deref() == Some("succeeded") {
                break;
            }
        }
        // His own change is the first and only thing he hears of.
        let own = noor.trigger("a windmill").await;
        let heard = his.until(|frame| frame.generation().is_some()).await;
        assert_eq!(heard.generation().map(|(told, _)| told.to_owned()), Some(own.to_string()));
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_change_made_by_one_process_reaches_a_page_at_another_within_two_seconds(app: TestApp) {
        if app.engine() == Engine::Postgres {
            let other = app.beside().await;
            let here = app.sign_up("mika").await;
            let mut there = other.welcome(&here).events("").await;
            there.until(|frame| frame.data.get("balance").is_some()).await;
            let pressed = Instant::now();
            let id = here.trigger("a lighthouse").await;
            let frame = there.until(|frame| frame.generation().is_some()).await;
            assert_eq!(frame.generation().map(|(told, _)| told.to_owned()), Some(id.to_string()));
            assert!(pressed.elapsed() < Duration::from_secs(2), "{:?}", pressed.elapsed());
            app.until(&id, State::Succeeded).await;
            there.until(|frame| frame.phase().as_deref() == Some("succeeded")).await;
        }
        app.finish().await;
    }

    async fn every_mark_is_told_by_a_number_that_rises_to_its_person_alone(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let mut hers = mika.events("").await;
        let favourite = [("act", "favourite"), ("id", id.as_str())];
        assert_eq!(mika.post("/gallery/marks", &favourite).await.status, 303);
        hers.until(|frame| frame.data == 1).await;
        // What was so already is no news; a collection is.
        assert_eq!(mika.post("/gallery/marks", &favourite).await.status, 303);
        assert_eq!(mika.post("/gallery/collections", &[("act", "make"), ("name", "sea")]).await.status, 303);
        hers.until(|frame| frame.data == 2).await;
        assert!(mika.get("/gallery").await.text().contains("data-marks=\"2\""));
        // A page that was away is told when it comes back; others are told nothing.
        let told = |text: String| text.contains("event: marks\ndata: 2\n");
        assert!(told(mika.get("/events?once").await.text()));
        assert!(!noor.get("/events?once").await.text().contains("event: marks"));
        app.finish().await;
    }

    async fn se_10_streams_end_when_their_person_signs_out(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut stream = mika.events("").await;
        stream.until(|frame| frame.data.get("balance").is_some()).await;
        assert_eq!(mika.post("/sign-out", &[]).await.status, 303);
        stream.end().await;
        app.finish().await;
    }

    async fn streams_end_when_the_process_is_to_stop(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut stream = mika.events("").await;
        stream.until(|frame| frame.data.get("balance").is_some()).await;
        app.process.app.stop.cancel();
        stream.end().await;
        app.finish().await;
    }

    async fn the_eleventh_stream_of_one_person_is_turned_away(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let mut open = Vec::new();
        for _ in 0..10 {
            open.push(mika.events("").await);
        }
        assert!(open.iter().all(|stream| stream.response.status() == 200));
        let eleventh = mika.events("").await;
        assert_eq!(eleventh.response.status(), 429);
        assert!(eleventh.response.headers().contains_key("retry-after"));
        assert_eq!(noor.events("").await.response.status(), 200, "others have their own ten");
        app.finish().await;
    }

    async fn rl_28_whoever_was_away_for_any_while_comes_back_to_exactly_what_is_true(app: TestApp) {
        for seed in [1_u64, 2, 3] {
            eprintln!("seed {seed}");
            let mut dice = StdRng::seed_from_u64(seed);
            let mika = app.sign_up(&format!("mika{seed}")).await;
            app.grant(&app.person(&mika).await, 200).await;
            let mut page = Page::rendered(&app);
            for _ in 0..12 {
                let away = Page::read(&mika, &mut page).await;
                assert_eq!(page.shown, truth(&app, &mika).await, "seed {seed}: after {away:?}");
                for _ in 0..dice.random_range(0..5) {
                    happen(&app, &mika, &mut dice).await;
                    // From a moment to ten minutes, the short ones as likely as the long.
                    app.clock.advance_ms(150 << dice.random_range(0..13));
                }
            }
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_27_a_thousand_pages_that_come_back_at_once_are_all_served_and_nobody_else_is_kept_waiting(app: TestApp) {
        let mut people = Vec::new();
        for ten in 0..10 {
            let names: Vec<_> = (0..10).map(|one| format!("person{ten}{one}")).collect();
            people.extend(join_all(names.iter().map(|name| app.sign_up(name))).await);
        }
        let other = app.sign_up("mika").await;
        let (begun, later) = (Instant::now(), AtomicUsize::new(0));
        let herd = join_all((0..1_000).map(|at| {
            let (person, later) = (&people[at % people.len()], &later);
            async move {
                // A page that is told to come back later does, as `stream.js` has it.
                let mut stream = loop {
                    let answer = person.bare(Method::GET, "/events").send().await.expect("an answer");
                    match answer.status().as_u16() {
                        200 => break answer,
                        503 => {
                            later.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(500)).await;
                        }
                        other => panic!("{other}"),
                    }
                };
                let mut heard = String::new();
                while !heard.contains("\"balance\"") {
                    let chunk = stream.chunk().await.expect("a stream").expect("that goes on");
                    heard.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
                }
                let (first, _) = heard.split_once("\n\n").expect("a frame");
                (stream, first.strip_prefix("retry: ").and_then(|ms| ms.parse::<u64>().ok()).expect("when to come back"))
            }
        }));
        let others = async {
            let mut waits = Vec::new();
            for _ in 0..40 {
                let asked = Instant::now();
                assert_eq!(other.get("/create").await.status, 200);
                waits.push(asked.elapsed());
            }
            waits.sort_unstable();
            waits
        };
        let ((streams, retries), waits): ((Vec<_>, BTreeSet<_>), _) = {
            let (herd, waits) = tokio::join!(herd, others);
            (herd.into_iter().unzip(), waits)
        };
        eprintln!("{} were told to come back", later.load(Ordering::Relaxed));
        eprintln!("{:?}: {} streams after {:?}; another's page p50 {:?}, worst {:?}", app.engine(), streams.len(), begun.elapsed(), waits[20], waits[39]);
        assert!(retries.len() > 500, "they come back at {} different moments", retries.len());
        assert!(retries.iter().all(|ms| (1_000..3_000).contains(ms)));
        drop(streams);
        app.finish().await;
    }
}

/// What a page shows, by the rules of `store.rs`: a state counts if its version is above the one that is shown.
struct Page {
    shown: BTreeMap<String, i64>,
    since: String,
}

impl Page {
    fn rendered(app: &TestApp) -> Self {
        Self { shown: BTreeMap::new(), since: app.clock.now().0.to_string() }
    }

    /// Comes back, hears everything that is told on coming back, and goes away again. Since when it was away.
    async fn read(browser: &Browser, page: &mut Self) -> String {
        let away = page.since.clone();
        let mut stream = browser.events_from("", Some(&away)).await;
        loop {
            let frame = stream.next().await.expect("a stream that goes on");
            page.since.clone_from(&frame.id);
            if let Some((id, version)) = frame.generation() {
                let shown = page.shown.entry(id.to_owned()).or_default();
                *shown = version.max(*shown);
            } else {
                return away;
            }
        }
    }
}

/// Every generation of hers, and its version.
async fn truth(app: &TestApp, browser: &Browser) -> BTreeMap<String, i64> {
    let owner = app.person(browser).await;
    let rows = sqlx::query_as("select id, version from generation where owner_id = $1").bind(owner.as_str());
    let rows: Vec<(String, i64)> = rows.fetch_all(app.db().pool()).await.expect("the rows");
    rows.into_iter().collect()
}

/// Something that changes what her page should show.
async fn happen(app: &TestApp, browser: &Browser, dice: &mut StdRng) {
    match dice.random_range(0..4) {
        0 | 1 => drop(browser.trigger("#fail").await),
        2 => drop(app.worker.turn().await.expect("a turn")),
        _ => {
            let owner = app.person(browser).await;
            let queued = "select id from generation where owner_id = $1 and state = 'queued' order by id limit 1";
            let found = sqlx::query_as(queued).bind(owner.as_str()).fetch_optional(app.db().pool());
            if let Some((id,)) = found.await.expect("the database") {
                let id: String = id;
                assert_eq!(browser.post(&format!("/g/{id}/cancel"), &[]).await.status, 303);
            }
        }
    }
}
