//! Words of the prompt that script a run.

use super::*;

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
