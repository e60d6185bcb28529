//! The integration tests: the real router, worker, sandbox and object store, on both databases. One binary, so that the
//! server is linked once.
//!
//! Every test has a [`support::TestApp`] of its own and ends with its `finish`, where the books must be right. To add a
//! capability: a file here. To add a route: a line in [`routes`], which the matrices walk through.

mod account;
mod accounts;
mod admission;
mod answers;
mod architecture;
mod bank;
mod books;
mod catalogue;
mod clocks;
mod cog;
mod commands;
mod crashes;
mod create;
mod database;
mod files;
mod gallery;
mod guesses;
mod hooks;
mod http;
mod keeping;
mod keys;
mod languages;
mod ledger;
mod lifecycle;
mod limits;
mod live;
mod model;
mod operating;
mod outage;
mod outbox;
mod parked;
mod process;
mod quotes;
mod races;
mod receipt;
mod reconciler;
mod rerun;
mod rolling;
mod routes;
mod saved_models;
mod sharing;
mod simulator;
mod standby;
mod statement;
mod support;
mod v1;
mod verdicts;
