//! The same once more: a press of its own, with the input and the version that were stored, and a verdict on what came.

use crate::support::{Answer, Browser, both_databases};
use atelier::domain::GenerationId;
use serde_json::{Value, json};

both_databases! {
    async fn once_more_is_a_paid_press_with_the_stored_input_that_remembers_what_it_repeats(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "a lighthouse", "count": 2})).await;
        app.settle_all().await;
        let page = mika.get(&format!("/g/{id}")).await.text();
        assert!(page.contains("Make again · 2 credits"), "{page}");
        let first = again(&mika, &id, "press-1", "2").await;
        assert_eq!(first.status, 303, "{}", first.text());
        let twice = again(&mika, &id, "press-1", "2").await;
        assert_eq!(first.header("location"), twice.header("location"), "the same press again is the same generation");
        assert_eq!(app.balance(&app.person(&mika).await).await, (16, 2));
        app.settle_all().await;
        let child = GenerationId::parse(first.header("location").trim_start_matches("/g/")).expect("an id");
        let (before, after) = (receipt(&mika, &id).await, receipt(&mika, &child).await);
        assert_eq!(before["input"], after["input"]);
        assert_eq!((&after["retry_of"], &after["credits"]["charged"]), (&json!(id.as_str()), &json!(2)));
        // The sandbox draws the same picture from the same words and seed.
        assert_eq!(after["verdict"], json!("identical"));
        assert_eq!(before["verdict"], json!(null));
        let page = mika.get(&format!("/g/{child}")).await.text();
        assert!(page.contains("data-verdict=\"identical\"") && page.contains(&format!("/compare?a={id}&amp;b={child}")), "{page}");
        assert!(mika.get(&format!("/g/{id}")).await.text().contains(&format!("/g/{child}")), "a parent knows its children");
        assert_eq!(app.balance(&app.person(&mika).await).await, (16, 0));
        app.finish().await;
    }

    async fn what_came_out_differently_is_called_changed(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "a lighthouse", "seed": 7})).await;
        app.settle_all().await;
        // A model that does not repeat itself: what it is told this time is not what it was told before.
        app.meddle("update generation set input = replace(input, '\"seed\":7', '\"seed\":8')").await.expect("an update");
        let child = again(&mika, &id, "k", "1").await;
        app.settle_all().await;
        let child = GenerationId::parse(child.header("location").trim_start_matches("/g/")).expect("an id");
        assert_eq!(receipt(&mika, &child).await["verdict"], json!("changed"));
        app.finish().await;
    }

    async fn a_price_that_rose_a_model_that_went_and_a_stranger_cost_nothing(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        assert_eq!(again(&noor, &id, "k", "1").await.status, 404);
        assert_eq!(again(&mika, &id, "", "1").await.status, 422);
        app.meddle("update model set unit_price = 5").await.expect("an update");
        let risen = again(&mika, &id, "k", "1").await;
        assert_eq!(risen.status, 409);
        assert!(risen.text().contains("Make again · 5 credits"), "the new price is on the button");
        app.meddle("update model set enabled_at = null").await.expect("an update");
        assert_eq!(again(&mika, &id, "k", "5").await.status, 422);
        assert_eq!(app.count("select count(*) from generation").await, 1);
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0));
        app.finish().await;
    }

    async fn a_remix_fills_the_form_with_everything_presses_nothing_and_is_remembered_when_it_is_pressed(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger_with(&json!({"prompt": "a lighthouse", "count": 3, "aspect_ratio": "16:9", "seed": 424_242})).await;
        app.settle_all().await;
        let form = mika.get(&format!("/create?remix={id}")).await.text();
        assert!(form.contains("a lighthouse") && form.contains(&format!("name=\"remix_of\" value=\"{id}\"")), "{form}");
        assert!(!form.contains("value=\"424242\"") && mika.get(&format!("/create?remix={id}&seed=keep")).await.text().contains("value=\"424242\""));
        assert_eq!(app.count("select count(*) from generation").await, 1, "nothing was pressed");
        let press = |key: &'static str| [("request_key", key), ("prompt", "a lighthouse"), ("count", "1"), ("remix_of", id.as_str())];
        let (hers, foreign) = (mika.press("/generate", &press("r")).await, noor.press("/generate", &press("r")).await);
        assert_eq!((hers.status.as_u16(), foreign.status.as_u16()), (201, 201));
        app.settle_all().await;
        let of = async |who: &Browser, answer: &Answer| {
            let id = GenerationId::trusted(answer.json()["id"].as_str().expect("an id"));
            receipt(who, &id).await["remix_of"].clone()
        };
        assert_eq!((of(&mika, &hers).await, of(&noor, &foreign).await), (json!(id.as_str()), json!(null)));
        app.finish().await;
    }
}

async fn again(browser: &Browser, id: &GenerationId, key: &str, price: &str) -> Answer {
    browser.post(&format!("/g/{id}/again"), &[("request_key", key), ("quoted_price", price)]).await
}

async fn receipt(browser: &Browser, id: &GenerationId) -> Value {
    browser.get_json(&format!("/g/{id}/receipt.json")).await.json()
}
