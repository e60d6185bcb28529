//! The price on the button is the price that is paid, whatever the operator does between the page and the press.

use crate::support::{Browser, TestApp, both_databases};
use reqwest::header::LOCATION;

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
