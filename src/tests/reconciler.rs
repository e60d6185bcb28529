//! The reconciler: a house in order has nothing to report; whatever is planted is found, under its own name, and what an
//! operator may mend is mended once, with a reason.

use crate::support::{TestApp, both_databases};
use atelier::domain::GenerationId;
use atelier::server::clock::Clock;
use atelier::server::generation::strays;
use atelier::server::reconcile::{self, Kind, Repair, Sides};
use atelier::server::replicate::{Create, Prediction, Webhook, WebhookEvent};
use atelier::server::store::{Extension, Key};
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

/// Longer than anything may be on its way.
const SETTLED_MS: i64 = 11 * 60 * 1_000;

both_databases! {
    async fn rl_33_a_house_in_order_reports_nothing_at_any_time(app: TestApp) {
        to_the_present(&app);
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        for prompt in ["a lighthouse", "#fail", "#lost", "#interrupted", "#hooktwice"] {
            mika.trigger(prompt).await;
        }
        assert_eq!(found(&app).await, []);
        worker.turn().await.expect("a turn");
        app.sandbox.deliver_due().await;
        assert_eq!(found(&app).await, []);
        app.settle_all().await;
        for hours in [0, 1, 23, 48] {
            app.clock.advance_ms(hours * 60 * 60 * 1_000);
            assert_eq!(found(&app).await, [], "{hours} h later");
        }
        // Somebody else's, on the same account.
        bought(&app, "nothing of ours", None).await;
        app.clock.advance_ms(SETTLED_MS);
        assert_eq!(found(&app).await, []);
        app.finish().await;
    }

    async fn rl_33_every_planted_drift_is_found_and_named(app: TestApp) {
        to_the_present(&app);
        let mika = app.sign_up("mika").await;
        let kept = mika.trigger("a lighthouse").await;
        let lost = mika.trigger("a windmill").await;
        let adrift = mika.trigger("a ferry").await;
        let failed = mika.trigger("#fail").await;
        app.settle_all().await;
        let object = |id: &GenerationId| Key::output(id, 0, Extension::Webp);

        let unowned = bought(&app, "#stall", Some(format!("http://127.0.0.1:1/hooks/replicate/{failed}/1"))).await;
        let orphan = Key::output(&failed, 0, Extension::Webp);
        app.tools.store.put_bytes(&orphan, Bytes::from_static(b"nobody's")).await.expect("the store");
        let picture = app.tools.store.get(&object(&kept), None).await.expect("a picture").bytes().await.expect("whole");
        app.tools.store.delete(&object(&kept)).await.expect("the store");
        app.meddle(
            "update hold set state = 'open' where state = 'released';
             update account set held = held + 1 where kind = 'person'",
        )
        .await
        .expect("an orphan hold");
        let was: (String,) = sqlx::query_as("select prediction_id from generation where id = $1")
            .bind(lost.as_str())
            .fetch_one(app.db().pool())
            .await
            .expect("the row");
        let was = was.0;
        rename(&app, &lost, Some("neverexisted")).await;
        let adrifts = forget(&app, &adrift, None).await;
        app.clock.advance_ms(SETTLED_MS);

        let found = found(&app).await;
        let has = |kind: Kind, id: &str| found.iter().any(|(found, of)| *found == kind && of == id);
        assert!(has(Kind::Prediction, unowned.id.as_str()), "{found:?}");
        assert!(has(Kind::Object, orphan.as_str()), "{found:?}");
        assert!(has(Kind::Missing, object(&kept).as_str()), "{found:?}");
        assert!(has(Kind::Hold, failed.as_str()), "{found:?}");
        assert!(has(Kind::Books, failed.as_str()), "{found:?}");
        assert!(has(Kind::Submission, adrift.as_str()), "{found:?}");
        assert!(has(Kind::Prediction, &was), "nobody has what the row had: {found:?}");
        assert!(has(Kind::Unknown, "neverexisted"), "{found:?}");

        // What nobody decided is not touched.
        assert_eq!(app.balance(&app.person(&mika).await).await, (16, 1));
        repair(&app, Repair::Hold, failed.as_str()).await.expect_err("its release stands in the books already");
        app.meddle("update hold set state = 'released' where state = 'open'; update account set held = 0 where kind = 'person'")
            .await
            .expect("as it was");
        repair(&app, Repair::Object, orphan.as_str()).await.expect("removed");
        repair(&app, Repair::Object, object(&kept).as_str()).await.expect_err("a row names it");
        repair(&app, Repair::Prediction, unowned.id.as_str()).await.expect("declared a stray");
        repair(&app, Repair::Prediction, unowned.id.as_str()).await.expect_err("it is one already");
        app.worker.turn().await.expect("a turn");
        assert_eq!(strays::count(app.db()).await.expect("the database").running, 0, "and cancelled");
        rename(&app, &lost, Some(&was)).await;
        forget(&app, &adrift, adrifts).await;
        app.tools.store.put_bytes(&object(&kept), picture).await.expect("the store");
        assert_eq!(self::found(&app).await, []);
        app.finish().await;
    }

    async fn rl_33_what_runs_on_or_never_ends_is_found(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        app.worker.turn().await.expect("a turn");
        app.meddle("insert into stray (prediction_id, generation_id, seq, source, found_at, run_at) values ('p', 'g', 1, 'list', 0, 9000000000000)")
            .await
            .expect("a stray that nobody stops");
        let kinds = |found: &[(Kind, String)]| found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        assert_eq!(kinds(&found(&app).await), [Kind::Stray]);
        app.clock.advance_ms(4 * 60 * 60 * 1_000);
        assert_eq!(kinds(&found(&app).await), [Kind::Hold, Kind::Stray, Kind::Overdue]);
        app.meddle("delete from stray").await.expect("gone");
        app.settle_all().await;
        assert_eq!(found(&app).await, []);
        assert!(app.state(&id).await.is_terminal());
        app.finish().await;
    }

    async fn rl_33_an_orphan_hold_is_given_back_by_an_operator_with_a_reason(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        app.worker.turn().await.expect("a turn");
        let prediction = app.sandbox.invoice().remove(0).id;
        repair(&app, Repair::Hold, id.as_str()).await.expect_err("it is still wanted");
        // Somebody ended it by hand, and forgot the money.
        app.meddle("update generation set state = 'failed', failure = 'internal', finished_at = 0").await.expect("a hand");
        let person = app.person(&mika).await;
        assert_eq!(app.balance(&person).await, (19, 1));
        app.clock.advance_ms(SETTLED_MS);
        let (books, hold) = ((Kind::Books, id.to_string()), (Kind::Hold, id.to_string()));
        let running = (Kind::Running, prediction.to_string());
        assert_eq!(found(&app).await, [books.clone(), books, hold, running.clone()]);
        repair(&app, Repair::Hold, id.as_str()).await.expect("given back");
        assert_eq!(app.balance(&person).await, (20, 0));
        let said = "select count(*) from txn where kind = 'release' and actor = 'operator' and reason = 'for a test'";
        assert_eq!(app.count(said).await, 1);
        repair(&app, Repair::Hold, id.as_str()).await.expect_err("once");
        assert_eq!(found(&app).await, [running], "one thing at a time");
        app.tools.replicate.cancel(&prediction).await.expect("a cancel");
        assert_eq!(found(&app).await, []);
        app.finish().await;
    }
}

