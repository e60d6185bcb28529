//! Waiting for the store: what arrived is never lost because our own house was not in order.

use super::{HOUR, MINUTE, due_in, failure_of, fetching_from, fetching_with, finished, picture, prediction_of};
use crate::support::files::{Files, headed, whole};
use crate::support::s3::{Bucket, Fault};
use crate::support::{TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::store::{self, Extension, Key};
use atelier::server::worker::reach::Reach;
use atelier::server::worker::spool::{Limits, Spool};
use atelier::server::worker::{Tools, Worker};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

both_databases! {
    async fn rl_18_what_arrived_waits_in_the_spool_for_a_store_that_is_away_and_is_not_fetched_again(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let mut app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        for (at, fault) in [
            Fault::Answer(503, "SlowDown"),
            Fault::Answer(500, "InternalError"),
            Fault::Answer(403, "ExpiredToken"),
            Fault::Answer(403, "RequestTimeTooSkewed"),
            Fault::Reset,
            Fault::CutOff,
            Fault::Hang,
        ].into_iter().enumerate() {
            let paths = [format!("/files/{at}-0"), format!("/files/{at}-1")];
            let links: Vec<_> = paths.iter().map(|path| files.tell(path, whole("image/png", &picture()))).collect();
            let id = finished(&app, &mika, &links).await;
            bucket.fail(fault);
            // Past the links' death, and past the deadline.
            for _ in 0..3 {
                app.worker.turn().await.expect("a turn");
                assert_eq!(app.state(&id).await, State::Storing, "{fault:?}");
                app.clock.advance_ms(40 * MINUTE);
            }
            for path in &paths {
                files.tell(path, headed("404 Not Found\r\ncontent-length: 0", b""));
            }
            bucket.heal();
            app.worker = restarted(&app).await;
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded, "{fault:?}");
            for path in &paths {
                assert_eq!(files.asked(&format!("GET {path}")), 1, "{fault:?}");
            }
            let told = mika.told(&id).await;
            assert_eq!(told["sha256"], json!([sha256(&picture()), sha256(&picture())]), "{fault:?}");
        }
        app.finish().await;
    }

    async fn rl_18_keys_that_expired_are_read_anew_once_and_what_waited_is_put_without_a_restart(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let keys = tempfile::NamedTempFile::new().expect("a file");
        Bucket::write_keys(keys.path());
        let mut app = fetching_from(app, &files).await;
        app.tools.store = bucket.store_with_keys_in(keys.path()).await;
        app.worker = Worker::new(app.tools.clone());
        let mika = app.sign_up("mika").await;
        let puts = || bucket.log().iter().filter(|(method, _)| *method == Method::PUT).count();
        let link = files.tell("/files/good", whole("image/png", &picture()));
        bucket.fail(Fault::Expired);
        let id = finished(&app, &mika, &[link]).await;
        for tries in 1..=2 {
            app.worker.turn().await.expect("a turn");
            assert_eq!((app.state(&id).await, puts()), (State::Storing, tries), "nobody has renewed them, so it is not repeated");
            app.clock.advance_ms(40 * MINUTE);
        }
        Bucket::renew_keys(keys.path());
        app.settle_all().await;
        assert_eq!((app.state(&id).await, files.asked("GET /files/good")), (State::Succeeded, 1));
        assert_eq!(puts(), 2 + 1 + 3, "refused once more, then the picture and its two thumbnails with the new keys");
        app.finish().await;
    }

    async fn rl_17_the_row_comes_after_the_object_and_another_go_puts_the_same_keys(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        let link = files.tell("/files/good", whole("image/png", &picture()));
        let id = finished(&app, &mika, &[link]).await;
        for puts in 0..3 {
            bucket.fail(Fault::After(puts));
            app.worker.turn().await.expect("a turn");
            app.clock.advance_ms(MINUTE);
            assert_eq!(app.count("select count(*) from output").await, 0, "no row after {puts} of three puts");
            let there = { bucket.heal(); app.tools.store.list(None).await.expect("a list").len() };
            assert_eq!(there, puts, "what was put is there");
        }
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        assert_eq!(app.tools.store.list(None).await.expect("a list").len(), 3);
        app.finish().await;
    }

    async fn rl_18_a_node_without_the_file_fetches_it_while_it_can_and_never_calls_it_lost_while_another_has_it(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let other = tempfile::tempdir().expect("a directory");
        let tools = Tools { spool: Spool::open(other.path().into(), Limits::DEFAULT).await.expect("a spool"), ..app.tools.clone() };
        let (other, mika) = (Worker::new(tools), app.sign_up("mika").await);
        let link = files.tell("/files/good", whole("image/png", &picture()));
        bucket.fail(Fault::Answer(503, "SlowDown"));
        let id = finished(&app, &mika, &[link]).await;
        app.worker.turn().await.expect("a turn");
        app.clock.advance_ms(2 * HOUR);
        files.tell("/files/good", headed("404 Not Found\r\ncontent-length: 0", b""));
        files.tell_output(&prediction_of(&app, &id).await, &json!(null));
        bucket.heal();
        other.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Storing, "it is in the other spool");
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);

        let link = files.tell("/files/alive", whole("image/png", &picture()));
        bucket.fail(Fault::Answer(503, "SlowDown"));
        let id = finished(&app, &mika, &[link]).await;
        app.worker.turn().await.expect("a turn");
        app.clock.advance_ms(MINUTE);
        bucket.heal();
        other.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Succeeded, "the link lives, so it need not wait for the first");
        assert_eq!(files.asked("GET /files/alive"), 2);
        app.worker.clear_spool().await.expect("the first node looks around");
        app.finish().await;
    }

    async fn rl_18_a_store_that_stays_away_longer_than_the_operator_is_patient_ends_with_every_credit_back(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        let link = files.tell("/files/good", whole("image/png", &picture()));
        bucket.fail(Fault::Answer(503, "SlowDown"));
        let id = finished(&app, &mika, &[link]).await;
        app.worker.turn().await.expect("a turn");
        app.clock.advance_ms(72 * HOUR);
        app.worker.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Storing, "72 hours after its links died, not before");
        app.clock.advance_ms(HOUR);
        app.worker.turn().await.expect("a turn");
        assert_eq!(failure_of(&app, &id).await.as_deref(), Some("internal"));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn rl_18_a_full_spool_fetches_nothing_that_the_store_does_not_take_and_begins_nothing_new(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let length = picture().len() as u64;
        let app = storing_in(fetching_with(app, &files, Limits { bytes: length, ..Limits::DEFAULT }).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        let link = |name: &str| files.tell(&format!("/files/{name}"), whole("image/png", &picture()));
        let (first, second) = (finished(&app, &mika, &[link("first")]).await, finished(&app, &mika, &[link("second")]).await);
        due_in(&app, &second, MINUTE).await;
        bucket.fail(Fault::Answer(503, "SlowDown"));
        app.worker.turn().await.expect("a turn");
        app.clock.advance_ms(MINUTE);
        let third = mika.trigger("a lighthouse").await;
        app.worker.turn().await.expect("a turn");
        assert_eq!((files.asked("GET /files/first"), files.asked("GET /files/second")), (1, 0));
        assert_eq!(app.state(&third).await, State::Queued, "nothing is bought that could not be kept");
        bucket.heal();
        app.clock.advance_ms(MINUTE);
        app.worker.turn().await.expect("a turn");
        app.clock.advance_ms(MINUTE);
        app.worker.turn().await.expect("a turn");
        assert_eq!((app.state(&first).await, app.state(&second).await), (State::Succeeded, State::Succeeded));
        app.finish().await;
    }

    async fn rl_20_what_was_damaged_in_the_spool_is_fetched_again_and_never_stored(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        let link = files.tell("/files/good", whole("image/png", &picture()));
        bucket.fail(Fault::Reset);
        let id = finished(&app, &mika, &[link]).await;
        app.worker.turn().await.expect("a turn");
        let folder = app.tools.spool.dir().join(id.as_str());
        let spooled = std::fs::read_dir(folder).expect("its folder").next().expect("its file").expect("an entry").path();
        let mut bytes = std::fs::read(&spooled).expect("its bytes");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&spooled, bytes).expect("a flipped bit");
        bucket.heal();
        app.settle_all().await;
        assert_eq!((app.state(&id).await, files.asked("GET /files/good")), (State::Succeeded, 2));
        assert_eq!(mika.told(&id).await["sha256"], json!([sha256(&picture())]));
        app.finish().await;
    }
}

#[tokio::test]
async fn rl_19_whatever_its_length_an_object_is_put_in_one_piece_so_that_none_is_left_unfinished() {
    let bucket = Bucket::start().await;
    let key = Key::output(&GenerationId::trusted("long"), 0, Extension::Png);
    // Longer than the least part of an upload in parts.
    bucket.store_within(store::Limits::DEFAULT).await.put_bytes(&key, vec![7; 6 * 1024 * 1024].into()).await.expect("a put");
    let [(method, uri)] = &bucket.log()[..] else { panic!("one request: {:?}", bucket.log()) };
    assert_eq!((method, uri.contains("upload") || uri.contains("partNumber")), (&Method::PUT, false), "{uri}");
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The app with a worker that keeps in this bucket.
async fn storing_in(mut app: TestApp, bucket: &Bucket) -> TestApp {
    app.tools.store = bucket.store().await;
    app.worker = Worker::new(app.tools.clone());
    app
}

/// The worker of a process that was started anew on the same machine.
async fn restarted(app: &TestApp) -> Worker {
    let spool = Spool::open(app.tools.spool.dir().to_owned(), *app.tools.spool.limits()).await.expect("a spool");
    Worker::new(Tools { spool, reach: Reach::default(), ..app.tools.clone() })
}
