//! The account: changing a password, ending sessions, and leaving for good without leaving a hole in the books.

use crate::support::{Browser, PASSWORD, TestApp, both_databases};
use atelier::domain::State;
use atelier::server::account::roles::{self, Given};
use atelier::server::account::{Role, leaving};
use std::path::{Path, PathBuf};

/// A password that nobody begins with.
const ANOTHER: &str = "seven kites over a quiet harbour";

async fn erase(app: &TestApp) -> usize {
    leaving::erase(app.db(), &app.tools.store, app.clock.now()).await.expect("what is left goes")
}

/// The names of the sessions that a page lets be ended.
fn endable(page: &str) -> Vec<String> {
    let names = page.split("action=\"/account/sessions/").skip(1).filter_map(|rest| rest.split_once("/end\""));
    names.map(|(name, _)| name.to_owned()).filter(|name| !name.is_empty() && name != "end").collect()
}

async fn is_in(browser: &Browser) -> bool {
    browser.get("/credits").await.status == 200
}

/// Those who run the house.
const ADMINS: &str = "select count(*) from person where role = 'admin' and left_at is null";

/// Gives somebody a role, as `atelier user role` does.
async fn give(app: &TestApp, name: &str, role: Role) -> Given {
    roles::give(app.db(), &app.person_named(name).await, role).await.expect("the database")
}

/// Another browser of the same person.
async fn elsewhere(app: &TestApp, name: &str) -> Browser {
    let browser = app.visitor();
    assert_eq!(browser.sign_in(name).await.status, 303);
    browser
}

