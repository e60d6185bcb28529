//! Addresses that open to whoever knows them: a generation's id and a seal that only this house can make. Nobody who
//! knows an id can find the address, and an address for one purpose opens nothing for another.

use super::db::{Db, retried};
use crate::domain::{FileId, GenerationId, ShareId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use ring::hmac;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Characters of an id.
const ID: usize = 36;

/// What an address opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// The files of a generation.
    Files,
    /// The stream of what becomes of it.
    Stream,
    /// The page of a share, and its files.
    Share,
    /// The prices that stood on a page.
    Prices,
}

/// What seals the address of a file that a model is to read.
const INPUT: &str = "input";

/// The house's seal, which is read, or made, when it is first needed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Seals {
    db: Db,
    seal: Arc<OnceCell<Seal>>,
}

/// Makes and knows the seals of this house.
#[derive(Clone, Debug)]
pub struct Seal(hmac::Key);

#[cfg(test)]
impl Seal {
    /// A seal of a house that a test makes up.
    pub(super) fn of(house: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, house.as_bytes()))
    }
}

impl Seals {
    /// Over this database.
    pub fn new(db: Db) -> Self {
        Self { db, seal: Arc::default() }
    }

    /// The seal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self) -> Result<&Seal, sqlx::Error> {
        self.seal.get_or_try_init(|| retried(|| read(&self.db))).await
    }
}

async fn read(db: &Db) -> Result<Seal, sqlx::Error> {
    let mut fresh = [0; 32];
    rand::rng().fill_bytes(&mut fresh);
    let mut tx = db.begin().await?;
    // Whoever comes first decides for all processes.
    let (value,): (String,) = sqlx::query_as(
        "insert into house_secret (name, value) values ('addresses', $1)
         on conflict (name) do update set value = house_secret.value returning value",
    )
    .bind(hex::encode(fresh))
    .fetch_one(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(Seal(hmac::Key::new(hmac::HMAC_SHA256, value.as_bytes())))
}

impl Seal {
    /// The word for an address: the id and its seal.
    pub fn put(&self, opens: Opens, id: &GenerationId) -> String {
        self.word(opens, id.as_str())
    }

    /// The word for the address of a share.
    pub fn put_share(&self, id: &ShareId) -> String {
        self.word(Opens::Share, id.as_str())
    }

    /// The seal of any words, alone.
    pub fn tag(&self, opens: Opens, words: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &message(opens, words)))
    }

    /// Whether this is the seal of these words.
    pub fn is_tag(&self, opens: Opens, words: &str, tag: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(tag);
        tag.is_ok_and(|tag| hmac::verify(&self.0, &message(opens, words), &tag).is_ok())
    }

    /// The generation that an address opens; `None` when the seal is not ours, or for something else.
    pub fn open(&self, opens: Opens, word: &str) -> Option<GenerationId> {
        GenerationId::parse(self.opened(opens, word)?)
    }

    /// The share that an address opens; that it was not revoked must be asked besides.
    pub fn open_share(&self, word: &str) -> Option<ShareId> {
        ShareId::parse(self.opened(Opens::Share, word)?)
    }

    fn word(&self, opens: Opens, id: &str) -> String {
        let tag = self.tag(opens, id);
        format!("{id}-{tag}")
    }

    fn opened<'a>(&self, opens: Opens, word: &'a str) -> Option<&'a str> {
        let (id, tag) = word.split_at_checked(ID)?;
        self.is_tag(opens, id, tag.strip_prefix('-')?).then_some(id)
    }

    /// The word for an address of a file that opens until then, to the second.
    pub fn put_file(&self, file: &FileId, until: Timestamp) -> String {
        let named = format!("{file}-{}", until.0.div_euclid(1_000));
        let tag = hmac::sign(&self.0, format!("{INPUT}\n{named}").as_bytes());
        format!("{named}-{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The file that an address opens; `None` when the seal is not ours, or its time is over.
    pub fn open_file(&self, word: &str, now: Timestamp) -> Option<FileId> {
        let mut parts = word.splitn(3, '-');
        let (file, until, tag) = (parts.next()?, parts.next()?, URL_SAFE_NO_PAD.decode(parts.next()?).ok()?);
        hmac::verify(&self.0, format!("{INPUT}\n{file}-{until}").as_bytes(), &tag).ok()?;
        let until = until.parse::<i64>().ok()?.checked_mul(1_000)?;
        FileId::parse(file).filter(|_| now.0 < until)
    }
}

fn message(opens: Opens, words: &str) -> Vec<u8> {
    let purpose = match opens {
        Opens::Files => "files",
        Opens::Stream => "stream",
        Opens::Share => "share",
        Opens::Prices => "prices",
    };
    format!("{purpose}\n{words}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_word_opens_it_until_its_time_is_over_and_nothing_can_be_changed_in_it() {
        let seal = Seal(hmac::Key::new(hmac::HMAC_SHA256, b"one house"));
        let (file, until) = (FileId::trusted("00112233445566778899aabbccddeeff"), Timestamp(1_700_000_000_000));
        let word = seal.put_file(&file, until);
        assert_eq!(seal.open_file(&word, until.plus_ms(-1)), Some(file));
        assert_eq!(seal.open_file(&word, until), None);
        let (later, other) = (word.replace("1700000000", "1800000000"), word.replacen("0011", "0012", 1));
        for bad in [later.as_str(), &other, "", "a-b-c", &format!("{word}A"), &word[..word.len() - 1]] {
            assert_eq!(seal.open_file(bad, Timestamp(0)), None, "{bad}");
        }
    }

    #[test]
    fn a_sealed_word_opens_what_it_was_made_for_and_nothing_else() {
        let seal = Seal(hmac::Key::new(hmac::HMAC_SHA256, b"one house"));
        let other = Seal(hmac::Key::new(hmac::HMAC_SHA256, b"another house"));
        let id = GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001");
        let word = seal.put(Opens::Files, &id);
        assert_eq!(seal.open(Opens::Files, &word), Some(id.clone()));
        assert_eq!((seal.open(Opens::Stream, &word), other.open(Opens::Files, &word)), (None, None));
        let neighbour = word.replacen("0001-", "0002-", 1);
        for bad in [neighbour.as_str(), id.as_str(), "", &word[..word.len() - 1], &format!("{word}A")] {
            assert_eq!(seal.open(Opens::Files, bad), None, "{bad}");
        }
    }
}
