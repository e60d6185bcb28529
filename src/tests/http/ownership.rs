//! What belongs to somebody is, to everybody else, not there: the same answer as for what never was.

use crate::routes::{For, ROUTES};
use crate::support::{Answer, Browser, both_databases};
use reqwest::Method;

/// An id that nobody ever had.
const NOBODYS: &str = "0193b1e4-7c1f-7000-8000-000000000001";

both_databases! {
    async fn se_30_somebody_elses_generation_is_answered_like_one_that_never_was(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let owned = ROUTES.iter().filter(|route| route.whose == For::Owner);
        let mut walked = 0;
        for route in owned {
            let (hers, nobodys) = (route.of(id.as_str(), "0.webp"), route.of(NOBODYS, "0.webp"));
            let method = if route.post { Method::POST } else { Method::GET };
            for accept in ["text/html", "application/json"] {
                let (foreign, random) = (ask(&noor, &method, &hers, accept).await, ask(&noor, &method, &nobodys, accept).await);
                assert_eq!((foreign.status.as_u16(), random.status.as_u16()), (404, 404), "{hers}");
                assert_eq!(without(&foreign, &hers), without(&random, &nobodys), "{hers}");
                let answer = ask(&mika, &method, &hers, accept).await;
                assert!(answer.status.is_success() || answer.status.is_redirection(), "{hers}: {}", answer.status);
            }
            walked += 1;
        }
        assert_eq!(walked, 9);
        // Her own presses of the same once more, and of another try, were taken, each once; nobody else's was.
        app.settle_all().await;
        assert_eq!(app.balance(&app.person(&mika).await).await, (17, 0));
        app.finish().await;
    }

    async fn what_needs_a_session_sends_people_to_the_door_and_machines_away(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let visitor = app.visitor();
        for route in ROUTES.iter().filter(|route| !matches!(route.whose, For::All | For::Replicate | For::Program)) {
            let path = route.of(id.as_str(), "0.webp");
            let method = if route.post { Method::POST } else { Method::GET };
            let machine = ask(&visitor, &method, &path, "application/json").await;
            assert_eq!(machine.status, 401, "{path}");
            let person = ask(&visitor, &method, &path, "text/html").await;
            if path.starts_with("/api/") || path == "/events" {
                assert_eq!(person.status, 401, "{path}");
            } else {
                assert_eq!(person.status, 303, "{path}");
                assert!(person.header("location").starts_with("/sign-in?next="), "{path}");
            }
        }
        app.finish().await;
    }

    async fn a_page_that_somebody_else_left_open_hears_and_presses_nothing(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let page = mika.get("/create").await;
        let page = page.text();
        let key = page.split("name=\"page\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("whose page it is");
        let form = format!("page={key}&request_key=k&prompt=a+lighthouse");
        for (who, heard, pressed) in [(&noor, 401, 401), (&mika, 200, 201)] {
            let listening = who.bare(Method::HEAD, &format!("/events?page={key}&since=0"));
            assert_eq!(who.send(listening).await.status, heard);
            let press = who.bare(Method::POST, "/generate").header("sec-fetch-site", "same-origin").header("accept", "application/json");
            let press = press.header("content-type", "application/x-www-form-urlencoded").body(form.clone());
            assert_eq!(who.send(press).await.status, pressed);
        }
        assert_eq!(app.count("select count(*) from generation").await, 1);
        app.settle_all().await;
        app.finish().await;
    }

    async fn no_page_of_one_person_shows_anything_of_another(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger("a lighthouse nobody else knows of").await;
        app.settle_all().await;
        for path in ["/create", "/gallery", "/models", "/credits", "/help"] {
            let page = noor.get(path).await.text();
            assert!(!page.contains(id.as_str()) && !page.contains("nobody else knows"), "{path}");
            assert!(!page.contains("mika@"), "{path}");
        }
        assert!(mika.get("/gallery").await.text().contains(id.as_str()), "its owner sees it");
        app.finish().await;
    }
}

/// Asks as one of our own pages would.
async fn ask(browser: &Browser, method: &Method, path: &str, accept: &str) -> Answer {
    let mut request = browser.bare(method.clone(), path).header("accept", accept);
    if *method == Method::POST {
        let (content_type, body) = if path.starts_with("/api/") {
            ("application/json", r#"{"prompt":"a"}"#)
        } else {
            ("application/x-www-form-urlencoded", "prompt=a&request_key=k")
        };
        request = request.header("sec-fetch-site", "same-origin").header("content-type", content_type).body(body);
    }
    browser.send(request).await
}

/// A body without what is different every time: the path asked for, the id of the request, the nonce.
fn without(answer: &Answer, path: &str) -> String {
    // The page that a form stands on is what an answer to the form leads back to.
    let path = ["/cancel", "/again", "/share"].into_iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let encoded: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let nonce = answer.header("content-security-policy").split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
    let mut body = answer.text().replace(path, "").replace(&encoded, "").replace(answer.header("x-request-id"), "");
    if let Some(nonce) = nonce {
        body = body.replace(nonce, "");
    }
    body
}
