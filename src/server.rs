//! The server: everything behind the pages. [`App`] is what a handler works with; [`run`] builds it, serves and works
//! until told to stop.
//!
//! | module | what it is for |
//! |---|---|
//! | [`config`] | what the operator says, read once |
//! | [`clock`] | the one place that looks at the time |
//! | [`db`] | the one place that knows which database it is |
//! | [`account`], [`key`], [`ledger`], [`model`], [`generation`] | SQL and rules, one concept each |
//! | [`live`] | what open pages are told |
//! | [`crash`] | where a debug build can be made to die |
//! | [`worker`] | takes what is due and does it |
//! | [`reconcile`] | finds what does not agree |
//! | [`listen`] | takes connections, and lets go of them |
//! | [`protocol`], [`seal`], [`quote`] | what `/v1` and the sandbox say alike; addresses that open to whoever knows them; prices that were shown |
//! | [`replicate`], [`sandbox`] | the world that draws the pictures, and our double of it |
//! | [`cog`] | models on servers of our own |
//! | [`file`](mod@file) | what people send us to work from |
//! | [`share`] | links to one picture for whoever is given them |
//! | [`preset`] | saved settings |
//! | [`outbox`] | what we tell others by ourselves |
//! | [`egress`], [`sink`], [`data_url`] | the way out to addresses that people give, and how files come in |
//! | [`store`] | where files are kept |
//! | [`media`], [`picture`] | what arrived, by its bytes, and what proves it whole |
//! | `http`, [`auth`], [`assets`] | every address of the product |
#![warn(missing_docs)]

pub mod account;
pub mod assets;
pub mod auth;
pub mod clock;
pub mod cog;
pub mod config;
pub mod crash;
pub mod data_url;
pub mod db;
pub mod egress;
pub mod file;
pub mod gallery;
pub mod generation;
mod http;
pub mod key;
pub mod ledger;
pub mod listen;
pub mod live;
pub mod media;
pub mod model;
pub mod outbox;
pub mod picture;
pub mod preset;
pub mod protocol;
pub mod quote;
pub mod reconcile;
pub mod replicate;
pub mod sandbox;
pub mod seal;
pub mod share;
pub mod sink;
pub mod store;
pub mod telemetry;
pub mod worker;

use self::assets::Assets;
use self::auth::Sessions;
use self::clock::Clock;
use self::cog::Cog;
use self::config::Config;
use self::db::Db;
use self::egress::Egress;
use self::file::Files;
use self::file::uploads::Uploads;
use self::generation::{Desk, Recorder, limits};
use self::listen::Limits;
use self::live::Hub;
use self::outbox::Sender;
use self::sandbox::Sandbox;
use self::seal::Seals;
use self::store::Store;
use self::worker::spool::Spool;
use self::worker::{Tools, Worker};
use anyhow::Context;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_sessions::ExpiredDeletion;

/// Between two clearings of sessions that ran out.
const CLEAR_SESSIONS: Duration = Duration::from_hours(1);

/// What a handler works with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What the operator said.
    pub config: Arc<Config>,
    /// The rows.
    pub db: Db,
    /// Where presses of the button are taken.
    pub desk: Desk,
    /// The files.
    pub store: Store,
    /// What people send us, on its way into the store.
    pub files: Files,
    /// The time.
    pub clock: Clock,
    /// What prices are sealed with.
    pub seals: Seals,
    /// Open pages.
    pub hub: Hub,
    /// The files of the house.
    pub assets: Assets,
    /// Whether Replicate is the built-in sandbox.
    pub sandbox: bool,
    /// Replicate, to be asked about models; predictions are the worker's.
    pub replicate: replicate::Client,
    /// Servers of our own, to be asked about their models; runs are the worker's.
    pub cog: Cog,
    /// What webhooks must be signed with.
    pub webhooks: replicate::Secrets,
    /// Cancelled when the process is to stop.
    pub stop: CancellationToken,
}

/// Which parts of the work a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Pages and background work.
    #[default]
    All,
    /// Pages only.
    Web,
    /// Background work only, and the health addresses.
    Worker,
}

impl App {
    /// Where pages find the files of this build.
    pub fn page_assets(&self) -> crate::app::Assets {
        let origin = self.config.public_url.as_str().trim_end_matches('/').to_owned();
        crate::app::Assets { base: self.assets.base().to_owned(), origin }
    }

    /// What sends the webhooks that people asked for.
    pub fn sender(&self) -> Sender {
        let Self { db, clock, files, .. } = self.clone();
        Sender { db, egress: files.egress, clock, tell: http::tell(self.clone()) }
    }

    /// Every address of the product.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }
}

/// A server that is up; [`Running::stopped`] waits for its end.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Whether Replicate is the built-in sandbox.
    pub sandbox: bool,
    tasks: JoinSet<anyhow::Result<()>>,
    db: Db,
}

