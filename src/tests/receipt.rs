//! The receipt of a generation: its numbers are those of the books and the store, and it is its owner's alone.

use crate::support::both_databases;
use serde_json::json;
use sha2::{Digest, Sha256};

both_databases! {
    async fn the_numbers_of_a_receipt_are_those_of_the_books_and_the_store(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "two boats", "count": 2, "seed": 7})).await;
        app.settle_all().await;
        let told = mika.get_json(&format!("/g/{id}/receipt.json")).await;
        assert_eq!((told.status.as_u16(), told.header("cache-control")), (200, "no-store"));
        let told = told.json();
        assert_eq!((&told["prompt"], &told["seed"], &told["state"]), (&json!("two boats"), &json!(7), &json!("succeeded")));
        assert_eq!((&told["input"]["num_outputs"], &told["model"]["name"]), (&json!(2), &json!("black-forest-labs/flux-schnell")));
        let credits = &told["credits"];
        let amounts = ["quoted", "charged", "returned", "unit_price", "units"].map(|name| credits[name].as_i64());
        assert_eq!(amounts, [Some(2), Some(2), Some(0), Some(1), Some(2)]);
        // Every step stands in the books under its number, and what was taken wrote a line that the chain covers.
        let steps = credits["steps"].as_array().expect("steps");
        assert_eq!(steps.iter().map(|step| step["kind"].as_str()).collect::<Vec<_>>(), [Some("hold"), Some("capture")]);
        for step in steps {
            let known: (String, String) = sqlx::query_as("select kind, ref from txn where id = $1")
                .bind(step["id"].as_str().expect("a number"))
                .fetch_one(app.db().pool())
                .await
                .expect("a line of the books");
            assert_eq!(known, (step["kind"].as_str().expect("a kind").to_owned(), id.to_string()));
            assert_eq!(step["amount"], json!(2));
        }
        let entry = &steps[1]["entries"][0];
        let (hash,): (String,) = sqlx::query_as("select hash from entry where id = $1")
            .bind(entry["id"].as_str().expect("a number"))
            .fetch_one(app.db().pool())
            .await
            .expect("an entry");
        assert_eq!(entry["hash"], json!(hash));
        for output in told["outputs"].as_array().expect("outputs") {
            let file = mika.get(output["url"].as_str().expect("an address")).await;
            assert_eq!(output["sha256"], json!(hex::encode(Sha256::digest(&file.body))));
            assert_eq!(output["bytes"], json!(file.body.len()));
        }
        let times = &told["times_ms"];
        let whole: i64 = ["queue", "boot", "run", "save"].iter().filter_map(|part| times[part].as_i64()).sum();
        let (took,): (i64,) = sqlx::query_as("select finished_at - created_at from generation").fetch_one(app.db().pool()).await.expect("a row");
        assert_eq!(whole, took, "the parts add up to the whole");
        app.finish().await;
    }

    async fn what_fails_is_on_its_receipt_with_everything_returned(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a broken vase #fail").await;
        app.settle_all().await;
        let told = mika.get_json(&format!("/g/{id}/receipt")).await.json();
        let kinds: Vec<_> = told["credits"]["steps"].as_array().expect("steps").iter().map(|step| step["kind"].clone()).collect();
        assert_eq!(kinds, [json!("hold"), json!("release")]);
        assert_eq!((&told["credits"]["charged"], &told["credits"]["returned"]), (&json!(0), &json!(1)));
        assert_eq!((&told["outputs"], &told["times_ms"]), (&json!([]), &json!(null)));
        app.finish().await;
    }

    async fn the_number_upstream_is_for_the_operator_and_the_page_says_the_same_as_the_data(app: TestApp) {
        // The first who signs up runs the house.
        let (keeper, noor) = (app.sign_up("keeper").await, app.sign_up("noor").await);
        for (who, told) in [(&keeper, true), (&noor, false)] {
            let id = who.trigger("a lighthouse").await;
            app.settle_all().await;
            let receipt = who.get_json(&format!("/g/{id}/receipt.json")).await.json();
            assert_eq!(receipt["upstream_prediction"].is_string(), told);
            let page = who.get(&format!("/g/{id}/receipt")).await.text();
            assert_eq!(page.contains("data-part=\"upstream\""), told, "{page}");
            assert!(page.contains(receipt["outputs"][0]["sha256"].as_str().expect("a hash")));
            assert!(page.contains(receipt["credits"]["steps"][0]["id"].as_str().expect("a number")));
        }
        app.finish().await;
    }

    async fn a_copy_is_made_of_every_kind_and_the_original_stays_as_it_is(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse & a boat").await;
        app.settle_all().await;
        let original = mika.get(&format!("/files/{id}/0.webp?download=1")).await.body;
        for (word, kind, magic) in [("png", "image/png", &b"\x89PNG"[..]), ("jpg", "image/jpeg", b"\xff\xd8\xff"), ("webp", "image/webp", b"RIFF")] {
            for (mark, machine, prompt) in [("none", false, false), ("ai", true, false), ("all", true, true)] {
                let copy = mika.get(&format!("/files/{id}/0.webp?download=1&as={word}&mark={mark}")).await;
                assert_eq!((copy.status.as_u16(), copy.header("content-type")), (200, kind));
                assert!(copy.header("content-disposition").starts_with("attachment") && copy.body.starts_with(magic), "{word}");
                let holds = |text: &str| copy.body.windows(text.len()).any(|part| part == text.as_bytes());
                assert_eq!((holds("trainedAlgorithmicMedia"), holds("a lighthouse &amp; a boat")), (machine, prompt), "{word} {mark}");
            }
        }
        assert_eq!(mika.get(&format!("/files/{id}/0.webp?as=original")).await.body, original);
        assert_eq!(mika.get(&format!("/files/{id}/0.webp?as=svg")).await.status, 422);
        assert_eq!(app.sign_up("noor").await.get(&format!("/files/{id}/0.webp?as=png")).await.status, 404);
        app.finish().await;
    }
}
