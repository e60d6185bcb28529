//! A sandbox with the models of a folder, and the product over it: every one of them is taken by its own description, and
//! what it makes is kept.

use crate::process::{Served, atelier, started, until};
use atelier::server::replicate::install_tls;
use reqwest::Client;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// Recorded descriptions stand beside the checkout where the product is written, and nowhere else.
fn recorded() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures/schemas");
    folder.is_dir().then_some(folder)
}

/// A sandbox that took all of them.
struct Saved {
    folder: PathBuf,
    dir: TempDir,
    sandbox: Served,
}

impl Saved {
    /// Nothing, and says so, where they are not.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    async fn open() -> Option<Self> {
        let Some(folder) = recorded() else {
            println!("skipped: no recorded models are here");
            return None;
        };
        let dir = TempDir::new().expect("a directory");
        let mut command = atelier(dir.path());
        command.args(["sandbox", "--port", "0", "--speed", "1000", "--longest-edge", "16", "--models"]).arg(&folder);
        let sandbox = started(&mut command).await;
        Some(Self { folder, dir, sandbox })
    }
}

/// Every model of the folder.
fn models(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path());
    let saved = files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("model_")));
    saved.map(|path| serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")).collect()
}

fn name(model: &Value) -> String {
    format!("{}/{}", model["owner"].as_str().expect("an owner"), model["name"].as_str().expect("a name"))
}

/// What must be given, as its example gives it; pictures for files, since nothing is fetched from elsewhere.
fn input(model: &Value) -> Map<String, Value> {
    const PICTURE: &str =
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let input = &model["latest_version"]["openapi_schema"]["components"]["schemas"]["Input"];
    let required = input["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let given = required.map(|property| {
        let rule = &input["properties"][property];
        let value = match (&rule["format"], &rule["items"]["format"]) {
            (Value::String(format), _) if format == "uri" => json!(PICTURE),
            (_, Value::String(format)) if format == "uri" => json!([PICTURE]),
            _ => model["default_example"]["input"].get(property).cloned().unwrap_or_else(|| json!("a lantern")),
        };
        (property.to_owned(), value)
    });
    given.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saved_model_is_described_run_and_answered_in_its_own_shape() {
    let Some(Saved { folder, dir: _kept, sandbox }) = Saved::open().await else { return };
    install_tls();
    let client = Client::builder().no_proxy().build().expect("a client");
    let models = models(&folder);
    assert!(models.len() > 20, "{}", models.len());
    for model in &models {
        let name = name(model);
        let told: Value = ask(&client, &format!("{}/v1/models/{name}", sandbox.url)).await;
        let (theirs, ours) = (&model["latest_version"], &told["latest_version"]);
        let inputs = |version: &Value| {
            let input = &version["openapi_schema"]["components"]["schemas"]["Input"]["properties"];
            input.as_object().expect("properties").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(inputs(ours), inputs(theirs), "{name}");
        let body = json!({"version": ours["id"], "input": input(model)});
        let call = client.post(format!("{}/v1/predictions", sandbox.url)).bearer_auth("r8_sandbox").json(&body);
        let answer = call.send().await.expect("an answer");
        let (status, made) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert_eq!(status, 201, "{name}: {made}");
        let address = format!("{}/v1/predictions/{}", sandbox.url, made["id"].as_str().expect("an id"));
        let done = until(Duration::from_secs(20), &name, async || {
            let told = ask(&client, &address).await;
            (told["status"] == "succeeded").then_some(told)
        });
        let done = done.await;
        let promised = &theirs["openapi_schema"]["components"]["schemas"]["Output"];
        match promised["type"].as_str() {
            Some("string") => assert!(done["output"].is_string(), "{name}: {done}"),
            Some("array") => assert!(done["output"].is_array(), "{name}: {done}"),
            Some("object") => assert!(done["output"].is_object(), "{name}: {done}"),
            _ => assert!(!done["output"].is_array(), "{name}: {done}"),
        }
        for url in files(&done["output"]) {
            assert_eq!(client.get(&url).send().await.expect("a file").status(), 200, "{name}: {url}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saved_models_are_added_to_the_catalogue_by_their_names_and_what_they_make_is_kept() {
    let Some(Saved { folder, dir, sandbox }) = Saved::open().await else { return };
    let product = || {
        let mut command = atelier(dir.path());
        command
            .env("REPLICATE_API_TOKEN", "r8_sandbox")
            .env("REPLICATE_BASE_URL", &sandbox.url)
            .env("SIGNUP_CREDITS", "100000")
            .env("PUBLIC_URL", "http://house.example");
        command
    };
    let key = run(&mut product(), &["user", "create", "saved@example.com"], "a password that nobody has to know").await;
    assert!(key.contains("can sign in"), "{key}");
    let served = started(product().arg("serve")).await;
    let key = run(&mut product(), &["user", "key", "saved@example.com", "--name", "saved"], "").await;
    install_tls();
    let client = Client::builder().no_proxy().build().expect("a client");
    // Words in, and out of it a list of lists of files, a list of numbers, a table, one file.
    for name in
        ["laion-ai/ongo", "yorickvp/jina-embeddings-v2-base-en", "meta/musicgen", "stability-ai/stable-diffusion-3.5-large"]
    {
        for words in [["models", "add", name], ["models", "enable", name]] {
            run(&mut product(), &words, "").await;
        }
        let model: Value = serde_json::from_slice(
            &std::fs::read(folder.join(format!("model_{}.json", name.replace('/', "_")))).expect("the model"),
        )
        .expect("JSON");
        let body = json!({"version": model["latest_version"]["id"], "input": input(&model)});
        let call = client.post(format!("{}/v1/predictions", served.url)).bearer_auth(&key).header("prefer", "wait").json(&body);
        let answer = call.send().await.expect("an answer");
        let (status, made) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert_eq!((status.as_u16(), &made["status"]), (201, &json!("succeeded")), "{name}: {made}");
        assert!(!made["output"].is_null(), "{name}: {made}");
        for url in files(&made["output"]) {
            assert!(url.starts_with("http://house.example/o/"), "{name}: {url}");
        }
    }
}

/// The addresses in an output.
fn files(output: &Value) -> Vec<String> {
    match output {
        Value::String(text) if text.starts_with("http") => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(files).collect(),
        Value::Object(fields) => fields.values().flat_map(files).collect(),
        _ => Vec::new(),
    }
}

async fn ask(client: &Client, url: &str) -> Value {
    client.get(url).bearer_auth("r8_sandbox").send().await.expect("an answer").json().await.expect("JSON")
}

/// Runs a command to its end with this at its standard input; what it said.
async fn run(command: &mut tokio::process::Command, words: &[&str], input: &str) -> String {
    let pipe = std::process::Stdio::piped;
    let mut child = command.args(words).stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().expect("the binary starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).await.expect("written");
    let done = child.wait_with_output().await.expect("its end");
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
