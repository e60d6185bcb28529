//! What the create page can do beside pressing its button: earlier prompts and pictures, saved settings, the form as a
//! program, and the same once more. All are forms; a script asks for JSON and stays on the page.

use super::generations::{refused, status};
use super::render::Page;
use super::site::create_page;
use super::trouble::{Explained, Trouble};
use super::visitor::SignedIn;
use crate::domain::{
    GalleryFilter, GenerationId, Medium, Model, Parent, PresetId, RawRequest, Refusal, Request, RequestKey, Snippets, preset_name,
};
use crate::pages::{CodePage, controls, preset_list};
use crate::server::App;
use crate::server::generation::{self, Requested, Source, views};
use crate::server::{gallery, model, preset};
use crate::text;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// The addresses.
pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/create/request", post(code))
        .route("/create/presets", post(save))
        .route("/create/presets/{id}", post(apply))
        .route("/create/presets/{id}/delete", post(forget))
        .route("/g/{id}/retry", post(retry))
        .route("/api/app/prompts", get(prompts))
        .route("/api/app/pictures", get(pictures))
}

type Fields = Form<Vec<(String, String)>>;

/// The request of the API that this form would be.
async fn code(State(app): State<App>, person: SignedIn, Form(fields): Fields) -> Result<Response, Trouble> {
    let raw = RawRequest { request_key: "code".to_owned(), quoted_price: String::new(), ..RawRequest::of_form(fields.clone()) };
    let catalogue = model::offered(&app.db).await?;
    let (mut request, model) = match generation::read(&raw, &catalogue) {
        Ok((request, model)) => (request, model),
        Err(generation::Error::Refused(refusal)) if person.visitor.wants_json => {
            return Ok(refused(&refusal, person.visitor.lang));
        }
        Err(generation::Error::Refused(refusal)) => {
            return create_page(&app, &person, RawRequest::of_form(fields), Some((status(&refusal), refusal))).await;
        }
        Err(error) => return Err(error.into()),
    };
    let origin = app.config.public_url.as_str().trim_end_matches('/').to_owned();
    for name in model.file_names() {
        if let Some(value) = request.input.get_mut(name) {
            name_files(value, &origin);
        }
    }
    let said = Snippets::of(&origin, &model.name, &request.input);
    if person.visitor.wants_json {
        return Ok(Json(json!({"curl": said.curl, "javascript": said.javascript, "python": said.python})).into_response());
    }
    let viewer = person.visitor.viewer(&app).await?;
    let start = person.visitor.start(app.clock.now());
    let page = Page::new(viewer.clone(), text::pages(viewer.lang).create.code_title, true);
    Ok(page
        .render(&app, move || {
            let (viewer, start, said, fields) = (viewer.clone(), start.clone(), said.clone(), fields.clone());
            view! { <CodePage viewer start said fields /> }
        })
        .await)
}

/// Files of ours by the address under which a program of the same person may name them.
fn name_files(value: &mut Value, origin: &str) {
    match value {
        Value::String(text) => {
            if let Some(id) = crate::domain::FileId::marked(text) {
                *text = format!("{origin}/v1/files/{id}");
            } else if text.starts_with('/') {
                text.insert_str(0, origin);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_files(item, origin)),
        _ => {}
    }
}

/// Saves what is set in the form. What is typed in it stays.
async fn save(State(app): State<App>, person: SignedIn, Form(fields): Fields) -> Result<Response, Trouble> {
    let said = &text::pages(person.visitor.lang).create;
    let name = fields.iter().find(|(field, _)| field == "preset_name").and_then(|(_, name)| preset_name(name));
    let form = RawRequest::of_form(fields);
    let catalogue = model::offered(&app.db).await?;
    let problem = match (name, form.choose(&catalogue)) {
        (Some(name), Some(model)) => {
            let settings = RawRequest { model: model.name.to_string(), ..form.clone() }.settings(model);
            let saved = preset::save(&app.db, &person.id, &name, &settings, app.clock.now()).await?;
            (!saved).then_some(said.preset_too_many)
        }
        _ => Some(said.preset_unnamed),
    };
    if !person.visitor.wants_json {
        return create_page(&app, &person, form, None).await;
    }
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CREATED };
    let list = preset_list(&preset::list(&app.db, &person.id).await?, said);
    let mut response = (status, Json(json!({"presets": list, "problem": problem}))).into_response();
    // The sentence is this one's own.
    response.extensions_mut().insert(Explained);
    Ok(response)
}

