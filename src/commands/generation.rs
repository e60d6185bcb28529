//! `atelier generation`: what was left to an operator.

use crate::{database, say};
use anyhow::{Context, bail};
use atelier::domain::{GenerationId, Timestamp};
use atelier::server::config::Config;
use atelier::server::db::Db;
use atelier::server::generation::parked;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Generation {
    /// Lists what is parked: since when, why, and for how long it can still be taken up
    Parked,
    /// Takes a parked generation up again at the step it was parked in; nothing is paid for again
    Unpark {
        /// Its id, as `generation parked` tells it
        id: String,
        /// Who does it; stands on its timeline
        #[arg(long)]
        by: String,
    },
}

/// Carries it out.
///
/// # Errors
/// In a sentence.
pub async fn run(config: &Config, command: Generation, now: Timestamp) -> anyhow::Result<()> {
    let db = database(config).await?;
    match command {
        Generation::Parked => list(&db, now).await,
        Generation::Unpark { id, by } => unpark(&db, &id, &by, now).await,
    }
}

async fn list(db: &Db, now: Timestamp) -> anyhow::Result<()> {
    let parked = parked::list(db).await?;
    if parked.is_empty() {
        return say("nothing is parked");
    }
    for one in parked {
        let minutes = |from: Timestamp, to: Timestamp| (to.0 - from.0).max(0) / 60_000;
        let was = one.was.map_or("unknown", |was| was.as_str());
        let since = one.since.map_or(0, |since| minutes(since, now));
        let why = one.why.unwrap_or_else(|| "no reason was written down".to_owned());
        let left = minutes(now, one.deadline_at);
        say(&format!("{}\t{}\twas {was}\tfor {since} min\tgiven back in {left} min\t{why}", one.id, one.model))?;
    }
    Ok(())
}

async fn unpark(db: &Db, id: &str, by: &str, now: Timestamp) -> anyhow::Result<()> {
    let by = by.trim();
    if by.is_empty() || by.chars().count() > 100 || by.chars().any(char::is_control) {
        bail!("--by: must have 1 to 100 characters");
    }
    let id = GenerationId::parse(id).with_context(|| format!("{id} is no id of a generation"))?;
    match parked::take_up(db, &id, by, now).await? {
        Some(state) => say(&format!("{id} goes on where it was: {}", state.as_str())),
        None => bail!("{id} is not parked, was asked to stop, or its time is up: it needs nobody"),
    }
}
