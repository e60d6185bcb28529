//! The sandbox as its callers see it: over HTTP, with a clock that the test holds.

use super::*;
use crate::{
    domain::ModelName,
    server::replicate::{Client, Create, DownloadError, DownloadLimits, Error, Prediction, RunFailure, Status, webhook},
};
use axum::http::HeaderMap;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// Starting and rendering at speed 1.
const WHOLE_MS: i64 = 400 + 2_500;
const HOUR_MS: i64 = 3_600_000;

/// A sandbox on a port, its clock standing until it is moved.
struct House {
    base: Url,
    client: Client,
    http: reqwest::Client,
    sandbox: Sandbox,
    time: Arc<AtomicI64>,
    dir: tempfile::TempDir,
    stop: DropGuard,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let time = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self::open(dir, time, change).await
    }

    async fn open(dir: tempfile::TempDir, time: Arc<AtomicI64>, change: impl FnOnce(&mut Options)) -> Self {
        let clock = time.clone();
        let mut options = Options::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        change(&mut options);
        let sandbox = Sandbox::open(dir.path(), options).await.expect("a sandbox");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, sandbox.clone(), stop.clone()));
        let client = Client::new(&base, SecretString::from(TOKEN)).expect("a client");
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
        Self { base, client, http, sandbox, time, dir, stop: stop.drop_guard() }
    }

    /// Ends this one and opens another on what it left.
    async fn reopened(self) -> Self {
        let Self { sandbox, time, dir, stop, .. } = self;
        drop((sandbox, stop));
        Self::open(dir, time, |_| {}).await
    }

    fn pass(&self, milliseconds: i64) {
        self.time.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    async fn create(&self, prompt: &str) -> Prediction {
        self.order(json!({ "prompt": prompt, "seed": 7 })).await.expect("a prediction")
    }

    async fn order(&self, input: Value) -> Result<Prediction, Error> {
        let create = Create { model: ModelName::trusted("black-forest-labs/flux-schnell"), version: None, input, webhook: None };
        self.client.create(&create, Duration::from_mins(1)).await
    }

    async fn look(&self, prediction: &Prediction) -> Prediction {
        self.client.get(&prediction.id).await.expect("a prediction")
    }

    /// A prediction of that prompt at its end.
    async fn ended(&self, prompt: &str) -> Prediction {
        let prediction = self.create(prompt).await;
        self.pass(WHOLE_MS);
        self.look(&prediction).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.http.post(self.base.join(path).expect("a URL")).bearer_auth(TOKEN).json(&body);
        let response = request.send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        let to = self.dir.path().join("fetched");
        self.client.download(url, &to, DownloadLimits::default()).await?;
        Ok(std::fs::read(to).expect("a file"))
    }

    fn events(&self) -> Vec<(InvoiceEvent, i64)> {
        self.sandbox.invoice().into_iter().map(|line| (line.event, line.images)).collect()
    }
}

#[tokio::test]
async fn a_run_starts_renders_and_succeeds_and_is_billed_then() {
    let house = House::new().await;
    let created = house.order(json!({ "prompt": "a river", "num_outputs": 2, "unknown": 1 })).await.expect("a prediction");
    assert_eq!((created.status.clone(), created.output.clone(), created.started_at), (Status::Starting, None, None));
    assert_eq!(created.version.as_deref(), Some("hidden"));
    assert_eq!(
        created.input,
        json!({ "prompt": "a river", "num_outputs": 2 }),
        "unknown inputs are dropped, defaults are not filled in"
    );

    house.pass(399);
    assert_eq!(house.look(&created).await.status, Status::Starting);
    house.pass(1);
    let started = house.look(&created).await;
    assert_eq!((started.status.clone(), started.progress()), (Status::Processing, Some(0)));
    house.pass(1_250);
    let half = house.look(&created).await;
    assert_eq!((half.progress(), half.output, half.metrics), (Some(50), None, Value::Null));
    assert!(half.logs.expect("logs").starts_with("Using seed: "));
    assert_eq!(house.events(), [(InvoiceEvent::Created, 0)]);
    house.pass(1_249);
    assert_eq!(house.look(&created).await.progress(), Some(98));

    house.pass(1);
    let ended = house.look(&created).await;
    assert_eq!((ended.status.clone(), ended.progress(), ended.output_urls().len()), (Status::Succeeded, Some(100), 2));
    assert_eq!(ended.metrics, json!({ "predict_time": 2.5, "total_time": 2.9, "image_count": 2 }));
    assert_eq!(ended.completed_at, Some(house.now()));
    assert_eq!(house.events(), [(InvoiceEvent::Created, 0), (InvoiceEvent::Billed, 2)]);
}

