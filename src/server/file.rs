//! Files that people send us to work from: a picture to start with, a mask, a voice.
//!
//! A file is believed to be what its bytes say and nothing else, and films and sounds are walked to their end; a picture is written anew, without what its camera noted
//! besides the pixels. Only then is it put into the store, and only then does a row name it. It belongs to one person:
//! every verb here is told whose file it is asked about, and somebody else's is not there.
//!
//! A generation's input names a file by its [mark](crate::domain::FileId::mark), never by an address that somebody gave:
//! what is at an address can change or vanish, and whoever asks for it tells its owner about us. [`adopt`] makes files of
//! ours out of the addresses in a request, [`resolve`] makes something of the marks that the model can read.
//!
//! What no generation works from is cleared away a week after it was last touched.
//!
//! | module | what it is for |
//! |---|---|
//! | [`adopt`](mod@adopt) | addresses in, marks out |
//! | [`kind`] | what a file is |
//! | [`resolve`](mod@resolve) | marks in, what a model reads out |
//! | `rows` | the SQL |
//! | [`uploads`] | files on their way in |

pub mod adopt;
pub mod kind;
pub mod resolve;
mod rows;
pub mod uploads;

pub use self::rows::{File, delete, describe, erase, find, list, orphans, sealed, sweep, work_from, worked_from};

use self::kind::Accepts;
use self::uploads::{Arrival, Uploads};
use super::db::{Db, Yielding};
use super::egress::Egress;
use super::media;
use super::picture::{self, Problem};
use super::sink::Arrived;
use super::store::{self, Extension, Key, Store};
use crate::domain::{FileId, FileProblem, MAX_SIDE, PersonId, Timestamp};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io;

/// The most bytes of a file that a page sends.
pub const PAGE_BYTES: u64 = picture::MAX_BYTES as u64;
/// The most bytes of a file that a program sends. A picture may still have no more than a page's.
pub const API_BYTES: u64 = 100_000_000;
/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 120;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// For a reason that its owner can do something about.
    #[error("refused: {0:?}")]
    Refused(FileProblem),
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Our own disk failed.
    #[error("a file could not be written or read here: {0}")]
    Disk(#[from] io::Error),
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Refused(_) | Self::Store(_) | Self::Disk(_) => None,
        }
    }
}

/// What it takes to take files in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    /// The rows.
    pub db: Db,
    /// Where they are kept.
    pub store: Store,
    /// Where they arrive.
    pub uploads: Uploads,
    /// The way to those that are somewhere else.
    pub egress: Egress,
}

/// A file that was looked at and may be kept.
struct Proved {
    extension: Extension,
    size: Option<(u32, u32)>,
    sha256: String,
    bytes: u64,
    /// Written anew; `None` when it is kept as it came.
    anew: Option<Bytes>,
}

impl Files {
    /// Keeps a file that has arrived, for its owner; one that they have already is the same file again.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is not one that is kept; nothing has changed then, nor after any other error.
    pub async fn keep(
        &self,
        owner: &PersonId,
        arrival: &Arrival,
        arrived: &Arrived,
        name: &str,
        accepts: Accepts,
        now: Timestamp,
    ) -> Result<File, Error> {
        let proved = self.prove(arrival, arrived, accepts).await?;
        if let Some(known) = rows::touch_same(&self.db, owner, &proved.sha256, now).await? {
            return Ok(known);
        }
        let id = FileId::trusted(hex::encode(rand::random::<[u8; 16]>()));
        let key = Key::file(&id, proved.extension);
        match &proved.anew {
            Some(bytes) => self.store.put_bytes(&key, bytes.clone()).await?,
            None => self.store.put(&key, arrival.path()).await?,
        }
        let file = File {
            id,
            owner_id: owner.clone(),
            name: plain_name(name, proved.extension),
            content_type: proved.extension.content_type().to_owned(),
            bytes: i64::try_from(proved.bytes).unwrap_or(i64::MAX),
            sha256: proved.sha256,
            width: proved.size.map(|(width, _)| i64::from(width)),
            height: proved.size.map(|(_, height)| i64::from(height)),
            object_key: key.to_string(),
            created_at: now,
            metadata: None,
        };
        let kept = rows::insert(&self.db, &file).await;
        if !matches!(kept, Ok(true)) {
            // No row names it. Should this fail too, the reconciler finds it.
            if let Err(error) = self.store.delete(&key).await {
                tracing::warn!(%key, %error, "an object that is not needed could not be removed");
            }
        }
        if kept? {
            return Ok(file);
        }
        // Perhaps the same file came twice at once, and the other was first.
        rows::touch_same(&self.db, owner, &file.sha256, now).await?.ok_or(Error::Refused(FileProblem::Full))
    }

