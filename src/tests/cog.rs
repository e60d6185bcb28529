//! Models on servers of our own: added by their address, run there, and whatever goes wrong on the way is finished or given
//! back, never both and never neither.

mod fake;

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::worker::Worker;
use fake::{FakeCog, Run, picture};
use serde_json::json;
use std::time::Duration;

const NAME: &str = "mika/cellar";

/// Somebody who keeps the catalogue, with a model on this server that everybody is offered.
async fn keeper(app: &TestApp, cog: &FakeCog) -> Browser {
    let mika = app.sign_up("mika").await;
    let added = mika.post("/admin/models", &[("name", NAME), ("endpoint", &format!(" {}/ ", cog.url))]).await;
    assert_eq!(
        (added.status.as_u16(), added.header("location")),
        (303, "/admin/models/mika/cellar?done=added"),
        "{}",
        added.text()
    );
    assert_eq!(mika.post("/admin/models/mika/cellar", &fields(&cog.url)).await.status, 303);
    mika
}

fn fields(endpoint: &str) -> Vec<(&str, &str)> {
    vec![
        ("label", "Cellar"),
        ("task", "image"),
        ("price_rule", "run"),
        ("unit_price", "3"),
        ("max_count", "1"),
        ("max_seconds", "0"),
        ("place", "3"),
        ("enabled", "yes"),
        ("endpoint", endpoint),
    ]
}

async fn press(browser: &Browser) -> GenerationId {
    browser.trigger_with(&json!({"prompt": "a fox", "model": NAME})).await
}

/// Waits for what another task brings about.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Turns a worker beside the test until it is told that a run is under way.
async fn under_way(app: &TestApp, cog: &FakeCog, id: &GenerationId) -> tokio::task::JoinHandle<()> {
    // A row is claimed again only after its run was given a name.
    app.worker.turn().await.expect("a turn");
    let worker = app.worker.clone();
    let turning = tokio::spawn(async move {
        worker.turn().await.expect("a turn");
    });
    until("it runs", async || cog.asked() > 0 && status(app, id).await == "processing").await;
    turning
}

