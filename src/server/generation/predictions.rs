//! Generations as programs see them: with the input as it was told to the model, and the output in the model's own shape.

use super::views::Cursor;
use crate::domain::{ApiKeyId, Failure, GenerationId, ModelName, OutputKind, PersonId, State, Timestamp};
use crate::server::db::Db;
use crate::server::replicate::made;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Predictions in one page of the list.
pub const PAGE: i64 = 100;

/// One generation, as a row of the list or by itself.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migrations")]
pub struct Prediction {
    pub id: GenerationId,
    pub model: ModelName,
    pub model_version: Option<String>,
    pub input: String,
    pub state: State,
    pub prediction_status: Option<String>,
    pub prediction_metrics: Option<String>,
    pub failure: Option<Failure>,
    pub output_kind: OutputKind,
    pub output_shape: Option<String>,
    pub output_text: Option<String>,
    pub logs: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub asked_deadline_at: Option<Timestamp>,
    pub api_key_id: Option<ApiKeyId>,
    pub webhook: Option<String>,
    pub webhook_events: Option<String>,
    /// The places of its kept files, with their extensions; only once all are kept.
    #[sqlx(skip)]
    pub files: Vec<(i64, String)>,
}

impl Prediction {
    /// Its place in the list.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.created_at, self.id.clone())
    }
}

/// Which predictions a list is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The place of the list where it begins; `None` is the newest.
    pub from: Option<Cursor>,
    /// Whether it goes from there to the newer ones.
    pub back: bool,
    /// Created at this moment or later.
    pub after: Option<Timestamp>,
    /// Created at this moment or earlier.
    pub until: Option<Timestamp>,
    /// Only what was asked for on a page.
    pub only_web: bool,
}

impl Prediction {
    /// The output in the shape the model gave it, each file as the address that `address` tells; null until it is there.
    /// Of a text that is being written, as much as there is.
    pub fn output(&self, address: &impl Fn(i64) -> Option<String>) -> Value {
        let text = || self.output_text.as_ref().filter(|_| self.output_kind == OutputKind::Text);
        if self.state != State::Succeeded {
            return text().filter(|_| !self.state.is_terminal()).map_or(Value::Null, |text| json!([text]));
        }
        let shape = self.output_shape.as_deref().and_then(|shape| serde_json::from_str::<Value>(shape).ok());
        match shape {
            Some(shape) => made::with_addresses(&shape, address),
            // Kept before shapes were: pictures, in a list.
            None => self.files.iter().filter_map(|(place, _)| address(*place)).collect(),
        }
    }

    /// Whether it ended because of the deadline that its request asked for.
    pub fn is_past_asked_deadline(&self) -> bool {
        let past = |deadline| self.finished_at.is_some_and(|end| end >= deadline);
        self.failure == Some(Failure::Timeout) && self.asked_deadline_at.is_some_and(past)
    }
}

/// The columns of [`Prediction`] from `generation g`; the texts that follow say whether with logs, and which.
macro_rules! select_predictions {
    ($logs:literal, $rest:literal) => {
        concat!(
            "select ",
            $logs,
            ", g.id, g.model, g.model_version, g.input, g.state, g.prediction_status, g.prediction_metrics, g.failure,
                    g.output_kind, g.output_shape, g.output_text, g.created_at, g.started_at, g.finished_at, g.asked_deadline_at,
                    g.api_key_id, g.webhook, g.webhook_events
             from generation g ",
            $rest
        )
    };
}

/// One prediction of a person; `None` when it is not theirs.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<Prediction>, sqlx::Error> {
    let rows = sqlx::query_as(select_predictions!("g.logs", "where g.owner_id = $1 and g.id = $2"));
    let rows = rows.bind(owner).bind(id).fetch_all(db.pool()).await?;
    Ok(with_files(db, rows).await?.pop())
}

/// A page of a person's predictions, newest first and without their logs; and whether there are more beyond it.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, owner: &PersonId, window: &Window) -> Result<(Vec<Prediction>, bool), sqlx::Error> {
    let start = if window.back { Timestamp(i64::MIN) } else { Timestamp(i64::MAX) };
    let (at, id) = window.from.as_ref().map_or((start, ""), Cursor::place);
    let text = if window.back {
        select_predictions!(
            "cast(null as text) as logs",
            "where g.owner_id = $1 and (g.created_at, g.id) > ($2, $3) and g.created_at >= $4 and g.created_at <= $5
               and (g.api_key_id is null or $6 = 0)
             order by g.created_at, g.id limit $7"
        )
    } else {
        select_predictions!(
            "cast(null as text) as logs",
            "where g.owner_id = $1 and (g.created_at, g.id) < ($2, $3) and g.created_at >= $4 and g.created_at <= $5
               and (g.api_key_id is null or $6 = 0)
             order by g.created_at desc, g.id desc limit $7"
        )
    };
    let mut rows: Vec<Prediction> = sqlx::query_as(text)
        .bind(owner)
        .bind(at)
        .bind(id)
        .bind(window.after.unwrap_or(Timestamp(i64::MIN)))
        .bind(window.until.unwrap_or(Timestamp(i64::MAX)))
        .bind(i64::from(window.only_web))
        .bind(PAGE + 1)
        .fetch_all(db.pool())
        .await?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    if window.back {
        rows.reverse();
    }
    Ok((with_files(db, rows).await?, more))
}

/// Puts the kept files to the rows that succeeded: one query however many rows.
async fn with_files(db: &Db, mut rows: Vec<Prediction>) -> Result<Vec<Prediction>, sqlx::Error> {
    let ids: Vec<_> = rows.iter().filter(|row| row.state == State::Succeeded).map(|row| row.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(rows);
    }
    let files: Vec<(GenerationId, i64, String)> = sqlx::query_as(db.either(
        "select generation_id, place, object_key from output
         where generation_id in (select value from json_each($1)) order by generation_id, place",
        "select generation_id, place, object_key from output
         where generation_id in (select json_array_elements_text($1::json)) order by generation_id, place",
    ))
    .bind(json!(ids).to_string())
    .fetch_all(db.pool())
    .await?;
    let mut of: HashMap<GenerationId, Vec<(i64, String)>> = HashMap::new();
    for (id, place, key) in files {
        let extension = key.rsplit('.').next().unwrap_or_default().to_owned();
        of.entry(id).or_default().push((place, extension));
    }
    for row in &mut rows {
        row.files = of.remove(&row.id).unwrap_or_default();
    }
    Ok(rows)
}

/// Whose generation a sealed address is about: who was given one has proved enough.
///
/// # Errors
/// When the database fails.
pub async fn owner(db: &Db, id: &GenerationId) -> Result<Option<PersonId>, sqlx::Error> {
    let row: Option<(PersonId,)> =
        sqlx::query_as("select owner_id from generation where id = $1").bind(id).fetch_optional(db.pool()).await?;
    Ok(row.map(|(owner,)| owner))
}

/// The key in the store of a kept file that a sealed address is about.
///
/// # Errors
/// When the database fails.
pub async fn file(db: &Db, id: &GenerationId, place: i64) -> Result<Option<String>, sqlx::Error> {
    let row: Option<(String,)> = sqlx::query_as(
        "select o.object_key from output o join generation g on g.id = o.generation_id
         where o.generation_id = $1 and o.place = $2 and g.state = 'succeeded' and g.purged_at is null",
    )
    .bind(id)
    .bind(place)
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|(key,)| key))
}
