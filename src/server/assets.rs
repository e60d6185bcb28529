//! What a browser loads besides pages: scripts, WebAssembly, the stylesheet, fonts, pictures of the house.
//!
//! The files of `target/site` (see `scripts/build-site`) are inside a release binary and are read from disk by a debug
//! one. Their addresses carry the build, a hash over all names and contents, so that a browser may keep them for ever:
//! `/assets/{build}/atelier.wasm`. A tab that was opened before a deploy still gets the file of today by its old
//! address, but is told not to keep it. A file that is there as `.br` or `.gz` too is sent in the smallest form that the
//! browser understands.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Files that browsers and robots ask for at the root, under names that nobody can change.
const ROOT_FILES: [&str; 4] = ["favicon.ico", "favicon.svg", "robots.txt", "og.png"];

/// The name says what is inside, so that it never has to be asked for again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The name says nothing; the `ETag` makes asking again cheap.
const ASK_AGAIN: &str = "no-cache";
/// Root files change with a deploy, and nothing breaks when they are an hour old.
const AN_HOUR: &str = "public, max-age=3600";

type Hash = [u8; 32];

/// A file by its name, from the binary or from disk.
type Read = dyn Fn(&str) -> Option<Content> + Send + Sync;

#[derive(rust_embed::RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// The site's files and their build. Cloning is cheap.
#[derive(Clone)]
pub struct Assets(Arc<Inner>);

struct Inner {
    build: String,
    base: String,
    /// Every file as it was when the build was computed. A debug build reads files that may have changed since.
    known: BTreeMap<String, Hash>,
    read: Box<Read>,
}

struct Content {
    bytes: Cow<'static, [u8]>,
    hash: Hash,
}

impl Assets {
    /// Takes every file's hash; a debug build reads the files for it.
    pub fn load() -> Self {
        Self::from_source(Site::iter().map(Cow::into_owned), |name| {
            Site::get(name).map(|file| Content { hash: file.metadata.sha256_hash(), bytes: file.data })
        })
    }

    fn from_source(names: impl Iterator<Item = String>, read: impl Fn(&str) -> Option<Content> + Send + Sync + 'static) -> Self {
        let known: BTreeMap<String, Hash> = names.filter_map(|name| read(&name).map(|content| (name, content.hash))).collect();
        let build = build_of(&known);
        Self(Arc::new(Inner { base: format!("/assets/{build}"), build, known, read: Box::new(read) }))
    }

    /// Where pages find the files: `/assets/{build}`, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// `GET` and `HEAD` of `/assets/{build}/{*path}` and of the root files.
    pub fn router(&self) -> Router {
        let mut router = Router::new().route("/assets/{build}/{*path}", get(asset));
        for name in ROOT_FILES {
            let route =
                move |State(assets): State<Assets>, headers: HeaderMap| async move { assets.answer(name, AN_HOUR, &headers) };
            router = router.route(&format!("/{name}"), get(route));
        }
        router.with_state(self.clone())
    }

    /// What the bundler made lies in `pkg`, everything else at the site's root; addresses do not tell them apart.
    fn find(&self, path: &str) -> Option<String> {
        // `cargo leptos watch` names the stylesheet after the package.
        let watched = if path == "main.css" { "pkg/atelier.css" } else { "" };
        [format!("pkg/{path}"), path.to_owned(), watched.to_owned()].into_iter().find(|name| self.0.known.contains_key(name))
    }

    fn answer(&self, name: &str, keep: &'static str, request: &HeaderMap) -> Response<Body> {
        let Some((content, encoding)) = self.smallest(name, request) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let etag = format!("\"{}\"", hex::encode(&content.hash[..12]));
        let unchanged = has_etag(request, &etag);
        let body = if unchanged { Body::empty() } else { Body::from(into_bytes(content.bytes)) };

        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::ETAG, HeaderValue::try_from(etag).expect("quoted hexadecimal is a header value"));
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    /// The file in the smallest form that the request accepts, and the name of that form.
    fn smallest(&self, name: &str, request: &HeaderMap) -> Option<(Content, Option<&'static str>)> {
        [("br", "br"), ("gzip", "gz")]
            .into_iter()
            .filter(|(encoding, _)| accepts(request, encoding))
            .find_map(|(encoding, extension)| Some((self.read(&format!("{name}.{extension}"))?, Some(encoding))))
            .or_else(|| Some((self.read(name)?, None)))
    }

    /// Only known names are read: in a debug build they become paths.
    fn read(&self, name: &str) -> Option<Content> {
        self.0.known.contains_key(name).then(|| (self.0.read)(name)).flatten()
    }

    /// Whether the file is still the one that the build was computed from.
    fn is_as_built(&self, name: &str) -> bool {
        self.read(name).is_some_and(|content| self.0.known.get(name) == Some(&content.hash))
    }
}

async fn asset(State(assets): State<Assets>, Path((build, path)): Path<(String, String)>, headers: HeaderMap) -> Response<Body> {
    let Some(name) = assets.find(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let lasting = build == assets.0.build && assets.is_as_built(&name);
    assets.answer(&name, if lasting { FOR_EVER } else { ASK_AGAIN }, &headers)
}

/// Twelve hexadecimal digits over all names and contents.
fn build_of(files: &BTreeMap<String, Hash>) -> String {
    let mut hasher = Sha256::new();
    for (name, hash) in files {
        // A name holds no zero byte and a hash has one length: no two sets of files read the same.
        hasher.update(name);
        hasher.update([0]);
        hasher.update(hash);
    }
    hex::encode(&hasher.finalize()[..6])
}

fn into_bytes(content: Cow<'static, [u8]>) -> Bytes {
    match content {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// Whether `Accept-Encoding` names the encoding, or `*`, and not with a weight of zero (RFC 9110, 12.5.3).
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let mut any = false;
    for item in comma_separated(request, &header::ACCEPT_ENCODING) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()).unwrap_or(1.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case(encoding) => return weight > 0.0,
            "*" => any = weight > 0.0,
            _ => {}
        }
    }
    any
}

/// Whether `If-None-Match` names the tag. Compared weakly, as RFC 9110, 13.1.2 asks: a proxy may have weakened it.
fn has_etag(request: &HeaderMap, etag: &str) -> bool {
    comma_separated(request, &header::IF_NONE_MATCH).any(|item| item == "*" || item.trim_start_matches("W/") == etag)
}

fn comma_separated<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    request.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
