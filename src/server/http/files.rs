//! A person's own files: sent by a page, shown to their owner, removed again.
//!
//! A file is written to disk as it comes, and looked at when it is all here. What is shown was never what somebody sent:
//! see [`crate::server::file`].

use super::media::{self, Shown};
use super::trouble::{Explained, Trouble};
use super::visitor::SignedIn;
use crate::domain::{FileId, FileProblem, Model, PersonId, Refusal};
use crate::server::App;
use crate::server::file::adopt::{Unadopted, adopt};
use crate::server::file::kind::{self, Accepts};
use crate::server::file::{self, File, PAGE_BYTES};
use crate::text;
use axum::Json;
use axum::body::Body;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
pub(super) struct What {
    /// `any` where the model's field takes any file.
    accept: Option<String>,
}

pub(super) async fn upload(
    State(app): State<App>,
    person: SignedIn,
    Query(what): Query<What>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response<Body>, Trouble> {
    let accepts = if what.accept.as_deref() == Some("any") { Accepts::Any } else { Accepts::Media };
    let taken = match form {
        Ok(form) => take(&app, &person, form, accepts).await,
        Err(_) => Err(file::Error::Refused(FileProblem::Missing)),
    };
    match taken {
        Ok(file) => Ok((StatusCode::CREATED, Json(told(&file))).into_response()),
        Err(error) => refused(error, &person),
    }
}

/// The first part of the form that is a file. What else is in it is passed over.
async fn take(app: &App, person: &SignedIn, mut form: Multipart, accepts: Accepts) -> Result<File, file::Error> {
    let missing = || file::Error::Refused(FileProblem::Missing);
    let _place = app.files.uploads.place(&person.id)?;
    while let Some(part) = form.next_field().await.map_err(|_| missing())? {
        if let Some(name) = part.file_name().map(str::to_owned) {
            let (arrival, arrived) = app.files.uploads.receive(part, PAGE_BYTES).await?;
            return app.files.keep(&person.id, &arrival, &arrived, &name, accepts, app.clock.now()).await;
        }
    }
    Err(missing())
}

pub(super) async fn show(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    request: HeaderMap,
) -> Result<Response<Body>, Trouble> {
    let file = found(&app, &person, &id).await?;
    let key = file.key().ok_or(Trouble::NOT_FOUND)?;
    // A browser shows pictures, films and sounds; anything else is for a program of its owner's choosing.
    let inline = kind::is_shown(key.extension());
    media::deliver(&app, &key, &Shown { etag: &file.sha256, name: &file.name, inline }, &request).await
}

pub(super) async fn remove(State(app): State<App>, person: SignedIn, Path(id): Path<String>) -> Result<Response<Body>, Trouble> {
    let file = found(&app, &person, &id).await?;
    match file::delete(&app.db, &app.store, &person.id, &file.id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(file::Error::Refused(FileProblem::Gone)) => Err(Trouble::NOT_FOUND),
        Err(error) => refused(error, &person),
    }
}

/// Somebody else's file and no file at all are the same answer.
async fn found(app: &App, person: &SignedIn, id: &str) -> Result<File, Trouble> {
    let id = FileId::parse(id).ok_or(Trouble::NOT_FOUND)?;
    file::find(&app.db, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)
}

fn told(file: &File) -> Value {
    json!({
        "id": file.id, "url": format!("/api/app/files/{}", file.id), "name": file.name, "content_type": file.content_type,
        "bytes": file.bytes, "width": file.width, "height": file.height,
    })
}

/// Makes files of ours out of what an input names for this model. A refusal is an answer, not a failure.
pub(super) async fn adopted(
    app: &App,
    owner: &PersonId,
    input: &mut Map<String, Value>,
    model: &Model,
) -> Result<Result<(), Refusal>, Trouble> {
    let (names, origin) = (model.file_names(), &app.config.public_url);
    match adopt(&app.files, origin, owner, input, &names, Accepts::Any, app.clock.now()).await {
        Ok(_) => Ok(Ok(())),
        Err(Unadopted { name, error: file::Error::Refused(problem) }) => Ok(Err(Refusal::Input(vec![problem.violation(&name)]))),
        Err(Unadopted { error, .. }) => Err(error.into()),
    }
}

fn refused(error: file::Error, person: &SignedIn) -> Result<Response<Body>, Trouble> {
    let file::Error::Refused(problem) = error else { return Err(error.into()) };
    let sentence = (text::pages(person.visitor.lang).picture.file)(problem);
    let mut response = (status(problem), Json(json!({"error": sentence, "problem": problem.as_str()}))).into_response();
    response.extensions_mut().insert(Explained);
    Ok(response)
}

pub(super) const fn status(problem: FileProblem) -> StatusCode {
    match problem {
        FileProblem::Missing | FileProblem::Interrupted => StatusCode::BAD_REQUEST,
        FileProblem::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        FileProblem::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FileProblem::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        FileProblem::InUse | FileProblem::Full => StatusCode::CONFLICT,
        FileProblem::Gone => StatusCode::NOT_FOUND,
        FileProblem::Empty | FileProblem::TooWide(_) | FileProblem::Damaged | FileProblem::Address | FileProblem::Unreachable => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}
