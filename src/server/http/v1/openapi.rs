//! The description of `/v1`, made from the handlers and the objects they answer with, and served at `/v1/openapi.json`.

use super::told::{Account, FileTold, ModelTold, Page, Prediction, Version, WebhookSecret};
use super::{absent, account, catalogue, create, models, origin, predictions, uploads};
use crate::pages::{ApiDocs, ApiField, ApiObject, ApiOperation};
use crate::server::App;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, Response, ResponseBuilder, SecurityRequirement, ServerBuilder};
use utoipa::{OpenApi, ToSchema};

/// A request for a prediction where the address names the model.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server::http) struct Create {
    /// What the model is told; see its version's `openapi_schema`.
    #[schema(value_type = Object)]
    input: Value,
    /// Where to tell of it: an https address.
    #[schema(format = "uri", max_length = 2048)]
    webhook: Option<String>,
    /// Of what to tell; without it, of `output` and `completed`.
    webhook_events_filter: Option<Vec<Event>>,
    /// Accepted, and has no effect: an older name of `webhook`.
    webhook_completed: Option<String>,
    /// Accepted, and has no effect: every prediction can be streamed.
    stream: Option<bool>,
}

/// A request for a prediction that names the version itself.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server::http) struct CreateVersion {
    /// 64 hex digits, `owner/name:` and those, or `owner/name`.
    version: String,
    /// What the model is told; see its version's `openapi_schema`.
    #[schema(value_type = Object)]
    input: Value,
    /// Where to tell of it: an https address.
    #[schema(format = "uri", max_length = 2048)]
    webhook: Option<String>,
    /// Of what to tell; without it, of `output` and `completed`.
    webhook_events_filter: Option<Vec<Event>>,
    /// Accepted, and has no effect: an older name of `webhook`.
    webhook_completed: Option<String>,
    /// Accepted, and has no effect: every prediction can be streamed.
    stream: Option<bool>,
}

/// What a webhook can tell of.
#[expect(dead_code, reason = "only described")]
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::server::http) enum Event {
    Start,
    Output,
    Logs,
    Completed,
}

/// A file that is brought.
#[derive(Serialize, ToSchema)]
pub(in crate::server::http) struct Upload {
    /// The file; at most 100 MB.
    #[schema(value_type = String, format = Binary)]
    content: String,
    /// What to call it, rather than as the part does.
    #[schema(max_length = 4096)]
    filename: Option<String>,
    /// A JSON object of 4,096 bytes at most, which is told again with the file.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::server::http) struct ProblemTold {
    /// A few words.
    title: Option<String>,
    /// A sentence or more.
    detail: String,
    /// The status of the answer.
    status: i64,
    /// Seconds to wait, with 429.
    retry_after: Option<i64>,
    /// With 422: each rule that was broken, as `type`, `field` and `description`.
    #[schema(value_type = Option<Vec<Object>>)]
    invalid_fields: Option<Value>,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Atelier", description = "Replicate's HTTP API, spoken by this house. Authenticate with an API key: \
        `Authorization: Bearer atl_…`. A prediction costs credits, shows in the gallery, and its files stay."),
    paths(
        create::of_version, create::of_model, predictions::list, predictions::show, predictions::cancel, models::list, models::show,
        models::versions, models::version, models::readme, models::examples, catalogue::list, catalogue::show, catalogue::search,
        catalogue::hardware, absent::deployments, absent::deploy, absent::trainings, absent::train, account::show, account::secret, uploads::create, uploads::list, uploads::show,
        uploads::download, uploads::delete,
    ),
    components(schemas(Account, FileTold, WebhookSecret, Page<FileTold>, Prediction, ModelTold, Version, Page<Prediction>, Page<ModelTold>, Page<Version>, ProblemTold)),
    tags((name = "predictions", description = "Asking, looking, stopping"), (name = "models", description = "What there is"),
        (name = "files", description = "Files to work from"),
        (name = "account", description = "Who asks"), (name = "not here", description = "What Replicate has beside")),
)]
struct Described;

/// The document, for a house at this origin.
pub(in crate::server::http) fn described(app: &App) -> utoipa::openapi::OpenApi {
    let mut document = Described::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.servers = Some(vec![ServerBuilder::new().url(origin(app)).build()]);
    let key = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_default().add_security_scheme("key", key);
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            tell_troubles(operation);
        }
    }
    document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    document
}

/// What every operation may answer with, and in which form.
fn tell_troubles(operation: &mut Operation) {
    const ALWAYS: [&str; 4] = ["401", "403", "429", "503"];
    let known = &mut operation.responses.responses;
    for status in ALWAYS {
        known.entry(status.to_owned()).or_insert_with(|| Response::default().into());
    }
    for (_, trouble) in known.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        let words = Content::new(Some(Ref::from_schema_name("Problem")));
        *trouble = ResponseBuilder::new().description("What went wrong").content("application/problem+json", words).into();
    }
}

pub(super) async fn document(State(app): State<App>) -> Json<utoipa::openapi::OpenApi> {
    Json(described(&app))
}

/// The same for people: every operation, and every object.
pub(in crate::server::http) fn told(app: &App) -> ApiDocs {
    let document = serde_json::to_value(described(app)).unwrap_or_default();
    let operations = document["paths"].as_object().into_iter().flatten().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(|(method, operation)| told_operation(method, path, operation)).collect::<Vec<_>>()
    });
    let objects = document["components"]["schemas"].as_object().into_iter().flatten();
    let objects = objects.map(|(name, schema)| ApiObject { name: name.clone(), fields: fields(schema) });
    ApiDocs { origin: origin(app).to_owned(), operations: operations.collect(), objects: objects.collect() }
}

fn told_operation(method: &str, path: &str, operation: &Value) -> ApiOperation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| ApiField {
        name: text(&parameter["name"]),
        kind: text(&parameter["in"]),
        required: parameter["required"] == Value::Bool(true),
        description: text(&parameter["description"]),
    });
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers = answers.map(|(status, answer)| {
        let media = answer["content"].as_object().and_then(|content| content.values().next());
        (status.clone(), media.map(|media| kind(&media["schema"])).unwrap_or_default())
    });
    let body = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
    ApiOperation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        parameters: parameters.collect(),
        body: body.map(|media| kind(&media["schema"])),
        answers: answers.collect(),
    }
}

/// The fields of an object, and of those it is made of.
fn fields(schema: &Value) -> Vec<ApiField> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, property)| ApiField {
        name: name.clone(),
        kind: kind(property),
        required: required(name),
        description: property["description"].as_str().unwrap_or_default().to_owned(),
    });
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(fields);
    let of_another = schema["$ref"].as_str().map(|path| ApiField { kind: last(path), ..ApiField::default() });
    own.chain(parts).chain(of_another).collect()
}

/// The name of a type: of an object its own, otherwise JSON's word for it.
fn kind(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return last(path);
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("{}[]", kind(&schema["items"])),
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".to_owned(),
    }
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
