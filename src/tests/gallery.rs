//! The gallery over HTTP, on both databases. A test's name begins with the bar of the interface that it holds up.

mod finding;
mod marking;
mod trash;

use crate::support::{Browser, TestApp};
use atelier::domain::GenerationId;

/// Makes one picture for each prompt, a second apart, and gives their ids in that order.
async fn pictures(app: &TestApp, browser: &Browser, prompts: &[&str]) -> Vec<GenerationId> {
    let mut ids = Vec::new();
    for prompt in prompts {
        ids.push(browser.trigger(prompt).await);
        app.clock.advance_ms(1_000);
    }
    app.settle_all().await;
    ids
}

/// The generations of a page, in its order.
async fn shown(browser: &Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}");
    let mut ids: Vec<String> = Vec::new();
    for part in page.text().split("data-id=\"").skip(1) {
        let id = part.split('"').next().expect("an id").to_owned();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
    }
    ids
}

/// As [`shown`] tells them.
fn names(ids: &[&GenerationId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
