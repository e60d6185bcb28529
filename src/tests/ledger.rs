//! Money: what is on the button is held once, taken once or given back once, and nobody can argue with the books.

use crate::support::{Answer, Browser, Engine, both_databases};
use atelier::domain::{GenerationId, PersonId, State};
use atelier::server::generation::{self, Effects, Job, KeptOutput, Money};
use atelier::server::ledger;
use atelier::server::replicate::Prediction;
use atelier::server::worker::core::{Event, Stored, step};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longer than the first poll waits, and than the sandbox renders.
const POLLED_MS: i64 = 1_000;

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    for answer in answers {
        *counted.entry(answer.status.as_u16()).or_default() += 1;
    }
    counted
}

both_databases! {
    async fn cr_01_two_hundred_parallel_presses_on_twenty_credits_take_exactly_twenty(app: TestApp) {
        let here = app.sign_up("mika").await;
        // Several processes share a PostgreSQL database; a SQLite file belongs to one.
        let there = match app.engine() {
            Engine::Sqlite => here.clone(),
            Engine::Postgres => app.beside().await.welcome(&here),
        };
        let press = |at: usize| {
            let browser = if at.is_multiple_of(2) { here.clone() } else { there.clone() };
            async move {
                let (key, prompt) = (format!("press-{at}"), format!("#fail {at}"));
                let fields = [("request_key", key.as_str()), ("prompt", prompt.as_str()), ("quoted_price", "1")];
                match at % 3 {
                    0 => browser.post("/generate", &fields).await,
                    1 => browser.press("/generate", &fields).await,
                    _ => browser.post_json("/api/app/generate", &json!({"prompt": prompt})).await,
                }
            }
        };
        let answers = join_all((0..200).map(press)).await;
        let counted = statuses(&answers);
        let of = |status: u16| counted.get(&status).copied().unwrap_or_default();
        assert_eq!(of(303) + of(201) + of(200), 20, "taken: {counted:?}");
        assert_eq!(of(402) + of(403), 180, "refused: {counted:?}");
        assert!(of(402) > 0 && of(403) > 0, "both doors were tried: {counted:?}");
        assert_eq!(app.count("select count(*) from generation").await, 20);
        let mika = app.person(&here).await;
        assert_eq!(app.balance(&mika).await, (0, 20));
        app.assert_books().await;
        app.settle_all().await;
        assert_eq!((app.balance(&mika).await, app.bought()), ((20, 0), 20), "all failed, all given back");
        app.finish().await;
    }

    async fn cr_03_fifty_presses_under_one_key_are_one_generation_and_one_answer(app: TestApp) {
        let here = app.sign_up("mika").await;
        let there = app.beside().await.welcome(&here);
        let press = |at: usize| {
            let browser = if at.is_multiple_of(2) || app.engine() == Engine::Sqlite { here.clone() } else { there.clone() };
            async move { with_key(&browser, "once", &json!({"prompt": "a lighthouse"})).await }
        };
        let answers = join_all((0..50).map(press)).await;
        let bodies: BTreeSet<_> = answers.iter().map(Answer::text).collect();
        assert_eq!((statuses(&answers), bodies.len()), (BTreeMap::from([(200, 50)]), 1), "{bodies:?}");
        assert_eq!(app.count("select count(*) from generation").await, 1);
        assert_eq!(app.balance(&app.person(&here).await).await, (19, 1));
        app.finish().await;
    }

    async fn cr_03_the_last_credit_pressed_twice_at_once_is_answered_twice_and_held_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for at in 0..19 {
            mika.trigger(&format!("spent {at}")).await;
        }
        let wish = json!({"prompt": "a lighthouse"});
        let answers = join_all((0..20).map(|_| with_key(&mika, "last", &wish))).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(200, 20)]));
        assert_eq!(app.balance(&app.person(&mika).await).await, (0, 20));
        app.finish().await;
    }

    async fn cr_03_a_key_belongs_to_one_person_and_to_one_wish(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let first = with_key(&mika, "k", &json!({"prompt": "a lighthouse"})).await.json();
        let other_wish = with_key(&mika, "k", &json!({"prompt": "a windmill"})).await;
        assert_eq!((other_wish.status.as_u16(), &other_wish.json()["field"]), (422, &json!("Idempotency-Key")));
        let other_count = with_key(&mika, "k", &json!({"prompt": "a lighthouse", "count": 2})).await;
        assert_eq!(other_count.status, 422);
        let somebody_else = with_key(&noor, "k", &json!({"prompt": "a windmill"})).await.json();
        assert_ne!(first["id"], somebody_else["id"]);
        app.settle_all().await;
        // Long after the end, the key still names what it made.
        app.clock.advance_ms(24 * 60 * 60 * 1_000);
        let again = with_key(&mika, "k", &json!({"prompt": "a lighthouse"})).await.json();
        assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("completed")));
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0));
        app.finish().await;
    }

    async fn cr_04_the_form_of_one_page_submitted_twice_is_one_generation(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let key = request_key(&mika.get("/create").await.text());
        let fields = [("request_key", key.as_str()), ("prompt", "a lighthouse"), ("quoted_price", "1")];
        let (one, two) = futures::join!(mika.post("/generate", &fields), mika.post("/generate", &fields));
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (303, 303));
        assert_eq!(mika.post("/generate", &fields).await.status, 303, "and again later, by reloading");
        assert_eq!(app.count("select count(*) from generation").await, 1);
        assert_ne!(request_key(&mika.get("/create").await.text()), key, "the next page is the next press");
        app.finish().await;
    }

    async fn cr_05_in_whatever_order_the_ends_arrive_there_is_one_end_and_one_effect_on_the_books(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        for order in orders() {
            let id = mika.trigger(&format!("a lighthouse {order:?}")).await;
            app.until(&id, State::Waiting).await;
            app.clock.advance_ms(POLLED_MS);
            let claimed = generation::claim(app.db(), "late", 9, app.clock.now()).await.expect("a claim");
            let [job] = claimed.as_slice() else { panic!("one row: {claimed:?}") };
            let succeeded = app.tools.replicate.get(job.prediction_id.as_ref().expect("a prediction")).await.expect("an answer");
            let mut ended = None;
            // Twice through, because every one of them may also arrive twice.
            for end in order.iter().chain(&order) {
                arrive(&app, *end, job, &succeeded, &person).await;
                let state = app.state(&id).await;
                if let Some(first) = ended {
                    assert_eq!(state, first, "{end:?} changed what was over in {order:?}");
                } else if state.is_terminal() {
                    ended = Some(state);
                }
            }
            app.settle_all().await;
            let expected = match order[0] {
                End::Succeeded => State::Succeeded,
                End::Canceled => State::Canceled,
                End::Failed | End::Deadline => State::Failed,
            };
            assert_eq!(app.state(&id).await, expected, "{order:?}");
            assert_eq!(effects(&app, &id).await, 1, "{order:?}");
            app.assert_books().await;
            // Give back what a picture took, so that the next order has as much.
            if expected == State::Succeeded {
                app.grant(&person, 1).await;
            }
            assert_eq!(app.balance(&person).await, (20, 0), "{order:?}");
        }
        app.finish().await;
    }

    async fn cr_06_the_database_itself_refuses_what_the_books_forbid(app: TestApp) {
        let mika = app.sign_up("mika").await;
        mika.trigger("a lighthouse").await;
        for forbidden in [
            "update account set posted = -1 where kind = 'person'",
            "update account set held = posted + 1 where kind = 'person'",
            "update account set held = -1 where kind = 'person'",
            "update txn set actor = 'nobody'",
            "delete from txn",
            "update entry set amount = amount + 1",
            "delete from entry",
            "insert into txn (id, kind, ref, actor, created_at) select 'another', kind, ref, 'operator', 0 from txn",
            "insert into entry (id, txn_id, account_id, amount, created_at) select 'another', id, 'issued', 0, 0 from txn",
            "update hold set state = 'captured', captured = amount + 1",
            "update hold set state = 'captured', captured = 0",
            "insert into hold (id, account_id, generation_id, amount, unit_price, state, expires_at, created_at)
             select 'another', account_id, generation_id, 1, 1, 'open', 0, 0 from hold",
        ] {
            app.meddle(forbidden).await.expect_err(forbidden);
        }
        let own_way: &[&str] = match app.engine() {
            Engine::Sqlite => &[
                "insert or replace into txn (id, kind, ref, actor, created_at) select id, kind, ref, 'nobody', 0 from txn",
                "insert or replace into txn (id, kind, ref, actor, created_at) select 'another', kind, ref, 'nobody', 0 from txn",
                "insert or replace into entry (id, txn_id, account_id, amount, created_at)
                 select id, txn_id, account_id, amount + 1, 0 from entry",
                "update or replace txn set ref = 'x'",
            ],
            Engine::Postgres => &["truncate txn cascade", "truncate entry"],
        };
        for forbidden in own_way {
            app.meddle(forbidden).await.expect_err(forbidden);
        }
        app.finish().await;
    }

    async fn cr_13_no_count_outside_the_range_and_no_price_of_the_clients_own_is_ever_used(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for count in [json!(0), json!(-4), json!(99), json!(1.5), json!("9223372036854775808"), json!(i64::MAX), json!([2])] {
            let answer = mika.post_json("/api/app/generate", &json!({"prompt": "a lighthouse", "count": count})).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (422, &json!("count")), "{count}");
            let typed = count.to_string();
            let fields = [("request_key", "k"), ("prompt", "a lighthouse"), ("count", typed.as_str())];
            assert_eq!(mika.press("/generate", &fields).await.status, 422, "{count}");
        }
        let priced = mika.post_json("/api/app/generate", &json!({"prompt": "a lighthouse", "price": 0})).await;
        assert_eq!(priced.status, 422, "a price is not for the client to say");
        let quoted = |price: &'static str, key: &'static str| {
            let mika = mika.clone();
            async move { mika.press("/generate", &[("request_key", key), ("prompt", "two"), ("count", "2"), ("quoted_price", price)]).await }
        };
        assert_eq!(quoted("0", "cheap").await.status, 409, "below the price nothing happens");
        assert_eq!(quoted("1", "cheap").await.status, 409);
        assert_eq!(quoted("-1", "cheap").await.status, 422);
        assert_eq!(app.count("select count(*) from generation").await, 0);
        assert_eq!(quoted("999", "dear").await.status, 201, "above it, the price is taken and no more");
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 2));
        app.finish().await;
    }

    async fn a_row_of_the_books_changed_behind_our_back_is_found(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 5).await;
        mika.trigger("a lighthouse").await;
        app.settle_all().await;
        app.assert_books().await;
        app.meddle(match app.engine() {
            Engine::Sqlite => "drop trigger entry_no_update; drop trigger txn_no_update",
            Engine::Postgres => "drop trigger entry_append_only on entry; drop trigger txn_append_only on txn",
        })
        .await
        .expect("somebody with all rights");
        for (change, undo) in [
            ("update entry set created_at = created_at + 1 where place = 2", "update entry set created_at = created_at - 1 where place = 2"),
            ("update entry set posted_after = posted_after + 1 where place = 2", "update entry set posted_after = posted_after - 1 where place = 2"),
            ("update entry set hash = '0' || hash where place = 2", "update entry set hash = substr(hash, 2) where place = 2"),
            (
                "update entry set previous_hash = '0' || previous_hash where place = 2",
                "update entry set previous_hash = substr(previous_hash, 2) where place = 2",
            ),
            ("update entry set place = 9 where place = 3", "update entry set place = 3 where place = 9"),
            ("update account set head_hash = '0' || head_hash", "update account set head_hash = substr(head_hash, 2)"),
            ("update account set posted = posted + 1 where kind = 'person'", "update account set posted = posted - 1 where kind = 'person'"),
            ("update account set held = held + 1 where kind = 'person'", "update account set held = held - 1 where kind = 'person'"),
            ("update txn set ref = ref || 'x' where kind = 'grant'", "update txn set ref = substr(ref, 1, length(ref) - 1) where kind = 'grant'"),
            ("update txn set created_at = created_at + 1 where kind = 'grant'", "update txn set created_at = created_at - 1 where kind = 'grant'"),
            // Everything made to agree, but for the chain.
            (
                "update entry set amount = amount + 1, posted_after = posted_after + 1 where place = 1;
                 update entry set posted_after = posted_after + 1 where place > 1;
                 update entry set amount = amount - 1 where place is null and txn_id = (select txn_id from entry where place = 1);
                 update account set posted = posted + 1 where kind = 'person'",
                "update entry set amount = amount - 1, posted_after = posted_after - 1 where place = 1;
                 update entry set posted_after = posted_after - 1 where place > 1;
                 update entry set amount = amount + 1 where place is null and txn_id = (select txn_id from entry where place = 1);
                 update account set posted = posted - 1 where kind = 'person'",
            ),
        ] {
            app.meddle(change).await.expect(change);
            let drift = ledger::verify(app.db()).await.expect("the books can be read");
            assert!(!drift.is_empty(), "not found: {change}");
            app.meddle(undo).await.expect(undo);
            app.assert_books().await;
        }
        app.finish().await;
    }
}

