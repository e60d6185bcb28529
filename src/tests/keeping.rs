//! Keeping what was paid for: no file that is not whole ever counts as one, and none that arrived is lost because our own
//! store was away.

mod fetching;
mod foreign;
mod waiting;

use crate::support::files::Files;
use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::GenerationId;
use atelier::server::replicate::{Client, DownloadLimits};
use atelier::server::sandbox;
use atelier::server::worker::Worker;
use atelier::server::worker::spool::{Limits, Spool};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use std::time::Duration;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Small, and short enough for a test to see the end of it.
const SHORT: Limits = Limits {
    download: DownloadLimits { bytes: 200_000, idle: Duration::from_millis(300), total: Duration::from_secs(1) },
    ..Limits::DEFAULT
};

both_databases! {
    async fn cr_12_of_four_with_one_cut_off_three_are_kept_and_paid_and_the_page_says_so(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "#onebad", "count": 4})).await;
        app.settle_all().await;
        assert_eq!(mika.told(&id).await["urls"].as_array().map(Vec::len), Some(3));
        assert_eq!(app.balance(&app.person(&mika).await).await, (17, 0));
        let page = mika.get(&format!("/g/{id}")).await.text();
        assert!(page.contains("3 of 4 kept; 1 credit returned"), "{page}");
        let partial = mika.trigger_with(&json!({"prompt": "#partial", "count": 4})).await;
        app.settle_all().await;
        let page = mika.send(mika.bare(Method::GET, &format!("/g/{partial}")).header("accept-language", "ja")).await.text();
        assert!(page.contains("4枚中3枚を保存、1クレジット返却済み"), "{page}");
        app.finish().await;
    }
}

/// A picture that compresses badly, so that its middle is its pixels.
pub fn picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 64 * 3_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&pixels, 64, 64, ExtendedColorType::Rgb8).expect("a picture");
    png
}

/// The app with a worker that asks this host instead of the sandbox.
async fn fetching_from(app: TestApp, files: &Files) -> TestApp {
    fetching_with(app, files, Limits::DEFAULT).await
}

async fn fetching_with(mut app: TestApp, files: &Files, limits: Limits) -> TestApp {
    app.tools.replicate = Client::new(files.origin(), SecretString::from(sandbox::TOKEN)).expect("a client");
    app.tools.spool = Spool::open(app.tools.spool.dir().to_owned(), limits).await.expect("a spool");
    app.worker = Worker::new(app.tools.clone());
    app
}

/// A generation whose run has just succeeded with these links. The sandbox did not take part.
async fn finished(app: &TestApp, browser: &Browser, links: &[String]) -> GenerationId {
    let id = browser.trigger_with(&json!({"prompt": "a lighthouse", "count": links.len()})).await;
    let mut tx = app.db().begin().await.expect("a transaction");
    sqlx::query(
        "update generation set state = 'storing', prediction_id = $2, prediction_output = $3, output_until = $4, run_at = $5 where id = $1",
    )
    .bind(id.as_str())
    .bind(format!("p{}", id.as_str().replace('-', "")))
    .bind(json!(links).to_string())
    .bind(app.clock.now().plus_ms(55 * MINUTE).0)
    .bind(app.clock.now().0)
    .execute(tx.connection())
    .await
    .expect("the row");
    tx.commit().await.expect("a commit");
    id
}

async fn due_in(app: &TestApp, id: &GenerationId, in_ms: i64) {
    let mut tx = app.db().begin().await.expect("a transaction");
    let due =
        sqlx::query("update generation set run_at = $2 where id = $1").bind(id.as_str()).bind(app.clock.now().plus_ms(in_ms).0);
    due.execute(tx.connection()).await.expect("the row");
    tx.commit().await.expect("a commit");
}

async fn prediction_of(app: &TestApp, id: &GenerationId) -> String {
    let row = sqlx::query_as("select prediction_id from generation where id = $1").bind(id.as_str());
    let (prediction,): (String,) = row.fetch_one(app.db().pool()).await.expect("the row");
    prediction
}

async fn failure_of(app: &TestApp, id: &GenerationId) -> Option<String> {
    let row = sqlx::query_as("select failure from generation where id = $1").bind(id.as_str());
    let (failure,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
    failure
}
