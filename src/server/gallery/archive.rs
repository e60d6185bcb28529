//! Many originals as one ZIP, written while it is read: what is in memory is one batch of rows and one chunk of one file,
//! however much there is.
//!
//! A file is called by its day, the beginning of its prompt and the end of its id: `20261122_夕焼けの海_9f2c01ab34cd.webp`. Beside the
//! files of a generation lies a document of the same name that says what was asked for, of which model, at which price.

mod offline;

use super::find::{Wanted, bind_view, over_view};
use super::marks::Chosen;
use crate::components::time;
use crate::domain::{Day, GenerationId, GenerationView, Lang, OutputView, PersonId};
use crate::server::db::Db;
use crate::server::generation::views;
use crate::server::store::{self, Key, Store};
use async_zip::error::ZipError;
use async_zip::tokio::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{AsyncWriteExt, Stream, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::io;
use tokio::io::{DuplexStream, duplex};
use tokio_util::io::ReaderStream;

/// What may be written before it is read, in bytes.
const AHEAD: usize = 256 * 1_024;
/// How many generations are looked up at once.
const BATCH: usize = 50;
/// The most characters of a prompt in a file's name.
const LONGEST_SLUG: usize = 40;

/// Why there is no more of it. Whoever reads it is told that the rest is missing.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the store failed: {0}")]
    Store(#[from] store::Error),
    #[error("it could not be written: {0}")]
    Zip(#[from] ZipError),
    #[error("it could not be sent: {0}")]
    Io(#[from] io::Error),
}

/// The generations that are chosen and have anything to keep, newest first.
///
/// # Errors
/// When the database fails.
pub async fn chosen(db: &Db, owner: &PersonId, chosen: &Chosen, lang: Lang) -> Result<Vec<GenerationId>, sqlx::Error> {
    let ids: Vec<(GenerationId,)> = match chosen {
        Chosen::Some(ids) => {
            let known = views::of(db, owner, ids).await?;
            return Ok(ids.iter().filter(|id| known.get(id).is_some_and(|view| !view.outputs.is_empty())).cloned().collect());
        }
        Chosen::At(_) => Vec::new(),
        Chosen::All(filter) => {
            let wanted = Wanted::new(owner, filter, lang);
            let text = over_view!(wanted, "select g.id", " order by g.created_at desc", " order by w.created_at desc");
            bind_view!(sqlx::query_as(text), &wanted).fetch_all(db.pool()).await?
        }
    };
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// A document that is no picture's, written while it is read.
pub struct Beside {
    /// What it is called in the archive.
    pub name: &'static str,
    /// What is in it.
    pub content: BoxStream<'static, Result<Bytes, sqlx::Error>>,
}

/// The bytes of the archive. It ends with an error when anything fails, so that half of it is not taken for the whole.
pub fn stream(
    db: Db,
    store: Store,
    owner: PersonId,
    ids: Vec<GenerationId>,
    lang: Lang,
) -> impl Stream<Item = io::Result<Bytes>> {
    packed(db, store, owner, ids, lang, None)
}

/// The same with other documents beside the originals, and a gallery to look at them without us.
pub fn everything(
    db: Db,
    store: Store,
    owner: PersonId,
    ids: Vec<GenerationId>,
    lang: Lang,
    beside: Vec<Beside>,
) -> impl Stream<Item = io::Result<Bytes>> {
    packed(db, store, owner, ids, lang, Some(beside))
}

fn packed(
    db: Db,
    store: Store,
    owner: PersonId,
    ids: Vec<GenerationId>,
    lang: Lang,
    beside: Option<Vec<Beside>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let (written, read) = duplex(AHEAD);
    let writing = tokio::spawn(async move {
        let mut archive = ZipFileWriter::with_tokio(written);
        if let Some(beside) = beside {
            for document in beside {
                put(&mut archive, document).await?;
            }
            offline::gallery(&mut archive, &db, &owner, &ids, lang).await?;
        }
        for batch in ids.chunks(BATCH) {
            let views = views::of(&db, &owner, batch).await?;
            for view in batch.iter().filter_map(|id| views.get(id)) {
                let input = views::input(&db, &owner, &view.id).await?.map(|(_, input)| Value::Object(input));
                add(&mut archive, &store, view, input, lang).await?;
            }
        }
        archive.close().await?;
        Ok::<_, Broken>(())
    });
    let end = stream::once(writing).filter_map(async |ended| match ended {
        Ok(Ok(())) => None,
        // Nobody reads any more; there is nobody to tell.
        Ok(Err(Broken::Io(_))) => Some(Err(io::Error::from(io::ErrorKind::BrokenPipe))),
        Ok(Err(error)) => {
            tracing::error!(%error, "an archive broke off");
            Some(Err(io::Error::other("the archive broke off")))
        }
        Err(panic) => Some(Err(io::Error::other(panic))),
    });
    ReaderStream::new(read).chain(end)
}

/// Writes a document as it comes.
async fn put(archive: &mut ZipFileWriter<DuplexStream>, mut document: Beside) -> Result<(), Broken> {
    let entry = ZipEntryBuilder::new(document.name.to_owned().into(), Compression::Stored);
    let mut writer = archive.write_entry_stream(entry).await?;
    while let Some(part) = document.content.try_next().await? {
        writer.write_all(&part).await?;
    }
    writer.close().await?;
    Ok(())
}

async fn add(
    archive: &mut ZipFileWriter<DuplexStream>,
    store: &Store,
    view: &GenerationView,
    input: Option<Value>,
    lang: Lang,
) -> Result<(), Broken> {
    let name = name(view, lang);
    let mut files = Vec::new();
    for output in &view.outputs {
        let file = file_name(&name, output, view.outputs.len());
        let there = copy(archive, store, view, output, &file).await?;
        files.push(json!({
            "file": there.then_some(file), "sha256": output.sha256, "bytes": output.bytes, "content_type": output.content_type,
            "width": output.width, "height": output.height, "duration_ms": output.duration_ms,
        }));
    }
    let told = json!({
        "id": view.id, "created_at": time::machine(view.created_at), "model": view.model, "prompt": view.prompt,
        "seed": view.seed, "input": input, "credits": view.captured.0, "outputs": files,
    });
    let told = format!("{told:#}\n");
    let entry = ZipEntryBuilder::new(format!("{name}.json").into(), Compression::Stored);
    archive.write_entry_whole(entry, told.as_bytes()).await?;
    Ok(())
}

/// Copies one original into the archive, chunk by chunk. Whether it was there.
async fn copy(
    archive: &mut ZipFileWriter<DuplexStream>,
    store: &Store,
    view: &GenerationView,
    output: &OutputView,
    name: &str,
) -> Result<bool, Broken> {
    let Some(key) = Key::parse(&view.id, output.url.rsplit('/').next().unwrap_or_default()) else { return Ok(false) };
    let mut object = match store.get(&key, None).await {
        Ok(object) => object,
        Err(store::Error::NotFound) => {
            tracing::error!(%key, "a file that is recorded is not in the store");
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    // Pictures, films and sounds are compressed already.
    let entry = ZipEntryBuilder::new(name.to_owned().into(), Compression::Stored);
    let mut writer = archive.write_entry_stream(entry).await?;
    while let Some(chunk) = object.body.try_next().await? {
        writer.write_all(&chunk).await?;
    }
    writer.close().await?;
    Ok(true)
}

/// What the files of a generation are called, without an ending.
fn name(view: &GenerationView, lang: Lang) -> String {
    let day = Day::at(view.created_at, lang).machine().replace('-', "");
    let short = view.id.as_str().rsplit('-').next().unwrap_or_default();
    match slug(&view.prompt) {
        slug if slug.is_empty() => format!("{day}_{short}"),
        slug => format!("{day}_{slug}_{short}"),
    }
}

fn file_name(name: &str, output: &OutputView, of: usize) -> String {
    let extension = output.url.rsplit('.').next().unwrap_or_default();
    if of > 1 { format!("{name}_{}.{extension}", output.index + 1) } else { format!("{name}.{extension}") }
}

/// The letters and digits of a prompt, of any script; a hyphen for whatever lies between them.
fn slug(prompt: &str) -> String {
    let mut slug = String::new();
    for c in prompt.chars() {
        if slug.chars().count() >= LONGEST_SLUG {
            break;
        }
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    #[test]
    fn l10_a_file_is_called_by_its_day_its_prompt_and_its_id() {
        let mut view = samples::succeeded(2);
        assert_eq!(name(&view, Lang::En), "20261122_a-lighthouse-on-a-basalt-cliff-at-dusk_000000000001");
        view.prompt = "夕焼けの海、../../etc 🌊".into();
        let name = name(&view, Lang::Ja);
        assert_eq!(name, "20261122_夕焼けの海-etc_000000000001");
        assert_eq!(file_name(&name, &view.outputs[1], 2), format!("{name}_2.png"));
        assert_eq!(slug("!?"), "");
        assert!(slug(&"海".repeat(500)).len() <= LONGEST_SLUG * 4);
    }
}
