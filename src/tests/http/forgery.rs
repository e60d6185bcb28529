//! SE-15: everything that changes something must come from our own pages.

use crate::routes::{For, ROUTES};
use crate::support::both_databases;
use reqwest::Method;

/// What a browser, or something else, says about where a request comes from; and whether it is let in with a session.
const SAYINGS: &[(&[(&str, &str)], bool)] = &[
    (&[("sec-fetch-site", "same-origin")], true),
    (&[("sec-fetch-site", "none")], true),
    (&[("sec-fetch-site", "same-site")], false),
    (&[("sec-fetch-site", "cross-site")], false),
    (&[("sec-fetch-site", "cross-site"), ("origin", "OURS")], false),
    (&[("origin", "OURS")], true),
    (&[("origin", "https://evil.example.com")], false),
    (&[("origin", "null")], false),
    (&[("origin", "http://127.0.0.1:1")], false),
    (&[], false),
];

both_databases! {
    async fn se_15_no_route_that_changes_anything_takes_a_form_from_elsewhere(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut walked = 0;
        // Replicate and programs are no browsers, and what they send proves itself.
        for route in ROUTES.iter().filter(|route| route.post && !matches!(route.whose, For::Replicate | For::Program)) {
            let path = route.of("0193b1e4-7c1f-7000-8000-000000000001", "");
            for (saying, welcome) in SAYINGS {
                // Signing out ends the session that the next line needs.
                if *welcome && path == "/sign-out" {
                    continue;
                }
                let request = mika.bare(Method::POST, &path).header("content-type", "application/x-www-form-urlencoded");
                let request = saying.iter().fold(request, |request, (name, value)| {
                    request.header(*name, value.replace("OURS", &app.process.url))
                });
                // `bare` sends the session, and the form is one that nothing can come of.
                let answer = app.visitor().send(request.body("count=x")).await;
                assert_eq!(answer.status != 403, *welcome, "{path} with {saying:?}: {}", answer.status);
            }
            walked += 1;
        }
        assert_eq!(walked, 40);
        assert_eq!(mika.get("/create").await.status, 200, "she is still signed in");
        assert_eq!(app.count("select count(*) from generation").await, 0);
        app.finish().await;
    }

    async fn se_16_no_address_changes_anything_when_it_is_only_looked_at(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for route in ROUTES.iter().filter(|route| route.post && !route.get && route.whose != For::Program) {
            let path = route.of("0193b1e4-7c1f-7000-8000-000000000001", "");
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
                let request = mika.bare(method.clone(), &path).header("sec-fetch-site", "same-origin");
                let answer = mika.send(request).await;
                assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method} {path}");
            }
        }
        app.finish().await;
    }
}
