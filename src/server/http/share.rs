//! What a telephone shares with the installed app: a picture becomes something to work from at `/create`, words become a
//! prompt.
//!
//! Somebody who is not signed in is sent to the door first. Until they come back their picture waits here, unread: few at a
//! time, for a quarter of an hour, in the memory and on the disk of this one process, and for the browser that brought it
//! alone. Nothing is kept of it before it has an owner.

use super::render::Page;
use super::trouble::{Trouble, door};
use super::visitor::{self, SignedIn, Visitor};
use crate::domain::schema::{Accept, Control, prefixed};
use crate::domain::{FileId, FileProblem, Model, RawRequest, Timestamp};
use crate::pages::ErrorPage;
use crate::server::App;
use crate::server::db::mint;
use crate::server::file::kind::Accepts;
use crate::server::file::uploads::Arrival;
use crate::server::file::{self, File, PAGE_BYTES};
use crate::server::sink::Arrived;
use crate::text;
use axum::Extension;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Pictures that wait for their people at once; one more and the oldest goes.
const WAITING: usize = 8;
/// Pictures of people at the door that are coming at once.
const COMING: usize = 4;
/// Seconds after which somebody may come back when all places are taken.
const BUSY_SECONDS: i64 = 5;
/// How long one waits, in milliseconds.
const PATIENCE_MS: i64 = 15 * 60 * 1_000;
/// The most bytes of shared words; a prompt is never longer.
const WORDS_BYTES: usize = 16 * 1_024;
/// The cookie that says whose picture it is.
const COOKIE: &str = "shared";

/// A picture whose sender is at the door.
struct Waits {
    token: String,
    until: Timestamp,
    shared: Shared,
}

/// A file as it came.
struct Shared {
    arrival: Arrival,
    arrived: Arrived,
    name: String,
}

/// Those that wait. Clones are the same.
#[derive(Clone)]
pub(super) struct Shelf {
    waiting: Arc<Mutex<VecDeque<Waits>>>,
    /// Places for what is coming.
    coming: Arc<Semaphore>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { waiting: Arc::default(), coming: Arc::new(Semaphore::new(COMING)) }
    }
}

impl Shelf {
    /// Puts one down and gives the word that it is asked for with.
    fn put(&self, shared: Shared, now: Timestamp) -> String {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|waits| waits.until > now);
        while waiting.len() >= WAITING {
            waiting.pop_front();
        }
        let token = mint();
        waiting.push_back(Waits { token: token.clone(), until: now.plus_ms(PATIENCE_MS), shared });
        token
    }

    /// Takes one away, if it is still there.
    fn take(&self, token: &str, now: Timestamp) -> Option<Shared> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|waits| waits.until > now);
        let at = waiting.iter().position(|waits| waits.token == token)?;
        waiting.remove(at).map(|waits| waits.shared)
    }
}

/// What came: a file, words, or both.
#[derive(Default)]
struct Brought {
    shared: Option<Shared>,
    words: String,
}

