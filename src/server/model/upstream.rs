//! What Replicate is asked for the catalogue: a model to add, newer versions, the schema of one. No call is made inside of a
//! transaction; what was read meanwhile by somebody else is guarded where it is written.

use super::log::{Actor, Deed};
use crate::domain::catalogue::{AddProblem, Looked, SchemaChanges, parse_name};
use crate::domain::schema::{OutputKind, Schema, Shape};
use crate::domain::{ModelName, PriceRule, Task, Timestamp};
use crate::server::db::Db;
use crate::server::replicate::{self, Client};
use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

/// Models that are asked about at once.
const AT_ONCE: usize = 4;
/// The most characters of a sentence that somebody else wrote.
const SENTENCE_CHARS: usize = 300;
/// Outputs that a new entry allows in one request, where the model can make several.
const SEVERAL: i64 = 4;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not added.
    #[error("not added: {0:?}")]
    Refused(AddProblem),
    /// There is no such entry, or no newer version of it is known.
    #[error("there is nothing to move")]
    Nothing,
    /// Replicate could not be asked, or refused.
    #[error(transparent)]
    Replicate(#[from] replicate::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Puts a model into the catalogue, by the name that somebody typed: described by its latest version and pinned to it,
/// after all others, and not offered before somebody has looked at its price.
///
/// # Errors
/// [`Error::Refused`] with the reason; an answer that never came is [`AddProblem::Away`].
pub async fn add(db: &Db, client: &Client, actor: &Actor, typed: &str, now: Timestamp) -> Result<ModelName, Error> {
    let refused = |problem| Err(Error::Refused(problem));
    let Some((owner, name)) = parse_name(typed) else { return refused(AddProblem::Name) };
    if super::entry::find(db, &format!("{owner}/{name}")).await?.is_some() {
        return refused(AddProblem::Known);
    }
    let told = match client.model(owner, name).await {
        Ok(told) => told,
        Err(replicate::Error::NotFound { .. }) => return refused(AddProblem::Unknown),
        Err(error) => {
            tracing::warn!(%error, "a model could not be looked up");
            return refused(AddProblem::Away);
        }
    };
    if told.is_private() {
        return refused(AddProblem::Private);
    }
    if parse_name(&told.full_name()).is_none() {
        return refused(AddProblem::Unknown);
    }
    let version = told.latest_version.as_ref();
    let Some(schemas) = version.and_then(replicate::VersionTold::schemas) else { return refused(AddProblem::Undescribed) };
    let id = version.and_then(|version| version.id()).map(str::to_owned);
    let new = New {
        full_name: told.full_name(),
        sentence: told.description.as_deref().unwrap_or_default().trim().chars().take(SENTENCE_CHARS).collect(),
        version: id,
        official: told.is_official(),
        license_url: told.license_url.clone().filter(|url| url.starts_with("https://")),
        endpoint: None,
        schemas,
    };
    if insert(db, actor, &new, now).await? { Ok(ModelName::trusted(new.full_name)) } else { refused(AddProblem::Known) }
}

/// An entry to be put in.
pub(super) struct New {
    pub full_name: String,
    pub sentence: String,
    pub version: Option<String>,
    pub official: bool,
    pub license_url: Option<String>,
    pub endpoint: Option<String>,
    pub schemas: Value,
}

/// Puts an entry in; `false` when there is one of that name.
pub(super) async fn insert(db: &Db, actor: &Actor, new: &New, now: Timestamp) -> Result<bool, sqlx::Error> {
    let (schema, name) = (Schema::parse(&new.schemas), &new.full_name);
    let several = ["num_outputs", "num_images", "max_images"].iter().any(|count| schema.property(count).is_some());
    let rule = if several { PriceRule::Output } else { PriceRule::Run };
    let mut tx = db.begin().await?;
    // It has been stocked, so that no default set of a later release takes it for its own. A server of our own has room
    // for one run at a time.
    let inserted = sqlx::query(
        "insert into model (name, label, description, version, official, task, price_rule, unit_price, max_count, schemas,
                            license_url, endpoint, max_in_flight, place, stocked_at)
         select $1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $12, (case when $13 = 1 then 1 else null end),
                (select coalesce(max(place), 0) + 1 from model), $11
         where not exists (select 1 from model where name = $1)",
    )
    .bind(name)
    .bind(label(name.split_once('/').map_or(name.as_str(), |(_, name)| name)))
    .bind(&new.sentence)
    .bind(new.version.clone())
    .bind(i64::from(new.official))
    .bind(task(name, &new.sentence, &schema))
    .bind(rule)
    .bind(if several { SEVERAL } else { 1 })
    .bind(new.schemas.to_string())
    .bind(new.license_url.clone())
    .bind(now)
    .bind(new.endpoint.clone())
    .bind(i64::from(new.endpoint.is_some()))
    .execute(tx.connection())
    .await;
    match inserted {
        Ok(done) if done.rows_affected() == 1 => {}
        Ok(_) => return Ok(false),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(false),
        Err(error) => return Err(error),
    }
    let after = json!({"version": new.version, "official": new.official, "endpoint": new.endpoint});
    Deed { actor, action: "model.added", subject: name, now }.note(&mut tx, &json!({}), &after).await?;
    tx.commit().await?;
    Ok(true)
}

