//! Clocks that disagree, and clocks that are set back.

use crate::support::{Engine, TestApp, both_databases};
use crate::v1::Program;
use atelier::domain::{State, Timestamp};
use atelier::server::clock::Clock;
use atelier::server::generation;
use atelier::server::worker::{Tools, Worker};
use serde_json::json;

const TEN_MINUTES_MS: i64 = 10 * 60 * 1_000;
const HOUR_MS: i64 = 60 * 60 * 1_000;

both_databases! {
    async fn rl_24_machines_whose_clocks_are_ten_minutes_off_take_nobodys_lease_and_end_nothing_early(app: TestApp) {
        if app.engine() == Engine::Postgres {
            let (behind, ahead) = (Clock::System.corrected(-TEN_MINUTES_MS), Clock::System.corrected(TEN_MINUTES_MS));
            let (slow, fast) = (behind.corrected(0), ahead.corrected(0));
            for clock in [&slow, &fast] {
                app.db().set_right(clock).await.expect("the time of the database");
            }
            assert!(fast.now().since(slow.now()).abs() < 1_000, "both go by the database's");
            // Pressed and admitted by the slow machine.
            let web = app.beside_at(&slow).await;
            let mika = web.visitor();
            mika.sign_up("mika").await;
            let id = mika.trigger("a lighthouse").await;
            let admitted = generation::admit(app.db(), "slow", 9, slow.now()).await.expect("the database").jobs;
            assert_eq!(admitted.len(), 1);
            assert_eq!(taken_or_ended(&app, fast.now()).await, 0, "the fast one takes and ends nothing");
            assert_eq!(app.state(&id).await, State::Submitting);
            let queued = mika.trigger("a windmill").await;
            assert_eq!(taken_or_ended(&app, fast.now()).await, 0);
            assert_eq!(app.state(&queued).await, State::Queued);
            // What either would do by its own clock: this is what the correction is for.
            assert_eq!(taken_or_ended(&app, ahead.now()).await, 1, "by its own, the fast one steals");
            assert_eq!(generation::admit(app.db(), "slow", 9, behind.now()).await.expect("the database").jobs.len(), 0, "and the slow one waits");
        }
        app.finish().await;
    }

    async fn rl_24_what_was_under_way_when_a_machine_was_set_back_an_hour_does_not_wait_for_it(app: TestApp) {
        let web = app.beside_at(&Clock::System).await;
        let mika = web.visitor();
        mika.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        // Stopped, set back, started again.
        let set_back = Clock::System.corrected(-HOUR_MS);
        let admitted = generation::admit(app.db(), "set back", 9, set_back.now()).await.expect("the database").jobs;
        assert_eq!(admitted.len(), 0, "by its own time there is nothing to do yet");
        let clock = set_back.corrected(0);
        app.db().set_right(&clock).await.expect("the time of the database");
        assert!(Clock::System.now().since(clock.now()) < TEN_MINUTES_MS);
        let worker = Worker::new(Tools { clock: clock.clone(), ..app.tools.clone() });
        while !app.state(&id).await.is_terminal() {
            worker.turn().await.expect("a turn");
            app.clock.advance_ms(1_000);
        }
        assert_eq!(app.state(&id).await, State::Succeeded);
        app.finish().await;
    }

    async fn rl_24_nothing_takes_less_than_no_time(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let id = mika.trigger("a lighthouse").await;
        app.clock.advance_ms(-HOUR_MS);
        generation::cancel(app.db(), &app.person(&mika).await, &id, app.clock.now()).await.expect("the database");
        let told = program.get(&format!("/v1/predictions/{id}")).await.json();
        assert_eq!((&told["status"], &told["metrics"]["total_time"]), (&json!("canceled"), &json!(0.0)), "{told}");
        app.finish().await;
    }
}

async fn taken_or_ended(app: &TestApp, now: Timestamp) -> usize {
    let taken = generation::claim(app.db(), "fast", 9, now).await.expect("the database");
    taken.len() + generation::sweep(app.db(), now).await.expect("the database")
}