/// `POST /share`, as the manifest says.
pub(super) async fn bring(
    State(app): State<App>,
    Extension(shelf): Extension<Shelf>,
    visitor: Visitor,
    person: Option<SignedIn>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Trouble> {
    let brought = match form {
        Ok(form) => receive(&app, &shelf, person.as_ref(), form).await,
        Err(_) => Ok(Brought::default()),
    };
    let brought = match brought {
        Ok(brought) => brought,
        Err(error) => return refused(&app, &visitor, error).await,
    };
    let Some(shared) = brought.shared else {
        let words: String = url::form_urlencoded::byte_serialize(brought.words.trim().as_bytes()).collect();
        let back = if words.is_empty() { "/create".to_owned() } else { format!("/create?prompt={words}") };
        return Ok(Redirect::to(&back).into_response());
    };
    if let Some(person) = person {
        return own(&app, &person, shared).await;
    }
    let token = shelf.put(shared, app.clock.now());
    Ok(with_cookie(&app, Redirect::to(&door("/share")).into_response(), &token, PATIENCE_MS / 1_000))
}

/// `GET /share`, on the way back from the door.
pub(super) async fn collect(
    State(app): State<App>,
    Extension(shelf): Extension<Shelf>,
    person: SignedIn,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let token = visitor::cookie(&headers, COOKIE).unwrap_or_default();
    let response = match shelf.take(token, app.clock.now()) {
        Some(shared) => own(&app, &person, shared).await?,
        None if token.is_empty() => Redirect::to("/create").into_response(),
        None => {
            let gone = text::pages(person.visitor.lang).around.shared_gone;
            trouble(&app, &person.visitor, StatusCode::GONE, gone.to_owned()).await
        }
    };
    Ok(with_cookie(&app, response, "", 0))
}

/// Keeps it for this person and shows it in the form.
async fn own(app: &App, person: &SignedIn, shared: Shared) -> Result<Response, Trouble> {
    let Shared { arrival, arrived, name } = shared;
    match app.files.keep(&person.id, &arrival, &arrived, &name, Accepts::Media, app.clock.now()).await {
        Ok(File { id, .. }) => Ok(Redirect::to(&format!("/create?file={id}")).into_response()),
        Err(error) => refused(app, &person.visitor, error).await,
    }
}

/// A form with this file in it: for the first model of the catalogue that works from a picture. As it was when none does.
pub(super) fn with_file(form: RawRequest, file: &FileId, catalogue: &[Model]) -> RawRequest {
    let takes = |model: &Model| {
        let holds = |control: Control<'_>| matches!(control, Control::File { accept: Accept::Image | Accept::Any });
        model.schema.properties.iter().find(|property| holds(property.control())).map(|property| property.name.clone())
    };
    // One that wants words as well is for making pictures; one that wants only a picture mends it.
    let found = |wordy: bool| {
        let mut fitting = catalogue.iter().filter(move |model| model.prompt_name().is_some() == wordy);
        fitting.find_map(|model| takes(model).map(|name| (model, name)))
    };
    let Some((model, name)) = found(true).or_else(|| found(false)) else { return form };
    let mut controls = form.controls;
    controls.push((prefixed(&name), format!("atelier:file:{file}")));
    RawRequest { model: model.name.to_string(), controls, ..form }
}

/// Reads it where there is a place: one of the person's own, or one of the few for everybody at the door.
async fn receive(app: &App, shelf: &Shelf, person: Option<&SignedIn>, form: Multipart) -> Result<Brought, file::Error> {
    if let Some(person) = person {
        let _place = app.files.uploads.place(&person.id)?;
        return read(app, form).await;
    }
    let full = |_| file::Error::Refused(FileProblem::TooMany(i64::try_from(COMING).unwrap_or(i64::MAX)));
    let _place = shelf.coming.try_acquire().map_err(full)?;
    read(app, form).await
}

async fn read(app: &App, mut form: Multipart) -> Result<Brought, file::Error> {
    let broken = || file::Error::Refused(FileProblem::Interrupted);
    let mut brought = Brought::default();
    while let Some(part) = form.next_field().await.map_err(|_| broken())? {
        let called = part.name().unwrap_or_default().to_owned();
        if let Some(name) = part.file_name().map(str::to_owned) {
            if brought.shared.is_none() {
                let (arrival, arrived) = app.files.uploads.receive(part, PAGE_BYTES).await?;
                brought.shared = Some(Shared { arrival, arrived, name });
            }
        } else if called == "text" || (called == "title" && brought.words.is_empty()) {
            brought.words = words(part).await.ok_or_else(broken)?;
        }
    }
    Ok(brought)
}

/// The beginning of a field; `None` when it broke off.
async fn words(mut part: Field<'_>) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.ok()? {
        let room = WORDS_BYTES.saturating_sub(bytes.len()).min(piece.len());
        bytes.extend(piece.iter().take(room));
    }
    Some(String::from_utf8_lossy(&bytes).trim_end_matches('\u{fffd}').to_owned())
}