#[tokio::test]
async fn a_tqdm_line_is_drawn_as_tqdm_draws_it() {
    let house = House::new().await;
    let ended = house.ended("a river").await;
    let logs = ended.logs.expect("logs");
    assert!(logs.contains("\n  0%|          | 0/50 [00:00<?, ?it/s]\n"), "{logs}");
    assert!(logs.contains("\n 36%|███▌      | 18/50 [00:00<00:01, 20.00it/s]\n"), "{logs}");
    assert!(logs.ends_with("\n100%|██████████| 50/50 [00:02<00:00, 20.00it/s]\n"), "{logs}");
}

#[tokio::test]
async fn speed_shortens_a_run() {
    let house = House::with(|options| options.speed = 100.0).await;
    let created = house.create("a river").await;
    house.pass(28);
    assert_eq!(house.look(&created).await.status, Status::Processing);
    house.pass(1);
    assert_eq!(house.look(&created).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_cancel_stops_what_runs_and_leaves_what_ended() {
    let house = House::new().await;
    let created = house.create("a river").await;
    house.pass(1_000);
    let canceled = house.client.cancel(&created.id).await.expect("a prediction");
    assert_eq!(
        (canceled.status.clone(), canceled.completed_at, canceled.output.clone()),
        (Status::Canceled, Some(house.now()), None)
    );
    assert_eq!(canceled.metrics, json!({ "predict_time": 0.6, "total_time": 1.0 }));
    house.pass(WHOLE_MS);
    assert_eq!(house.look(&created).await, canceled, "the end is the end");

    let ended = house.ended("a lake").await;
    assert_eq!(house.client.cancel(&ended.id).await.expect("a prediction"), ended);
    let (created, canceled, billed) = ((InvoiceEvent::Created, 0), (InvoiceEvent::Canceled, 0), (InvoiceEvent::Billed, 1));
    assert_eq!(house.events(), [created, canceled, created, billed]);
    let unknown = house.client.cancel(&PredictionId::trusted("nothing")).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_deadline_aborts_what_waits_and_cancels_what_runs() {
    let house = House::with(|options| options.speed = 0.05).await;
    let create = |after: &str| {
        let request = house.http.post(house.base.join("/v1/models/black-forest-labs/flux-schnell/predictions").expect("a URL"));
        request
            .bearer_auth(TOKEN)
            .header("cancel-after", after.to_owned())
            .json(&json!({ "input": { "prompt": "a river" } }))
            .send()
    };
    let (mut ids, mut deadlines) = (Vec::new(), Vec::new());
    for after in ["5", "0m9s"] {
        let told: Value = create(after).await.expect("an answer").json().await.expect("JSON");
        ids.push(PredictionId::trusted(told["id"].as_str().expect("an id")));
        deadlines.push(told["deadline"].clone());
    }
    assert_eq!(deadlines, [json!("2023-11-14T22:13:25Z"), json!("2023-11-14T22:13:29Z")]);
    house.pass(8_500);
    let first = house.client.get(&ids[0]).await.expect("a prediction");
    assert_eq!((first.status, first.started_at, first.metrics), (Status::Aborted, None, json!({ "total_time": 5.0 })));
    assert_eq!(house.client.get(&ids[1]).await.expect("a prediction").status, Status::Processing);
    house.pass(500);
    let second = house.client.get(&ids[1]).await.expect("a prediction");
    assert_eq!((second.status, second.metrics), (Status::Canceled, json!({ "predict_time": 1.0, "total_time": 9.0 })));
    for bad in ["4s", "25h", "soon"] {
        assert_eq!(create(bad).await.expect("an answer").status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_wait_answers_with_the_output_or_with_what_there_is() {
    let house = House::with(|options| options.speed = 1e6).await;
    let wait = |prompt: &str, prefer: &str| {
        let request = house.http.post(house.base.join("/v1/models/black-forest-labs/flux-schnell/predictions").expect("a URL"));
        request.bearer_auth(TOKEN).header("prefer", prefer.to_owned()).json(&json!({ "input": { "prompt": prompt } })).send()
    };
    let response = wait("a river", "wait").await.expect("an answer");
    assert_eq!(
        (response.status(), &response.headers()["preference-applied"]),
        (StatusCode::CREATED, &"wait".parse().expect("a value"))
    );
    let told: Value = response.json().await.expect("JSON");
    assert_eq!((&told["status"], told["output"].as_array().map(Vec::len)), (&json!("processing"), Some(1)), "as recorded");
    assert!(told["completed_at"].is_null() && told["metrics"].is_null());

    let response = wait("a river #stall", "wait=1").await.expect("an answer");
    assert_eq!(response.headers()["preference-applied"], "wait=1");
    let told: Value = response.json().await.expect("JSON");
    assert_eq!((&told["status"], &told["output"]), (&json!("processing"), &Value::Null));

    let response = wait("a river", "respond-async").await.expect("an answer");
    assert!(!response.headers().contains_key("preference-applied"));
}

#[tokio::test]
async fn files_and_data_are_gone_after_an_hour() {
    let house = House::new().await;
    let ended = house.ended("a river").await;
    let url = ended.output_urls().remove(0);
    house.pass(HOUR_MS - 1);
    assert!(house.fetch(&url).await.is_ok());
    house.pass(1);
    assert!(matches!(house.fetch(&url).await, Err(DownloadError::Gone(_))));
    let removed = house.look(&ended).await;
    assert_eq!((removed.status.clone(), removed.data_removed), (Status::Succeeded, true));
    assert_eq!((removed.output, removed.logs, removed.input), (None, None, json!({})));
    assert_eq!(removed.completed_at, ended.completed_at);
}

#[tokio::test]
async fn words_that_fail_a_run_fail_it_in_replicates_words() {
    let house = House::new().await;
    let cases = [("#nsfw", RunFailure::Safety), ("#fail", RunFailure::Failed), ("#interrupted", RunFailure::Interrupted)];
    for (word, class) in cases {
        let ended = house.ended(&format!("a river {word}")).await;
        assert_eq!((ended.status.clone(), ended.failure(), ended.output.clone()), (Status::Failed, Some(class), None), "{word}");
    }
    assert_eq!(house.ended("a river #interrupted").await.status, Status::Succeeded, "the next one with this prompt");
    assert_eq!(house.ended("a river #interrupted").await.status, Status::Failed, "and so on in turn");
}

#[tokio::test]
async fn slow_takes_twenty_seconds_and_stall_never_ends() {
    let house = House::new().await;
    let (slow, stalled) = (house.create("a river #slow").await, house.create("a river #stall").await);
    house.pass(20_399);
    assert_eq!(house.look(&slow).await.status, Status::Processing);
    house.pass(1);
    assert_eq!(house.look(&slow).await.status, Status::Succeeded);
    let stuck = house.look(&stalled).await;
    assert_eq!((stuck.status.clone(), stuck.progress()), (Status::Processing, Some(98)));
    assert!(stuck.logs.expect("logs").contains("| 49/50 ["));
    house.pass(60_000);
    assert_eq!(house.look(&stalled).await.status, Status::Canceled, "its deadline");
}

#[tokio::test]
async fn partial_returns_one_file_fewer() {
    let house = House::new().await;
    let three = house.order(json!({ "prompt": "a river #partial", "num_outputs": 3 })).await.expect("a prediction");
    house.pass(WHOLE_MS);
    assert_eq!(house.look(&three).await.output_urls().len(), 2);
    let one = house.ended("a river #partial").await;
    assert_eq!((one.status.clone(), one.output), (Status::Succeeded, Some(json!([]))));
}

#[tokio::test]
async fn expired_and_truncated_files_cannot_be_had() {
    let house = House::new().await;
    let expired = house.ended("a river #expired").await.output_urls().remove(0);
    assert!(matches!(house.fetch(&expired).await, Err(DownloadError::Gone(_))));
    let truncated = house.ended("a river #truncated").await.output_urls().remove(0);
    for _ in 0..2 {
        let response = house.http.head(&truncated).send().await.expect("an answer");
        let announced: u64 = response.headers()["content-length"].to_str().expect("text").parse().expect("a length");
        let cut = house.fetch(&truncated).await;
        assert!(matches!(cut, Err(DownloadError::Truncated { bytes }) if bytes == announced / 2), "{cut:?} of {announced}");
    }
}

#[tokio::test]
async fn busy_turns_away_once_and_creates_nothing() {
    let house = House::new().await;
    let busy = house.order(json!({ "prompt": "a river #busy" })).await;
    assert!(matches!(busy, Err(Error::Throttled { retry_after, .. }) if retry_after == Duration::from_secs(1)), "{busy:?}");
    assert!(house.sandbox.invoice().is_empty());
    house.order(json!({ "prompt": "a river #busy" })).await.expect("the next one is accepted");
    assert_eq!(house.events(), [(InvoiceEvent::Created, 0)]);
}

#[tokio::test]
async fn lost_and_502_create_a_prediction_that_the_list_shows() {
    let house = House::new().await;
    for prompt in ["a river #lost", "a river #502"] {
        let answer = house.order(json!({ "prompt": prompt })).await;
        assert!(matches!(answer, Err(Error::Ambiguous(_))), "{prompt} gave {answer:?}");
        let listed = house.client.list(house.now().plus_ms(-1), house.now().plus_ms(1)).await.expect("a list");
        assert_eq!(listed[0].input["prompt"], prompt);
        house.pass(10);
    }
    assert_eq!(house.events().len(), 2, "each was created exactly once");
}

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

#[tokio::test]
async fn the_list_goes_on_in_pages_of_a_hundred_within_its_window() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for _ in 0..103 {
        ids.push(house.create("a river").await.id);
        house.pass(10);
    }
    let first = house.now().plus_ms(-1_030);
    let listed = house.client.list(first, house.now()).await.expect("a list");
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(listed.iter().map(|listed| listed.id.clone()).collect::<Vec<_>>(), newest_first);
    let some = house.client.list(first.plus_ms(5), first.plus_ms(25)).await.expect("a list");
    assert_eq!(some.iter().map(|listed| &listed.id).collect::<Vec<_>>(), [&ids[2], &ids[1]]);
}

#[tokio::test]
async fn predictions_and_the_invoice_outlive_the_process() {
    let house = House::new().await;
    let (running, stopped) = (house.create("a river").await, house.create("a lake").await);
    house.client.cancel(&stopped.id).await.expect("a prediction");
    let invoice = house.sandbox.invoice();
    // A line that a kill cut short was never told to anybody.
    let journal = house.dir.path().join("predictions.jsonl");
    let mut written = std::fs::read(&journal).expect("a journal");
    written.extend_from_slice(br#"{"event":"created","id":"half"#);
    std::fs::write(&journal, written).expect("a journal");

    let house = house.reopened().await;
    assert_eq!(house.sandbox.invoice(), invoice);
    assert_eq!(house.look(&running).await.status, Status::Starting);
    assert_eq!(house.look(&stopped).await.status, Status::Canceled);
    house.pass(WHOLE_MS);
    let ended = house.look(&running).await;
    assert_eq!(ended.status, Status::Succeeded, "it went on while nobody ran it");
    house.create("a sea").await;
    let house = house.reopened().await;
    assert_eq!(house.events().iter().filter(|(event, _)| *event == InvoiceEvent::Created).count(), 3);
    assert!(house.fetch(&house.look(&running).await.output_urls()[0]).await.is_ok());
}

#[tokio::test]
async fn pictures_have_the_size_and_the_format_asked_for_and_the_same_bytes_each_time() {
    let house = House::new().await;
    let cases = [
        (json!({ "aspect_ratio": "1:1", "output_format": "png" }), (1024, 1024), image::ImageFormat::Png),
        (json!({ "aspect_ratio": "16:9", "output_format": "jpg" }), (1344, 768), image::ImageFormat::Jpeg),
        (json!({ "aspect_ratio": "2:3" }), (832, 1216), image::ImageFormat::WebP),
        (json!({ "aspect_ratio": "9:16", "megapixels": "0.25" }), (384, 672), image::ImageFormat::WebP),
    ];
    for (mut input, size, format) in cases {
        input["prompt"] = json!("a river");
        input["seed"] = json!(7);
        let mut twins = Vec::new();
        for _ in 0..2 {
            let prediction = house.order(input.clone()).await.expect("a prediction");
            house.pass(WHOLE_MS);
            twins.push(house.fetch(&house.look(&prediction).await.output_urls()[0]).await.expect("a file"));
        }
        assert_eq!(twins[0], twins[1], "{input}");
        assert_eq!(image::guess_format(&twins[0]).expect("a picture"), format);
        let picture = image::load_from_memory(&twins[0]).expect("a whole picture");
        assert_eq!((picture.width(), picture.height()), size, "{input}");
    }
    let (_, told) =
        house.post("/v1/predictions", json!({ "version": SDXL_VERSION, "input": { "width": 320, "height": 192 } })).await;
    house.pass(WHOLE_MS);
    let ended = house.client.get(&PredictionId::trusted(told["id"].as_str().expect("an id"))).await.expect("a prediction");
    let picture = image::load_from_memory(&house.fetch(&ended.output_urls()[0]).await.expect("a file")).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (320, 192));
}

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

/// Somebody who takes webhooks and answers with the next of some statuses, and then with 204.
struct Hearer {
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    _stop: DropGuard,
}

impl Hearer {
    async fn answering(statuses: &[u16]) -> Self {
        let (statuses, heard) = (Arc::new(Mutex::new(statuses.to_vec())), Arc::<Mutex<Vec<_>>>::default());
        let log = heard.clone();
        let take = move |headers: HeaderMap, body: String| async move {
            log.lock().expect("no panic holds it").push((headers, body));
            let mut statuses = statuses.lock().expect("no panic holds it");
            let status = if statuses.is_empty() { 204 } else { statuses.remove(0) };
            (StatusCode::from_u16(status).expect("a status"), [("location", "/elsewhere")])
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let router = axum::Router::new().fallback(axum::routing::post(take));
        tokio::spawn(listen::serve(listener, router, Limits::SANDBOX, stop.clone()));
        Self { url, heard, _stop: stop.drop_guard() }
    }

    /// Every message so far: its id, and the status it tells.
    fn told(&self) -> Vec<(String, String)> {
        let heard = self.heard.lock().expect("no panic holds it");
        let told = |(headers, body): &(HeaderMap, String)| {
            let body: Value = serde_json::from_str(body).expect("JSON");
            let id = headers["webhook-id"].to_str().expect("text").replace(body["id"].as_str().expect("an id"), "P");
            (id, body["status"].as_str().expect("a status").to_owned())
        };
        heard.iter().map(told).collect()
    }
}

fn told(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

impl House {
    /// One whose webhooks are sent when the test says so.
    async fn by_hand() -> Self {
        Self::with(|options| options.delivers = false).await
    }

    async fn called(&self, prompt: &str, url: &str) -> (StatusCode, Value) {
        let body = json!({
            "input": { "prompt": prompt, "seed": 7 }, "webhook": url, "webhook_events_filter": ["start", "completed"]
        });
        self.post("/v1/models/black-forest-labs/flux-schnell/predictions", body).await
    }
}

#[tokio::test]
async fn webhooks_tell_of_the_start_and_of_the_end_and_are_signed_with_the_secret_that_is_served() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[]).await);
    assert_eq!(house.called("a lighthouse", &hearer.url).await.0, StatusCode::CREATED);
    assert_eq!(house.sandbox.deliver_due().await, 0, "it has not started");
    house.pass(400);
    assert_eq!(house.sandbox.deliver_due().await, 1);
    house.pass(WHOLE_MS);
    assert_eq!((house.sandbox.deliver_due().await, house.sandbox.deliver_due().await), (1, 0));
    assert_eq!(hearer.told(), told(&[("msg_P_start", "processing"), ("msg_P_completed", "succeeded")]));
    let secret = house.client.webhook_secret().await.expect("the secret");
    let heard = hearer.heard.lock().expect("no panic holds it");
    for (headers, body) in heard.iter() {
        let text = |name: &str| headers[name].to_str().expect("text");
        let (id, timestamp, signature) = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
        let message = webhook::Message { id, timestamp, signature, body: body.as_bytes() };
        assert_eq!(webhook::verify(std::slice::from_ref(&secret), &message, house.now()), Ok(()));
    }
}

#[tokio::test]
async fn an_end_is_told_for_a_minute_until_somebody_says_yes_and_a_start_only_once() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[500, 503, 404, 500]).await);
    house.called("a lighthouse", &hearer.url).await;
    house.pass(WHOLE_MS);
    let mut sent = Vec::new();
    for seconds in [0, 1, 1, 3, 1, 60] {
        house.pass(seconds * 1_000);
        sent.push(house.sandbox.deliver_due().await);
    }
    assert_eq!(sent, [2, 0, 1, 0, 1, 1]);
    house.pass(HOUR_MS);
    assert_eq!(house.sandbox.deliver_due().await, 0, "the last was heard");

    let deaf = Hearer::answering(&[500; 99]).await;
    house.called("a windmill", &deaf.url).await;
    for _ in 0..200 {
        house.pass(1_000);
        house.sandbox.deliver_due().await;
    }
    assert_eq!(deaf.told().len(), 1 + 6, "the start once, the end six times, and then never again");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_counts_as_heard() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[301, 307]).await);
    house.called("a lighthouse", &hearer.url).await;
    house.pass(WHOLE_MS);
    house.sandbox.deliver_due().await;
    house.pass(HOUR_MS);
    house.sandbox.deliver_due().await;
    assert_eq!(hearer.told().len(), 2);
}

