//! What Replicate may say: every status, words of a later year, every shape of output; and what every paid call tells it.
//! The worker is the real one, at a Replicate that answers what it is told to.

use crate::support::{TestApp, both_databases};
use atelier::domain::State;
use atelier::server::clock::Clock;
use atelier::server::generation::DEADLINE_MS;
use atelier::server::replicate::Client;
use atelier::server::worker::{Tools, Worker};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

/// A Replicate that answers what it is told to. The prompt is the number of a script, and every create of that prompt takes
/// the next answer of it.
#[derive(Clone)]
struct Scripted {
    scripts: Arc<Vec<Vec<Value>>>,
    calls: Arc<Mutex<Calls>>,
    clock: Clock,
}

#[derive(Default)]
struct Calls {
    /// Of each create: the script, when, and its `Cancel-After`.
    creates: Vec<(usize, i64, String)>,
    /// Ids that were to be cancelled.
    cancels: Vec<String>,
}

impl Scripted {
    /// Starts it, and gives `app` a worker that calls it.
    async fn start(mut app: TestApp, scripts: Vec<Vec<Value>>) -> (TestApp, Self) {
        let scripted = Self { scripts: Arc::new(scripts), calls: Arc::default(), clock: app.clock.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let (create, tell, cancel) = (scripted.clone(), scripted.clone(), scripted.clone());
        let router = Router::new()
            .route(
                "/v1/models/{owner}/{name}/predictions",
                post(async move |headers: HeaderMap, body: Json<Value>| create.create(&headers, &body)),
            )
            .route("/v1/predictions", get(async || Json(json!({ "results": [], "next": null }))))
            .route("/v1/predictions/{id}", get(async move |Path(id): Path<String>| Json(tell.tell(&id))))
            .route("/v1/predictions/{id}/cancel", post(async move |Path(id): Path<String>| Json(cancel.cancel(id))));
        tokio::spawn(async move { axum::serve(listener, router).await });
        app.tools = Tools { replicate: Client::new(&url, SecretString::from("r8_test")).expect("a client"), ..app.tools.clone() };
        app.worker = Worker::new(app.tools.clone());
        (app, scripted)
    }

    fn create(&self, headers: &HeaderMap, body: &Value) -> (StatusCode, Json<Value>) {
        let script: usize = body["input"]["prompt"].as_str().expect("a prompt").parse().expect("a number");
        let mut calls = self.calls.lock().expect("nobody panics here");
        let place = calls.creates.iter().filter(|(known, ..)| *known == script).count();
        let cancel_after = headers.get("cancel-after").map_or("", |value| value.to_str().expect("ASCII"));
        calls.creates.push((script, self.clock.now().0, cancel_after.to_owned()));
        (StatusCode::CREATED, Json(json!({ "id": format!("{script}-{place}"), "status": "starting", "input": body["input"] })))
    }

    fn tell(&self, id: &str) -> Value {
        let (script, place) = id.split_once('-').expect("an id of ours");
        let answers = &self.scripts[script.parse::<usize>().expect("a number")];
        let mut told = answers[place.parse::<usize>().expect("a number")].clone();
        told["id"] = json!(id);
        told
    }

    fn creates(&self) -> Vec<(usize, i64, String)> {
        self.calls.lock().expect("nobody panics here").creates.clone()
    }

    fn cancels(&self) -> usize {
        self.calls.lock().expect("nobody panics here").cancels.len()
    }

    /// Stops whatever runs.
    fn cancel(&self, id: String) -> Value {
        let told = json!({ "id": id, "status": "canceled" });
        self.calls.lock().expect("nobody panics here").cancels.push(id);
        told
    }
}

/// A picture that needs no file server.
fn picture() -> String {
    let mut bytes = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(8, 8, image::Rgb([90, 120, 200])).write_to(&mut bytes, image::ImageFormat::Png).expect("a PNG");
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes.into_inner()))
}

