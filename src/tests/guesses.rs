//! Guessing at a password: at the sign-in, and with somebody's session where the password is asked for again.

use crate::support::{Answer, Browser, PASSWORD, both_databases};
use futures::future::join_all;

const WRONG: &str = "not the one she has";

async fn sign_in(browser: &Browser, password: &str) -> Answer {
    browser.post("/sign-in", &[("email", "mika@example.com"), ("password", password)]).await
}

/// The two forms of the account page that ask again.
async fn change(browser: &Browser, old: &str) -> Answer {
    browser.post("/account/password", &[("old", old), ("new", "seven kites over a quiet harbour")]).await
}

async fn leave(browser: &Browser, password: &str) -> Answer {
    browser.post("/account/delete", &[("password", password)]).await
}

fn status(answer: &Answer) -> u16 {
    answer.status.as_u16()
}

#[track_caller]
fn assert_waits(answer: &Answer, seconds: &str, said: &str) {
    assert_eq!((status(answer), answer.header("retry-after")), (429, seconds));
    assert!(answer.text().contains(&format!("Too many tries. Wait {said}")), "{}", answer.text());
}

both_databases! {
    async fn se_05_who_guesses_at_the_sign_in_waits_longer_each_time_and_the_right_password_waits_along(app: TestApp) {
        app.sign_up("mika").await;
        // In ever another process: the count is one.
        let processes = [app.beside().await, app.beside().await];
        for at in 0..5 {
            assert_eq!(status(&sign_in(&processes[at % 2].visitor(), WRONG).await), 422);
        }
        for password in [WRONG, PASSWORD] {
            assert_waits(&sign_in(&app.visitor(), password).await, "30", "30 seconds");
        }
        let held = sign_in(&app.visitor(), PASSWORD).await.text();
        assert!(held.contains("value=\"mika@example.com\"") && held.contains("role=\"alert\""), "what was typed stays: {held}");
        app.clock.advance_ms(29_500);
        assert_waits(&sign_in(&app.visitor(), PASSWORD).await, "1", "1 second ");
        app.clock.advance_ms(500);
        assert_eq!(status(&sign_in(&app.visitor(), WRONG).await), 422, "one more try");
        assert_waits(&sign_in(&app.visitor(), PASSWORD).await, "60", "60 seconds");
        // Started again, with nothing in memory.
        assert_waits(&sign_in(&app.beside().await.visitor(), PASSWORD).await, "60", "60 seconds");
        app.clock.advance_ms(60_000);
        assert_eq!(status(&sign_in(&app.visitor(), PASSWORD).await), 303, "and then she is in");
        assert_eq!(app.count("select count(*) from guess").await, 0, "and nothing is remembered");
        app.finish().await;
    }

    async fn se_05_a_hundred_guesses_at_once_are_not_a_hundred_tries(app: TestApp) {
        app.sign_up("mika").await;
        let processes = [app.beside().await, app.beside().await];
        let guesses = (0..100).map(|at| {
            let visitor = processes[at % 2].visitor();
            async move { status(&sign_in(&visitor, WRONG).await) }
        });
        let answers = join_all(guesses).await;
        assert_eq!(answers.iter().filter(|answer| **answer == 422).count(), 5, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == 429).count(), 95, "{answers:?}");
        app.finish().await;
    }

    async fn se_04_an_address_that_nobody_has_is_held_like_one_that_somebody_has_and_is_not_kept(app: TestApp) {
        let nobody = app.visitor();
        for _ in 0..5 {
            assert_eq!(status(&sign_in(&nobody, WRONG).await), 422);
        }
        assert_waits(&sign_in(&nobody, WRONG).await, "30", "30 seconds");
        assert_eq!(app.count("select count(*) from guess where name like '%@%' or name like '%mika%'").await, 0);
        // An hour after the last wait it is as if nobody had tried.
        app.clock.advance_ms(30_000 + 60 * 60 * 1_000);
        for _ in 0..5 {
            assert_eq!(status(&sign_in(&nobody, WRONG).await), 422);
        }
        app.clock.advance_ms(30_000 + 60 * 60 * 1_000);
        let sessions = atelier::server::auth::Sessions::new(app.db().clone(), app.clock.clone());
        tower_sessions::ExpiredDeletion::delete_expired(&sessions).await.expect("the database");
        assert_eq!(app.count("select count(*) from guess").await, 0);
        app.finish().await;
    }

    async fn se_05_whoever_sits_at_a_stolen_session_guesses_as_slowly_as_one_at_the_door(app: TestApp) {
        let (_keeper, mika, noor) = (app.sign_up("keeper").await, app.sign_up("mika").await, app.sign_up("noor").await);
        let thief = app.beside().await.welcome(&mika);
        // It is one count, whichever form they try.
        for at in 0..5 {
            let answer = if at % 2 == 0 { change(&thief, WRONG).await } else { leave(&thief, WRONG).await };
            assert_eq!(status(&answer), 422, "{}", answer.text());
        }
        for password in [WRONG, PASSWORD] {
            assert_waits(&change(&thief, password).await, "30", "30 seconds");
            assert_waits(&leave(&thief, password).await, "30", "30 seconds");
        }
        assert_eq!(app.count("select count(*) from person where left_at is not null").await, 0);
        // Nobody else waits, and her own way in, from which she can end that session, is open.
        assert_eq!(status(&change(&noor, PASSWORD).await), 303);
        let herself = app.visitor();
        assert_eq!(status(&sign_in(&herself, PASSWORD).await), 303);
        assert_eq!(status(&herself.post("/account/sessions/end", &[]).await), 303);
        assert_eq!(status(&change(&thief, PASSWORD).await), 303, "which leads to the door");
        assert!(thief.get("/account").await.header("location").starts_with("/sign-in"));
        app.clock.advance_ms(30_000);
        assert_eq!(status(&change(&herself, PASSWORD).await), 303);
        app.finish().await;
    }

    async fn tries_that_are_right_are_none_too_many(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(status(&change(&mika, WRONG).await), 422);
            }
            let weak = mika.post("/account/password", &[("old", PASSWORD), ("new", "password")]).await;
            assert_eq!(status(&weak), 422, "the old one was right");
        }
        app.finish().await;
    }
}
