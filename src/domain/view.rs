//! What the browser is told: small, complete states, each with the version that orders it.
//!
//! A page ignores a state that is not newer than what it shows, so repeats and reordering do no harm.

use super::{
    AspectRatio, Credits, GenerationId, Lang, Medium, ModelName, OutputKind, Phase, PriceRule, RequestKey, Theme, Timestamp,
    Typing, Wait,
};
use serde::{Deserialize, Serialize};

/// A generation as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerationView {
    /// Its id, in links.
    pub id: GenerationId,
    /// The key of the press that made it; the browser's own card carries it before the id is known.
    pub request_key: RequestKey,
    /// The number of its last change.
    pub version: i64,
    /// What people see of its state.
    pub phase: Phase,
    /// The prompt, whole.
    pub prompt: String,
    /// The model's `owner/name`.
    pub model: ModelName,
    /// What people call the model.
    pub model_label: String,
    /// The shape asked for.
    pub aspect: AspectRatio,
    /// How many pictures were asked for.
    pub count: i64,
    /// What one unit of the price is; for anything but outputs, `count` is no number of pictures.
    pub price_rule: PriceRule,
    /// What the model makes.
    pub kind: OutputKind,
    /// What it has written so far, its beginning if it is long; only of a model that writes.
    pub text: Option<String>,
    /// The seed asked for, if any.
    pub seed: Option<i64>,
    /// Credits held when the button was pressed.
    pub price: Credits,
    /// Credits taken in the end; zero until then.
    pub captured: Credits,
    /// Percent done, only when the model reports it.
    pub progress: Option<i64>,
    /// Why it is not under way yet; only while queued, and only where somebody asked.
    pub wait: Option<Wait>,
    /// When the button was pressed.
    pub created_at: Timestamp,
    /// When the model began, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub finished_at: Option<Timestamp>,
    /// What was kept, in order.
    pub outputs: Vec<OutputView>,
}

impl GenerationView {
    /// Whether it has yet to be let into flight.
    pub fn is_queued(&self) -> bool {
        self.phase == Phase::Queued
    }

    /// Whether it was asked for several outputs and not all of them came, so that part of the price went back.
    pub fn is_partial(&self) -> bool {
        self.phase == Phase::Succeeded && self.price_rule == PriceRule::Output && self.returned() > Credits::ZERO
    }

    /// Credits given back; zero while it still runs.
    pub fn returned(&self) -> Credits {
        if self.phase.is_terminal() { Credits(self.price.0 - self.captured.0) } else { Credits::ZERO }
    }
}

/// One kept file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputView {
    /// Its place among the outputs, from 0.
    pub index: i64,
    /// The original: `/files/{generation}/{index}.{ext}`.
    pub url: String,
    /// Of a picture, WebP about 512 pixels on the longer side; else empty.
    pub small: String,
    /// Of a picture, WebP about 1,280 pixels on the longer side; else empty.
    pub large: String,
    /// Pixels, of pictures and films; else 0.
    pub width: i64,
    /// Pixels, of pictures and films; else 0.
    pub height: i64,
    /// Milliseconds, of films and sounds whose file tells.
    pub duration_ms: Option<i64>,
    /// Bytes of the original.
    pub bytes: i64,
    /// Content type of the original, from its bytes.
    pub content_type: String,
    /// SHA-256 of the original, hex.
    pub sha256: String,
    /// Average colour, `#rrggbb`.
    pub color: String,
    /// `ThumbHash`, base64.
    pub thumbhash: String,
}

impl OutputView {
    /// How it is shown.
    pub fn medium(&self) -> Medium {
        Medium::of(&self.content_type)
    }

    /// Width and height to make room for, whatever it is.
    pub fn shape(&self) -> (i64, i64) {
        match (self.width, self.height, self.medium()) {
            (width @ 1.., height @ 1.., _) => (width, height),
            (_, _, Medium::Video) => (16, 9),
            _ => (4, 3),
        }
    }
}

/// Where the time of a generation went, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// From the press until its turn.
    pub queue: i64,
    /// Until the model was at work: waking up, and Replicate's own queue.
    pub boot: i64,
    /// Until the model was done.
    pub run: i64,
    /// Until everything was kept.
    pub save: i64,
}

/// What a person has. `available = posted − held`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The number of its last change.
    pub version: i64,
    /// Credits that belong to them.
    pub posted: Credits,
    /// Of these, set aside for running generations.
    pub held: Credits,
}

impl BalanceView {
    /// Credits that can be spent now.
    pub const fn available(self) -> Credits {
        Credits(self.posted.0 - self.held.0)
    }
}

/// One message of the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveState {
    /// A generation changed; this is all of it.
    Generation(Box<GenerationView>),
    /// The balance changed.
    Balance(BalanceView),
    /// What all that are queued wait for, now. It has no version: it says as much about the others as about them.
    Queue(Vec<Waiting>),
}

/// Why one queued generation waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which.
    pub id: GenerationId,
    /// Why.
    pub wait: Wait,
}

/// Why a line stands on the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Credits given at sign-up.
    SignupGrant,
    /// Credits given by an operator.
    Grant,
    /// A generation was paid for.
    Capture,
    /// A generation gave its hold back, whole.
    Release,
}

/// One line of a person's statement, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementLine {
    /// The key for paging.
    pub id: String,
    /// Why.
    pub kind: StatementKind,
    /// Change of the balance; zero for a release, which takes nothing.
    pub amount: Credits,
    /// What was held for it and given back, if anything.
    pub returned: Credits,
    /// The balance after this line.
    pub balance: Credits,
    /// When.
    pub at: Timestamp,
    /// The generation, its model and the number of pictures, if it is about one.
    pub generation: Option<(GenerationId, String, i64)>,
    /// The operator's reason, if any.
    pub reason: Option<String>,
}

/// Who is looking, and how they want it; everything the frame of a page needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Viewer {
    /// `None` when nobody is signed in.
    pub email: Option<String>,
    /// What they have; zeros when nobody is signed in.
    pub balance: BalanceView,
    /// Pictures in their gallery.
    pub pictures: i64,
    /// Whether they have less to spend than they want to be told of.
    pub low: bool,
    /// Language of the page.
    pub lang: Lang,
    /// Colours of the page.
    pub theme: Theme,
    /// How they want the keyboard.
    pub typing: Typing,
    /// The path and query being shown, for links that come back to it.
    pub path: String,
    /// Whether Replicate is the built-in sandbox.
    pub sandbox: bool,
    /// Server time when the page's data was read: the stream's starting cursor.
    pub cursor: Timestamp,
}
