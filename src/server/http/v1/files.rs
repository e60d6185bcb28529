//! `/o/{sealed}/{file}`: kept files for whoever was given their address, as a program hands its output on. The seal in it
//! cannot be guessed from an id, opens the files of one generation, and never runs out. `/i/{sealed}/{file}`: a file that a
//! model is to work from, for as long as its run may take.

use super::V1;
use super::{Answered, away};
use crate::server::file;
use crate::server::generation::predictions;
use crate::server::http::media::{self, Shown};
use crate::server::protocol::Problem;
use crate::server::seal::Opens;
use crate::server::store::Key;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse;

/// Any cache may keep what whoever knows the address may have.
const KEEP: &str = "public, max-age=31536000, immutable";

/// A file to work from, for the machine that the model runs on.
pub(super) async fn input(State(v1): State<V1>, Path((sealed, name)): Path<(String, String)>, request: HeaderMap) -> Answered {
    let seal = v1.seals.get().await.map_err(|error| away(&error))?;
    let id = seal.open_file(&sealed, v1.app.clock.now()).ok_or_else(Problem::not_found)?;
    let file = file::sealed(&v1.app.db, &id).await.map_err(|error| away(&error))?.ok_or_else(Problem::not_found)?;
    let key = file.key().filter(|key| key.file_name() == name).ok_or_else(Problem::not_found)?;
    // Its own name stays here: it may say more than the picture does.
    let shown = Shown { etag: &file.sha256, name: &name, inline: false };
    Ok(match media::deliver(&v1.app, &key, &shown, &request).await {
        Ok(response) => response.into_response(),
        Err(trouble) => trouble.into_response(),
    })
}

pub(super) async fn show(State(v1): State<V1>, Path((sealed, file)): Path<(String, String)>, request: HeaderMap) -> Answered {
    let seal = v1.seals.get().await.map_err(|error| away(&error))?;
    let id = seal.open(Opens::Files, &sealed).ok_or_else(Problem::not_found)?;
    let name = file.strip_prefix("out-").ok_or_else(Problem::not_found)?;
    let place = name.split('.').next().and_then(|place| place.parse().ok()).ok_or_else(Problem::not_found)?;
    let known = predictions::file(&v1.app.db, &id, place).await.map_err(|error| away(&error))?;
    // The address names the file as it is kept, extension and all, or it is none.
    let key = Key::parse(&id, name).filter(|key| known.as_deref() == Some(key.as_str())).ok_or_else(Problem::not_found)?;
    let etag = format!("{id}-{name}");
    let shown = Shown { etag: &etag, name: &file, inline: true };
    let mut response = match media::deliver(&v1.app, &key, &shown, &request).await {
        Ok(response) => response,
        Err(trouble) => trouble.into_response(),
    };
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    if !failed {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    Ok(response)
}
