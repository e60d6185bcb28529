//! What the models make besides lists of pictures, and how files are served.

use super::*;

const TEXT: &str = "meta/meta-llama-3-8b-instruct";

impl House {
    async fn part(&self, url: &str, range: &str) -> reqwest::Response {
        self.http.get(url).header("range", range.to_owned()).send().await.expect("an answer")
    }
}

#[tokio::test]
async fn every_model_of_the_catalogue_runs_and_its_files_are_what_they_say() {
    let house = House::with(|options| options.longest_edge = Some(48)).await;
    for entry in catalogue::all() {
        let properties = entry.schemas["Input"]["properties"].as_object().expect("properties");
        let required = entry.schemas["Input"]["required"].as_array().into_iter().flatten();
        let given = required.map(|key| {
            let key = key.as_str().expect("a key");
            let value = if properties[key]["format"] == "uri" { "https://example.com/a" } else { "a river, in short" };
            (key.to_owned(), json!(value))
        });
        let ran = house.ran(&entry.full_name(), Value::Object(given.collect())).await;
        assert_eq!((&ran["status"], &ran["error"]), (&json!("succeeded"), &Value::Null), "{ran}");
        let told: Prediction = serde_json::from_value(ran.clone()).expect("a prediction");
        for url in told.output_urls() {
            let response = house.http.get(&url).send().await.expect("an answer");
            assert_eq!(
                (response.status(), &response.headers()["accept-ranges"]),
                (StatusCode::OK, &"bytes".parse().expect("a value"))
            );
            let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
            let bytes = response.bytes().await.expect("a file");
            let (expected, begins) = match url.rsplit('.').next() {
                Some("webp") => ("image/webp", bytes.starts_with(b"RIFF") && bytes[8..12] == *b"WEBP"),
                Some("jpg") => ("image/jpeg", bytes.starts_with(b"\xff\xd8")),
                Some("png") => ("image/png", bytes.starts_with(b"\x89PNG")),
                Some("mp4") => ("video/mp4", bytes[4..8] == *b"ftyp"),
                Some("wav") => ("audio/wav", bytes.starts_with(b"RIFF") && bytes[8..12] == *b"WAVE"),
                other => panic!("{other:?} of {}", entry.full_name()),
            };
            assert_eq!((kind.as_str(), begins), (expected, true), "{url}");
        }
    }
    let billed: Vec<_> = house.events().into_iter().filter(|(event, _)| *event == InvoiceEvent::Billed).collect();
    assert_eq!(billed, vec![(InvoiceEvent::Billed, 1); catalogue::all().len()], "one output each");
}

#[tokio::test]
async fn one_file_is_told_alone_and_several_in_a_list() {
    let house = House::new().await;
    let input = json!({ "prompt": "a river" });
    let one = house.ran("black-forest-labs/flux-1.1-pro", input.clone()).await;
    assert!(one["output"].as_str().is_some_and(|url| url.ends_with("/output.webp")), "{one}");
    assert_eq!((&one["logs"], &one["metrics"]["image_count"]), (&json!("Generating...\nGenerated in 2.5sec\n"), &json!(1)));
    let series = json!({ "prompt": "a river", "sequential_image_generation": "auto", "max_images": 3 });
    assert_eq!(house.ran("bytedance/seedream-4", series).await["output"].as_array().map(Vec::len), Some(3));
    let alone = json!({ "prompt": "a river", "max_images": 3 });
    assert_eq!(house.ran("bytedance/seedream-4", alone).await["output"].as_array().map(Vec::len), Some(1));
    let none = house.ran("google/nano-banana", json!({ "prompt": "a river #partial" })).await;
    assert_eq!((&none["status"], &none["output"]), (&json!("succeeded"), &Value::Null));
}

#[tokio::test]
async fn a_film_can_be_had_in_parts() {
    let house = House::new().await;
    let film = house.ran("minimax/video-01", json!({ "prompt": "the sea" })).await;
    assert_eq!(film["metrics"]["video_output_duration_seconds"], 5);
    let url = film["output"].as_str().expect("a film");
    let whole = house.http.get(url).send().await.expect("an answer");
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    let (etag, length) = (whole.headers()["etag"].clone(), whole.headers()["content-length"].clone());
    let whole = whole.bytes().await.expect("a film");
    assert_eq!(length, whole.len().to_string());

    let part = house.part(url, "bytes=100-199").await;
    assert_eq!((part.status(), &part.headers()["etag"]), (StatusCode::PARTIAL_CONTENT, &etag));
    assert_eq!(part.headers()["content-range"], format!("bytes 100-199/{}", whole.len()));
    assert_eq!(part.headers()["content-length"], "100");
    assert_eq!(part.bytes().await.expect("a part"), whole.slice(100..200));
    let end = house.part(url, "bytes=-7").await.bytes().await.expect("a part");
    assert_eq!(end, whole.slice(whole.len() - 7..));

    let beyond = house.part(url, &format!("bytes={}-", whole.len())).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{}", whole.len()));
    let head = house.http.head(url).send().await.expect("an answer");
    assert_eq!((head.status(), &head.headers()["content-length"]), (StatusCode::OK, &length));
}

