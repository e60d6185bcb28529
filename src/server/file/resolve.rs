//! Making something of marks that a model can read, right before the paid call: the file itself, written into the input,
//! when it is small; or else a copy of it at Replicate, which is used again for as long as it lives.

use super::{File, find, rows};
use crate::domain::{FileId, PersonId, Timestamp};
use crate::server::data_url;
use crate::server::db::Db;
use crate::server::replicate::{self, Client, Upload};
use crate::server::store::{self, Store};
use serde_json::{Map, Value};

/// What is longer is not written into an input; Replicate advises as much.
const WRITTEN_OUT: i64 = 256_000;
/// How much longer than it is needed a copy must be said to live: its clock is not ours.
const SPARE_MS: i64 = 5 * 60 * 1_000;
/// How long a copy lives that nothing else is said of, in milliseconds. The shortest that was ever seen.
const UNTOLD_MS: i64 = 60 * 60 * 1_000;

/// What is needed to resolve.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The rows.
    pub db: &'a Db,
    /// Where files are kept.
    pub store: &'a Store,
    /// Where copies go.
    pub replicate: &'a Client,
}

/// Why a mark stays one.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// The file is gone, or never was this person's. It will not come back.
    #[error("the file of {0} is gone")]
    Gone(String),
    /// Our store would not give it; it may later.
    #[error("the file could not be read: {0}")]
    Store(store::Error),
    /// Replicate would not take it.
    #[error("the file could not be copied: {0}")]
    Replicate(#[from] replicate::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Replaces the marks in the properties `names` of an input; each must be a file of `owner`, and what replaces it can be
/// read at least until `until`.
///
/// # Errors
/// See [`Unresolved`]; the input is then not to be used.
pub async fn resolve(
    sides: Sides<'_>,
    owner: &PersonId,
    input: &mut Map<String, Value>,
    names: &[&str],
    until: Timestamp,
    now: Timestamp,
) -> Result<(), Unresolved> {
    for name in names {
        let Some(value) = input.get_mut(*name) else { continue };
        let items: &mut [Value] = match value {
            Value::Array(items) => items,
            single => std::slice::from_mut(single),
        };
        for item in items {
            if let Some(id) = item.as_str().and_then(FileId::marked) {
                let file = find(sides.db, owner, &id).await?.ok_or_else(|| Unresolved::Gone((*name).to_owned()))?;
                *item = Value::String(one(sides, &file, name, until, now).await?);
            }
        }
    }
    Ok(())
}

async fn one(sides: Sides<'_>, file: &File, name: &str, until: Timestamp, now: Timestamp) -> Result<String, Unresolved> {
    let written_out = file.bytes <= WRITTEN_OUT;
    if !written_out && let Some(url) = rows::copy(sides.db, &file.id, until.plus_ms(SPARE_MS)).await? {
        return Ok(url);
    }
    let key = file.key().ok_or_else(|| Unresolved::Gone(name.to_owned()))?;
    let object = sides.store.get(&key, None).await.map_err(|error| match error {
        store::Error::NotFound => Unresolved::Gone(name.to_owned()),
        error => Unresolved::Store(error),
    })?;
    if written_out {
        let bytes = object.bytes().await.map_err(Unresolved::Store)?;
        return Ok(data_url::encode(&file.content_type, &bytes));
    }
    // Its own name stays here: it may say more than the picture does.
    let upload = Upload {
        name: key.file_name().to_owned(),
        content_type: file.content_type.clone(),
        bytes: object.length,
        body: object.body,
    };
    let copy = sides.replicate.upload(upload).await?;
    let lives_until = copy.expires_at.unwrap_or(now.plus_ms(UNTOLD_MS));
    rows::copied(sides.db, &file.id, &copy.url, lives_until).await?;
    Ok(copy.url)
}

/// Whether an input that Replicate shows is what an input of ours became: the same but for the marks in it, each of which
/// has become some text.
pub fn became(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::String(mark), Value::String(_)) if FileId::marked(mark).is_some() => true,
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| became(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, value)| theirs.get(name).is_some_and(|theirs| became(value, theirs)))
        }
        (ours, theirs) => ours == theirs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_input_is_known_again_whatever_its_marks_became() {
        let mark = FileId::trusted("00112233445566778899aabbccddeeff").mark();
        let ours = json!({"prompt": "a cat", "image": mark, "more": [mark, mark], "seed": 7});
        let theirs = |image: Value, seed: i64| json!({"prompt": "a cat", "image": image, "more": ["https://a.example/1", "data:,"], "seed": seed});
        assert!(became(&ours, &theirs(json!("https://a.example/1"), 7)));
        assert!(!became(&ours, &theirs(json!("https://a.example/1"), 8)));
        assert!(!became(&ours, &theirs(json!(null), 7)));
        assert!(!became(&ours, &json!({"prompt": "a cat", "image": "x", "more": ["x"], "seed": 7})));
        assert!(!became(&ours, &json!({"prompt": "a cat", "image": "x", "more": ["x", "x"], "seed": 7, "go_fast": true})));
        assert!(became(&json!({"a": 1}), &json!({"a": 1})) && !became(&json!({"a": 1}), &json!({"a": "1"})));
    }
}
