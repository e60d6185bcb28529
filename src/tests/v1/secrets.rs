//! SE-41: what opens doors is in no log, however much is logged.

use super::SCHNELL;
use crate::process::{atelier, until};
use crate::support::Browser;
use atelier::server::key::Token;
use reqwest::Method;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_41_no_key_and_no_sealed_address_is_in_the_log_at_its_most_talkative() {
    let dir = TempDir::new().expect("a directory");
    let log = dir.path().join("log");
    // Addresses in answers are those of the configuration, so the port must be known beforehand.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = atelier(dir.path());
    command.arg("serve").env("ATELIER_ADDR", format!("127.0.0.1:{port}")).env("RUST_LOG", "trace");
    command.stdout(Stdio::null()).stderr(Stdio::from(File::create(&log).expect("a file")));
    let mut child = command.spawn().expect("the binary starts");
    let mika = Browser::new(&url);
    until(Duration::from_mins(1), "it serves", async || {
        reqwest::get(format!("{url}/readyz")).await.is_ok_and(|answer| answer.status().is_success()).then_some(())
    })
    .await;
    mika.sign_up("mika").await;
    let page = mika.post("/keys", &[("name", "x"), ("read", "on"), ("write", "on")]).await.text();
    let shown = page.split("<code>").filter_map(|rest| rest.split('<').next()).find(|text| Token::parse(text).is_some());
    let key = shown.expect("the key").to_owned();
    let program = Browser::new(&url);
    let ask = |method: Method, path: &str| program.bare(method, path).header("authorization", format!("Bearer {key}"));
    let wanted = json!({"input": {"prompt": "a boat"}});
    let answer = program.send(ask(Method::POST, SCHNELL).header("prefer", "wait").json(&wanted)).await;
    let told: Value = answer.json();
    assert_eq!(told["status"], "succeeded", "{told}");
    let output = told["output"][0].as_str().expect("an address");
    let stream = told["urls"]["stream"].as_str().expect("an address");
    for address in [output, stream] {
        assert_eq!(program.get(address.strip_prefix(&url).expect("ours")).await.status, 200);
    }
    let secret =
        program.send(ask(Method::GET, "/v1/webhooks/default/secret")).await.json()["key"].as_str().expect("a secret").to_owned();
    child.start_kill().expect("its end");
    child.wait().await.expect("its end");

    let log = std::fs::read_to_string(&log).expect("the log");
    assert!(log.len() > 10_000 && log.contains("/v1/models/black-forest-labs"), "it is talkative: {} bytes", log.len());
    let seal = |address: &str| {
        let word = address.split('/').find(|part| part.len() > 60).expect("a sealed word");
        word[37..].to_owned()
    };
    for (what, hidden) in
        [("the key", key[13..].to_owned()), ("an output", seal(output)), ("a stream", seal(stream)), ("a secret", secret)]
    {
        assert!(
            !log.contains(&hidden),
            "{what} is in the log: {}",
            log.lines().find(|line| line.contains(&hidden)).unwrap_or_default()
        );
    }
}
