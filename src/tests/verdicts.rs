//! One input, one verdict: what the page's form, a program, `/v1` and the sandbox say of thousands of inputs, made the same
//! in every run from the default set's schemas and, where they are at hand, from recorded ones.
//!
//! Not every input can be said in a form, which has no words for a number where a text belongs; and what the form asks for
//! in its own words (how many, which shape, the seed) it also refuses in its own words, at the same fields.

mod inputs;
mod saying;

use crate::support::TestApp;
use atelier::domain::schema::{Schema, Violation};
use atelier::domain::{
    ApiKeyId, Credits, Field, KeyName, KeyWish, MAX_COUNT, Model, ModelName, PersonId, RawRequest, Refusal, RequestKey, Scopes,
    Task,
};
use atelier::server::account::{self, Credentials};
use atelier::server::db::mint;
use atelier::server::generation::{self, Desk, Error, Source};
use atelier::server::key::{self, Token};
use atelier::server::{model, sandbox};
use futures::{StreamExt, stream};
use inputs::{dice_of, input, recorded};
use reqwest::StatusCode;
use saying::said;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Inputs of each model that the sandbox has, of which there are fourteen.
const EACH: usize = 400;
/// Inputs of each recorded model.
const EACH_RECORDED: usize = 100;
/// Creates at the sandbox at once: each is synced to disk before it is answered.
const AT_ONCE: usize = 16;

type Input = Map<String, Value>;

/// What is said of an input; `Ok` when it is taken.
type Verdict = Result<(), Vec<Violation>>;

/// What the form says of it.
#[derive(Debug)]
enum FormVerdict {
    /// The same as others may.
    Plain(Verdict),
    /// Something is wrong at these properties, which it asks for in its own words.
    InItsOwnWords(BTreeSet<String>),
}

/// The doors of a house in which nobody has a credit: what is taken as an input gets as far as the books, and no further.
struct Doors {
    app: TestApp,
    person: PersonId,
    token: Token,
    sandbox: String,
    http: reqwest::Client,
    stop: CancellationToken,
}

impl Doors {
    async fn open() -> Self {
        let app = TestApp::sqlite().await;
        let password = SecretString::from("a lantern above seven hills");
        let credentials = Credentials { email: "poor@example.com".into(), password };
        let person = account::sign_up(app.db(), &credentials, Credits(0), app.clock.now()).await.expect("an account");
        let name = KeyName::parse("verdicts").expect("a name");
        let wish = KeyWish { name, scopes: Scopes::Both, cap: None };
        let token = key::make(app.db(), &person, &ApiKeyId::trusted(mint()), &wish, app.clock.now()).await.expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let sandbox = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        tokio::spawn(sandbox::serve(listener, app.sandbox.clone(), stop.clone()));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { app, person, token, sandbox, http, stop }
    }

    /// What is asked for is written down before it is found that nobody can pay, and a row names a model of the catalogue.
    async fn know(&self, model: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.app.db().begin().await?;
        sqlx::query(
            "insert into model (name, label, description, unit_price, max_count, place) values ($1, '', '', 1, 1, 0)
             on conflict (name) do nothing",
        )
        .bind(model)
        .execute(tx.connection())
        .await?;
        tx.commit().await
    }

    async fn finish(self) {
        assert_eq!(self.app.count("select count(*) from generation").await, 0, "nobody could pay");
        self.stop.cancel();
        self.app.finish().await;
    }

    /// Of the server, which hears a program.
    async fn program(&self, model: &Model, input: &Input) -> Verdict {
        let (db, key, now) = (self.app.db(), RequestKey::trusted(mint()), self.app.clock.now());
        match generation::request_input(Source::Page, &Desk::new(db.clone()), &self.person, &key, model, input, now).await {
            Err(Error::Refused(Refusal::Insufficient { .. })) => Ok(()),
            Err(Error::Refused(Refusal::Input(violations))) => without_files(violations),
            other => panic!("{} {input:?}: {other:?}", model.name),
        }
    }

    /// Of the page, which is sent a form.
    async fn form(&self, model: &Model, raw: &RawRequest) -> FormVerdict {
        let (db, now) = (self.app.db(), self.app.clock.now());
        match generation::request(&Desk::new(db.clone()), &self.person, raw, std::slice::from_ref(model), now).await {
            Err(Error::Refused(Refusal::Insufficient { .. })) => FormVerdict::Plain(Ok(())),
            Err(Error::Refused(Refusal::Input(violations))) => FormVerdict::Plain(without_files(violations)),
            Err(Error::Refused(Refusal::Fields(problems))) => {
                let names = problems.iter().map(|problem| match problem.field {
                    Field::Prompt => model.prompt_name().unwrap_or_default().to_owned(),
                    Field::Count => model.count_name().unwrap_or_default().to_owned(),
                    Field::AspectRatio => "aspect_ratio".to_owned(),
                    Field::Seed => "seed".to_owned(),
                    other => panic!("{} {raw:?}: {other:?}", model.name),
                });
                FormVerdict::InItsOwnWords(names.collect())
            }
            other => panic!("{} {raw:?}: {other:?}", model.name),
        }
    }

    /// Of the sandbox.
    async fn replicate(&self, version: &str, input: &Input) -> Verdict {
        self.create(&self.sandbox, sandbox::TOKEN, version, input).await
    }

