//! Races of the end: who gives back, who takes, at which price, and how often.

use super::{CAPTURED, HELD, KEPT, OPEN, Scene, raw, refused};
use crate::support::both_databases;
use atelier::domain::{Credits, GenerationId, RawRequest, State};
use atelier::server::generation::{self, DEADLINE_MS, Job};
use atelier::server::ledger;
use atelier::server::worker::core::{Event, Stored, step};
use futures::future::join_all;
use sqlx::error::ErrorKind;

both_databases! {
    async fn r_10_an_end_whose_money_was_to_come_later_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: both are one commit.
        scene.ask("#fail", 1).await.expect("taken");
        scene.app.settle_all().await;
        assert_eq!(scene.balance().await, (20, 0));
        scene.app.assert_books().await;
        // Wrong: the end is committed, and whoever was to give back dies.
        scene.ask("#fail", 1).await.expect("taken");
        scene.app.meddle("update generation set state = 'failed', finished_at = 0 where state = 'queued'").await.expect("an end");
        scene.app.finish_adrift(OPEN).await;
    }

    async fn r_11_a_second_giving_back_is_stopped_by_the_database(app: TestApp) {
        let scene = Scene::open(app).await;
        let id = scene.ask("a lighthouse", 1).await.expect("taken");
        // Right: its owner three times, and the deadline, all at once.
        let late = scene.app.clock.now().plus_ms(DEADLINE_MS);
        let cancel = || generation::cancel(scene.app.db(), &scene.owner, &id, late);
        let sweep = generation::sweep(scene.app.db(), late);
        let (canceled, swept) = futures::join!(join_all([cancel(), cancel(), cancel()]), sweep);
        assert!(canceled.iter().all(Result::is_ok) && swept.is_ok(), "{canceled:?} {swept:?}");
        assert_eq!(scene.balance().await, (20, 0));
        assert_eq!(scene.app.count("select count(*) from txn where kind = 'release'").await, 1);
        // Wrong: whoever comes second does not ask whether the hold is still open.
        let again = "update account set held = held - 1 where kind = 'person'";
        assert_eq!(refused(scene.app.meddle(again).await), ErrorKind::CheckViolation);
        let told_again = "insert into txn (id, kind, ref, actor, created_at) select 'again', 'release', ref, 'worker', 0 from txn where kind = 'hold'";
        refused(scene.app.meddle(told_again).await);
        // And on its own account of it, as many others of this person as there may be.
        scene.ask("a windmill", 1).await.expect("taken");
        scene.app.meddle(again).await.expect("another's credits, and no check can know");
        scene.app.finish_adrift(HELD).await;
    }

    async fn r_12_a_success_after_the_release_changes_nothing(app: TestApp) {
        let scene = Scene::open(app).await;
        let id = scene.ask("#stall", 1).await.expect("taken");
        let slow = waiting(&scene, &id).await;
        // Its deadline passes, it is stopped and given back; then somebody comes who has seen it succeed.
        scene.app.clock.advance_ms(DEADLINE_MS);
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&id).await, scene.balance().await), (State::Failed, (20, 0)));
        let now = scene.app.clock.now();
        for before in [slow.clone(), Job { state: State::Storing, ..slow }] {
            let (after, effects) = step(&before, Event::Stored(Stored { kept: 1, ..Stored::default() }), now);
            let recorded = generation::record(scene.app.db(), &before, &after, &effects, now).await.expect("the database");
            assert!(!recorded, "right: the row is not where they think it is");
        }
        scene.app.assert_books().await;
        // Wrong: nobody asks where the row is.
        scene.app.meddle("update generation set state = 'succeeded', failure = null, captured = price").await.expect("an end");
        scene.app.finish_adrift(CAPTURED).await;
    }

    async fn r_14_a_price_read_again_above_the_hold_is_stopped_by_the_database(app: TestApp) {
        let scene = Scene::open(app).await;
        let id = scene.ask("a lighthouse", 2).await.expect("taken");
        scene.app.until(&id, State::Storing).await;
        scene.app.meddle("update model set unit_price = 5").await.expect("it became dearer");
        // Wrong: what two cost now.
        let wrong = "update hold set state = 'captured', captured = 2 * (select max(unit_price) from model)";
        assert_eq!(refused(scene.app.meddle(wrong).await), ErrorKind::CheckViolation);
        // Right: what two cost when the button was pressed.
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&id).await, scene.balance().await), (State::Succeeded, (18, 0)));
        scene.app.finish().await;
    }

    async fn r_14_a_price_read_again_below_the_hold_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        let dear = RawRequest { model: "stability-ai/sdxl".to_owned(), ..raw() };
        let id = scene.ask_with(&dear).await.expect("taken");
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&id).await, scene.balance().await), (State::Succeeded, (18, 0)), "right: two credits");
        scene.app.assert_books().await;
        let another = scene.ask_with(&RawRequest { request_key: "another".to_owned(), ..dear }).await.expect("taken");
        scene.app.until(&another, State::Storing).await;
        scene.app.meddle("update model set unit_price = 1").await.expect("it became cheaper");
        settle_by_hand(&scene, &another, Taken { kept: 1, delivered: 1, unit_price: Credits(1) }).await;
        scene.app.finish_adrift(KEPT).await;
    }

    async fn r_15_all_of_the_price_for_some_of_the_pictures_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        let id = scene.ask("#partial", 3).await.expect("taken");
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&id).await, scene.balance().await), (State::Succeeded, (18, 0)), "right: two of three");
        scene.app.assert_books().await;
        // Wrong: it succeeded, so all of it is taken.
        let another = scene.ask("#partial", 3).await.expect("taken");
        scene.app.until(&another, State::Storing).await;
        settle_by_hand(&scene, &another, Taken { kept: 2, delivered: 3, unit_price: Credits(1) }).await;
        scene.app.finish_adrift(KEPT).await;
    }

    async fn cr_12_some_of_the_pictures_are_paid_at_the_price_of_the_press_whatever_it_is_now(app: TestApp) {
        let scene = Scene::open(app).await;
        for (changed, unit_price) in [("update model set unit_price = 9", 1), ("update model set unit_price = 1", 2)] {
            let (before, _) = scene.balance().await;
            let model = scene.catalogue[usize::from(unit_price == 2)].name.to_string();
            let press = RawRequest { prompt: "#partial".to_owned(), model, count: "4".to_owned(), ..raw() };
            let id = scene.ask_with(&press).await.expect("taken");
            assert_eq!(scene.balance().await, (before - 4 * unit_price, 4 * unit_price));
            scene.app.until(&id, State::Waiting).await;
            scene.app.meddle(changed).await.expect("another price");
            scene.app.settle_all().await;
            assert_eq!(scene.balance().await, (before - 3 * unit_price, 0), "three of four, at {unit_price} each");
            let (captured,): (i64,) = sqlx::query_as("select captured from generation where id = $1")
                .bind(id.as_str())
                .fetch_one(scene.app.db().pool())
                .await
                .expect("the row");
            assert_eq!(captured, 3 * unit_price);
        }
        scene.app.finish().await;
    }
}

