//! Files that people send us to work from: what is kept of them, whose they are, and how a model gets to read them.

use crate::support::files::{Files as Host, headed, whole};
use crate::support::{Answer, Browser, TestApp, both_databases};
use atelier::domain::{FileId, FileProblem, PersonId, Refusal, RequestKey, State, Timestamp};
use atelier::server::file::adopt::{self, adopt};
use atelier::server::file::kind::Accepts;
use atelier::server::file::resolve::{Copies, Sides, Unresolved, resolve};
use atelier::server::file::{self, Error};
use atelier::server::generation::{self, Source};
use atelier::server::model;
use atelier::server::replicate::Client;
use atelier::server::store::{Extension, Key};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// A model that works from a picture.
const EDITOR: &str = "black-forest-labs/flux-kontext-pro";
const FILES: &str = "/api/app/files";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// An id that nobody's file ever had.
const NOBODYS: &str = "00112233445566778899aabbccddeeff";

/// A picture of its own for every `seed`, which no format can pack into little.
fn picture(format: ImageFormat, width: u32, height: u32, seed: u32) -> Vec<u8> {
    let byte = |n: u32| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0];
    let pixels = RgbImage::from_fn(width, height, |x, y| {
        let n = (x ^ seed).wrapping_mul(7_919).wrapping_add(y.wrapping_mul(104_729) ^ seed);
        Rgb([byte(n), byte(n.wrapping_add(1)), byte(n.wrapping_add(2))])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels).write_to(&mut bytes, format).expect("an encoder");
    bytes.into_inner()
}

fn png(seed: u32) -> Vec<u8> {
    picture(ImageFormat::Png, 24, 16, seed)
}

/// As a telephone held upright writes it: turned by its note, with where it was taken, and a film behind its end.
fn from_a_telephone() -> Vec<u8> {
    let jpeg = picture(ImageFormat::Jpeg, 64, 32, 1);
    let note = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0 35.6586N 139.7454E";
    let length = u16::try_from(note.len() + 2).expect("a short note").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, note, &jpeg[2..], b"\0\0\0\x18ftypmp42 a film"].concat()
}

/// A moment of silence.
fn wav() -> Vec<u8> {
    let samples = [0; 800];
    let length = |bytes: usize| u32::try_from(bytes).expect("short").to_le_bytes();
    let format = [1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0];
    [b"RIFF", &length(36 + samples.len())[..], b"WAVEfmt ", &length(16), &format, b"data", &length(samples.len()), &samples]
        .concat()
}

fn form(name: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nnot a file\r\n\
         --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: image/png\r\n\r\n"
    );
    ("multipart/form-data; boundary=b".to_owned(), [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat())
}

async fn upload(browser: &Browser, path: &str, name: &str, bytes: &[u8]) -> Answer {
    let (content_type, body) = form(name, bytes);
    let request = browser.bare(Method::POST, path).header("sec-fetch-site", "same-origin").header("content-type", content_type);
    browser.send(request.body(body)).await
}

/// The id of a file that is taken.
async fn kept(browser: &Browser, bytes: &[u8]) -> FileId {
    let answer = upload(browser, FILES, "a.png", bytes).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    FileId::parse(answer.json()["id"].as_str().expect("an id")).expect("an id of ours")
}

async fn remove(browser: &Browser, id: &str) -> Answer {
    let request = browser.bare(Method::DELETE, &format!("{FILES}/{id}")).header("sec-fetch-site", "same-origin");
    browser.send(request).await
}

async fn in_store(app: &TestApp, id: &FileId, extension: Extension) -> bool {
    app.tools.store.head(&Key::file(id, extension)).await.expect("the store").is_some()
}

async fn adopted(
    app: &TestApp,
    person: &PersonId,
    input: &Value,
) -> Result<(Map<String, Value>, Vec<FileId>), (String, FileProblem)> {
    let mut input = input.as_object().expect("an object").clone();
    let origin = &app.process.app.config.public_url;
    let names = ["image", "images"];
    let ids = adopt(&app.process.app.files, origin, person, &mut input, &names, Accepts::Media, app.clock.now()).await;
    match ids {
        Ok(ids) => {
            assert_eq!(adopt::marked(&input, &names), ids);
            Ok((input, ids))
        }
        Err(adopt::Unadopted { name, error: Error::Refused(problem) }) => Err((name, problem)),
        Err(other) => panic!("{other}"),
    }
}

