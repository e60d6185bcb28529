//! The server: everything behind the pages.
#![warn(missing_docs)]

pub mod assets;
