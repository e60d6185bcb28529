//! The server: everything behind the pages.
#![warn(missing_docs)]

pub mod clock;
pub mod db;
pub mod generation;
pub mod ledger;
pub mod model;
pub mod replicate;
pub mod worker;
pub mod picture;
pub mod store;
pub mod assets;
