//! What stays known of a generation for good, and what it comes from and led to. For its owner only.

use super::views;
use crate::domain::{Credits, GenerationId, GenerationView, Parent, PersonId, PredictionId, Receipt, Reference, Verdict};
use crate::server::db::Db;
use crate::server::picture::{Likeness, alike};
use crate::server::store::{Key, Store};
use crate::server::{file, ledger};

/// The most children that are told of.
const MOST_CHILDREN: i64 = 24;

/// The columns that only a receipt tells.
#[derive(sqlx::FromRow)]
struct Row {
    model_version: Option<String>,
    license_url: Option<String>,
    input: String,
    unit_price: Credits,
    prediction_id: Option<PredictionId>,
    retry_of: Option<String>,
    remix_of: Option<String>,
}

/// The receipt of a person's generation, over or not; `None` when it is not theirs.
///
/// # Errors
/// When the database fails.
pub async fn receipt(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<Receipt>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select g.model_version, m.license_url, g.input, g.unit_price, g.prediction_id, g.retry_of, g.remix_of
         from generation g join model m on m.name = g.model where g.owner_id = $1 and g.id = $2",
    )
    .bind(owner)
    .bind(id)
    .fetch_optional(db.pool())
    .await?;
    let Some((row, generation)) = row.zip(views::find(db, owner, id).await?) else { return Ok(None) };
    let mut references: Vec<_> = file::worked_from(db, id).await?.into_iter().map(reference).collect();
    references.sort_by(|one, other| one.id.cmp(&other.id));
    let again = row.retry_of.map(|id| Parent::Again(GenerationId::trusted(id)));
    let remix = row.remix_of.map(|id| Parent::Remix(GenerationId::trusted(id)));
    Ok(Some(Receipt {
        generation,
        version: row.model_version,
        license_url: row.license_url,
        input: serde_json::from_str(&row.input).unwrap_or_default(),
        references,
        unit_price: row.unit_price,
        steps: ledger::way(db, owner, id).await?,
        times: views::times(db, owner, id).await?,
        parent: again.or(remix),
        upstream: row.prediction_id.map(|id| id.to_string()),
    }))
}

fn reference(file: file::File) -> Reference {
    Reference { id: file.id, name: file.name, content_type: file.content_type, bytes: file.bytes, sha256: file.sha256 }
}

/// What was made from a generation, newest first; of many, the newest.
///
/// # Errors
/// When the database fails.
pub async fn children(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Vec<GenerationView>, sqlx::Error> {
    let found: Vec<(GenerationId,)> = sqlx::query_as(
        "select id from generation where owner_id = $1 and (retry_of = $2 or remix_of = $2) and state = 'succeeded' and trashed_at is null
         order by created_at desc, id desc limit $3",
    )
    .bind(owner)
    .bind(id)
    .bind(MOST_CHILDREN)
    .fetch_all(db.pool())
    .await?;
    let ids: Vec<_> = found.into_iter().map(|(id,)| id).collect();
    let mut children = views::of(db, owner, &ids).await?;
    Ok(ids.iter().filter_map(|id| children.remove(id)).collect())
}

/// What the same input made this time, beside what it made before. `None` unless it is one asked for once more, and both
/// went well.
///
/// # Errors
/// When the database fails. A picture that cannot be read counts as another one.
pub async fn verdict(db: &Db, store: &Store, owner: &PersonId, receipt: &Receipt) -> Result<Option<Verdict>, sqlx::Error> {
    let Some(Parent::Again(before)) = &receipt.parent else { return Ok(None) };
    let Some(before) = views::find(db, owner, before).await? else { return Ok(None) };
    let (then, now) = (&before.outputs, &receipt.generation.outputs);
    if then.is_empty() || now.is_empty() {
        return Ok(None);
    }
    if then.len() != now.len() {
        return Ok(Some(Verdict::Changed));
    }
    if then.iter().zip(now).all(|(then, now)| then.sha256 == now.sha256) {
        return Ok(Some(Verdict::Identical));
    }
    for (then_output, now_output) in then.iter().zip(now).filter(|(then, now)| then.sha256 != now.sha256) {
        let (one, other) = tokio::join!(
            likeness(store, &before.id, &then_output.small),
            likeness(store, &receipt.generation.id, &now_output.small)
        );
        if !one.zip(other).is_some_and(|(one, other)| alike(&one, &other)) {
            return Ok(Some(Verdict::Changed));
        }
    }
    Ok(Some(Verdict::Alike))
}

/// How a picture looks, by its thumbnail; `None` when there is none.
async fn likeness(store: &Store, id: &GenerationId, address: &str) -> Option<Likeness> {
    let key = Key::parse(id, address.rsplit('/').next()?)?;
    let bytes = store.get(&key, None).await.ok()?.bytes().await.ok()?;
    tokio::task::spawn_blocking(move || Likeness::of(&bytes)).await.ok()?
}
