//! The lifecycle of a generation: the verbs that change it, each one transaction with its guard in the SQL.
//!
//! [`request`] holds the credits and writes the row in one commit; that row is the durable job. [`admit`] is the only
//! way into flight. A worker takes work with [`claim`], reports with [`record`], and each of its writes names the lease
//! epoch it was given: zero rows means that the lease is lost and nothing was changed. A terminal state is written in
//! the same transaction as its money, once; whoever comes second changes nothing.
//!
//! What people may see of it is in [`views`], and why it waits in [`waits`]; who goes into flight next in [`admission`], by
//! what [`limits`] allow, and without waiting in `standby`; who may work on it in [`lease`]; what a worker reports in [`work`],
//! and how that is written down in [`record`](mod@record); what a webhook may do in [`hooks`], and what becomes of a prediction
//! that nobody has a use for in [`strays`]. Presses and reports of one moment are one transaction by `together`. What is kept
//! for good about it is in [`receipt`], and the same once more in [`again`]. What is left of it when its owner leaves is
//! decided in [`erase`]. What was left to an operator is in [`parked`].

pub mod admission;
pub mod again;
pub mod audit;
mod cancel;
pub mod erase;
pub mod hooks;
pub mod lease;
pub mod limits;
pub mod parked;
pub mod predictions;
pub mod receipt;
pub mod record;
mod request;
mod standby;
pub mod strays;
mod timeline;
mod together;
pub mod views;
pub mod waits;
pub mod work;

pub use super::ledger::Money;
pub use admission::{Admitted, admit};
pub use cancel::{Meant, cancel, cancel_all};
pub use lease::{Takeable, claim, heartbeat, next_due, takeable};
pub use limits::{Caps, Lesson};
pub use record::{Outcome, Recorder, record};
pub use request::{
    Call, Desk, MAX_QUEUED_PER_PERSON, Requested, Source, read, request, request_all, request_from, request_input, request_ready,
};
pub use standby::{Handed, Standby};
pub use work::{Effects, Job, KeptOutput, Submission, sweep};

use self::timeline::{Event, note, note_all};
use super::db::Yielding;
use super::ledger;
use crate::domain::Refusal;

/// From the press of the button to the end, whatever happens: what is not done by then is failed and released.
pub const DEADLINE_MS: i64 = 15 * 60 * 1_000;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be taken; nothing was charged.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// There is no such generation of this person.
    #[error("no such generation")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::NotOpen(id) => Self::Database(sqlx::Error::Protocol(format!("the hold of {id} is not open"))),
            ledger::Error::Database(error) => Self::Database(error),
        }
    }
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Refused(_) | Self::NotFound => None,
        }
    }
}
