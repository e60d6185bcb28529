//! What a create must say, and who may say it.

use super::*;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[tokio::test]
async fn a_bad_input_is_refused_in_replicates_form() {
    let house = House::new().await;
    let official = "/v1/models/black-forest-labs/flux-schnell/predictions";
    let (status, body) = house.post(official, json!({ "input": { "num_inference_steps": 5 } })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        body,
        json!({
            "detail": "- input: prompt is required\n- input.num_inference_steps: Must be less than or equal to 4\n",
            "status": 422, "title": "Input validation failed",
            "invalid_fields": [
                { "type": "required", "field": "input", "description": "prompt is required" },
                { "type": "number_lte", "field": "input.num_inference_steps", "description": "Must be less than or equal to 4" },
            ],
        })
    );
    let first = |value: Value| house.post(official, json!({ "input": value }));
    let cases = [
        (json!({ "prompt": 7 }), "invalid_type", "Invalid type. Expected: string, given: integer"),
        (json!({ "prompt": "a", "seed": 1.5 }), "invalid_type", "Invalid type. Expected: integer, given: number"),
        (json!({ "prompt": "a", "num_outputs": 0 }), "number_gte", "Must be greater than or equal to 1"),
        (json!({ "prompt": "a", "megapixels": "2" }), "enum", r#"megapixels must be one of the following: "1", "0.25""#),
    ];
    for (input, kind, description) in cases {
        let (_, body) = first(input).await;
        assert_eq!(body["invalid_fields"][0]["type"], kind, "{body}");
        assert_eq!(body["invalid_fields"][0]["description"], description, "{body}");
    }
    assert!(house.sandbox.invoice().is_empty());
}

#[tokio::test]
async fn a_list_that_is_given_as_a_plain_text_is_refused() {
    let house = House::new().await;
    let picture = "https://example.com/a.png";
    let version = catalogue::named("google", "nano-banana").expect("a model").version.clone();
    let order = |given: Value| json!({ "version": version, "input": { "prompt": "a", "image_input": given } });
    let (status, told) = house.post("/v1/predictions", order(json!(picture))).await;
    let expected = json!([{
        "type": "invalid_type", "field": "input.image_input", "description": "Invalid type. Expected: array, given: string",
    }]);
    assert_eq!((status, &told["invalid_fields"]), (StatusCode::UNPROCESSABLE_ENTITY, &expected));
    assert_eq!(house.post("/v1/predictions", order(json!([picture]))).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn the_envelope_is_closed_and_the_version_must_exist() {
    let house = House::new().await;
    let (status, body) = house.post("/v1/predictions", json!({ "model": "stability-ai/sdxl", "input": {} })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["detail"], "- version is required\n- Additional property model is not allowed\n");
    let sdxl = format!("stability-ai/sdxl:{SDXL_VERSION}");
    for good in [SDXL_VERSION, sdxl.as_str()] {
        let (status, body) = house.post("/v1/predictions", json!({ "version": good, "input": {} })).await;
        assert_eq!((status, body["version"].as_str()), (StatusCode::CREATED, Some(SDXL_VERSION)), "{good}");
    }
    let official = json!({ "version": "black-forest-labs/flux-schnell", "input": { "prompt": "a" } });
    assert_eq!(house.post("/v1/predictions", official).await.0, StatusCode::CREATED);
    for bad in ["stability-ai/sdxl", "stability-ai/sdxl:latest", ""] {
        let (status, body) = house.post("/v1/predictions", json!({ "version": bad, "input": {} })).await;
        assert_eq!(
            (status, &body["title"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("Invalid version or not permitted")),
            "{bad}"
        );
    }
    let community = house.post("/v1/models/stability-ai/sdxl/predictions", json!({ "input": {} })).await;
    assert_eq!(community.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_is_needed_and_limits_are_told() {
    let house = House::with(|options| options.creates_per_minute = 2).await;
    let url = house.base.join("/v1/account").expect("a URL");
    for (request, detail) in [
        (house.http.get(url.clone()), "You did not pass an authentication token"),
        (house.http.get(url.clone()).bearer_auth("invalid-token"), "You did not pass a valid authentication token"),
    ] {
        let response = request.send().await.expect("an answer");
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (StatusCode::UNAUTHORIZED, &"application/problem+json".parse().expect("a value"))
        );
        assert_eq!(response.json::<Value>().await.expect("JSON")["detail"], detail);
    }
    let response = house.http.get(url).bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(
        (&response.headers()["ratelimit-remaining"], &response.headers()["ratelimit-reset"]),
        (&"2999".parse().expect("a value"), &"1".parse().expect("a value"))
    );
    house.create("a").await;
    house.create("b").await;
    let throttled = house.order(json!({ "prompt": "c" })).await;
    assert!(
        matches!(throttled, Err(Error::Throttled { retry_after, .. }) if retry_after == Duration::from_secs(30)),
        "{throttled:?}"
    );
    house.pass(30_000);
    house.create("c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_list_is_in_the_order_of_the_moments_it_tells_however_many_create_at_once() {
    let ticks = Arc::new(AtomicI64::new(1_700_000_000_000));
    let house = House::with(|options| options.clock = Arc::new(move || Timestamp(ticks.fetch_add(1, Ordering::SeqCst)))).await;
    let house = Arc::new(house);
    let creating = (0..80).map(|_| {
        let house = house.clone();
        tokio::spawn(async move { house.create("a").await })
    });
    for created in futures::future::join_all(creating).await {
        created.expect("a prediction");
    }
    let (_, page) = house.told("/v1/predictions").await;
    let results = page["results"].as_array().expect("a page");
    let moments: Vec<OffsetDateTime> = results
        .iter()
        .map(|one| OffsetDateTime::parse(one["created_at"].as_str().expect("a moment"), &Rfc3339).expect("RFC 3339"))
        .collect();
    assert_eq!(moments.len(), 80);
    assert!(moments.is_sorted_by(|newer, older| newer > older), "{moments:?}");
}