/// What whoever settles by hand keeps, counts and charges.
struct Taken {
    kept: i64,
    delivered: i64,
    unit_price: Credits,
}

/// Ends it as a worker would that counts wrong, or looks at the price again.
async fn settle_by_hand(scene: &Scene, id: &GenerationId, taken: Taken) {
    let captured = taken.delivered * taken.unit_price.0;
    let mut tx = scene.app.db().begin().await.expect("a transaction");
    for place in 0..taken.kept {
        let keep = "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at)
                    values ($1, $2, 'a key', 'image/webp', 1, 'a hash', 1, 1, '#000000', '', 0)";
        sqlx::query(keep).bind(id.as_str()).bind(place).execute(tx.connection()).await.expect("an output");
    }
    // The hold is told another unit price first; the verb itself cannot be made to take another.
    let priced = sqlx::query("update hold set unit_price = $2 where generation_id = $1").bind(id.as_str()).bind(taken.unit_price);
    priced.execute(tx.connection()).await.expect("a hold");
    ledger::capture(&mut tx, id, taken.delivered, scene.app.clock.now()).await.expect("an open hold");
    let ended = "update generation set state = 'succeeded', captured = $2, finished_at = 0 where id = $1";
    sqlx::query(ended).bind(id.as_str()).bind(captured).execute(tx.connection()).await.expect("an end");
    tx.commit().await.expect("a commit");
}

/// The row as whoever polls it has it in hand.
async fn waiting(scene: &Scene, id: &GenerationId) -> Job {
    scene.app.until(id, State::Waiting).await;
    let mut due = Vec::new();
    while due.is_empty() {
        due = generation::claim(scene.app.db(), "slow", 1, scene.app.clock.now()).await.expect("the database");
        if due.is_empty() {
            assert!(scene.app.move_on().await, "it becomes due");
        }
    }
    due.remove(0)
}
