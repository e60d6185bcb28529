//! Keeping what was paid for: no file that is not whole ever counts as one, and none that arrived is lost because our own
//! store was away.

use crate::support::files::{Files, Reply, headed, whole};
use crate::support::s3::{Bucket, Fault};
use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use atelier::server::replicate::{Client, DownloadLimits};
use atelier::server::sandbox;
use atelier::server::store::{Extension, Key};
use atelier::server::worker::reach::Reach;
use atelier::server::worker::spool::{Limits, Spool};
use atelier::server::worker::{Tools, Worker};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Small, and short enough for a test to see the end of it.
const SHORT: Limits = Limits {
    download: DownloadLimits { bytes: 200_000, idle: Duration::from_millis(60), total: Duration::from_millis(300) },
    ..Limits::DEFAULT
};

both_databases! {
    async fn rl_16_no_file_that_is_not_a_whole_picture_ever_succeeds(app: TestApp) {
        let files = Files::start().await;
        let app = fetching_from(app, &files).await;
        let mika = app.sign_up("mika").await;
        let good = files.tell("/files/good", whole("image/png", &picture()));
        let id = finished(&app, &mika, &[good]).await;
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded, "the same picture, undisturbed");
        let mut bad = Vec::new();
        for (at, (name, reply)) in faults().into_iter().enumerate() {
            let id = finished(&app, &mika, &[files.tell(&format!("/files/bad-{at}"), reply)]).await;
            links_die_in(&app, &id, 5 * MINUTE).await;
            bad.push((name, id));
        }
        app.settle_all().await;
        for (name, id) in bad {
            let told = mika.told(&id).await;
            assert_eq!(told["status"], "failed", "{name}: {told}");
            assert_eq!(failure_of(&app, &id).await.as_deref(), Some("output_lost"), "{name}");
        }
        assert_eq!(app.count("select count(*) from output").await, 1, "only the good one");
        assert_eq!(app.balance(&app.person(&mika).await).await, (19, 0), "only the good one");
        app.finish().await;
    }

    async fn rl_16_a_fault_that_passes_costs_nothing_but_time(app: TestApp) {
        let files = Files::start().await;
        let app = fetching_from(app, &files).await;
        let mika = app.sign_up("mika").await;
        for (at, (name, reply)) in faults().into_iter().enumerate().filter(|(_, (name, _))| !name.starts_with("over the cap")) {
            let path = format!("/files/mended-{at}");
            let link = files.tell(&path, reply);
            let id = finished(&app, &mika, &[link]).await;
            app.worker.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Storing, "{name}: another go may do better");
            files.tell(&path, whole("image/png", &picture()));
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded, "{name}");
        }
        app.finish().await;
    }

    async fn rl_15_a_dead_link_is_replaced_by_a_fresh_one_and_a_deleted_output_is_given_back(app: TestApp) {
        let files = Files::start().await;
        let app = fetching_from(app, &files).await;
        let mika = app.sign_up("mika").await;
        let fresh = files.tell("/files/fresh", whole("image/png", &picture()));
        for status in ["403 Forbidden", "404 Not Found", "410 Gone"] {
            let dead = files.tell("/files/dead", headed(&format!("{status}\r\ncontent-length: 0"), b""));
            let id = finished(&app, &mika, std::slice::from_ref(&dead)).await;
            files.tell_output(&prediction_of(&app, &id).await, &json!([fresh]));
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded, "{status}");
            let id = finished(&app, &mika, &[dead]).await;
            files.tell_output(&prediction_of(&app, &id).await, &json!(null));
            app.settle_all().await;
            assert_eq!(failure_of(&app, &id).await.as_deref(), Some("output_lost"), "{status}");
        }
        assert_eq!(app.balance(&app.person(&mika).await).await, (17, 0));
        app.finish().await;
    }

    async fn rl_15_a_finished_picture_is_fetched_at_once_though_new_work_waits_for_every_slot(app: TestApp) {
        let files = Files::start().await;
        let mika = app.sign_up("mika").await;
        let link = files.tell("/files/good", whole("image/png", &picture()));
        let id = finished(&app, &mika, &[link]).await;
        due_in(&app, &id, HOUR).await;
        for at in 0..15 {
            mika.trigger(&format!("one more {at}")).await;
        }
        // A Replicate that never answers a create.
        let app = fetching_from(app, &files).await;
        let (worker, stop) = (app.worker.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let working = tokio::spawn(async move { worker.run(stopping).await });
        until("new work has all the slots it may have", async || files.asked("POST") == 4).await;
        due_in(&app, &id, 0).await;
        let began = Instant::now();
        until("the picture is kept", async || app.state(&id).await == State::Succeeded).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(files.asked("POST"), 4, "new work waits on");
        stop.cancel();
        files.release();
        working.await.expect("the worker stops");
        app.finish().await;
    }

    async fn rl_18_what_arrived_waits_in_the_spool_for_a_store_that_is_away_and_is_not_fetched_again(app: TestApp) {
        let (files, bucket) = (Files::start().await, Bucket::start().await);
        let app = storing_in(fetching_from(app, &files).await, &bucket).await;
        let mika = app.sign_up("mika").await;
        for (at, fault) in [
            Fault::Answer(503, "SlowDown"),
            Fault::Answer(500, "InternalError"),
            Fault::Answer(403, "ExpiredToken"),
            Fault::Answer(403, "RequestTimeTooSkewed"),
            Fault::Reset,
            Fault::Hang,
        ].into_iter().enumerate() {
            let paths = [format!("/files/{at}-0"), format!("/files/{at}-1")];
            let links: Vec<_> = paths.iter().map(|path| files.tell(path, whole("image/png", &picture()))).collect();
            let id = finished(&app, &mika, &links).await;
            bucket.fail(fault);
            // Past the links' death, and past the deadline.
            for _ in 0..5 {
                app.worker.turn().await.expect("a turn");
                assert_eq!(app.state(&id).await, State::Storing, "{fault:?}");
                app.clock.advance_ms(20 * MINUTE);
            }
            for path in &paths {
                files.tell(path, headed("404 Not Found\r\ncontent-length: 0", b""));
            }
            bucket.heal();
            restarted(&app).await.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Succeeded, "{fault:?}");
            for path in &paths {
                assert_eq!(files.asked(&format!("GET {path}")), 1, "{fault:?}");
            }
            let told = mika.told(&id).await;
            assert_eq!(told["sha256"], json!([sha256(&picture()), sha256(&picture())]), "{fault:?}");
        }
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
        let tools = Tools { spool: Spool::open(other.path().into(), SHORT).await.expect("a spool"), ..app.tools.clone() };
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
        let app = storing_in(fetching_with(app, &files, Limits { bytes: length, ..SHORT }).await, &bucket).await;
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

    async fn cr_12_of_four_with_one_cut_off_three_are_kept_and_paid_and_the_page_says_so(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger_with(&json!({"prompt": "#onebad", "count": 4})).await;
        app.settle_all().await;
        assert_eq!(mika.told(&id).await["urls"].as_array().map(Vec::len), Some(3));
        assert_eq!(app.balance(&app.person(&mika).await).await, (17, 0));
        let page = mika.get(&format!("/g/{id}")).await.text();
        assert!(page.contains("3 of 4 kept; 1 credit returned"), "{page}");
        let partial = mika.trigger_with(&json!({"prompt": "#partial", "count": 4})).await;
        app.settle_all().await;
        let page = mika.send(mika.bare(Method::GET, &format!("/g/{partial}")).header("accept-language", "ja")).await.text();
        assert!(page.contains("4枚中3枚を保存、1クレジット返却済み"), "{page}");
        app.finish().await;
    }
}

