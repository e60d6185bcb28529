//! Models, told and found.

use super::*;

#[tokio::test]
async fn models_tell_their_schemas() {
    let house = House::new().await;
    let get = |path: &'static str| async move {
        let response = house.http.get(house.base.join(path).expect("a URL")).bearer_auth(TOKEN).send().await.expect("an answer");
        (response.status(), response.json::<Value>().await.expect("JSON"), house)
    };
    let (_, model, house) = get("/v1/models/black-forest-labs/flux-schnell").await;
    let schemas = &model["latest_version"]["openapi_schema"]["components"]["schemas"];
    assert_eq!(schemas["Input"]["required"], json!(["prompt"]));
    assert_eq!(schemas["aspect_ratio"]["enum"].as_array().map(Vec::len), Some(11));
    let path = format!("/v1/models/stability-ai/sdxl/versions/{SDXL_VERSION}");
    let response = house.http.get(house.base.join(&path).expect("a URL")).bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(response.json::<Value>().await.expect("JSON")["id"], SDXL_VERSION);
    let nothing =
        house.http.get(house.base.join("/v1/models/no/body").expect("a URL")).bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn models_are_listed_in_pages_newest_first_or_last() {
    let house = House::with(|options| options.models_per_page = 4).await;
    let mut path = "/v1/models?sort_direction=asc".to_owned();
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let (_, page) = house.told(&path).await;
        let results = page["results"].as_array().expect("results");
        names.extend(results.iter().map(|model| format!("{}/{}", model["owner"], model["name"]).replace('"', "")));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, names.len()), (4, 14));
    assert_eq!((names[0].as_str(), names[13].as_str()), ("nightmareai/real-esrgan", "bytedance/seedream-4"));
    let (_, page) = house.told("/v1/models").await;
    assert_eq!((&page["results"][0]["name"], &page["previous"]), (&json!("seedream-4"), &Value::Null));
    for bad in ["/v1/models?sort_by=name", "/v1/models?sort_direction=up"] {
        assert_eq!(house.told(bad).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(house.told("/v1/models?cursor=nonsense").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_method_query_searches_the_models_and_others_are_refused() {
    let house = House::new().await;
    let ask = async |method: &[u8], words: &'static str| {
        let method = reqwest::Method::from_bytes(method).expect("a method");
        let request = house.http.request(method, house.base.join("/v1/models").expect("a URL")).bearer_auth(TOKEN);
        request.header("content-type", "text/plain").body(words).send().await.expect("an answer")
    };
    let found: Value = ask(b"QUERY", "llama").await.json().await.expect("JSON");
    assert_eq!((&found["results"][0]["name"], &found["next"]), (&json!("meta-llama-3-8b-instruct"), &Value::Null));
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(b"POST", "llama").await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_search_finds_models_and_collections() {
    let house = House::new().await;
    let (_, found) = house.told("/v1/search?query=Image+editing&limit=2").await;
    assert_eq!((&found["query"], found["models"].as_array().map(Vec::len)), (&json!("Image editing"), Some(2)));
    let first = &found["models"][0];
    assert!(first["metadata"]["score"].as_u64() > Some(0) && first["model"]["latest_version"].is_object(), "{first}");
    assert!(first["metadata"]["tags"].as_array().is_some_and(|tags| tags.contains(&json!("image-editing"))), "{first}");
    assert_eq!(found["collections"][0]["slug"], "image-editing");
    assert!(found["collections"][0]["models"].as_array().is_some_and(|all| all.contains(&json!("google/nano-banana"))));
    for bad in ["/v1/search", "/v1/search?query=a&limit=0", "/v1/search?query=a&limit=51", "/v1/search?query=a&limit=some"] {
        assert_eq!(house.told(bad).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn collections_hardware_and_versions_are_told() {
    let house = House::new().await;
    let (_, collections) = house.told("/v1/collections").await;
    for collection in collections["results"].as_array().expect("results") {
        let slug = collection["slug"].as_str().expect("a slug");
        let (_, told) = house.told(&format!("/v1/collections/{slug}")).await;
        assert_eq!(told["name"], collection["name"]);
        assert!(told["models"].as_array().is_some_and(|models| !models.is_empty()), "{slug} is empty");
    }
    assert_eq!(house.told("/v1/collections/nothing").await.0, StatusCode::NOT_FOUND);
    let (_, hardware) = house.told("/v1/hardware").await;
    assert_eq!(hardware[0], json!({ "sku": "cpu", "name": "CPU" }));
    let (_, versions) = house.told("/v1/models/openai/whisper/versions").await;
    let output = &versions["results"][0]["openapi_schema"]["components"]["schemas"]["Output"];
    assert_eq!(output["type"], "object");
}
