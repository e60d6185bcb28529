//! How a run goes, ends and is remembered.

use super::*;

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
