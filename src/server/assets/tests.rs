//! What browsers are promised about the site's files, over HTTP.

use std::sync::Mutex;

use axum::http::{Method, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

const SCRIPT: &[u8] = b"export default 1;";
const SMALL: &[u8] = b"(brotli)";
const LESS_SMALL: &[u8] = b"(gzipped)";

fn content(bytes: &[u8]) -> Content {
    Content { bytes: Cow::Owned(bytes.to_vec()), hash: Sha256::digest(bytes).into() }
}

fn site(files: &[(&str, &[u8])]) -> Assets {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    let names: Vec<String> = files.keys().cloned().collect();
    Assets::from_source(names.into_iter(), move |name| files.get(name).map(|bytes| content(bytes)))
}

fn sample() -> Assets {
    site(&[
        ("pkg/atelier.js", SCRIPT),
        ("pkg/atelier.js.br", SMALL),
        ("pkg/atelier.js.gz", LESS_SMALL),
        ("pkg/atelier.wasm", b"\0asm"),
        ("pkg/snippets/a-1/inline0.js", b"export {}"),
        ("fonts/sans.woff2", b"wOF2"),
        ("favicon.svg", b"<svg/>"),
    ])
}

async fn ask(assets: &Assets, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> (Response<Body>, Bytes) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = assets.router().oneshot(request).await.expect("the router does not fail");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body in memory").to_bytes();
    (Response::from_parts(parts, Body::empty()), bytes)
}

async fn fetch(assets: &Assets, path: &str, headers: &[(HeaderName, &str)]) -> (Response<Body>, Bytes) {
    ask(assets, Method::GET, path, headers).await
}

fn header_of(response: &Response<Body>, name: impl header::AsHeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("an ASCII header"))
}

#[tokio::test]
async fn a_file_of_this_build_may_be_kept_for_ever() {
    let assets = sample();
    let (response, body) = fetch(&assets, &format!("{}/atelier.js", assets.base()), &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body, SCRIPT);
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
    assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
    assert_eq!(header_of(&response, header::CONTENT_ENCODING), "");
}

#[tokio::test]
async fn bundled_files_snippets_and_fonts_share_one_address_space() {
    let assets = sample();
    for (path, kind) in [
        ("atelier.wasm", "application/wasm"),
        ("snippets/a-1/inline0.js", "text/javascript; charset=utf-8"),
        ("fonts/sans.woff2", "font/woff2"),
    ] {
        let (response, _) = fetch(&assets, &format!("{}/{path}", assets.base()), &[]).await;
        assert_eq!((response.status(), header_of(&response, header::CONTENT_TYPE)), (StatusCode::OK, kind), "{path}");
    }
}

#[tokio::test]
async fn the_smallest_form_that_the_browser_understands_is_sent() {
    let assets = sample();
    let path = format!("{}/atelier.js", assets.base());
    for (accepted, encoding, expected) in [
        ("gzip, deflate, br, zstd", "br", SMALL),
        ("gzip;q=1.0, br;q=0", "gzip", LESS_SMALL),
        ("GZIP", "gzip", LESS_SMALL),
        ("*", "br", SMALL),
        ("*;q=0", "", SCRIPT),
        ("identity", "", SCRIPT),
        ("", "", SCRIPT),
    ] {
        let (response, body) = fetch(&assets, &path, &[(header::ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(header_of(&response, header::CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(body, expected, "{accepted}");
        assert_eq!(header_of(&response, header::VARY), "accept-encoding", "{accepted}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/javascript; charset=utf-8", "{accepted}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_file_is_not_sent_it_again() {
    let assets = sample();
    let path = format!("{}/atelier.js", assets.base());
    let (first, _) = fetch(&assets, &path, &[]).await;
    let etag = header_of(&first, header::ETAG).to_owned();

    for sent in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let (response, body) = fetch(&assets, &path, &[(header::IF_NONE_MATCH, &sent)]).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{sent}");
        assert!(body.is_empty(), "{sent}");
        assert_eq!(header_of(&response, header::ETAG), etag, "{sent}");
    }
    let (response, _) = fetch(&assets, &path, &[(header::IF_NONE_MATCH, "\"other\"")]).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn each_encoding_has_its_own_tag() {
    let assets = sample();
    let path = format!("{}/atelier.js", assets.base());
    let (plain, _) = fetch(&assets, &path, &[]).await;
    let (brotli, _) = fetch(&assets, &path, &[(header::ACCEPT_ENCODING, "br")]).await;
    assert_ne!(header_of(&plain, header::ETAG), header_of(&brotli, header::ETAG));
}

#[tokio::test]
async fn a_tab_from_before_a_deploy_gets_todays_file_and_does_not_keep_it() {
    let assets = sample();
    let (response, body) = fetch(&assets, "/assets/000000000000/atelier.js", &[]).await;
    assert_eq!((response.status(), body), (StatusCode::OK, Bytes::from_static(SCRIPT)));
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "no-cache");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let assets = sample();
    for path in ["nothing.js", "atelier.js/", "../Cargo.toml", "%2e%2e/Cargo.toml", "pkg/../atelier.js", "/etc/passwd"] {
        let (response, body) = fetch(&assets, &format!("{}/{path}", assets.base()), &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(body.is_empty(), "{path}");
    }
    let (response, _) = fetch(&assets, "/robots.txt", &[]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND, "a root file that was not built");
}

#[tokio::test]
async fn root_files_are_kept_for_an_hour() {
    let (response, body) = fetch(&sample(), "/favicon.svg", &[]).await;
    assert_eq!((response.status(), body), (StatusCode::OK, Bytes::from_static(b"<svg/>")));
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "public, max-age=3600");
    assert_eq!(header_of(&response, header::CONTENT_TYPE), "image/svg+xml");
}

#[tokio::test]
async fn head_says_what_get_would_send() {
    let assets = sample();
    let path = format!("{}/atelier.js", assets.base());
    let (response, body) = ask(&assets, Method::HEAD, &path, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header_of(&response, header::CONTENT_LENGTH), SCRIPT.len().to_string());
    assert!(body.is_empty());
}

#[test]
fn the_build_changes_with_a_name_or_a_content_and_with_nothing_else() {
    let base = site(&[("a", b"1"), ("b", b"2")]);
    assert_eq!(base.base(), site(&[("b", b"2"), ("a", b"1")]).base());
    assert_ne!(base.base(), site(&[("a", b"1"), ("c", b"2")]).base());
    assert_ne!(base.base(), site(&[("a", b"1"), ("b", b"3")]).base());
    assert_eq!(base.base().len(), "/assets/".len() + 12);
}

#[tokio::test]
async fn a_file_that_changed_on_disk_is_sent_but_not_kept() {
    let file = Arc::new(Mutex::new(SCRIPT.to_vec()));
    let disk = Arc::clone(&file);
    let assets = Assets::from_source(["pkg/atelier.js".to_owned()].into_iter(), move |_| {
        Some(content(&disk.lock().expect("no test panics with the lock")))
    });
    *file.lock().expect("no test panics with the lock") = b"export default 2;".to_vec();
    let (response, body) = fetch(&assets, &format!("{}/atelier.js", assets.base()), &[]).await;
    assert_eq!(body, &b"export default 2;"[..]);
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "no-cache");
}

#[test]
fn loading_the_real_site_twice_gives_one_build() {
    assert_eq!(Assets::load().base(), Assets::load().base());
}
