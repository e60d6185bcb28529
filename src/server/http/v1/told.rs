//! The objects of the protocol: exactly Replicate's fields, and no others.

use crate::domain::{Failure, FileId, Lang, Model, State, Timestamp};
use crate::server::file::File;
use crate::server::generation::predictions::Prediction as Row;
use crate::server::protocol::moment;
use crate::server::seal::{Opens, Seal};
use crate::text;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Always `user`.
    pub r#type: &'static str,
    /// The name in addresses.
    pub username: String,
    /// The name people gave.
    pub name: String,
    /// None here.
    pub github_url: Option<String>,
    /// None here.
    pub avatar_url: Option<String>,
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The address of what follows; null at the end.
    pub next: Option<String>,
    /// The address of what came before; null at the beginning.
    pub previous: Option<String>,
    /// What is on this page.
    pub results: Vec<T>,
}

/// A model on offer.
#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ModelTold {
    /// Where people find it.
    url: String,
    owner: String,
    name: String,
    description: String,
    /// Always `public`.
    visibility: &'static str,
    github_url: Option<String>,
    paper_url: Option<String>,
    license_url: Option<String>,
    /// Always 0: runs are not counted over people.
    run_count: i64,
    cover_image_url: Option<String>,
    default_example: Option<Value>,
    latest_version: Option<Version>,
    /// Whether it is run by its name.
    is_official: bool,
    created_at: String,
}

/// A version of a model: what it takes and what it gives.
#[expect(clippy::struct_field_names, reason = "Replicate's names")]
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    /// 64 hex digits.
    pub id: String,
    created_at: String,
    cog_version: &'static str,
    /// An `OpenAPI` document with `components.schemas.Input` and `Output`.
    openapi_schema: Value,
}

/// A prediction: one generation of a person's.
#[derive(Serialize, ToSchema)]
pub(super) struct Prediction {
    /// The generation's id.
    pub id: String,
    /// `owner/name`.
    model: String,
    /// 64 hex digits, or `hidden` for a model that is run by its name.
    version: String,
    input: Value,
    /// In the shape the model gave it; every file is an address here that does not expire.
    output: Value,
    /// What the model printed; of more than 64 KiB, the end.
    logs: String,
    /// A sentence, when it failed.
    error: Option<String>,
    /// `starting`, `processing`, `succeeded`, `failed`, `canceled` or `aborted`.
    status: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    /// When it is given up, if the request said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    /// `predict_time` and `total_time`, seconds; and what the model measured.
    metrics: Value,
    pub urls: Urls,
    /// `api` or `web`.
    source: &'static str,
    /// Always false: what was made is kept.
    data_removed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_events_filter: Option<Value>,
}

/// Where a prediction can be looked at and stopped.
#[derive(Serialize, ToSchema)]
pub(super) struct Urls {
    pub get: String,
    cancel: String,
    web: String,
    /// Events as it goes on; needs no key, the address is one.
    stream: String,
}

/// A file that a program brought.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
pub(super) struct FileTold {
    id: String,
    name: String,
    /// By its bytes.
    content_type: String,
    size: i64,
    etag: String,
    checksums: Checksums,
    /// What was said about it when it was brought.
    #[schema(value_type = Object)]
    metadata: Value,
    created_at: String,
    /// When it is cleared away, unless something works from it.
    expires_at: String,
    urls: FileUrls,
}

/// What the bytes that are kept add up to. A picture is written anew without what its camera noted, so that they may
/// differ from those that were sent.
#[derive(Serialize, ToSchema)]
struct Checksums {
    /// Hex.
    sha256: String,
}

/// Where a file is told of; as an input it means the file.
#[derive(Serialize, ToSchema)]
pub(super) struct FileUrls {
    pub get: String,
}

/// How long a file that nothing works from is kept, in milliseconds.
const UNUSED_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

impl<T> Default for Page<T> {
    /// An empty list.
    fn default() -> Self {
        Self { next: None, previous: None, results: Vec::new() }
    }
}

impl FileTold {
    /// A file, told of at this address.
    pub fn of(file: &File, urls: FileUrls) -> Self {
        Self {
            id: file.id.to_string(),
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            size: file.bytes,
            etag: file.sha256.clone(),
            checksums: Checksums { sha256: file.sha256.clone() },
            metadata: file.metadata.as_deref().and_then(|said| serde_json::from_str(said).ok()).unwrap_or(json!({})),
            created_at: moment::write(file.created_at),
            expires_at: moment::write(file.created_at.plus_ms(UNUSED_MS)),
            urls,
        }
    }
}

/// What webhooks are signed with.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookSecret {
    /// `whsec_` and base64.
    pub key: String,
}

/// Where addresses lead, and what seals them.
#[derive(Clone, Copy)]
pub(super) struct House<'a> {
    pub origin: &'a str,
    pub seal: &'a Seal,
}

