//! Our client of Replicate's HTTP API: forgiving when it reads, exact when it sends.
//!
//! It promises three things that the published clients do not:
//! - **it never sends a request twice.** A create whose answer was lost is [`Error::Ambiguous`]; whether to look for the
//!   prediction or to buy another is the worker's decision, because a second POST is a second bill;
//! - **the token goes to the configured host and nowhere else**, neither to a page named by `next` nor to the host of a file;
//! - **nothing is unbounded**: every call has a deadline and every body is counted while it arrives.
//!
//! To add a call: a method in `client`, what it reads in `types`. How an answer becomes an error stands in `errors` alone.

mod client;
mod download;
mod errors;
pub mod made;
mod model;
mod secrets;
mod types;
mod upload;
pub mod webhook;

pub(in crate::server) use client::is_loopback;
pub use client::{Client, Limits};
pub(in crate::server) use download::download;
pub use download::{Download, DownloadError, DownloadLimits};
pub(in crate::server) use errors::causes;
pub use errors::{Error, InvalidField};
pub use model::{ModelTold, VersionTold};
pub use secrets::{NotBelieved, Secrets};
pub use types::{Account, Create, Prediction, RunFailure, Status, Webhook, WebhookEvent};
pub use upload::{Upload, Uploaded};

/// Makes *ring* the process's TLS provider. Safe to call often; a provider that is already installed stays.
pub fn install_tls() {
    // The only error is "there is one already", which is what was asked for.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
