//! The integration tests: the real router, worker, sandbox and object store, on both databases. One binary, so that the
//! server is linked once.
//!
//! Every test has a [`support::TestApp`] of its own and ends with its `finish`, where the books must be right. To add a
//! capability: a file here. To add a route: a line in [`routes`], which the matrices walk through.

mod accounts;
mod admission;
mod architecture;
mod hooks;
mod http;
mod ledger;
mod lifecycle;
mod live;
mod process;
mod routes;
mod support;