both_databases! {
    async fn se_13_a_changed_password_ends_every_other_session_and_renews_this_one(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let other = elsewhere(&app, "mika").await;
        let wrong = mika.post("/account/password", &[("old", "not this one"), ("new", ANOTHER)]).await;
        assert!(wrong.status == 422 && wrong.text().contains("not your present password"), "{}", wrong.text());
        let weak = mika.post("/account/password", &[("old", PASSWORD), ("new", "password")]).await;
        assert!(weak.status == 422 && !weak.text().contains(PASSWORD), "{}", weak.text());
        assert!(is_in(&other).await, "nothing has changed so far");

        let before = mika.cookie("sid");
        let changed = mika.post("/account/password", &[("old", PASSWORD), ("new", ANOTHER)]).await;
        assert_eq!((changed.status.as_u16(), changed.header("location")), (303, "/account?done=password"));
        assert!(is_in(&mika).await && !is_in(&other).await);
        assert_ne!(mika.cookie("sid"), before, "the session has a name that nobody has seen");
        assert_eq!(app.visitor().sign_in("mika").await.status, 422, "the old password is one no more");
        let fields = [("email", "mika@example.com"), ("password", ANOTHER)];
        assert_eq!(app.visitor().post("/sign-in", &fields).await.status, 303);
        app.finish().await;
    }

    async fn people_see_where_they_are_signed_in_and_end_one_or_all_of_it(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (second, third) = (elsewhere(&app, "mika").await, elsewhere(&app, "mika").await);
        let names = endable(&third.get("/account").await.text());
        assert_eq!(names.len(), 2, "not the one that looks");
        let hers = endable(&noor.get("/account").await.text());
        assert_eq!(hers, Vec::<String>::new());

        // Somebody else cannot, and what is not there cannot be ended.
        for (who, name) in [(&noor, names[0].as_str()), (&mika, "0000")] {
            assert_eq!(who.post(&format!("/account/sessions/{name}/end"), &[]).await.status, 404);
        }
        // The newest first: the second is before the first.
        assert_eq!(third.post(&format!("/account/sessions/{}/end", names[0]), &[]).await.status, 303);
        let still = [is_in(&mika).await, is_in(&second).await, is_in(&third).await];
        assert_eq!(still.iter().filter(|still| **still).count(), 2, "{still:?}");
        assert_eq!(third.post("/account/sessions/end", &[]).await.status, 303);
        assert_eq!([is_in(&mika).await, is_in(&second).await, is_in(&third).await, is_in(&noor).await], [false, false, true, true]);
        app.finish().await;
    }

    async fn se_13_a_session_from_before_it_was_written_down_whose_it_is_is_listed_and_can_be_ended(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let other = elsewhere(&app, "mika").await;
        // As such a row is: it says who is signed in, and neither whose it is nor by what.
        app.meddle("update session set person_id = null, data = replace(data, '\"agent\"', '\"nothing\"')").await.expect("an update");
        assert_eq!(endable(&mika.get("/account").await.text()), Vec::<String>::new(), "nobody's");
        app.meddle(include_str!("../../migrations/0022_sessions.sql")).await.expect("the migration");
        let page = mika.get("/account").await.text();
        let names = endable(&page);
        assert!(names.len() == 1 && page.matches("A browser").count() >= 2 && page.contains("since"), "{page}");
        assert_eq!(endable(&noor.get("/account").await.text()).len(), 0, "to each their own");
        assert_eq!(mika.post(&format!("/account/sessions/{}/end", names[0]), &[]).await.status, 303);
        assert!(is_in(&mika).await && is_in(&noor).await && !is_in(&other).await);
        app.finish().await;
    }

    async fn cr_20_leaving_settles_what_runs_removes_what_was_made_and_leaves_the_books_whole(app: TestApp) {
        let (_keeper, mika) = (app.sign_up("keeper").await, app.sign_up("mika").await);
        let other = elsewhere(&app, "mika").await;
        let made = mika.trigger("a lighthouse that nobody shall see").await;
        app.settle_all().await;
        let running = mika.trigger("a windmill").await;
        app.until(&running, State::Waiting).await;
        let mikas = app.person(&mika).await;
        assert!(app.objects(&made) > 0);

        let page = mika.get("/account").await.text();
        assert!(page.contains("1 picture would be removed") && page.contains("18 credits would be given up"), "{page}");
        let wrong = mika.post("/account/delete", &[("password", "not this one")]).await;
        assert!(wrong.status == 422 && is_in(&mika).await, "{}", wrong.text());
        let left = mika.post("/account/delete", &[("password", PASSWORD)]).await;
        assert_eq!((left.status.as_u16(), left.header("location")), (303, "/"));
        assert!(!is_in(&mika).await && !is_in(&other).await);
        assert_eq!(app.visitor().sign_in("mika").await.status, 422);

        assert_eq!(erase(&app).await, 0, "something of theirs still runs");
        app.settle_all().await;
        assert_eq!((app.state(&running).await, app.balance(&mikas).await), (State::Canceled, (19, 0)), "its hold is settled");
        assert_eq!((erase(&app).await, erase(&app).await), (1, 0), "once");
        assert_eq!((app.objects(&made), app.count("select count(*) from output").await), (0, 0));
        assert_eq!(app.count("select count(*) from generation where prompt <> '' or input <> '{}'").await, 0);
        assert_eq!(app.count("select count(*) from person where email like '%mika%'").await, 0);
        assert_eq!(app.count("select count(*) from entry e join account a on a.id = e.account_id where a.kind = 'person'").await, 3);
        app.sign_up("mika").await;
        app.finish().await;
    }

    async fn a_program_of_somebody_who_left_is_turned_away(app: TestApp) {
        let (_keeper, mika) = (app.sign_up("keeper").await, app.sign_up("mika").await);
        let made = mika.post("/keys", &[("name", "laptop"), ("read", "on"), ("write", "on")]).await.text();
        let token = made.split("<code>").find(|part| part.starts_with("atl_")).and_then(|part| part.split('<').next()).expect("a key");
        let token = token.to_owned();
        let program = app.visitor();
        let ask = || program.send(program.bare(reqwest::Method::GET, "/v1/account").bearer_auth(&token));
        assert_eq!(ask().await.status, 200);
        assert_eq!(mika.post("/account/delete", &[("password", PASSWORD)]).await.status, 303);
        assert_eq!(ask().await.status, 401);
        assert_eq!(erase(&app).await, 1);
        app.finish().await;
    }

    async fn everything_of_a_person_is_one_file_with_a_gallery_that_needs_nobody(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let made = mika.trigger("夕焼けの海 <b>").await;
        noor.trigger("a windmill of somebody else").await;
        app.settle_all().await;
        let answer = mika.get("/account/export").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/zip"));
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"atelier-everything-"));
        let text = answer.text();
        for name in ["index.html", "profile.json", "statement.csv", "statement.json"] {
            assert!(text.contains(name), "{name}");
        }
        let original = mika.get(&format!("/files/{made}/0.webp")).await.body;
        assert!(answer.body.windows(original.len()).any(|part| part == original), "byte for byte");
        // The documents are stored as they are.
        assert!(text.contains("<p>夕焼けの海 &lt;b&gt;</p>") && text.contains("%E5%A4%95"), "the gallery names the picture");
        assert!(text.contains("mika@example.com") && text.contains("atelier.statement.v1"));
        assert!(!text.contains("windmill") && !text.contains("noor@"), "nobody else is in it");
        app.finish().await;
    }

    async fn who_alone_runs_the_house_is_told_what_to_do_before_they_can_leave_it(app: TestApp) {
        let (keeper, noor) = (app.sign_up("keeper").await, app.sign_up("noor").await);
        let page = keeper.get("/account").await.text();
        assert!(page.contains("Nobody but you runs this house") && page.contains("atelier user role"), "{page}");
        assert!(!page.contains("action=\"/account/delete\""), "{page}");
        let stays = keeper.post("/account/delete", &[("password", PASSWORD)]).await;
        assert!(stays.status == 409 && stays.text().contains("atelier user role"), "{}", stays.text());
        assert!(is_in(&keeper).await);

        assert_eq!(noor.get("/admin/models").await.status, 404);
        assert_eq!(give(&app, "noor", Role::Admin).await, Given::Changed);
        assert!(!is_in(&noor).await, "whoever has a copy of the old session gains nothing");
        assert_eq!(noor.sign_in("noor").await.status, 303);
        assert_eq!(noor.get("/admin/models").await.status, 200);
        assert!(keeper.get("/account").await.text().contains("action=\"/account/delete\""));
        let left = keeper.post("/account/delete", &[("password", PASSWORD)]).await;
        assert_eq!((left.status.as_u16(), left.header("location")), (303, "/"));
        assert!(!is_in(&keeper).await && noor.get("/account").await.text().contains("Nobody but you"));
        // Whoever comes next makes pictures, also under the address of the one who left.
        app.sign_up("keeper").await;
        assert_eq!(app.count(ADMINS).await, 1);
        app.finish().await;
    }

    async fn of_two_who_run_the_house_and_leave_at_once_one_stays(app: TestApp) {
        let first = app.sign_up("first").await;
        for round in 0..4 {
            let name = format!("second{round}");
            app.sign_up(&name).await;
            assert_eq!(give(&app, &name, Role::Admin).await, Given::Changed);
            let second = app.beside().await.visitor();
            assert_eq!(second.sign_in(&name).await.status, 303);
            // Whoever stayed the last time is there once more.
            let here = app.visitor();
            let stayed: (String,) = sqlx::query_as("select email from person where role = 'admin' and left_at is null order by created_at, id limit 1")
                .fetch_one(app.db().pool()).await.expect("somebody");
            assert_eq!(here.post("/sign-in", &[("email", &stayed.0), ("password", PASSWORD)]).await.status, 303);
            let leave = async |who: &Browser| who.post("/account/delete", &[("password", PASSWORD)]).await.status.as_u16();
            let mut answers = [0; 2];
            (answers[0], answers[1]) = futures::join!(leave(&here), leave(&second));
            answers.sort_unstable();
            assert_eq!((answers, app.count(ADMINS).await), ([303, 409], 1), "round {round}");
        }
        drop(first);
        app.finish().await;
    }

    async fn the_only_one_who_runs_the_house_cannot_be_made_to_stop_and_of_two_only_one_can(app: TestApp) {
        app.sign_up("keeper").await;
        app.sign_up("noor").await;
        assert_eq!(give(&app, "keeper", Role::Creator).await, Given::OnlyAdmin);
        assert_eq!((give(&app, "noor", Role::Creator).await, give(&app, "keeper", Role::Admin).await), (Given::Same, Given::Same));
        for _ in 0..5 {
            give(&app, "noor", Role::Admin).await;
            give(&app, "keeper", Role::Admin).await;
            assert_eq!(app.count(ADMINS).await, 2);
            let (one, other) = futures::join!(give(&app, "noor", Role::Creator), give(&app, "keeper", Role::Creator));
            assert!([one, other].contains(&Given::Changed) && [one, other].contains(&Given::OnlyAdmin), "{one:?} {other:?}");
            assert_eq!(app.count(ADMINS).await, 1);
        }
        app.finish().await;
    }
}