async fn with_key(browser: &Browser, key: &str, wish: &Value) -> Answer {
    let request = browser.bare(reqwest::Method::POST, "/api/app/generate").header("idempotency-key", key).json(wish);
    browser.send(request).await
}

/// The key that stands in the form of a create page.
fn request_key(page: &str) -> String {
    let at = page.find("name=\"request_key\"").expect("the field");
    let value = page[at..].split("value=\"").nth(1).expect("its value");
    value.split('"').next().expect("its end").to_owned()
}

/// How a run may come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    Canceled,
    Deadline,
}

/// All orders in which the four can arrive.
fn orders() -> Vec<Vec<End>> {
    fn arrange(chosen: &[End], left: &[End], all: &mut Vec<Vec<End>>) {
        if left.is_empty() {
            all.push(chosen.to_vec());
        }
        for (at, end) in left.iter().enumerate() {
            let rest: Vec<_> = left.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, end)| *end).collect();
            arrange(&[chosen, &[*end]].concat(), &rest, all);
        }
    }
    let mut all = Vec::new();
    arrange(&[], &[End::Succeeded, End::Failed, End::Canceled, End::Deadline], &mut all);
    assert_eq!(all.len(), 24);
    all
}

/// One end, told by somebody who looked at the row when `job` was claimed and knows nothing of the others.
async fn arrive(app: &crate::support::TestApp, end: End, job: &Job, succeeded: &Prediction, person: &PersonId) {
    let now = app.clock.now();
    let told = |status: &str, error: Value| -> Prediction {
        serde_json::from_value(json!({"id": succeeded.id, "status": status, "error": error})).expect("a prediction")
    };
    match end {
        End::Succeeded => {
            let (storing, effects) = step(job, Event::Seen(Ok(succeeded.clone())), now);
            let first = generation::record(app.db(), job, &storing, &effects, now).await.expect("the database");
            if first {
                store_by_hand(app, &storing).await;
            }
        }
        End::Failed => {
            let (failed, effects) = step(job, Event::Seen(Ok(told("failed", json!("CUDA error")))), now);
            assert_eq!(effects.money, Some(Money::Release));
            generation::record(app.db(), job, &failed, &effects, now).await.expect("the database");
        }
        End::Canceled => {
            generation::cancel(app.db(), person, &job.id, now).await.expect("it is theirs");
            let asked = Job { cancel_requested_at: Some(now), ..job.clone() };
            let (canceled, effects) = step(&asked, Event::Seen(Ok(told("canceled", Value::Null))), now);
            generation::record(app.db(), job, &canceled, &effects, now).await.expect("the database");
        }
        End::Deadline => {
            // Replicate stopped it by itself; and the sweep comes by with everything long overdue.
            let late = job.deadline_at.plus_ms(1);
            let (timed_out, effects) = step(job, Event::Seen(Ok(told("canceled", Value::Null))), late);
            generation::record(app.db(), job, &timed_out, &effects, late).await.expect("the database");
            generation::sweep(app.db(), late).await.expect("the database");
        }
    }
}