async fn refused(app: &App, visitor: &Visitor, error: file::Error) -> Result<Response, Trouble> {
    let file::Error::Refused(problem) = error else { return Err(error.into()) };
    let sentence = (text::pages(visitor.lang).picture.file)(problem);
    Ok(trouble(app, visitor, super::files::status(problem), sentence).await)
}

async fn trouble(app: &App, visitor: &Visitor, status: StatusCode, more: String) -> Response {
    let viewer = visitor.bare_viewer(app);
    let notice = text::pages(viewer.lang).around.shared;
    let wait = (status == StatusCode::TOO_MANY_REQUESTS).then_some(BUSY_SECONDS);
    let page = Page { status, modules: vec!["frame"], ..Page::new(viewer.clone(), notice.title, false) };
    let mut response = page
        .render(app, move || {
            let (viewer, said) = (viewer.clone(), Some((notice, more.clone())));
            view! { <ErrorPage viewer status=status.as_u16() request_id=None wait said /> }
        })
        .await;
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

fn with_cookie(app: &App, mut response: Response, token: &str, seconds: i64) -> Response {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/share; Max-Age={seconds}; SameSite=Lax; HttpOnly{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;
    use crate::server::file::uploads::Uploads;
    use futures::stream;
    use serde_json::json;
    use tempfile::TempDir;

    const NOW: Timestamp = Timestamp(1_000_000);

    async fn shared(uploads: &Uploads) -> Shared {
        let pieces = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"picture"))]);
        let (arrival, arrived) = uploads.receive(pieces, 100).await.expect("a file");
        Shared { arrival, arrived, name: "a.png".into() }
    }

    #[tokio::test]
    async fn a_picture_waits_for_its_word_alone_once_and_not_for_ever() {
        let dir = TempDir::new().expect("a directory");
        let uploads = Uploads::open(dir.path().to_owned()).await.expect("a folder");
        let shelf = Shelf::default();
        let token = shelf.put(shared(&uploads).await, NOW);
        assert!(shelf.take("another", NOW).is_none() && shelf.take("", NOW).is_none());
        assert!(shelf.take(&token, NOW).is_some());
        assert!(shelf.take(&token, NOW).is_none(), "it is taken once");
        let late = shelf.put(shared(&uploads).await, NOW);
        assert!(shelf.take(&late, NOW.plus_ms(PATIENCE_MS)).is_none());
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0, "nothing is left on the disk");
    }

    #[tokio::test]
    async fn only_so_many_wait_and_the_oldest_makes_room() {
        let dir = TempDir::new().expect("a directory");
        let uploads = Uploads::open(dir.path().to_owned()).await.expect("a folder");
        let shelf = Shelf::default();
        let mut tokens = Vec::new();
        for _ in 0..=WAITING {
            tokens.push(shelf.put(shared(&uploads).await, NOW));
        }
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), WAITING);
        assert!(shelf.take(&tokens[0], NOW).is_none() && shelf.take(&tokens[WAITING], NOW).is_some());
    }

    #[test]
    fn a_shared_picture_goes_to_a_model_that_takes_words_with_it_if_there_is_one() {
        let picture = json!({"type": "string", "format": "uri", "description": "Input image"});
        let plain = model(&json!({"prompt": {"type": "string"}}));
        let mends = model(&json!({"image": picture}));
        let draws = model(&json!({"prompt": {"type": "string"}, "input_image": picture}));
        let file = FileId::trusted("f1");
        let names = |catalogue: &[Model]| with_file(RawRequest::default(), &file, catalogue).controls;
        assert_eq!(
            names(&[plain.clone(), mends.clone(), draws]),
            [("input.input_image".to_owned(), "atelier:file:f1".to_owned())]
        );
        assert_eq!(names(&[plain.clone(), mends]), [("input.image".to_owned(), "atelier:file:f1".to_owned())]);
        assert_eq!(names(&[plain]), []);
    }
}
