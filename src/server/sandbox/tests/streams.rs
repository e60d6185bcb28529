//! Following a run by server-sent events.

use super::*;
use crate::server::sandbox::http::streams::events;
use futures::TryStreamExt;

const TEXT: &str = "meta/meta-llama-3-8b-instruct";

/// An open stream, and what came of it so far.
struct Followed {
    response: reqwest::Response,
    text: String,
}

impl House {
    /// Follows a prediction: without a token, as nobody else's host would need it.
    async fn follow(&self, prediction: &Value) -> Followed {
        let url = prediction["urls"]["stream"].as_str().expect("a stream");
        let response = self.http.get(url).header("accept", "text/event-stream").send().await.expect("an answer");
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (StatusCode::OK, &"text/event-stream".parse().expect("a value"))
        );
        Followed { response, text: String::new() }
    }
}

impl Followed {
    /// Reads until something has come.
    async fn until(&mut self, awaited: &str) -> &str {
        while !self.text.contains(awaited) {
            let chunk = self.response.chunk().await.expect("a stream").expect("more to come");
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
        &self.text
    }

    /// The data of the events of a name, as a client reads them.
    fn data(&self, name: &str) -> Vec<String> {
        let events = self.text.split("\n\n").filter(|event| event.lines().any(|line| line == format!("event: {name}")));
        let data = |event: &str| event.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>().join("\n");
        events.map(data).collect()
    }
}

#[tokio::test]
async fn a_stream_grows_with_the_run_and_says_when_it_is_done() {
    let house = House::new().await;
    let created = house.run(TEXT, json!({ "prompt": "why is the sea salty?" })).await;
    let mut followed = house.follow(&created).await;
    followed.until("\n\n").await;
    assert_eq!(followed.text, ": hi\n\n", "nothing yet");
    house.pass(400 + 1_500);
    let seen = house.seen(&created).await;
    let half = seen["output"].as_array().expect("tokens").len();
    followed.until(&format!("id: 1700000000:{}\n", half - 1)).await;
    house.pass(1_500);
    followed.until("event: done").await;
    followed.until("data: {}\n\n").await;
    let whole = house.seen(&created).await;
    let tokens: Vec<String> = serde_json::from_value(whole["output"].clone()).expect("tokens");
    assert_eq!(followed.data("output"), tokens, "each once, in order, line breaks and spaces kept");
    assert_eq!(followed.data("done"), ["{}"]);
    let mut late = house.follow(&created).await;
    late.until("data: {}\n\n").await;
    assert_eq!(late.text, followed.text, "who comes late is told everything");
}

#[tokio::test]
async fn a_run_that_is_cancelled_or_fails_ends_its_stream_so() {
    let house = House::new().await;
    let created = house.run(TEXT, json!({ "prompt": "why is the sea salty?" })).await;
    house.pass(400 + 1_000);
    let mut followed = house.follow(&created).await;
    followed.until("event: output").await;
    house.client.cancel(&PredictionId::trusted(created["id"].as_str().expect("an id"))).await.expect("a cancel");
    followed.until("event: done\ndata: {\"reason\": \"canceled\"}\n\n").await;
    assert!(followed.data("error").is_empty());

    let failing = house.run(TEXT, json!({ "prompt": "#nsfw" })).await;
    house.pass(400 + 3_000);
    let mut followed = house.follow(&failing).await;
    followed.until("event: done\ndata: {\"reason\": \"error\"}\n\n").await;
    assert!(followed.data("error")[0].starts_with("{\"detail\":\"NSFW content"), "{}", followed.text);
}

#[tokio::test]
async fn what_does_not_stream_has_no_stream_and_what_is_removed_has_none_any_more() {
    let house = House::new().await;
    assert!(house.run("black-forest-labs/flux-schnell", json!({ "prompt": "a river" })).await["urls"].get("stream").is_none());
    let created = house.run(TEXT, json!({})).await;
    let url = created["urls"]["stream"].as_str().expect("a stream").to_owned();
    house.pass(400 + 3_000 + HOUR_MS);
    for gone in [url, house.base.join("/streams/nothing").expect("a URL").to_string()] {
        assert_eq!(house.http.get(&gone).send().await.expect("an answer").status(), StatusCode::NOT_FOUND, "{gone}");
    }
}

#[tokio::test]
async fn a_stream_on_which_nothing_comes_any_more_is_closed_with_a_comment() {
    let house = House::new().await;
    let (done, stalled) = (house.run(TEXT, json!({})).await, house.run(TEXT, json!({ "prompt": "#stall" })).await);
    house.pass(400 + 3_000);
    for (prediction, is_done) in [(done, true), (stalled, false)] {
        let id = prediction["id"].as_str().expect("an id").to_owned();
        let all: Vec<_> = events(house.sandbox.clone(), id, Duration::from_millis(60)).try_collect().await.expect("a stream");
        let text = String::from_utf8(all.concat()).expect("text");
        let rest = text.strip_suffix(":408: 408 Request Timeout\n\n").expect("the comment");
        assert!(rest.starts_with(": hi\n\nevent: output\n"), "{rest}");
        assert_eq!(rest.ends_with("event: done\ndata: {}\n\n"), is_done, "{rest}");
    }
}
