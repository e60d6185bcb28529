//! The server: everything behind the pages.
#![warn(missing_docs)]

pub mod account;
pub mod assets;
pub mod auth;
pub mod clock;
pub mod config;
pub mod db;
pub mod generation;
pub mod ledger;
pub mod live;
pub mod model;
pub mod picture;
pub mod replicate;
pub mod store;
pub mod worker;
pub mod sandbox;
