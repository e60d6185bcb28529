//! Files that programs bring, and the addresses of what was made for them.

use super::{Program, SCHNELL, path_of};
use crate::support::{TestApp, both_databases};
use atelier::domain::GenerationId;
use atelier::server::model;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A body of a form with one file in it.
fn form(bytes: &[u8], part: &str) -> Vec<u8> {
    let head = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"{part}\"; filename=\"in.webp\"\r\ncontent-type: image/webp\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--edge\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--edge--\r\n"]
        .concat()
}

async fn bring(program: &Program, bytes: &[u8], part: &str) -> crate::support::Answer {
    let request = program.request(Method::POST, "/v1/files").header("content-type", "multipart/form-data; boundary=edge");
    program.send(request.body(form(bytes, part))).await
}

/// A picture that was made here, and its bytes.
async fn picture(app: &TestApp, program: &Program) -> (Value, Vec<u8>) {
    let made = program.create("a boat").await;
    app.settle_all().await;
    let told = program.get(path_of(app, &made["urls"]["get"])).await.json();
    let bytes = app.visitor().get(path_of(app, &told["output"][0])).await.body;
    (told, bytes)
}

both_databases! {
    async fn a_file_is_brought_listed_read_and_removed_by_its_owner_alone(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (hers, theirs) = (Program::of(&app, &mika).await, Program::of(&app, &noor).await);
        let (_, bytes) = picture(&app, &hers).await;
        let answer = bring(&hers, &bytes, "content").await;
        let file = answer.json();
        assert_eq!((answer.status.as_u16(), &file["content_type"], &file["name"]), (201, &json!("image/webp"), &json!("in.webp")));
        let path = path_of(&app, &file["urls"]["get"]).to_owned();
        assert_eq!(hers.get(&path).await.json(), file);
        assert_eq!(hers.get("/v1/files").await.json()["results"], json!([file]));
        let read = hers.get(&format!("{path}/download")).await;
        assert_eq!((read.status.as_u16(), read.header("content-type")), (200, "image/webp"));
        for tail in ["", "/download"] {
            assert_eq!(theirs.get(&format!("{path}{tail}")).await.status, 404);
        }
        assert_eq!(theirs.send(theirs.request(Method::DELETE, &path)).await.status, 404);
        assert_eq!(hers.send(hers.request(Method::DELETE, &path)).await.status, 204);
        assert_eq!(hers.get(&path).await.status, 404);
        for (bytes, part, status) in [(&b"<svg/>"[..], "content", 422), (&bytes[..], "file", 400), (&bytes[..40], "content", 422)] {
            let answer = bring(&hers, bytes, part).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, "application/problem+json"), "{part}");
        }
        app.finish().await;
    }

    async fn what_is_said_about_a_file_is_told_again_and_its_checksum_is_that_of_what_is_kept(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let (_, bytes) = picture(&app, &program).await;
        let bring = async |metadata: &str, name: &str| {
            let head = format!(
                "--edge\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n--edge\r\n\
                 content-disposition: form-data; name=\"filename\"\r\n\r\n{name}\r\n--edge\r\n\
                 content-disposition: form-data; name=\"content\"; filename=\"in.webp\"\r\n\r\n"
            );
            let body = [head.as_bytes(), &bytes, b"\r\n--edge--\r\n"].concat();
            let request = program.request(Method::POST, "/v1/files").header("content-type", "multipart/form-data; boundary=edge");
            program.send(request.body(body)).await
        };
        let file = bring(r#"{"why": ["a test", 1]}"#, "boat.webp").await;
        assert_eq!(file.status, 201, "{}", file.text());
        let file = file.json();
        assert_eq!((&file["metadata"], &file["name"]), (&json!({"why": ["a test", 1]}), &json!("boat.webp")));
        let path = path_of(&app, &file["urls"]["get"]).to_owned();
        let read = program.get(&format!("{path}/download")).await.body;
        assert_eq!(file["checksums"]["sha256"], hex::encode(Sha256::digest(&read)));
        assert_eq!(file["size"], read.len());
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(4_096));
        for bad in ["[]", "{", "7", "{\"a\": \"\\u0000\"}", &long] {
            assert_eq!(bring(bad, "").await.status, 400, "{bad}");
        }
        assert_eq!(program.get(&path).await.json()["metadata"], json!({"why": ["a test", 1]}), "what was refused changed nothing");
        assert_eq!(bring("{}", "").await.json()["metadata"], json!({}), "the same file again, with what is said now");
        app.finish().await;
    }

    async fn an_output_can_be_the_input_of_the_next_and_is_told_by_an_address_of_ours(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let (told, _) = picture(&app, &program).await;
        model::stock(app.db(), app.clock.now()).await.expect("the default set");
        let named = "/v1/models/black-forest-labs/flux-dev/predictions";
        let answer = program.post(named, &json!({"input": {"prompt": "#fail", "image": told["output"][0]}})).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let image = answer.json()["input"]["image"].clone();
        assert_eq!(program.get(path_of(&app, &image)).await.status, 200);
        let foreign = program.post(named, &json!({"input": {"prompt": "#fail", "image": "http://169.254.169.254/latest"}})).await;
        assert_eq!((foreign.status.as_u16(), &foreign.json()["invalid_fields"][0]["field"]), (422, &json!("input.image")));
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_30_an_address_of_an_output_gives_nothing_else_away(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let (told, _) = picture(&app, &program).await;
        let id = GenerationId::trusted(told["id"].as_str().expect("an id"));
        let file = app.visitor().get(path_of(&app, &told["output"][0])).await;
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(file.headers.get("cross-origin-resource-policy"), Some(&HeaderValue::from_static("cross-origin")));
        assert_eq!(app.visitor().get(&format!("/files/{id}/0.webp")).await.status, 303, "its other address is still its owner's");
        assert_eq!(app.visitor().get(&format!("/v1/predictions/{id}")).await.status, 401);
        app.finish().await;
    }

    async fn the_secret_of_webhooks_is_made_once_and_is_each_persons_own(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (hers, theirs) = (Program::of(&app, &mika).await, Program::of(&app, &noor).await);
        let key = hers.get("/v1/webhooks/default/secret").await.json()["key"].clone();
        assert!(key.as_str().is_some_and(|key| key.starts_with("whsec_") && key.len() > 40), "{key}");
        assert_eq!(Program::of(&app, &mika).await.get("/v1/webhooks/default/secret").await.json()["key"], key);
        assert_ne!(theirs.get("/v1/webhooks/default/secret").await.json()["key"], key);
        app.finish().await;
    }

    async fn a_webhook_is_stored_with_its_events_and_told_back(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let body = json!({"input": {"prompt": "#fail"}, "webhook": "https://a.example/hook", "webhook_events_filter": ["completed"]});
        let made = program.post(SCHNELL, &body).await.json();
        assert_eq!((&made["webhook"], &made["webhook_events_filter"]), (&body["webhook"], &body["webhook_events_filter"]));
        app.settle_all().await;
        assert_eq!(app.count("select count(*) from webhook_out where event = 'completed'").await, 1);
        app.finish().await;
    }
}
