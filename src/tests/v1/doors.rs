//! Who is let in, and how fast.

use super::{Program, SCHNELL};
use crate::routes::{For, ROUTES};
use crate::support::both_databases;
use atelier::domain::Scopes;
use reqwest::Method;
use serde_json::{Value, json};

both_databases! {
    async fn se_31_without_a_key_nothing_opens_and_the_words_are_replicates(app: TestApp) {
        let visitor = app.visitor();
        let none = visitor.get_json("/v1/account").await;
        assert_eq!((none.status.as_u16(), none.header("content-type")), (401, "application/problem+json"));
        assert_eq!(none.json(), json!({"title": "Unauthenticated", "detail": "You did not pass an authentication token", "status": 401}));
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let mut wrong = program.token.clone();
        wrong.pop();
        wrong.push(if program.token.ends_with('0') { '1' } else { '0' });
        for token in [wrong.as_str(), "r8_nothing", "", "é"] {
            let request = visitor.bare(Method::GET, "/v1/account").header("authorization", format!("Bearer {token}").as_bytes());
            let answer = visitor.send(request).await;
            assert_eq!(answer.json()["detail"], "You did not pass a valid authentication token", "{token}");
        }
        let old = visitor.bare(Method::GET, "/v1/account").header("authorization", format!("Token {}", program.token));
        assert_eq!(visitor.send(old).await.json()["username"], "mika", "as older clients write it");
        let in_address = visitor.get_json(&format!("/v1/account?token={}", program.token)).await;
        assert_eq!(in_address.status, 401, "an address ends up in logs");
        // A session is no key, and a key is no session.
        assert_eq!(mika.get_json("/v1/account").await.status, 401);
        let page = program.send(program.request(Method::GET, "/credits").header("accept", "application/json")).await;
        assert_eq!(page.status, 401);
        assert!(program.get("/v1/account").await.headers.get("set-cookie").is_none());
        app.finish().await;
    }

    async fn se_31_a_revoked_key_is_turned_away_by_every_process_with_the_next_call(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let beside = app.beside().await;
        let there = program.at(&beside.url);
        assert_eq!((program.get("/v1/account").await.status.as_u16(), there.get("/v1/account").await.status.as_u16()), (200, 200));
        mika.post(&format!("/keys/{}/revoke", program.key), &[]).await;
        assert_eq!((program.get("/v1/account").await.status.as_u16(), there.get("/v1/account").await.status.as_u16()), (401, 401));
        app.finish().await;
    }

    async fn se_31_a_key_that_may_only_look_changes_nothing_and_the_other_way_round(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let looks = Program::with(&app, &mika, Scopes::Read, None).await;
        let changes = Program::with(&app, &mika, Scopes::Write, None).await;
        let refused = looks.post(SCHNELL, &json!({"input": {"prompt": "a boat"}})).await;
        assert_eq!((refused.status.as_u16(), refused.header("content-type")), (403, "application/problem+json"));
        let made = changes.create("#fail").await;
        let id = made["id"].as_str().expect("an id");
        assert_eq!(changes.get(&format!("/v1/predictions/{id}")).await.status, 403);
        assert_eq!(looks.get(&format!("/v1/predictions/{id}")).await.status, 200);
        assert_eq!(looks.post(&format!("/v1/predictions/{id}/cancel"), &Value::Null).await.status, 403);
        assert_eq!(changes.post(&format!("/v1/predictions/{id}/cancel"), &Value::Null).await.status, 200);
        app.finish().await;
    }

    async fn se_35_a_key_has_one_pace_over_all_processes(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let beside = app.beside().await;
        let first = program.post(SCHNELL, &json!({"input": {}})).await;
        assert_eq!((first.header("ratelimit-remaining"), first.header("ratelimit-reset")), ("599", "1"));
        let second = program.at(&beside.url).post(SCHNELL, &json!({"input": {}})).await;
        assert_eq!(second.header("ratelimit-remaining"), "598");
        app.meddle("update key_rate set parts = 60000 where kind = 'create'").await.expect("a nearly empty bucket");
        assert_eq!(program.post(SCHNELL, &json!({"input": {}})).await.header("ratelimit-remaining"), "0");
        for process in [&app.process.url, &beside.url] {
            let answer = program.at(process).post(SCHNELL, &json!({"input": {}})).await;
            assert_eq!((answer.status.as_u16(), answer.header("retry-after"), answer.header("ratelimit-remaining")), (429, "1", "0"));
            let said = json!({"detail": "Request was throttled. Your rate limit resets in ~1s.", "status": 429, "retry_after": 1});
            assert_eq!(answer.json(), said);
        }
        let another = Program::of(&app, &mika).await;
        assert_eq!(another.post(SCHNELL, &json!({"input": {}})).await.status, 422, "another key has a pace of its own");
        assert_eq!(program.get("/v1/account").await.status, 200, "and looking another than asking");
        app.clock.advance_ms(100);
        assert_eq!(program.post(SCHNELL, &json!({"input": {}})).await.status, 422);
        app.finish().await;
    }

    async fn se_30_somebody_elses_prediction_is_answered_like_one_that_never_was(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (hers, theirs) = (Program::of(&app, &mika).await, Program::of(&app, &noor).await);
        let id = hers.create("#fail").await["id"].as_str().expect("an id").to_owned();
        let nobodys = "0193b1e4-7c1f-7000-8000-000000000001";
        for (method, tail) in [(Method::GET, ""), (Method::POST, "/cancel")] {
            let ask = async |id: &str| theirs.send(theirs.request(method.clone(), &format!("/v1/predictions/{id}{tail}"))).await;
            let (foreign, random, none) = (ask(&id).await, ask(nobodys).await, ask("gm3qorzdhgbfurvjtvhg6dckhu").await);
            for answer in [&foreign, &random, &none] {
                assert_eq!((answer.status.as_u16(), answer.text()), (404, random.text()));
            }
        }
        assert_eq!(theirs.get("/v1/predictions").await.json()["results"], json!([]));
        assert_eq!(hers.get("/v1/predictions").await.json()["results"].as_array().map(Vec::len), Some(1));
        app.settle_all().await;
        app.finish().await;
    }

    async fn every_address_of_the_api_wants_a_key_and_says_so_in_its_own_words(app: TestApp) {
        let visitor = app.visitor();
        for route in ROUTES.iter().filter(|route| route.whose == For::Program) {
            let method = if route.post { Method::POST } else { Method::GET };
            let path = route.path.replace("{*rest}", "deployments/a/b/predictions");
            let answer = visitor.send(visitor.bare(method, &path)).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "application/problem+json"), "{path}");
        }
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        for path in ["/v1/deployments/a/b/predictions", "/v1/nothing", "/v1/predictions/x/y/z"] {
            let answer = program.post(path, &json!({"input": {}})).await;
            assert_eq!(answer.json(), json!({"detail": "The requested resource could not be found.", "status": 404}), "{path}");
        }
        let other_way = program.send(program.request(Method::DELETE, "/v1/predictions")).await;
        assert_eq!((other_way.status.as_u16(), other_way.header("content-type")), (405, "application/problem+json"));
        let much = json!({"input": {"prompt": "a".repeat(3 * 1_024 * 1_024)}});
        let answer = program.post("/v1/predictions", &much).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (413, "application/problem+json"));
        app.finish().await;
    }
}
