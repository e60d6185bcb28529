//! What an owner may see of their generations. Every query names the owner; there is no look-up by bare id.

use crate::domain::{
    AspectRatio, Credits, Failure, GenerationId, GenerationView, Medium, ModelName, OutputKind, OutputView, PersonId, Phase,
    PriceRule, RequestKey, State, Times, Timestamp,
};
use crate::server::db::{Db, Tx};
use crate::server::replicate::made;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// A place in a list of generations, newest first: everything before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    created_at: Timestamp,
    id: GenerationId,
}

impl Cursor {
    /// The place right after this generation.
    pub const fn new(created_at: Timestamp, id: GenerationId) -> Self {
        Self { created_at, id }
    }

    /// The place right after everything that was asked for at this moment or later.
    pub fn begin(at: Timestamp) -> Self {
        Self { created_at: at, id: GenerationId::trusted("00000000-0000-0000-0000-000000000000") }
    }

    /// What it is compared by.
    pub fn place(&self) -> (Timestamp, &str) {
        (self.created_at, self.id.as_str())
    }

    /// As it stands in a link: `{milliseconds}-{id}`.
    pub fn encode(&self) -> String {
        format!("{}-{}", self.created_at.0, self.id)
    }

    /// Reads what a link says; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('-')?;
        Some(Self { created_at: Timestamp(at.parse().ok()?), id: GenerationId::parse(id)? })
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: GenerationId,
    request_key: RequestKey,
    version: i64,
    state: State,
    prediction_status: Option<String>,
    cancel_requested_at: Option<Timestamp>,
    failure: Option<Failure>,
    prompt: String,
    model: ModelName,
    label: String,
    aspect: AspectRatio,
    count: i64,
    price_rule: PriceRule,
    output_kind: OutputKind,
    output_text: Option<String>,
    seed: Option<i64>,
    price: Credits,
    captured: Credits,
    progress: Option<i64>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    updated_at: Timestamp,
}

/// The columns of [`Row`] from `generation g`; the text that follows says which.
macro_rules! select_views {
    ($rest:literal) => {
        concat!(
            "select g.id, g.request_key, g.version, g.state, g.prediction_status, g.cancel_requested_at, g.failure, g.prompt, g.model,
                    m.label, g.aspect, g.count, g.price_rule, g.output_kind, g.output_text, g.seed, g.price, g.captured, g.progress,
                    g.created_at, g.started_at, g.finished_at, g.updated_at
             from generation g join model m on m.name = g.model ",
            $rest
        )
    };
}

/// One generation of a person; `None` when it is not theirs.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<GenerationView>, sqlx::Error> {
    let rows = sqlx::query_as(select_views!("where g.owner_id = $1 and g.id = $2 and g.purged_at is null"))
        .bind(owner)
        .bind(id)
        .fetch_all(db.pool())
        .await?;
    Ok(with_outputs(db, rows).await?.into_iter().next())
}

/// Some of a person's generations, by id; those that are not theirs or are gone for ever are not among them.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, owner: &PersonId, ids: &[GenerationId]) -> Result<HashMap<GenerationId, GenerationView>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sqlx::query_as(db.either(
        // The plus keeps SQLite from reading everything of the owner to find these few.
        select_views!("where +g.owner_id = $1 and g.purged_at is null and g.id in (select value from json_each($2))"),
        select_views!("where g.owner_id = $1 and g.purged_at is null and g.id in (select json_array_elements_text($2::json))"),
    ))
    .bind(owner)
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(db.pool())
    .await?;
    Ok(with_outputs(db, rows).await?.into_iter().map(|view| (view.id.clone(), view)).collect())
}

/// How many pictures a person has kept, without those in the trash.
///
/// # Errors
/// When the database fails.
pub async fn pictures(db: &Db, owner: &PersonId) -> Result<i64, sqlx::Error> {
    let (count,) = sqlx::query_as(
        "select count(*) from output o join generation g on g.id = o.generation_id where g.owner_id = $1 and g.state = 'succeeded'
           and g.trashed_at is null",
    )
    .bind(owner)
    .fetch_one(db.pool())
    .await?;
    Ok(count)
}

/// What a person's page shows as present: everything unfinished, and what ended since `since`; newest first.
///
/// # Errors
/// When the database fails.
pub async fn present(db: &Db, owner: &PersonId, since: Timestamp) -> Result<Vec<GenerationView>, sqlx::Error> {
    let rows = sqlx::query_as(select_views!(
        "where g.id in (select o.id from generation o where o.owner_id = $1 and o.state not in ('succeeded', 'failed', 'canceled')
                        union all
                        select e.id from generation e where e.owner_id = $1 and e.updated_at >= $2 and e.finished_at >= $2)
           and g.trashed_at is null
         order by g.created_at desc, g.id desc limit 300"
    ))
    .bind(owner)
    .bind(since)
    .fetch_all(db.pool())
    .await?;
    with_outputs(db, rows).await
}

