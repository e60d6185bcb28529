//! The statement: what a person can read, save and prove of their credits.

use crate::process::atelier;
use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::Credits;
use atelier::server::db::mint;
use atelier::server::ledger::{self, Grant, export};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// Gives one credit `times` times, each under a reason of its own.
async fn grant_often(app: &TestApp, browser: &Browser, times: i64) {
    let person = app.person(browser).await;
    for at in 1..=times {
        let mut tx = app.db().begin().await.expect("a transaction");
        let grant = Grant::Operator { reference: mint(), reason: format!("present number {at}") };
        ledger::grant(&mut tx, &person, Credits(1), &grant, app.clock.now()).await.expect("a grant");
        tx.commit().await.expect("a commit");
    }
}

/// What `atelier ledger verify FILE` says: whether all fits, and in which words.
async fn verify(dir: &Path, file: &str) -> (bool, String) {
    let done = atelier(dir).args(["ledger", "verify", file]).output().await.expect("the binary");
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (done.status.success(), said.concat())
}

/// The rows of a table that has no quotes in the columns we look at.
fn rows(csv: &str) -> Vec<Vec<String>> {
    csv.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

both_databases! {
    async fn cr_14_opening_and_every_change_add_up_to_the_balance_of_each_line(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for prompt in ["a lighthouse", "#fail", "a windmill"] {
            app.clock.advance_ms(1_000);
            mika.trigger(prompt).await;
            app.settle_all().await;
        }
        app.clock.advance_ms(1_000);
        let model = "stability-ai/sdxl";
        mika.trigger_with(&serde_json::json!({"prompt": "#partial", "count": 4, "model": model})).await;
        app.settle_all().await;
        let answer = mika.get("/credits/statement.csv").await;
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"atelier-statement-"));
        assert_eq!(answer.body[..3], [0xef, 0xbb, 0xbf], "Excel knows it by this");
        assert_eq!(answer.text().matches('\n').count(), answer.text().matches("\r\n").count());
        let rows = rows(&answer.text());
        assert_eq!(rows[0][5..8], ["Change", "Returned", "Balance"], "{:?}", rows[0]);
        let number = |row: &[String], at: usize| row[at].parse::<i64>().expect("a number");
        let mut balance = 0;
        for row in rows[1..].iter().rev() {
            balance += number(row, 5);
            assert_eq!(number(row, 7), balance, "{row:?}");
        }
        let (available, held) = app.balance(&app.person(&mika).await).await;
        assert_eq!((rows.len() - 1, balance), (5, available + held), "a gift, two pictures, one failure, one in part");
        assert_eq!(rows[1..].iter().filter(|row| number(row, 6) > 0).count(), 2, "two lines tell of a return: {rows:?}");
        app.finish().await;
    }

    async fn a_saved_chain_is_whole_for_whoever_recomputes_it_and_one_flipped_digit_names_its_entry(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        grant_often(&app, &mika, 600).await;
        for prompt in ["a lighthouse", "#fail"] {
            mika.trigger(prompt).await;
            app.settle_all().await;
        }
        let saved = mika.get("/credits/statement.json").await;
        let text = saved.text();
        assert_eq!(export::check(&text), Ok(602), "more than are read at once");
        let file: Value = saved.json();
        assert_eq!((&file["count"], file["returned"].as_array().expect("a list").len()), (&602.into(), 1));
        assert_eq!(file["entries"][1]["reason"], "present number 1");
        assert!(!text.contains(app.person(&noor).await.as_str()), "nobody else is in it");

        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("statement.json");
        let path = path.to_str().expect("a path");
        std::fs::write(path, &text).expect("a file");
        let proven = verify(dir.path(), path).await;
        assert!(proven.0 && proven.1.contains("602/602"), "{proven:?}");
        std::fs::write(path, text.replacen("\"place\":300,\"posted_after\":319", "\"place\":300,\"posted_after\":329", 1)).expect("a file");
        let flipped = verify(dir.path(), path).await;
        assert!(!flipped.0 && flipped.1.contains("entry 300"), "{flipped:?}");
        assert!(!dir.path().join("atelier.db").exists(), "nobody was asked");
        app.finish().await;
    }

    async fn se_39_a_reason_that_a_table_would_run_is_text_in_the_file_and_on_the_page(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        let mut tx = app.db().begin().await.expect("a transaction");
        let reason = "=HYPERLINK(\"https://evil.example.com\",\"<b>credits</b>\")".to_owned();
        let grant = Grant::Operator { reference: mint(), reason };
        ledger::grant(&mut tx, &person, Credits(1), &grant, app.clock.now()).await.expect("a grant");
        tx.commit().await.expect("a commit");
        let csv = mika.get("/credits/statement.csv").await.text();
        assert!(csv.contains("\"'=HYPERLINK(\"\"https://"), "{csv}");
        assert!(!mika.get("/credits").await.text().contains("<b>credits"));
        app.finish().await;
    }

    async fn every_line_is_found_from_the_newest_to_the_oldest_under_any_filter(app: TestApp) {
        let mika = app.sign_up("mika").await;
        grant_often(&app, &mika, 120).await;
        mika.trigger("#fail").await;
        mika.trigger("a lighthouse").await;
        app.settle_all().await;
        for (kind, expected) in [("", 123_usize), ("?kind=added", 121), ("?kind=spent", 1), ("?kind=returned", 1), ("?kind=no-such", 123)] {
            let (mut next, mut lines, mut pages) = (Some(format!("/credits{kind}")), 0, 0);
            while let Some(path) = next {
                let page = mika.get(&path).await.text();
                lines += page.matches("<td class=\"when\">").count();
                pages += 1;
                let older = page.split("rel=\"next\"").next().filter(|_| page.contains("rel=\"next\""));
                next = older.and_then(|before| before.rsplit("href=\"").next()?.split('"').next()).map(|link| link.replace("&amp;", "&"));
            }
            assert_eq!((lines, pages), (expected, expected.div_ceil(50)), "{kind}");
        }
        let none = app.sign_up("noor").await.get("/credits?kind=returned").await.text();
        assert!(none.contains("No such entries"), "{none}");
        app.finish().await;
    }
}
