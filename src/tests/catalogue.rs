//! The catalogue: what people find in it, and what its keeper can change without touching what was asked for before.

mod keeper;
mod upstream;

use crate::support::{TestApp, both_databases};
use atelier::domain::{ModelName, Timestamp};
use atelier::server::model::{self, Actor};
use serde_json::json;
use sqlx::Connection;

/// A moment that no clock of a test has come to.
const LATER: Timestamp = Timestamp(1_900_000_000_000);

/// The default set, as a house has it that was served once.
async fn stocked(app: TestApp) -> TestApp {
    model::stock(app.db(), app.clock.now()).await.expect("the default set");
    app
}

/// The names on a page, in its order.
fn names(page: &str) -> Vec<&str> {
    page.split("data-model=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

both_databases! {
    async fn everybody_sees_what_is_offered_at_its_price_and_goes_on_to_the_form_with_it(app: TestApp) {
        let app = stocked(app).await;
        let (_, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let page = noor.get("/models").await;
        assert_eq!(page.status, 200);
        let page = page.text();
        assert_eq!((names(&page).len(), names(&page)[0]), (14, "black-forest-labs/flux-schnell"));
        assert!(page.contains("170 credits a run") && page.contains("1 credit a picture") && !page.contains("/admin/"));
        let form = noor.get("/create?model=stability-ai/sdxl").await.text();
        let chosen = form.split("<option value=\"stability-ai/sdxl\"").nth(1).and_then(|rest| rest.split('>').next());
        assert!(chosen.is_some_and(|attributes| attributes.contains("selected")), "it stands in the form: {chosen:?}");
        app.finish().await;
    }

    async fn a_search_stands_in_the_address_and_is_answered_without_a_script(app: TestApp) {
        let app = stocked(app).await;
        let mika = app.sign_up("mika").await;
        for (query, found) in [
            ("q=FLUX+schnell", vec!["black-forest-labs/flux-schnell"]),
            ("q=%E8%AA%AD%E3%81%BF%E4%B8%8A%E3%81%92", vec!["jaaari/kokoro-82m"]),
            ("task=video", vec!["minimax/video-01"]),
            ("task=edit&price=13", vec!["google/nano-banana"]),
            ("task=text&price=nonsense&q=", vec!["meta/meta-llama-3-8b-instruct"]),
            ("q=flux&task=video", vec![]),
        ] {
            let page = mika.get(&format!("/models?{query}")).await;
            assert_eq!((page.status.as_u16(), names(&page.text())), (200, found), "{query}");
        }
        assert!(mika.get("/models?q=flux&task=video").await.text().contains("No model fits"));
        let ours = mika.bare(reqwest::Method::GET, "/models?task=video").header("accept-language", "ja");
        assert!(mika.send(ours).await.text().contains("1回170クレジット"));
        app.finish().await;
    }

    async fn how_long_a_model_usually_takes_is_said_from_the_fifth_run_on(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for run in 1..=5 {
            assert!(!mika.get("/models").await.text().contains("usually"), "before run {run}");
            mika.trigger("a lighthouse").await;
            mika.trigger("#fail").await;
            app.settle_all().await;
        }
        app.meddle("update generation set started_at = finished_at - 7000 where state = 'succeeded';
                    update generation set started_at = finished_at - 99000 where state = 'failed'").await.expect("a database");
        let page = mika.get("/models").await.text();
        assert!(page.contains("usually 7 s"), "{page}");
        assert_eq!(page.matches("usually").count(), 1, "of the other model nothing is known");
        app.finish().await;
    }

    async fn of_many_runs_the_last_two_hundred_count(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        // Copies of one row, so that nobody has to wait for three hundred pictures: the older ones were slow.
        let columns = "owner_id, request_hash, model, prompt, aspect, count, input, unit_price, price, run_at, deadline_at, created_at, updated_at";
        let copy = format!(
            "insert into generation (id, request_key, state, started_at, finished_at, {columns})
             select $1, $1, 'succeeded', finished_at + $2, finished_at + $2 + $3, {columns} from generation where id = '{id}'"
        );
        let mut connection = app.stranger().await.expect("a connection");
        for run in 0..250_i64 {
            let (later, took) = (1_000_000 * (run + 1), if run < 50 { 90_000_i64 } else { 4_000 });
            let row = sqlx::query(sqlx::AssertSqlSafe(copy.clone())).bind(format!("copy-{run}")).bind(later).bind(took);
            row.execute(&mut connection).await.expect("a row");
        }
        connection.close().await.expect("an end");
        let usual = model::usual(app.db(), &ModelName::trusted("black-forest-labs/flux-schnell")).await;
        let usual = usual.expect("the database").expect("enough runs");
        assert_eq!((usual.from, usual.to), (4, 4));
        app.meddle("delete from generation where id like 'copy-%'").await.expect("a database");
        app.finish().await;
    }

    async fn a_model_that_is_switched_off_between_page_and_press_is_refused_with_words(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let press = [("prompt", "a lighthouse"), ("model", "stability-ai/sdxl"), ("request_key", "k"), ("quoted_price", "2"), ("count", "1")];
        let off = model::offer(app.db(), &Actor::Operator, "stability-ai/sdxl", false, app.clock.now()).await;
        assert_eq!(off.expect("the database"), Some(true));
        let answer = mika.press("/generate", &press).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["problems"], json!([{"field": "model", "problem": "invalid"}]), "{}", answer.text());
        let page = mika.post("/generate", &press).await;
        assert_eq!(page.status, 422);
        assert!(page.text().contains("a lighthouse"), "what was typed is still there");
        assert_eq!(app.count("select count(*) from generation").await, 0);
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }
}
