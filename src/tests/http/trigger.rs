//! The trigger: one JSON call starts a picture, another tells how it goes.

use crate::support::both_databases;
use atelier::domain::State;
use reqwest::Method;
use serde_json::{Value, json};

const TRIGGER: &str = "/api/app/generate";

both_databases! {
    async fn a_prompt_alone_is_answered_with_an_id_and_processing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for address in [TRIGGER, "/api/app/ai-images"] {
            let answer = mika.post_json(address, &json!({"prompt": "a lighthouse"})).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
            let body = answer.json();
            let keys: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!((keys, &body["status"]), (vec!["id", "status"], &json!("processing")));
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn it_is_told_as_processing_then_completed_with_its_address_or_failed_with_a_reason(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        for state in [State::Waiting, State::Storing] {
            app.until(&id, state).await;
            assert_eq!(mika.told(&id).await, json!({"id": id, "status": "processing"}));
        }
        app.settle_all().await;
        let told = mika.told(&id).await;
        assert_eq!(told["status"], "completed");
        assert_eq!(told["url"], format!("{}/files/{id}/0.webp", app.process.url));
        let failed = mika.trigger("#fail").await;
        app.settle_all().await;
        let told = mika.told(&failed).await;
        assert_eq!((&told["status"], told.get("url")), (&json!("failed"), None));
        let reason = told["reason"].as_str().expect("a reason");
        assert!(!reason.contains("CUDA"), "the upstream's words are not for people: {reason}");
        let canceled = mika.trigger("a windmill").await;
        mika.post(&format!("/g/{canceled}/cancel"), &[]).await;
        assert_eq!(mika.told(&canceled).await["status"], "failed");
        app.finish().await;
    }

    async fn nobody_and_whoever_has_too_little_are_turned_away(app: TestApp) {
        let answer = app.visitor().post_json(TRIGGER, &json!({"prompt": "a lighthouse"})).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "application/problem+json"));
        let mika = app.sign_up("mika").await;
        mika.trigger_with(&json!({"prompt": "all of it", "model": "stability-ai/sdxl", "count": 4})).await;
        mika.trigger_with(&json!({"prompt": "all of it", "model": "stability-ai/sdxl", "count": 4})).await;
        mika.trigger_with(&json!({"prompt": "nearly", "count": 3})).await;
        let answer = mika.post_json(TRIGGER, &json!({"prompt": "two more", "count": 2})).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["error"]), (403, &json!("Insufficient credits")));
        assert_eq!((&body["available"], &body["price"]), (&json!(1), &json!(2)));
        assert_eq!(mika.post_json(TRIGGER, &json!({"prompt": "the last one"})).await.status, 200);
        app.settle_all().await;
        app.finish().await;
    }

    async fn what_cannot_be_used_is_said_at_its_field_and_costs_nothing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let long = "a".repeat(10_000);
        for (wish, field) in [
            (json!({}), "prompt"),
            (json!({"prompt": ""}), "prompt"),
            (json!({"prompt": "   \n"}), "prompt"),
            (json!({"prompt": null}), "prompt"),
            (json!({"prompt": ["a lighthouse"]}), "prompt"),
            (json!({"prompt": long}), "prompt"),
            (json!({"prompt": "a", "model": "nobody/nothing"}), "model"),
            (json!({"prompt": "a", "count": 0}), "count"),
            (json!({"prompt": "a", "count": 99}), "count"),
            (json!({"prompt": "a", "aspect_ratio": "7:1"}), "aspect_ratio"),
            (json!({"prompt": "a", "seed": -1}), "seed"),
        ] {
            let answer = mika.post_json(TRIGGER, &wish).await;
            let body = answer.json();
            assert_eq!((answer.status.as_u16(), body["field"].as_str()), (422, Some(field)));
            assert!(body["error"].as_str().is_some_and(|sentence| sentence.len() > 10), "{body}");
        }
        let misspelt = mika.post_json(TRIGGER, &json!({"prompt": "a", "cuont": 4})).await;
        assert_eq!(misspelt.status, 422);
        assert_eq!(app.count("select count(*) from generation").await, 0);
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn what_is_no_json_or_too_much_of_it_has_its_own_status(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let raw = |content_type: &str, body: String| {
            mika.bare(Method::POST, TRIGGER).header("content-type", content_type).header("origin", &app.process.url).body(body)
        };
        let form = mika.send(raw("application/x-www-form-urlencoded", "prompt=a".into())).await;
        assert_eq!(form.status, 415);
        assert_eq!(mika.send(raw("text/plain", r#"{"prompt":"a"}"#.into())).await.status, 415);
        assert_eq!(mika.send(raw("application/json", r#"{"prompt":"#.into())).await.status, 400);
        assert_eq!(mika.send(raw("application/json", "[]".into())).await.status, 422);
        let much = format!(r#"{{"prompt":"{}"}}"#, "a".repeat(70_000));
        assert_eq!(mika.send(raw("application/json", much.clone())).await.status, 413);
        let unannounced = futures::stream::iter([Ok::<_, std::io::Error>(much)]);
        let chunked = mika.bare(Method::POST, TRIGGER).header("content-type", "application/json").body(reqwest::Body::wrap_stream(unannounced));
        assert_eq!(mika.send(chunked).await.status, 413);
        assert_eq!(app.count("select count(*) from generation").await, 0);
        app.finish().await;
    }

    async fn an_unusable_key_is_a_problem_at_its_header(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for key in ["", "with a space", &"k".repeat(256), "\u{e9}"] {
            let request = mika.bare(Method::POST, TRIGGER).header("idempotency-key", key).json(&json!({"prompt": "a"}));
            let answer = mika.send(request).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (422, &Value::from("Idempotency-Key")), "{key:?}");
        }
        app.finish().await;
    }
}
