//! Commands that are more than a few lines. To add one: a file here, a variant in `main.rs`.

pub mod generation;
pub mod models;
