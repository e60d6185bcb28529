//! Live pages: what changes arrives, what was missed is caught up, and nobody hears of anybody else's.

use crate::support::{Engine, both_databases};
use atelier::domain::State;
use std::time::{Duration, Instant};

both_databases! {
    async fn a_stream_begins_with_what_its_page_does_not_know(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let rendered = app.clock.now().0;
        app.clock.advance_ms(60_000);
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        app.clock.advance_ms(60_000);
        let mut caught_up = mika.events(&format!("?since={rendered}")).await;
        assert_eq!(caught_up.response.headers()["content-type"], "text/event-stream");
        let frame = caught_up.until(|frame| frame.generation().is_some()).await;
        assert_eq!(frame.generation().map(|(told, _)| told.to_owned()), Some(id.to_string()));
        assert_eq!(frame.phase().as_deref(), Some("succeeded"));
        // What was rendered a moment ago knows all of it: only the balance comes.
        let mut fresh = mika.events(&format!("?since={}", app.clock.now().0)).await;
        assert!(fresh.next().await.expect("a frame").data.get("balance").is_some());
        app.finish().await;
    }

    async fn the_id_of_the_last_event_counts_for_more_than_the_pages_own(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let rendered = app.clock.now().0;
        mika.trigger("a lighthouse").await;
        app.settle_all().await;
        app.clock.advance_ms(60_000);
        let seen = mika.events("").await.next().await.expect("a frame").id;
        assert_eq!(seen, app.clock.now().0.to_string(), "an event's id is the moment to come back with");
        let mut back = mika.events_from(&format!("?since={rendered}"), Some(&seen)).await;
        assert!(back.next().await.expect("a frame").data.get("balance").is_some(), "nothing of what it saw comes again");
        app.finish().await;
    }

    async fn every_change_arrives_with_a_version_above_the_last_and_only_at_its_owner(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (mut hers, mut his) = (mika.events("").await, noor.events("").await);
        let id = mika.trigger("a lighthouse").await;
        let queued = hers.until(|frame| frame.generation().is_some()).await;
        assert_eq!(queued.phase().as_deref(), Some("queued"));
        app.settle_all().await;
        let mut version = queued.generation().expect("a generation").1;
        loop {
            let frame = hers.until(|frame| frame.generation().is_some()).await;
            let (told, next) = frame.generation().expect("a generation");
            assert!(told == id.as_str() && next > version, "{next} after {version}");
            version = next;
            if frame.phase().as_deref() == Some("succeeded") {
                break;
            }
        }
        // His own change is the first and only thing he hears of.
        let own = noor.trigger("a windmill").await;
        let heard = his.until(|frame| frame.generation().is_some()).await;
        assert_eq!(heard.generation().map(|(told, _)| told.to_owned()), Some(own.to_string()));
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_change_made_by_one_process_reaches_a_page_at_another_within_two_seconds(app: TestApp) {
        if app.engine() == Engine::Postgres {
            let other = app.beside().await;
            let here = app.sign_up("mika").await;
            let mut there = other.welcome(&here).events("").await;
            there.until(|frame| frame.data.get("balance").is_some()).await;
            let pressed = Instant::now();
            let id = here.trigger("a lighthouse").await;
            let frame = there.until(|frame| frame.generation().is_some()).await;
            assert_eq!(frame.generation().map(|(told, _)| told.to_owned()), Some(id.to_string()));
            assert!(pressed.elapsed() < Duration::from_secs(2), "{:?}", pressed.elapsed());
            app.until(&id, State::Succeeded).await;
            there.until(|frame| frame.phase().as_deref() == Some("succeeded")).await;
        }
        app.finish().await;
    }

    async fn se_10_streams_end_when_their_person_signs_out(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut stream = mika.events("").await;
        stream.until(|frame| frame.data.get("balance").is_some()).await;
        assert_eq!(mika.post("/sign-out", &[]).await.status, 303);
        stream.end().await;
        app.finish().await;
    }

    async fn streams_end_when_the_process_is_to_stop(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let mut stream = mika.events("").await;
        stream.until(|frame| frame.data.get("balance").is_some()).await;
        app.process.app.stop.cancel();
        stream.end().await;
        app.finish().await;
    }

    async fn the_eleventh_stream_of_one_person_is_turned_away(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let mut open = Vec::new();
        for _ in 0..10 {
            open.push(mika.events("").await);
        }
        assert!(open.iter().all(|stream| stream.response.status() == 200));
        let eleventh = mika.events("").await;
        assert_eq!(eleventh.response.status(), 429);
        assert!(eleventh.response.headers().contains_key("retry-after"));
        assert_eq!(noor.events("").await.response.status(), 200, "others have their own ten");
        app.finish().await;
    }
}
