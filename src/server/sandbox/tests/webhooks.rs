//! Webhooks: when, how often, to whom, and signed.

use super::*;

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
