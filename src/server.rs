//! The server: everything behind the pages.
#![warn(missing_docs)]

pub mod replicate;
pub mod sandbox;
