//! A kept picture as another kind of file, made when it is asked for. The original is only read; copies are not kept.
//!
//! Unpacking a picture takes memory and time, so that only a few are at it at once, and none on a thread that serves others.

use super::{Shown, away, disposition, insert, short};
use crate::domain::{GenerationId, Mark, PersonId, SaveAs};
use crate::server::App;
use crate::server::generation::receipt;
use crate::server::http::trouble::Trouble;
use crate::server::picture::{self, Kind, Problem, Story};
use crate::server::store::{Extension, Key};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::Semaphore;

/// How many are made at once.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Answers with a copy of a picture to be saved.
pub(super) async fn copy(
    app: &App,
    owner: &PersonId,
    id: &GenerationId,
    key: &Key,
    kind: SaveAs,
    mark: Mark,
) -> Result<Response<Body>, Trouble> {
    let into = match kind {
        SaveAs::Png => Kind::Png,
        SaveAs::Jpeg => Kind::Jpeg,
        SaveAs::Webp => Kind::Webp,
        SaveAs::Original => return Err(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY)),
    };
    if !matches!(key.extension(), Extension::Png | Extension::Jpg | Extension::Webp | Extension::Gif) {
        return Err(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let receipt = receipt::receipt(&app.db, owner, id).await?.ok_or(Trouble::NOT_FOUND)?;
    let (prompt, seed) = (receipt.generation.prompt, receipt.generation.seed);
    let model = match &receipt.version {
        Some(version) => format!("{}@{version}", receipt.generation.model),
        None => receipt.generation.model.to_string(),
    };
    let _place = PLACES.acquire().await.map_err(|error| Trouble::internal(&error))?;
    let bytes = app.store.get(key, None).await.map_err(away)?.bytes().await.map_err(away)?;
    let made = tokio::task::spawn_blocking(move || {
        let story = Story { prompt: &prompt, model: &model, seed };
        picture::convert(bytes.to_vec(), into).map(|copy| picture::marked(copy, mark, &story))
    });
    let copy = match made.await.map_err(|error| Trouble::internal(&error))? {
        Ok(copy) => copy,
        Err(Problem::TooLarge) => return Err(Trouble::status(StatusCode::UNPROCESSABLE_ENTITY)),
        Err(problem) => return Err(Trouble::internal(&problem)),
    };
    let stem = key.file_name().split('.').next().unwrap_or_default();
    let name = format!("atelier-{}-{stem}.{}", short(id), kind.as_str());
    let mut response = Response::new(Body::from(copy));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(into.content_type()));
    insert(headers, header::CONTENT_DISPOSITION, &disposition(&Shown { etag: "", name: &name, inline: false }));
    Ok(response)
}