#[tokio::test]
async fn rl_19_whatever_its_length_an_object_is_put_in_one_piece_so_that_none_is_left_unfinished() {
    let bucket = Bucket::start().await;
    let key = Key::output(&GenerationId::trusted("long"), 0, Extension::Png);
    // Longer than the least part of an upload in parts.
    bucket.store().await.put_bytes(&key, vec![7; 6 * 1024 * 1024].into()).await.expect("a put");
    let [(method, uri)] = &bucket.log()[..] else { panic!("one request: {:?}", bucket.log()) };
    assert_eq!((method, uri.contains("upload") || uri.contains("partNumber")), (&Method::PUT, false), "{uri}");
}

/// Everything that a host of files may do wrong.
fn faults() -> Vec<(&'static str, Reply)> {
    let picture = picture();
    let half = picture[..picture.len() / 2].to_vec();
    let announced = |length: usize| format!("200 OK\r\ncontent-type: image/png\r\ncontent-length: {length}");
    let open = |head: &str, body: &[u8]| [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat();
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
    let chunked = "200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked";
    let mut flipped = picture.clone();
    flipped[picture.len() / 2] ^= 0xff;
    let film = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom".repeat(50);
    vec![
        ("slow for ever", Reply::Dribble(open(&announced(150_000), &half))),
        ("silent after half", Reply::Stuck(open(&announced(picture.len()), &half))),
        ("silent from the start", Reply::Stuck(Vec::new())),
        ("shorter than announced", headed(&announced(picture.len()), &half)),
        ("chunks without an end", headed(chunked, &chunk(&picture))),
        ("cut off where the end of the connection is the end of the file", headed("200 OK\r\ncontent-type: image/png", &half)),
        ("an error page with 200", whole("text/html", b"<!doctype html><title>Error</title><h1>Try again later</h1>")),
        ("an error page that says it is a picture", whole("image/png", b"<!doctype html><title>Error</title>")),
        ("empty", whole("image/png", b"")),
        ("over the cap as announced", headed(&announced(1_000_000), &half)),
        ("over the cap unannounced", headed(chunked, &chunk(&vec![7; 250_000]))),
        ("packed", headed(&format!("{}\r\ncontent-encoding: gzip", announced(gzip(&picture).len())), &gzip(&picture))),
        ("another type", whole("image/png", &film)),
        ("half a picture with the right length", whole("image/png", &half)),
        ("a flipped byte", whole("image/png", &flipped)),
        ("a server in trouble", headed("503 Service Unavailable\r\ncontent-length: 0", b"")),
    ]
}

/// A picture that compresses badly, so that its middle is its pixels.
fn picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 64 * 3_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&pixels, 64, 64, ExtendedColorType::Rgb8).expect("a picture");
    png
}

