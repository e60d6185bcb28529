//! What is measured: a fresh database and store, people with credits, and a worker beside a sandbox, as `serve` has them.

use crate::databases::new_database;
use atelier::domain::{Credits, Model, PersonId, RawRequest};
use atelier::server::account::{self, Credentials};
use atelier::server::clock::Clock;
use atelier::server::cog::Cog;
use atelier::server::db::{Db, mint};
use atelier::server::egress::{self, Egress};
use atelier::server::generation::limits::{self, Caps};
use atelier::server::generation::{Desk, Recorder};
use atelier::server::model;
use atelier::server::replicate::Client;
use atelier::server::sandbox::{self, Sandbox};
use atelier::server::store::{Store, StoreConfig};
use atelier::server::worker::reach::Reach;
use atelier::server::worker::spool::{self, Spool};
use atelier::server::worker::{Tools, Worker};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The password of everybody here.
pub const PASSWORD: &str = "a lighthouse in the fog";
/// The steps at work at once that a process has unless told otherwise.
pub const CONCURRENCY: usize = 5;
/// More than anybody here spends.
const PLENTY: Credits = Credits(1_000_000);

/// Everything that outlasts one measurement.
pub struct House {
    /// Where it keeps files.
    pub folder: PathBuf,
    /// The address of the database.
    pub url: String,
    /// The rows.
    pub db: Db,
    /// Where presses are taken.
    pub desk: Desk,
    /// The files.
    pub store: Store,
    /// Files on their way.
    pub spool: Spool,
    /// What can be asked for.
    pub catalogue: Vec<Model>,
    /// Whoever asks when it does not matter who.
    pub person: PersonId,
    /// Their address.
    pub email: String,
}

/// A sandbox at work.
pub struct Provider {
    /// How to reach it.
    pub client: Client,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// A worker at work.
pub struct Working {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl House {
    /// Opens one in an empty folder, with allowances that nobody here reaches: on `SQLite` when there is no cluster, else
    /// in a new database of it.
    pub async fn open(cluster: &str, folder: &Path) -> anyhow::Result<Self> {
        let url = new_database(cluster, folder).await?;
        let db = Db::connect(&url).await?;
        let store = Store::open(&StoreConfig::Disk { dir: folder.join("objects") }).await?;
        limits::allow(&db, Caps { in_flight: 100_000, per_person: 100_000, creates_per_minute: 1_000_000 }).await?;
        let spool = Spool::open(folder.join("scratch"), spool::Limits::DEFAULT).await?;
        let catalogue = model::offered(&db).await?;
        let email = "bench@example.com".to_owned();
        let person = join(&db, &email).await?;
        let desk = Desk::new(db.clone());
        Ok(Self { folder: folder.to_owned(), url, db, desk, store, spool, catalogue, person, email })
    }

    /// More people, each with plenty.
    pub async fn people(&self, how_many: usize) -> anyhow::Result<Vec<PersonId>> {
        let mut people = Vec::with_capacity(how_many);
        for _ in 0..how_many {
            people.push(join(&self.db, &format!("{}@example.com", mint())).await?);
        }
        Ok(people)
    }

    /// A sandbox that runs this many times faster than life, and never says that it is too much.
    pub async fn provider(&self, speed: f64) -> anyhow::Result<Provider> {
        self.provider_of(speed, None).await
    }

    /// The same with pictures that take no time to draw, fetch and decode.
    pub async fn tiny_provider(&self, speed: f64) -> anyhow::Result<Provider> {
        self.provider_of(speed, Some(16)).await
    }

    async fn provider_of(&self, speed: f64, longest_edge: Option<u32>) -> anyhow::Result<Provider> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let pace = sandbox::Options::new(|| Clock::System.now());
        let options =
            sandbox::Options { speed, longest_edge, creates_per_minute: 1_000_000, reads_per_minute: 1_000_000, ..pace };
        let sandbox = Sandbox::open(&self.folder.join(mint()), options).await?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(sandbox::serve(listener, sandbox, stop.clone()));
        Ok(Provider { client: Client::new(&url, SecretString::from(sandbox::TOKEN))?, stop, serving })
    }

    /// The worker of the product, woken the way it is woken there.
    pub fn worker(&self, provider: &Provider) -> anyhow::Result<Working> {
        let worker = Worker::new(Tools {
            standby: self.desk.standby().clone(),
            db: self.db.clone(),
            recorder: Recorder::new(self.db.clone()),
            replicate: provider.client.clone(),
            cog: Cog::new()?,
            egress: Egress::new(egress::Reach::Internet)?,
            store: self.store.clone(),
            clock: Clock::System,
            spool: self.spool.clone(),
            reach: Reach::default(),
            concurrency: CONCURRENCY,
            webhooks: None,
            links: None,
        });
        let stop = CancellationToken::new();
        let told = stop.clone();
        Ok(Working { stop, running: tokio::spawn(async move { worker.run(told).await }) })
    }

    /// Ends what there is.
    pub async fn close(self) {
        self.db.close().await;
    }
}

impl Provider {
    /// Stops the sandbox.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.serving.await?)
    }
}

impl Working {
    /// Stops the worker.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.running.await?)
    }
}

/// A press of the button for one picture.
pub fn press(prompt: &str) -> RawRequest {
    RawRequest { request_key: mint(), prompt: prompt.to_owned(), ..RawRequest::default() }
}

async fn join(db: &Db, email: &str) -> anyhow::Result<PersonId> {
    let credentials = Credentials { email: email.to_owned(), password: SecretString::from(PASSWORD) };
    Ok(account::sign_up(db, &credentials, PLENTY, Clock::System.now()).await?)
}