/// A Replicate that takes files: counts them, and says that they live until then.
async fn copying(lives_until: Option<&'static str>) -> (Client, Arc<AtomicUsize>) {
    let copies = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&copies);
    let take = move |body: axum::body::Bytes| {
        let n = counted.fetch_add(1, Ordering::SeqCst);
        assert!(body.windows(4).any(|word| word == b"IHDR"), "the picture is in it");
        let told = json!({"urls": {"get": format!("https://api.example/v1/files/{n}")}, "expires_at": lives_until});
        async move { Json(told) }
    };
    let router = Router::new().route("/v1/files", post(take)).layer(axum::extract::DefaultBodyLimit::disable());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Client::new(&url, SecretString::from("r8_test")).expect("a client"), copies)
}

/// Offers the model that works from a picture, at a price that everybody has several times.
async fn offer_editing(app: &TestApp) {
    model::stock(app.db(), app.clock.now()).await.expect("the default set");
    let cheap = sqlx::query("update model set unit_price = 1 where name = $1").bind(EDITOR).execute(app.db().pool()).await;
    assert_eq!(cheap.expect("the database").rows_affected(), 1);
}

/// Asks for a picture to be edited, as a page does.
async fn edit(browser: &Browser, image: &str, key: &str) -> Answer {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    edit_as(browser, "a lighthouse", image, &key).await
}

async fn edit_as(browser: &Browser, prompt: &str, image: &str, key: &str) -> Answer {
    let fields = [("request_key", key), ("model", EDITOR), ("prompt", prompt), ("input.input_image", image)];
    browser.press("/generate", &fields).await
}

/// The inputs that the Replicate was told.
async fn sent(app: &TestApp) -> Vec<Value> {
    let now = app.clock.now();
    let listed = app.tools.replicate.list(now.plus_ms(-DAY_MS), now.plus_ms(DAY_MS)).await.expect("a list");
    listed.into_iter().map(|prediction| prediction.input).collect()
}