impl Prediction {
    /// A generation as a prediction.
    pub fn of(row: &Row, house: House<'_>) -> Self {
        let House { origin, seal } = house;
        let status = status(row);
        let at = |moment: Option<Timestamp>| moment.map(moment::write);
        let base = format!("{origin}/v1/predictions/{}", row.id);
        Self {
            id: row.id.to_string(),
            model: row.model.to_string(),
            version: row.model_version.clone().unwrap_or_else(|| "hidden".to_owned()),
            input: input(row, origin),
            output: output(row, house),
            logs: row.logs.clone().unwrap_or_default(),
            error: row.failure.filter(|_| status == "failed").map(sentence),
            status,
            created_at: moment::write(row.created_at),
            started_at: at(row.started_at),
            completed_at: at(row.finished_at),
            deadline: at(row.asked_deadline_at),
            metrics: metrics(row),
            urls: Urls {
                cancel: format!("{base}/cancel"),
                get: base,
                web: format!("{origin}/g/{}", row.id),
                stream: format!("{origin}/v1/streams/{}", seal.put(Opens::Stream, &row.id)),
            },
            source: if row.api_key_id.is_some() { "api" } else { "web" },
            data_removed: false,
            webhook: row.webhook.clone(),
            webhook_events_filter: row.webhook_events.as_deref().and_then(|events| serde_json::from_str(events).ok()),
        }
    }

    /// As it was told when it had just begun, whatever became of it.
    pub fn begun(self) -> Self {
        Self { output: Value::Null, logs: String::new(), ..self.under_way() }
    }

    /// As it was told before its end, should that have come meanwhile.
    pub fn under_way(self) -> Self {
        Self { status: "processing", error: None, completed_at: None, metrics: json!({}), ..self }
    }

    /// Why it failed, if it did.
    pub fn reason(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}

/// The input as it was told to the model, each file in it by an address that its owner's keys open.
fn input(row: &Row, origin: &str) -> Value {
    fn with_addresses(value: Value, origin: &str) -> Value {
        match value {
            Value::String(text) => match FileId::marked(&text) {
                Some(id) => json!(format!("{origin}/v1/files/{id}")),
                None => Value::String(text),
            },
            Value::Array(items) => items.into_iter().map(|item| with_addresses(item, origin)).collect(),
            other => other,
        }
    }
    let input: Map<String, Value> = serde_json::from_str(&row.input).unwrap_or_default();
    input.into_iter().map(|(name, value)| (name, with_addresses(value, origin))).collect::<Map<_, _>>().into()
}

/// Replicate's word for where a generation is.
pub(super) fn status(row: &Row) -> &'static str {
    match row.state {
        State::Queued | State::Submitting | State::Parked => "starting",
        State::Waiting if row.prediction_status.as_deref() != Some("processing") => "starting",
        State::Waiting | State::Storing | State::Canceling => "processing",
        State::Succeeded => "succeeded",
        State::Canceled => "canceled",
        // Its own deadline, which it asked for, is no failure of anybody's.
        State::Failed if row.is_past_asked_deadline() => {
            if row.started_at.is_some() {
                "canceled"
            } else {
                "aborted"
            }
        }
        State::Failed => "failed",
    }
}

/// The output with our own addresses in it; of one that is being written, as much as there is.
pub(super) fn output(row: &Row, House { origin, seal }: House<'_>) -> Value {
    let address = |place: i64| {
        let (_, extension) = row.files.iter().find(|(known, _)| *known == place)?;
        Some(format!("{origin}/o/{}/out-{place}.{extension}", seal.put(Opens::Files, &row.id)))
    };
    row.output(&address)
}

fn sentence(failure: Failure) -> String {
    let said = (text::live::of(Lang::En).failure)(failure);
    format!("{}. {}", said.what.trim_end_matches('.'), said.then)
}

fn metrics(row: &Row) -> Value {
    let Some(end) = row.finished_at else { return json!({}) };
    let measured: Option<Map<String, Value>> =
        row.prediction_metrics.as_deref().and_then(|metrics| serde_json::from_str(metrics).ok());
    let mut metrics = measured.unwrap_or_default();
    if let Some(start) = row.started_at {
        metrics.entry("predict_time").or_insert(json!(seconds(end.since(start))));
    }
    metrics.insert("total_time".to_owned(), json!(seconds(end.since(row.created_at))));
    Value::Object(metrics)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds.max(0) as f64 / 1_000.0
}

/// The id of a model's version. One that is run by its name may have none; then its description stands for it.
pub(super) fn version_id(model: &Model, schemas: &Value) -> String {
    model.version.clone().unwrap_or_else(|| hex::encode(Sha256::digest(format!("{}\n{schemas}", model.name))))
}

impl Version {
    /// The version on offer.
    pub fn of(model: &Model, schemas: &Value) -> Self {
        Self {
            id: version_id(model, schemas),
            created_at: CATALOGUE_SINCE.to_owned(),
            cog_version: "0.16.12",
            openapi_schema: json!({
                "openapi": "3.0.2", "info": {"title": "Cog", "version": "0.1.0"}, "paths": {},
                "components": {"schemas": schemas},
            }),
        }
    }
}

/// Since when the catalogue has its entries; they carry no dates of their own.
const CATALOGUE_SINCE: &str = "2026-01-01T00:00:00Z";

impl ModelTold {
    /// A model with the version on offer.
    pub fn of(model: &Model, schemas: &Value, origin: &str) -> Self {
        let (owner, name) = model.name.as_str().split_once('/').unwrap_or_default();
        Self {
            url: format!("{origin}/create?model={}", model.name),
            owner: owner.to_owned(),
            name: name.to_owned(),
            description: model.description.clone(),
            visibility: "public",
            github_url: None,
            paper_url: None,
            license_url: model.license_url.clone(),
            run_count: 0,
            cover_image_url: model.cover_url.clone(),
            default_example: None,
            latest_version: Some(Version::of(model, schemas)),
            is_official: model.official,
            created_at: CATALOGUE_SINCE.to_owned(),
        }
    }
}
