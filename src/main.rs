//! The commands of the one binary: `serve`, `sandbox`, `user`, `models`, `queue`, `generation`, `ledger`, `doctor`.

mod commands;

use anyhow::{Context, bail};
use atelier::domain::{ApiKeyId, Credits, KeyName, KeyWish, Scopes, Timestamp};
use atelier::server::account::roles::{self, Given};
use atelier::server::account::{self, Credentials};
use atelier::server::clock::Clock;
use atelier::server::config::Config;
use atelier::server::crash;
use atelier::server::db::{Db, mint};
use atelier::server::generation::{limits, strays};
use atelier::server::key;
use atelier::server::ledger::{self, Grant, export};
use atelier::server::model;
use atelier::server::reconcile::{self, Repair, Sides};
use atelier::server::replicate::{Client, install_tls};
use atelier::server::sandbox::{self, Sandbox};
use atelier::server::store::Store;
use atelier::server::{Role, run, telemetry};
use clap::{Parser, Subcommand};
use secrecy::SecretString;
use std::io::{Write, stderr, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sells and makes pictures with Replicate's models. Configured by environment variables; see .env.example.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves pages and works in the background
    Serve {
        /// What this process does
        #[arg(long, value_enum, default_value_t)]
        role: Role,
    },
    /// Runs the Replicate double by itself
    Sandbox {
        /// The local port to listen on
        #[arg(long, default_value_t = 4010)]
        port: u16,
        /// How many times faster than life predictions run
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// Draw no longer than this along either side, where nobody looks at the pictures
        #[arg(long)]
        longest_edge: Option<u32>,
        /// A folder of models, in each file what Replicate answered to GET /v1/models/{owner}/{name}
        #[arg(long)]
        models: Option<PathBuf>,
    },
    /// Manages people
    #[command(subcommand)]
    User(User),
    /// Shows and changes the catalogue
    #[command(subcommand)]
    Models(commands::models::Models),
    /// Shows what waits, and stops or resumes letting generations into flight
    #[command(subcommand)]
    Queue(Queue),
    /// Shows what was left to an operator, and takes it up again
    #[command(subcommand)]
    Generation(commands::generation::Generation),
    /// Checks the books
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Tries everything the configuration names and says what does not work
    Doctor,
}