/// Packed, though not made smaller: whoever unpacks it has the picture.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("one block");
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    let (size, sum) = (u32::from(length).to_le_bytes(), (!crc).to_le_bytes());
    [&head[..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &sum, &size].concat()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The app with a worker that asks this host instead of the sandbox.
async fn fetching_from(app: TestApp, files: &Files) -> TestApp {
    fetching_with(app, files, SHORT).await
}

async fn fetching_with(mut app: TestApp, files: &Files, limits: Limits) -> TestApp {
    app.tools.replicate = Client::new(files.origin(), SecretString::from(sandbox::TOKEN)).expect("a client");
    app.tools.spool = Spool::open(app.tools.spool.dir().to_owned(), limits).await.expect("a spool");
    app.worker = Worker::new(app.tools.clone());
    app
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

/// A generation whose run has just succeeded with these links. The sandbox did not take part.
async fn finished(app: &TestApp, browser: &Browser, links: &[String]) -> GenerationId {
    let id = browser.trigger_with(&json!({"prompt": "a lighthouse", "count": links.len()})).await;
    let mut tx = app.db().begin().await.expect("a transaction");
    sqlx::query(
        "update generation set state = 'storing', prediction_id = $2, prediction_output = $3, output_until = $4, run_at = $5 where id = $1",
    )
    .bind(id.as_str())
    .bind(format!("p{}", id.as_str().replace('-', "")))
    .bind(json!(links).to_string())
    .bind(app.clock.now().plus_ms(55 * MINUTE).0)
    .bind(app.clock.now().0)
    .execute(tx.connection())
    .await
    .expect("the row");
    tx.commit().await.expect("a commit");
    id
}

async fn due_in(app: &TestApp, id: &GenerationId, in_ms: i64) {
    let mut tx = app.db().begin().await.expect("a transaction");
    let due =
        sqlx::query("update generation set run_at = $2 where id = $1").bind(id.as_str()).bind(app.clock.now().plus_ms(in_ms).0);
    due.execute(tx.connection()).await.expect("the row");
    tx.commit().await.expect("a commit");
}

async fn links_die_in(app: &TestApp, id: &GenerationId, in_ms: i64) {
    let mut tx = app.db().begin().await.expect("a transaction");
    let dead = sqlx::query("update generation set output_until = $2 where id = $1");
    dead.bind(id.as_str()).bind(app.clock.now().plus_ms(in_ms).0).execute(tx.connection()).await.expect("the row");
    tx.commit().await.expect("a commit");
}

async fn prediction_of(app: &TestApp, id: &GenerationId) -> String {
    let row = sqlx::query_as("select prediction_id from generation where id = $1").bind(id.as_str());
    let (prediction,): (String,) = row.fetch_one(app.db().pool()).await.expect("the row");
    prediction
}

async fn failure_of(app: &TestApp, id: &GenerationId) -> Option<String> {
    let row = sqlx::query_as("select failure from generation where id = $1").bind(id.as_str());
    let (failure,): (Option<String>,) = row.fetch_one(app.db().pool()).await.expect("the row");
    failure
}

/// Looks until it is so; what is looked at happens in other tasks.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looks).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}
