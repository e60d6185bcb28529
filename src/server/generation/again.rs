//! The same once more: a new generation with the stored input and the version that ran, at today's price.
//!
//! It is a press of its own, with a key and a hold of its own. It remembers what it repeats, so that the two can be laid
//! beside each other when it is done.

use super::request::{Desk, Press};
use super::{Error, Requested, Source, views};
use crate::domain::{
    AspectRatio, Credits, Field, FieldProblem, GenerationId, Model, ModelName, Parent, PersonId, Problem, Refusal, Request,
    RequestKey, Timestamp,
};
use crate::server::db::Db;
use crate::server::model;

/// What is repeated.
#[derive(sqlx::FromRow)]
struct Row {
    model: ModelName,
    model_version: Option<String>,
    prompt: String,
    aspect: AspectRatio,
    count: i64,
    seed: Option<i64>,
}

/// What the same would cost now; `None` when the model is not on offer any more.
///
/// # Errors
/// [`Error::NotFound`] when the generation is not this person's.
pub async fn price(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Option<Credits>, Error> {
    let row = read(db, owner, id).await?;
    Ok(pinned(db, &row).await?.and_then(|model| model.price_of(row.count)))
}

/// Asks for the same once more. The same key again answers with the generation it made.
///
/// # Errors
/// [`Error::NotFound`] when it is not this person's; [`Error::Refused`] when the price rose, the credits are short or the
/// model is not on offer any more: nothing is charged then.
pub async fn again(
    desk: &Desk,
    db: &Db,
    owner: &PersonId,
    id: &GenerationId,
    key: &RequestKey,
    quoted: Option<Credits>,
    now: Timestamp,
) -> Result<Requested, Error> {
    let row = read(db, owner, id).await?;
    let gone = || Error::Refused(Refusal::Fields(vec![FieldProblem { field: Field::Model, problem: Problem::Invalid }]));
    let model = pinned(db, &row).await?.ok_or_else(gone)?;
    let (_, input) = views::input(db, owner, id).await?.ok_or(Error::NotFound)?;
    let request = Request {
        key: key.clone(),
        model: row.model,
        prompt: row.prompt,
        aspect: row.aspect,
        units: row.count,
        seed: row.seed,
        quoted,
        // The form is for this one press, and its button says the price: whoever presses it has been asked.
        confirmed: quoted,
        parent: Some(Parent::Again(id.clone())),
        input,
    };
    desk.take(Press::of(&Source::Page, owner, &[request], &model, now)?).await
}

async fn read(db: &Db, owner: &PersonId, id: &GenerationId) -> Result<Row, Error> {
    let row: Option<Row> = sqlx::query_as(
        "select model, model_version, prompt, aspect, count, seed from generation where owner_id = $1 and id = $2",
    )
    .bind(owner)
    .bind(id)
    .fetch_optional(db.pool())
    .await?;
    row.ok_or(Error::NotFound)
}

/// The model as it is offered now, at the version that ran then.
async fn pinned(db: &Db, row: &Row) -> Result<Option<Model>, sqlx::Error> {
    let model = model::chosen(db, row.model.as_str()).await?;
    Ok(model.map(|model| match &row.model_version {
        Some(version) => Model { version: Some(version.clone()), official: false, ..model },
        None => model,
    }))
}
