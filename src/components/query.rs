//! Text on its way into an address.

pub use crate::domain::query_value;