/// Builds everything the configuration asks for and starts it.
///
/// # Errors
/// When something needed is not there; the message says what.
pub async fn run(config: Config, role: Role, stop: CancellationToken) -> anyhow::Result<Running> {
    replicate::install_tls();
    // Leptos' reactive system needs to know its executor before the first page; a second time is harmless.
    let _ = any_spawner::Executor::init_tokio();
    let scratch = config.data_dir.join("scratch");
    let spool = Spool::open(scratch.clone(), config.spool).await;
    let spool = spool.with_context(|| format!("DATA_DIR: cannot use {}", scratch.display()))?;
    let db = Db::connect(&config.database_url).await.context("DATABASE_URL: cannot open the database")?;
    let store = Store::open(&config.store).await.context("cannot open the object store")?;
    let clock = Clock::System.corrected(0);
    db.set_right(&clock).await.context("DATABASE_URL: the database does not say what time it is")?;
    model::stock(&db, clock.now()).await.context("the catalogue cannot be stocked")?;
    let mut tasks = JoinSet::new();
    let replicate = connect_replicate(&config, &clock, role, &mut tasks, &stop).await?;
    worker::check_window(&replicate)?;
    let addr = config.addr;
    let listener = TcpListener::bind(addr).await.with_context(|| format!("ATELIER_ADDR: cannot listen on {addr}"))?;
    let addr = listener.local_addr()?;
    // A worker alone answers no webhooks; they go to the address that everybody knows.
    let webhooks = config.webhook_origin(replicate.is_local(), (role == Role::All).then_some(addr));
    let files = open_files(&config, addr, &db, &store).await?;
    let app = App {
        db: db.clone(),
        desk: Desk::new(db.clone()),
        store: store.clone(),
        files,
        clock: clock.clone(),
        seals: Seals::new(db.clone()),
        hub: Hub::default(),
        assets: Assets::load(),
        sandbox: config.replicate_token.is_none(),
        replicate: replicate.clone(),
        cog: Cog::new()?,
        webhooks: replicate::Secrets::new(config.webhook_secrets.clone(), replicate.clone()),
        stop: stop.clone(),
        config: Arc::new(config),
    };
    tasks.spawn(background(db.clone().watch(clock.clone(), stop.clone())));
    tasks.spawn(background(live::relay(db.clone(), stop.clone())));
    if role != Role::Worker {
        tasks.spawn(background(app.hub.clone().run(db.clone(), clock.clone(), stop.clone())));
        tasks.spawn(background(clear_sessions(Sessions::new(db.clone(), clock.clone()), stop.clone())));
    }
    if role != Role::Web {
        limits::allow(&db, app.config.caps).await?;
        let sides = reconcile::Sides { db: db.clone(), store: store.clone(), replicate: Some(replicate.clone()) };
        tasks.spawn(background(app.sender().run(stop.clone())));
        tasks.spawn(background(reconcile::run(sides, clock.clone(), stop.clone())));
        let tools = tools(&app, spool, webhooks);
        let worker = Worker::new(tools);
        let stop = stop.clone();
        tasks.spawn(async move {
            worker.run(stop).await;
            Ok(())
        });
    }
    let sandbox = app.sandbox;
    let router = if role == Role::Worker { http::health(app) } else { app.router() };
    tasks.spawn(background(listen::serve(listener, router, Limits::PRODUCT, stop)));
    Ok(Running { addr, sandbox, tasks, db })
}

/// What the worker works with.
fn tools(app: &App, spool: Spool, webhooks: Option<url::Url>) -> Tools {
    Tools {
        db: app.db.clone(),
        recorder: Recorder::new(app.db.clone()),
        replicate: app.replicate.clone(),
        cog: app.cog.clone(),
        egress: app.files.egress.clone(),
        store: app.store.clone(),
        clock: app.clock.clone(),
        spool,
        reach: worker::reach::Reach::default(),
        concurrency: app.config.worker_concurrency,
        standby: app.desk.standby().clone(),
        webhooks,
        links: app.config.input_links.then(|| app.config.public_url.clone()),
    }
}

impl Running {
    /// Waits until everything has stopped; an error is the first that something stopped with.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn stopped(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended.map_err(anyhow::Error::from).and_then(|ended| ended) {
                outcome = outcome.and(Err(error));
            }
        }
        self.db.close().await;
        outcome
    }
}

async fn background(work: impl Future<Output = ()>) -> anyhow::Result<()> {
    work.await;
    Ok(())
}

/// Where files come in. They may come from this machine only when nobody else's can reach it.
async fn open_files(config: &Config, addr: SocketAddr, db: &Db, store: &Store) -> anyhow::Result<Files> {
    let incoming = config.data_dir.join("uploads");
    let uploads = Uploads::open(incoming.clone()).await;
    let uploads = uploads.with_context(|| format!("DATA_DIR: cannot use {}", incoming.display()))?;
    let egress = Egress::new(config.reach(addr))?;
    Ok(Files { db: db.clone(), store: store.clone(), uploads, egress })
}

/// Replicate's client; without a token, for the sandbox that this process starts on a free local port.
async fn connect_replicate(
    config: &Config,
    clock: &Clock,
    role: Role,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<replicate::Client> {
    if let Some(token) = &config.replicate_token {
        return Ok(replicate::Client::new(&config.replicate_url, token.clone())?);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen for the sandbox")?;
    let url = format!("http://{}", listener.local_addr()?).parse().context("the sandbox's address")?;
    if role != Role::Web {
        let clock = clock.clone();
        let sandbox = Sandbox::open(&config.data_dir.join("sandbox"), sandbox::Options::new(move || clock.now())).await?;
        // Outlives the worker by a moment, so that steps under way still get their answers.
        let stop = stop.clone();
        tasks.spawn(async move {
            let later = CancellationToken::new();
            let serving = tokio::spawn(sandbox::serve(listener, sandbox, later.clone()));
            stop.cancelled().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            later.cancel();
            Ok(serving.await?)
        });
    }
    Ok(replicate::Client::new(&url, SecretString::from(sandbox::TOKEN))?)
}

async fn clear_sessions(sessions: impl ExpiredDeletion, stop: CancellationToken) {
    loop {
        if let Err(error) = sessions.delete_expired().await {
            tracing::warn!(%error, "old sessions could not be cleared");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLEAR_SESSIONS) => {}
        }
    }
}
