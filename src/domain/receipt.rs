//! What is known of a generation once and for all: what was asked for, what was paid, where the time went, and what came
//! of it, each with the number under which the books or the store know it.

use super::{Credits, FileId, GenerationId, GenerationView, Times, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// Everything on a receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Prompt, model, prices, moments and the kept files.
    pub generation: GenerationView,
    /// The version that ran; `None` for a model that runs by its name.
    pub version: Option<String>,
    /// Under what terms the model may be used.
    pub license_url: Option<String>,
    /// What the model was told, whole.
    pub input: Map<String, Value>,
    /// The files it worked from.
    pub references: Vec<Reference>,
    /// The price of one unit, and how many units were asked for.
    pub unit_price: Credits,
    /// The way of the credits, in order.
    pub steps: Vec<MoneyStep>,
    /// Where the time went, once it is over and went well.
    pub times: Option<Times>,
    /// What it was made from.
    pub parent: Option<Parent>,
    /// Replicate's own id of the run; only the operator is told.
    pub upstream: Option<String>,
}

/// A file that a generation worked from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Which file of the owner's.
    pub id: FileId,
    /// What its owner calls it.
    pub name: String,
    /// By its bytes.
    pub content_type: String,
    /// Bytes.
    pub bytes: i64,
    /// SHA-256, hex.
    pub sha256: String,
}

/// What happens to the credits of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MoneyKind {
    /// Set aside when the button was pressed.
    Hold,
    /// Taken for what was kept.
    Capture,
    /// Given back, whole.
    Release,
}

impl MoneyKind {
    /// Reads the word of the books.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "hold" => Some(Self::Hold),
            "capture" => Some(Self::Capture),
            "release" => Some(Self::Release),
            _ => None,
        }
    }
}

/// One step on the way of the credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyStep {
    /// What happened.
    pub kind: MoneyKind,
    /// Under which number the books have it.
    pub id: String,
    /// How much.
    pub amount: Credits,
    /// When.
    pub at: Timestamp,
    /// The lines of the person's account that it wrote, in order: a hold and a release move nothing and write none.
    pub entries: Vec<BookEntry>,
}

/// One line of a person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BookEntry {
    /// Its id.
    pub id: String,
    /// Its place in the chain, from 1.
    pub place: i64,
    /// Its hash, which covers the one before.
    pub hash: String,
}

/// Where a generation comes from, when it was not asked for out of nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// The same input once more.
    Again(GenerationId),
    /// A form filled with its settings, perhaps changed since.
    Remix(GenerationId),
}

impl Parent {
    /// Which generation it is.
    pub const fn id(&self) -> &GenerationId {
        match self {
            Self::Again(id) | Self::Remix(id) => id,
        }
    }
}

/// What became of the same input, asked for once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Byte for byte the same files.
    Identical,
    /// Other bytes, but nobody would see a difference.
    Alike,
    /// Something else: this model does not repeat itself.
    Changed,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identical, Self::Alike, Self::Changed];

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Alike => "visually_the_same",
            Self::Changed => "changed",
        }
    }
}
