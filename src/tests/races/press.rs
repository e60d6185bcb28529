//! Races of the press: what it may do to a balance, and how often.

use super::{BELONGS, HELD, OPEN, POSTED, Scene, raw, refused};
use crate::support::{Engine, both_databases};
use atelier::domain::{Credits, GenerationId, Guards, RawRequest, Refusal};
use atelier::server::account::guards;
use atelier::server::db::mint;
use atelier::server::generation::Error;
use atelier::server::ledger::{self, Hold};
use futures::future::{join_all, poll_immediate};
use sqlx::Executor;
use sqlx::error::ErrorKind;
use std::pin::pin;

/// One more row of a press, as whoever writes the row and its hold apart leaves it.
const ROW_ALONE: &str =
    "insert into generation (id, owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price, price, state,
                             run_at, deadline_at, created_at, updated_at)
     select 'alone', owner_id, 'another', request_hash, model, prompt, aspect, count, input, unit_price, price, 'queued',
            run_at, deadline_at, created_at, updated_at from generation limit 1";

both_databases! {
    async fn r_01_whoever_checks_and_then_holds_is_stopped_by_the_database(app: TestApp) {
        let scene = Scene::open(app).await;
        scene.ask("#fail", 4).await.expect("taken");
        for _ in 0..15 {
            scene.ask("#fail", 1).await.expect("taken");
        }
        // Two look at the last credit before either of them acts.
        let looks = [scene.balance().await, scene.balance().await];
        assert_eq!(looks, [(1, 19), (1, 19)], "there is enough for each of them");
        // Wrong: what was looked at decides.
        let act = || scene.app.meddle("update account set held = held + 1 where kind = 'person'");
        act().await.expect("the first of them is right");
        assert_eq!(refused(act().await), ErrorKind::CheckViolation);
        scene.app.meddle("update account set held = held - 1 where kind = 'person'").await.expect("as it was");
        // Right: the same two, each deciding in the statement that holds.
        let asked = join_all([scene.ask("#fail", 1), scene.ask("#fail", 1)]).await;
        let taken = asked.iter().filter(|asked| asked.is_ok()).count();
        let told = asked.into_iter().find_map(Result::err);
        assert!(matches!(told, Some(Error::Refused(Refusal::Insufficient { available: Credits(0), price: Credits(1) }))), "{told:?}");
        assert_eq!((taken, scene.balance().await), (1, (0, 20)));
        scene.app.settle_all().await;
        scene.app.finish().await;
    }

    async fn r_02_an_absolute_write_of_what_was_read_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        let asked = join_all([scene.ask("#fail", 1), scene.ask("#fail", 1)]).await;
        assert!(asked.iter().all(Result::is_ok));
        assert_eq!(scene.balance().await, (18, 2), "right: both add to what is there");
        scene.app.assert_books().await;
        // Wrong: the second had read "nothing held" as well, and writes one.
        scene.app.meddle("update account set held = 0 + 1 where kind = 'person'").await.expect("no check can know");
        scene.app.finish_adrift(HELD).await;
    }

    async fn r_03_a_deduction_without_a_guard_is_stopped_by_the_database(app: TestApp) {
        let scene = Scene::open(app).await;
        for wrong in [
            "update account set posted = posted - 21 where kind = 'person'",
            "update account set held = held + 21 where kind = 'person'",
        ] {
            assert_eq!(refused(scene.app.meddle(wrong).await), ErrorKind::CheckViolation, "{wrong}");
        }
        for _ in 0..5 {
            scene.ask("#fail", 4).await.expect("taken");
        }
        assert!(matches!(scene.ask("#fail", 4).await, Err(Error::Refused(Refusal::Insufficient { .. }))));
        scene.app.settle_all().await;
        scene.app.finish().await;
    }

    async fn r_04_a_row_without_its_hold_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        scene.ask("#fail", 1).await.expect("taken");
        // Right: whoever dies before the one commit leaves neither.
        let mut tx = scene.app.db().begin().await.expect("a transaction");
        tx.connection().execute(sqlx::raw_sql(ROW_ALONE)).await.expect("the row");
        drop(tx);
        assert_eq!(scene.app.count("select count(*) from generation").await, 1);
        scene.app.assert_books().await;
        // Wrong: the row is committed, the hold was to come.
        scene.app.meddle(ROW_ALONE).await.expect("a row");
        scene.app.finish_adrift(OPEN).await;
    }

    async fn r_05_a_hold_of_zero_rows_taken_for_a_hold_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        for _ in 0..5 {
            scene.ask("#fail", 4).await.expect("taken");
        }
        // Right: zero rows are a refusal, and nothing is written.
        assert!(matches!(scene.ask("#fail", 1).await, Err(Error::Refused(Refusal::Insufficient { .. }))));
        assert_eq!(scene.app.count("select count(*) from generation").await, 5);
        scene.app.assert_books().await;
        // Wrong: nobody looks at how many rows it changed, and on it goes.
        scene.app.meddle("update account set held = held + 4 where kind = 'person' and posted - held >= 4").await.expect("zero rows");
        scene.app.meddle(ROW_ALONE).await.expect("a row");
        let hold = "insert into hold (id, account_id, generation_id, amount, unit_price, state, expires_at, created_at)
                    select 'free', account_id, 'alone', amount, unit_price, 'open', expires_at, created_at from hold limit 1";
        scene.app.meddle(hold).await.expect("a hold");
        scene.app.finish_adrift(HELD).await;
    }

    async fn r_06_a_hold_without_its_job_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        let (db, now) = (scene.app.db().clone(), scene.app.clock.now());
        let hold = async || {
            let mut tx = db.begin().await.expect("a transaction");
            let id = GenerationId::trusted(mint());
            let one = Credits(1);
            let hold = Hold { person: &scene.owner, generation: &id, unit_price: one, amount: one, expires_at: now, at: now };
            let holding = ledger::hold(&mut tx, &[hold]).await.expect("a sum that fits");
            assert!(holding.short(&tx.told().await.expect("answers")).is_empty(), "held");
            tx
        };
        // Right: the job is the row of the same transaction, so there is nothing in between.
        drop(hold().await);
        scene.app.quiet().await;
        assert_eq!(scene.balance().await, (20, 0));
        scene.app.assert_books().await;
        // Wrong: the hold is committed, the job was to be sent.
        hold().await.commit().await.expect("a commit");
        scene.app.finish_adrift(BELONGS).await;
    }

    async fn presses_of_one_moment_are_each_judged_by_themselves(app: TestApp) {
        let scene = Scene::open(app).await;
        let asked = |counts: &'static [i64]| join_all(counts.iter().map(|count| scene.ask("#fail", *count)));
        let answers = asked(&[4, 4, 4, 4, 3, 4, 1]).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, true, true, true, false, true]);
        let short = Refusal::Insufficient { available: Credits(1), price: Credits(4) };
        assert!(matches!(&answers[5], Err(Error::Refused(refusal)) if *refusal == short), "{:?}", answers[5]);
        assert_eq!(scene.balance().await, (0, 20));
        scene.app.settle_all().await;
        let limits = Guards { daily_cap: Some(Credits(6)), ask_above: Some(Credits(3)), warn_below: None };
        guards::set_guards(scene.app.db(), &scene.owner, &limits).await.expect("limits");
        // What is asked about takes nothing of the day, what is too much of it takes nothing either.
        let answers = asked(&[2, 4, 3, 2, 1]).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
        let unasked = Refusal::AskFirst { above: Credits(3), price: Credits(4) };
        assert!(matches!(&answers[1], Err(Error::Refused(refusal)) if *refusal == unasked), "{:?}", answers[1]);
        let over = Refusal::DailyCapReached { cap: Credits(6), left: Credits(1) };
        assert!(matches!(&answers[3], Err(Error::Refused(refusal)) if *refusal == over), "{:?}", answers[3]);
        assert_eq!(scene.balance().await, (14, 6));
        scene.app.settle_all().await;
        scene.app.finish().await;
    }

    async fn r_09_a_second_row_of_one_press_is_stopped_by_the_database(app: TestApp) {
        let scene = Scene::open(app).await;
        let press = raw();
        let asked = join_all([scene.ask_with(&press), scene.ask_with(&press), scene.ask_with(&press)]).await;
        let ids: Vec<_> = asked.into_iter().map(|asked| asked.expect("taken")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "right: one press, one generation: {ids:?}");
        assert_eq!(scene.balance().await, (19, 1));
        // Wrong: the key is written down, but nobody looks first.
        let again = "insert into generation (id, owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price,
                                             price, state, run_at, deadline_at, created_at, updated_at)
                     select 'again', owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price, price, 'queued',
                            run_at, deadline_at, created_at, updated_at from generation";
        assert_eq!(refused(scene.app.meddle(again).await), ErrorKind::UniqueViolation);
        scene.app.settle_all().await;
        scene.app.finish().await;
    }

    async fn r_16_a_remembered_balance_that_is_written_back_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        // Somebody's page remembers twenty; meanwhile an operator grants five.
        scene.app.grant(&scene.owner, 5).await;
        scene.ask("#fail", 1).await.expect("taken");
        scene.app.settle_all().await;
        assert_eq!(scene.balance().await, (25, 0), "right: nobody's memory counts");
        scene.app.assert_books().await;
        // Wrong: what was remembered, less the price.
        scene.app.meddle("update account set posted = 20 - 1 where kind = 'person'").await.expect("no check can know");
        scene.app.finish_adrift(POSTED).await;
    }

    async fn r_17_a_busy_database_between_two_steps_leaves_the_first_step_to_be_found(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: two presses at once wait for each other, and none fails.
        let asked = join_all((0..8).map(|_| scene.ask("#fail", 1))).await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
        scene.app.assert_books().await;
        // Wrong: the row is a step of its own, and the hold a transaction that reads first and is no writer yet.
        let begin = match scene.app.engine() {
            Engine::Sqlite => "begin",
            Engine::Postgres => "begin isolation level repeatable read",
        };
        scene.app.meddle(ROW_ALONE).await.expect("the first step");
        let mut reader = scene.app.stranger().await.expect("a connection");
        reader.execute(begin).await.expect("a transaction");
        reader.fetch_one("select held from account where kind = 'person'").await.expect("a balance");
        scene.ask("#fail", 1).await.expect("somebody else's press comes in between");
        let second_step = reader.execute("update account set held = held + 1 where kind = 'person'").await;
        assert!(matches!(&second_step, Err(sqlx::Error::Database(_))), "the database refuses: {second_step:?}");
        drop(reader);
        scene.app.finish_adrift(OPEN).await;
    }

    async fn r_18_reading_first_inside_a_transaction_is_no_lock(app: TestApp) {
        let scene = Scene::open(app).await;
        let db = scene.app.db().clone();
        let read = "select held from account where kind = 'person'";
        let mut one = db.begin().await.expect("a transaction");
        let (before,): (i64,) = sqlx::query_as(read).fetch_one(one.connection()).await.expect("a balance");
        match scene.app.engine() {
            // There is one writer at a time, and it is one from its first statement on: nobody can read in between.
            Engine::Sqlite => assert!(poll_immediate(pin!(db.begin())).await.is_none(), "a second writer waits"),
            Engine::Postgres => {
                let mut two = db.begin().await.expect("a second transaction");
                let (same,): (i64,) = sqlx::query_as(read).fetch_one(two.connection()).await.expect("a balance");
                assert_eq!(before, same);
                // Wrong: each writes what it read, and one more. Both commit, and one hold is lost.
                for mut tx in [one, two] {
                    let write = sqlx::query("update account set held = $1 where kind = 'person'").bind(before + 1);
                    write.execute(tx.connection()).await.expect("a write");
                    tx.commit().await.expect("a commit");
                }
                assert_eq!(scene.balance().await, (19, 1), "two held one each");
                scene.app.meddle("update account set held = 0 where kind = 'person'").await.expect("as it was");
                let asked = join_all([scene.ask("#fail", 1), scene.ask("#fail", 1)]).await;
                assert!(asked.iter().all(Result::is_ok));
                assert_eq!(scene.balance().await, (18, 2), "right: both holds are there");
                scene.app.settle_all().await;
                scene.app.assert_books().await;
                scene.app.meddle("update account set held = 1 where kind = 'person'").await.expect("wrong again");
                return scene.app.finish_adrift(HELD).await;
            }
        }
        drop(one);
        scene.app.finish().await;
    }

    async fn r_21_a_price_or_a_count_of_the_clients_own_is_refused_everywhere(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: the price is the catalogue's, whatever was quoted, and a count outside of its range is a refusal.
        scene.ask_with(&RawRequest { quoted_price: "9".to_owned(), ..raw() }).await.expect("taken, at one");
        assert_eq!(scene.balance().await, (19, 1));
        let cheap = scene.ask_with(&RawRequest { quoted_price: "0".to_owned(), ..raw() }).await;
        assert!(matches!(cheap, Err(Error::Refused(Refusal::PriceChanged { quoted: Credits(0), price: Credits(1) }))), "{cheap:?}");
        for count in ["0", "-4", "5", "9223372036854775807", "1.5"] {
            let asked = scene.ask_with(&RawRequest { count: count.to_owned(), ..raw() }).await;
            assert!(matches!(asked, Err(Error::Refused(Refusal::Fields(_)))), "{count}: {asked:?}");
        }
        // Wrong: each of them written down as it came.
        for wrong in [
            "update hold set amount = 0",
            "update hold set amount = -4",
            "update hold set unit_price = 0",
            "update generation set count = 0",
            "update generation set count = -4",
            "update model set unit_price = 0",
            "update account set held = held - 4 where kind = 'person'",
        ] {
            assert_eq!(refused(scene.app.meddle(wrong).await), ErrorKind::CheckViolation, "{wrong}");
        }
        let overflow = "update account set held = held + 9223372036854775807 where kind = 'person'";
        refused(scene.app.meddle(overflow).await);
        scene.app.settle_all().await;
        scene.app.finish().await;
    }
}
