//! SE-18 and SE-19: what every answer carries, whatever it answers.

use crate::routes::ROUTES;
use crate::support::{Answer, Browser, TestApp, both_databases};
use std::collections::HashSet;

both_databases! {
    async fn se_19_every_answer_says_how_a_browser_is_to_treat_it(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        for who in [&mika, &app.visitor()] {
            for answer in answers(&app, who, id.as_str()).await {
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("referrer-policy"), "same-origin");
                assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
                assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
                assert!(answer.header("permissions-policy").contains("camera=()"));
                let policy = answer.header("content-security-policy");
                assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
                assert!(!policy.contains("unsafe-eval") || policy.contains("'wasm-unsafe-eval'"), "{policy}");
                assert!(["no-store", "no-cache", "private, max-age=31536000, immutable"].contains(&answer.header("cache-control")));
                assert!(!answer.header("x-request-id").is_empty());
                assert_eq!(answer.header("strict-transport-security"), "", "not over plain HTTP");
            }
        }
        let secure = app.beside_with(&[("PUBLIC_URL", "https://pictures.example.com")]).await;
        assert!(secure.visitor().get("/").await.header("strict-transport-security").starts_with("max-age=31536000"));
        app.finish().await;
    }

    async fn se_18_no_two_pages_have_the_same_nonce_and_every_script_has_its_own(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut nonces = HashSet::new();
        for path in ["/create", "/create", "/gallery", "/credits", "/keys", "/help", "/nowhere"] {
            let page = mika.get(path).await;
            let policy = page.header("content-security-policy");
            let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
            assert!(nonce.len() >= 22, "128 bits: {nonce}");
            assert!(policy.contains("base-uri 'none'") && policy.contains("form-action 'self'") && policy.contains("object-src 'none'"));
            // A block of data is no script: it never runs, and needs no leave to.
            let data = page.text().matches("<script type=\"application/json\"").count();
            let scripts = page.text().matches("<script").count() - data;
            let with_nonce = page.text().matches(&format!("nonce=\"{nonce}\"")).count();
            assert!(with_nonce >= scripts, "{path}: {scripts} scripts, {with_nonce} with the nonce");
            assert!(nonces.insert(nonce), "{path} has the nonce of another page");
        }
        app.finish().await;
    }
}

/// What every address says to a look, and a few that are none.
async fn answers(app: &TestApp, who: &Browser, id: &str) -> Vec<Answer> {
    let mut answers = vec![who.get("/nowhere").await, who.post("/generate", &[("prompt", "")]).await];
    answers.push(app.visitor().post("/sign-in", &[("email", "a@b.co"), ("password", "wrong")]).await);
    for route in ROUTES {
        let path = route.of(id, "0.webp");
        // A stream has no end to read to.
        if path != "/events" {
            answers.push(who.get(&path).await);
        }
    }
    answers
}