/// What of a person changed at or after `since`, with the moment of each change, oldest change first; of more than a
/// thousand, the newest.
///
/// # Errors
/// When the database fails.
pub async fn changed(db: &Db, owner: &PersonId, since: Timestamp) -> Result<Vec<(Timestamp, GenerationView)>, sqlx::Error> {
    let mut rows: Vec<Row> = sqlx::query_as(select_views!(
        "where g.owner_id = $1 and g.updated_at >= $2 and g.purged_at is null order by g.updated_at desc, g.id desc limit 1000"
    ))
    .bind(owner)
    .bind(since)
    .fetch_all(db.pool())
    .await?;
    rows.reverse();
    let moments: Vec<_> = rows.iter().map(|row| row.updated_at).collect();
    Ok(moments.into_iter().zip(with_outputs(db, rows).await?).collect())
}

/// A kept file that a person may read: its key in the store and its content type.
///
/// # Errors
/// When the database fails.
pub async fn file(db: &Db, owner: &PersonId, id: &GenerationId, place: i64) -> Result<Option<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "select o.object_key, o.content_type from output o join generation g on g.id = o.generation_id
         where g.owner_id = $1 and g.id = $2 and o.place = $3 and g.purged_at is null",
    )
    .bind(owner)
    .bind(id)
    .bind(place)
    .fetch_optional(db.pool())
    .await
}

/// What a generation was told, and which model; `None` when it is not this person's.
///
/// # Errors
/// When the database fails.
pub async fn input(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<(ModelName, Map<String, Value>)>, sqlx::Error> {
    let row: Option<(ModelName, String)> =
        sqlx::query_as("select model, input from generation where owner_id = $1 and id = $2 and purged_at is null")
            .bind(owner)
            .bind(id)
            .fetch_optional(db.pool())
            .await?;
    Ok(row.map(|(model, input)| (model, serde_json::from_str(&input).unwrap_or_default())))
}

/// What a person asked for lately, in words, newest first, none twice; those that hold `search`, whatever its case.
///
/// # Errors
/// When the database fails.
pub async fn prompts(db: &Db, owner: &PersonId, search: &str) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "select prompt from generation where owner_id = $1 and prompt <> '' order by created_at desc, id desc limit 2000",
    )
    .bind(owner)
    .fetch_all(db.pool())
    .await?;
    let search = search.trim().to_lowercase();
    let mut seen = HashSet::new();
    let fits = |prompt: &String| prompt.to_lowercase().contains(&search) && seen.insert(prompt.clone());
    Ok(rows.into_iter().map(|(prompt,)| prompt).filter(fits).take(100).collect())
}

