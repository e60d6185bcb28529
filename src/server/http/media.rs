//! Kept files, for their owner only. An address never changes and never expires; what it holds never changes either, so
//! a browser may keep it, but nobody on the way.

mod saved;

use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::domain::{GenerationId, Mark, PersonId, SaveAs};
use crate::server::App;
use crate::server::generation::views;
use crate::server::store::{self, ByteRange, Key};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;

/// For ever, but only in the browser of its owner.
const KEEP: &str = "private, max-age=31536000, immutable";

#[derive(Deserialize)]
pub(super) struct How {
    /// Given when the file is to be saved rather than shown.
    download: Option<String>,
    /// Another kind of file than it is kept as; see [`SaveAs`].
    r#as: Option<String>,
    /// What a copy says about itself; see [`Mark`].
    mark: Option<String>,
}

pub(super) async fn file(
    State(app): State<App>,
    person: SignedIn,
    Path((id, name)): Path<(String, String)>,
    Query(how): Query<How>,
    request: HeaderMap,
) -> Result<Response<Body>, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let (key, _) = owned(&app, &person.id, &id, &name).await?;
    let refused = || Trouble::status(StatusCode::UNPROCESSABLE_ENTITY);
    let kind = how.r#as.as_deref().map_or(Ok(SaveAs::Original), |word| SaveAs::parse(word).ok_or_else(refused))?;
    if kind != SaveAs::Original {
        let mark = how.mark.as_deref().map_or(Ok(Mark::default()), |word| Mark::parse(word).ok_or_else(refused))?;
        return saved::copy(&app, &person.id, &id, &key, kind, mark).await;
    }
    let etag = format!("{}-{name}", id.as_str());
    let name = format!("atelier-{}-{name}", short(&id));
    deliver(&app, &key, &Shown { etag: &etag, name: &name, inline: how.download.is_none() }, &request).await
}

/// The key of a kept file of this person by the last part of its address, thumbnail or original, and its place. The one
/// question that everything answers to which hands out a file: whoever asks for somebody else, as a link does, names them.
pub(super) async fn owned(app: &App, owner: &PersonId, id: &GenerationId, name: &str) -> Result<(Key, i64), Trouble> {
    let key = Key::parse(id, name).ok_or(Trouble::NOT_FOUND)?;
    // Somebody else's file and no file at all are the same answer.
    let place = name.split('.').next().and_then(|place| place.parse().ok()).ok_or(Trouble::NOT_FOUND)?;
    let (original, _) = views::file(&app.db, owner, id, place).await?.ok_or(Trouble::NOT_FOUND)?;
    if !is_thumbnail(name) && original != key.as_str() {
        return Err(Trouble::NOT_FOUND);
    }
    Ok((key, place))
}

/// How a file is shown.
pub(super) struct Shown<'a> {
    /// Different for every content there is.
    pub etag: &'a str,
    /// What it is called when it is saved.
    pub name: &'a str,
    /// Whether a browser may show it rather than save it.
    pub inline: bool,
}

/// Answers with an object, in part when a part was asked for, and not at all when the browser has it. Whose it is must
/// have been asked before.
pub(super) async fn deliver(app: &App, key: &Key, shown: &Shown<'_>, request: &HeaderMap) -> Result<Response<Body>, Trouble> {
    let etag = format!("\"{}\"", shown.etag);
    if request.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, KEEP)]).into_response());
    }
    let range = request.get(header::RANGE).and_then(|range| range.to_str().ok()).and_then(ByteRange::parse);
    let object = app.store.get(key, range).await.map_err(away)?;
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(object.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.body_length()));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    insert(headers, header::ETAG, &etag);
    insert(headers, header::CONTENT_DISPOSITION, &disposition(shown));
    if let Some(part) = &object.range {
        insert(headers, header::CONTENT_RANGE, &format!("bytes {}-{}/{}", part.start, part.end - 1, object.length));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    *response.body_mut() = Body::from_stream(object.body);
    Ok(response)
}

/// A name of plain letters for every browser, and the true one for those that read RFC 6266.
pub(super) fn disposition(shown: &Shown<'_>) -> String {
    let how = if shown.inline { "inline" } else { "attachment" };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '_' };
    let simple: String = shown.name.chars().map(plain).collect();
    if simple == shown.name {
        return format!("{how}; filename=\"{simple}\"");
    }
    let escaped: String = shown.name.bytes().fold(String::new(), |escaped, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => escaped + char::from(byte).encode_utf8(&mut [0; 1]),
        other => escaped + &format!("%{other:02X}"),
    });
    format!("{how}; filename=\"{simple}\"; filename*=UTF-8''{escaped}")
}

fn is_thumbnail(name: &str) -> bool {
    name.ends_with(".small.webp") || name.ends_with(".large.webp")
}

/// The random end of an id, enough to tell files apart.
pub(super) fn short(id: &GenerationId) -> &str {
    id.as_str().rsplit('-').next().unwrap_or_default()
}

pub(super) fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub(super) fn away(error: store::Error) -> Trouble {
    match error {
        store::Error::NotFound => {
            tracing::error!("a file that is recorded is not in the store");
            Trouble::NOT_FOUND
        }
        store::Error::OutOfRange => Trouble::status(StatusCode::RANGE_NOT_SATISFIABLE),
        error => {
            tracing::error!(%error, "a file could not be read");
            Trouble::status(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