#[tokio::test]
async fn a_run_that_is_cancelled_tells_of_it_and_one_that_never_started_tells_no_start() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[]).await);
    let (_, created) = house.called("#stall", &hearer.url).await;
    let id = PredictionId::trusted(created["id"].as_str().expect("an id"));
    house.client.cancel(&id).await.expect("a cancel");
    house.sandbox.deliver_due().await;
    house.pass(HOUR_MS);
    house.sandbox.deliver_due().await;
    assert_eq!(hearer.told(), told(&[("msg_P_completed", "canceled")]));
}

#[tokio::test]
async fn words_of_the_prompt_keep_webhooks_back_or_send_them_twice_in_the_wrong_order() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[]).await);
    house.called("#hookless", &hearer.url).await;
    house.pass(HOUR_MS / 2);
    assert_eq!(house.sandbox.deliver_due().await, 0);
    house.called("#hooktwice", &hearer.url).await;
    house.pass(400);
    assert_eq!(house.sandbox.deliver_due().await, 0, "not before its end");
    house.pass(WHOLE_MS);
    assert_eq!(house.sandbox.deliver_due().await, 4);
    let (end, start) = (("msg_P_completed", "succeeded"), ("msg_P_start", "processing"));
    assert_eq!(hearer.told(), told(&[end, start, end, start]));
}

