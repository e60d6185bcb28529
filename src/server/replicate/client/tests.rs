//! The client against servers that answer as Replicate was recorded to, and against servers that fail in each way.
//!
//! All of it is over real sockets on this machine: what is proved is what the client does with bytes.

use super::*;
use crate::{
    domain::ModelName,
    server::replicate::{Status, Webhook, WebhookEvent},
};
use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use serde_json::Value;
use std::sync::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A recorded fixture, if this checkout has them beside it; a line says so when it has not.
pub(crate) fn fixture(name: &str) -> Option<Value> {
    let path = fixtures().join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("a fixture is JSON"))
}

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures")
}

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(crate) type Log = Arc<Mutex<Vec<Seen>>>;

/// A server that gives one canned HTTP answer to every connection, then closes it. `{base}` stands for its own address.
pub(crate) async fn canned(answer: impl Into<Vec<u8>>) -> (Url, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let log = Log::default();
    let (answer, seen) = (answer.into(), log.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            if let Some(request) = hear(&mut socket).await {
                seen.lock().expect("no panic holds it").push(request);
            }
            // The client may have gone; then there is nobody to tell.
            let _ = socket.write_all(&answer).await;
            let _ = socket.shutdown().await;
        }
    });
    (base, log)
}

async fn hear(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).expect("a head is text");
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HeaderMap =
        pairs.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_str(value).expect("a value"))).collect();
    let length = headers.get("content-length").map_or(0, |value| value.to_str().expect("text").parse().expect("a length"));
    while bytes.len() < head + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { method, target, headers, body: bytes[head..].to_vec() })
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn quick() -> Limits {
    let moment = Duration::from_millis(200);
    Limits { connect: moment, create: moment, read: moment, pages: 3 }
}

fn client(base: &Url) -> Client {
    Client::with_limits(base, SecretString::from("r8_secret"), Limits { pages: 3, ..Limits::default() }).expect("a client")
}

fn hasty(base: &Url) -> Client {
    Client::with_limits(base, SecretString::from("r8_secret"), quick()).expect("a client")
}

fn schnell() -> Create {
    Create {
        model: ModelName::trusted("black-forest-labs/flux-schnell"),
        version: None,
        input: json!({ "prompt": "a lighthouse" }),
        webhook: None,
    }
}

fn id() -> PredictionId {
    PredictionId::trusted("azaq55dbukgxg6kubr4k6g3pby")
}

async fn create(base: &Url) -> Result<Prediction, Error> {
    client(base).create(&schnell(), Duration::from_mins(1)).await
}

/// An address nobody listens on: bound once, so that it is free, and let go.
async fn nobody() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL")
}