/// An end that Replicate tells, and what becomes of it.
fn ends() -> Vec<(Value, State, Option<&'static str>)> {
    let picture = picture();
    let succeeded = |output: Value| json!({ "status": "succeeded", "output": output });
    let kept = |output: Value| (succeeded(output), State::Succeeded, None);
    let nothing = |output: Value| (succeeded(output), State::Failed, Some("model_failed"));
    vec![
        kept(json!(picture)),
        kept(json!([picture])),
        kept(json!([[picture]])),
        kept(json!([null, picture])),
        kept(json!({ "image": picture, "seed": 7 })),
        kept(json!({ "images": [{ "url": picture }] })),
        // More than was asked for: what was asked for is kept, and paid.
        kept(json!([picture, picture, picture])),
        nothing(Value::Null),
        nothing(json!("")),
        nothing(json!("a text and no picture")),
        nothing(json!([])),
        nothing(json!([null, ""])),
        nothing(json!({})),
        nothing(json!(7)),
        nothing(json!(true)),
        (json!({ "status": "succeeded" }), State::Failed, Some("model_failed")),
        (succeeded(json!(["data:image/png;base64,!!!"])), State::Failed, Some("output_lost")),
        (json!({ "status": "failed", "error": "CUDA error" }), State::Failed, Some("model_failed")),
        (json!({ "status": "failed", "error": "NSFW content detected" }), State::Failed, Some("safety")),
        (json!({ "status": "failed", "error": { "code": 7 } }), State::Failed, Some("model_failed")),
        (json!({ "status": "failed", "error": null }), State::Failed, Some("model_failed")),
        // Nobody here asked for it: its deadline did.
        (json!({ "status": "canceled" }), State::Failed, Some("timeout")),
        (json!({ "status": "aborted" }), State::Failed, Some("timeout")),
    ]
}

both_databases! {
    async fn rl_12_every_end_and_every_shape_of_output_is_kept_or_given_back(app: TestApp) {
        let ends = ends();
        let scripts = ends.iter().map(|(answer, ..)| vec![answer.clone()]).collect();
        let (app, scripted) = Scripted::start(app, scripts).await;
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        for (script, (answer, state, failure)) in ends.iter().enumerate() {
            let (before, _) = app.balance(&person).await;
            let id = mika.trigger(&script.to_string()).await;
            app.settle_all().await;
            let row = sqlx::query_as("select failure from generation where id = $1").bind(id.as_str());
            let (told,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
            assert_eq!((app.state(&id).await, told.as_deref()), (*state, *failure), "{answer}");
            let taken = i64::from(*state == State::Succeeded);
            assert_eq!(app.balance(&person).await, (before - taken, 0), "{answer}");
        }
        let (creates, cancels) = (scripted.creates().len(), scripted.cancels());
        assert_eq!((creates, cancels), (ends.len(), 0), "each was bought once and stopped by nobody");
        app.finish().await;
    }

    async fn rl_12_what_runs_and_what_nobody_has_heard_of_is_waited_for_until_the_deadline(app: TestApp) {
        let answers =
            [json!({ "status": "starting" }), json!({ "status": "processing" }), json!({ "status": "paused" }), json!({})];
        let (app, scripted) = Scripted::start(app, answers.iter().map(|answer| vec![answer.clone()]).collect()).await;
        let mika = app.sign_up("mika").await;
        for (script, answer) in answers.iter().enumerate() {
            let deadline = app.clock.now().plus_ms(DEADLINE_MS);
            let id = mika.trigger(&script.to_string()).await;
            app.until(&id, State::Waiting).await;
            app.clock.advance_ms(deadline.since(app.clock.now()) - 1);
            app.worker.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Waiting, "{answer}");
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Failed, "{answer}");
            assert_eq!(scripted.cancels(), script + 1, "{answer}");
        }
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn rl_13_every_paid_call_ends_itself_by_the_deadline(app: TestApp) {
        let interrupted = json!({ "status": "failed", "error": "Prediction interrupted; please retry (code: PA)" });
        let scripts = vec![vec![interrupted, json!({ "status": "succeeded", "output": picture() })]];
        let (app, scripted) = Scripted::start(app, scripts).await;
        let mika = app.sign_up("mika").await;
        let deadline = app.clock.now().plus_ms(DEADLINE_MS).0;
        let id = mika.trigger("0").await;
        app.until(&id, State::Waiting).await;
        app.clock.advance_ms(DEADLINE_MS / 2);
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        let creates = scripted.creates();
        assert_eq!(creates.len(), 2, "{creates:?}");
        for (_, at, cancel_after) in creates {
            assert_eq!(cancel_after, format!("{}s", (deadline - at) / 1_000));
        }
        app.finish().await;
    }
}
