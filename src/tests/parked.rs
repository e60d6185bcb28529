//! What is left to an operator, and taken up again.

use crate::support::{TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::generation::parked::{self, Parked};
use atelier::server::worker::core::LOST_LEASES;
use futures::future::join_all;

/// What the worker finds when it claims a row that so many have lost before.
async fn poisoned(app: &TestApp, id: &GenerationId) {
    let mut tx = app.db().begin().await.expect("a transaction");
    sqlx::query("update generation set lost_leases = $2, run_at = $3 where id = $1")
        .bind(id)
        .bind(LOST_LEASES)
        .bind(app.clock.now())
        .execute(tx.connection())
        .await
        .expect("an update");
    tx.commit().await.expect("a commit");
    app.worker.turn().await.expect("a turn");
    assert_eq!(app.state(id).await, State::Parked);
}

async fn list(app: &TestApp) -> Vec<Parked> {
    parked::list(app.db()).await.expect("the database")
}

async fn take_up(app: &TestApp, id: &GenerationId) -> Option<State> {
    parked::take_up(app.db(), id, "ada", app.clock.now()).await.expect("the database")
}

/// The last line of a timeline: from, to and why.
async fn last_line(app: &TestApp, id: &GenerationId) -> (Option<String>, String, Option<String>) {
    sqlx::query_as(
        "select from_state, to_state, detail from generation_event where generation_id = $1 order by at desc, id desc limit 1",
    )
    .bind(id)
    .fetch_one(app.db().pool())
    .await
    .expect("a line")
}

both_databases! {
    async fn what_was_parked_goes_on_where_it_was_and_is_made_and_paid_for_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        for (at, was) in (1_i64..).zip([State::Waiting, State::Storing]) {
            let id = mika.trigger("a lighthouse").await;
            app.until(&id, was).await;
            poisoned(&app, &id).await;
            let listed = list(&app).await;
            assert_eq!(listed.iter().map(|one| (one.id.clone(), one.was)).collect::<Vec<_>>(), [(id.clone(), Some(was))]);
            assert_eq!(listed[0].why.as_deref(), Some("it was lost by its worker too often"));
            assert_eq!(listed[0].since, Some(app.clock.now()));

            assert_eq!(take_up(&app, &id).await, Some(was));
            let (from, to) = (Some(State::Parked.as_str().to_owned()), was.as_str().to_owned());
            assert_eq!(last_line(&app, &id).await, (from, to, Some("taken up again by ada".to_owned())));
            assert_eq!((take_up(&app, &id).await, list(&app).await), (None, Vec::new()), "once");
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded);
            assert_eq!((app.balance(&person).await, i64::try_from(app.bought()).expect("few")), ((20 - at, 0), at));
        }
        app.worker.clear_spool().await.expect("the hourly look for what nobody waits for");
        app.finish().await;
    }

    async fn a_paid_call_without_an_answer_is_looked_for_once_more_and_not_made_again(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        // As a worker leaves it that died before it heard the answer, with nothing more to be spent.
        app.until(&id, State::Waiting).await;
        app.meddle(
            "update generation set state = 'submitting', prediction_id = null, prediction_status = null, reconciles = 2, paid_attempts = 0,
                    given_up = 3;
             update submission set prediction_id = null, outcome = null;
             insert into generation_event (id, generation_id, at, epoch, from_state, to_state, detail)
               select 'a line', id, updated_at + 1, 1, 'submitting', 'parked', 'the budget of paid calls is spent' from generation;
             update generation set state = 'parked', lease_owner = null, lease_until = 0",
        ).await.expect("an update");
        let sold = app.bought();
        assert_eq!(take_up(&app, &id).await, Some(State::Submitting));
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, sold), "it was there all the time");
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0));
        app.finish().await;
    }

    async fn what_was_asked_to_stop_or_is_past_its_time_is_left_to_end(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (stopped, late) = (mika.trigger("a lighthouse #slow").await, mika.trigger("a windmill #slow").await);
        for id in [&stopped, &late] {
            app.until(id, State::Waiting).await;
            poisoned(&app, id).await;
        }
        assert_eq!(mika.post(&format!("/g/{stopped}/cancel"), &[]).await.status, 303);
        assert_eq!(take_up(&app, &stopped).await, None);
        app.clock.advance_ms(atelier::server::generation::DEADLINE_MS);
        assert_eq!(take_up(&app, &late).await, None);
        assert_eq!(take_up(&app, &GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001")).await, None);
        app.settle_all().await;
        assert_eq!((app.state(&stopped).await, app.state(&late).await), (State::Canceled, State::Failed));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn of_many_operators_at_once_one_takes_it_up(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.until(&id, State::Waiting).await;
        poisoned(&app, &id).await;
        let taken = join_all((0..8).map(|_| take_up(&app, &id))).await;
        assert_eq!(taken.into_iter().flatten().collect::<Vec<_>>(), [State::Waiting]);
        app.settle_all().await;
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0));
        app.finish().await;
    }
}
