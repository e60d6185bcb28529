//! The catalogue as people search it, and as its keeper fills and changes it.
//!
//! | file | what it is for |
//! |---|---|
//! | `search` | which models somebody wants to see |
//! | `usual` | how long a model usually takes |
//! | `entry` | everything about an entry, with what the house allows of each number |
//! | `form` | the keeper's form, read into an entry that can be stored |
//! | `news` | what came of asking Replicate: for a model, for a newer version, for its schema |

mod entry;
mod form;
mod news;
mod search;
mod usual;

pub use entry::{Entry, EntryChange, Maximum};
pub use form::{EntryForm, EntryProblem, Wrong};
pub use news::{AddProblem, Health, LogLine, Looked, NotAdded, SchemaChanges, parse_name, read_endpoint};
pub use search::Search;
pub use usual::Usual;
