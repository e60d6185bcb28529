//! `atelier models`: the catalogue, from the server's own command line.

use crate::{database, say};
use anyhow::{Context, bail};
use atelier::domain::catalogue::AddProblem;
use atelier::domain::{Credits, Timestamp};
use atelier::server::cog::Cog;
use atelier::server::config::Config;
use atelier::server::model::{self, Actor};
use atelier::server::replicate::{Client, install_tls};
use clap::Subcommand;

/// The most credits that a unit may cost; as in the form of the catalogue's keeper.
const MOST: i64 = 1_000_000;

#[derive(Subcommand)]
pub enum Models {
    /// Lists every entry: whether it is offered, its price, what is paid for, its version
    List,
    /// Puts a model into the catalogue, Replicate's or your own; it is offered once it is enabled
    Add {
        /// owner/name; of a model of your own, as you like
        name: String,
        /// The Cog server that runs it instead of Replicate, such as <http://10.0.0.7:5000>
        #[arg(long)]
        endpoint: Option<String>,
    },
    /// Offers a model
    Enable {
        /// owner/name
        name: String,
    },
    /// Offers a model no longer; what was asked for goes on
    Disable {
        /// owner/name
        name: String,
    },
    /// Sets what one unit of a model costs, from the next press on
    Price {
        /// owner/name
        name: String,
        /// How many
        credits: i64,
    },
}

/// Carries it out.
///
/// # Errors
/// In a sentence.
pub async fn run(config: &Config, command: Models, now: Timestamp) -> anyhow::Result<()> {
    let db = database(config).await?;
    // The house may never have been served; then the catalogue is still empty.
    model::stock(&db, now).await?;
    let actor = Actor::Operator;
    let unknown = |name: &str| format!("there is no {name} in the catalogue");
    match command {
        Models::List => {
            for entry in model::entries(&db).await? {
                let model = entry.model;
                let state = if entry.enabled { "offered" } else { "off" };
                let version = model.endpoint.as_deref().or(model.pinned()).unwrap_or("by name");
                let newer = if model.newest_version.is_some() { "\tnewer version exists" } else { "" };
                let (unit, rule) = (model.price.unit, model.price.rule.as_str());
                say(&format!("{}\t{state}\t{unit} for each {rule}\t{version}{newer}", model.name))?;
            }
            Ok(())
        }
        Models::Add { name, endpoint: Some(endpoint) } => {
            match model::add_own(&db, &Cog::new()?, &actor, &name, &endpoint, now).await {
                Ok(name) => say(&format!("{name} is in the catalogue; set its price and enable it")),
                Err(model::Error::Refused(problem)) if problem.is_of_endpoint() => bail!("{endpoint} {}", words(problem)),
                Err(model::Error::Refused(problem)) => bail!("{name} {}", words(problem)),
                Err(error) => Err(error.into()),
            }
        }
        Models::Add { name, endpoint: None } => {
            let Some(token) = &config.replicate_token else {
                bail!("REPLICATE_API_TOKEN is not set, and the built-in sandbox runs inside `serve`: add it on its page there")
            };
            install_tls();
            let client = Client::new(&config.replicate_url, token.clone())?;
            match model::add(&db, &client, &actor, &name, now).await {
                Ok(name) => say(&format!("{name} is in the catalogue; set its price and enable it")),
                Err(model::Error::Refused(problem)) => bail!("{name} {}", words(problem)),
                Err(error) => Err(error.into()),
            }
        }
        Models::Enable { name } => {
            model::offer(&db, &actor, &name, true, now).await?.with_context(|| unknown(&name))?;
            say(&format!("{name} is offered"))
        }
        Models::Disable { name } => {
            model::offer(&db, &actor, &name, false, now).await?.with_context(|| unknown(&name))?;
            say(&format!("{name} is not offered any more; what was asked for goes on"))
        }
        Models::Price { name, credits } => {
            if !(1..=MOST).contains(&credits) {
                bail!("credits: is {credits}; it must be a whole number from 1 to {MOST}");
            }
            model::price(&db, &actor, &name, Credits(credits), now).await?.with_context(|| unknown(&name))?;
            say(&format!("{name} costs {credits} for each unit from the next press on"))
        }
    }
}

const fn words(problem: AddProblem) -> &'static str {
    match problem {
        AddProblem::Name => "is no owner/name",
        AddProblem::Known => "is in the catalogue already",
        AddProblem::Unknown => "is not known to Replicate, or somebody else's private model",
        AddProblem::Private => "is private",
        AddProblem::Undescribed => "does not say what it takes",
        AddProblem::Away => "could not be looked up: Replicate did not answer",
        AddProblem::Endpoint => "is no address of a server, such as http://10.0.0.7:5000",
        AddProblem::ServerAway => "does not answer as a Cog server",
        AddProblem::ServerUndescribed => "does not say what its model takes: build it with `cog build`",
    }
}
