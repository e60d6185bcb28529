//! The limits that people set for themselves, which hold however fast they press.

use crate::support::{Browser, Engine, TestApp, both_databases};
use futures::future::join_all;
use serde_json::json;

/// 24 hours, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn limit(browser: &Browser, daily_cap: &str, ask_above: &str, warn_below: &str) {
    let fields = [("daily_cap", daily_cap), ("ask_above", ask_above), ("warn_below", warn_below)];
    let answer = browser.post("/account/limits", &fields).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/account?done=limits"), "{}", answer.text());
}

async fn pressed(browser: &Browser, key: &str, count: &str, confirmed: &str) -> (u16, String) {
    let fields = [("request_key", key), ("prompt", "#fail"), ("count", count), ("quoted_price", count), ("confirmed", confirmed)];
    let answer = browser.press("/generate", &fields).await;
    (answer.status.as_u16(), answer.text())
}

async fn balance(app: &TestApp, browser: &Browser) -> (i64, i64) {
    app.balance(&app.person(browser).await).await
}

both_databases! {
    async fn of_forty_presses_at_once_exactly_as_many_are_taken_as_the_day_allows(app: TestApp) {
        let here = app.sign_up("mika").await;
        limit(&here, "５", "", "").await;
        let there = match app.engine() {
            Engine::Sqlite => here.clone(),
            Engine::Postgres => app.beside().await.welcome(&here),
        };
        let press = |at: usize| {
            let browser = if at.is_multiple_of(2) { here.clone() } else { there.clone() };
            async move {
                match at % 3 {
                    0 => browser.post_json("/api/app/generate", &json!({"prompt": format!("a {at}")})).await.status.as_u16(),
                    _ => pressed(&browser, &format!("press-{at}"), "1", "").await.0,
                }
            }
        };
        let answers = join_all((0..40).map(press)).await;
        let taken = answers.iter().filter(|status| matches!(status, 200 | 201)).count();
        assert_eq!((taken, answers.iter().filter(|status| **status == 402).count()), (5, 35), "{answers:?}");
        assert_eq!((app.count("select count(*) from generation").await, balance(&app, &here).await), (5, (15, 5)));
        app.settle_all().await;
        app.finish().await;
    }

    async fn what_came_back_may_be_spent_again_and_after_a_day_everything_may(app: TestApp) {
        let mika = app.sign_up("mika").await;
        limit(&mika, "2", "", "").await;
        assert_eq!(pressed(&mika, "fails", "2", "").await.0, 201);
        let (status, said) = pressed(&mika, "more", "1", "").await;
        assert_eq!(status, 402);
        assert!(said.contains("You let 2 credits be spent in 24 hours, and nothing of that is left"), "{said}");
        app.settle_all().await;
        mika.trigger_with(&json!({"prompt": "a lighthouse", "count": 2})).await;
        app.settle_all().await;
        assert_eq!(pressed(&mika, "after", "1", "").await.0, 402, "two were taken");
        let page = mika.get("/account").await.text();
        assert!(page.contains("2 in the last 24 hours"), "{page}");
        app.clock.advance_ms(DAY_MS);
        assert_eq!(pressed(&mika, "tomorrow", "2", "").await.0, 201);
        app.settle_all().await;
        app.finish().await;
    }

    async fn who_wants_to_be_asked_is_asked_once_with_a_script_and_without(app: TestApp) {
        let mika = app.sign_up("mika").await;
        limit(&mika, "", "2", "").await;
        assert_eq!(pressed(&mika, "cheap", "2", "").await.0, 201);
        let (status, said) = pressed(&mika, "dear", "4", "").await;
        assert!(status == 409 && said.contains("\"price\":4") && said.contains("asked above 2"), "{said}");
        assert_eq!(pressed(&mika, "dear", "4", "3").await.0, 409, "a yes to three is none to four");
        assert_eq!(pressed(&mika, "dear", "4", "４").await.0, 201);
        assert_eq!(pressed(&mika, "dear", "4", "").await.0, 200, "the same press again is not asked about again");

        let fields = [("request_key", "plain"), ("prompt", "a lighthouse"), ("count", "3"), ("quoted_price", "3")];
        let asked = mika.post("/generate", &fields).await;
        assert_eq!(asked.status, 409);
        let page = asked.text();
        assert!(page.contains("name=\"confirmed\" value=\"3\"") && page.contains("a lighthouse"), "{page}");
        assert_eq!(mika.post("/generate", &[&fields[..], &[("confirmed", "3")]].concat()).await.status, 303);

        mika.trigger_with(&json!({"prompt": "#fail", "count": 4})).await;
        app.settle_all().await;
        app.finish().await;
    }

    async fn who_wants_to_be_told_is_told_on_every_page_and_only_below(app: TestApp) {
        let mika = app.sign_up("mika").await;
        limit(&mika, "", "", "20").await;
        assert!(!mika.get("/create").await.text().contains("left to spend"));
        mika.trigger("a lighthouse").await;
        app.settle_all().await;
        for path in ["/create", "/gallery", "/credits", "/account"] {
            assert!(mika.get(path).await.text().contains("You have 19 credits left to spend."), "{path}");
        }
        limit(&mika, "", "", "").await;
        assert!(!mika.get("/create").await.text().contains("left to spend"));
        app.finish().await;
    }

    async fn what_is_no_number_is_said_at_its_field_and_changes_nothing(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        limit(&mika, "7", "", "").await;
        let answer = mika.post("/account/limits", &[("daily_cap", "lots"), ("ask_above", "3")]).await;
        let page = answer.text();
        assert!(answer.status == 422 && page.contains("value=\"lots\"") && page.contains("value=\"3\""), "{page}");
        assert_eq!(page.matches("aria-invalid=\"true\"").count(), 1, "{page}");
        assert!(mika.get("/account").await.text().contains("value=\"7\""));
        assert!(!noor.get("/account").await.text().contains("value=\"7\""), "each has limits of their own");
        app.finish().await;
    }
}