#[tokio::test]
async fn an_official_model_is_run_by_its_name_and_another_by_its_version() {
    let (base, log) = canned(answer("201 Created", "", r#"{"id":"p","status":"starting"}"#)).await;
    create(&base).await.expect("a prediction");
    let webhook = Webhook { url: "https://me/hooks".to_owned(), events: vec![WebhookEvent::Start, WebhookEvent::Completed] };
    let versioned = Create { version: Some("f".repeat(64)), webhook: Some(webhook), ..schnell() };
    client(&base).create(&versioned, Duration::from_secs(1)).await.expect("a prediction");

    let seen = log.lock().expect("a log").clone();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("POST", "/v1/models/black-forest-labs/flux-schnell/predictions")
    );
    assert_eq!(seen[0].headers["authorization"], "Bearer r8_secret");
    assert_eq!(seen[0].headers["cancel-after"], "60s");
    assert!(!seen[0].headers.contains_key("prefer"), "waiting widens the window in which an answer can be lost");
    assert_eq!(serde_json::from_slice::<Value>(&seen[0].body).expect("JSON"), json!({ "input": { "prompt": "a lighthouse" } }));
    assert_eq!(seen[1].target, "/v1/predictions");
    assert_eq!(seen[1].headers["cancel-after"], "5s", "the least that Replicate takes");
    assert_eq!(
        serde_json::from_slice::<Value>(&seen[1].body).expect("JSON"),
        json!({
            "version": "f".repeat(64), "input": { "prompt": "a lighthouse" },
            "webhook": "https://me/hooks", "webhook_events_filter": ["start", "completed"],
        })
    );
}

#[tokio::test]
async fn get_cancel_and_account_ask_at_their_addresses() {
    let (base, log) = canned(answer("200 OK", "", r#"{"id":"p","type":"user","username":"me","unknown":1}"#)).await;
    let client = client(&base);
    client.get(&id()).await.expect("a prediction");
    client.cancel(&id()).await.expect("a prediction");
    let account = client.account().await.expect("an account");
    assert_eq!((account.kind.as_str(), account.username.as_str(), account.name), ("user", "me", None));
    let seen: Vec<String> = log.lock().expect("a log").iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect();
    let one = format!("/v1/predictions/{}", id());
    assert_eq!(seen, [format!("GET {one}"), format!("POST {one}/cancel"), "GET /v1/account".to_owned()]);
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_ambiguous_and_was_sent_exactly_once() {
    // Accepted and dropped, dropped inside the head, dropped inside the body, reset, and never answered.
    let whole = answer("201 Created", "", r#"{"id":"p","status":"starting"}"#);
    for lost in ["", "HTTP/1.1 201 Cre", &whole[..whole.len() - 5]] {
        let (base, log) = canned(lost).await;
        assert!(matches!(create(&base).await, Err(Error::Ambiguous(_))), "{lost:?}");
        assert_eq!(log.lock().expect("a log").len(), 1, "{lost:?}");
    }
    let (base, hits) = silent().await;
    let lost = hasty(&base).create(&schnell(), Duration::from_mins(1)).await;
    assert!(matches!(lost, Err(Error::Ambiguous(_))), "{lost:?}");
    assert_eq!(hits.lock().expect("a log").len(), 1);
}

/// A server that takes every request and never answers.
async fn silent() -> (Url, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let log = Log::default();
    let seen = log.clone();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            if let Some(request) = hear(&mut socket).await {
                seen.lock().expect("no panic holds it").push(request);
            }
            open.push(socket);
        }
    });
    (base, log)
}

#[tokio::test]
async fn a_reset_after_the_request_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        hear(&mut socket).await.expect("a request");
        socket.set_zero_linger().expect("a socket");
        drop(socket);
        listener
    });
    assert!(matches!(create(&base).await, Err(Error::Ambiguous(_))));
    drop(server.await.expect("no second connection was waited for"));
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let base = nobody().await;
    assert!(matches!(create(&base).await, Err(Error::NotSent(_))));
    assert!(matches!(client(&base).get(&id()).await, Err(Error::Unavailable(_))));
    let nowhere: Url = "http://no-such-host.invalid".parse().expect("a URL");
    assert!(matches!(create(&nowhere).await, Err(Error::NotSent(_))));
}

#[tokio::test]
async fn a_failed_handshake_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let tls: Url = format!("https://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("a socket");
        }
    });
    let refused = create(&tls).await;
    assert!(matches!(refused, Err(Error::NotSent(_))), "{refused:?}");
}

