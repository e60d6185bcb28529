//! Who goes into flight and when: caps that are exact over all processes, turns that are fair, one bucket for all, pauses
//! that end by themselves, and a reason for everybody who waits.

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::generation::{self, limits};
use atelier::server::replicate::Client;
use atelier::server::worker::{Tools, Worker};
use futures::future::join_all;
use secrecy::SecretString;
use serde_json::json;

// The prompts are `#fail` where no picture is needed: such a run ends without anybody drawing it.

/// What is in flight of everybody.
const FLYING: &str = "select count(*) from generation where state in ('submitting', 'waiting', 'canceling')";

both_databases! {
    async fn the_caps_hold_exactly_however_many_workers_admit(app: TestApp) {
        app.allow(7, 3, 1_000_000).await;
        for name in ["mika", "noor", "ivo"] {
            let browser = app.sign_up(name).await;
            for at in 0..10 {
                browser.trigger(&format!("#fail {name} {at}")).await;
            }
        }
        let workers = [app.worker_beside().await, app.worker_beside().await];
        let mut fullest = 0;
        while !app.states().await.iter().all(|state| state.is_terminal()) {
            for turned in join_all(workers.iter().map(Worker::turn)).await {
                turned.expect("a turn");
            }
            let most_of_one = "select coalesce(max(n), 0) from (select count(*) as n from generation
                               where state in ('submitting', 'waiting', 'canceling') group by owner_id) as flying";
            let (all, of_one) = (app.count(FLYING).await, app.count(most_of_one).await);
            assert!(all <= 7 && of_one <= 3, "{all} in flight, {of_one} of one person");
            fullest = fullest.max(all);
            app.clock.advance_ms(100);
        }
        assert_eq!((fullest, app.bought()), (7, 30), "and the room there is gets used");
        app.finish().await;
    }

    async fn a_model_has_a_cap_of_its_own_and_others_pass_it(app: TestApp) {
        app.meddle("update model set max_in_flight = 2 where name = 'stability-ai/sdxl'").await.expect("a cap");
        let mika = app.sign_up("mika").await;
        let mut ids = Vec::new();
        for at in 0..4 {
            ids.push(mika.trigger_with(&json!({"prompt": format!("#fail {at}"), "model": "stability-ai/sdxl"})).await);
        }
        let other = mika.trigger("#fail").await;
        let admitted = admit(&app, 9).await;
        assert_eq!(admitted, [ids[0].clone(), ids[1].clone(), other]);
        assert_eq!(reason(&mika, &ids[2]).await, "model_limit");
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_09_somebodys_fifty_do_not_delay_anothers_first_by_more_than_one_slot(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        app.grant(&app.person(&mika).await, 30).await;
        for at in 0..50 {
            mika.trigger(&format!("#fail {at}")).await;
            app.clock.advance_ms(1);
        }
        app.clock.advance_ms(1);
        let first = noor.trigger("#fail").await;
        let mut order = Vec::new();
        for _ in 0..2 {
            order.extend(admit(&app, 1).await);
        }
        assert_eq!(order.get(1), Some(&first));
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_queue_that_is_too_long_to_be_read_gives_the_same_turns(app: TestApp) {
        let (mika, noor, ivo) = (app.sign_up("mika").await, app.sign_up("noor").await, app.sign_up("ivo").await);
        app.grant(&app.person(&mika).await, 60).await;
        let early = noor.trigger("#fail early").await;
        let mut queued = Vec::new();
        for at in 0..70 {
            app.clock.advance_ms(1);
            queued.push(mika.trigger(&format!("#fail {at}")).await);
        }
        app.clock.advance_ms(1);
        let late = ivo.trigger("#fail late").await;
        assert_eq!(admit(&app, 2).await, [early, queued[0].clone()], "two who have nothing in flight stand at its head");
        assert_eq!(admit(&app, 2).await, [late, queued[1].clone()], "the third stands at its end and goes first all the same");
        assert_eq!(admit(&app, 2).await, queued[2..4], "then there is nobody else");
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn turns_go_to_whoever_has_least_in_flight_also_within_one_admission(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let mut queued = Vec::new();
        for at in 0..4 {
            queued.push(mika.trigger(&format!("#fail {at}")).await);
            app.clock.advance_ms(1);
        }
        assert_eq!(admit(&app, 2).await, queued[..2]);
        let late = [noor.trigger("#fail a").await, noor.trigger("#fail b").await, noor.trigger("#fail c").await];
        // Two to none: noor's two come first, then both have as many and the older press goes.
        assert_eq!(admit(&app, 3).await, [late[0].clone(), late[1].clone(), queued[2].clone()]);
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn the_page_goes_before_the_api_at_the_same_turn_and_not_before_anothers_first(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let by_api = mika.trigger("#fail by a program").await;
        app.clock.advance_ms(1);
        let fields = [("prompt", "#fail by hand"), ("request_key", "by-hand"), ("quoted_price", "1")];
        let page = mika.press("/generate", &fields).await;
        let by_hand = GenerationId::trusted(page.json()["id"].as_str().expect("an id"));
        app.clock.advance_ms(1);
        let anothers = noor.trigger("#fail another's program").await;
        assert_eq!(admit(&app, 9).await, [by_hand, anothers, by_api]);
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_10_one_bucket_paces_the_paid_calls_of_all_processes(app: TestApp) {
        app.allow(1_000, 1_000, 60).await;
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 80).await;
        for at in 0..80 {
            mika.trigger(&format!("#fail {at}")).await;
        }
        let workers = [app.worker_beside().await, app.worker_beside().await];
        for _ in 0..3 {
            for turned in join_all(workers.iter().map(Worker::turn)).await {
                turned.expect("a turn");
            }
        }
        assert_eq!(app.bought(), 60, "a minute's worth at once");
        let waiting = app.newest_queued().await;
        assert_eq!(reason(&mika, &waiting).await, "throttled");
        app.clock.advance_ms(3_000);
        for turned in join_all(workers.iter().map(Worker::turn)).await {
            turned.expect("a turn");
        }
        assert_eq!(app.bought(), 63, "and then one a second");
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_10_a_429_keeps_everybody_waiting_for_as_long_as_it_says_and_spends_no_attempt(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let turned_away = mika.trigger("#busy").await;
        app.worker.turn().await.expect("a turn");
        let anothers = noor.trigger("a boat").await;
        app.worker_beside().await.turn().await.expect("a turn");
        assert_eq!((app.state(&turned_away).await, app.state(&anothers).await), (State::Queued, State::Queued));
        assert_eq!((reason(&mika, &turned_away).await, reason(&noor, &anothers).await), ("throttled".into(), "throttled".into()));
        assert_eq!(app.count("select cast(sum(paid_attempts + given_up + step_try) as bigint) from generation").await, 0);
        app.clock.advance_ms(1_000);
        app.settle_all().await;
        assert_eq!(app.states().await, [State::Succeeded, State::Succeeded]);
        assert_eq!(app.bought(), 2);
        app.finish().await;
    }

    async fn rl_11_an_account_that_is_refused_pauses_everybody_until_one_try_goes_well(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = [mika.trigger("#fail 1").await, mika.trigger("#fail 2").await, mika.trigger("#fail 3").await];
        let refused = worker_with(&app, "http", "invalid");
        refused.turn().await.expect("a turn");
        assert_eq!((app.states().await, app.bought()), (vec![State::Queued; 3], 0));
        app.worker.turn().await.expect("a turn");
        assert_eq!(app.bought(), 0, "a worker whose token is good waits too");
        assert_eq!(reason(&mika, &ids[0]).await, "trouble");
        app.clock.advance_ms(60_000);
        app.worker.turn().await.expect("a turn");
        assert_eq!(app.bought(), 1, "one tries");
        assert_eq!(app.count("select count(*) from pause").await, 0);
        app.settle_all().await;
        assert_eq!(app.bought(), 3);
        app.finish().await;
    }

    async fn rl_11_a_provider_that_is_away_is_left_alone_after_five_failures_and_tried_by_one(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for at in 0..7 {
            mika.trigger(&format!("#fail {at}")).await;
        }
        let away = worker_with(&app, "nowhere", "r8_token");
        away.turn().await.expect("a turn");
        let failures = app.count("select failures from pause where scope = 'provider'").await;
        assert_eq!((failures, app.bought()), (7, 0), "seven were under way already");
        app.clock.advance_ms(1_500);
        away.turn().await.expect("a turn");
        assert_eq!(app.count("select max(submit_seq) from generation").await, 1, "nobody calls while the circuit is open");
        assert_eq!(reason(&mika, &app.newest_queued().await).await, "trouble");
        app.clock.advance_ms(60_000);
        away.turn().await.expect("a turn");
        let second = "select count(*) from submission where seq = 2";
        assert_eq!(app.count(second).await, 1, "one tries");
        app.settle_all().await;
        assert_eq!((app.bought(), app.count("select count(*) from pause").await), (7, 0));
        app.finish().await;
    }

    async fn an_operators_pause_stops_everything_a_model_or_a_person_until_it_is_lifted(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let person = app.person(&mika).await;
        let of_mika = mika.trigger("#fail").await;
        let of_noor = noor.trigger_with(&json!({"prompt": "#fail", "model": "stability-ai/sdxl"})).await;
        let scopes = [("global".to_owned(), 0), (format!("person:{person}"), 1), ("model:stability-ai/sdxl".to_owned(), 1)];
        for (scope, others) in scopes {
            limits::pause(app.db(), &scope, "for a test").await.expect("a pause");
            let paused = if scope.starts_with("model") { &of_noor } else { &of_mika };
            let asker = if scope.starts_with("model") { &noor } else { &mika };
            assert_eq!(reason(asker, paused).await, "paused", "{scope}");
            let told = limits::overview(app.db(), app.clock.now()).await.expect("the database").to_string();
            assert!(told.contains(&format!("{scope}, until it is resumed: for a test")), "{told}");
            let admitted = admit(&app, 9).await;
            assert_eq!((admitted.len(), admitted.contains(paused)), (others, false), "{scope}");
            app.meddle("update generation set state = 'queued', lease_owner = null, lease_until = 0").await.expect("as before");
            assert!(limits::resume(app.db(), &scope).await.expect("the database"), "{scope}");
        }
        assert!(!limits::resume(app.db(), "global").await.expect("the database"), "lifted already");
        app.settle_all().await;
        app.finish().await;
    }

    async fn everybody_who_waits_is_told_how_many_go_first(app: TestApp) {
        app.allow(2, 2, 1_000_000).await;
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let first = [mika.trigger("#fail 1").await, mika.trigger("#fail 2").await, mika.trigger("#fail 3").await];
        app.clock.advance_ms(1);
        let late = noor.trigger("#fail").await;
        assert_eq!(mika.told(&first[1]).await["waiting"], json!({"for": "turn", "detail": "2 ahead"}));
        assert_eq!(admit(&app, 9).await.len(), 2);
        assert_eq!(reason(&mika, &first[1]).await, "house_limit", "one of each is in flight, so this is the next");
        assert_eq!(reason(&mika, &first[2]).await, "own_limit");
        assert_eq!(app.state(&late).await, State::Submitting);
        end_leases(&app).await;
        app.settle_all().await;
        app.finish().await;
    }
}

/// Lets into flight, for a worker that will not be heard of again; who went, in order.
async fn admit(app: &TestApp, slots: i64) -> Vec<GenerationId> {
    let admitted = generation::admit(app.db(), "nobody", slots, app.clock.now()).await.expect("the database");
    admitted.jobs.into_iter().map(|job| job.id).collect()
}

/// Moves on to when nobody's paid call can be under way any more.
async fn end_leases(app: &TestApp) {
    app.clock.advance_ms(generation::lease::SUBMIT_LEASE_MS + 1);
    app.worker.turn().await.expect("a turn");
}

/// The word for what a generation waits for.
async fn reason(browser: &Browser, id: &GenerationId) -> String {
    browser.told(id).await["waiting"]["for"].as_str().unwrap_or_default().to_owned()
}

/// A worker whose Replicate is elsewhere, or refuses its token.
fn worker_with(app: &TestApp, place: &str, token: &str) -> Worker {
    let url =
        if place == "nowhere" { "http://127.0.0.1:9".parse().expect("a URL") } else { app.tools.replicate.base_url().clone() };
    let replicate = Client::new(&url, SecretString::from(token.to_owned())).expect("a client");
    Worker::new(Tools { replicate, ..app.tools.clone() })
}
