//! The text of a key: `atl_`, eight characters that may be shown, `_`, 256 random bits, and a checksum.
//!
//! The first word tells scanners of source code whose key they found; the checksum tells a mistyped or invented key from a
//! real one before the database is asked.

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;

const WORD: &str = "atl_";
const SHOWN: usize = 8;
/// 62^43 is a little more than 2^256.
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as its owner has it. It never says itself to a log.
#[derive(Clone)]
pub struct Token(SecretString);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.prefix()).finish()
    }
}

impl Token {
    /// A new one.
    pub fn mint() -> Self {
        let body = format!("{WORD}{}_{}", letters(SHOWN), letters(SECRET));
        let sum = checksum(&body);
        Self(SecretString::from(body + &sum))
    }

    /// Reads what somebody brought; `None` when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == WORD.len() + SHOWN + 1 + SECRET + CHECKSUM && text.is_ascii();
        let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
        let (shown, secret) = body.strip_prefix(WORD)?.split_once('_')?;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (fits && shown.len() == SHOWN && plain(shown) && plain(secret) && checksum(body) == sum)
            .then(|| Self(SecretString::from(text)))
    }

    /// The whole text, for the one time it is shown.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// How it begins; may be shown.
    pub fn prefix(&self) -> &str {
        let text = self.0.expose_secret();
        text.get(..WORD.len() + SHOWN).unwrap_or_default()
    }

    /// What is kept of it: SHA-256, hex. A fast hash is right here: nobody can guess 256 bits, however fast they try.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose_secret()))
    }
}

fn letters(count: usize) -> String {
    let mut random = rand::rng();
    (0..count).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body)[..CHECKSUM / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_31_a_key_reads_back_and_any_one_letter_changed_does_not() {
        let token = Token::mint();
        let text = token.reveal().to_owned();
        assert_eq!(Token::parse(&text).map(|read| read.hash()), Some(token.hash()));
        assert!(text.starts_with("atl_") && text.len() == 62);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(Token::parse(&changed).is_none(), "{at}");
        }
        for bad in ["", "atl_", "r8_abc", &text[1..], &format!("{text}0"), &format!(" {text}"), &"é".repeat(31)] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn se_31_no_two_keys_are_alike_and_none_says_itself() {
        let keys: std::collections::HashSet<_> = (0..1_000).map(|_| Token::mint().hash()).collect();
        assert_eq!(keys.len(), 1_000);
        let token = Token::mint();
        assert!(!format!("{token:?}").contains(&token.reveal()[13..]));
    }
}
