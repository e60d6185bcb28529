//! A generation's life: every way a run can go ends with a picture that is kept or with all credits back; whoever
//! dies, wherever they die, one prediction is bought.

use crate::support::{Browser, Engine, TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::crash::{self, Doom, Point};
use atelier::server::db::Db;
use atelier::server::generation::{self, Job, KeptOutput};
use atelier::server::ledger;
use atelier::server::replicate::{Create, Error};
use atelier::server::sandbox::InvoiceEvent;
use atelier::server::store::Key;
use atelier::server::worker::Worker;
use atelier::server::worker::core::{Event, LOST_LEASES, Stored, step};
use futures::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

// Where many are needed and no picture is, the prompts are `#fail`: such a run ends without anybody drawing it.

both_databases! {
    async fn a_success_keeps_the_picture_and_its_thumbnails_for_ever(app: TestApp) {
        let app = app.in_full_size().await;
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "a lighthouse at dusk", "count": 2, "model": "stability-ai/sdxl"})).await;
        app.settle_all().await;
        let told = mika.told(&id).await;
        assert_eq!(told["status"], "completed");
        let urls = told["urls"].as_array().expect("urls");
        assert_eq!((urls.len(), &told["url"]), (2, &urls[0]));
        // Long after Replicate has deleted its own.
        app.clock.advance_ms(48 * 60 * 60 * 1_000);
        for (url, sha256) in urls.iter().zip(told["sha256"].as_array().expect("hashes")) {
            let path = url.as_str().and_then(|url| url.strip_prefix(&app.process.url)).expect("one of our own addresses");
            let file = mika.get(path).await;
            assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "image/png"));
            assert_eq!(hex::encode(Sha256::digest(&file.body)), sha256.as_str().expect("a hash"));
            let picture = image::load_from_memory(&file.body).expect("a whole picture");
            assert_eq!((picture.width(), picture.height()), (1024, 1024));
            for (size, longest) in [("small", 512), ("large", 1_280)] {
                let thumbnail = mika.get(&path.replace(".png", &format!(".{size}.webp"))).await;
                let picture = image::load_from_memory(&thumbnail.body).expect("a whole thumbnail");
                assert_eq!(picture.width().max(picture.height()), longest.min(1_024), "{size}");
            }
        }
        let person = app.person(&mika).await;
        assert_eq!(app.balance(&person).await, (16, 0), "two pictures at two credits each");
        app.finish().await;
    }

    async fn what_fails_gives_every_credit_back_and_says_why(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        for (prompt, failure) in [
            ("#fail", "model_failed"),
            ("#nsfw", "safety"),
            ("#stall", "timeout"),
            ("#expired", "output_lost"),
            ("#truncated", "output_lost"),
            ("#partial", "model_failed"),
        ] {
            let id = mika.trigger(prompt).await;
            assert_eq!(app.balance(&person).await, (19, 1), "{prompt}: held");
            app.settle_all().await;
            let told = mika.told(&id).await;
            assert_eq!(told["status"], "failed", "{prompt}");
            assert!(told["reason"].as_str().is_some_and(|reason| reason.len() > 20), "{prompt}: {told}");
            assert_eq!(failure_of(&app, &id).await.as_deref(), Some(failure), "{prompt}");
            assert_eq!(app.balance(&person).await, (20, 0), "{prompt}: given back");
        }
        assert_eq!(app.count("select count(*) from output").await, 0);
        app.finish().await;
    }

    async fn a_stalled_run_ends_at_its_deadline_and_not_before(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        let deadline = app.clock.now().plus_ms(generation::DEADLINE_MS);
        app.until(&id, State::Waiting).await;
        app.clock.advance_ms(deadline.since(app.clock.now()) - 1);
        app.worker.turn().await.expect("a turn");
        assert!(!app.state(&id).await.is_terminal());
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Failed);
        assert!(app.clock.now().since(deadline) < 15_000, "seconds after the deadline, not minutes");
        app.finish().await;
    }

    async fn of_three_pictures_with_one_missing_two_are_taken_and_one_given_back(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "#partial", "count": 3})).await;
        app.settle_all().await;
        assert_eq!(mika.told(&id).await["urls"].as_array().map(Vec::len), Some(2));
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 0));
        app.finish().await;
    }

    async fn an_interrupted_run_is_bought_once_more_and_kept(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#interrupted").await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 2));
        app.finish().await;
    }

    async fn an_answer_lost_on_the_way_is_looked_for_and_nothing_is_bought_twice(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for (at, prompt) in ["#lost", "#502"].into_iter().enumerate() {
            let id = mika.trigger(prompt).await;
            app.worker.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Submitting, "{prompt}: nobody knows yet");
            app.clock.advance_ms(generation::lease::SUBMIT_LEASE_MS - 1);
            app.worker.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Submitting, "{prompt}: it may still be under way");
            app.settle_all().await;
            assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, at + 1), "{prompt}");
        }
        app.finish().await;
    }

    async fn lost_answers_to_the_same_wish_find_one_prediction_each_however_many_look_at_once(app: TestApp) {
        const TWINS: usize = 8;
        let mika = app.sign_up("mika").await;
        for round in 1..=2 {
            let wish = json!({"prompt": format!("#lost twins {round}"), "seed": 7});
            let mut twins = Vec::new();
            for _ in 0..TWINS {
                twins.push(mika.trigger_with(&wish).await);
            }
            app.settle_all().await;
            for twin in &twins {
                assert_eq!(app.state(twin).await, State::Succeeded);
            }
            assert_eq!(app.bought(), TWINS * round);
            assert_eq!(app.count("select count(*) from stray").await, 0);
        }
        app.finish().await;
    }

    async fn a_busy_replicate_costs_nothing_but_time(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#busy").await;
        app.worker.turn().await.expect("a turn");
        assert_eq!((app.state(&id).await, app.bought()), (State::Queued, 0));
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn cancelled_in_the_queue_nothing_is_ever_bought(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        for _ in 0..3 {
            assert_eq!(cancel(&mika, &id).await, "canceled");
        }
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Canceled, 0));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn rl_13_cancelled_while_it_runs_it_is_stopped_at_replicate_and_given_back(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        app.until(&id, State::Waiting).await;
        assert_eq!(cancel(&mika, &id).await, "canceling");
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Canceled);
        assert_eq!(app.sandbox.invoice().iter().filter(|line| line.event == InvoiceEvent::Canceled).count(), 1);
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn rl_13_cancelled_too_late_it_is_delivered(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let saving = mika.trigger("a lighthouse").await;
        app.until(&saving, State::Storing).await;
        assert_eq!(cancel(&mika, &saving).await, "saving");
        let finished = mika.trigger("a windmill").await;
        // It has finished at Replicate, but nobody here has looked yet.
        app.until(&finished, State::Waiting).await;
        app.clock.advance_ms(1_000);
        assert_eq!(cancel(&mika, &finished).await, "canceling");
        app.settle_all().await;
        assert_eq!(app.states().await, [State::Succeeded, State::Succeeded]);
        assert_eq!(cancel(&mika, &saving).await, "succeeded");
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 0));
        app.finish().await;
    }

    async fn cancelled_while_the_paid_call_is_turned_away_nothing_is_bought(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit_one(&app).await;
        // The step has begun and knows nothing of this.
        assert_eq!(cancel(&mika, &id).await, "canceling");
        let busy = Error::Throttled { retry_after: Duration::from_secs(1), detail: "busy".to_owned() };
        let (next, effects) = step(&job, Event::Submitted(Err(busy)), app.clock.now());
        assert!(generation::record(app.db(), &job, &next, &effects, app.clock.now()).await.expect("the database"));
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Canceled, 0));
        app.finish().await;
    }

    async fn a_worker_that_dies_before_its_paid_call_left_is_made_up_for_by_one_call(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        admit_one(&app).await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn a_worker_that_dies_with_the_answer_in_its_hand_is_made_up_for_by_looking(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit_one(&app).await;
        buy(&app, &job).await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn a_worker_that_dies_anywhere_else_is_made_up_for_by_the_next(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for (at, dies_in) in [State::Waiting, State::Storing].into_iter().enumerate() {
            let id = mika.trigger(&format!("a lighthouse {at}")).await;
            app.until(&id, dies_in).await;
            claim_one(&app, "dead", &id).await;
            app.settle_all().await;
            assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, at + 1), "{dies_in:?}");
        }
        let canceled = mika.trigger("#stall").await;
        app.until(&canceled, State::Waiting).await;
        cancel(&mika, &canceled).await;
        claim_one(&app, "dead", &canceled).await;
        app.settle_all().await;
        assert_eq!((app.state(&canceled).await, app.bought()), (State::Canceled, 3));
        app.finish().await;
    }

    async fn of_two_files_the_one_that_came_is_not_fetched_again_for_the_other(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "a lighthouse", "count": 2})).await;
        app.until(&id, State::Storing).await;
        let job = claim_one(&app, "dead", &id).await;
        let kept = keep_first(&app, &job).await;
        app.settle_all().await;
        let told = mika.told(&id).await;
        assert_eq!((&told["status"], told["sha256"].as_array().map(Vec::len)), (&json!("completed"), Some(2)));
        assert_eq!(told["sha256"][0], kept, "it was not fetched again");
        app.finish().await;
    }

    async fn rl_05_a_worker_that_wakes_without_its_lease_writes_no_state_no_money_and_no_output(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.until(&id, State::Storing).await;
        let frozen = claim_one(&app, "frozen", &id).await;
        app.clock.advance_ms(generation::lease::LEASE_MS + 1);
        let awake = claim_one(&app, "awake", &id).await;
        assert_eq!(awake.lease_epoch, frozen.lease_epoch + 1);
        let before = row(&app, &id).await;
        let now = app.clock.now();
        let lost = Event::Stored(Stored { lost: 1, ..Stored::default() });
        let (next, effects) = step(&frozen, lost, now);
        assert!(effects.money.is_some(), "it would give the credits back");
        assert!(!generation::record(app.db(), &frozen, &next, &effects, now).await.expect("the database"));
        let kept = Event::Stored(Stored { kept: 1, files: vec![output(&id)], ..Stored::default() });
        let (next, effects) = step(&frozen, kept, now);
        assert!(!effects.files.is_empty(), "it would keep what it has");
        assert!(!generation::record(app.db(), &frozen, &next, &effects, now).await.expect("the database"));
        assert!(generation::heartbeat(app.db(), "frozen", std::slice::from_ref(&id), now).await.expect("the database").is_empty());
        generation::lease::hand_back(app.db(), "frozen", now).await.expect("the database");
        assert_eq!(row(&app, &id).await, before);
        assert_eq!(app.count("select count(*) from txn where kind in ('capture', 'release')").await, 0);
        assert_eq!(app.count("select count(*) from output").await, 0);
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        app.finish().await;
    }

    async fn rl_08_what_panics_in_every_step_fails_alone_and_is_given_back_and_its_worker_lives(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let poison = mika.trigger("a lighthouse").await;
        app.until(&poison, State::Storing).await;
        let panics: Doom = Arc::new(|here| {
            assert_ne!(here, Point::Fetching, "this one is poison");
            false
        });
        for lost in 1..=LOST_LEASES {
            let turned = crash::doomed(Arc::clone(&panics), app.worker.turn()).await;
            assert!(turned.expect_err("a panic").is::<tokio::task::JoinError>(), "lease {lost}");
            app.clock.advance_ms(generation::lease::LEASE_MS + 1);
        }
        app.worker.turn().await.expect("a turn");
        assert_eq!(app.state(&poison).await, State::Parked);
        let other = mika.trigger("a windmill").await;
        app.until(&other, State::Succeeded).await;
        app.settle_all().await;
        assert_eq!((app.state(&poison).await, failure_of(&app, &poison).await.as_deref()), (State::Failed, Some("timeout")));
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0), "only the windmill was paid for");
        app.worker.clear_spool().await.expect("the hourly look for what nobody waits for");
        app.finish().await;
    }

    async fn rl_08_a_worker_at_work_outlives_a_step_that_panics(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let panicked = Arc::new(AtomicBool::new(false));
        let panics_once: Doom = {
            let panicked = Arc::clone(&panicked);
            Arc::new(move |here| {
                assert!(here != Point::Fetching || panicked.swap(true, Ordering::SeqCst), "once");
                false
            })
        };
        let (worker, stop) = (app.worker.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let working = tokio::spawn(crash::doomed(panics_once, async move { worker.run(stopping).await }));
        let kept = async {
            while app.state(&id).await != State::Succeeded {
                app.clock.advance_ms(100);
            }
        };
        tokio::time::timeout(Duration::from_mins(1), kept).await.expect("the same worker, once the lease has run out");
        assert!(panicked.load(Ordering::SeqCst));
        stop.cancel();
        working.await.expect("it stops when it is told to, and not before");
        app.finish().await;
    }

    async fn what_loses_worker_after_worker_is_parked_and_given_back_at_its_deadline(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        app.until(&id, State::Waiting).await;
        app.clock.advance_ms(1_000);
        for _ in 0..LOST_LEASES {
            claim_one(&app, "dead", &id).await;
            app.clock.advance_ms(generation::lease::LEASE_MS + 1);
        }
        app.worker.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Parked);
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Failed);
        app.finish().await;
    }

    async fn workers_in_parallel_never_take_one_row_twice(app: TestApp) {
        app.allow(1_000, 1_000, 1_000_000).await;
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 100).await;
        for at in 0..60 {
            mika.trigger(&format!("#fail {at}")).await;
        }
        let pools: Vec<Db> = vec![app.connect().await, app.connect().await, app.connect().await];
        // Admissions first, then claims of everything that was admitted and left alone.
        let admitted = take_all(&pools, |db, name| {
            let now = app.clock.now();
            async move { generation::admit(&db, &name, 3, now).await.expect("an admission").jobs }
        })
        .await;
        assert_eq!((admitted.len(), admitted.iter().collect::<HashSet<_>>().len()), (60, 60));
        app.clock.advance_ms(generation::lease::SUBMIT_LEASE_MS + 1);
        let claimed = take_all(&pools, |db, name| {
            let now = app.clock.now();
            async move { generation::claim(&db, &name, 7, now).await.expect("a claim") }
        })
        .await;
        assert_eq!((claimed.len(), claimed.iter().collect::<HashSet<_>>().len()), (60, 60));
        app.settle_all().await;
        assert_eq!(app.bought(), 60);
        app.finish().await;
    }

    async fn whole_workers_in_parallel_buy_every_picture_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for at in 0..8 {
            mika.trigger(&format!("lantern {at}")).await;
        }
        let workers = [app.worker_beside().await, app.worker_beside().await, app.worker_beside().await];
        while !app.states().await.iter().all(|state| state.is_terminal()) {
            for turned in join_all(workers.iter().map(Worker::turn)).await {
                turned.expect("a turn");
            }
            app.clock.advance_ms(300);
        }
        assert!(app.states().await.iter().all(|state| *state == State::Succeeded));
        assert_eq!(app.bought(), 8);
        app.finish().await;
    }

    async fn a_cancel_in_the_middle_of_an_admission_holds_nobody_else_up(app: TestApp) {
        // SQLite has one writer at a time, so nothing is ever in the middle of it.
        if app.engine() == Engine::Postgres {
            let mika = app.sign_up("mika").await;
            let (gone, stays) = (mika.trigger("a lighthouse").await, mika.trigger("a windmill").await);
            let mut cancelling = app.db().begin().await.expect("a transaction");
            sqlx::query("update generation set state = 'canceled', finished_at = 0 where id = $1")
                .bind(gone.as_str())
                .execute(cancelling.connection())
                .await
                .expect("the row");
            ledger::release(&mut cancelling, &gone, app.clock.now()).await.expect("its hold");
            let (db, now) = (app.db().clone(), app.clock.now());
            let admission = tokio::spawn(async move { generation::admit(&db, "another", 9, now).await });
            while app.count("select count(*) from pg_locks where not granted").await == 0 {
                tokio::task::yield_now().await;
            }
            cancelling.commit().await.expect("a commit");
            let admitted = admission.await.expect("no panic").expect("an admission all the same");
            assert_eq!(admitted.jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [&stays]);
            app.settle_all().await;
            assert_eq!(app.bought(), 1);
        }
        app.finish().await;
    }
}

