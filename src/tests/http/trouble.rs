//! When something does not work, people are told what and what to do, in their language; machines in JSON.

use crate::support::{Answer, both_databases};
use reqwest::Method;

both_databases! {
    async fn without_credits_and_without_a_script_the_button_is_still_there_to_ask_for_less(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for _ in 0..20 {
            mika.trigger("a lighthouse #fail").await;
        }
        let page = mika.get("/create").await;
        let page = page.text();
        assert!(page.contains("data-testid=\"generate\"") && page.contains("class=\"missing\""), "{page}");
        let press = mika.bare(Method::POST, "/generate").header("sec-fetch-site", "same-origin").header("accept", "text/html");
        let press = press.header("content-type", "application/x-www-form-urlencoded").body("request_key=k&prompt=a&count=2");
        let refused = mika.send(press).await;
        assert_eq!(refused.status, 402);
        assert!(refused.text().contains("data-testid=\"generate\""), "the form can be sent again");
        app.settle_all().await;
        app.finish().await;
    }

    async fn every_error_page_has_a_sentence_in_english_and_in_japanese(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for (lang, script) in [("en", char::is_alphabetic as fn(char) -> bool), ("ja", |c| ('\u{3040}'..='\u{30ff}').contains(&c))] {
            let ask = |method: Method, path: &str| mika.bare(method, path).header("accept", "text/html").header("accept-language", lang);
            let ours = |path: &str| ask(Method::POST, path).header("sec-fetch-site", "same-origin");
            let form = "application/x-www-form-urlencoded";
            let answers: Vec<(u16, Answer)> = vec![
                (404, mika.send(ask(Method::GET, "/nowhere")).await),
                (404, mika.send(ask(Method::GET, "/g/0193b1e4-7c1f-7000-8000-000000000001")).await),
                (404, mika.send(ask(Method::GET, "/g/not-an-id")).await),
                (405, mika.send(ask(Method::GET, "/generate")).await),
                (403, mika.send(ask(Method::POST, "/generate").header("sec-fetch-site", "cross-site")).await),
                (413, mika.send(ours("/generate").header("content-type", form).body("prompt=".to_owned() + &"a".repeat(300_000))).await),
                (413, mika.send(ours("/preferences").header("content-type", form).body("next=".to_owned() + &"a".repeat(70_000))).await),
                (422, mika.send(ours("/generate").header("content-type", form).body("prompt=".to_owned() + &"%E6%B5%B7".repeat(10_000))).await),
                (415, mika.send(ours("/generate").header("content-type", "text/plain").body("prompt=a")).await),
                (422, mika.send(ours("/generate").header("content-type", form).body("prompt=&request_key=k")).await),
            ];
            for (status, answer) in answers {
                assert_eq!(answer.status, status);
                assert!(answer.header("content-type").starts_with("text/html"), "{status}");
                let page = answer.text();
                assert!(page.contains(&format!("<html lang=\"{lang}\"")), "{lang} {status}");
                let body = page.split("<main").nth(1).expect("a main part").split("</main>").next().unwrap_or_default();
                let sentence = body.split('>').filter_map(|part| part.split('<').next()).any(|text| text.chars().filter(|c| script(*c)).count() >= 8);
                assert!(sentence, "{lang} {status}: {body}");
            }
        }
        app.finish().await;
    }

    async fn machines_are_told_of_errors_in_json_with_the_id_of_the_request(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for path in ["/nowhere", "/g/not-an-id", "/api/app/generations/0193b1e4-7c1f-7000-8000-000000000001"] {
            let answer = mika.get_json(path).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"), "{path}");
            let body = answer.json();
            assert_eq!((&body["status"], body["request_id"].as_str()), (&404.into(), Some(answer.header("x-request-id"))));
            assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        }
        app.finish().await;
    }

    async fn a_form_sent_after_the_session_ended_leads_to_the_door_and_costs_nothing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        // Past the end of every session.
        app.clock.advance_ms(400 * 24 * 60 * 60 * 1_000);
        let fields = [("request_key", "k"), ("prompt", "a lighthouse")];
        let answer = mika.post("/generate", &fields).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/sign-in"), "{}", answer.header("location"));
        assert_eq!(mika.press("/generate", &fields).await.status, 401);
        assert_eq!(app.count("select count(*) from generation").await, 0);
        app.finish().await;
    }

    async fn a_database_that_is_away_is_said_and_nothing_of_it_is_shown(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let other = app.beside().await;
        let there = other.welcome(&mika);
        other.app.db.close().await;
        let page = there.get("/create").await;
        assert!(page.status.is_server_error(), "{}", page.status);
        assert!(!page.text().contains("sqlx") && !page.text().to_lowercase().contains("pool"), "{}", page.text());
        assert_eq!(there.get("/readyz").await.status, 503);
        assert_eq!(there.get("/livez").await.status, 200);
        app.finish().await;
    }
}
