//! The files API: what a caller uploads to use it as an input.

use super::{Answered, origin, pages};
use crate::server::protocol::Problem;
use crate::server::sandbox::{
    Sandbox, run_blocking,
    uploads::{LARGEST, Label, OWNER},
};
use axum::{
    Json,
    body::Body,
    extract::{Multipart, Path, Query, State, multipart::Field},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Read;

/// Files in a page of the list.
const PAGE: usize = 100;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;
/// The largest of the other parts, in bytes.
const LARGEST_WORD: usize = 64 * 1_024;

pub(super) async fn create(State(sandbox): State<Sandbox>, headers: HeaderMap, mut form: Multipart) -> Answered {
    let (mut content, mut name, mut content_type, mut metadata) = (None, None, None, None);
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        match field.name() {
            Some("content") => {
                name = name.or_else(|| field.file_name().map(ToOwned::to_owned));
                content_type = content_type.or_else(|| field.content_type().map(ToOwned::to_owned));
                content = Some(received(field, LARGEST).await?);
            }
            // What is said for itself goes before what is said along with the content.
            Some("filename") => name = Some(word(field).await?),
            Some("type") => content_type = Some(word(field).await?),
            Some("metadata") => metadata = Some(word(field).await?),
            _ => drop(received(field, LARGEST_WORD).await?),
        }
    }
    let content = content.ok_or_else(|| Problem::unreadable("content is required"))?;
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| Problem::unreadable("filename is required"))?;
    if name.len() > LONGEST_NAME {
        return Err(Problem::unreadable("filename must be 255 bytes or less"));
    }
    let metadata = metadata.map_or(Ok(json!({})), |text| serde_json::from_str(&text));
    let metadata: Value = metadata.map_err(|_| Problem::unreadable("metadata must be valid JSON"))?;
    let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let (label, now) = (Label { name, content_type, metadata }, sandbox.now());
    let upload = run_blocking(move || sandbox.0.uploads.keep(&content, label, now)).await?;
    Ok((StatusCode::CREATED, Json(upload.told(&origin(&headers)))).into_response())
}

/// All of a part that is not larger than `most`. What is too much is read all the same, up to twice as much: a caller who
/// is still sending does not hear the answer.
async fn received(mut field: Field<'_>, most: usize) -> Result<Vec<u8>, Problem> {
    let (mut content, mut length) = (Vec::new(), 0_usize);
    while let Some(chunk) = field.chunk().await.map_err(|_| unreadable())? {
        length = length.saturating_add(chunk.len());
        if length > most.saturating_mul(2) {
            break;
        }
        if length <= most {
            content.extend_from_slice(&chunk);
        }
    }
    if length > most { Err(Problem::file_too_large()) } else { Ok(content) }
}

async fn word(field: Field<'_>) -> Result<String, Problem> {
    String::from_utf8(received(field, LARGEST_WORD).await?).map_err(|_| unreadable())
}

fn unreadable() -> Problem {
    Problem::unreadable("The body is not a valid form.")
}

#[derive(Deserialize)]
pub(super) struct Listed {
    cursor: Option<String>,
}

pub(super) async fn list(State(sandbox): State<Sandbox>, Query(asked): Query<Listed>, headers: HeaderMap) -> Answered {
    let origin = origin(&headers);
    let files: Vec<Value> = sandbox.0.uploads.list(sandbox.now()).iter().map(|upload| upload.told(&origin)).collect();
    Ok(Json(pages::page(&files, PAGE, asked.cursor.as_deref(), &format!("{origin}/v1/files"), &[])?).into_response())
}

pub(super) async fn one(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    Ok(Json(sandbox.0.uploads.find(&id, sandbox.now())?.told(&origin(&headers))))
}

pub(super) async fn delete(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let now = sandbox.now();
    run_blocking(move || sandbox.0.uploads.delete(&id, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Signed {
    owner: String,
    /// Unix time in seconds.
    expiry: i64,
    signature: String,
}

/// The content, to whoever has an address that was signed with the sandbox's secret and has not expired.
pub(super) async fn download(State(sandbox): State<Sandbox>, Path(id): Path<String>, Query(signed): Query<Signed>) -> Answered {
    let now = sandbox.now();
    let valid = signed.owner == OWNER && now.0 / 1_000 < signed.expiry;
    if !valid || !sandbox.0.uploads.is_signed(&id, signed.expiry, &signed.signature) {
        return Err(Problem::no_such_file());
    }
    let read = move || {
        let (_, mut file) = sandbox.0.uploads.open_file(&id, now).ok_or_else(Problem::no_such_file)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|_| Problem::internal())?;
        Ok(content)
    };
    let content = run_blocking(read).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from(content)).into_response())
}
