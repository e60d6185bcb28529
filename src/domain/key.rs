//! Keys of people's programs: what one may be called, may do, may spend, and how it is replaced.

use super::{ApiKeyId, Credits, Timestamp};
use serde::{Deserialize, Serialize};

/// One thing that a key may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Looking: models, predictions, files.
    Read,
    /// Generating, cancelling, bringing files: whatever changes something.
    Write,
}

/// Everything a key is allowed; never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Looking only.
    Read,
    /// Changing only: such a key sees the answers to its own calls and nothing else.
    Write,
    /// Both.
    Both,
}

impl Scopes {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Both];

    /// From two ticked boxes; `None` when neither is.
    pub const fn of(read: bool, write: bool) -> Option<Self> {
        match (read, write) {
            (true, false) => Some(Self::Read),
            (false, true) => Some(Self::Write),
            (true, true) => Some(Self::Both),
            (false, false) => None,
        }
    }

    /// Whether this is among them.
    pub const fn allow(self, scope: Scope) -> bool {
        matches!((self, scope), (Self::Both, _) | (Self::Read, Scope::Read) | (Self::Write, Scope::Write))
    }

    /// The stored words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Both => "read write",
        }
    }

    /// Reads the stored words.
    pub fn parse(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scopes| scopes.as_str() == words)
    }
}

/// What its owner calls a key: 1 to 60 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The most characters.
    pub const MAX_CHARS: i64 = 60;

    /// Reads a name; spaces around it are not part of it.
    ///
    /// # Errors
    /// [`KeyProblem::NameMissing`] or [`KeyProblem::NameLong`].
    pub fn parse(text: &str) -> Result<Self, KeyProblem> {
        let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
        match i64::try_from(name.chars().count()) {
            Ok(0) => Err(KeyProblem::NameMissing),
            Ok(1..=Self::MAX_CHARS) => Ok(Self(name)),
            Ok(_) | Err(_) => Err(KeyProblem::NameLong),
        }
    }

    /// Wraps a name that was read before: it comes from the database.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a key still opens the door after another has replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Not at all.
    None,
    /// One hour.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    Week,
}

impl Overlap {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// In milliseconds.
    pub const fn ms(self) -> i64 {
        const HOUR: i64 = 60 * 60 * 1_000;
        match self {
            Self::None => 0,
            Self::Hour => HOUR,
            Self::Day => 24 * HOUR,
            Self::Week => 7 * 24 * HOUR,
        }
    }

    /// As a form says it: hours.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Hour => "1",
            Self::Day => "24",
            Self::Week => "168",
        }
    }

    /// Reads what a form says.
    pub fn parse(hours: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == hours)
    }
}

/// The form for a new key as it arrived: nothing in it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyForm {
    /// The id of the key that this form makes; sent twice, it makes one.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Not empty when the box is ticked.
    pub read: String,
    /// The same.
    pub write: String,
    /// Credits a month; empty means no cap.
    pub cap: String,
}

impl Default for KeyForm {
    fn default() -> Self {
        let nothing = String::new;
        Self { id: nothing(), name: nothing(), read: nothing(), write: nothing(), cap: nothing() }
    }
}

impl KeyForm {
    /// An empty form with both boxes ticked, that makes the key of this id.
    pub fn fresh(id: &ApiKeyId) -> Self {
        Self { id: id.to_string(), read: "on".into(), write: "on".into(), ..Self::default() }
    }

    /// Checks every field and reports all problems at once.
    ///
    /// # Errors
    /// With all that is wrong.
    pub fn parse(&self) -> Result<KeyWish, Vec<KeyProblem>> {
        let name = KeyName::parse(&self.name);
        let scopes = Scopes::of(!self.read.is_empty(), !self.write.is_empty()).ok_or(KeyProblem::NoScope);
        let cap = super::request::number(&self.cap, 1..=KeyWish::MAX_CAP).map_err(|_| KeyProblem::Cap);
        match (name, scopes, cap) {
            (Ok(name), Ok(scopes), Ok(cap)) => Ok(KeyWish { name, scopes, cap: cap.map(Credits) }),
            (name, scopes, cap) => Err([name.err(), scopes.err(), cap.err()].into_iter().flatten().collect()),
        }
    }
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWish {
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Scopes,
    /// The most credits it may spend in a month of UTC.
    pub cap: Option<Credits>,
}

impl KeyWish {
    /// The highest cap there is.
    pub const MAX_CAP: i64 = 1_000_000_000;
}

/// What is wrong with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// No name.
    NameMissing,
    /// More than [`KeyName::MAX_CHARS`].
    NameLong,
    /// Neither box is ticked.
    NoScope,
    /// Not a whole number from 1.
    Cap,
    /// The person has this many keys already.
    TooMany(i64),
}

/// A key as its owner sees it; the key itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Its id, in links.
    pub id: ApiKeyId,
    /// Its name.
    pub name: KeyName,
    /// How it begins.
    pub prefix: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The most credits it may spend in a month.
    pub cap: Option<Credits>,
    /// What it, and those it replaced, cost in this month of UTC.
    pub spent: Credits,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself, or did.
    pub expires_at: Option<Timestamp>,
    /// Whether it still opens the door.
    pub live: bool,
    /// Whether another key has taken its place.
    pub replaced: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_a_name_and_a_box_is_a_key_and_each_thing_wrong_is_named() {
        let good = KeyForm { name: "  build server\n".into(), cap: "１00".into(), ..KeyForm::fresh(&ApiKeyId::trusted("k")) };
        let wish = good.parse().expect("a wish");
        assert_eq!((wish.name.as_str(), wish.scopes, wish.cap), ("build server", Scopes::Both, Some(Credits(100))));
        let bad = KeyForm { name: " \t".into(), cap: "0".into(), ..KeyForm::default() };
        assert_eq!(bad.parse(), Err(vec![KeyProblem::NameMissing, KeyProblem::NoScope, KeyProblem::Cap]));
        let long = KeyForm { name: "鍵".repeat(61), ..good.clone() };
        assert_eq!(long.parse(), Err(vec![KeyProblem::NameLong]));
        for cap in ["-1", "1.5", "1000000001", "many"] {
            assert_eq!(KeyForm { cap: cap.into(), ..good.clone() }.parse(), Err(vec![KeyProblem::Cap]), "{cap}");
        }
    }

    #[test]
    fn scopes_and_overlaps_read_back_what_they_write() {
        for scopes in Scopes::ALL {
            assert_eq!(Scopes::parse(scopes.as_str()), Some(scopes));
        }
        assert_eq!(Scopes::parse("admin"), None);
        assert!(Scopes::Read.allow(Scope::Read) && !Scopes::Read.allow(Scope::Write));
        assert!(!Scopes::Write.allow(Scope::Read) && Scopes::Both.allow(Scope::Write));
        for overlap in Overlap::ALL {
            assert_eq!(
                (Overlap::parse(overlap.as_str()), overlap.as_str().parse()),
                (Some(overlap), Ok(overlap.ms() / 3_600_000))
            );
        }
        assert_eq!(Overlap::parse("2"), None);
    }
}
