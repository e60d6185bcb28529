//! A press of the button before the database is asked: who wants what, how often, what it costs, and under which ids.
//!
//! Everything here is decided without looking anything up, so that a press that has to give way to another is sent again
//! as it is.

use super::Source;
use crate::domain::{
    Credits, FileId, FileProblem, GenerationId, Model, Parent, PersonId, Refusal, Request, RequestKey, Timestamp,
};
use crate::server::db::mint;
use crate::server::file;
use crate::server::generation::Error;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Several generations of one person, one model and one price each, all or none. The first says for all what was quoted.
#[derive(Clone, Debug)]
pub(in crate::server::generation) struct Press {
    pub source: Source,
    pub owner: PersonId,
    pub(super) wanted: Vec<Wanted>,
    /// The price of all.
    pub total: Credits,
    /// The price that stood on the button.
    pub quoted: Option<Credits>,
    /// The price they were asked about and said yes to.
    pub confirmed: Option<Credits>,
    pub at: Timestamp,
}

/// One generation to be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub id: GenerationId,
    pub key: RequestKey,
    /// What the key stands for.
    pub hash: String,
    pub prompt: String,
    pub unit_price: Credits,
    pub price: Credits,
    pub deadline: Timestamp,
    /// The files it works from, by the property that names them.
    pub files: Vec<(String, Vec<FileId>)>,
    /// Its row.
    pub row: Value,
}

impl Press {
    /// Decides all that can be decided by itself. At least one is wanted.
    ///
    /// # Errors
    /// [`Error::Refused`] when a file is named that is not ours to work from.
    pub fn of(source: &Source, owner: &PersonId, requests: &[Request], model: &Model, at: Timestamp) -> Result<Self, Error> {
        let first = requests.first().ok_or_else(|| sqlx::Error::Protocol("nothing was asked for".into()))?;
        let wanted: Vec<_> =
            requests.iter().map(|request| Wanted::of(source, owner, request, model, at)).collect::<Result<_, _>>()?;
        let total = wanted.iter().try_fold(0_i64, |sum, wanted| sum.checked_add(wanted.price.0)).map(Credits);
        Ok(Self {
            source: source.clone(),
            owner: owner.clone(),
            total: total.ok_or_else(too_dear)?,
            quoted: first.quoted,
            confirmed: first.confirmed,
            wanted,
            at,
        })
    }

    /// The id that answers for all.
    pub fn first(&self) -> &GenerationId {
        &self.wanted[0].id
    }

    /// Nobody pays more than stood on the button.
    pub fn as_quoted(&self) -> Result<(), Error> {
        let shown = self.quoted.filter(|quoted| *quoted < self.total);
        shown.map_or(Ok(()), |quoted| Err(Error::Refused(Refusal::PriceChanged { quoted, price: self.total })))
    }
}

impl Wanted {
    fn of(source: &Source, owner: &PersonId, request: &Request, model: &Model, at: Timestamp) -> Result<Self, Error> {
        let files = named_files(&request.input, model)?;
        // Before it has a seed: the same press again would be given another one.
        let hash = fingerprint(request);
        let price = model.price_of(request.units).ok_or_else(too_dear)?;
        let id = GenerationId::trusted(mint());
        let request = seeded(request.clone(), model, &id);
        let (asked_deadline, deadline) = source.deadlines(at);
        let (again, remix) = match &request.parent {
            Some(Parent::Again(id)) => (Some(id), None),
            Some(Parent::Remix(id)) => (None, Some(id)),
            None => (None, None),
        };
        let call = source.call();
        let row = json!({
            "id": id, "owner_id": owner, "request_key": request.key, "request_hash": hash, "model": request.model,
            "model_version": model.pinned(), "prompt": request.prompt, "aspect": request.aspect.as_str(), "seed": request.seed,
            "count": request.units, "input": json!(request.input).to_string(), "unit_price": model.price.unit, "price": price,
            "at": at, "deadline_at": deadline, "priority": source.priority(), "price_rule": model.price.rule.as_str(),
            "output_kind": model.kind().as_str(), "api_key_id": call.map(|call| &call.key),
            "webhook": call.and_then(|call| call.webhook.as_deref()),
            "webhook_events": call.and_then(|call| call.webhook_events.as_deref()),
            "asked_deadline_at": asked_deadline, "retry_of": again, "remix_of": remix,
        });
        let Request { key, prompt, .. } = request;
        Ok(Self { id, key, hash, prompt, unit_price: model.price.unit, price, deadline, files, row })
    }
}

fn too_dear() -> sqlx::Error {
    sqlx::Error::Protocol("a price does not fit".into())
}

/// The files that an input names, by the property. By now they are ours: an address that somebody else could change or
/// watch is not what a model is told.
fn named_files(input: &Map<String, Value>, model: &Model) -> Result<Vec<(String, Vec<FileId>)>, Error> {
    let mut named = Vec::new();
    for property in model.file_names() {
        let ids = file::adopt::marked(input, &[property]);
        if file::adopt::has_addresses(input, property) {
            return Err(Error::Refused(refused_file(property, FileProblem::Address)));
        }
        if !ids.is_empty() {
            named.push((property.to_owned(), ids));
        }
    }
    Ok(named)
}

pub(super) fn refused_file(property: &str, problem: FileProblem) -> Refusal {
    Refusal::Input(vec![problem.violation(property)])
}

/// A model that takes a seed always gets one: the picture can be made again, and should the answer to the paid call be
/// lost, no other prediction has the same input.
fn seeded(mut request: Request, model: &Model, id: &GenerationId) -> Request {
    let digest = Sha256::digest(id.as_str());
    let chosen = i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 1);
    if request.seed.is_none() && model.takes_seed() {
        request.input.insert("seed".to_owned(), json!(chosen));
        request.seed = Some(chosen);
    }
    request
}

/// What a key stands for: everything asked for, but not the price that was shown.
fn fingerprint(request: &Request) -> String {
    // In the order of the names, however they came.
    let input: BTreeMap<_, _> = request.input.iter().collect();
    hex::encode(Sha256::digest(format!("{}\n{}", request.model, json!(input))))
}
