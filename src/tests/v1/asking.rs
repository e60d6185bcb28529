//! Asking for a prediction.

use super::{Program, SCHNELL, path_of};
use crate::support::both_databases;
use atelier::domain::Scopes;
use futures::future::join;
use reqwest::Method;
use serde_json::{Value, json};

both_databases! {
    async fn a_prediction_is_a_generation_from_its_price_to_its_picture(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let asked = program.post(SCHNELL, &json!({"input": {"prompt": "a lighthouse", "num_outputs": 2, "no_such": 1}})).await;
        let made = asked.json();
        assert_eq!((asked.status.as_u16(), &made["status"], &made["output"]), (201, &json!("starting"), &Value::Null));
        let id = made["id"].as_str().expect("an id");
        assert_eq!(asked.header("location"), made["urls"]["get"].as_str().expect("an address"));
        assert_eq!((&made["model"], &made["source"]), (&json!("black-forest-labs/flux-schnell"), &json!("api")));
        assert_eq!((&made["input"]["prompt"], made["input"].get("no_such")), (&json!("a lighthouse"), None));
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 2));
        app.settle_all().await;
        let told = program.get(path_of(&app, &made["urls"]["get"])).await.json();
        let mut keys: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        let fields = ["completed_at", "created_at", "data_removed", "error", "id", "input", "logs", "metrics", "model", "output",
            "source", "started_at", "status", "urls", "version"];
        assert_eq!(keys, fields);
        assert_eq!((&told["status"], &told["error"], &told["data_removed"]), (&json!("succeeded"), &Value::Null, &json!(false)));
        assert!(told["metrics"]["total_time"].as_f64().is_some_and(|seconds| seconds > 0.0), "{told}");
        let outputs = told["output"].as_array().expect("a list");
        assert_eq!(outputs.len(), 2);
        let stranger = app.visitor();
        for output in outputs {
            let file = stranger.send(stranger.bare(Method::GET, path_of(&app, output))).await;
            assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "image/webp"));
            assert_eq!(file.header("access-control-allow-origin"), "*");
            let part = stranger.send(stranger.bare(Method::GET, path_of(&app, output)).header("range", "bytes=0-3")).await;
            assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, &file.body[..4]));
        }
        let (sealed, _) = path_of(&app, &outputs[0]).rsplit_once('/').expect("a folder");
        let forged = format!("{}{}", &sealed[..sealed.len() - 2], if sealed.ends_with("AA") { "BB" } else { "AA" });
        for bad in [format!("{forged}/out-0.webp"), format!("{sealed}/out-9.webp"), format!("{sealed}/0.webp"), format!("{sealed}/out-0.png"),
            format!("/o/{id}/out-0.webp"), format!("{sealed}/out-0.small.webp")] {
            assert_eq!(stranger.send(stranger.bare(Method::GET, &bad)).await.status, 404, "{bad}");
        }
        assert!(mika.get("/gallery").await.text().contains(id), "it hangs in the gallery");
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 0));
        app.finish().await;
    }

    async fn a_prompt_with_a_character_that_no_database_holds_is_told_to_the_model_as_it_is(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let made = program.create("a light\0house").await;
        assert_eq!(made["input"]["prompt"], json!("a light\0house"));
        app.settle_all().await;
        assert_eq!(program.get(path_of(&app, &made["urls"]["get"])).await.json()["status"], json!("succeeded"));
        let found = mika.get("/gallery?q=lighthouse").await.text();
        assert!(found.contains(made["id"].as_str().expect("an id")), "{found}");
        app.finish().await;
    }

    async fn a_model_is_named_in_three_ways_and_a_version_that_is_none_in_one(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let sdxl = program.get("/v1/models/stability-ai/sdxl").await.json();
        let version = sdxl["latest_version"]["id"].as_str().expect("a version").to_owned();
        for named in [version.clone(), format!("stability-ai/sdxl:{version}"), "stability-ai/sdxl".to_owned()] {
            let answer = program.post("/v1/predictions", &json!({"version": named, "input": {"prompt": "#fail"}})).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["model"]), (201, &json!("stability-ai/sdxl")), "{named}");
        }
        for none in ["", "stability-ai/sdxl:latest", "nobody/nothing", "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"] {
            let answer = program.post("/v1/predictions", &json!({"version": none, "input": {}})).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["title"]), (422, &json!("Invalid version or not permitted")), "{none}");
        }
        assert_eq!(program.post("/v1/models/nobody/nothing/predictions", &json!({"input": {}})).await.status, 404);
        app.settle_all().await;
        app.finish().await;
    }

    async fn what_is_wrong_is_said_field_by_field_in_replicates_words(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let answer = program.post(SCHNELL, &json!({"input": {"num_outputs": 5}})).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["title"]), (422, &json!("Input validation failed")));
        assert_eq!(body["invalid_fields"][0], json!({"type": "required", "field": "input", "description": "prompt is required"}));
        assert_eq!(body["invalid_fields"][1]["field"], "input.num_outputs");
        assert!(body["detail"].as_str().is_some_and(|text| text.starts_with("- input: prompt is required\n")), "{body}");
        for (body, kind) in [
            (json!({"input": {"prompt": "a"}, "webhok": "https://a.example"}), "additional_property_not_allowed"),
            (json!({"input": {"prompt": "a"}, "version": "x"}), "additional_property_not_allowed"),
            (json!({}), "required"),
            (json!({"input": []}), "invalid_type"),
            (json!({"input": {"prompt": "a"}, "webhook": "ftp://a.example"}), "format"),
            (json!({"input": {"prompt": "a"}, "webhook": "https://a.example", "webhook_events_filter": ["begin"]}), "enum"),
        ] {
            let answer = program.post(SCHNELL, &body).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["invalid_fields"][0]["type"]), (422, &json!(kind)), "{body}");
        }
        for text in ["", "{", "[]", "\"x\""] {
            let request = program.request(Method::POST, SCHNELL).header("content-type", "application/json").body(text);
            assert_eq!(program.send(request).await.status, 400, "{text}");
        }
        assert_eq!(app.count("select count(*) from generation").await, 0);
        app.finish().await;
    }

    async fn too_few_credits_and_a_cap_that_is_reached_are_402_before_anything_exists(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (program, capped) = (Program::of(&app, &mika).await, Program::with(&app, &mika, Scopes::Both, Some(1)).await);
        let two = json!({"input": {"prompt": "#fail", "num_outputs": 2}});
        let answer = capped.post(SCHNELL, &two).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["title"]), (402, &json!("Insufficient credit")));
        assert!(answer.json()["detail"].as_str().is_some_and(|text| text.contains("1 credits a month and has 1 left")));
        for _ in 0..5 {
            assert_eq!(program.post(SCHNELL, &json!({"input": {"prompt": "#fail", "num_outputs": 4}})).await.status, 201);
        }
        let answer = program.post(SCHNELL, &two).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (402, "application/problem+json"));
        assert!(answer.json()["detail"].as_str().is_some_and(|text| text.starts_with("You have insufficient credit to run this model.")));
        assert_eq!(app.count("select count(*) from generation").await, 5);
        app.settle_all().await;
        app.finish().await;
    }

    async fn the_same_key_of_a_request_again_is_the_same_prediction(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let ask = async |prompt: &str, key: &str| {
            let request = program.request(Method::POST, SCHNELL).header("idempotency-key", key);
            program.send(request.json(&json!({"input": {"prompt": prompt}}))).await
        };
        let (first, again) = (ask("#fail", "one").await, ask("#fail", "one").await);
        assert_eq!(first.json()["id"], again.json()["id"]);
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
        assert_eq!(ask("#fail another", "one").await.status, 422);
        assert_eq!(ask("#fail", "with a space").await.status, 400);
        assert_eq!(app.count("select count(*) from generation").await, 1);
        app.settle_all().await;
        app.finish().await;
    }

    async fn who_prefers_to_wait_is_answered_when_it_has_ended_or_when_the_wait_has(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let ask = |prefer: &str| program.request(Method::POST, SCHNELL).header("prefer", prefer).json(&json!({"input": {"prompt": "a boat"}}));
        let work = async {
            while app.count("select count(*) from generation").await == 0 {
                tokio::task::yield_now().await;
            }
            app.settle_all().await;
        };
        let (answer, ()) = join(program.send(ask("wait=30")), work).await;
        assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (201, "wait=30"));
        assert_eq!((&answer.json()["status"], answer.json()["output"].as_array().map(Vec::len)), (&json!("succeeded"), Some(1)));
        let answer = program.send(ask("wait=1")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (201, &json!("starting")));
        assert_eq!(program.send(ask("respond-async")).await.header("preference-applied"), "");
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_request_can_say_when_to_give_it_up(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let request = program.request(Method::POST, SCHNELL).header("cancel-after", "30s").json(&json!({"input": {"prompt": "a boat"}}));
        let made = program.send(request).await.json();
        assert_eq!(made["deadline"], "2026-09-21T14:13:50Z");
        app.clock.advance_ms(31_000);
        app.settle_all().await;
        let told = program.get(path_of(&app, &made["urls"]["get"])).await.json();
        assert_eq!((&told["status"], &told["error"]), (&json!("aborted"), &Value::Null));
        let bad = program.request(Method::POST, SCHNELL).header("cancel-after", "2s").json(&json!({"input": {"prompt": "a boat"}}));
        assert_eq!(program.send(bad).await.status, 400);
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }
}
