//! Fetching: at once, from a link that lives, and nothing but whole pictures.

use super::{HOUR, MINUTE, SHORT, due_in, failure_of, fetching_from, fetching_with, finished, picture, prediction_of};
use crate::support::files::{Files, Reply, headed, whole};
use crate::support::{TestApp, both_databases};
use atelier::domain::{GenerationId, State};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

both_databases! {
    async fn rl_16_no_file_that_is_not_a_whole_picture_ever_succeeds(app: TestApp) {
        let files = Files::start().await;
        let app = fetching_with(app, &files, SHORT).await;
        let mika = app.sign_up("mika").await;
        let good = files.tell("/files/good", whole("image/png", &picture()));
        let id = finished(&app, &mika, &[good]).await;
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded, "the same picture, undisturbed");
        let mut bad = Vec::new();
        for (at, (name, reply)) in faults().into_iter().enumerate() {
            let id = finished(&app, &mika, &[files.tell(&format!("/files/bad-{at}"), reply)]).await;
            links_die_in(&app, &id, MINUTE).await;
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
        let app = fetching_with(app, &files, SHORT).await;
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

async fn links_die_in(app: &TestApp, id: &GenerationId, in_ms: i64) {
    let mut tx = app.db().begin().await.expect("a transaction");
    let dead = sqlx::query("update generation set output_until = $2 where id = $1");
    dead.bind(id.as_str()).bind(app.clock.now().plus_ms(in_ms).0).execute(tx.connection()).await.expect("the row");
    tx.commit().await.expect("a commit");
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