#[tokio::test]
async fn webhooks_go_to_this_machine_alone() {
    let house = House::by_hand().await;
    for (url, status) in [
        ("https://pictures.example.com/hooks", StatusCode::CREATED),
        ("http://127.0.0.1:1/hooks", StatusCode::CREATED),
        ("http://pictures.example.com/hooks", StatusCode::UNPROCESSABLE_ENTITY),
        ("ftp://127.0.0.1/hooks", StatusCode::UNPROCESSABLE_ENTITY),
        ("hooks", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(house.called("#fail", url).await.0, status, "{url}");
    }
    house.pass(WHOLE_MS);
    assert_eq!(house.sandbox.deliver_due().await, 2, "nothing to the https address");
}

#[tokio::test]
async fn a_sandbox_that_is_opened_again_sends_what_may_not_have_been_heard_under_the_same_ids() {
    let (house, hearer) = (House::by_hand().await, Hearer::answering(&[]).await);
    house.called("a lighthouse", &hearer.url).await;
    house.pass(WHOLE_MS);
    house.sandbox.deliver_due().await;
    let secret = house.sandbox.0.post.secret().to_owned();
    let again = house.reopened().await;
    assert_eq!(again.sandbox.0.post.secret(), secret);
    while hearer.told().len() < 4 {
        tokio::task::yield_now().await;
    }
    let heard = hearer.told();
    assert_eq!(heard[..2], heard[2..], "word for word the same, sent by itself");
}

#[tokio::test]
async fn the_list_shows_a_prediction_late_or_never_when_its_prompt_says_so() {
    let house = House::new().await;
    let (late, hidden, plain) = (house.create("#latelist").await, house.create("#hidden").await, house.create("plain").await);
    assert_eq!(house.order(json!({ "prompt": "#lag" })).await.map_err(|error| matches!(error, Error::Ambiguous(_))), Err(true));
    let listed = async || {
        let (from, to) = (house.now().plus_ms(-HOUR_MS), house.now().plus_ms(HOUR_MS));
        let listed = house.client.list(from, to).await.expect("a list");
        listed.into_iter().map(|prediction| prediction.id).collect::<Vec<_>>()
    };
    house.pass(39_999);
    assert_eq!(listed().await, std::slice::from_ref(&plain.id));
    house.pass(1);
    let now = listed().await;
    assert_eq!((now.len(), now.contains(&late.id), now.contains(&hidden.id)), (3, true, false));
    assert_eq!(house.look(&hidden).await.id, hidden.id, "who knows it can look at it");
}