/// The object store goes by a clock of its own.
fn to_the_present(app: &TestApp) {
    app.clock.advance_ms(Clock::System.now().since(app.clock.now()));
}

/// Everything that does not agree, in order.
async fn found(app: &TestApp) -> Vec<(Kind, String)> {
    let found = reconcile::look(&sides(app), app.clock.now()).await.expect("every side answers");
    let mut found: Vec<_> = found.into_iter().map(|drift| (drift.kind, drift.id)).collect();
    found.sort();
    found
}

fn sides(app: &TestApp) -> Sides {
    Sides { db: app.db().clone(), store: app.tools.store.clone(), replicate: Some(app.tools.replicate.clone()) }
}

async fn repair(app: &TestApp, what: Repair, id: &str) -> anyhow::Result<String> {
    reconcile::repair(&sides(app), what, id, "for a test", app.clock.now()).await
}

/// Buys a prediction behind our own back.
async fn bought(app: &TestApp, prompt: &str, webhook: Option<String>) -> Prediction {
    let webhook = webhook.map(|url| Webhook { url, events: vec![WebhookEvent::Completed] });
    let model = atelier::domain::ModelName::trusted("black-forest-labs/flux-schnell");
    let create = Create { model, version: None, input: json!({"prompt": prompt}), webhook };
    app.tools.replicate.create(&create, Duration::from_hours(1)).await.expect("a prediction")
}

/// Gives a generation and its paid call another prediction.
async fn rename(app: &TestApp, id: &GenerationId, prediction: Option<&str>) {
    change(app, "update generation set prediction_id = $2 where id = $1", id, prediction).await;
    change(app, "update submission set prediction_id = $2 where generation_id = $1", id, prediction).await;
}

/// Lets a paid call know another prediction, or none; the one that it knew.
async fn forget(app: &TestApp, id: &GenerationId, prediction: Option<String>) -> Option<String> {
    let was = sqlx::query_as("select prediction_id from submission where generation_id = $1");
    let (was,): (Option<String>,) = was.bind(id.as_str()).fetch_one(app.db().pool()).await.expect("the paid call");
    change(app, "update submission set prediction_id = $2 where generation_id = $1", id, prediction.as_deref()).await;
    was
}

async fn change(app: &TestApp, statement: &'static str, id: &GenerationId, prediction: Option<&str>) {
    let mut tx = app.db().begin().await.expect("a transaction");
    let change = sqlx::query(statement).bind(id.as_str()).bind(prediction.map(str::to_owned));
    change.execute(tx.connection()).await.expect("a change");
    tx.commit().await.expect("a commit");
}