#[tokio::test]
async fn server_errors_leave_a_create_in_doubt_and_a_read_to_be_repeated() {
    let html = "<html><title>502 Bad Gateway</title></html>";
    for (status, body) in [("500 Internal Server Error", "{}"), ("502 Bad Gateway", html), ("504 Gateway Timeout", "")] {
        let (base, log) = canned(answer(status, "", body)).await;
        assert!(matches!(create(&base).await, Err(Error::Ambiguous(_))), "{status}");
        assert_eq!(log.lock().expect("a log").len(), 1, "{status}");
        assert!(matches!(client(&base).get(&id()).await, Err(Error::Unavailable(_))), "{status}");
    }
    let (base, _) = canned(answer("201 Created", "", "<html>welcome</html>")).await;
    assert!(matches!(create(&base).await, Err(Error::Ambiguous(_))), "a 2xx that cannot be read bought something");
    assert!(matches!(client(&base).get(&id()).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn reads_that_time_out_are_unavailable() {
    let (base, _) = silent().await;
    let client = hasty(&base);
    assert!(matches!(client.get(&id()).await, Err(Error::Unavailable(_))));
    assert!(matches!(client.cancel(&id()).await, Err(Error::Unavailable(_))));
    assert!(matches!(client.account().await, Err(Error::Unavailable(_))));
    assert!(matches!(client.list(Timestamp(0), Timestamp(1)).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_throttle_tells_its_wait_in_three_forms() {
    let forms = [
        ("retry-after: 3\r\n", "{}", 3),
        ("", r#"{"detail":"Request was throttled.","status":429,"retry_after":7}"#, 7),
        ("", r#"{"detail":"Request was throttled. Your rate limit resets in ~30s."}"#, 30),
    ];
    for (headers, body, seconds) in forms {
        let (base, _) = canned(answer("429 Too Many Requests", headers, body)).await;
        match create(&base).await {
            Err(Error::Throttled { retry_after, .. }) => assert_eq!(retry_after, Duration::from_secs(seconds)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn refusals_certainly_bought_nothing() {
    for (status, code) in [("401 Unauthorized", 401), ("402 Payment Required", 402), ("403 Forbidden", 403)] {
        let (base, _) = canned(answer(status, "", r#"{"detail":"no"}"#)).await;
        assert!(matches!(create(&base).await, Err(Error::Account { status, .. }) if status == code));
    }
    let body = r#"{"detail":"- input: prompt is required\n","invalid_fields":[{"type":"required","field":"input"}]}"#;
    let (base, _) = canned(answer("422 Unprocessable Entity", "", body)).await;
    match create(&base).await {
        Err(Error::Invalid { fields, .. }) => {
            assert_eq!((fields[0].kind.as_str(), fields[0].field.as_str()), ("required", "input"));
        }
        other => panic!("{other:?}"),
    }
    // The status is enough: a refusal whose body is cut off is a refusal.
    let (base, _) = canned("HTTP/1.1 402 Payment Required\r\ncontent-length: 100\r\n\r\n{").await;
    assert!(matches!(create(&base).await, Err(Error::Account { status: 402, .. })));
    let (base, _) = canned(answer("404 Not Found", "", "{}")).await;
    assert!(matches!(create(&base).await, Err(Error::Invalid { .. })));
    assert!(matches!(client(&base).get(&id()).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let (other, elsewhere) = canned(answer("200 OK", "", r#"{"id":"p"}"#)).await;
    let (base, _) = canned(answer("307 Temporary Redirect", &format!("location: {other}\r\n"), "")).await;
    assert!(matches!(create(&base).await, Err(Error::Ambiguous(_))));
    assert!(matches!(client(&base).get(&id()).await, Err(Error::Unavailable(_))));
    let next = format!(r#"{{"next":"{other}v1/predictions?cursor=x","results":[]}}"#);
    let (base, _) = canned(answer("200 OK", "", &next)).await;
    assert!(matches!(client(&base).list(Timestamp(0), Timestamp(1)).await, Err(Error::Unavailable(_))));
    assert!(elsewhere.lock().expect("a log").is_empty());
}

#[tokio::test]
async fn a_body_without_end_is_given_up() {
    let (base, _) = canned(answer("200 OK", "", &"x".repeat(MAX_BODY + 1))).await;
    assert!(matches!(client(&base).get(&id()).await, Err(Error::Unavailable(problem)) if problem.contains("larger")));
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_told_at_the_start() {
    let base: Url = "http://localhost".parse().expect("a URL");
    assert!(matches!(Client::new(&base, SecretString::from("a\nb")), Err(Error::Setup(_))));
    let shown = format!("{:?}", client(&base));
    assert!(!shown.contains("r8_secret"), "{shown}");
}

#[tokio::test]
async fn the_list_follows_next_to_its_end_and_refuses_to_be_cut_short() {
    let pages = Router::new().fallback(page).with_state(Log::default());
    let (base, _stop) = serve(pages).await;
    let found = client(&base).list(Timestamp(1_700_135_176_064), Timestamp(1_700_135_266_000)).await.expect("a list");
    let ids: Vec<&str> = found.iter().map(|prediction| prediction.id.as_str()).collect();
    assert_eq!(ids, ["first", "second", "third"]);

    let endless = r#"{"next":"/v1/predictions?cursor=again","results":[{"id":"p"}]}"#;
    let (base, log) = canned(answer("200 OK", "", endless)).await;
    assert!(matches!(client(&base).list(Timestamp(0), Timestamp(1)).await, Err(Error::Unavailable(_))));
    assert_eq!(log.lock().expect("a log").len(), 3);
}

async fn page(State(_): State<Log>, uri: axum::http::Uri, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers["authorization"], "Bearer r8_secret");
    let host = headers["host"].to_str().expect("a host");
    axum::Json(match uri.query().expect("a query") {
        "created_after=2023-11-16T11%3A46%3A16.064Z&created_before=2023-11-16T11%3A47%3A46Z" => {
            json!({ "previous": null, "next": format!("https://{host}/v1/predictions?cursor=two"), "results": [{ "id": "first" }] })
        }
        "cursor=two" => json!({ "next": "/v1/predictions?cursor=three", "results": [{ "id": "second", "logs": null }] }),
        "cursor=three" => json!({ "next": "null", "results": [{ "id": "third" }] }),
        other => panic!("{other}"),
    })
}

async fn serve(router: Router) -> (Url, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
    (base, stop.drop_guard())
}

/// Replays every recording: each answer is served with its recorded status and headers and read by the call that fits its
/// request, and what is read is held against the recorded JSON.
#[tokio::test]
async fn every_recording_is_read() {
    let Ok(recordings) = std::fs::read_dir(fixtures().join("recorded")) else {
        println!("skipped: there are no recordings beside this checkout");
        return;
    };
    let turn: Arc<Mutex<Value>> = Arc::default();
    let (base, _stop) = serve(Router::new().fallback(replay).with_state(turn.clone())).await;
    let client = client(&base);
    let mut read = 0;
    for recording in recordings {
        let name = recording.expect("an entry").file_name().into_string().expect("a name");
        let exchanges = fixture(&format!("recorded/{name}")).expect("it was listed");
        // One file holds a single exchange.
        let exchanges = if let Value::Array(exchanges) = exchanges { exchanges } else { vec![exchanges] };
        for exchange in exchanges {
            *turn.lock().expect("a turn") = exchange["response"].clone();
            read += usize::from(replayed(&client, &exchange, &name).await);
        }
    }
    assert!(read >= 170, "only {read} answers were read");
}

async fn replay(State(turn): State<Arc<Mutex<Value>>>, _: Bytes) -> impl IntoResponse {
    let response = turn.lock().expect("a turn").clone();
    let status = u16::try_from(response["status"].as_u64().expect("a status")).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        // The recorders stored bodies decoded and rewritten, so what describes the bytes no longer does.
        let framing = ["content-length", "content-encoding", "transfer-encoding"].contains(&name.as_str());
        if let (false, Some(value)) = (framing, value.as_str()) {
            headers.insert::<reqwest::header::HeaderName>(name.parse().expect("a name"), value.parse().expect("a value"));
        }
    }
    let body = if response["json"].is_null() {
        response["text"].as_str().unwrap_or_default().to_owned()
    } else {
        response["json"].to_string()
    };
    (axum::http::StatusCode::from_u16(status).expect("a status"), headers, body)
}

/// Makes the call the exchange is of; says whether there is one.
async fn replayed(client: &Client, exchange: &Value, name: &str) -> bool {
    let (request, response) = (&exchange["request"], &exchange["response"]);
    let uri = request["uri"].as_str().expect("an address");
    let (status, expected) = (response["status"].as_u64().expect("a status"), &response["json"]);
    let run = uri.contains("/predictions") || uri.contains("/trainings");
    let result = match request["method"].as_str().expect("a method") {
        "POST" if uri.ends_with("/cancel") => client.cancel(&id()).await,
        "POST" if run => client.create(&schnell(), Duration::from_mins(1)).await,
        "GET" if run => client.get(&id()).await,
        _ => return false,
    };
    match result {
        Ok(prediction) => {
            assert!((200..300).contains(&status), "{name}");
            assert_read(&prediction, expected, name);
        }
        Err(Error::Account { status: 401, detail }) => assert!(status == 401 && detail.contains("Unauthenticated"), "{name}"),
        Err(Error::Invalid { detail, .. }) => assert!(status == 404 && detail.contains("destination does not exist"), "{name}"),
        Err(other) => panic!("{name}: {other:?}"),
    }
    true
}

fn assert_read(prediction: &Prediction, expected: &Value, name: &str) {
    let given = |key: &str| Some(&expected[key]).filter(|value| !value.is_null());
    assert_eq!(Some(prediction.id.as_str()), expected["id"].as_str(), "{name}");
    assert_eq!(Some(prediction.status.as_str()), expected["status"].as_str(), "{name}");
    assert!(!matches!(prediction.status, Status::Unknown(_)), "{name}");
    assert_eq!(prediction.output.as_ref(), given("output"), "{name}");
    assert_eq!(prediction.logs.as_deref(), given("logs").and_then(Value::as_str), "{name}");
    assert_eq!(prediction.error.as_deref(), given("error").and_then(Value::as_str), "{name}");
    assert_eq!(prediction.input, expected["input"], "{name}");
    assert_eq!(prediction.metrics, expected["metrics"], "{name}");
    assert_eq!(prediction.version.as_deref(), expected["version"].as_str(), "{name}");
    for (read, key) in
        [(prediction.created_at, "created_at"), (prediction.started_at, "started_at"), (prediction.completed_at, "completed_at")]
    {
        assert_eq!(read.is_some(), given(key).is_some(), "{name} {key}");
    }
    let text = given("output").map(Value::to_string).unwrap_or_default();
    let urls = text.matches("https://").count() + text.matches("data:image").count();
    assert_eq!(prediction.output_urls().len(), urls, "{name}");
}

/// An answer, and whether an error fits it.
type Failing = (String, fn(&DownloadError) -> bool);

/// A download, the file it left, and what the server saw.
type Fetched = (Result<Download, DownloadError>, Option<Vec<u8>>, Log);

async fn fetch(answer: impl Into<Vec<u8>>, limits: DownloadLimits) -> Fetched {
    let (base, log) = canned(answer).await;
    let place = tempfile::tempdir().expect("a directory");
    let to = place.path().join("output");
    let result = client(&base).download(base.join("files/out-0.webp").expect("a URL").as_str(), &to, limits).await;
    (result, std::fs::read(to).ok(), log)
}

#[tokio::test]
async fn a_file_is_copied_counted_and_hashed_and_gets_no_token() {
    let (download, kept, log) = fetch(answer("200 OK", "content-type: image/webp\r\n", "abc"), DownloadLimits::default()).await;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
    assert_eq!(download.expect("a file"), Download { bytes: 3, sha256 });
    assert_eq!(kept.as_deref(), Some(&b"abc"[..]));
    let seen = &log.lock().expect("a log")[0];
    assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("accept-encoding"), "{seen:?}");
}

#[tokio::test]
async fn a_download_that_fails_says_how_and_leaves_no_file() {
    let small = DownloadLimits { bytes: 4, ..DownloadLimits::default() };
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: [Failing; 9] = [
        (answer("404 Not Found", "", "gone"), |error| matches!(error, DownloadError::Gone(_))),
        (answer("403 Forbidden", "", ""), |error| matches!(error, DownloadError::Gone(_))),
        (answer("503 Service Unavailable", "", ""), |error| matches!(error, DownloadError::Transient(_))),
        (answer("200 OK", "", ""), |error| matches!(error, DownloadError::Empty)),
        (answer("200 OK", "", "abcde"), |error| matches!(error, DownloadError::TooLarge { limit: 4 })),
        (format!("{chunked}5\r\nabcde\r\n0\r\n\r\n"), |error| matches!(error, DownloadError::TooLarge { limit: 4 })),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab".to_owned(), |error| {
            matches!(error, DownloadError::Truncated { bytes: 2 })
        }),
        (format!("{chunked}2\r\nab\r\n"), |error| matches!(error, DownloadError::Truncated { bytes: 2 })),
        (
            answer("302 Found", "location: https://example.com/a\r\n", ""),
            |error| matches!(error, DownloadError::ForeignHost(host) if host == "example.com"),
        ),
    ];
    for (answer, fits) in cases {
        let (result, kept, _) = fetch(answer.clone(), small).await;
        assert!(result.as_ref().is_err_and(fits), "{answer:?} gave {result:?}");
        assert_eq!(kept, None, "{answer:?}");
    }
}

#[tokio::test]
async fn a_silent_server_does_not_hold_a_download() {
    let (base, _) = silent().await;
    let place = tempfile::tempdir().expect("a directory");
    let limits = DownloadLimits { idle: Duration::from_millis(50), ..DownloadLimits::default() };
    let result = client(&base).download(base.as_str(), &place.path().join("output"), limits).await;
    assert!(matches!(result, Err(DownloadError::Transient(_))), "{result:?}");
    let nobody = nobody().await;
    let result = client(&nobody).download(nobody.as_str(), &place.path().join("output"), limits).await;
    assert!(matches!(result, Err(DownloadError::Transient(_))), "{result:?}");
}

#[tokio::test]
async fn only_the_delivery_hosts_and_our_own_origin_are_fetched_from() {
    let (base, log) = canned(answer("200 OK", "", "abc")).await;
    let (neighbour, _) = canned(answer("200 OK", "", "abc")).await;
    let place = tempfile::tempdir().expect("a directory");
    let foreign = [
        "https://example.com/a.png",
        "https://replicate.delivery.example.com/a.png",
        "https://evilreplicate.delivery/a.png",
        "https://replicate.delivery@example.com/a.png",
        "http://replicate.delivery/a.png",
        "https://replicate.delivery:8443/a.png",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "out-0.png",
        neighbour.as_str(),
    ];
    for url in foreign {
        let result = client(&base).download(url, &place.path().join("output"), DownloadLimits::default()).await;
        assert!(matches!(result, Err(DownloadError::ForeignHost(_))), "{url} gave {result:?}");
    }
    assert!(log.lock().expect("a log").is_empty());
}

#[tokio::test]
async fn a_data_url_is_decoded_under_the_same_limits() {
    let base: Url = "http://localhost".parse().expect("a URL");
    let place = tempfile::tempdir().expect("a directory");
    let to = place.path().join("output");
    let limits = DownloadLimits { bytes: 3, ..DownloadLimits::default() };
    let client = client(&base);
    assert_eq!(client.download("data:text/plain;base64,YWJj", &to, limits).await.expect("a file").bytes, 3);
    assert_eq!(std::fs::read(&to).expect("a file"), b"abc");
    let large = client.download("data:text/plain;base64,YWJjZA==", &to, limits).await;
    assert!(matches!(large, Err(DownloadError::TooLarge { limit: 3 })), "{large:?}");
    assert!(matches!(client.download("data:;base64,", &to, limits).await, Err(DownloadError::Empty)));
    for bad in ["data:text/plain,abc", "data:text/plain;base64,!!!!", "data:"] {
        assert!(matches!(client.download(bad, &to, limits).await, Err(DownloadError::Malformed(_))), "{bad}");
    }
}

#[tokio::test]
async fn a_file_is_copied_in_one_form_of_known_length_and_its_copy_has_an_address() {
    let told = r#"{"id":"f","size":11,"expires_at":"2026-09-22T00:00:00Z","urls":{"get":"https://api.example/v1/files/f"}}"#;
    let (base, log) = canned(answer("201 Created", "", told)).await;
    let pieces = futures::stream::iter([Ok(Bytes::from_static(b"hello ")), Ok(Bytes::from_static(b"there"))]);
    let upload = Upload { name: "a.png".into(), content_type: "image/png".into(), bytes: 11, body: Box::pin(pieces) };
    let copy = client(&base).upload(upload).await.expect("a copy");
    assert_eq!(copy.url, "https://api.example/v1/files/f");
    assert_eq!(copy.expires_at, Some(Timestamp(1_790_035_200_000)));
    let seen = log.lock().expect("a log").pop().expect("a request");
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/files"));
    assert_eq!(seen.headers["authorization"], "Bearer r8_secret");
    let boundary = seen.headers["content-type"].to_str().expect("text").split_once("boundary=").expect("a boundary").1.to_owned();
    let body = String::from_utf8(seen.body).expect("text");
    assert_eq!(
        body,
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"content\"; filename=\"a.png\"\r\n\
             content-type: image/png\r\n\r\nhello there\r\n--{boundary}--\r\n"
        )
    );
}
