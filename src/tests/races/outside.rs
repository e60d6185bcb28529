//! Races with what is outside of the database: paid calls, news, power, and people with all rights.

use super::{POSTED, Scene, refused};
use crate::support::{Engine, both_databases};
use atelier::domain::{PredictionId, State};
use atelier::server::db::News;
use atelier::server::generation::{self, Job};
use atelier::server::replicate::{Create, Error};
use futures::future::join_all;
use sqlx::Executor;
use sqlx::error::ErrorKind;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

both_databases! {
    async fn r_07_a_paid_call_sent_again_after_a_lost_answer_is_found_among_the_predictions(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: its answer is lost, and it is looked for.
        let looked_for = scene.ask("#lost", 1).await.expect("taken");
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&looked_for).await, scene.app.bought()), (State::Succeeded, 1));
        assert_eq!(strays(&scene).await, 0);
        // Wrong: it is sent again, because nothing came back.
        scene.ask("#lost again", 1).await.expect("taken");
        let job = admitted(&scene).await;
        for _ in 0..2 {
            assert!(matches!(buy(&scene, &job).await, Err(Error::Ambiguous(_))));
        }
        scene.app.settle_all().await;
        assert_eq!((scene.app.bought(), strays(&scene).await), (3, 1));
        scene.app.finish().await;
    }

    async fn r_08_who_hears_of_a_change_finds_it(app: TestApp) {
        let scene = Scene::open(app).await;
        let db = scene.app.db().clone();
        let granted = "select count(*) from txn where kind = 'grant'";
        let mut news = db.news();
        let mut tx = db.begin().await.expect("a transaction");
        let grant = atelier::server::ledger::Grant::Operator { reference: "r8".to_owned(), reason: "for a test".to_owned() };
        let (five, now) = (atelier::domain::Credits(5), scene.app.clock.now());
        atelier::server::ledger::grant(&mut tx, &scene.owner, five, &grant, now).await.expect("a grant");
        assert!(!is_told(&mut news, &scene), "right: nothing is told before it is so");
        // Wrong: told right away. Whoever hears it looks, finds nothing, and is not told again.
        db.pass_on(News::Here(scene.owner.clone()));
        assert!(is_told(&mut news, &scene));
        assert_eq!(scene.app.count(granted).await, 0);
        tx.commit().await.expect("a commit");
        assert!(is_told(&mut news, &scene), "right: told after the commit");
        assert_eq!(scene.app.count(granted).await, 1, "and whoever hears it finds it");
        scene.app.finish().await;
    }

    async fn r_19_a_prediction_bought_twice_because_nobody_wrote_it_down_is_found_among_the_predictions(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: somebody dies with the answer in hand; the intent was written down, and the prediction is looked for.
        let looked_for = scene.ask("a lighthouse", 1).await.expect("taken");
        let job = admitted(&scene).await;
        buy(&scene, &job).await.expect("a prediction");
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&looked_for).await, scene.app.bought()), (State::Succeeded, 1));
        assert_eq!(strays(&scene).await, 0);
        // Wrong: whoever comes next sees a row without a prediction and buys one.
        scene.ask("a windmill", 1).await.expect("taken");
        let job = admitted(&scene).await;
        buy(&scene, &job).await.expect("a prediction, of somebody who dies");
        buy(&scene, &job).await.expect("another");
        scene.app.settle_all().await;
        assert_eq!((scene.app.bought(), strays(&scene).await), (3, 1));
        scene.app.finish().await;
    }

    async fn r_22_every_connection_syncs_every_commit(app: TestApp) {
        // On PostgreSQL it is the server's to promise, and tests run on one that does not.
        if app.engine() == Engine::Sqlite {
            const LEVEL: &str = "pragma synchronous";
            const FULL: i64 = 2;
            // Far more at once than there are connections, so that each is asked; and the one that writes.
            let levels = join_all((0..64).map(|_| sqlx::query_as(LEVEL).fetch_one(app.db().pool()))).await;
            let mut writer = app.db().begin().await.expect("a transaction");
            let written = sqlx::query_as(LEVEL).fetch_one(writer.connection()).await;
            drop(writer);
            for level in levels.into_iter().chain([written]) {
                let (level,): (i64,) = level.expect("a level");
                assert_eq!(level, FULL, "right: every commit is synced");
            }
            let mut stranger = app.stranger().await.expect("a connection");
            stranger.execute("pragma synchronous = normal").await.expect("wrong");
            let (level,): (i64,) = sqlx::query_as(LEVEL).fetch_one(&mut stranger).await.expect("a level");
            assert_ne!(level, FULL, "and it shows");
        }
        app.finish().await;
    }

    async fn r_23_nobody_is_removed_with_work_under_way(app: TestApp) {
        let scene = Scene::open(app).await;
        let id = scene.ask("a lighthouse", 1).await.expect("taken");
        for wrong in ["delete from person", "delete from account where kind = 'person'", "delete from model"] {
            assert_eq!(refused(scene.app.meddle(wrong).await), ErrorKind::ForeignKeyViolation, "{wrong}");
        }
        scene.app.settle_all().await;
        assert_eq!((scene.app.state(&id).await, scene.balance().await), (State::Succeeded, (19, 0)));
        scene.app.finish().await;
    }

    async fn r_24_a_balance_that_no_entry_explains_is_found(app: TestApp) {
        let scene = Scene::open(app).await;
        // Right: every change of what somebody has says who made it, and why.
        scene.app.grant(&scene.owner, 5).await;
        let told = "select count(*) from entry e join txn t on t.id = e.txn_id
                    where t.kind = 'grant' and t.actor = 'operator' and t.reason is not null and e.amount = 5 and e.posted_after = 25";
        assert_eq!((scene.balance().await, scene.app.count(told).await), ((25, 0), 1));
        scene.app.assert_books().await;
        // Wrong: a number is changed; and what was written cannot be made to fit it.
        scene.app.meddle("update account set posted = posted + 5 where kind = 'person'").await.expect("no check can know");
        scene.app.meddle("update entry set amount = amount + 5").await.expect_err("an entry is written once");
        scene.app.finish_adrift(POSTED).await;
    }
}

/// Whether this process told itself of a change of theirs. What other processes say may be of long ago.
fn is_told(news: &mut Receiver<News>, scene: &Scene) -> bool {
    let mut told = false;
    while let Ok(heard) = news.try_recv() {
        told |= heard == News::Here(scene.owner.clone());
    }
    told
}

/// The row that waits, in the hand of a worker that is about to make its paid call and dies.
async fn admitted(scene: &Scene) -> Job {
    let mut admitted = generation::admit(scene.app.db(), "dead", 1, scene.app.clock.now()).await.expect("the database");
    admitted.jobs.remove(0)
}

/// Makes the paid call, and tells nobody.
async fn buy(scene: &Scene, job: &Job) -> Result<PredictionId, Error> {
    let input = serde_json::from_str(&job.input).expect("the input");
    let create = Create { model: job.model.clone(), version: job.model_version.clone(), input, webhook: None };
    scene.app.tools.replicate.create(&create, Duration::from_mins(10)).await.map(|prediction| prediction.id)
}

/// Predictions that were found and have no place: the worker writes them down when it looks, and cancels them.
async fn strays(scene: &Scene) -> i64 {
    scene.app.count("select count(*) from stray").await
}
