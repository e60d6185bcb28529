//! SE-31: keys of programs: shown once, kept as a hash, dead when revoked, and exact about what they may spend.

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{ApiKeyId, Credits, KeyName, KeyWish, Overlap, RawRequest, Refusal, Scope, Scopes};
use atelier::server::App;
use atelier::server::db::mint;
use atelier::server::generation::{self, Call, Error, Requested, Source};
use atelier::server::key::{self, MAX_KEYS, Token};
use atelier::server::model;
use futures::future::join_all;
use reqwest::Method;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

both_databases! {
    async fn se_31_a_key_is_shown_once_and_only_its_hash_is_kept(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mint();
        let form = [("id", id.as_str()), ("name", "build server"), ("read", "on"), ("write", "on"), ("cap", "100")];
        let made = mika.post("/keys", &form).await;
        assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
        let key = shown(&made.text()).expect("the key");
        assert!(Token::parse(&key).is_some());
        for page in ["/keys", "/credits", "/create"] {
            assert_eq!(shown(&mika.get(page).await.text()), None, "{page}");
        }
        let list = mika.get("/keys").await.text();
        assert!(list.contains("build server") && list.contains(&key[..12]), "its name and its beginning stay");
        let again = mika.post("/keys", &form).await;
        assert_eq!((again.status.as_u16(), again.header("location")), (303, "/keys"), "the same form again makes none");
        assert_eq!(app.count("select count(*) from api_key").await, 1);
        let (columns,): (String,) = sqlx::query_as("select id || name || prefix || hash || scopes || lineage from api_key")
            .fetch_one(app.db().pool()).await.expect("the row");
        assert!(!columns.contains(&key[13..56]), "the secret is in no column");
        app.finish().await;
    }

    async fn se_31_a_revoked_key_is_dead_for_every_process_at_once(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let beside = app.beside().await;
        let (id, token) = make(&app, &mika, Scopes::Both, None).await;
        for process in [&app.process.app, &beside.app] {
            assert!(opens(process, &token).await);
        }
        let foreign = noor.post(&format!("/keys/{id}/revoke"), &[]).await;
        let nobodys = noor.post(&format!("/keys/{}/revoke", mint()), &[]).await;
        assert_eq!((foreign.status.as_u16(), nobodys.status.as_u16()), (404, 404));
        assert!(opens(&beside.app, &token).await, "somebody else's revocation is none");
        let revoked = mika.post(&format!("/keys/{id}/revoke"), &[]).await;
        assert_eq!((revoked.status.as_u16(), revoked.header("location")), (303, "/keys"));
        for process in [&app.process.app, &beside.app] {
            assert!(!opens(process, &token).await);
        }
        assert!(matches!(ask(&beside.app, &app, &mika, &id, 1).await, Err(Error::Refused(Refusal::KeyEnded))));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn se_31_a_cap_is_exact_however_many_press_at_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 100).await;
        let beside = app.beside().await;
        let (id, _) = make(&app, &mika, Scopes::Both, Some(7)).await;
        let processes = [&app.process.app, &beside.app];
        let asked = join_all((0..20).map(|at| ask(processes[at % 2], &app, &mika, &id, 1))).await;
        let taken = asked.iter().filter(|asked| asked.is_ok()).count();
        let full = Refusal::KeyCapReached { cap: Credits(7), left: Credits(0) };
        let refused = asked.iter().filter(|asked| matches!(asked, Err(Error::Refused(refusal)) if *refusal == full)).count();
        assert_eq!((taken, refused), (7, 13));
        assert_eq!(app.balance(&app.person(&mika).await).await, (113, 7), "what was refused holds nothing");
        // By hand there is no cap; and what fails gives the key its room back.
        mika.trigger("#fail by hand").await;
        app.settle_all().await;
        assert!(ask(&beside.app, &app, &mika, &id, 4).await.is_ok());
        let left = ask(&app.process.app, &app, &mika, &id, 4).await;
        assert!(matches!(left, Err(Error::Refused(Refusal::KeyCapReached { cap: Credits(7), left: Credits(3) }))), "{left:?}");
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_31_a_cap_is_for_a_month_and_counts_what_was_taken(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (id, _) = make(&app, &mika, Scopes::Both, Some(2)).await;
        let raw = |prompt: &str| RawRequest { request_key: mint(), prompt: prompt.into(), count: "2".into(), ..RawRequest::default() };
        let first = request(&app.process.app, &app, &mika, &id, &raw("two boats")).await;
        assert!(first.is_ok(), "{first:?}");
        app.settle_all().await;
        assert!(matches!(ask(&app.process.app, &app, &mika, &id, 1).await, Err(Error::Refused(Refusal::KeyCapReached { .. }))));
        let page = mika.get("/keys").await.text();
        assert!(page.contains("2 credits this month of at most 2"), "{page}");
        app.clock.advance_ms(31 * DAY_MS);
        let next = ask(&app.process.app, &app, &mika, &id, 1).await;
        assert!(next.is_ok(), "{next:?}");
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_31_a_replaced_key_works_for_as_long_as_was_chosen_and_shares_its_cap(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (id, old) = make(&app, &mika, Scopes::Both, Some(3)).await;
        assert!(ask(&app.process.app, &app, &mika, &id, 2).await.is_ok());
        let answer = mika.post(&format!("/keys/{id}/rotate"), &[("overlap", "1")]).await;
        assert_eq!(answer.status, 201);
        let new = Token::parse(&shown(&answer.text()).expect("the new key")).expect("a key");
        assert!(opens(&app.process.app, &old).await && opens(&app.process.app, &new).await);
        let again = mika.post(&format!("/keys/{id}/rotate"), &[("overlap", "1")]).await;
        assert_eq!((again.status.as_u16(), app.count("select count(*) from api_key").await), (404, 2), "a key is replaced once");
        let heir = key::find(app.db(), &new, app.clock.now()).await.expect("the database").expect("a key");
        assert_eq!(heir.scopes, Scopes::Both);
        let left = ask(&app.process.app, &app, &mika, &heir.id, 2).await;
        assert!(matches!(left, Err(Error::Refused(Refusal::KeyCapReached { cap: Credits(3), left: Credits(1) }))), "{left:?}");
        app.clock.advance_ms(59 * 60 * 1_000);
        assert!(opens(&app.process.app, &old).await);
        app.clock.advance_ms(60 * 1_000);
        assert!(!opens(&app.process.app, &old).await && opens(&app.process.app, &new).await);
        let owner = app.person(&mika).await;
        let at_once = key::rotate(app.db(), &owner, &heir.id, Overlap::None, app.clock.now()).await.expect("a third key");
        assert!(!opens(&app.process.app, &new).await && opens(&app.process.app, &at_once).await);
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_31_a_key_may_do_what_its_boxes_say(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for (scopes, may_read, may_write) in [(Scopes::Read, true, false), (Scopes::Write, false, true), (Scopes::Both, true, true)] {
            let (_, token) = make(&app, &mika, scopes, None).await;
            let found = key::find(app.db(), &token, app.clock.now()).await.expect("the database").expect("a key");
            assert_eq!((found.scopes.allow(Scope::Read), found.scopes.allow(Scope::Write)), (may_read, may_write));
            assert_eq!(found.owner, app.person(&mika).await);
        }
        app.finish().await;
    }

    async fn when_a_key_was_last_used_is_written_at_most_once_a_minute(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (_, token) = make(&app, &mika, Scopes::Read, None).await;
        let first = app.clock.now().0;
        let used = "select coalesce(last_used_at, 0) from api_key";
        assert_eq!(app.count(used).await, 0);
        for (wait, written) in [(0, first), (59_000, first), (1_000, first + 60_000), (59_999, first + 60_000)] {
            app.clock.advance_ms(wait);
            assert!(opens(&app.process.app, &token).await);
            assert_eq!(app.count(used).await, written);
        }
        app.finish().await;
    }

    async fn a_form_that_cannot_be_a_key_says_why_and_makes_none(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for form in [vec![], vec![("name", "x")], vec![("name", ""), ("read", "on")], vec![("name", "x"), ("read", "on"), ("cap", "0")]] {
            let answer = mika.post("/keys", &form).await;
            assert_eq!(answer.status, 422, "{form:?}");
            assert!(answer.text().contains("role=\"alert\""));
        }
        assert_eq!(app.count("select count(*) from api_key").await, 0);
        for _ in 0..MAX_KEYS {
            make(&app, &mika, Scopes::Read, None).await;
        }
        let answer = mika.post("/keys", &[("name", "one more"), ("read", "on")]).await;
        assert_eq!((answer.status.as_u16(), app.count("select count(*) from api_key").await), (422, MAX_KEYS));
        app.finish().await;
    }

    async fn se_30_no_page_shows_or_changes_anothers_key(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (id, token) = make(&app, &mika, Scopes::Both, None).await;
        let theirs = noor.get("/keys").await.text();
        assert!(!theirs.contains(id.as_str()) && !theirs.contains(token.prefix()));
        for (path, form) in [("rotate", vec![("overlap", "0")]), ("revoke", vec![])] {
            let (hers, nobodys) = (noor.post(&format!("/keys/{id}/{path}"), &form).await, noor.post(&format!("/keys/{}/{path}", mint()), &form).await);
            assert_eq!((hers.status.as_u16(), nobodys.status.as_u16()), (404, 404));
        }
        let door = app.visitor().send(app.visitor().bare(Method::GET, "/keys").header("accept", "text/html")).await;
        assert_eq!((door.status.as_u16(), door.header("location")), (303, "/sign-in?next=%2Fkeys"));
        assert!(opens(&app.process.app, &token).await);
        app.finish().await;
    }
}

/// The key that a page shows, if it shows one.
fn shown(page: &str) -> Option<String> {
    let candidates = page.split("<code>").skip(1).filter_map(|rest| rest.split('<').next());
    candidates.map(str::to_owned).find(|text| Token::parse(text).is_some())
}

/// A key of this person's.
pub async fn make(app: &TestApp, person: &Browser, scopes: Scopes, cap: Option<i64>) -> (ApiKeyId, Token) {
    let (owner, id) = (app.person(person).await, ApiKeyId::trusted(mint()));
    let wish = KeyWish { name: KeyName::trusted("for a test"), scopes, cap: cap.map(Credits) };
    let token = key::make(app.db(), &owner, &id, &wish, app.clock.now()).await.expect("a key");
    (id, token)
}

async fn opens(process: &App, token: &Token) -> bool {
    key::find(&process.db, token, process.clock.now()).await.expect("the database").is_some()
}

/// Asks for pictures that fail, with a key.
async fn ask(process: &App, app: &TestApp, person: &Browser, key: &ApiKeyId, count: i64) -> Result<Requested, Error> {
    let raw = RawRequest { request_key: mint(), prompt: "#fail".into(), count: count.to_string(), ..RawRequest::default() };
    request(process, app, person, key, &raw).await
}

async fn request(process: &App, app: &TestApp, person: &Browser, key: &ApiKeyId, raw: &RawRequest) -> Result<Requested, Error> {
    let (owner, catalogue) = (app.person(person).await, model::offered(&process.db).await.expect("the catalogue"));
    generation::request_from(Source::Key(Call::with(key.clone())), &process.desk, &owner, raw, &catalogue, process.clock.now())
        .await
}