async fn status(app: &TestApp, id: &GenerationId) -> String {
    let row = sqlx::query_as("select prediction_status from generation where id = $1").bind(id.as_str());
    let (status,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
    status.unwrap_or_default()
}

async fn failure(app: &TestApp, id: &GenerationId) -> String {
    let row = sqlx::query_as("select failure from generation where id = $1").bind(id.as_str());
    let (failure,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
    failure.unwrap_or_default()
}

async fn balance(app: &TestApp, browser: &Browser) -> (i64, i64) {
    app.balance(&app.person(browser).await).await
}

both_databases! {
    async fn a_model_on_a_server_of_our_own_is_added_by_its_address_and_makes_a_picture_that_is_kept(app: TestApp) {
        let cog = FakeCog::start(&[Run::Answer(200, picture())]).await;
        let mika = keeper(&app, &cog).await;
        let page = mika.get("/admin/models/mika/cellar").await.text();
        assert!(page.contains(&cog.url) && page.contains("ready") && page.contains("Read again what it takes"), "{page}");
        assert!(mika.get("/admin/models").await.text().contains("own server"));
        let id = press(&mika).await;
        app.settle_all().await;
        let told = mika.told(&id).await;
        assert_eq!(told["status"], "completed", "{told}");
        assert_eq!(balance(&app, &mika).await, (17, 0));
        let (input, headers) = cog.last();
        assert_eq!(input["prompt"], "a fox");
        assert!(headers.get("authorization").is_none(), "nothing secret goes there");
        assert_eq!(cog.names(), [format!("cog-{id}-1")]);
        assert_eq!(app.sandbox.invoice().len(), 0, "Replicate was asked for nothing");
        assert_eq!(app.count("select count(*) from generation where prediction_output is not null").await, 0);
        app.finish().await;
    }

    async fn a_server_that_is_no_cog_is_refused_in_clear_words_and_a_changed_one_is_read_again(app: TestApp) {
        let cog = FakeCog::start(&[Run::Garbage]).await;
        let mika = keeper(&app, &cog).await;
        let add = async |name: &str, endpoint: &str| mika.post("/admin/models", &[("name", name), ("endpoint", endpoint)]).await;
        for (name, endpoint, words) in [
            ("mika", cog.url.as_str(), "This is no owner/name."),
            (NAME, &cog.url, "in the catalogue already"),
            ("mika/other", "10.0.0.7:5000", "This is no address of a server."),
            ("mika/other", "http://127.0.0.1:1", "No Cog server answers"),
        ] {
            let refused = add(name, endpoint).await;
            assert!(refused.status == 422 && refused.text().contains(words), "{words}: {}", refused.text());
        }
        let again = mika.post("/admin/models/mika/cellar/move", &[]).await.text();
        assert!(again.contains("Read again from its server.") && again.contains("the same as before"), "{again}");
        cog.describe(json!({"Input": {"type": "object", "properties": {"words": {"type": "string"}}}}));
        let again = mika.post("/admin/models/mika/cellar/move", &[]).await.text();
        assert!(again.contains("New settings: words.") && again.contains("Settings that are gone:"), "{again}");
        cog.describe(json!({"Output": {}}));
        let refused = add("mika/other", &cog.url).await.text();
        assert!(refused.contains("does not say what its model takes"), "{refused}");
        let again = mika.post("/admin/models/mika/cellar/move", &[]).await.text();
        assert!(again.contains("Nothing was changed."), "{again}");
        drop(cog);
        let page = mika.get("/admin/models/mika/cellar").await.text();
        assert!(page.contains("does not answer"), "{page}");
        app.finish().await;
    }

    async fn what_ends_badly_gives_every_credit_back_and_says_why(app: TestApp) {
        let mika = keeper(&app, &FakeCog::start(&[Run::Garbage]).await).await;
        let words = json!({"detail": [{"loc": ["body", "input"], "msg": "too long"}]});
        let failed = json!({"status": "failed", "error": "Prediction failed: ValueError: no"});
        for (run, asked, class) in [
            (Run::Answer(422, words), 1, "invalid_input"),
            (Run::Answer(200, failed), 1, "model_failed"),
            (Run::Answer(200, json!({"status": "succeeded", "output": null})), 1, "model_failed"),
            (Run::Garbage, 2, "provider_busy"),
            (Run::Dies, 2, "provider_busy"),
            (Run::Answer(500, json!({"error": "oops"})), 2, "provider_busy"),
            (Run::Answer(200, json!({"status": "failed", "error": "Worker crashed"})), 2, "provider_busy"),
            (Run::Answer(200, json!({"status": "succeeded", "output": ["https://10.1.2.3/secret.png"]})), 1, "output_lost"),
        ] {
            let cog = FakeCog::start(std::slice::from_ref(&run)).await;
            assert_eq!(mika.post("/admin/models/mika/cellar", &fields(&cog.url)).await.status, 303, "it moves to this server");
            let id = press(&mika).await;
            app.settle_all().await;
            assert_eq!((app.state(&id).await, failure(&app, &id).await.as_str()), (State::Failed, class), "{run:?}");
            assert_eq!((balance(&app, &mika).await, cog.asked()), ((20, 0), asked), "{run:?}");
        }
        app.finish().await;
    }

    async fn a_server_that_dies_in_the_middle_or_answers_nonsense_once_is_asked_again_and_the_picture_is_paid_once(app: TestApp) {
        let cog = FakeCog::start(&[Run::Dies, Run::Answer(200, picture()), Run::Garbage, Run::Answer(200, picture())]).await;
        let mika = keeper(&app, &cog).await;
        for posted in [17, 14] {
            let id = press(&mika).await;
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded);
            assert_eq!(cog.names().last(), Some(&format!("cog-{id}-2")));
            assert_eq!(balance(&app, &mika).await, (posted, 0));
        }
        assert_eq!(cog.asked(), 4);
        app.finish().await;
    }

    async fn a_busy_server_a_starting_one_and_one_that_is_away_cost_no_attempt(app: TestApp) {
        let busy = Run::Answer(409, json!({"error": "At capacity"}));
        let starting = Run::Answer(503, json!({"error": "Setup has not finished yet."}));
        let cog = FakeCog::start(&[busy.clone(), starting, busy, Run::Answer(200, picture())]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, cog.asked()), (State::Succeeded, 4));
        assert_eq!(app.count("select paid_attempts from generation").await, 1);
        // Away for good: its deadline gives everything back.
        drop(cog);
        let late = press(&mika).await;
        app.settle_all().await;
        assert_eq!((app.state(&late).await, failure(&app, &late).await.as_str()), (State::Failed, "timeout"));
        assert_eq!(balance(&app, &mika).await, (17, 0));
        assert_eq!(app.count("select count(*) from pause").await, 0, "it is not Replicate that is away");
        app.finish().await;
    }

    async fn one_run_at_a_time_goes_to_such_a_server_and_the_others_wait_in_the_queue(app: TestApp) {
        let cog = FakeCog::start(&[Run::Slow(picture())]).await;
        let mika = keeper(&app, &cog).await;
        let first = press(&mika).await;
        let turning = under_way(&app, &cog, &first).await;
        let second = press(&mika).await;
        app.worker.turn().await.expect("a turn");
        assert_eq!((app.state(&second).await, cog.asked()), (State::Queued, 1));
        cog.finish();
        turning.await.expect("the first ends");
        let turning = under_way(&app, &cog, &second).await;
        cog.finish();
        turning.await.expect("the second ends");
        app.settle_all().await;
        assert_eq!(app.states().await, [State::Succeeded, State::Succeeded]);
        assert_eq!(balance(&app, &mika).await, (14, 0));
        app.finish().await;
    }

    async fn a_run_that_is_canceled_stops_there_and_gives_everything_back(app: TestApp) {
        let cog = FakeCog::start(&[Run::Slow(picture())]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        let turning = under_way(&app, &cog, &id).await;
        assert!(mika.post(&format!("/g/{id}/cancel"), &[]).await.status.is_redirection());
        turning.await.expect("it ends");
        assert_eq!((app.state(&id).await, cog.stopped()), (State::Canceled, vec![format!("cog-{id}-1")]));
        assert_eq!((balance(&app, &mika).await, cog.left()), ((20, 0), 0));
        app.finish().await;
    }

    async fn a_run_past_its_deadline_is_stopped_and_given_back(app: TestApp) {
        let cog = FakeCog::start(&[Run::Slow(picture())]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        let turning = under_way(&app, &cog, &id).await;
        app.clock.advance_ms(16 * 60 * 1_000);
        turning.await.expect("it ends");
        assert_eq!((app.state(&id).await, failure(&app, &id).await.as_str()), (State::Failed, "timeout"));
        assert_eq!((balance(&app, &mika).await, cog.stopped().len()), ((20, 0), 1));
        app.finish().await;
    }

    async fn a_worker_that_dies_in_the_middle_leaves_a_run_that_ends_and_one_that_is_made_anew(app: TestApp) {
        let cog = FakeCog::start(&[Run::Slow(picture()), Run::Answer(200, picture())]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        let turning = under_way(&app, &cog, &id).await;
        turning.abort();
        until("it notices that nobody listens", async || cog.left() == 1).await;
        app.worker_beside().await.turn().await.expect("a turn");
        assert_eq!((app.state(&id).await, cog.asked()), (State::Waiting, 1), "the lease of the dead one still runs");
        app.settle_all().await;
        assert_eq!((app.state(&id).await, cog.names().len()), (State::Succeeded, 2));
        assert_eq!(cog.names()[0], cog.names()[1], "the same run again");
        assert_eq!(balance(&app, &mika).await, (17, 0));
        app.finish().await;
    }

    async fn a_worker_that_was_frozen_and_comes_back_with_the_result_writes_nothing(app: TestApp) {
        let cog = FakeCog::start(&[Run::Slow(picture())]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        let frozen = under_way(&app, &cog, &id).await;
        // Its lease has run out, and somebody else has taken the row: the run under its name is stopped, not joined.
        app.clock.advance_ms(31_000);
        let other = Worker::new(app.tools.clone());
        other.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Queued);
        frozen.await.expect("it ends, in vain");
        assert_eq!((app.state(&id).await, balance(&app, &mika).await), (State::Queued, (17, 3)));
        assert_eq!(app.count("select count(*) from output").await, 0);
        assert!(mika.post(&format!("/g/{id}/cancel"), &[]).await.status.is_redirection());
        assert_eq!(balance(&app, &mika).await, (20, 0));
        app.finish().await;
    }

    async fn a_file_from_the_server_itself_is_kept_though_its_address_is_private(app: TestApp) {
        let files = crate::support::files::Files::start().await;
        let link = files.tell("/made/0.png", crate::support::files::whole("image/png", &crate::keeping::picture()));
        // The host of files answers for no run, so that the row is moved to it in between.
        let cog = FakeCog::start(&[Run::Answer(200, json!({"status": "succeeded", "output": link}))]).await;
        let mika = keeper(&app, &cog).await;
        let id = press(&mika).await;
        app.worker.turn().await.expect("a turn");
        app.worker.turn().await.expect("a turn");
        let mut tx = app.db().begin().await.expect("a transaction");
        let moved = sqlx::query("update generation set endpoint = $2 where id = $1").bind(id.as_str());
        moved.bind(files.origin().as_str().trim_end_matches('/').to_owned()).execute(tx.connection()).await.expect("the row");
        tx.commit().await.expect("a commit");
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        assert_eq!(files.asked("GET /made/0.png"), 1);
        app.finish().await;
    }
}
