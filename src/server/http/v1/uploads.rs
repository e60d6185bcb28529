//! `/v1/files`: files that a program brings for its inputs. A file belongs to the key's owner, as those of the page do.

use super::pages::{List, Turn};
use super::told::{FileTold, FileUrls, Page};
use super::{Answered, Asking, away, origin};
use crate::domain::{FileId, FileProblem, Lang};
use crate::server::App;
use crate::server::file::kind::{self, Accepts};
use crate::server::file::uploads::Arrival;
use crate::server::file::{self, API_BYTES, File};
use crate::server::http::media::{self, Shown};
use crate::server::key::Bearer;
use crate::server::protocol::Problem;
use crate::server::sink::Arrived;
use crate::text;
use axum::Json;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest text beside a file, in bytes.
const LONGEST_TEXT: usize = 4_096;
/// Files in a page of the list.
const PAGE: usize = 100;

/// Brings a file: the part `content` of a multipart body.
#[utoipa::path(post, path = "/v1/files", tag = "files", operation_id = "files.create",
    request_body(content = super::openapi::Upload, content_type = "multipart/form-data"),
    responses((status = 201, body = FileTold), (status = 400), (status = 409), (status = 413), (status = 422)))]
pub(super) async fn create(State(app): State<App>, asking: Asking, form: Result<Multipart, MultipartRejection>) -> Answered {
    let form = form.map_err(|_| refused(FileProblem::Missing))?;
    let Brought { arrival, arrived, name, metadata } = read(&app, &asking, form).await?;
    let kept = app.files.keep(&asking.owner, &arrival, &arrived, &name, Accepts::Any, app.clock.now()).await;
    let mut file = kept.map_err(|error| failed(&error))?;
    if let Some(metadata) = metadata {
        file::describe(&app.db, &file, &metadata).await.map_err(|error| away(&error))?;
        file.metadata = Some(metadata);
    }
    Ok((StatusCode::CREATED, Json(told(&app, &file))).into_response())
}

/// What a form brought.
struct Brought {
    arrival: Arrival,
    arrived: Arrived,
    name: String,
    metadata: Option<String>,
}

/// Reads the form. Its parts come in any order; `type` is read past, because the bytes of a file say what it is.
async fn read(app: &App, bearer: &Bearer, mut form: Multipart) -> Result<Brought, Problem> {
    let missing = || refused(FileProblem::Missing);
    let _place = app.files.uploads.place(&bearer.owner).map_err(|error| failed(&error))?;
    let (mut content, mut filename, mut metadata) = (None, None, None);
    while let Some(part) = form.next_field().await.map_err(|_| missing())? {
        match part.name() {
            Some("content") if content.is_none() => {
                let name = part.file_name().unwrap_or_default().to_owned();
                let received = app.files.uploads.receive(part, API_BYTES).await.map_err(|error| failed(&error))?;
                content = Some((received, name));
            }
            Some("filename") => filename = Some(short(part).await?),
            Some("metadata") => metadata = Some(short(part).await?),
            _ => {}
        }
    }
    let ((arrival, arrived), name) = content.ok_or_else(missing)?;
    let metadata = metadata.filter(|text| !text.is_empty()).map(|text| match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(said) => Ok(Value::Object(said).to_string()),
        Err(_) => Err(Problem::plain(StatusCode::BAD_REQUEST, "metadata must be a JSON object.")),
    });
    Ok(Brought {
        arrival,
        arrived,
        name: filename.filter(|name| !name.is_empty()).unwrap_or(name),
        metadata: metadata.transpose()?,
    })
}

/// A part that is a text.
async fn short(mut part: Field<'_>) -> Result<String, Problem> {
    let bad = |detail| Problem::plain(StatusCode::BAD_REQUEST, detail);
    let mut text = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|_| refused(FileProblem::Missing))? {
        text.extend_from_slice(&piece);
        if text.len() > LONGEST_TEXT {
            return Err(bad("filename and metadata may have 4096 bytes at most."));
        }
    }
    // PostgreSQL keeps no U+0000, not even one that JSON writes as an escape.
    let text = String::from_utf8(text).ok().filter(|text| !text.contains('\0') && !text.contains("\\u0000"));
    text.ok_or_else(|| bad("filename and metadata must be UTF-8 without U+0000."))
}

#[derive(Deserialize)]
pub(super) struct Window {
    cursor: Option<String>,
}