    /// Looks at a file: what it is, whether it is whole as far as that can be told, and what is to be kept of it.
    async fn prove(&self, arrival: &Arrival, arrived: &Arrived, accepts: Accepts) -> Result<Proved, Error> {
        let bytes = tokio::fs::read(arrival.path()).await?;
        let sha256 = arrived.sha256.clone();
        self.uploads.unpack(move || prove(&bytes, sha256, accepts)).await?
    }
}

fn prove(bytes: &[u8], sha256: String, accepts: Accepts) -> Result<Proved, Error> {
    if picture::Kind::sniff(bytes).is_some() {
        if bytes.len() as u64 > PAGE_BYTES {
            return Err(Error::Refused(FileProblem::TooLarge(megabytes(PAGE_BYTES))));
        }
        let cleaned = picture::clean(bytes)?;
        return Ok(Proved {
            extension: cleaned.kind.extension(),
            size: Some((cleaned.width, cleaned.height)),
            sha256: hex::encode(Sha256::digest(&cleaned.bytes)),
            bytes: cleaned.bytes.len() as u64,
            anew: Some(cleaned.bytes.into()),
        });
    }
    let document = kind::document(bytes).filter(|_| accepts == Accepts::Any);
    let (extension, size) = if let Some(document) = document {
        (document, None)
    } else {
        let found = media::inspect(bytes)?;
        if !kind::is_sent(found.kind) {
            return Err(Error::Refused(FileProblem::Type));
        }
        (found.kind.extension(), found.width.zip(found.height))
    };
    Ok(Proved { extension, size, sha256, bytes: bytes.len() as u64, anew: None })
}

impl From<media::Problem> for Error {
    fn from(problem: media::Problem) -> Self {
        match problem {
            media::Problem::Unknown => Self::Refused(FileProblem::Type),
            media::Problem::TooLarge => Self::Refused(FileProblem::TooLarge(megabytes(API_BYTES))),
            media::Problem::Damaged(why) => {
                tracing::info!(why, "a file that somebody sent is damaged");
                Self::Refused(FileProblem::Damaged)
            }
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::NotAPicture => Self::Refused(FileProblem::Type),
            Problem::TooLarge => Self::Refused(FileProblem::TooWide(i64::from(MAX_SIDE))),
            Problem::Damaged(why) => {
                tracing::info!(why, "a picture that somebody sent is damaged");
                Self::Refused(FileProblem::Damaged)
            }
        }
    }
}

/// A limit as people are told it.
const fn megabytes(bytes: u64) -> i64 {
    bytes.div_ceil(1_000_000).cast_signed()
}

/// The last part of a name, without what no name should hold, and with the ending that its bytes call for.
fn plain_name(name: &str, extension: Extension) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let stem: String = stem.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let stem = match stem.trim() {
        "" => "file",
        stem => stem,
    };
    format!("{stem}.{}", extension.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_with_the_right_ending_and_no_control_characters() {
        for (given, kept) in [
            ("IMG_0042.HEIC.jpg", "IMG_0042.HEIC.png"),
            ("C:\\Users\\mika\\cat.exe", "cat.png"),
            ("../../etc/passwd", "passwd.png"),
            ("夏 の海.jpeg", "夏 の海.png"),
            ("a\u{0}\r\nb\u{202e}.png", "ab\u{202e}.png"),
            ("", "file.png"),
            (".png", "file.png"),
            ("noending", "noending.png"),
        ] {
            assert_eq!(plain_name(given, Extension::Png), kept);
        }
        assert_eq!(plain_name(&"é".repeat(500), Extension::Png).chars().count(), LONGEST_NAME + 4);
    }

    #[test]
    fn limits_are_told_in_whole_megabytes() {
        assert_eq!((megabytes(PAGE_BYTES), megabytes(API_BYTES), megabytes(1)), (25, 100, 1));
    }
}
