//! The server: everything behind the pages.
#![warn(missing_docs)]