/// The files of the key's owner, newest first, 100 at a time.
#[utoipa::path(get, path = "/v1/files", tag = "files", operation_id = "files.list",
    params(("cursor" = Option<String>, Query, description = "From `next` or `previous`")),
    responses((status = 200, body = Page<FileTold>), (status = 404)))]
pub(super) async fn list(State(app): State<App>, asking: Asking, Query(window): Query<Window>) -> Answered {
    let turn = Turn::read(window.cursor.as_deref())?;
    let from = match turn.name() {
        None => None,
        Some(id) => Some(found(&app, &asking, id).await?),
    };
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let files = file::list(&app.db, &asking.owner, from.as_ref(), turn.is_back(), most).await;
    let mut files = files.map_err(|error| away(&error))?;
    let more = files.len() > PAGE;
    files.truncate(PAGE);
    if turn.is_back() {
        files.reverse();
    }
    let list = List { address: &format!("{}/v1/files", origin(&app)), kept: &[] };
    let page = list.page(&turn, &files, more, |file| file.id.to_string(), |file| told(&app, file));
    Ok(Json(page).into_response())
}

/// What is known of one file.
#[utoipa::path(get, path = "/v1/files/{id}", tag = "files", operation_id = "files.get",
    params(("id" = String, Path)), responses((status = 200, body = FileTold), (status = 404)))]
pub(super) async fn show(State(app): State<App>, asking: Asking, Path(id): Path<String>) -> Answered {
    Ok(Json(told(&app, &found(&app, &asking, &id).await?)).into_response())
}

/// The bytes of one file.
#[utoipa::path(get, path = "/v1/files/{id}/download", tag = "files", operation_id = "files.download",
    params(("id" = String, Path)), responses((status = 200, content_type = "*/*"), (status = 206, content_type = "*/*"), (status = 304), (status = 404), (status = 416)))]
pub(super) async fn download(State(app): State<App>, asking: Asking, Path(id): Path<String>, request: HeaderMap) -> Answered {
    let file = found(&app, &asking, &id).await?;
    let key = file.key().ok_or_else(Problem::not_found)?;
    let shown = Shown { etag: &file.sha256, name: &file.name, inline: kind::is_shown(key.extension()) };
    Ok(match media::deliver(&app, &key, &shown, &request).await {
        Ok(response) => response.into_response(),
        Err(trouble) => trouble.into_response(),
    })
}

/// Removes a file, unless a prediction that has not ended works from it.
#[utoipa::path(delete, path = "/v1/files/{id}", tag = "files", operation_id = "files.delete",
    params(("id" = String, Path)), responses((status = 204), (status = 404), (status = 409)))]
pub(super) async fn delete(State(app): State<App>, asking: Asking, Path(id): Path<String>) -> Answered {
    let file = found(&app, &asking, &id).await?;
    match file::delete(&app.db, &app.store, &asking.owner, &file.id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(failed(&error)),
    }
}

async fn found(app: &App, bearer: &Bearer, id: &str) -> Result<File, Problem> {
    let id = FileId::parse(id).ok_or_else(Problem::not_found)?;
    file::find(&app.db, &bearer.owner, &id).await.map_err(|error| away(&error))?.ok_or_else(Problem::not_found)
}

fn told(app: &App, file: &File) -> FileTold {
    FileTold::of(file, FileUrls { get: format!("{}/v1/files/{}", origin(app), file.id) })
}

fn failed(error: &file::Error) -> Problem {
    match error {
        file::Error::Refused(problem) => refused(*problem),
        file::Error::Database(error) => away(error),
        error => {
            tracing::error!(%error, "a file of a program could not be kept");
            Problem::of_status(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

fn refused(problem: FileProblem) -> Problem {
    let detail = (text::pages(Lang::En).picture.file)(problem);
    match problem {
        FileProblem::TooLarge(100) => Problem::file_too_large(),
        FileProblem::TooLarge(_) | FileProblem::TooWide(_) => Problem::plain(StatusCode::PAYLOAD_TOO_LARGE, &detail),
        FileProblem::Gone => Problem::not_found(),
        FileProblem::TooMany(_) => Problem::plain(StatusCode::TOO_MANY_REQUESTS, &detail),
        FileProblem::InUse | FileProblem::Full => Problem::plain(StatusCode::CONFLICT, &detail),
        FileProblem::Missing => Problem::plain(StatusCode::BAD_REQUEST, "The request needs a part named content that is a file."),
        _ => Problem::plain(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    }
}
