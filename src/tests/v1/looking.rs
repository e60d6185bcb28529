//! Lists, models, and the description of it all.

use super::{Program, SCHNELL, path_of};
use crate::routes::{For, ROUTES};
use crate::support::both_databases;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

both_databases! {
    async fn the_list_has_pages_of_a_hundred_newest_first_and_nothing_twice(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 200).await;
        let program = Program::of(&app, &mika).await;
        let mut made = Vec::new();
        for at in 0..105 {
            made.push(program.create(&format!("#fail {at}")).await["id"].clone());
            app.clock.advance_ms(10);
        }
        made.reverse();
        let first = program.get("/v1/predictions").await.json();
        // What comes meanwhile moves nothing.
        program.create("#fail").await;
        let second = program.get(path_of(&app, &first["next"])).await.json();
        assert_eq!((&first["previous"], &second["next"]), (&Value::Null, &Value::Null));
        let back = program.get(path_of(&app, &second["previous"])).await.json();
        assert_eq!(back["results"], first["results"], "the way back leads to the same page");
        assert_eq!(program.get(path_of(&app, &back["next"])).await.json()["results"], second["results"]);
        let newest = program.get(path_of(&app, &back["previous"])).await.json();
        assert_eq!((newest["results"].as_array().map(Vec::len), &newest["previous"]), (Some(1), &Value::Null), "what came meanwhile");
        let listed = [&first, &second].into_iter().flat_map(|page| page["results"].as_array().expect("a list"));
        let listed: Vec<Value> = listed.map(|prediction| prediction["id"].clone()).collect();
        assert_eq!(listed, made);
        assert_eq!(program.get("/v1/predictions?cursor=nonsense").await.status, 404);
        app.settle_all().await;
        app.finish().await;
    }

    async fn the_list_can_be_bounded_in_time_and_to_the_page(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(program.create("#fail").await["created_at"].as_str().expect("a time").to_owned());
            app.clock.advance_ms(1_500);
        }
        let by_hand = mika.trigger("#fail by hand").await;
        for (query, many) in [
            (format!("created_after={}", times[1]), 3),
            (format!("created_before={}", times[1]), 2),
            (format!("created_after={0}&created_before={0}", times[1]), 1),
        ] {
            let listed = program.get(&format!("/v1/predictions?{query}")).await.json();
            assert_eq!(listed["results"].as_array().map(Vec::len), Some(many), "{query}");
        }
        let web = program.get("/v1/predictions?source=web").await.json();
        assert_eq!(web["results"].as_array().expect("a list").iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&json!(by_hand)]);
        assert_eq!(program.get("/v1/predictions?created_after=yesterday").await.status, 400);
        app.settle_all().await;
        app.finish().await;
    }

    async fn models_are_listed_found_and_shown_with_what_they_take(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let mut names = Vec::new();
        let mut page = program.get("/v1/models").await.json();
        loop {
            names.extend(page["results"].as_array().expect("a list").iter().map(|model| model["name"].clone()));
            if page["next"].is_null() {
                break;
            }
            page = program.get(path_of(&app, &page["next"])).await.json();
        }
        assert!(names.contains(&json!("flux-schnell")) && names.contains(&json!("sdxl")), "{names:?}");
        let query = Method::from_bytes(b"QUERY").expect("a method");
        let search = async |text: &'static str| {
            let request = program.request(query.clone(), "/v1/models").header("content-type", "text/plain").body(text);
            program.send(request).await.json()["results"].as_array().expect("a list").len()
        };
        assert_eq!((search("SDXL").await, search("\"sdxl\"").await, search("no model has this").await), (1, 1, 0));
        let model = program.get("/v1/models/stability-ai/sdxl").await.json();
        let version = &model["latest_version"];
        assert!(version["openapi_schema"]["components"]["schemas"]["Input"]["properties"]["prompt"].is_object(), "{model}");
        let id = version["id"].as_str().expect("an id");
        let versions = program.get("/v1/models/stability-ai/sdxl/versions").await.json();
        assert_eq!(versions["results"][0], *version);
        assert_eq!(program.get(&format!("/v1/models/stability-ai/sdxl/versions/{id}")).await.json(), *version);
        assert_eq!(program.get("/v1/models/stability-ai/sdxl/versions/0").await.status, 404);
        assert_eq!(program.get("/v1/models/nobody/nothing").await.status, 404);
        let readme = program.get("/v1/models/stability-ai/sdxl/readme").await;
        assert!(readme.header("content-type").starts_with("text/plain") && readme.text().starts_with("# "), "{}", readme.text());
        assert_eq!(program.get("/v1/models/stability-ai/sdxl/examples").await.json()["results"], json!([]));
        let found = program.get("/v1/search?query=SDXL&limit=5").await.json();
        assert_eq!((found["models"][0]["model"]["name"].as_str(), found["models"].as_array().map(Vec::len)), (Some("sdxl"), Some(1)));
        for bad in ["/v1/search", "/v1/search?query=a&limit=0", "/v1/search?query=a&limit=51", "/v1/search?query=a&limit=x"] {
            assert_eq!(program.get(bad).await.status, 400, "{bad}");
        }
        let collections = program.get("/v1/collections").await.json();
        let slug = collections["results"][0]["slug"].as_str().expect("a collection");
        let collection = program.get(&format!("/v1/collections/{slug}")).await.json();
        assert!(collection["models"].as_array().is_some_and(|models| !models.is_empty()), "{collection}");
        assert_eq!(program.get("/v1/collections/nothing-like-it").await.status, 404);
        app.finish().await;
    }

    async fn what_replicate_has_and_we_have_not_is_answered_as_to_somebody_who_has_none(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        for list in ["/v1/deployments", "/v1/trainings"] {
            assert_eq!(program.get(list).await.json(), json!({"next": null, "previous": null, "results": []}), "{list}");
        }
        assert_eq!(program.get("/v1/hardware").await.json(), json!([]));
        for path in ["/v1/deployments/mika/mine", "/v1/trainings/0193b1e4"] {
            assert_eq!(program.get(path).await.status, 404, "{path}");
        }
        assert_eq!(program.post("/v1/deployments", &json!({})).await.status, 403);
        assert_eq!(program.post("/v1/deployments/mika/mine/predictions", &json!({"input": {}})).await.status, 404);
        let trained = program.post("/v1/models/stability-ai/sdxl/versions/0/trainings", &json!({})).await;
        assert_eq!(trained.json()["detail"], "The specified training destination does not exist");
        app.finish().await;
    }

    async fn a_look_at_a_prediction_tells_what_its_model_printed_and_a_list_does_not(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let made = program.create("a lighthouse").await;
        assert_eq!(made["logs"], "");
        app.settle_all().await;
        let told = program.get(path_of(&app, &made["urls"]["get"])).await.json();
        assert!(told["logs"].as_str().is_some_and(|logs| logs.contains('%')), "{told}");
        assert_eq!(program.get("/v1/predictions").await.json()["results"][0]["logs"], "");
        app.finish().await;
    }

    async fn every_address_of_the_api_is_described_and_people_can_read_it(app: TestApp) {
        let document = app.visitor().get_json("/v1/openapi.json").await;
        assert_eq!(document.status, 200);
        let document = document.json();
        let described: BTreeSet<&str> = document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
        let routed = ROUTES.iter().filter(|route| route.whose == For::Program && !route.path.contains('*'));
        let routed: BTreeSet<&str> = routed.map(|route| route.path).collect();
        assert_eq!(described, routed);
        assert_eq!(document["servers"][0]["url"], app.process.url);
        let page = app.visitor().get("/docs/api").await;
        assert_eq!(page.status, 200);
        for path in routed {
            assert!(page.text().contains(path), "{path}");
        }
        assert!(page.text().contains(SCHNELL));
        app.finish().await;
    }
}