/// Where the time of a generation that succeeded went; `None` when it is not this person's or has not.
///
/// # Errors
/// When the database fails.
pub async fn times(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<Times>, sqlx::Error> {
    type Moments = (Timestamp, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);
    let moments: Option<Moments> = sqlx::query_as(
        "select g.created_at, g.submit_at, g.started_at,
                (select min(e.at) from generation_event e where e.generation_id = g.id and e.to_state = 'storing'), g.finished_at
         from generation g where g.owner_id = $1 and g.id = $2 and g.state = 'succeeded' and g.purged_at is null",
    )
    .bind(owner)
    .bind(id)
    .fetch_optional(db.pool())
    .await?;
    let Some((asked, submitted, started, stored, finished)) = moments else { return Ok(None) };
    let Some((submitted, finished)) = submitted.zip(finished) else { return Ok(None) };
    // Replicate's clock is not ours: nothing here lasts less than nothing, and the parts add up to the whole.
    let stored = stored.unwrap_or(finished);
    let started = started.unwrap_or(submitted).clamp(submitted, stored.max(submitted));
    let between = |from: Timestamp, to: Timestamp| to.since(from).max(0);
    Ok(Some(Times {
        queue: between(asked, submitted),
        boot: between(submitted, started),
        run: between(started, stored),
        save: between(stored, finished),
    }))
}

/// The output of a generation in the shape its model gave it, each kept file as the address that `address` tells; `None`
/// when it is not this person's or has none.
///
/// # Errors
/// When the database fails.
pub async fn shape(
    db: &Db,
    owner: &PersonId,
    id: &GenerationId,
    address: &impl Fn(i64) -> Option<String>,
) -> Result<Option<Value>, sqlx::Error> {
    let shape: Option<(Option<String>,)> =
        sqlx::query_as("select output_shape from generation where owner_id = $1 and id = $2 and purged_at is null")
            .bind(owner)
            .bind(id)
            .fetch_optional(db.pool())
            .await?;
    let shape = shape.and_then(|(shape,)| serde_json::from_str(&shape?).ok());
    Ok(shape.map(|shape| made::with_addresses(&shape, address)))
}

/// What the text or the document among the outputs says, for reading.
///
/// # Errors
/// When the database fails.
pub async fn document(db: &Db, owner: &PersonId, view: &GenerationView) -> Result<Option<String>, sqlx::Error> {
    if view.outputs.iter().all(|output| !matches!(output.medium(), Medium::Text | Medium::Json)) {
        return Ok(None);
    }
    let address = |place| view.outputs.iter().find(|output| output.index == place).map(|output| output.url.clone());
    let shape = shape(db, owner, &view.id, &address).await?;
    Ok(shape.map(|shape| match made::text(&shape, view.kind) {
        Some(text) => text,
        None => serde_json::to_string_pretty(&shape).unwrap_or_default(),
    }))
}

/// Whether a generation is this person's.
pub(super) async fn exists(tx: &mut Tx, owner: &PersonId, id: &GenerationId) -> Result<bool, sqlx::Error> {
    let found: Option<(i64,)> = sqlx::query_as("select version from generation where id = $1 and owner_id = $2")
        .bind(id)
        .bind(owner)
        .fetch_optional(tx.connection())
        .await?;
    Ok(found.is_some())
}

#[derive(sqlx::FromRow)]
struct OutputRow {
    generation_id: GenerationId,
    place: i64,
    object_key: String,
    content_type: String,
    bytes: i64,
    sha256: String,
    width: i64,
    height: i64,
    color: String,
    thumbhash: String,
    duration_ms: Option<i64>,
}

/// Joins generations with their outputs: two queries however many rows, the ids travelling as one JSON text.
async fn with_outputs(db: &Db, rows: Vec<Row>) -> Result<Vec<GenerationView>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    let outputs: Vec<OutputRow> = sqlx::query_as(db.either(
        "select generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, duration_ms
         from output where generation_id in (select value from json_each($1)) order by generation_id, place",
        "select generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, duration_ms
         from output where generation_id in (select json_array_elements_text($1::json)) order by generation_id, place",
    ))
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(db.pool())
    .await?;
    let mut by_generation: HashMap<GenerationId, Vec<OutputView>> = HashMap::new();
    for output in outputs {
        by_generation.entry(output.generation_id.clone()).or_default().push(output_view(output));
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let outputs = by_generation.remove(&row.id).unwrap_or_default();
            view(row, outputs)
        })
        .collect())
}

fn output_view(row: OutputRow) -> OutputView {
    let (id, place) = (&row.generation_id, row.place);
    let picture = Medium::of(&row.content_type) == Medium::Picture;
    let copy = |size: &str| if picture { format!("/files/{id}/{place}.{size}.webp") } else { String::new() };
    let extension = row.object_key.rsplit('.').next().unwrap_or_default();
    OutputView {
        index: place,
        url: format!("/files/{id}/{place}.{extension}"),
        small: copy("small"),
        large: copy("large"),
        width: row.width,
        height: row.height,
        duration_ms: row.duration_ms,
        bytes: row.bytes,
        content_type: row.content_type,
        sha256: row.sha256,
        color: row.color,
        thumbhash: row.thumbhash,
    }
}

fn view(row: Row, outputs: Vec<OutputView>) -> GenerationView {
    let phase = phase(&row);
    GenerationView {
        id: row.id,
        request_key: row.request_key,
        version: row.version,
        phase,
        prompt: row.prompt,
        model: row.model,
        model_label: row.label,
        aspect: row.aspect,
        count: row.count,
        price_rule: row.price_rule,
        kind: row.output_kind,
        text: row.output_text.map(|text| beginning(&text)),
        seed: row.seed,
        price: row.price,
        captured: row.captured,
        progress: row.progress.filter(|_| phase == Phase::Rendering),
        wait: None,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        // While it is saving, what is kept already is not shown: a card shows a whole result or none.
        outputs: if row.state == State::Succeeded { outputs } else { Vec::new() },
    }
}

/// As much of a text as travels with every change of it.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 8_000;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn phase(row: &Row) -> Phase {
    match row.state {
        State::Queued | State::Submitting | State::Waiting if row.cancel_requested_at.is_some() => Phase::Canceling,
        State::Queued => Phase::Queued,
        State::Waiting if row.prediction_status.as_deref() == Some("processing") => Phase::Rendering,
        State::Submitting | State::Waiting => Phase::Starting,
        State::Storing => Phase::Saving,
        State::Canceling => Phase::Canceling,
        State::Parked => Phase::Delayed,
        State::Succeeded => Phase::Succeeded,
        State::Failed => Phase::Failed(row.failure.unwrap_or(Failure::Internal)),
        State::Canceled => Phase::Canceled,
    }
}
