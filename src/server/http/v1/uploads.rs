//! `/v1/files`: files that a program brings for its inputs. A file belongs to the key's owner, as those of the page do.

use super::told::{FileTold, FileUrls, Page};
use super::{Answered, Asking, away, origin};
use crate::domain::{FileId, FileProblem, Lang};
use crate::server::App;
use crate::server::file::kind::{self, Accepts};
use crate::server::file::{self, API_BYTES, File};
use crate::server::http::media::{self, Shown};
use crate::server::key::Bearer;
use crate::server::protocol::Problem;
use crate::text;
use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Files in a page of the list.
const PAGE: usize = 100;

/// Brings a file: the part `content` of a multipart body.
#[utoipa::path(post, path = "/v1/files", tag = "files", operation_id = "files.create",
    request_body(content = super::openapi::Upload, content_type = "multipart/form-data"),
    responses((status = 201, body = FileTold), (status = 413, body = super::openapi::ProblemTold)))]
pub(super) async fn create(State(app): State<App>, asking: Asking, form: Result<Multipart, MultipartRejection>) -> Answered {
    let form = form.map_err(|_| refused(FileProblem::Missing))?;
    let file = take(&app, &asking, form).await.map_err(|error| failed(&error))?;
    Ok((StatusCode::CREATED, Json(told(&app, &file))).into_response())
}

/// The part that is a file. `filename`, `type` and `metadata` beside it are read past: its bytes say what it is.
async fn take(app: &App, bearer: &Bearer, mut form: Multipart) -> Result<File, file::Error> {
    let missing = || file::Error::Refused(FileProblem::Missing);
    let _place = app.files.uploads.place(&bearer.owner)?;
    while let Some(part) = form.next_field().await.map_err(|_| missing())? {
        if part.name() == Some("content") {
            let name = part.file_name().unwrap_or_default().to_owned();
            let (arrival, arrived) = app.files.uploads.receive(part, API_BYTES).await?;
            return app.files.keep(&bearer.owner, &arrival, &arrived, &name, Accepts::Any, app.clock.now()).await;
        }
    }
    Err(missing())
}

#[derive(Deserialize)]
pub(super) struct Window {
    cursor: Option<String>,
}

/// The files of the key's owner, newest first.
#[utoipa::path(get, path = "/v1/files", tag = "files", operation_id = "files.list",
    params(("cursor" = Option<String>, Query, description = "From `next`")), responses((status = 200, body = Page<FileTold>)))]
pub(super) async fn list(State(app): State<App>, asking: Asking, Query(window): Query<Window>) -> Answered {
    let after = match &window.cursor {
        None => None,
        Some(cursor) => {
            let id = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|id| String::from_utf8(id).ok());
            Some(found(&app, &asking, &id.unwrap_or_default()).await?)
        }
    };
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut files = file::list(&app.db, &asking.owner, after.as_ref(), most).await.map_err(|error| away(&error))?;
    let more = files.len() > PAGE;
    files.truncate(PAGE);
    let last = files.last().filter(|_| more);
    let next = last.map(|file| format!("{}/v1/files?cursor={}", origin(&app), URL_SAFE_NO_PAD.encode(file.id.as_str())));
    let results = files.iter().map(|file| told(&app, file)).collect();
    Ok(Json(Page::<FileTold> { next, previous: None, results }).into_response())
}

/// What is known of one file.
#[utoipa::path(get, path = "/v1/files/{id}", tag = "files", operation_id = "files.get",
    params(("id" = String, Path)), responses((status = 200, body = FileTold), (status = 404, body = super::openapi::ProblemTold)))]
pub(super) async fn show(State(app): State<App>, asking: Asking, Path(id): Path<String>) -> Answered {
    Ok(Json(told(&app, &found(&app, &asking, &id).await?)).into_response())
}

/// The bytes of one file.
#[utoipa::path(get, path = "/v1/files/{id}/download", tag = "files", operation_id = "files.download",
    params(("id" = String, Path)), responses((status = 200, content_type = "application/octet-stream")))]
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
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = super::openapi::ProblemTold)))]
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
        FileProblem::TooLarge(100) => Problem::plain(StatusCode::PAYLOAD_TOO_LARGE, "Files must be less than 100MB in size"),
        FileProblem::TooLarge(_) | FileProblem::TooWide(_) => Problem::plain(StatusCode::PAYLOAD_TOO_LARGE, &detail),
        FileProblem::Gone => Problem::not_found(),
        FileProblem::TooMany(_) => Problem::plain(StatusCode::TOO_MANY_REQUESTS, &detail),
        FileProblem::InUse | FileProblem::Full => Problem::plain(StatusCode::CONFLICT, &detail),
        FileProblem::Missing => Problem::plain(StatusCode::BAD_REQUEST, "The request needs a part named content that is a file."),
        _ => Problem::plain(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    }
}