#[tokio::test]
async fn a_text_is_read_aloud() {
    let house = House::new().await;
    let read = async |input: Value| {
        let ran = house.ran("jaaari/kokoro-82m", input).await;
        let url = ran["output"].as_str().expect("a recording").to_owned();
        (ran, house.http.get(url).send().await.expect("an answer").bytes().await.expect("a recording"))
    };
    let (ran, wav) = read(json!({ "text": "Hello, and good morning." })).await;
    assert_eq!(
        (&ran["version"], &ran["metrics"]["character_input_count"]),
        (&json!(catalogue::named("jaaari", "kokoro-82m").expect("a model").version), &json!(24))
    );
    assert_eq!(wav, read(json!({ "text": "Hello, and good morning." })).await.1);
    assert_ne!(wav, read(json!({ "text": "Hello, and good night." })).await.1);
    assert_ne!(wav, read(json!({ "text": "Hello, and good morning.", "voice": "am_adam" })).await.1);
    assert_eq!(house.ran("jaaari/kokoro-82m", json!({ "text": "#fail" })).await["status"], "failed");
}

#[tokio::test]
async fn a_text_grows_while_it_is_written() {
    let house = House::new().await;
    let created = house.run(TEXT, json!({ "prompt": "why is the sea salty?" })).await;
    assert!(created.get("output").is_none(), "{created}");
    house.pass(400 + 1_500);
    let half = house.seen(&created).await;
    house.pass(1_499);
    let nearly = house.seen(&created).await;
    house.pass(1);
    let whole = house.seen(&created).await;
    let tokens = |told: &Value| told["output"].as_array().expect("tokens").clone();
    let (half, nearly, all) = (tokens(&half), tokens(&nearly), tokens(&whole));
    assert!(half.len() * 2 <= all.len() && half.len() * 2 + 2 > all.len(), "{} of {}", half.len(), all.len());
    assert_eq!((nearly.len(), &all[..half.len()]), (all.len() - 1, &half[..]));
    assert_eq!(whole["metrics"]["output_token_count"], all.len());
    assert_eq!(whole["metrics"]["input_token_count"], 6);
    assert_eq!(house.ran(TEXT, json!({ "prompt": "why is the sea salty?", "max_tokens": 5 })).await["output"], json!(all[..5]));
}

#[tokio::test]
async fn what_was_written_stays_when_a_text_ends_early() {
    let house = House::new().await;
    let created = house.run(TEXT, json!({ "prompt": "why is the sea salty?" })).await;
    house.pass(400 + 1_000);
    house.client.cancel(&PredictionId::trusted(created["id"].as_str().expect("an id"))).await.expect("a cancel");
    house.pass(60_000);
    let canceled = house.seen(&created).await;
    assert_eq!(canceled["status"], "canceled");
    let some = canceled["output"].as_array().map_or(0, Vec::len);
    assert!(some > 10, "{canceled}");
    let failed = house.ran(TEXT, json!({ "prompt": "why is the sea salty? #fail" })).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["output"].as_array().is_some_and(|tokens| tokens.len() > 10), "{failed}");
    house.pass(HOUR_MS);
    assert_eq!(house.seen(&failed).await["output"], Value::Null);
}

#[tokio::test]
async fn a_recording_is_written_down_as_an_object() {
    let house = House::new().await;
    let write = async |input: Value| house.ran("openai/whisper", input).await["output"].clone();
    let plain = write(json!({ "audio": "https://example.com/a.wav" })).await;
    assert_eq!((&plain["detected_language"], &plain["srt_file"]), (&json!("english"), &Value::Null));
    assert!(plain["segments"].as_array().is_some_and(|segments| segments.len() == 4), "{plain}");
    assert_eq!(plain["translation"], Value::Null);
    let srt =
        write(json!({ "audio": "https://example.com/a.wav", "transcription": "srt", "translate": true, "language": "ja" })).await;
    assert_eq!((&srt["segments"], &srt["detected_language"]), (&plain["segments"], &json!("ja")), "the same recording");
    assert_eq!(srt["translation"], plain["transcription"]);
    let file = house.http.get(srt["srt_file"].as_str().expect("a file")).send().await.expect("an answer");
    assert_eq!(file.headers()["content-type"], "application/x-subrip");
    assert_eq!(json!(file.text().await.expect("text")), srt["transcription"]);
    assert_eq!(house.run("openai/whisper", json!({ "audio": "https://example.com/b.wav" })).await["status"], "starting");
}
