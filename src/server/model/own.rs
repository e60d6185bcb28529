//! Entries that run on a server of the operator's own: put in by its address, and described by what it says itself.

use super::log::{Actor, Deed};
use super::upstream::{Error, New, compare, insert, listed};
use crate::domain::catalogue::{AddProblem, SchemaChanges, parse_name, read_endpoint};
use crate::domain::{ModelName, Timestamp};
use crate::server::cog::{Cog, Unasked};
use crate::server::db::Db;
use serde_json::{Value, json};

/// Puts a model into the catalogue that runs on the Cog server at `typed_endpoint`, under a name of the operator's choice.
/// Not offered before somebody has looked at its price.
///
/// # Errors
/// [`Error::Refused`] with the reason.
pub async fn add_own(
    db: &Db,
    cog: &Cog,
    actor: &Actor,
    typed_name: &str,
    typed_endpoint: &str,
    now: Timestamp,
) -> Result<ModelName, Error> {
    let refused = |problem| Err(Error::Refused(problem));
    let Some((owner, name)) = parse_name(typed_name) else { return refused(AddProblem::Name) };
    let Some(endpoint) = read_endpoint(typed_endpoint) else { return refused(AddProblem::Endpoint) };
    let full_name = format!("{owner}/{name}");
    if super::entry::find(db, &full_name).await?.is_some() {
        return refused(AddProblem::Known);
    }
    let schemas = match cog.schemas(&endpoint).await {
        Ok(schemas) => schemas,
        Err(Unasked::Undescribed) => return refused(AddProblem::ServerUndescribed),
        Err(error @ Unasked::Away(_)) => {
            tracing::warn!(%error, endpoint, "a server of our own could not be asked");
            return refused(AddProblem::ServerAway);
        }
    };
    let (sentence, version, license_url) = (String::new(), None, None);
    let new = New { full_name, sentence, version, official: false, license_url, endpoint: Some(endpoint), schemas };
    if insert(db, actor, &new, now).await? { Ok(ModelName::trusted(new.full_name)) } else { refused(AddProblem::Known) }
}

/// Reads again what the server of an entry says that its model takes, and says what is different. What the house allows at
/// most stays for every number that is still there.
///
/// # Errors
/// [`Error::Nothing`] when there is no such entry, or it has another server meanwhile; [`Error::Refused`] when the server
/// does not say.
pub async fn reread(db: &Db, cog: &Cog, actor: &Actor, name: &str, now: Timestamp) -> Result<SchemaChanges, Error> {
    let row: Option<(Option<String>, String, String)> =
        sqlx::query_as("select endpoint, schemas, maxima from model where name = $1")
            .bind(name.to_owned())
            .fetch_optional(db.pool())
            .await?;
    let Some((Some(endpoint), schemas, maxima)) = row else { return Err(Error::Nothing) };
    let told = cog.schemas(&endpoint).await.map_err(|error| match error {
        Unasked::Undescribed => Error::Refused(AddProblem::ServerUndescribed),
        Unasked::Away(_) => Error::Refused(AddProblem::ServerAway),
    })?;
    let (changes, kept): (_, Value) = compare(&super::json(&schemas)?, &told, &super::json(&maxima)?);
    let mut tx = db.begin().await?;
    let read = sqlx::query("update model set schemas = $3, maxima = $4 where name = $1 and endpoint = $2")
        .bind(name.to_owned())
        .bind(endpoint)
        .bind(told.to_string())
        .bind(kept.to_string())
        .execute(tx.connection())
        .await?;
    if read.rows_affected() == 0 {
        return Err(Error::Nothing);
    }
    if changes != SchemaChanges::default() {
        Deed { actor, action: "model.moved", subject: name, now }.note(&mut tx, &json!({}), &listed(&changes)).await?;
    }
    tx.commit().await?;
    Ok(changes)
}
