//! What the keeper changes, and that nobody else can.

use super::{LATER, stocked};
use crate::process::atelier;
use crate::routes::{For, ROUTES};
use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::Credits;
use atelier::domain::catalogue::{EntryForm, LogLine};
use atelier::server::model::{self, Actor};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const SDXL: &str = "stability-ai/sdxl";

/// Sends the form of an entry as it stands there, but for what is changed. Its status.
async fn edit(app: &TestApp, keeper: &Browser, name: &str, changes: &[(&str, &str)]) -> (u16, String) {
    let entry = model::find(app.db(), name).await.expect("the database").expect("an entry");
    let form = EntryForm::of(&entry);
    let known =
        ["label", "label_ja", "description", "description_ja", "task", "price_rule", "unit_price", "max_count", "max_seconds"];
    let known = known.into_iter().chain(["place", "license_url", "endpoint", "enabled"]).map(str::to_owned);
    let maxima = entry.maxima.iter().map(|maximum| EntryForm::most(&maximum.name));
    let mut fields: Vec<(String, String)> =
        changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for field in known.chain(maxima).filter(|field| changes.iter().all(|(name, _)| name != field)) {
        fields.push((field.clone(), form.get(&field).to_owned()));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = keeper.post(&format!("/admin/models/{name}"), &fields).await;
    (answer.status.as_u16(), answer.text())
}

async fn log(app: &TestApp) -> Vec<LogLine> {
    model::log(app.db(), "", 100).await.expect("the log")
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

both_databases! {
    async fn to_everybody_but_its_keeper_the_catalogues_forms_are_not_there(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let before = model::entries(app.db()).await.expect("the entries");
        let mut walked = 0;
        for route in ROUTES.iter().filter(|route| route.whose == For::Keeper) {
            let path = route.of("", "");
            for (method, is_there) in [(Method::GET, route.get), (Method::POST, route.post)] {
                if !is_there {
                    continue;
                }
                for accept in ["text/html", "application/json"] {
                    let form = "name=google%2Fnano-banana&label=Mine&unit_price=1";
                    let request = noor.bare(method.clone(), &path).header("sec-fetch-site", "same-origin").header("accept", accept);
                    let request = request.header("content-type", "application/x-www-form-urlencoded");
                    let request = if method == Method::POST { request.body(form) } else { request };
                    let answer = noor.send(request).await;
                    assert_eq!(answer.status, 404, "{method} {path}");
                    assert!(!answer.text().contains("Stable Diffusion"), "nor does it tell anything: {path}");
                }
                walked += 1;
            }
            assert!(!route.get || mika.get(&path).await.status == 200, "{path}");
        }
        assert_eq!(walked, 7);
        assert_eq!(model::entries(app.db()).await.expect("the entries"), before);
        assert!(log(&app).await.is_empty());
        assert!(!noor.get("/models").await.text().contains("/admin/") && mika.get("/models").await.text().contains("/admin/models"));
        app.finish().await;
    }

    async fn a_new_price_is_for_the_presses_that_come_and_not_for_what_is_held(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        let before = mika.trigger_with(&json!({"prompt": "before", "model": SDXL})).await;
        assert_eq!(app.balance(&person).await, (18, 2));
        assert_eq!(edit(&app, &mika, SDXL, &[("unit_price", "5")]).await.0, 303);
        assert!(mika.get("/models").await.text().contains("5 credits a picture"));
        assert_eq!(app.balance(&person).await, (18, 2), "the hold stays as it is");
        let quoted = [("prompt", "after"), ("model", SDXL), ("request_key", "k"), ("quoted_price", "2"), ("count", "1")];
        assert_eq!(mika.press("/generate", &quoted).await.status, 409, "the old price is not taken without a word");
        mika.trigger_with(&json!({"prompt": "after", "model": SDXL})).await;
        app.settle_all().await;
        assert_eq!(app.balance(&person).await, (13, 0), "two for the one before, five for the one after");
        assert!(mika.get(&format!("/g/{before}")).await.text().contains(">2<"));
        app.finish().await;
    }

    async fn every_change_has_a_line_with_who_and_what_and_no_change_has_none(app: TestApp) {
        let mika = app.sign_up("mika").await;
        assert_eq!(edit(&app, &mika, SDXL, &[]).await.0, 303);
        assert!(log(&app).await.is_empty(), "nothing was changed");
        app.clock.advance_ms(1_000);
        let changes = [("label", "SDXL"), ("price_rule", "run"), ("unit_price", "３"), ("license_url", "https://example.com/l"), ("enabled", "")];
        assert_eq!(edit(&app, &mika, SDXL, &changes).await.0, 303);
        let lines = log(&app).await;
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!((line.who.as_deref(), line.action.as_str(), line.subject.as_str()), (Some("mika@example.com"), "model.changed", SDXL));
        assert_eq!(line.at, app.clock.now());
        let before = json!({"label": "Stable Diffusion XL", "price_rule": "output", "unit_price": 2, "license_url": null, "enabled": true});
        let after = json!({"label": "SDXL", "price_rule": "run", "unit_price": 3, "license_url": "https://example.com/l", "enabled": false});
        assert_eq!((json_of(&line.before), json_of(&line.after)), (before, after));
        assert!(!mika.get("/models").await.text().contains(SDXL));
        let page = mika.get("/admin/models").await.text();
        assert!(page.contains("not offered") && page.contains("mika@example.com") && page.contains("SDXL"), "{page}");
        app.finish().await;
    }

    async fn a_form_with_something_wrong_changes_nothing_and_keeps_what_was_typed(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let before = model::entries(app.db()).await.expect("the entries");
        let wrong = [("label", "A fine name"), ("unit_price", "0"), ("most.width", "800"), ("license_url", "example.com")];
        let (status, page) = edit(&app, &mika, SDXL, &wrong).await;
        assert_eq!((status, page.matches("aria-invalid").count()), (422, 3), "{page}");
        assert!(page.contains("A fine name") && page.contains("The model needs at least 1024."), "{page}");
        assert_eq!(model::entries(app.db()).await.expect("the entries"), before);
        app.finish().await;
    }

    async fn what_the_house_allows_at_most_is_what_form_and_check_go_by(app: TestApp) {
        let mika = app.sign_up("mika").await;
        assert_eq!(edit(&app, &mika, SDXL, &[("most.width", "1200")]).await.0, 303);
        let press = |width| {
            [("prompt", "wide"), ("model", SDXL), ("request_key", width), ("count", "1"), ("quoted_price", "2"), ("input.width", width)]
        };
        let answer = mika.press("/generate", &press("1201")).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains("width") && answer.text().contains("1200"), "{}", answer.text());
        assert_eq!(mika.press("/generate", &press("1200")).await.status, 201);
        app.settle_all().await;
        app.finish().await;
    }

    async fn no_start_of_the_product_undoes_what_the_keeper_did(app: TestApp) {
        let app = stocked(app).await;
        let mika = app.sign_up("mika").await;
        assert_eq!(edit(&app, &mika, SDXL, &[("label", "Ours"), ("unit_price", "7"), ("enabled", "")]).await.0, 303);
        model::stock(app.db(), LATER).await.expect("another start");
        let entry = model::find(app.db(), SDXL).await.expect("the database").expect("an entry");
        assert_eq!((entry.model.label.as_str(), entry.model.price.unit, entry.enabled), ("Ours", Credits(7), false));
        app.finish().await;
    }

    async fn two_keepers_at_once_lose_no_line_of_the_log(app: TestApp) {
        let rounds = 1..=12;
        let changes = rounds.clone().map(|unit| model::price(app.db(), &Actor::Operator, SDXL, Credits(unit + 10), app.clock.now()));
        for done in futures::future::join_all(changes).await {
            assert_eq!(done.expect("the database"), Some(true));
        }
        let lines = log(&app).await;
        assert_eq!(lines.len(), rounds.count());
        // Each begins where another one ended.
        let ends: Vec<_> = lines.iter().map(|line| json_of(&line.after)["unit_price"].clone()).collect();
        let begins: Vec<_> = lines.iter().map(|line| json_of(&line.before)["unit_price"].clone()).collect();
        assert_eq!(begins.iter().filter(|begin| !ends.contains(begin)).count(), 1, "{begins:?} {ends:?}");
        app.finish().await;
    }
}

#[tokio::test]
async fn the_command_line_lists_and_changes_the_same_catalogue() {
    let dir = TempDir::new().expect("a directory");
    let run = async |arguments: &[&str]| {
        let done = atelier(dir.path()).arg("models").args(arguments).output().await.expect("the binary");
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let line = async || {
        let (_, listed) = run(&["list"]).await;
        listed.lines().find(|line| line.starts_with(SDXL)).map(str::to_owned).expect("its line")
    };
    assert!(line().await.contains("\toffered\t2 for each output\t"));
    assert!(run(&["price", SDXL, "9"]).await.0 && run(&["disable", SDXL]).await.0);
    assert!(line().await.contains("\toff\t9 for each output\t"));
    assert!(run(&["enable", SDXL]).await.0);
    assert!(line().await.contains("\toffered\t9"));
    for (arguments, said) in [
        (&["price", SDXL, "0"][..], "must be a whole number"),
        (&["enable", "nobody/nothing"], "there is no nobody/nothing"),
        (&["add", "google/nano-banana"], "REPLICATE_API_TOKEN is not set"),
    ] {
        let (done, told) = run(arguments).await;
        assert!(!done && told.contains(said), "{arguments:?}: {told}");
    }
}