/// `flux-schnell` as `Flux Schnell`.
fn label(name: &str) -> String {
    let words = name.split(['-', '_']).filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What it seems to be for; its keeper knows better.
fn task(name: &str, sentence: &str, schema: &Schema) -> Task {
    let said = format!("{} {sentence}", name.split_once('/').map_or(name, |(_, name)| name)).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let is_file = |property: &&crate::domain::schema::Property| {
        matches!(&property.shape, Shape::Text(text) if text.format == crate::domain::schema::Format::Uri) && property.required
    };
    match schema.output {
        OutputKind::Text { .. } => Task::Text,
        OutputKind::Json { .. } | OutputKind::Unknown => Task::Data,
        OutputKind::Files { .. } if says(&["video", "film", "movie"]) => Task::Video,
        OutputKind::Files { .. } if says(&["audio", "music", "speech", "voice", "sound", "tts"]) => Task::Audio,
        OutputKind::Files { .. } if says(&["upscal", "super-resolution", "esrgan"]) => Task::Upscale,
        OutputKind::Files { .. } if schema.properties.iter().find(is_file).is_some() => Task::Edit,
        OutputKind::Files { .. } => Task::Image,
    }
}

/// Asks whether Replicate has newer versions: of the model of that name, or of all. A model about which it says nothing
/// stays as it was.
///
/// # Errors
/// When the database fails.
pub async fn look(db: &Db, client: &Client, actor: &Actor, only: Option<&str>, now: Timestamp) -> Result<Looked, sqlx::Error> {
    let known: Vec<(String, Option<String>)> =
        sqlx::query_as("select name, version from model where (name = $1 or $1 = '') and endpoint is null order by name")
            .bind(only.unwrap_or_default().to_owned())
            .fetch_all(db.pool())
            .await?;
    let answers = stream::iter(known).map(|(name, version)| async move {
        let newest = newest(client, &name).await;
        (name, version, newest)
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let mut looked = Looked::default();
    for (name, version, newest) in answers {
        looked.asked += 1;
        match newest {
            Ok(newest) => {
                // Only one that is pinned, or was read, can be newer than ours.
                let newer = newest.filter(|newest| version.as_ref().is_some_and(|version| version != newest));
                looked.newer += i64::from(newer.is_some());
                remember(db, actor, &name, newer, now).await?;
            }
            Err(error) => {
                tracing::warn!(%error, name, "nothing was said about a model's versions");
                looked.silent += 1;
            }
        }
    }
    Ok(looked)
}

async fn newest(client: &Client, full_name: &str) -> Result<Option<String>, replicate::Error> {
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
    let told = client.model(owner, name).await?;
    Ok(told.latest_version.and_then(|version| version.id().map(str::to_owned)))
}

async fn remember(db: &Db, actor: &Actor, name: &str, newer: Option<String>, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    let before: Option<(Option<String>, Option<String>)> =
        sqlx::query_as("select version, newest_version from model where name = $1")
            .bind(name.to_owned())
            .fetch_optional(tx.connection())
            .await?;
    // Somebody may have moved it to that version while Replicate was asked.
    let Some((version, known)) = before else { return Ok(()) };
    let newer = newer.filter(|newer| version.as_ref() != Some(newer));
    let (old, new) = (json!({"newest_version": known}), json!({"newest_version": newer}));
    if (Deed { actor, action: "model.looked", subject: name, now }).note(&mut tx, &old, &new).await? {
        sqlx::query("update model set newest_version = $2 where name = $1")
            .bind(name.to_owned())
            .bind(newer)
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Moves an entry to the newer version that is known of it: its schema is read, and what the house allows at most stays for
/// every number that is still there. Says what is different.
///
/// # Errors
/// [`Error::Nothing`] when there is nothing newer, or somebody else has moved it meanwhile; [`Error::Refused`] when the
/// version does not say what it takes.
pub async fn move_on(db: &Db, client: &Client, actor: &Actor, name: &str, now: Timestamp) -> Result<SchemaChanges, Error> {
    let row: Option<(Option<String>, Option<String>, String, String)> =
        sqlx::query_as("select version, newest_version, schemas, maxima from model where name = $1")
            .bind(name.to_owned())
            .fetch_optional(db.pool())
            .await?;
    let Some((version, Some(newest), schemas, maxima)) = row else { return Err(Error::Nothing) };
    let told = described(client, name, &newest).await?;
    let (changes, kept) = compare(&super::json(&schemas)?, &told, &super::json(&maxima)?);
    let mut tx = db.begin().await?;
    let moved = sqlx::query(
        "update model set version = $2, newest_version = null, schemas = $3, maxima = $4 where name = $1 and newest_version = $2",
    )
    .bind(name.to_owned())
    .bind(newest.clone())
    .bind(told.to_string())
    .bind(kept.to_string())
    .execute(tx.connection())
    .await?;
    if moved.rows_affected() == 0 {
        return Err(Error::Nothing);
    }
    let mut after = listed(&changes);
    after["version"] = json!(newest);
    Deed { actor, action: "model.moved", subject: name, now }.note(&mut tx, &json!({"version": version}), &after).await?;
    tx.commit().await?;
    Ok(changes)
}

/// What other schemas change, and which of the house's maxima still have a number to hold.
pub(super) fn compare(old: &Value, new: &Value, maxima: &Value) -> (SchemaChanges, Value) {
    let (old, new) = (Schema::parse(old), Schema::parse(new));
    let maxima = maxima.as_object().cloned().unwrap_or_default();
    let is_number = |name: &str| new.property(name).is_some_and(|property| matches!(property.shape, Shape::Number(_)));
    let (kept, dropped): (Map<_, _>, Map<_, _>) = maxima.into_iter().partition(|(name, _)| is_number(name));
    let dropped = dropped.keys().cloned().collect();
    (SchemaChanges { dropped, ..SchemaChanges::between(&old, &new) }, Value::Object(kept))
}

/// The changes for the log.
pub(super) fn listed(changes: &SchemaChanges) -> Value {
    json!({
        "added": changes.added, "removed": changes.removed, "changed": changes.changed,
        "other_output": changes.output, "dropped_maxima": changes.dropped,
    })
}

/// The schemas of exactly that version. Those of official models are not listed, and stand only with the model.
async fn described(client: &Client, full_name: &str, version: &str) -> Result<Value, Error> {
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
    let told = match client.version(owner, name, version).await {
        Ok(told) => Some(told),
        Err(replicate::Error::NotFound { .. }) => {
            client.model(owner, name).await?.latest_version.filter(|latest| latest.id() == Some(version))
        }
        Err(error) => return Err(error.into()),
    };
    told.ok_or(Error::Nothing)?.schemas().ok_or(Error::Refused(AddProblem::Undescribed))
}