both_databases! {
    async fn se_27_a_picture_is_kept_upright_and_without_what_its_camera_noted(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let sent = from_a_telephone();
        let answer = upload(&mika, FILES, "旅 の写真.jpeg", &sent).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let told = answer.json();
        assert_eq!((&told["width"], &told["height"], &told["content_type"]), (&json!(32), &json!(64), &json!("image/jpeg")));
        assert_eq!(told["name"], "旅 の写真.jpg");
        let shown = mika.get(told["url"].as_str().expect("an address")).await;
        assert_eq!((shown.status.as_u16(), shown.header("content-type")), (200, "image/jpeg"));
        assert_eq!(told["bytes"], shown.body.len());
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert!(shown.header("content-security-policy").contains("sandbox"));
        let disposition = shown.header("content-disposition");
        assert!(disposition.starts_with("inline; filename=\"") && disposition.ends_with("%E5%86%99%E7%9C%9F.jpg"), "{disposition}");
        for left_out in [&b"139.7454E"[..], b"Exif", b"a film"] {
            assert!(sent.windows(left_out.len()).any(|part| part == left_out));
            assert!(!shown.body.windows(left_out.len()).any(|part| part == left_out));
        }
        let again = image::load_from_memory(&shown.body).expect("a picture");
        assert_eq!((again.width(), again.height()), (32, 64));
        app.finish().await;
    }

    async fn se_30_somebody_elses_file_is_answered_like_one_that_never_was(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let id = kept(&mika, &png(1)).await;
        let path = |id: &str| format!("{FILES}/{id}");
        for accept in ["image/*", "application/json"] {
            let ask = |id: &str| noor.send(noor.bare(Method::GET, &path(id)).header("accept", accept));
            let (hers, nobodys) = (ask(id.as_str()).await, ask(NOBODYS).await);
            assert_eq!((hers.status.as_u16(), nobodys.status.as_u16()), (404, 404));
            let without_id = |answer: &Answer| answer.text().replace(answer.header("x-request-id"), "");
            assert_eq!(without_id(&hers), without_id(&nobodys));
        }
        assert_eq!((remove(&noor, id.as_str()).await.status.as_u16(), remove(&noor, NOBODYS).await.status.as_u16()), (404, 404));
        assert_eq!(app.visitor().get(&path(id.as_str())).await.status, 401);
        assert_eq!(remove(&app.visitor(), id.as_str()).await.status, 401);
        for bad in ["x", "..%2f..%2fatelier.db", "00112233445566778899AABBCCDDEEFF"] {
            assert_eq!(mika.get(&path(bad)).await.status, 404, "{bad}");
        }
        let forged = mika.bare(Method::DELETE, &path(id.as_str())).header("sec-fetch-site", "cross-site");
        assert_eq!(mika.send(forged).await.status, 403);
        assert_eq!(mika.get(&path(id.as_str())).await.status, 200, "it is still hers");
        assert!(in_store(&app, &id, Extension::Png).await);
        assert_eq!(remove(&mika, id.as_str()).await.status, 204);
        assert_eq!(mika.get(&path(id.as_str())).await.status, 404);
        assert!(!in_store(&app, &id, Extension::Png).await);
        app.finish().await;
    }

    async fn the_same_file_of_one_person_is_kept_once_and_of_another_once_more(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let first = kept(&mika, &png(1)).await;
        let bytes = png(1);
        let (one, other) = tokio::join!(kept(&mika, &bytes), kept(&mika, &bytes));
        assert_eq!((&one, &other), (&first, &first));
        assert_ne!(kept(&noor, &bytes).await, first);
        assert_ne!(kept(&mika, &png(2)).await, first);
        assert_eq!(app.count("select count(*) from file").await, 3);
        assert_eq!(app.tools.store.list(Some("files/")).await.expect("the store").iter().filter(|found| found.key.starts_with("files/")).count(), 3);
        let mikas = app.person(&mika).await;
        let listed = file::list(app.db(), &mikas, None, false, 1).await.expect("the database");
        let rest = file::list(app.db(), &mikas, listed.first(), false, 9).await.expect("the database");
        assert_eq!((listed.len(), rest.len()), (1, 1));
        app.finish().await;
    }

    async fn films_and_sounds_are_kept_as_they_came_and_read_in_parts(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let film = include_bytes!("../server/sandbox/clips/sea.mp4").to_vec();
        for (bytes, content_type, name) in [(film, "video/mp4", "a.mp4"), (wav(), "audio/wav", "a.wav")] {
            let told = upload(&mika, FILES, "a.png", &bytes).await.json();
            assert_eq!((&told["content_type"], &told["name"]), (&json!(content_type), &json!(name)));
            assert_eq!(told["width"].is_number(), name == "a.mp4", "{told}");
            let cut = upload(&mika, FILES, name, &bytes[..bytes.len() - 9]).await;
            assert_eq!((cut.status.as_u16(), &cut.json()["problem"]), (422, &json!("damaged")), "{name}");
            let path = told["url"].as_str().expect("an address").to_owned();
            assert_eq!(mika.get(&path).await.body, bytes);
            let part = mika.send(mika.bare(Method::GET, &path).header("range", "bytes=2-5")).await;
            assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, &bytes[2..6]));
        }
        let pdf = b"%PDF-1.7 pages";
        assert_eq!(upload(&mika, FILES, "a.pdf", pdf).await.status, 415, "only where any file is taken");
        let told = upload(&mika, "/api/app/files?accept=any", "a.pdf", pdf).await.json();
        let shown = mika.get(told["url"].as_str().expect("an address")).await;
        assert!(shown.header("content-disposition").starts_with("attachment"));
        app.finish().await;
    }

    async fn se_26_what_is_not_taken_is_said_in_a_sentence_and_nothing_of_it_stays(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let whole_png = png(1);
        let large = [whole_png.as_slice(), &vec![0; 25_000_001]].concat();
        // Its head promises twenty thousand pixels along each side.
        let mut bomb = whole_png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        for (name, bytes, status, problem) in [
            ("a.svg", &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..], 415, "type"),
            ("a.png", b"<!doctype html><script>alert(1)</script>", 415, "type"),
            ("a.png", b"MZ\x90\0 a program", 415, "type"),
            ("a.png", b"\x7fELF a program", 415, "type"),
            ("a.png", b"", 422, "empty"),
            ("a.png", &whole_png[..whole_png.len() - 20], 422, "damaged"),
            ("a.png", &bomb, 422, "damaged"),
        ] {
            let answer = upload(&mika, FILES, name, bytes).await;
            let said = answer.json();
            // A promise that its checksum breaks is damage; the limits themselves are the decoder's, and tested beside it.
            assert_eq!((answer.status.as_u16(), said["problem"].as_str()), (status, Some(problem)), "{problem}");
            assert!(said["error"].as_str().is_some_and(|sentence| sentence.len() > 20), "{said}");
        }
        for announced in [true, false] {
            let (content_type, body) = form("a.png", &large);
            let request = mika.bare(Method::POST, FILES).header("sec-fetch-site", "same-origin").header("content-type", content_type);
            let request = if announced {
                request.body(body)
            } else {
                request.body(reqwest::Body::wrap_stream(futures::stream::iter(body.chunks(60_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>())))
            };
            let answer = mika.send(request).await;
            assert_eq!(answer.status, 413, "{}", answer.text());
        }
        for (content_type, body) in [
            ("multipart/form-data", "no boundary"),
            ("multipart/form-data; boundary=b", "--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nno file\r\n--b--\r\n"),
            ("multipart/form-data; boundary=b", "--b\r\nbroken"),
            ("image/png", "no form"),
        ] {
            let request = mika.bare(Method::POST, FILES).header("sec-fetch-site", "same-origin").header("content-type", content_type);
            let answer = mika.send(request.body(body)).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["problem"]), (400, &json!("missing")), "{body}");
        }
        assert_eq!(app.count("select count(*) from file").await, 0);
        app.finish().await;
    }

    async fn se_24_what_a_request_names_becomes_files_of_ours_before_anything_is_stored(app: TestApp) {
        let (mika, host) = (app.sign_up("mika").await, Host::start().await);
        let person = app.person(&mika).await;
        let link = host.tell("/my%20cat.png?key=secret", whole("text/html", &png(1)));
        let written = format!("data:text/html;base64,{}", base64::prelude::BASE64_STANDARD.encode(png(2)));
        let own = kept(&mika, &png(3)).await;
        let generation = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let made = format!("{}/files/{generation}/0.webp", app.process.url);
        let input = json!({
            "prompt": link, "image": link,
            "images": [written, own.mark(), format!("{FILES}/{own}"), made, 7], "seed": 1,
        });
        let (stored, ids) = adopted(&app, &person, &input).await.expect("all can be had");
        assert_eq!(ids.len(), 4, "one of them is named twice");
        assert_eq!((&stored["prompt"], &stored["seed"], &stored["images"][4]), (&json!(link), &json!(1), &json!(7)));
        assert_eq!((&stored["images"][1], &stored["images"][2]), (&json!(own.mark()), &json!(own.mark())));
        let fetched = file::find(app.db(), &person, &ids[0]).await.expect("the database").expect("a file");
        assert_eq!((fetched.content_type.as_str(), fetched.width), ("image/png", Some(24)), "its bytes are asked, not its host");
        assert!(!Value::Object(stored).to_string().replace(&json!(link).to_string(), "").contains("secret"));
        app.finish().await;
    }

    async fn se_22_what_cannot_be_had_is_said_at_its_property(app: TestApp) {
        let (mika, noor, host) = (app.sign_up("mika").await, app.sign_up("noor").await, Host::start().await);
        let (person, hers) = (app.person(&noor).await, kept(&mika, &png(1)).await);
        let generation = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let page = host.tell("/page", whole("image/png", b"<!doctype html><script>"));
        let elsewhere = host.tell("/elsewhere", headed("302 Found\r\nlocation: /page\r\ncontent-length: 0", b""));
        for (value, problem) in [
            (hers.mark(), FileProblem::Gone),
            (format!("{FILES}/{hers}"), FileProblem::Gone),
            (format!("/files/{generation}/0.webp"), FileProblem::Gone),
            (FileId::trusted(NOBODYS).mark(), FileProblem::Gone),
            ("/create".to_owned(), FileProblem::Address),
            ("http://192.168.0.1/a.png".to_owned(), FileProblem::Address),
            ("https://169.254.169.254/latest/meta-data".to_owned(), FileProblem::Address),
            ("file:///etc/passwd".to_owned(), FileProblem::Address),
            (elsewhere, FileProblem::Unreachable),
            (host.origin().join("/nothing").expect("a link").into(), FileProblem::Unreachable),
            (page, FileProblem::Type),
            ("data:image/png;base64,???".to_owned(), FileProblem::Damaged),
            ("data:image/png;base64,".to_owned(), FileProblem::Empty),
        ] {
            let refused = adopted(&app, &person, &json!({"prompt": "a", "images": [value]})).await;
            assert_eq!(refused.err(), Some(("images".to_owned(), problem)), "{value}");
        }
        assert_eq!(app.count("select count(*) from file").await, 1);
        app.finish().await;
    }

    async fn a_large_file_can_be_linked_instead_and_the_link_dies_with_the_run(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (person, now) = (app.person(&mika).await, app.clock.now());
        let (small, large) = (kept(&mika, &png(1)).await, kept(&mika, &picture(ImageFormat::Png, 400, 300, 2)).await);
        let generation = mika.trigger("a lighthouse").await;
        let mut tx = app.db().begin().await.expect("a transaction");
        file::work_from(&mut tx, &person, &generation, &[small.clone(), large.clone()], now).await.expect("they are hers");
        tx.commit().await.expect("a commit");
        let origin: url::Url = app.process.url.parse().expect("an origin");
        let sides = Sides { db: app.db(), store: &app.tools.store };
        let stored = json!({"small": small.mark(), "large": large.mark()});
        let mut input = stored.clone();
        let until = now.plus_ms(60_000);
        resolve(sides, Copies::Linked(&origin, until), &generation, &mut input, now).await.expect("resolved");
        assert!(input["small"].as_str().is_some_and(|text| text.starts_with("data:")), "{input}");
        let link = input["large"].as_str().expect("a link").to_owned();
        let path = link.strip_prefix(&app.process.url).expect("an address of ours");
        let read = app.visitor().get(path).await;
        assert_eq!((read.status.as_u16(), &read.body), (200, &mika.get(&format!("{FILES}/{large}")).await.body));
        let mut again = stored.clone();
        resolve(sides, Copies::Known, &generation, &mut again, now).await.expect("resolved");
        assert_eq!(again["large"], link.as_str(), "it is known by what was sent");
        let name = path.rsplit('/').next().expect("a name");
        for other in [path.replace(name, "other.png"), path.replacen("/i/", "/o/", 1), path.replacen(large.as_str(), small.as_str(), 1)] {
            assert_eq!(app.visitor().get(&other).await.status, 404, "{other}");
        }
        app.clock.advance_ms(60_000 + 10 * 60_000);
        assert_eq!(app.visitor().get(path).await.status, 404, "the run is over");
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_small_file_is_written_into_the_input_and_a_large_one_copied_once_while_the_copy_lives(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (person, now) = (app.person(&mika).await, app.clock.now());
        let (small, large) = (kept(&mika, &png(1)).await, kept(&mika, &picture(ImageFormat::Png, 400, 300, 2)).await);
        let other = kept(&mika, &png(3)).await;
        let generation = mika.trigger("a lighthouse").await;
        let mut tx = app.db().begin().await.expect("a transaction");
        file::work_from(&mut tx, &person, &generation, &[small.clone(), large.clone()], now).await.expect("they are hers");
        tx.commit().await.expect("a commit");
        // The clock of these tests stands at 2026-09-21T14:13:20Z.
        let (replicate, copies) = copying(Some("2026-09-22T14:13:20Z")).await;
        let sides = Sides { db: app.db(), store: &app.tools.store };
        let stored = json!({"image": small.mark(), "deep": {"images": [large.mark(), "x"]}, "prompt": other.mark()});
        let once = async |now: Timestamp| {
            let mut input = stored.clone();
            let copies = Copies::Made(&replicate, now.plus_ms(60_000));
            resolve(sides, copies, &generation, &mut input, now).await.expect("resolved");
            input
        };
        let mut input = stored.clone();
        let refused = resolve(sides, Copies::Known, &generation, &mut input, now).await;
        assert!(matches!(&refused, Err(Unresolved::Gone(id)) if *id == large), "{refused:?}");
        let input = once(now).await;
        let written = input["image"].as_str().expect("a text").strip_prefix("data:image/png;base64,").expect("a data URL");
        let shown = mika.get(&format!("{FILES}/{small}")).await;
        assert_eq!(base64::prelude::BASE64_STANDARD.decode(written).expect("base64"), shown.body);
        assert_eq!(input["deep"]["images"], json!(["https://api.example/v1/files/0", "x"]));
        assert_eq!(input["prompt"], json!(other.mark()), "what it does not work from is a text as any other");
        let mut again = stored.clone();
        resolve(sides, Copies::Known, &generation, &mut again, now).await.expect("resolved");
        assert_eq!(again, input, "it is known by what was sent");
        assert_eq!(once(now.plus_ms(DAY_MS / 2)).await["deep"]["images"][0], "https://api.example/v1/files/0");
        assert_eq!(copies.load(Ordering::SeqCst), 1);
        let soon = now.plus_ms(DAY_MS - 60_000);
        assert_eq!(once(soon).await["deep"]["images"][0], "https://api.example/v1/files/1", "the first dies too soon");
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_24_a_model_is_told_of_the_file_and_never_of_the_address_that_somebody_gave(app: TestApp) {
        offer_editing(&app).await;
        let (mika, host) = (app.sign_up("mika").await, Host::start().await);
        let link = host.tell("/cat.png?key=secret", whole("image/png", &png(1)));
        let large = kept(&mika, &picture(ImageFormat::Png, 400, 300, 2)).await;
        for image in [link, large.mark()] {
            let pressed = edit(&mika, &image, &image).await;
            assert_eq!(pressed.status, 201, "{}", pressed.text());
        }
        assert_eq!(app.count("select count(*) from file_use").await, 2);
        let inputs: Vec<(String,)> = sqlx::query_as("select input from generation").fetch_all(app.db().pool()).await.expect("rows");
        assert!(inputs.iter().all(|(input,)| input.contains("atelier:file:") && !input.contains("secret")), "{inputs:?}");
        app.settle_all().await;
        assert_eq!(app.states().await, [State::Succeeded; 2]);
        let told: Vec<String> = sent(&app).await.iter().map(|input| input["input_image"].as_str().expect("a text").to_owned()).collect();
        assert!(told.iter().any(|told| told.starts_with("data:image/png;base64,")), "{told:?}");
        assert!(told.iter().any(|told| told.contains("/v1/files/")), "{told:?}");
        app.finish().await;
    }

    async fn a_file_that_cannot_be_had_is_said_at_its_control_and_costs_nothing(app: TestApp) {
        offer_editing(&app).await;
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let hers = kept(&noor, &png(1)).await;
        for (image, kind) in [(hers.mark(), "gone"), ("http://192.168.0.1/".to_owned(), "https"), ("https://127.0.0.1/".to_owned(), "https")] {
            let refused = edit(&mika, &image, "k").await;
            let said = refused.json();
            assert_eq!(refused.status, 422, "{said}");
            let at = said["violations"].as_str().expect("a text");
            assert!(at.contains("input_image") && (at.contains("no longer") || at.contains(kind)), "{at}");
        }
        // Whoever comes past the door finds the same rule behind it.
        let model = model::chosen(app.db(), EDITOR).await.expect("the database").expect("a model");
        for image in [hers.mark(), "https://example.com/a.png".to_owned()] {
            let key = RequestKey::parse("past-the-door").expect("a key");
            let input = json!({"prompt": "a", "input_image": image});
            let input = input.as_object().expect("an object");
            let person = app.person(&mika).await;
            let refused = generation::request_input(Source::Page, &app.process.app.desk, &person, &key, &model, input, app.clock.now()).await;
            assert!(matches!(refused, Err(generation::Error::Refused(Refusal::Input(_)))), "{refused:?}");
        }
        assert_eq!(app.count("select count(*) from generation").await, 0);
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn rl_07_a_lost_answer_is_found_by_what_the_file_became(app: TestApp) {
        offer_editing(&app).await;
        let mika = app.sign_up("mika").await;
        for (at, bytes) in [png(1), picture(ImageFormat::Png, 400, 300, 2)].iter().enumerate() {
            let id = kept(&mika, bytes).await;
            let key = format!("k{at}");
            assert_eq!(edit_as(&mika, "#lag #hookless", &id.mark(), &key).await.status, 201);
            app.settle_all().await;
            assert_eq!(app.bought(), at + 1, "it was found, and not bought again");
        }
        assert_eq!(app.states().await, [State::Succeeded; 2]);
        app.finish().await;
    }

    async fn while_the_store_is_away_nothing_is_bought_that_works_from_a_file_and_nothing_is_lost(app: TestApp) {
        offer_editing(&app).await;
        let mika = app.sign_up("mika").await;
        let id = kept(&mika, &png(1)).await;
        assert_eq!(edit(&mika, &id.mark(), "k").await.status, 201);
        app.take_store_away();
        for _ in 0..3 {
            app.worker.turn().await.expect("a turn");
            app.clock.advance_ms(10_000);
        }
        assert_eq!((app.states().await, app.bought()), (vec![State::Queued], 0));
        app.bring_store_back();
        app.settle_all().await;
        assert_eq!((app.states().await, app.bought()), (vec![State::Succeeded], 1));
        app.finish().await;
    }

    async fn a_file_stays_while_anything_works_from_it_and_goes_a_week_after_it_was_last_wanted(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let (person, noors) = (app.person(&mika).await, app.person(&noor).await);
        let (used, unused) = (kept(&mika, &png(1)).await, kept(&mika, &png(2)).await);
        let generation = mika.trigger("a lighthouse").await;
        let work_from = async |owner: &PersonId, ids: &[FileId]| {
            let mut tx = app.db().begin().await.expect("a transaction");
            file::work_from(&mut tx, owner, &generation, ids, app.clock.now()).await?;
            tx.commit().await.map_err(Error::from)
        };
        let refused = work_from(&noors, std::slice::from_ref(&used)).await;
        assert!(matches!(refused, Err(Error::Refused(FileProblem::Gone))), "{refused:?}");
        work_from(&person, &[used.clone(), used.clone()]).await.expect("it is hers");
        assert_eq!(remove(&mika, used.as_str()).await.status, 409, "something works from it");
        app.until(&generation, State::Succeeded).await;
        let sweep = || file::sweep(app.db(), &app.tools.store, app.clock.now());
        app.clock.advance_ms(6 * DAY_MS);
        assert_eq!(sweep().await.expect("the database"), 0);
        kept(&mika, &png(2)).await;
        app.clock.advance_ms(6 * DAY_MS);
        assert_eq!(sweep().await.expect("the database"), 0, "it was sent again");
        app.clock.advance_ms(DAY_MS);
        assert_eq!(sweep().await.expect("the database"), 1);
        assert!(!in_store(&app, &unused, Extension::Png).await && in_store(&app, &used, Extension::Png).await);
        file::delete(app.db(), &app.tools.store, &person, &used).await.expect("what was made of it is over");
        assert_eq!(app.count("select count(*) from file").await + app.count("select count(*) from file_use").await, 0);
        app.finish().await;
    }

    async fn an_object_without_a_row_is_known_for_what_it_is(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = kept(&mika, &png(1)).await;
        let (ours, stray) = (Key::file(&id, Extension::Png), Key::file(&FileId::trusted(NOBODYS), Extension::Png));
        let orphans = file::orphans(app.db(), &[ours.as_str(), stray.as_str(), "generations/x/0.png"]).await;
        assert_eq!(orphans.expect("the database"), [stray.as_str()]);
        app.finish().await;
    }
}
