//! Making something of marks that a model can read, right before the paid call: the file itself, written into the input,
//! when it is small; or else a copy of it at Replicate, or a link to ours, which is used again for as long as it lives.

use super::{File, rows};
use crate::domain::{FileId, GenerationId, Timestamp};
use crate::server::data_url;
use crate::server::db::Db;
use crate::server::replicate::{self, Client, Upload};
use crate::server::seal::Seals;
use crate::server::store::{self, Key, Store};
use serde_json::Value;
use std::collections::HashMap;
use url::Url;

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
}

/// Where copies come from.
#[derive(Clone, Copy, Debug)]
pub enum Copies<'a> {
    /// Made at this Replicate, unless there is one that lives until then.
    Made(&'a Client, Timestamp),
    /// Links to our own below this origin, which live until then.
    Linked(&'a Url, Timestamp),
    /// Only those that were made: to know an input again that was sent.
    Known,
    /// None, however large a file is: a server of our own is given the file itself, and nobody else sees it.
    WrittenOut,
}

/// Why a mark stays one.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// The file is gone, or was never copied.
    #[error("file {0} is gone")]
    Gone(FileId),
    /// Our store would not give it; it may later.
    #[error("a file could not be read: {0}")]
    Store(store::Error),
    /// Replicate would not take it.
    #[error("a file could not be copied: {0}")]
    Replicate(#[from] replicate::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Replaces the marks in an input, wherever they stand, by what a model can read. Only marks of files that this generation
/// [works from](super::work_from) are replaced; whose they are was asked when that was written down.
///
/// # Errors
/// See [`Unresolved`]; the input is then not to be used.
pub async fn resolve(
    sides: Sides<'_>,
    copies: Copies<'_>,
    generation: &GenerationId,
    input: &mut Value,
    now: Timestamp,
) -> Result<(), Unresolved> {
    let mut marks = Vec::new();
    each_text(input, &mut |text| marks.extend(FileId::marked(text)));
    if marks.is_empty() {
        return Ok(());
    }
    let mut texts = HashMap::new();
    for file in rows::worked_from(sides.db, generation).await? {
        if marks.contains(&file.id) {
            let text = one(sides, copies, &file, now).await?;
            texts.insert(file.id.mark(), text);
        }
    }
    each_text(input, &mut |text| {
        if let Some(readable) = texts.get(text) {
            text.clone_from(readable);
        }
    });
    Ok(())
}

async fn one(sides: Sides<'_>, copies: Copies<'_>, file: &File, now: Timestamp) -> Result<String, Unresolved> {
    let gone = || Unresolved::Gone(file.id.clone());
    let written_out = file.bytes <= WRITTEN_OUT || matches!(copies, Copies::WrittenOut);
    if !written_out {
        let until = match copies {
            Copies::Made(_, until) | Copies::Linked(_, until) => until.plus_ms(SPARE_MS),
            Copies::Known | Copies::WrittenOut => Timestamp(0),
        };
        if let Some(url) = rows::copy(sides.db, &file.id, until).await? {
            return Ok(url);
        }
    }
    let key = file.key().ok_or_else(gone)?;
    let replicate = match copies {
        Copies::Made(replicate, _) => Some(replicate),
        Copies::Linked(origin, until) if !written_out => return linked(sides, origin, file, &key, until).await,
        Copies::Linked(..) | Copies::Known | Copies::WrittenOut => None,
    };
    if replicate.is_none() && !written_out {
        return Err(gone());
    }
    let object = sides.store.get(&key, None).await.map_err(|error| match error {
        store::Error::NotFound => gone(),
        error => Unresolved::Store(error),
    })?;
    let Some(replicate) = replicate.filter(|_| !written_out) else {
        let bytes = object.bytes().await.map_err(Unresolved::Store)?;
        return Ok(data_url::encode(&file.content_type, &bytes));
    };
    // Its own name stays here: it may say more than the picture does.
    let name = key.file_name().to_owned();
    let content_type = file.content_type.clone();
    let copy = replicate.upload(Upload { name, content_type, bytes: object.length, body: object.body }).await?;
    let lives_until = copy.expires_at.unwrap_or(now.plus_ms(UNTOLD_MS));
    rows::copied(sides.db, &file.id, &copy.url, lives_until).await?;
    Ok(copy.url)
}

/// A link to our own, which opens to whoever has it for as long as the run may need it and some to spare.
async fn linked(sides: Sides<'_>, origin: &Url, file: &File, key: &Key, until: Timestamp) -> Result<String, Unresolved> {
    let until = until.plus_ms(2 * SPARE_MS);
    let word = Seals::new(sides.db.clone()).get().await?.put_file(&file.id, until);
    let origin = origin.as_str().trim_end_matches('/');
    let url = format!("{origin}/i/{word}/{}", key.file_name());
    // To be known again, should the answer to the call be lost.
    rows::copied(sides.db, &file.id, &url, until).await?;
    Ok(url)
}

/// Every text in a value, however deep.
fn each_text(value: &mut Value, with: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, with)),
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| each_text(member, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether an input that Replicate shows may be what an input of ours became: the same but for the marks in it, each of
/// which has become some text. Enough to wonder about a prediction, not to call it one's own.
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