/// Sets the form to what was saved; its words stay.
async fn apply(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Trouble> {
    let id = PresetId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let settings = preset::find(&app.db, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    let catalogue = model::offered(&app.db).await?;
    let form = RawRequest::of_form(fields);
    let Some(model) = settings.choose(&catalogue).or(catalogue.first()) else { return Err(Trouble::NOT_FOUND) };
    let form = form.set_to(RawRequest { model: model.name.to_string(), ..settings }, model);
    if !person.visitor.wants_json {
        return create_page(&app, &person, form, None).await;
    }
    let drawn = controls(model, &form.controls, &[], person.visitor.lang);
    Ok(Json(json!({
        "model": form.model, "aspect_ratio": form.aspect_ratio, "count": form.count, "seed": form.seed,
        "needed": drawn.needed, "rest": drawn.rest,
    }))
    .into_response())
}

async fn forget(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Trouble> {
    let id = PresetId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    preset::delete(&app.db, &person.id, &id).await?;
    if !person.visitor.wants_json {
        return create_page(&app, &person, RawRequest::of_form(fields), None).await;
    }
    let list = preset_list(&preset::list(&app.db, &person.id).await?, &text::pages(person.visitor.lang).create);
    Ok(Json(json!({"presets": list})).into_response())
}

#[derive(Deserialize)]
struct Again {
    /// What stood on the button.
    #[serde(default)]
    quoted_price: String,
}

/// Asks once more for what did not come: the same input, under a key that the first one gives, so that it is asked for once
/// however often the button is pressed.
async fn retry(
    State(app): State<App>,
    person: SignedIn,
    Path(id): Path<String>,
    Form(again): Form<Again>,
) -> Result<Response, Trouble> {
    let id = GenerationId::parse(&id).ok_or(Trouble::NOT_FOUND)?;
    let (name, input) = views::input(&app.db, &person.id, &id).await?.ok_or(Trouble::NOT_FOUND)?;
    let catalogue = model::chosen(&app.db, name.as_str()).await?;
    let Some(model) = catalogue.iter().find(|model| model.name == name) else {
        return Ok(Redirect::to(&format!("/create?remix={id}")).into_response());
    };
    let key = RequestKey::trusted(format!("retry-{id}"));
    let asked = Request::of_input(key, model, &input, |_, _| true).map_err(Refusal::Input);
    let asked = match asked {
        Ok(request) => {
            let quoted = again.quoted_price.parse().ok().map(crate::domain::Credits);
            // The button says the price: whoever presses it has been asked.
            let request = Request { quoted, confirmed: quoted, parent: Some(Parent::Again(id)), ..request };
            generation::request_ready(&Source::Page, &app.desk, &person.id, &request, model, app.clock.now()).await
        }
        Err(refusal) => Err(generation::Error::Refused(refusal)),
    };
    match asked {
        Ok(requested) if person.visitor.wants_json => {
            let status = if matches!(requested, Requested::New(_)) { StatusCode::CREATED } else { StatusCode::OK };
            let view = views::find(&app.db, &person.id, requested.id()).await?.ok_or(Trouble::NOT_FOUND)?;
            Ok((status, Json(view)).into_response())
        }
        Ok(_) => Ok(Redirect::to("/create").into_response()),
        Err(generation::Error::Refused(refusal)) if person.visitor.wants_json => Ok(refused(&refusal, person.visitor.lang)),
        Err(generation::Error::Refused(refusal)) => {
            let form = RawRequest::of_input(model, &input);
            create_page(&app, &person, form, Some((status(&refusal), refusal))).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// What the person asked for lately, in words.
async fn prompts(State(app): State<App>, person: SignedIn, Query(search): Query<Search>) -> Result<Response, Trouble> {
    Ok(Json(json!({"prompts": views::prompts(&app.db, &person.id, &search.q).await?})).into_response())
}

/// The person's newest pictures, for working from.
async fn pictures(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    let newest = gallery::list(&app.db, &person.id, &GalleryFilter::default(), None, person.visitor.lang).await?;
    let pictures = newest.items.iter().map(|item| &item.view).flat_map(|generation| {
        let shown = generation.outputs.iter().filter(|output| output.medium() == Medium::Picture);
        shown.map(|output| json!({"url": output.url, "small": output.small, "alt": generation.prompt}))
    });
    Ok(Json(json!({"pictures": pictures.collect::<Vec<_>>()})).into_response())
}

/// A form that works from one of the person's pictures: by the chosen model, or else the first that takes one.
pub(super) fn working_from(form: RawRequest, reference: &str, catalogue: &[Model]) -> RawRequest {
    let takes = |model: &&Model| !model.file_names().is_empty();
    let chosen = form.choose(catalogue).filter(takes).or_else(|| catalogue.iter().find(takes));
    let Some((model, name)) = chosen.and_then(|model| Some((model, *model.file_names().first()?))) else { return form };
    let mut controls = form.controls;
    controls.push((crate::domain::schema::prefixed(name), reference.to_owned()));
    RawRequest { model: model.name.to_string(), controls, ..form }
}
