//! What Replicate is asked for: a model to add, a newer version, what that changes.

use crate::support::{TestApp, both_databases};
use atelier::domain::ModelName;
use atelier::domain::catalogue::{AddProblem, Looked};
use atelier::server::model::{self, Actor, Error};
use atelier::server::replicate::Client;
use atelier::server::sandbox::SDXL_VERSION;
use axum::Json;
use axum::routing::get;
use futures::future::join_all;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SDXL: &str = "stability-ai/sdxl";
const RECRAFT: &str = "recraft-ai/recraft-v3";

/// A Replicate that has one model.
async fn with_one(told: Value) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let router = axum::Router::new().route("/v1/models/{owner}/{name}", get(move || async move { Json(told) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::new(&url, SecretString::from("r8_test")).expect("a client")
}

/// A model as Replicate tells it, with one number.
fn told(more: &Value) -> Value {
    let schemas = json!({
        "Input": {"type": "object", "properties": {"steps": {"type": "integer", "maximum": 8, "x-order": 0}}},
        "Output": {"type": "string", "format": "uri"},
    });
    let version = json!({"id": "c".repeat(64), "openapi_schema": {"components": {"schemas": schemas}}});
    let mut told = json!({"owner": "somebody", "name": "some-video", "visibility": "public", "latest_version": version});
    told.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    told
}

async fn add(app: &TestApp, client: &Client, name: &str) -> Result<ModelName, AddProblem> {
    match model::add(app.db(), client, &Actor::Operator, name, app.clock.now()).await {
        Ok(name) => Ok(name),
        Err(Error::Refused(problem)) => Err(problem),
        Err(error) => panic!("{error}"),
    }
}

both_databases! {
    async fn a_model_is_added_by_its_name_and_works_once_it_is_switched_on(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let added = mika.post("/admin/models", &[("name", " https://replicate.com/recraft-ai/recraft-v3 ")]).await;
        assert_eq!((added.status.as_u16(), added.header("location")), (303, "/admin/models/recraft-ai/recraft-v3?done=added"));
        let page = mika.get(added.header("location")).await.text();
        assert!(page.contains("Added. It is not offered yet") && page.contains("run by its name"), "{page}");
        assert!(!mika.get("/models").await.text().contains(RECRAFT), "nobody is offered it before its price is known");
        let refused = mika.post_json("/api/app/generate", &json!({"prompt": "a fox", "model": RECRAFT})).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        let fields = [
            ("label", "Recraft"), ("task", "image"), ("price_rule", "run"), ("unit_price", "4"), ("max_count", "1"), ("max_seconds", "0"),
            ("place", "3"), ("enabled", "yes"),
        ];
        assert_eq!(mika.post("/admin/models/recraft-ai/recraft-v3", &fields).await.status, 303);
        assert!(mika.get("/models").await.text().contains("4 credits a run"));
        let id = mika.trigger_with(&json!({"prompt": "a fox", "model": RECRAFT})).await;
        app.settle_all().await;
        assert_eq!(mika.told(&id).await["status"], "completed");
        assert_eq!(app.balance(&app.person(&mika).await).await, (16, 0));
        let lines = model::log(app.db(), RECRAFT, 9).await.expect("the log");
        assert_eq!(lines.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["model.changed", "model.added"]);
        app.finish().await;
    }

    async fn what_cannot_be_added_is_refused_in_clear_words_and_leaves_nothing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for (name, words) in [
            ("sdxl", "This is no owner/name."),
            ("../account", "This is no owner/name."),
            (SDXL, "in the catalogue already"),
            ("nobody/nothing", "Replicate shows no such model"),
        ] {
            let answer = mika.post("/admin/models", &[("name", name)]).await;
            assert_eq!(answer.status, 422, "{name}");
            assert!(answer.text().contains(words) && answer.text().contains(&format!("value=\"{name}\"")), "{name}: {}", answer.text());
        }
        let undescribed = json!({"latest_version": {"id": "c".repeat(64), "openapi_schema": {}}});
        for (more, problem) in [
            (json!({"visibility": "private"}), AddProblem::Private),
            (json!({"latest_version": null}), AddProblem::Undescribed),
            (undescribed, AddProblem::Undescribed),
            (json!({"owner": "..", "name": "account"}), AddProblem::Unknown),
            (json!({"owner": "stability-ai", "name": "sdxl"}), AddProblem::Known),
        ] {
            let client = with_one(told(&more)).await;
            assert_eq!(add(&app, &client, "somebody/some-video").await, Err(problem), "{more}");
        }
        let gone = Client::new(&"http://127.0.0.1:9".parse().expect("a URL"), SecretString::from("r8_test")).expect("a client");
        assert_eq!(add(&app, &gone, "somebody/some-video").await, Err(AddProblem::Away));
        assert_eq!(app.count("select count(*) from model").await, 2);
        assert_eq!(app.count("select count(*) from admin_log").await, 0);
        app.finish().await;
    }

    async fn an_entry_begins_with_what_replicate_says_of_it(app: TestApp) {
        let more = json!({
            "description": "  A film of five seconds.  ", "license_url": "https://example.com/licence",
            "cover_image_url": "https://elsewhere.example/cover.png",
        });
        let name = add(&app, &with_one(told(&more)).await, "somebody/some-video").await.expect("an entry");
        let entry = model::find(app.db(), name.as_str()).await.expect("the database").expect("an entry");
        let model = entry.model;
        assert_eq!((model.label.as_str(), model.description.as_str()), ("Some Video", "A film of five seconds."));
        assert_eq!((model.task.as_str(), model.price.rule.as_str(), model.pinned()), ("video", "run", Some("c".repeat(64).as_str())));
        assert_eq!((model.license_url.as_deref(), model.cover_url), (Some("https://example.com/licence"), None));
        assert_eq!((entry.enabled, entry.place, entry.maxima.len()), (false, 3, 1));
        let named = add(&app, &with_one(told(&json!({"name": "b", "is_official": true}))).await, "somebody/b").await.expect("an entry");
        let named = model::find(app.db(), named.as_str()).await.expect("the database").expect("an entry").model;
        assert_eq!((named.pinned(), named.official), (None, true));
        app.finish().await;
    }

    async fn a_model_that_is_added_many_times_at_once_is_one_entry(app: TestApp) {
        let client = with_one(told(&json!({}))).await;
        let added = join_all((0..8).map(|_| add(&app, &client, "somebody/some-video"))).await;
        assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1, "{added:?}");
        assert!(added.iter().filter_map(|added| added.as_ref().err()).all(|problem| *problem == AddProblem::Known));
        assert_eq!(app.count("select count(*) from admin_log").await, 1);
        app.finish().await;
    }

    async fn a_newer_version_is_found_shown_and_moved_to_with_everything_that_changes(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let nothing = mika.post("/admin/models/stability-ai/sdxl/move", &[]).await.text();
        assert!(nothing.contains("no newer version"), "{nothing}");
        app.meddle("update model set version = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
                    maxima = '{\"width\":1200,\"gone\":3}' where name = 'stability-ai/sdxl'").await.expect("a database");
        let found = mika.post("/admin/models/look", &[]).await.text();
        assert!(found.contains("Asked about 2 models. One has a newer version."), "{found}");
        assert!(mika.get("/models").await.text().contains("newer version exists"));
        assert!(mika.get("/admin/models/stability-ai/sdxl").await.text().contains("/move"));
        let moved = mika.post("/admin/models/stability-ai/sdxl/move", &[]).await;
        assert_eq!(moved.status, 200);
        let moved = moved.text();
        for words in ["Moved to the newer version.", "New settings:", "num_inference_steps", "Limits of yours that have nothing to hold any more: gone."] {
            assert!(moved.contains(words), "{words}: {moved}");
        }
        let entry = model::find(app.db(), SDXL).await.expect("the database").expect("an entry");
        assert_eq!((entry.model.pinned(), entry.model.newest_version.as_deref()), (Some(SDXL_VERSION), None));
        let width = entry.maxima.iter().find(|maximum| maximum.name == "width").expect("its width");
        assert_eq!(width.house.as_ref().and_then(serde_json::Number::as_i64), Some(1_200), "what still exists stays");
        let actions: Vec<_> = model::log(app.db(), SDXL, 9).await.expect("the log").into_iter().map(|line| line.action).collect();
        assert_eq!(actions, ["model.moved", "model.looked"]);
        // What was asked for is made by the version that it was asked of; from now on that is the new one.
        let id = mika.trigger_with(&json!({"prompt": "a fox", "model": SDXL})).await;
        app.settle_all().await;
        assert_eq!(mika.told(&id).await["status"], "completed");
        app.finish().await;
    }

    async fn about_a_model_of_which_replicate_says_nothing_nothing_is_concluded(app: TestApp) {
        let newest = "b".repeat(64);
        app.meddle("update model set newest_version = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' where name = 'stability-ai/sdxl'")
            .await.expect("a database");
        let gone = Client::new(&"http://127.0.0.1:9".parse().expect("a URL"), SecretString::from("r8_test")).expect("a client");
        let looked = model::look(app.db(), &gone, &Actor::Operator, None, app.clock.now()).await.expect("the database");
        assert_eq!(looked, Looked { asked: 2, newer: 0, silent: 2 });
        let entry = model::find(app.db(), SDXL).await.expect("the database").expect("an entry");
        assert_eq!(entry.model.newest_version.as_ref(), Some(&newest));
        let moved = model::move_on(app.db(), &gone, &Actor::Operator, SDXL, app.clock.now()).await;
        assert!(matches!(moved, Err(Error::Replicate(_))), "{moved:?}");
        assert_eq!(app.count("select count(*) from admin_log").await, 0);
        // Once it answers, what is not newer any more is forgotten.
        let looked = model::look(app.db(), &app.process.app.replicate, &Actor::Operator, Some(SDXL), app.clock.now()).await;
        assert_eq!(looked.expect("the database"), Looked { asked: 1, newer: 0, silent: 0 });
        let entry = model::find(app.db(), SDXL).await.expect("the database").expect("an entry");
        assert_eq!(entry.model.newest_version, None);
        app.finish().await;
    }
}
