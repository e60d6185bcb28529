//! The database under many writers, and against another session.

use crate::support::{Engine, TestApp, both_databases};
use atelier::domain::{Credits, GenerationId, PersonId, State};
use atelier::server::db::{Db, mint};
use atelier::server::generation::{self, Desk};
use atelier::server::ledger::{self, Grant};
use futures::future::join_all;
use std::time::{Duration, Instant};

#[tokio::test]
async fn rl_01_a_sqlite_that_would_not_survive_a_power_cut_is_refused() {
    let refused = Db::connect("sqlite://nowhere?mode=memory").await.expect_err("there is no journal in memory");
    assert!(refused.to_string().contains("journal_mode"), "{refused}");
}

both_databases! {
    async fn rl_01_every_connection_keeps_what_it_confirms(app: TestApp) {
        let durable: &[(&str, &str)] = match app.engine() {
            Engine::Sqlite => &[("pragma journal_mode", "wal"), ("pragma synchronous", "2"), ("pragma foreign_keys", "1")],
            // The throwaway server of the tests has fsync off; that nobody turned the commit's own promise off is ours.
            Engine::Postgres => &[("select case when current_setting('synchronous_commit') = reset_val then 'as the server says' else 'less' end \
                                    from pg_settings where name = 'synchronous_commit'", "as the server says")],
        };
        // As many at once as the pool has, so that it is not always the same one.
        let asked = (0..16).flat_map(|_| durable).map(|(question, expected)| {
            let db = app.db();
            async move {
                let row = sqlx::query(*question).fetch_one(db.pool()).await.expect("an answer");
                let said = sqlx::Row::try_get::<String, _>(&row, 0).unwrap_or_else(|_| sqlx::Row::get::<i64, _>(&row, 0).to_string());
                assert_eq!(said, *expected, "{question}");
            }
        });
        join_all(asked).await;
        app.finish().await;
    }

    async fn rl_02_five_hundred_mixed_writers_meet_no_error_and_no_deadlock(app: TestApp) {
        app.allow(1_000, 1_000, 1_000_000).await;
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let people = [app.person(&mika).await, app.person(&noor).await];
        for person in &people {
            app.grant(person, 1_000).await;
        }
        let mut queued = Vec::new();
        for at in 0..100 {
            queued.push(mika.trigger(&format!("#fail {at}")).await);
        }
        let writers = (0..500).map(|at| write(&app, at, &people[at % 2], &queued));
        let mut waits = join_all(writers).await;
        waits.sort_unstable();
        eprintln!("{:?}: p50 {:?}, p99 {:?}", app.engine(), waits[250], waits[495]);
        if app.engine() == Engine::Postgres {
            assert_eq!(deadlocks(&app).await, 0, "the verbs take their locks in one order");
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_23_a_verb_that_has_to_give_way_in_a_deadlock_is_done_again(app: TestApp) {
        // SQLite has one writer at a time, so no two ever wait for each other.
        if app.engine() == Engine::Postgres {
            let mika = app.sign_up("mika").await;
            let id = mika.trigger("a lighthouse").await;
            // Somebody who takes the locks the other way round: first the account, then the generation.
            let mut other = app.connect().await.begin().await.expect("a transaction");
            let account = sqlx::query("update account set updated_at = updated_at where kind = 'person'");
            account.execute(other.connection()).await.expect("the account");
            let cancelling = tokio::spawn({
                let (mika, id) = (mika.clone(), id.clone());
                async move { mika.post(&format!("/g/{id}/cancel"), &[]).await }
            });
            while app.count("select count(*) from pg_locks where not granted").await == 0 {
                tokio::task::yield_now().await;
            }
            // Cancelling began to wait first, so it is the first to find out, and the one to give way.
            let generation = sqlx::query("update generation set updated_at = updated_at");
            generation.execute(other.connection()).await.expect("the generation, which the verb has let go of");
            other.commit().await.expect("a commit");
            assert_eq!(cancelling.await.expect("no panic").status, 303);
            assert_eq!(app.state(&id).await, State::Canceled);
            assert_eq!(deadlocks(&app).await, 1, "there was one");
        }
        app.finish().await;
    }
}

/// One write of some kind; how long it took.
async fn write(app: &TestApp, at: usize, person: &PersonId, queued: &[GenerationId]) -> Duration {
    let (db, now, begun) = (app.db(), app.clock.now(), Instant::now());
    match at % 5 {
        0 => {
            let mut tx = db.begin().await.expect("a transaction");
            let grant = Grant::Operator { reference: mint(), reason: "a writer".to_owned() };
            ledger::grant(&mut tx, person, Credits(1), &grant, now).await.expect("a grant");
            tx.commit().await.expect("a commit");
        }
        1 => {
            let owner = app.person_named("mika").await;
            generation::cancel(db, &owner, &queued[at % queued.len()], now).await.expect("a cancel");
        }
        2 => drop(generation::admit(db, &format!("writer {at}"), 1, now).await.expect("an admission")),
        3 => drop(generation::sweep(db, now).await.expect("a sweep")),
        _ => {
            let raw = atelier::domain::RawRequest { request_key: mint(), prompt: format!("#fail {at}"), ..Default::default() };
            let catalogue = atelier::server::model::offered(db).await.expect("the catalogue");
            generation::request(&Desk::new(db.clone()), person, &raw, &catalogue, now).await.expect("a press");
        }
    }
    begun.elapsed()
}

async fn deadlocks(app: &TestApp) -> i64 {
    // Sessions report what they counted when they are idle for a second, or when they end.
    app.meddle("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await
        .expect("the server");
    app.count("select deadlocks from pg_stat_database where datname = current_database()").await
}