/// Keeps the one output of a row in `storing`, as the worker does.
async fn store_by_hand(app: &crate::support::TestApp, storing: &Job) {
    let links: Vec<String> = serde_json::from_str(storing.prediction_output.as_deref().expect("links")).expect("JSON");
    let scratch = app.tools.spool.dir().join("by-hand");
    let limits = atelier::server::replicate::DownloadLimits::default();
    let download = app.tools.replicate.download(&links[0], &scratch, limits).await.expect("the file");
    let key = atelier::server::store::Key::output(&storing.id, 0, atelier::server::store::Extension::Webp);
    app.tools.store.put(&key, &scratch).await.expect("the store");
    std::fs::remove_file(&scratch).expect("the file on its way");
    let output = KeptOutput {
        place: 0,
        object_key: key.to_string(),
        content_type: "image/webp".to_owned(),
        bytes: i64::try_from(download.bytes).expect("a length"),
        sha256: download.sha256,
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    };
    let now = app.clock.now();
    let files = vec![output];
    let (done, effects) = step(storing, Event::Stored(Stored { kept: 1, files: files.clone(), ..Stored::default() }), now);
    assert_eq!(effects, Effects { money: Some(Money::Capture(1)), files, ..Effects::default() });
    assert!(generation::record(app.db(), storing, &done, &effects, now).await.expect("the database"));
}

/// How many effects a generation's end had on the books.
async fn effects(app: &crate::support::TestApp, id: &GenerationId) -> i64 {
    let (count,): (i64,) = sqlx::query_as("select count(*) from txn where ref = $1 and kind in ('capture', 'release')")
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("the books");
    count
}