/// Tables of people's whose rows stay, without a name or a word of theirs: the books, what they name, and dead keys.
const KEPT: [&str; 3] = ["account", "generation", "api_key"];

#[test]
fn every_table_that_belongs_to_a_person_is_emptied_when_they_leave() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let forgetting = ["account/leaving.rs", "auth/sessions.rs", "file/rows.rs", "generation/erase.rs", "outbox.rs"];
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("a text");
    let forgotten: String = forgetting.iter().map(|file| read(root.join("src/server").join(file))).collect();
    let mut owned = 0;
    for entry in std::fs::read_dir(root.join("migrations")).expect("the migrations") {
        let text = read(entry.expect("an entry").path());
        for table in text.split("create table ").skip(1).filter(|table| table.split(");").next().is_some_and(belongs)) {
            let name = table.split([' ', '(']).next().expect("a name");
            let goes = forgotten.contains(&format!("delete from {name} where"));
            assert!(goes || KEPT.contains(&name), "{name} belongs to a person and stays when they leave");
            owned += 1;
        }
    }
    assert!(owned > 8, "the tables were found");
}

/// Whether the text of a table says that its rows are a person's.
fn belongs(table: &str) -> bool {
    table.contains("references person (id)") || table.lines().any(|line| line.trim_start().starts_with("owner_id "))
}
