//! Into the trash, back, and for ever.

use super::{names, pictures, shown};
use crate::support::both_databases;
use atelier::server::gallery::purge;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

both_databases! {
    async fn l9_the_trash_takes_a_picture_out_of_sight_and_undoing_puts_it_where_it_was(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["a", "b", "c"]).await;
        let id = ids[1].as_str();
        mika.press("/gallery/marks", &[("act", "favourite"), ("id", id)]).await;
        let shelf = mika.post("/gallery/collections", &[("act", "make"), ("name", "Best"), ("id", id)]).await;
        let shelf = shelf.header("location").to_owned();
        let trashed = mika.press("/gallery/marks", &[("act", "trash"), ("id", id)]).await.json();
        for path in ["/gallery", "/gallery?favourite=1", &shelf, "/gallery?q=b"] {
            assert!(!shown(&mika, path).await.contains(&id.to_owned()), "{path}");
        }
        app.clock.advance_ms(11 * 60 * 1_000);
        assert!(!mika.get("/create").await.text().contains(id), "nor among the recent");
        assert_eq!(shown(&mika, "/gallery?trash=1").await, names(&[&ids[1]]));
        assert!(mika.get("/gallery?trash=1").await.text().contains("Gone in 30 days"));
        assert!(mika.get("/gallery").await.text().contains("2 pictures"));
        assert_eq!(mika.get(&format!("/files/{id}/0.webp")).await.status, 200, "its owner still sees it");
        let undo = trashed["undo"].as_str().expect("an undo").to_owned();
        let undo: Vec<(String, String)> = url::form_urlencoded::parse(undo.as_bytes()).into_owned().collect();
        let undo: Vec<_> = undo.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(mika.press("/gallery/marks", &undo).await.json()["changed"], 1);
        assert_eq!(shown(&mika, "/gallery").await, names(&[&ids[2], &ids[1], &ids[0]]));
        assert_eq!(shown(&mika, "/gallery?favourite=1").await, names(&[&ids[1]]));
        assert_eq!(shown(&mika, &shelf).await, names(&[&ids[1]]));
        app.finish().await;
    }

    async fn l7_all_means_all_that_fit_and_not_all_that_are_on_the_page(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 100).await;
        let prompts: Vec<String> = (0..70).map(|n| if n % 7 == 0 { format!("dog {n}") } else { format!("cat {n}") }).collect();
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        pictures(&app, &mika, &prompts).await;
        let first = mika.press("/gallery/marks", &[("act", "trash"), ("all", "1"), ("in", "q=dog")]).await.json();
        assert_eq!(first["changed"], 10);
        let second = mika.press("/gallery/marks", &[("act", "trash"), ("all", "1"), ("in", "")]).await.json();
        assert_eq!(second["changed"], 60);
        assert_eq!(app.count("select count(*) from generation where trashed_at is not null").await, 70);
        let undo: Vec<(String, String)> =
            url::form_urlencoded::parse(second["undo"].as_str().expect("an undo").as_bytes()).into_owned().collect();
        let undo: Vec<_> = undo.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(mika.press("/gallery/marks", &undo).await.json()["changed"], 60, "and not the ten of before");
        assert_eq!(shown(&mika, "/gallery?trash=1").await.len(), 10);
        app.finish().await;
    }

    async fn l9_after_a_month_the_files_go_and_the_books_stay(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["kept", "a secret wish"]).await;
        let (kept, gone) = (&ids[0], &ids[1]);
        let statement = mika.get("/credits").await.text().matches(gone.as_str()).count();
        assert!(statement > 0);
        mika.press("/gallery/marks", &[("act", "trash"), ("id", gone.as_str())]).await;
        app.clock.advance_ms(30 * DAY_MS - 60_000);
        assert_eq!(purge::sweep(app.db(), &app.tools.store, app.clock.now()).await.expect("a sweep"), 0);
        assert!(app.objects(gone) > 0);
        let marked = app.count("select cast(sum(marks) as bigint) from person").await;
        app.clock.advance_ms(60_000);
        assert_eq!(purge::sweep(app.db(), &app.tools.store, app.clock.now()).await.expect("a sweep"), 1);
        assert_eq!(app.count("select cast(sum(marks) as bigint) from person").await, marked + 1, "an open trash hears of it");
        assert_eq!((app.objects(gone), app.objects(kept)), (0, 3));
        for path in [format!("/g/{gone}"), format!("/files/{gone}/0.webp"), format!("/files/{gone}/0.small.webp")] {
            assert_eq!(mika.get(&path).await.status, 404, "{path}");
        }
        assert_eq!(shown(&mika, "/gallery?trash=1").await.len(), 0);
        let restored = mika.press("/gallery/marks", &[("act", "restore"), ("id", gone.as_str())]).await;
        assert_eq!(restored.json()["changed"], 0, "there is no way back");
        assert_eq!(app.count("select count(*) from generation where prompt like '%secret%' or input like '%secret%'").await, 0);
        assert_eq!(app.count("select count(*) from prompt_words where folded like '%secret%'").await, 0);
        assert_eq!(mika.get("/credits").await.text().matches(gone.as_str()).count(), statement, "the statement stays");
        app.finish().await;
    }

    async fn l9_only_what_is_in_the_trash_can_be_let_go_of_at_once(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["a", "b"]).await;
        let fields = [("act", "purge"), ("all", "1"), ("in", "trash=1")];
        assert_eq!(mika.press("/gallery/marks", &[("act", "purge"), ("id", ids[0].as_str())]).await.json()["changed"], 0);
        mika.press("/gallery/marks", &[("act", "trash"), ("id", ids[0].as_str())]).await;
        let purged = mika.press("/gallery/marks", &fields).await.json();
        assert_eq!((purged["changed"].as_i64(), purged["undo"].is_null()), (Some(1), true));
        assert_eq!(mika.get(&format!("/files/{}/0.webp", ids[0])).await.status, 404, "before its objects are removed");
        assert_eq!(purge::sweep(app.db(), &app.tools.store, app.clock.now()).await.expect("a sweep"), 1);
        assert_eq!(shown(&mika, "/gallery").await, names(&[&ids[1]]));
        app.finish().await;
    }
}