#[derive(Subcommand)]
enum User {
    /// Opens an account; reads the password from standard input
    Create {
        /// Their address
        email: String,
    },
    /// Lists everybody with what they have
    List,
    /// Gives credits to somebody
    Grant {
        /// Their address
        email: String,
        /// How many
        credits: i64,
        /// Why; stands on their statement
        #[arg(long)]
        reason: String,
        /// Repeating a grant under the same reference changes nothing
        #[arg(long)]
        reference: Option<String>,
    },
    /// Lets somebody run the house beside you, or lets them only make pictures; they sign in again afterwards
    Role {
        /// Their address
        email: String,
        /// What they may do
        #[arg(value_enum)]
        role: account::Role,
    },
    /// Makes a key for somebody's programs and prints it, once and alone
    Key {
        /// Their address
        email: String,
        /// What the key is called on their page
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum Queue {
    /// What is in flight, what waits, every pause, and how many predictions nobody had a use for
    Show,
    /// Lets nothing more into flight; what is in flight goes on
    Pause {
        #[command(flatten)]
        whose: Whose,
        /// Why; stands in `queue show`
        #[arg(long)]
        reason: String,
    },
    /// Lifts a pause
    Resume {
        #[command(flatten)]
        whose: Whose,
    },
}

/// Everything, unless it is said which model or whose.
#[derive(clap::Args)]
struct Whose {
    /// Only this model, `owner/name`
    #[arg(long, conflicts_with = "person")]
    model: Option<String>,
    /// Only what this person asks for; their address
    #[arg(long)]
    person: Option<String>,
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Checks every promise of the books and every chain of hashes, and compares them with Replicate and the store; with
    /// a statement that somebody saved as JSON, recomputes its chain and asks nobody
    Verify {
        /// The saved statement
        file: Option<PathBuf>,
    },
    /// Mends one thing that `verify` found
    Repair {
        /// What it is
        #[arg(value_enum)]
        what: Repair,
        /// Its id, as `verify` tells it
        id: String,
        /// Why; stays in the books or in the log
        #[arg(long)]
        reason: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match command(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence with its causes; a backtrace helps nobody who mistyped a variable.
            let said = writeln!(stderr(), "error: {error:#}");
            if said.is_err() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(bad) => bail!("{bad}"),
    };
    #[expect(clippy::disallowed_methods, reason = "logging starts before there is a configuration to pass around")]
    telemetry::start(std::env::var("RUST_LOG").ok().as_deref());
    let clock = Clock::System;
    #[expect(clippy::disallowed_methods, reason = "a word between a debug build and its drill, and no setting of the product")]
    if let Some(plan) = std::env::var("ATELIER_CRASH").ok().filter(|_| cfg!(debug_assertions)) {
        let Ok(plan) = plan.parse() else {
            bail!("ATELIER_CRASH is {plan:?}; it must be a point of src/server/crash.rs, such as answered:3")
        };
        crash::arm(plan);
    }
    match cli.command {
        Command::Serve { role } => serve(config, role).await,
        Command::Sandbox { port, speed, longest_edge, models } => {
            if let Some(folder) = models {
                let count = sandbox::take_models(&folder).with_context(|| format!("--models {}", folder.display()))?;
                say(&format!("{count} models were taken from {}", folder.display()))?;
            }
            let options = sandbox::Options { speed, longest_edge, ..sandbox::Options::new(move || clock.now()) };
            run_sandbox(&config, port, options).await
        }
        Command::User(command) => user(&config, command, clock.now()).await,
        Command::Models(command) => commands::models::run(&config, command, clock.now()).await,
        Command::Generation(command) => commands::generation::run(&config, command, clock.now()).await,
        Command::Queue(command) => queue(&config, command, clock.now()).await,
        Command::Ledger(LedgerCommand::Verify { file: Some(file) }) => verify_file(&file).await,
        Command::Ledger(LedgerCommand::Verify { file: None }) => verify(&config, clock.now()).await,
        Command::Ledger(LedgerCommand::Repair { what, id, reason }) => {
            let sides = sides(&config).await?;
            say(&reconcile::repair(&sides, what, &id, &reason, clock.now()).await?)
        }
        Command::Doctor => doctor(&config).await,
    }
}

async fn serve(config: Config, role: Role) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let shown = config.clone();
    let running = run(config, role, stop).await?;
    if running.sandbox {
        say(
            "Replicate is the built-in sandbox: pictures are drawn here and cost nothing. Set REPLICATE_API_TOKEN for the real one.",
        )?;
    } else {
        say(&format!("Replicate is real: {}", shown.replicate_url))?;
    }
    say(&format!("Atelier is ready at {}", shown.shown_url(running.addr)))?;
    running.stopped().await
}

async fn run_sandbox(config: &Config, port: u16, options: sandbox::Options) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(addr).await.with_context(|| format!("--port: cannot listen on {addr}"))?;
    let sandbox = Sandbox::open(&config.data_dir.join("sandbox"), options).await?;
    say(&format!("The sandbox is ready at http://{} (any token is accepted)", listener.local_addr()?))?;
    sandbox::serve(listener, sandbox, stop).await;
    Ok(())
}

async fn user(config: &Config, command: User, now: Timestamp) -> anyhow::Result<()> {
    let db = database(config).await?;
    match command {
        User::Create { email } => {
            let password = std::io::read_to_string(std::io::stdin())?;
            let password = SecretString::from(password.trim_end_matches(['\r', '\n']));
            let credentials = Credentials { email, password };
            account::sign_up(&db, &credentials, config.signup_credits, now).await?;
            say(&format!("{} can sign in", credentials.email))
        }
        User::List => {
            for (person, available) in account::list(&db).await? {
                say(&format!("{}\t{:?}\t{available} available\t{}", person.email, person.role, person.id))?;
            }
            Ok(())
        }
        User::Grant { email, credits, reason, reference } => {
            if credits <= 0 {
                bail!("credits: is {credits}; it must be a whole number above 0");
            }
            let person = account::find_by_email(&db, &email).await?.with_context(|| format!("nobody has the address {email}"))?;
            let reference = reference.unwrap_or_else(mint);
            let mut tx = db.begin().await?;
            let grant = Grant::Operator { reference: reference.clone(), reason };
            ledger::grant(&mut tx, &person.id, Credits(credits), &grant, now).await?;
            tx.commit().await?;
            say(&format!("{email} has {credits} more (reference {reference})"))
        }
        User::Role { email, role } => {
            let person = account::find_by_email(&db, &email).await?.with_context(|| format!("nobody has the address {email}"))?;
            match roles::give(&db, &person.id, role).await? {
                Given::Changed => say(&format!("{email} is {} now, and signs in again", role.as_str())),
                Given::Same => say(&format!("{email} is {} already", role.as_str())),
                Given::OnlyAdmin => bail!(
                    "{email} is the only admin, and somebody has to run the house: first `atelier user role SOMEBODY-ELSE admin`"
                ),
            }
        }
        User::Key { email, name } => {
            let person = account::find_by_email(&db, &email).await?.with_context(|| format!("nobody has the address {email}"))?;
            let Ok(name) = KeyName::parse(&name) else { bail!("--name: must have 1 to {} characters", KeyName::MAX_CHARS) };
            let wish = KeyWish { name, scopes: Scopes::Both, cap: None };
            let token = key::make(&db, &person.id, &ApiKeyId::trusted(mint()), &wish, now).await?;
            say(token.reveal())
        }
    }
}

async fn queue(config: &Config, command: Queue, now: Timestamp) -> anyhow::Result<()> {
    let db = database(config).await?;
    match command {
        Queue::Show => {
            say(&limits::overview(&db, now).await?.to_string())?;
            say(&count_strays(&db).await?)
        }
        Queue::Pause { whose, reason } => {
            let scope = scope(&db, whose).await?;
            limits::pause(&db, &scope, &reason).await?;
            say(&format!("{scope} is paused until it is resumed; what is in flight goes on"))
        }
        Queue::Resume { whose } => {
            let scope = scope(&db, whose).await?;
            let lifted = limits::resume(&db, &scope).await?;
            say(&format!("{scope} {}", if lifted { "goes on" } else { "was not paused" }))
        }
    }
}

/// How a pause names what it stops.
async fn scope(db: &Db, whose: Whose) -> anyhow::Result<String> {
    match whose {
        Whose { person: Some(email), .. } => {
            let person = account::find_by_email(db, &email).await?.with_context(|| format!("nobody has the address {email}"))?;
            Ok(format!("person:{}", person.id))
        }
        Whose { model: Some(model), .. } => {
            let known = model::offered(db).await?.iter().any(|offered| offered.name.as_str() == model);
            if known { Ok(format!("model:{model}")) } else { bail!("--model: there is no {model} in the catalogue") }
        }
        Whose { .. } => Ok("global".to_owned()),
    }
}

/// Recomputes a saved statement, with nothing but the file.
async fn verify_file(file: &Path) -> anyhow::Result<()> {
    let text = tokio::fs::read_to_string(file).await.with_context(|| format!("cannot read {}", file.display()))?;
    match export::check(&text) {
        Ok(count) => say(&format!("{count}/{count} ✓ every entry fits, from the first to the head")),
        Err(flaw) => bail!("{flaw}"),
    }
}

async fn verify(config: &Config, now: Timestamp) -> anyhow::Result<()> {
    let sides = sides(config).await?;
    let found = reconcile::look(&sides, now).await?;
    for drift in &found {
        say(&format!("DRIFT: {drift}"))?;
    }
    say(&count_strays(&sides.db).await?)?;
    if sides.replicate.is_none() {
        say("Replicate was not asked: REPLICATE_API_TOKEN is not set, and the built-in sandbox runs inside `serve`.")?;
    }
    if !found.is_empty() {
        bail!("not everything agrees");
    }
    say("The books are right: every promise holds, every chain is whole, and nothing contradicts them.")
}

/// How many predictions were made that nobody had a use for.
async fn count_strays(db: &Db) -> anyhow::Result<String> {
    let strays = strays::count(db).await?;
    Ok(format!("Strays: {} found, {} not stopped yet, {} finished and billed.", strays.found, strays.running, strays.finished))
}

/// Everything that is compared. Without a token there is no Replicate outside of `serve`.
async fn sides(config: &Config) -> anyhow::Result<Sides> {
    install_tls();
    let db = database(config).await?;
    let store = Store::open(&config.store).await.context("cannot open the object store")?;
    let replicate = match &config.replicate_token {
        Some(token) => Some(Client::new(&config.replicate_url, token.clone())?),
        None => None,
    };
    Ok(Sides { db, store, replicate })
}

async fn doctor(config: &Config) -> anyhow::Result<()> {
    install_tls();
    let mut sick = false;
    let mut report = |what: &str, outcome: Result<String, String>| {
        sick |= outcome.is_err();
        match outcome {
            Ok(good) => say(&format!("ok    {what}: {good}")),
            Err(bad) => say(&format!("FAIL  {what}: {bad}")),
        }
    };
    let db = database(config).await;
    let strays = match &db {
        Ok(db) => Some(count_strays(db).await.map_err(|error| format!("{error:#}"))),
        Err(_) => None,
    };
    report("database", db.map(|_| "opens and is up to date".to_owned()).map_err(|error| format!("{error:#}")))?;
    if let Some(strays) = strays {
        report("predictions", strays)?;
    }
    let store = match Store::open(&config.store).await {
        Ok(store) => store.check().await,
        Err(error) => Err(error),
    };
    report("object store", store.map(|()| "writes, reads and deletes".to_owned()).map_err(|error| error.to_string()))?;
    match &config.replicate_token {
        None => report("Replicate", Ok("the built-in sandbox, because REPLICATE_API_TOKEN is not set".to_owned()))?,
        Some(token) => {
            let account = match Client::new(&config.replicate_url, token.clone()) {
                Ok(client) => client.account().await,
                Err(error) => Err(error),
            };
            let account = account.map(|account| format!("signed in as {}", account.username));
            report("Replicate", account.map_err(|error| format!("{error} (REPLICATE_API_TOKEN, REPLICATE_BASE_URL)")))?;
        }
    }
    if sick {
        bail!("something does not work; see above");
    }
    Ok(())
}

/// The database, for a command that may well be the first that this machine sees.
async fn database(config: &Config) -> anyhow::Result<Db> {
    let folder = &config.data_dir;
    tokio::fs::create_dir_all(folder).await.with_context(|| format!("DATA_DIR: cannot make {}", folder.display()))?;
    Db::connect(&config.database_url).await.context("DATABASE_URL: cannot open the database")
}

/// A token that is cancelled by Ctrl-C or SIGTERM.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        told.cancel();
    });
    Ok(stop)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
