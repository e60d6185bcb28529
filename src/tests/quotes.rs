//! The price on the button is the price that is paid, whatever the operator does between the page and the press.

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::variants;
use atelier::islands::{Choice, ModelChoice};
use atelier::server::model;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::header::LOCATION;
use std::collections::BTreeMap;

/// Ten minutes, in milliseconds.
const KEPT_MS: i64 = 10 * 60 * 1_000;

const DEARER: &str = "update model set unit_price = 5 where name = 'black-forest-labs/flux-schnell'";

/// What a hidden field of a page holds.
fn field(page: &str, name: &str) -> String {
    let after = page.split(&format!("name=\"{name}\"")).nth(1).expect(name);
    let value = after.split('>').next().and_then(|tag| tag.split("value=\"").nth(1)).unwrap_or_default();
    value.split('"').next().unwrap_or_default().to_owned()
}

/// The form of a page as its button sends it, with these pictures asked for.
fn form(page: &str, prompt: &str, count: &str, price: &str) -> Vec<(String, String)> {
    let said =
        [("prompt", prompt), ("count", count), ("quoted_price", price)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let hidden = ["page", "request_key", "quote", "confirmed"].map(|name| (name.to_owned(), field(page, name)));
    said.into_iter().chain(hidden).collect()
}

fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn open(browser: &Browser) -> String {
    browser.get("/create").await.text()
}

async fn balance(app: &TestApp, browser: &Browser) -> (i64, i64) {
    app.balance(&app.person(browser).await).await
}

both_databases! {
    async fn g9_two_hundred_random_forms_cost_what_stands_on_their_button(app: TestApp) {
        model::stock(app.db(), app.clock.now()).await.expect("the default set");
        app.meddle("update model set price_rule = 'second', unit_price = 3 where name = 'minimax/video-01'").await.expect("a film");
        let mut dice = StdRng::seed_from_u64(9);
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 100_000).await;
        let page = open(&mika).await;
        let choices: Vec<_> = model::offered(app.db()).await.expect("the catalogue").iter().map(ModelChoice::from).collect();
        let first = balance(&app, &mika).await;
        let mut taken = BTreeMap::<_, usize>::new();
        for round in 0.. {
            assert!(round < 1_000, "too few forms can be sent at all: {taken:?}");
            let model = choices.choose(&mut dice).expect("a model");
            let prompt = *["a heron", "a {heron|crane}", "a {red|blue} {heron|crane|egret}"].choose(&mut dice).expect("one");
            let length = *["", "5", "6", "8", "10", "99"].choose(&mut dice).expect("one");
            let count = dice.random_range(-1..6).to_string();
            let choice = Choice::read(&choices, |name| match name {
                "model" => model.name.clone(),
                "count" => count.clone(),
                _ => length.to_owned(),
            });
            let prompts = variants(prompt).map_or(1, |prompts| i64::try_from(prompts.len()).expect("few"));
            let price = choice.price(&choices).0 * prompts;
            let mut fields = form(&page, prompt, &choice.count.to_string(), &price.to_string());
            fields.retain(|(name, _)| name != "request_key");
            fields.push(("request_key".to_owned(), uuid::Uuid::new_v4().to_string()));
            fields.push(("model".to_owned(), model.name.clone()));
            if !model.length.is_empty() {
                fields.push((model.length.clone(), length.to_owned()));
            }
            let pressed = mika.press("/generate", &pairs(&fields)).await;
            if pressed.status == 422 {
                continue; // a picture is missing that the model asks for, or it makes nothing of that length
            }
            assert_eq!(pressed.status, 201, "{fields:?}: {}", pressed.text());
            let (available, held) = balance(&app, &mika).await;
            assert_eq!((first.0 - available, held), (price, price), "{fields:?}");
            assert_eq!(mika.press("/generations/cancel", &[]).await.status, 200);
            assert_eq!(balance(&app, &mika).await, first, "what was taken back cost nothing");
            *taken.entry(model.rule.as_str()).or_default() += 1;
            if taken.values().sum::<usize>() == 200 {
                break;
            }
        }
        assert!(taken.len() == 3 && taken.values().all(|forms| *forms >= 10), "of every way to be priced: {taken:?}");
        app.finish().await;
    }

    async fn a_price_that_rises_between_page_and_press_is_paid_as_it_stood_on_the_button(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (page, other) = (open(&mika).await, open(&mika).await);
        assert_eq!(field(&page, "quoted_price"), "1");
        app.meddle(DEARER).await.expect("a dearer model");
        app.clock.advance_ms(KEPT_MS - 1);
        // Without a script, and with one, which asks for four at four times the price it was given.
        let plain = mika.post("/generate", &pairs(&form(&page, "a lighthouse", "1", "1"))).await;
        assert_eq!((plain.status.as_u16(), plain.headers.get(LOCATION).is_some()), (303, true), "{}", plain.text());
        assert_eq!(balance(&app, &mika).await, (19, 1));
        let pressed = mika.press("/generate", &pairs(&form(&other, "a windmill", "4", "4"))).await;
        assert_eq!(pressed.status, 201, "{}", pressed.text());
        assert_eq!(balance(&app, &mika).await, (15, 5));
        app.settle_all().await;
        assert_eq!(balance(&app, &mika).await, (15, 0), "what was shown is what was taken");
        app.finish().await;
    }

    async fn an_old_quote_is_refused_with_the_new_price_and_nothing_is_lost(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let page = open(&mika).await;
        app.meddle(DEARER).await.expect("a dearer model");
        app.clock.advance_ms(KEPT_MS + 1);
        let fields = form(&page, "a lighthouse in the fog", "1", "1");
        let pressed = mika.press("/generate", &pairs(&fields)).await;
        assert_eq!((pressed.status.as_u16(), &pressed.json()["price"]), (409, &5.into()));
        let again = mika.post("/generate", &pairs(&fields)).await;
        let again = (again.status.as_u16(), again.text());
        assert_eq!((again.0, balance(&app, &mika).await), (409, (20, 0)));
        assert!(again.1.contains("This costs 5 credits, not 1") && again.1.contains("a lighthouse in the fog"), "{}", again.1);
        // The page that says so has the new price on its button, under a quote of its own.
        let taken = mika.post("/generate", &pairs(&form(&again.1, "a lighthouse in the fog", "1", "5"))).await;
        assert_eq!((taken.status.as_u16(), balance(&app, &mika).await), (303, (15, 5)));
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_quote_of_somebody_else_or_made_up_is_as_if_there_were_none(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (hers, page) = (field(&open(&noor).await, "quote"), open(&mika).await);
        app.meddle(DEARER).await.expect("a dearer model");
        for quote in [hers, field(&page, "quote").replace("*1", "*0"), "~".to_owned(), "x".repeat(1_000)] {
            let mut fields = form(&page, "a lighthouse", "1", "1");
            fields.retain(|(name, _)| name != "quote");
            fields.push(("quote".to_owned(), quote.clone()));
            let pressed = mika.press("/generate", &pairs(&fields)).await;
            assert_eq!(pressed.status, 409, "{quote}");
        }
        assert_eq!((balance(&app, &mika).await, app.bought()), ((20, 0), 0));
        app.finish().await;
    }

    async fn a_price_that_falls_is_passed_on_at_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.meddle(DEARER).await.expect("a dearer model");
        let page = open(&mika).await;
        app.meddle("update model set unit_price = 2 where name = 'black-forest-labs/flux-schnell'").await.expect("a cheaper model");
        let taken = mika.post("/generate", &pairs(&form(&page, "a lighthouse", "1", "5"))).await;
        assert_eq!((taken.status.as_u16(), balance(&app, &mika).await), (303, (18, 2)));
        app.settle_all().await;
        app.finish().await;
    }
}