/// Cancels as a page does; the phase it is answered with.
async fn cancel(browser: &Browser, id: &GenerationId) -> String {
    let answer = browser.press(&format!("/g/{id}/cancel"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["phase"].as_str().expect("a phase").to_owned()
}

/// Admits the one generation that waits, for a worker that will not be heard of again.
async fn admit_one(app: &TestApp) -> Job {
    let mut admitted = generation::admit(app.db(), "dead", 9, app.clock.now()).await.expect("the database").jobs;
    assert_eq!(admitted.len(), 1);
    admitted.remove(0)
}

/// Takes a lease on the one row that is due next, for a worker that does nothing with it.
async fn claim_one(app: &TestApp, worker: &str, id: &GenerationId) -> Job {
    let due: (i64,) = sqlx::query_as("select run_at from generation where id = $1")
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("the row");
    app.clock.advance_ms((due.0 - app.clock.now().0).max(0));
    let mut claimed = generation::claim(app.db(), worker, 9, app.clock.now()).await.expect("the database");
    assert_eq!(claimed.iter().map(|job| &job.id).collect::<Vec<_>>(), [id]);
    claimed.remove(0)
}

/// Makes the paid call of an intent, and tells nobody.
async fn buy(app: &TestApp, job: &Job) {
    let input = serde_json::from_str(&job.input).expect("the input");
    let create = Create { model: job.model.clone(), version: job.model_version.clone(), input, webhook: None };
    app.tools.replicate.create(&create, Duration::from_mins(10)).await.expect("a prediction");
}

/// Keeps the first output and its thumbnails as a worker does, and goes no further. Its hash.
async fn keep_first(app: &TestApp, job: &Job) -> Value {
    let links: Vec<String> = serde_json::from_str(job.prediction_output.as_deref().expect("links")).expect("JSON");
    let scratch = app.tools.spool.dir().join("first");
    let limits = atelier::server::replicate::DownloadLimits::default();
    let download = app.tools.replicate.download(&links[0], &scratch, limits).await.expect("the file");
    let kept = KeptOutput {
        sha256: download.sha256.clone(),
        bytes: i64::try_from(download.bytes).expect("a length"),
        ..output(&job.id)
    };
    let name = kept.object_key.rsplit('/').next().expect("a name");
    app.tools.store.put(&Key::parse(&job.id, name).expect("a key"), &scratch).await.expect("the store");
    std::fs::remove_file(&scratch).expect("the file on its way");
    let now = app.clock.now();
    let (next, effects) = step(job, Event::Stored(Stored { kept: 1, files: vec![kept], unfetched: 1, ..Stored::default() }), now);
    assert!(generation::record(app.db(), job, &next, &effects, now).await.expect("the database"));
    json!(download.sha256)
}

fn output(id: &GenerationId) -> KeptOutput {
    KeptOutput {
        place: 0,
        object_key: format!("generations/{id}/0.webp"),
        content_type: "image/webp".to_owned(),
        bytes: 1,
        sha256: "0".repeat(64),
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    }
}

/// Takes from several pools at once until a whole round finds nothing; the ids of what was taken.
async fn take_all<F: Future<Output = Vec<Job>>>(pools: &[Db], take: impl Fn(Db, String) -> F) -> Vec<GenerationId> {
    let mut taken = Vec::new();
    loop {
        let names = 0..pools.len() * 4;
        let round = join_all(names.map(|at| take(pools[at % pools.len()].clone(), format!("worker {at}")))).await;
        let jobs: Vec<_> = round.into_iter().flatten().map(|job| job.id).collect();
        if jobs.is_empty() {
            return taken;
        }
        taken.extend(jobs);
    }
}

async fn failure_of(app: &TestApp, id: &GenerationId) -> Option<String> {
    let row = sqlx::query_as("select failure from generation where id = $1").bind(id.as_str());
    let (failure,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
    failure
}

/// What a stale worker must not change.
async fn row(app: &TestApp, id: &GenerationId) -> (String, i64, i64, Option<String>, i64) {
    sqlx::query_as("select state, version, lease_epoch, lease_owner, lease_until from generation where id = $1")
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("the row")
}
