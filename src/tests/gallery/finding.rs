//! Pages, searches and neighbours.

use super::{names, pictures, shown};
use crate::support::both_databases;
use atelier::domain::{GalleryFilter, GenerationId, Lang};
use atelier::server::gallery::{self, words};

both_databases! {
    async fn l2_pages_hold_everything_once_while_rows_come_and_go(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 200).await;
        let prompts: Vec<String> = (0..75).map(|n| format!("picture {n}")).collect();
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let ids = pictures(&app, &mika, &prompts).await;
        let first = mika.get("/gallery").await.text();
        assert_eq!(first.matches("<img").count(), 60);
        assert_eq!(first.matches("width=\"").count(), first.matches("height=\"").count());
        assert!(first.matches("<img").count() <= first.matches("width=\"").count(), "each picture has its size");
        assert_eq!(first.matches("fetchpriority=\"high\"").count(), 4);
        let seen = shown(&mika, "/gallery").await;
        let older = first.split("rel=\"next\"").next().and_then(|before| before.rsplit("href=\"").next()).expect("a link");
        let older = older.split('"').next().expect("an address").replace("&amp;", "&");
        // Ten come and five go between the two pages.
        pictures(&app, &mika, &["new"; 10]).await;
        let gone: Vec<_> = ids.iter().take(5).map(|id| ("id", id.as_str())).collect();
        let marked = mika.press("/gallery/marks", &[&[("act", "trash")], gone.as_slice()].concat()).await;
        assert_eq!(marked.json()["changed"], 5);
        let rest = shown(&mika, &older).await;
        let mut union = [seen, rest].concat();
        assert_eq!(union.len(), 70, "no one twice");
        union.reverse();
        assert_eq!(union, ids.iter().skip(5).map(ToString::to_string).collect::<Vec<_>>());
        app.finish().await;
    }

    async fn l6_a_search_finds_one_character_of_japanese_and_any_width_and_case(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["夕焼けの海", "ネコとイヌ", "A Red LIGHTHOUSE", "100% wool_sock"]).await;
        let noor = app.sign_up("noor").await;
        pictures(&app, &noor, &["夕焼けの海 of somebody else"]).await;
        for (query, found) in [
            ("夕焼け", vec![0]),
            ("夕", vec![0]),
            ("海", vec![0]),
            ("ﾈｺ", vec![1]),
            ("ネコ イヌ", vec![1]),
            ("ネコ 海", vec![]),
            ("lighthouse red", vec![2]),
            ("ＬＩＧＨＴ", vec![2]),
            ("100%", vec![3]),
            ("0_w", vec![]),
            ("l_s", vec![3]),
            ("%", vec![3]),
        ] {
            let q: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let wanted: Vec<&GenerationId> = found.iter().map(|at| &ids[*at]).collect();
            assert_eq!(shown(&mika, &format!("/gallery?q={q}")).await, names(&wanted), "{query}");
        }
        app.finish().await;
    }

    async fn l6_filters_narrow_and_stand_in_the_address(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let wide = mika.trigger_with(&serde_json::json!({"prompt": "wide", "aspect_ratio": "16:9"})).await;
        app.settle_all().await;
        app.clock.advance_ms(3 * 24 * 60 * 60 * 1_000);
        let tall = mika.trigger_with(&serde_json::json!({"prompt": "tall", "aspect_ratio": "9:16", "model": "stability-ai/sdxl"})).await;
        app.settle_all().await;
        for (query, found) in [
            ("shape=landscape", vec![&wide]),
            ("shape=portrait", vec![&tall]),
            ("shape=square", vec![]),
            ("medium=picture", vec![&tall, &wide]),
            ("medium=video", vec![]),
            ("model=stability-ai/sdxl", vec![&tall]),
            ("status=whole", vec![&tall, &wide]),
            ("status=partial", vec![]),
            ("from=2026-09-22", vec![&tall]),
            ("to=2026-09-22", vec![&wide]),
            ("from=2026-09-21&to=2026-09-21&q=wide", vec![&wide]),
        ] {
            assert_eq!(shown(&mika, &format!("/gallery?{query}")).await, names(&found), "{query}");
        }
        app.finish().await;
    }

    async fn l6_prompts_from_before_are_found_once_they_are_filled_in(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["an old ﾈｺ"]).await;
        app.meddle("delete from prompt_words").await.expect("as an older release would have left it");
        assert_eq!(shown(&mika, "/gallery?q=neko").await, Vec::<String>::new());
        assert_eq!(words::fill(app.db()).await.expect("a fill"), 1);
        assert_eq!(words::fill(app.db()).await.expect("a fill"), 0);
        assert_eq!(shown(&mika, "/gallery?q=%E3%83%8D%E3%82%B3").await, names(&[&ids[0]]));
        app.finish().await;
    }

    async fn neighbours_follow_the_order_of_the_view_and_know_only_their_owners(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let ids = pictures(&app, &mika, &["cat one", "dog", "cat two", "cat three"]).await;
        let (owner, noor) = (app.person(&mika).await, app.sign_up("noor").await);
        let stranger = app.person(&noor).await;
        for (query, at, newer, older) in
            [("", 1, Some(2), Some(0)), ("q=cat", 2, Some(3), Some(0)), ("q=cat", 3, None, Some(2)), ("q=cat", 1, Some(2), Some(0))]
        {
            let filter = GalleryFilter::of_query(query);
            let found = gallery::neighbours(app.db(), &owner, &filter, &ids[at], Lang::En).await.expect("neighbours");
            let place = |at: Option<usize>| at.map(|at| ids[at].clone());
            assert_eq!((found.newer, found.older), (place(newer), place(older)), "{query} at {at}");
            let none = gallery::neighbours(app.db(), &stranger, &filter, &ids[at], Lang::En).await.expect("neighbours");
            assert_eq!((none.newer, none.older), (None, None));
        }
        app.finish().await;
    }

    async fn months_lead_to_the_page_that_begins_with_them(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let old = pictures(&app, &mika, &["old"]).await;
        app.clock.advance_ms(40 * 24 * 60 * 60 * 1_000);
        pictures(&app, &mika, &["new"]).await;
        let page = mika.get("/gallery").await.text();
        let months = page.split("id=\"gallery-months\"").nth(1).expect("the months").split("</ul>").next().expect("their end");
        assert_eq!(months.matches("<a").count(), 2, "{months}");
        let last = months.rsplit("href=\"").next().and_then(|rest| rest.split('"').next()).expect("an address");
        assert_eq!(shown(&mika, last).await, names(&[&old[0]]));
        app.finish().await;
    }
}