    /// Of the product, asked as Replicate is.
    async fn v1(&self, version: &str, input: &Input) -> Verdict {
        // At the pace that a key may have.
        self.app.clock.advance_ms(100);
        self.create(&self.app.process.url, self.token.reveal(), version, input).await
    }

    async fn create(&self, origin: &str, token: &str, version: &str, input: &Input) -> Verdict {
        let request = self.http.post(format!("{origin}/v1/predictions")).bearer_auth(token);
        let answer = request.json(&json!({ "version": version, "input": input })).send().await.expect("an answer");
        let status = answer.status();
        let told: Value = answer.json().await.expect("JSON");
        match status {
            StatusCode::CREATED | StatusCode::PAYMENT_REQUIRED => Ok(()),
            StatusCode::UNPROCESSABLE_ENTITY => {
                Err(serde_json::from_value(told["invalid_fields"].clone()).unwrap_or_else(|_| panic!("{input:?}: {told}")))
            }
            _ => panic!("{input:?}: {status} {told}"),
        }
    }

    /// Compares every verdict on an input with the program's. Answers whether it was taken, and whether a form could say it.
    ///
    /// # Errors
    /// With a line about a door that says something else.
    async fn compare(&self, model: &Model, version: Option<&str>, input: &Input) -> Result<(bool, bool), String> {
        let verdict = self.program(model, input).await;
        let differs = |door: &str, said: &dyn Debug| {
            Err(format!("{door} on {} of {}: {said:?}, not {verdict:?}", model.name, Value::Object(input.clone())))
        };
        if let Some(version) = version {
            let told = self.replicate(version, input).await;
            if told != verdict {
                return differs("the sandbox", &told);
            }
            // Files are fetched before the input is looked at, and there is nothing to be had where these lead.
            if !names_files(model, input) {
                let told = self.v1(version, input).await;
                if told != verdict {
                    return differs("/v1", &told);
                }
            }
        }
        let said = said(model, input);
        let told = match &said {
            Some(raw) => Some(self.form(model, raw).await),
            None => None,
        };
        match told {
            Some(FormVerdict::Plain(told)) if told != verdict => differs("the form", &told),
            Some(FormVerdict::InItsOwnWords(names)) if names != promoted_in(model, &verdict) => differs("the form", &names),
            _ => Ok((verdict.is_ok(), said.is_some())),
        }
    }
}

/// What is said of an input but for its files, which are fetched, or not to be had, before anybody looks at the rest.
fn without_files(mut violations: Vec<Violation>) -> Verdict {
    violations.retain(|found| found.kind != "file_address");
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn names_files(model: &Model, input: &Input) -> bool {
    let names_one = |value: &Value| value.is_string() || value.as_array().is_some_and(|items| items.iter().any(Value::is_string));
    model.file_names().into_iter().any(|name| input.get(name).is_some_and(names_one))
}

/// The properties that a verdict is about, of those that the form asks for in its own words.
fn promoted_in(model: &Model, verdict: &Verdict) -> BTreeSet<String> {
    let promoted = model.promoted();
    let violations = verdict.as_ref().err().into_iter().flatten();
    violations.map(|found| found.property().to_owned()).filter(|name| promoted.contains(&name.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_door_says_the_same_of_the_same_input() {
    let doors = Doors::open().await;
    model::stock(doors.app.db(), doors.app.clock.now()).await.expect("the default set");
    let offered = model::offered(doors.app.db()).await.expect("the catalogue");
    let mut cases: Vec<(Model, Option<String>, Input)> = Vec::new();
    for model in &offered {
        let described = sandbox::described(model.name.as_str()).expect("a model of the sandbox");
        // As the model itself says it: the house may allow less.
        let model = Model { schema: Schema::parse(&described.schemas), ..model.clone() };
        let mut dice = dice_of(model.name.as_str());
        cases.extend((0..EACH).map(|_| (model.clone(), Some(described.version.clone()), input(&model.schema, &mut dice))));
    }
    let of_the_set = cases.len();
    for (name, schemas) in recorded() {
        doors.know(&name).await.expect("a row of its own");
        let mut dice = dice_of(&name);
        let (name, schema) = (ModelName::trusted(name), Schema::parse(&schemas));
        let model = Model { name, schema, task: Task::Image, max_count: MAX_COUNT, ..offered[0].clone() };
        cases.extend((0..EACH_RECORDED).map(|_| (model.clone(), None, input(&model.schema, &mut dice))));
    }
    let verdicts: Vec<_> = stream::iter(&cases)
        .map(|(model, version, input)| doors.compare(model, version.as_deref(), input))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (compared, differing): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(Result::is_ok);
    let differing: Vec<String> = differing.into_iter().filter_map(Result::err).collect();
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    let compared: Vec<(bool, bool)> = compared.into_iter().flatten().collect();
    let count = |taken: bool, said: bool| compared.iter().filter(|case| **case == (taken, said)).count();
    let (form_took, form_refused, took, refused) =
        (count(true, true), count(false, true), count(true, false), count(false, false));
    println!(
        "{} inputs: a form took {form_took} and refused {form_refused}; without a form, {took} and {refused}",
        compared.len()
    );
    assert!(of_the_set >= 5_000, "{of_the_set}");
    // Neither is a rarity, or the comparison is of little use.
    assert!(form_took > 1_000 && form_refused > 500 && refused > 500, "{form_took} {form_refused} {refused}");
    Box::pin(doors.finish()).await;
}
