//! Plain types that the server and the browser share, and the rules about their values.
//!
//! Untrusted text is parsed here, once, into a type that cannot hold a bad value; everything behind it trusts the type.
//! No I/O, no SQL, no clock, no Leptos.
#![warn(missing_docs)]

mod aspect;
pub mod catalogue;
mod credits;
mod delivery;
mod failure;
mod file;
mod filter;
mod guards;
mod ids;
mod key;
mod lang;
mod made;
mod model;
mod preset;
mod price;
mod prompt;
mod query;
mod receipt;
mod request;
#[cfg(test)]
pub(crate) mod samples;
mod save;
pub mod schema;
mod setting;
mod share;
mod snippet;
mod state;
mod statement;
mod time;
mod typing;
mod view;
mod wait;

pub use aspect::AspectRatio;
pub use credits::Credits;
pub use delivery::{DeliveryOutcome, DeliveryTrouble, DeliveryView, SwitchedOff, TrialProblem};
pub use failure::Failure;
pub use file::{FileProblem, MAX_SIDE};
pub use filter::{Completeness, Day, GalleryFilter, Shape};
pub use guards::{Guard, Guards, GuardsForm};
pub use ids::{
    AccountId, ApiKeyId, CollectionId, FileId, GenerationId, ModelName, PersonId, PredictionId, PresetId, RequestKey, ShareId,
};
pub use key::{KeyForm, KeyName, KeyProblem, KeyView, KeyWish, Overlap, Scope, Scopes};
pub use lang::{Lang, Theme};
pub use made::{Medium, OutputKind, Task};
pub use model::Model;
pub use preset::{Preset, preset_name};
pub use price::{Price, PriceRule};
pub use prompt::{MOST_VARIANTS, Prompt, variants};
pub use query::{query_pairs, query_value};
pub use receipt::{BookEntry, MoneyKind, MoneyStep, Parent, Receipt, Reference, Verdict};
pub use request::{Field, FieldProblem, MAX_COUNT, Problem, RawRequest, Refusal, Request};
pub use save::{Mark, SaveAs};
pub use setting::{Setting, settings, without_secrets};
pub use share::{ShareView, ShareWish, Term};
pub use snippet::Snippets;
pub use state::{Phase, State};
pub use statement::StatementFilter;
pub use time::Timestamp;
pub use typing::{Enter, Typing};
pub use view::{BalanceView, GenerationView, LiveState, OutputView, StatementKind, StatementLine, Times, Viewer, Waiting};
pub use wait::Wait;
