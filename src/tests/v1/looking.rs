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
