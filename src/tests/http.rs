//! Everything a machine can ask over HTTP.

mod doors;
mod files;
mod forgery;
mod headers;
mod ownership;
mod trigger;
mod trouble;
