//! Links to one picture: off until somebody makes one, no more than was chosen, and dead at once when they end.

use crate::support::{Answer, Browser, TestApp, both_databases};
use atelier::domain::GenerationId;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

both_databases! {
    async fn a_link_shows_the_picture_to_anybody_and_nothing_that_was_not_ticked(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&serde_json::json!({"prompt": "a lighthouse nobody knows of", "seed": 424_242})).await;
        app.settle_all().await;
        assert_eq!(app.count("select count(*) from share").await, 0, "nothing is shared by itself");
        let bare = share(&app, &mika, &id, &[]).await;
        let stranger = app.visitor();
        let page = stranger.get(&bare).await;
        assert_eq!(page.status, 200);
        for (name, value) in [("cache-control", "private, no-cache"), ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex, nofollow")] {
            assert_eq!(page.header(name), value, "{name}");
        }
        let text = page.text();
        assert!(!text.contains("nobody knows of") && !text.contains("424242") && !text.contains("mika"), "{text}");
        assert!(!text.contains(".js") && !text.contains("wasm") && text.contains("og:image") && text.contains("name=\"robots\" content=\"noindex"), "{text}");
        assert!(text.contains(&format!("{bare}/0.large.webp")), "{text}");
        let file = stranger.get(&format!("{bare}/0.webp")).await;
        assert_eq!(file.body, mika.get(&format!("/files/{id}/0.webp")).await.body);
        assert_eq!(file.header("cache-control"), "private, no-cache");
        let told = share(&app, &mika, &id, &[("prompt", "on"), ("settings", "on")]).await;
        let text = stranger.get(&told).await.text();
        assert!(text.contains("nobody knows of") && text.contains("424242") && text.contains("FLUX schnell"), "{text}");
        let data = stranger.get_json(&bare).await.json();
        assert!(data["prompt"].is_null() && data["settings"].is_null() && data["sha256"].is_string(), "{data}");
        app.finish().await;
    }

    async fn a_link_that_was_revoked_ran_out_or_whose_picture_is_in_the_trash_is_404_at_every_address(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let beside = app.beside().await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let stranger = beside.visitor();
        // Revoked, by its owner and nobody else.
        let link = share(&app, &mika, &id, &[]).await;
        opens(&stranger, &link, 200).await;
        let row = row(&app).await;
        assert_eq!(noor.post(&format!("/shares/{row}/revoke"), &[]).await.status, 404);
        opens(&stranger, &link, 200).await;
        let revoked = mika.post(&format!("/shares/{row}/revoke"), &[]).await;
        assert_eq!((revoked.status.as_u16(), revoked.header("location")), (303, "/shares"));
        opens(&stranger, &link, 404).await;
        // Ran out: thirty days unless something else was chosen.
        let (month, day, never) = (
            share(&app, &mika, &id, &[]).await,
            share(&app, &mika, &id, &[("term", "1")]).await,
            share(&app, &mika, &id, &[("term", "never")]).await,
        );
        app.clock.advance_ms(DAY_MS);
        opens(&stranger, &day, 404).await;
        app.clock.advance_ms(29 * DAY_MS - 1);
        opens(&stranger, &month, 200).await;
        app.clock.advance_ms(1);
        opens(&stranger, &month, 404).await;
        opens(&stranger, &never, 200).await;
        // In the trash, and back.
        for (act, status) in [("trash", 404), ("restore", 200)] {
            assert_eq!(mika.post("/gallery/marks", &[("id", id.as_str()), ("act", act)]).await.status, 303);
            opens(&stranger, &never, status).await;
        }
        app.finish().await;
    }

    async fn no_word_opens_what_it_was_not_made_for(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = mika.trigger_with(&serde_json::json!({"prompt": "two boats", "count": 2})).await;
        app.settle_all().await;
        let foreign = noor.post(&format!("/g/{id}/share"), &[]).await;
        assert_eq!((foreign.status.as_u16(), app.count("select count(*) from share").await), (404, 0));
        assert_eq!(mika.post(&format!("/g/{id}/share"), &[("place", "9")]).await.status, 404);
        let link = share(&app, &mika, &id, &[("place", "1")]).await;
        let stranger = app.visitor();
        assert_eq!(stranger.get(&format!("{link}/1.webp")).await.status, 200);
        for name in ["0.webp", "0.small.webp", "1.png", "01.webp", "1.webp.html"] {
            assert_eq!(stranger.get(&format!("{link}/{name}")).await.status, 404, "{name}");
        }
        let row = row(&app).await;
        for word in [row.as_str(), id.as_str(), &link[3..link.len() - 1], &format!("{}A", &link[3..])] {
            assert_eq!(stranger.get(&format!("/s/{word}")).await.status, 404, "{word}");
        }
        assert_eq!(stranger.get(&format!("/files/{id}/1.webp")).await.status, 303, "the link opens nothing else");
        app.finish().await;
    }

    async fn the_same_form_twice_makes_one_link_and_the_list_has_them_all(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        assert!(mika.get("/shares").await.text().contains("Nothing is shared"));
        let form = [("id", "0193b1e4-7c1f-7000-8000-000000000777")];
        for _ in 0..2 {
            assert_eq!(mika.press(&format!("/g/{id}/share"), &form).await.status, 201);
        }
        assert_eq!(app.count("select count(*) from share").await, 1);
        let list = mika.get("/shares").await.text();
        assert_eq!(list.matches("/revoke\"").count(), 1, "{list}");
        assert!(mika.get(&format!("/g/{id}")).await.text().contains("/s/0193b1e4"), "the picture's page has it too");
        app.finish().await;
    }
}

/// Makes a link as the page does, and gives its path.
async fn share(app: &TestApp, browser: &Browser, id: &GenerationId, fields: &[(&str, &str)]) -> String {
    let made: Answer = browser.press(&format!("/g/{id}/share"), fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let url = made.json()["url"].as_str().expect("an address").to_owned();
    url.strip_prefix(&app.process.url).expect("an address of ours").to_owned()
}

/// Page, metadata, thumbnail and original answer alike.
async fn opens(stranger: &Browser, link: &str, status: u16) {
    assert_eq!(stranger.get_json(link).await.status, status, "metadata");
    for path in [link.to_owned(), format!("{link}/0.small.webp"), format!("{link}/0.large.webp"), format!("{link}/0.webp")] {
        assert_eq!(stranger.get(&path).await.status, status, "{path}");
    }
}

/// The id of the youngest link.
async fn row(app: &TestApp) -> String {
    let (id,): (String,) =
        sqlx::query_as("select id from share order by created_at desc limit 1").fetch_one(app.db().pool()).await.expect("a link");
    id
}
