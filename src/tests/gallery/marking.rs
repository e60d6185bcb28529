//! Favourites and collections, of some and of all; the archive.

use super::{names, pictures, shown};
use crate::support::both_databases;
use reqwest::Method;

both_databases! {
    async fn l11_a_favourite_is_one_on_every_page_and_undoing_changes_only_what_was_changed(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["a", "b", "c"]).await;
        let one = mika.press("/gallery/marks", &[("act", "favourite"), ("id", ids[1].as_str())]).await;
        assert_eq!(one.json()["changed"], 1);
        assert_eq!(shown(&mika, "/gallery?favourite=1").await, names(&[&ids[1]]));
        let all = mika.press("/gallery/marks", &[("act", "favourite"), ("all", "1"), ("in", "")]).await.json();
        assert_eq!(all["changed"], 2);
        let undo: Vec<(String, String)> =
            url::form_urlencoded::parse(all["undo"].as_str().expect("an undo").as_bytes()).into_owned().collect();
        let undo: Vec<_> = undo.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(mika.press("/gallery/marks", &undo).await.json()["changed"], 2);
        assert_eq!(shown(&mika, "/gallery?favourite=1").await, names(&[&ids[1]]), "the first was one before");
        app.finish().await;
    }

    async fn l11_collections_are_made_filled_named_and_removed_without_a_script(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["a", "b"]).await;
        let made = mika.post("/gallery/collections", &[("act", "make"), ("name", " 夏の 海 "), ("id", ids[0].as_str())]).await;
        assert_eq!(made.status, 303);
        let shelf = made.header("location").to_owned();
        let id = shelf.strip_prefix("/gallery?collection=").expect("the collection").to_owned();
        assert_eq!(shown(&mika, &shelf).await, names(&[&ids[0]]));
        assert!(mika.get("/gallery").await.text().contains("夏の 海"));
        let add = [("collect", id.as_str()), ("id", ids[1].as_str()), ("next", "/gallery?favourite=1")];
        let added = mika.post("/gallery/marks", &add).await;
        assert_eq!((added.status.as_u16(), added.header("location")), (303, "/gallery?favourite=1"));
        assert_eq!(shown(&mika, &shelf).await, names(&[&ids[1], &ids[0]]));
        mika.post("/gallery/marks", &[("uncollect", id.as_str()), ("id", ids[0].as_str())]).await;
        assert_eq!(shown(&mika, &shelf).await, names(&[&ids[1]]));
        mika.post("/gallery/collections", &[("act", "rename"), ("collection", id.as_str()), ("name", "Winter")]).await;
        assert!(mika.get("/gallery").await.text().contains("Winter"));
        let removed = mika.post("/gallery/collections", &[("act", "remove"), ("collection", id.as_str())]).await;
        assert_eq!(removed.header("location"), "/gallery");
        assert_eq!(shown(&mika, "/gallery").await, names(&[&ids[1], &ids[0]]), "its pictures stay");
        app.finish().await;
    }

    async fn l12_nobody_marks_collects_or_packs_what_is_somebody_elses(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let ids = pictures(&app, &mika, &["a lighthouse"]).await;
        let id = ids[0].as_str();
        for act in ["favourite", "trash", "restore", "purge", "unfavourite"] {
            let answer = noor.press("/gallery/marks", &[("act", act), ("id", id)]).await;
            assert_eq!((answer.status.as_u16(), answer.json()["changed"].as_i64()), (200, Some(0)), "{act}");
        }
        let shelf = mika.post("/gallery/collections", &[("act", "make"), ("name", "Mine"), ("id", id)]).await;
        let collection = shelf.header("location").strip_prefix("/gallery?collection=").expect("the collection").to_owned();
        for fields in [[("collect", collection.as_str()), ("id", id)], [("uncollect", collection.as_str()), ("id", id)]] {
            assert_eq!(noor.press("/gallery/marks", &fields).await.json()["changed"], 0);
        }
        let hers = noor.press("/gallery/collections", &[("act", "make"), ("name", "Hers"), ("id", id)]).await.json();
        assert_eq!(shown(&noor, &format!("/gallery?collection={}", hers["collection"].as_str().expect("an id"))).await.len(), 0);
        for act in ["rename", "remove"] {
            let fields = [("act", act), ("collection", collection.as_str()), ("name", "x")];
            assert_eq!(noor.press("/gallery/collections", &fields).await.status, 404, "{act}");
        }
        assert_eq!(shown(&noor, &format!("/gallery?collection={collection}")).await.len(), 0);
        let packed = noor.post("/gallery/zip", &[("id", id)]).await;
        assert_eq!((packed.status.as_u16(), packed.header("location")), (303, "/gallery"));
        // One authorisation for the small copy, the original and what is known of it, for strangers and for nobody.
        for path in [format!("/files/{id}/0.small.webp"), format!("/files/{id}/0.webp"), format!("/g/{id}")] {
            assert_eq!(noor.get(&path).await.status, 404, "{path}");
            assert_eq!(app.visitor().get(&path).await.status, 303, "{path}");
            let hers = mika.get(&path).await;
            assert_eq!(hers.status, 200, "{path}");
            assert!(hers.header("cache-control").contains("private") || hers.header("cache-control") == "no-store", "{path}");
        }
        assert_eq!(shown(&mika, "/gallery").await.len(), 1);
        app.finish().await;
    }

    async fn l10_the_archive_holds_every_original_with_what_is_known_of_it(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["夕焼けの海", "a lighthouse"]).await;
        let answer = mika.post("/gallery/zip", &[("all", "1"), ("in", "")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/zip"));
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"atelier-"));
        let text = answer.text();
        let short = |at: usize| ids[at].as_str().rsplit('-').next().expect("an end").to_owned();
        for name in [format!("_夕焼けの海_{}.webp", short(0)), format!("_a-lighthouse_{}.json", short(1))] {
            // Once before the file and once in the directory at the end.
            assert_eq!(text.matches(&name).count(), if name.ends_with("webp") { 3 } else { 2 }, "{name}");
        }
        let original = mika.get(&format!("/files/{}/0.webp", ids[0])).await.body;
        assert!(answer.body.windows(original.len()).any(|part| part == original), "byte for byte");
        let some = mika.post("/gallery/zip", &[("id", ids[1].as_str())]).await;
        assert!(!some.text().contains("夕焼け") && some.text().contains("a-lighthouse"));
        let get = mika.send(mika.bare(Method::GET, "/gallery/zip")).await;
        assert_eq!(get.status, 405);
        app.finish().await;
    }
}
