//! Signing in and out: what the cookie is, when it changes, and that what ended stays ended.

use crate::support::{Answer, Browser, both_databases};
use atelier::server::auth::Sessions;
use futures::future::join_all;
use std::time::{Duration, Instant};
use tower_sessions::SessionStore;
use tower_sessions::session::Record;

both_databases! {
    async fn se_14_the_cookie_is_for_us_alone(app: TestApp) {
        let fields = [("email", "mika@example.com"), ("password", "a lantern above seven hills")];
        let plain = app.visitor().post("/sign-up", &fields).await;
        let cookie = plain.header("set-cookie");
        assert!(cookie.starts_with("sid=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("Path=/") && !cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
        let process = app.beside_with(&[("PUBLIC_URL", "https://pictures.example.com")]).await;
        let secure = process.visitor().post("/sign-in", &fields).await;
        let cookie = secure.header("set-cookie");
        assert!(cookie.starts_with("__Host-sid=") && cookie.contains("; Secure"), "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        app.finish().await;
    }

    async fn se_09_every_sign_in_has_a_session_of_its_own_and_the_one_before_is_dead(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let first = mika.cookie("sid").expect("a session");
        assert_eq!(mika.sign_in("mika").await.status, 303);
        let second = mika.cookie("sid").expect("a session");
        assert_ne!(first, second);
        assert_eq!(with_session(&app.visitor(), &first).await.status, 303, "the old one leads to the door");
        assert_eq!(with_session(&app.visitor(), &second).await.status, 200);
        // A session that somebody else chose beforehand is never adopted.
        let planted = app.visitor();
        planted.plant("sid", "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(planted.sign_in("mika").await.status, 303);
        assert_ne!(planted.cookie("sid").as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAA"));
        app.finish().await;
    }

    async fn se_10_whoever_signed_out_stays_out(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let session = mika.cookie("sid").expect("a session");
        let left = mika.post("/sign-out", &[]).await;
        assert_eq!((left.status.as_u16(), left.header("location")), (303, "/"));
        assert!(left.header("clear-site-data").contains("cache"));
        assert_eq!(with_session(&app.visitor(), &session).await.status, 303);
        assert_eq!(app.count("select count(*) from session").await, 0);
        app.finish().await;
    }

    async fn se_10_no_save_that_comes_late_brings_a_session_back(app: TestApp) {
        let sessions = Sessions::new(app.db().clone(), app.clock.clone());
        let elsewhere = Sessions::new(app.connect().await, app.clock.clone());
        let later = time::OffsetDateTime::from_unix_timestamp(app.clock.now().0 / 1_000 + 3_600).expect("a moment");
        for at in 0..100_usize {
            let mut record = Record { id: tower_sessions::session::Id::default(), data: [].into(), expiry_date: later };
            sessions.create(&mut record).await.expect("a session");
            let slow = elsewhere.load(&record.id).await.expect("the database").expect("a session");
            // Saves before, beside and after the end, from both processes, in ever other numbers.
            let racing = (0..at % 4).map(|n| if n.is_multiple_of(2) { elsewhere.save(&slow) } else { sessions.save(&record) });
            let (saved, ended) = futures::join!(join_all(racing), sessions.delete(&record.id));
            saved.into_iter().chain([ended, elsewhere.save(&slow).await]).for_each(|done| done.expect("the database"));
            assert!(sessions.load(&record.id).await.expect("the database").is_none(), "round {at}");
        }
        assert_eq!(app.count("select count(*) from session").await, 0);
        app.finish().await;
    }

    async fn se_10_requests_under_way_while_somebody_signs_out_do_not_keep_them_in(app: TestApp) {
        for round in 0..5 {
            let mika = app.sign_up(&format!("mika{round}")).await;
            let session = mika.cookie("sid").expect("a session");
            let tabs: Vec<Browser> = (0..8).map(|_| as_session(&app.visitor(), &session)).collect();
            let looks = join_all(tabs.iter().map(|tab| tab.get("/create")));
            let leaver = as_session(&app.visitor(), &session);
            let (_, left) = futures::join!(looks, leaver.post("/sign-out", &[]));
            assert_eq!(left.status, 303);
            assert_eq!(with_session(&app.visitor(), &session).await.status, 303, "round {round}");
        }
        app.finish().await;
    }

    async fn se_12_a_copy_of_the_sessions_signs_nobody_in(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let session = mika.cookie("sid").expect("a session");
        let (id_hash, data): (String, String) =
            sqlx::query_as("select id_hash, data from session").fetch_one(app.db().pool()).await.expect("the session");
        assert!(id_hash.len() == 64 && !id_hash.contains(&session) && !data.contains(&session));
        assert_eq!(with_session(&app.visitor(), &id_hash).await.status, 303);
        assert!(!data.contains("argon2"), "nor does it hold the password's hash");
        app.finish().await;
    }

    async fn se_02_fifty_sign_ins_at_once_do_not_hold_up_the_rest(app: TestApp) {
        app.sign_up("mika").await;
        let storm = join_all((0..50).map(|_| {
            let visitor = app.visitor();
            async move { visitor.sign_in("mika").await.status.as_u16() }
        }));
        let visitor = app.visitor();
        let watch = async {
            let mut slowest = Duration::ZERO;
            for _ in 0..40 {
                let asked = Instant::now();
                assert_eq!(visitor.get("/livez").await.status, 200);
                slowest = slowest.max(asked.elapsed());
            }
            slowest
        };
        let (entered, slowest) = futures::join!(storm, watch);
        assert_eq!(entered, vec![303; 50]);
        // Fifty hashes one after another would take longer than this; a single one, on a busy machine, not.
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        app.finish().await;
    }

    async fn se_04_a_wrong_password_and_an_unknown_address_are_one_answer(app: TestApp) {
        app.sign_up("mika").await;
        let ask = async |email: &str| app.visitor().post("/sign-in", &[("email", email), ("password", "not the one she has")]).await;
        let (wrong, unknown) = (ask("mika@example.com").await, ask("nobody@example.com").await);
        assert_eq!((wrong.status.as_u16(), unknown.status.as_u16()), (422, 422));
        let shape = |answer: &Answer, email: &str| {
            let names: Vec<_> = answer.headers.keys().map(ToString::to_string).filter(|name| name != "content-length").collect();
            let nonce = answer.header("content-security-policy").split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
            (names, answer.text().replace(email, "").replace(nonce.expect("a nonce"), ""))
        };
        assert_eq!(shape(&wrong, "mika@example.com"), shape(&unknown, "nobody@example.com"));
        app.finish().await;
    }
}

fn as_session(visitor: &Browser, session: &str) -> Browser {
    visitor.plant("sid", session);
    visitor.clone()
}

/// What somebody sees of the create page with this session.
async fn with_session(visitor: &Browser, session: &str) -> Answer {
    as_session(visitor, session).get("/create").await
}
