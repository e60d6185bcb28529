//! What every test stands on: a whole product of its own.
//!
//! [`TestApp`] is one database (a SQLite file, or a fresh PostgreSQL database), one directory of objects, one sandbox
//! behind real HTTP, one clock that stands still until it is told otherwise, and one process that serves the real
//! router on a port of its own. More processes can be started beside the first; work is done by a [`Worker`] that is
//! turned by hand, so that a test decides what happens before what.

mod browser;
mod cluster;
mod database;
pub mod files;
mod memory;
mod proxy;
pub mod s3;
mod stream;

pub use browser::{Answer, Browser, PASSWORD};
pub use cluster::Cluster;
pub use database::{Database, Engine, variable};
pub use memory::{Memory, seeds};
pub use proxy::{Proxy, Wire};
pub use stream::Stream;

use atelier::domain::{Credits, GenerationId, PersonId, State, Timestamp};
use atelier::server::App;
use atelier::server::assets::Assets;
use atelier::server::clock::Clock;
use atelier::server::cog::Cog;
use atelier::server::config::Config;
use atelier::server::db::{Db, mint};
use atelier::server::egress::Egress;
use atelier::server::file::Files;
use atelier::server::file::uploads::Uploads;
use atelier::server::generation::limits::{self, Caps};
use atelier::server::generation::{self, Desk, Recorder};
use atelier::server::ledger::{self, Grant};
use atelier::server::listen::{self, Limits};
use atelier::server::live::{self, Hub};
use atelier::server::replicate::{self, Client, Secrets};
use atelier::server::sandbox::{self, InvoiceEvent, Sandbox};
use atelier::server::seal::Seals;
use atelier::server::store::{Key, Store, StoreConfig};
use atelier::server::worker::reach::Reach;
use atelier::server::worker::spool::{self, Spool};
use atelier::server::worker::{Tools, Worker};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection, Executor};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs each test twice: as `name::sqlite` and as `name::postgres`.
macro_rules! both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($app:ident: TestApp) $body:block)*) => { $(
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "some need nothing from around them")]
            use super::*;

            $(#[$attribute])*
            async fn test($app: crate::support::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(crate::support::TestApp::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(app) = crate::support::TestApp::postgres().await {
                    test(app).await;
                }
            }
        }
    )* };
}
pub(crate) use both_databases;

/// Where every clock begins; any moment would do.
const START: Timestamp = Timestamp(1_790_000_000_000);
/// The longest side of the pictures here, in pixels; a test that is about pictures asks for [`TestApp::in_full_size`].
const LONGEST_EDGE: u32 = 64;
/// More turns than any test needs; reaching it means that something never ends.
const TURNS: usize = 1_000;

/// A whole product.
pub struct TestApp {
    /// The first process.
    pub process: Process,
    /// The time, for the processes, the worker and the sandbox alike.
    pub clock: Clock,
    /// The Replicate.
    pub sandbox: Sandbox,
    /// What workers are made of.
    pub tools: Tools,
    /// The worker that [`TestApp::settle_all`] turns.
    pub worker: Worker,
    database: Database,
    dir: TempDir,
    stop: CancellationToken,
    finished: bool,
}

/// One serving process.
pub struct Process {
    /// What its handlers work with.
    pub app: App,
    /// Its origin, without a slash at the end.
    pub url: String,
}

impl TestApp {
    /// On a SQLite file of its own.
    pub async fn sqlite() -> Self {
        Self::start(Database::sqlite()).await
    }

    /// On a PostgreSQL database of its own; `None`, and a word about it, when there is no server to make it on.
    pub async fn postgres() -> Option<Self> {
        Some(Self::start(Database::postgres().await?).await)
    }

    async fn start(database: Database) -> Self {
        replicate::install_tls();
        let _ = any_spawner::Executor::init_tokio();
        let dir = TempDir::new().expect("a directory");
        let (clock, stop) = (Clock::manual(START), CancellationToken::new());
        let (sandbox, replicate) = start_sandbox(&dir.path().join("sandbox"), Some(LONGEST_EDGE), &clock, &stop).await;
        let spool = Spool::open(dir.path().join("scratch"), spool::Limits::DEFAULT).await.expect("a spool");
        let store = Store::open(&StoreConfig::Disk { dir: dir.path().join("objects") }).await.expect("a store");
        let process = Process::start(database.url(&dir), dir.path(), &clock, &store, &replicate, &stop, &[]).await;
        let db = process.app.db.clone();
        // The bucket of paid calls has tests of its own.
        limits::allow(&db, Caps { creates_per_minute: 1_000_000, ..process.app.config.caps }).await.expect("allowances");
        let reach = Reach::default();
        let (cog, egress) = (process.app.cog.clone(), process.app.files.egress.clone());
        let recorder = Recorder::new(db.clone());
        let tools = Tools {
            standby: process.app.desk.standby().clone(),
            db,
            recorder,
            replicate,
            cog,
            egress,
            store,
            clock: clock.clone(),
            spool,
            reach,
            concurrency: 5,
            webhooks: None,
            links: None,
        };
        let worker = Worker::new(tools.clone());
        Self { process, clock, sandbox, tools, worker, database, dir, stop, finished: false }
    }

    /// The same with a sandbox that draws every picture as large as it was ordered.
    pub async fn in_full_size(mut self) -> Self {
        let dir = self.dir.path().join("sandbox-in-full-size");
        (self.sandbox, self.tools.replicate) = start_sandbox(&dir, None, &self.clock, &self.stop).await;
        self.worker = Worker::new(self.tools.clone());
        self
    }

    /// Another process on the same database, objects and clock.
    pub async fn beside(&self) -> Process {
        self.beside_with(&[]).await
    }

    /// Another process that was told other things by its environment.
    pub async fn beside_with(&self, variables: &[(&'static str, &str)]) -> Process {
        let Tools { clock, store, replicate, .. } = &self.tools;
        Process::start(self.database.url(&self.dir), self.dir.path(), clock, store, replicate, &self.stop, variables).await
    }

    /// A worker whose predictions send their webhooks to the first process, when [`Sandbox::deliver_due`] is called.
    pub fn called_worker(&self) -> Worker {
        let origin = self.process.url.parse().expect("an origin");
        Worker::new(Tools { webhooks: Some(origin), ..self.tools.clone() })
    }

    /// Another process, whose machine has a clock of its own.
    pub async fn beside_at(&self, clock: &Clock) -> Process {
        let Tools { store, replicate, .. } = &self.tools;
        Process::start(self.database.url(&self.dir), self.dir.path(), clock, store, replicate, &self.stop, &[]).await
    }

    /// Another process, and the wire between it and the database; `None` where there is nothing between them.
    pub async fn beside_wired(&self) -> Option<(Process, Proxy)> {
        let (proxy, url) = self.database.wired().await?;
        let Tools { clock, store, replicate, .. } = &self.tools;
        let process = Process::start(url, self.dir.path(), clock, store, replicate, &self.stop, &[]).await;
        // The others do not watch: behind no wire, all it could notice is a build machine that is busy for seconds.
        tokio::spawn(process.app.db.clone().watch(clock.clone(), process.app.stop.clone()));
        Some((process, proxy))
    }

    /// A worker as another process would have it: its own identity and its own connections.
    pub async fn worker_beside(&self) -> Worker {
        Worker::new(Tools { db: self.connect().await, ..self.tools.clone() })
    }

    /// Other allowances, for all processes.
    pub async fn allow(&self, in_flight: i64, per_person: i64, creates_per_minute: i64) {
        limits::allow(self.db(), Caps { in_flight, per_person, creates_per_minute }).await.expect("allowances");
    }

    /// Another pool of connections to the same database.
    pub async fn connect(&self) -> Db {
        Db::connect(&self.database.url(&self.dir)).await.expect("the database")
    }

    /// The first process's rows.
    pub fn db(&self) -> &Db {
        &self.process.app.db
    }

    /// Whether this is PostgreSQL.
    pub fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// Somebody who was never here.
    pub fn visitor(&self) -> Browser {
        self.process.visitor()
    }

    /// Somebody who just signed up, with the twenty credits of the house.
    pub async fn sign_up(&self, name: &str) -> Browser {
        let browser = self.visitor();
        browser.sign_up(name).await;
        browser
    }

    /// Who a browser is signed in as.
    pub async fn person(&self, browser: &Browser) -> PersonId {
        self.person_at(&browser.email()).await
    }

    /// Who signed up as `name`.
    pub async fn person_named(&self, name: &str) -> PersonId {
        self.person_at(&format!("{name}@example.com")).await
    }

    async fn person_at(&self, email: &str) -> PersonId {
        let person = atelier::server::account::find_by_email(self.db(), email).await.expect("the database");
        person.expect("somebody with that address").id
    }

    /// Gives credits, as an operator would.
    pub async fn grant(&self, person: &PersonId, credits: i64) {
        let mut tx = self.db().begin().await.expect("a transaction");
        let grant = Grant::Operator { reference: mint(), reason: "for a test".to_owned() };
        ledger::grant(&mut tx, person, Credits(credits), &grant, self.clock.now()).await.expect("a grant");
        tx.commit().await.expect("a commit");
    }

    /// Turns the worker, and the time on to whatever is due next, until nothing is unfinished.
    pub async fn settle_all(&self) {
        for _ in 0..TURNS {
            if !self.turn().await {
                return;
            }
        }
        panic!("something never ends: {:?}", self.states().await);
    }

    /// The same until this generation is in that state.
    pub async fn until(&self, id: &GenerationId, wanted: State) {
        for _ in 0..TURNS {
            if self.state(id).await == wanted {
                return;
            }
            assert!(self.turn().await, "it is over, as {:?}", self.state(id).await);
        }
        panic!("it is {:?} and never became {wanted:?}", self.state(id).await);
    }

    /// Does what is due now; when nothing is, moves the time on to what is due next. Whether anything is unfinished.
    async fn turn(&self) -> bool {
        self.worker.turn().await.expect("a turn") > 0 || self.move_on().await
    }

    /// Moves the time on to what is due next. Whether there is anything.
    pub async fn move_on(&self) -> bool {
        let now = self.clock.now();
        let next = sqlx::query_as(
            "select min(due) from (
               select case when state = 'parked' then deadline_at when lease_until > run_at then lease_until else run_at end as due
               from generation where state not in ('succeeded', 'failed', 'canceled')) as unfinished
             where due > $1",
        );
        let (due,): (Option<i64>,) = next.bind(now).fetch_one(self.db().pool()).await.expect("the database");
        // A gate may keep what is due: a pause, the bucket.
        let opens = generation::next_due(self.db(), now).await.expect("the database").map(|wait| wait.as_millis());
        let opens = opens.and_then(|wait| i64::try_from(wait).ok());
        let queued = "select count(*) from generation where state = 'queued'";
        let opens = if self.count(queued).await > 0 { opens } else { None };
        let next = due.map(|due| due - now.0).into_iter().chain(opens).min();
        next.inspect(|wait| self.clock.advance_ms(*wait)).is_some()
    }

    /// Where a generation is.
    pub async fn state(&self, id: &GenerationId) -> State {
        let row = sqlx::query_as("select state from generation where id = $1").bind(id.as_str());
        let (word,): (String,) = row.fetch_one(self.db().pool()).await.expect("the generation");
        State::parse(&word).expect("a state")
    }

    /// Where all generations are, oldest first.
    pub async fn states(&self) -> Vec<State> {
        let rows: Vec<(String,)> = sqlx::query_as("select state from generation order by created_at, id")
            .fetch_all(self.db().pool())
            .await
            .expect("the generations");
        rows.iter().map(|(word,)| State::parse(word).expect("a state")).collect()
    }

    /// The youngest that is queued.
    pub async fn newest_queued(&self) -> GenerationId {
        let row = sqlx::query_as("select id from generation where state = 'queued' order by created_at desc, id desc limit 1");
        let (id,): (String,) = row.fetch_one(self.db().pool()).await.expect("something queued");
        GenerationId::trusted(id)
    }

    /// What a query that answers one number answers.
    pub async fn count(&self, query: &'static str) -> i64 {
        let (count,): (i64,) = sqlx::query_as(query).fetch_one(self.db().pool()).await.expect(query);
        count
    }

    /// Waits until nothing is under way at the database: whoever was dropped in the middle of a transaction has lost it.
    pub async fn quiet(&self) {
        // SQLite's next writer waits by itself.
        if self.engine() == Engine::Postgres {
            let busy = "select count(*) from pg_stat_activity
                        where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'";
            while self.count(busy).await > 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How many files the store has of a generation, thumbnails included.
    pub fn objects(&self, id: &GenerationId) -> usize {
        std::fs::read_dir(self.dir.path().join("objects/generations").join(id.as_str())).map_or(0, Iterator::count)
    }

    /// Makes every write to the store fail, until [`TestApp::bring_store_back`].
    pub fn take_store_away(&self) {
        let objects = self.dir.path().join("objects");
        std::fs::rename(&objects, self.dir.path().join("objects-away")).expect("the store goes");
        std::fs::write(&objects, "").expect("something stands in its place");
    }

    /// Undoes [`TestApp::take_store_away`].
    pub fn bring_store_back(&self) {
        let objects = self.dir.path().join("objects");
        std::fs::remove_file(&objects).expect("what stood in its place goes");
        std::fs::rename(self.dir.path().join("objects-away"), &objects).expect("the store is back");
    }

    /// A connection that knows nothing of the house.
    pub async fn stranger(&self) -> Result<AnyConnection, sqlx::Error> {
        AnyConnection::connect(&self.database.url(&self.dir)).await
    }

    /// Runs statements as somebody would who is not us.
    pub async fn meddle(&self, statements: &'static str) -> Result<(), sqlx::Error> {
        let mut connection = self.stranger().await?;
        let done = connection.execute(sqlx::raw_sql(statements)).await.map(drop);
        connection.close().await?;
        done
    }

    /// What a person has: to spend, and on hold.
    pub async fn balance(&self, person: &PersonId) -> (i64, i64) {
        let balance = ledger::balance(self.db(), person).await.expect("a balance");
        (balance.available().0, balance.held.0)
    }

    /// How many predictions were ever bought at the sandbox.
    pub fn bought(&self) -> usize {
        self.sandbox.invoice().iter().filter(|line| line.event == InvoiceEvent::Created).count()
    }

    /// Checks every promise of the books, and that every file they name is in the store as recorded.
    pub async fn assert_books(&self) {
        let drift = ledger::verify(self.db()).await.expect("the books can be read");
        assert!(drift.is_empty(), "the books are not right: {drift:#?}");
        let outputs: Vec<(String, String, String, i64)> = sqlx::query_as(
            "select generation_id, object_key, sha256, bytes from output where gone_at is null order by generation_id, place",
        )
        .fetch_all(self.db().pool())
        .await
        .expect("the outputs");
        for (id, object_key, sha256, length) in outputs {
            let name = object_key.rsplit('/').next().expect("a file name");
            let key = Key::parse(&GenerationId::trusted(id), name).expect("a key of ours");
            let object = self.tools.store.get(&key, None).await.expect("what is recorded is in the store");
            let bytes = object.bytes().await.expect("a whole object");
            assert_eq!((hex::encode(Sha256::digest(&bytes)), i64::try_from(bytes.len())), (sha256, Ok(length)), "{object_key}");
        }
        let left = std::fs::read_dir(self.tools.spool.dir()).expect("the spool");
        let left = left.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count();
        assert_eq!(left, 0, "nothing stays behind of files on their way");
        let coming = std::fs::read_dir(self.dir.path().join("uploads")).expect("where files come in").count();
        assert_eq!(coming, 0, "nothing stays behind of files that came in");
    }

    /// How every test ends: the books are right, and everything stops.
    pub async fn finish(self) {
        self.assert_books().await;
        self.stop().await;
    }

    /// How a test ends that did the books wrong on purpose: this promise is found broken.
    pub async fn finish_adrift(self, promise: &str) {
        let drift = ledger::verify(self.db()).await.expect("the books can be read");
        assert!(drift.iter().any(|drift| drift.promise == promise), "not found: {promise}, but {drift:#?}");
        self.stop().await;
    }

    async fn stop(mut self) {
        self.finished = true;
        self.stop.cancel();
        self.process.app.db.close().await;
        self.database.remove().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        // A test that fails has said enough.
        assert!(self.finished || std::thread::panicking(), "a test must end with finish(), where the books are checked");
    }
}

impl Process {
    async fn start(
        database_url: String,
        dir: &Path,
        clock: &Clock,
        store: &Store,
        replicate: &Client,
        stop: &CancellationToken,
        variables: &[(&'static str, &str)],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let config = config(&database_url, addr, variables);
        let db = Db::connect(&database_url).await.expect("the database");
        let uploads = Uploads::open(dir.join("uploads")).await.expect("a place for files that come in");
        let egress = Egress::new(config.reach(addr)).expect("a way out");
        let app = App {
            files: Files { db: db.clone(), store: store.clone(), uploads, egress },
            seals: Seals::new(db.clone()),
            desk: Desk::new(db.clone()),
            db,
            store: store.clone(),
            clock: clock.clone(),
            hub: Hub::default(),
            assets: Assets::load(),
            sandbox: true,
            replicate: replicate.clone(),
            cog: Cog::new().expect("a way to servers of our own"),
            webhooks: Secrets::new(config.webhook_secrets.clone(), replicate.clone()),
            // Its own, so that one process can be stopped and the others go on.
            stop: stop.child_token(),
            config: Arc::new(config),
        };
        tokio::spawn(live::relay(app.db.clone(), app.stop.clone()));
        tokio::spawn(app.hub.clone().run(app.db.clone(), clock.clone(), app.stop.clone()));
        tokio::spawn(listen::serve(listener, app.router(), Limits::PRODUCT, app.stop.clone()));
        Self { app, url: format!("http://{addr}") }
    }

    /// Somebody who was never here.
    pub fn visitor(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// The same somebody, served by this process.
    pub fn welcome(&self, browser: &Browser) -> Browser {
        browser.at(&self.url)
    }
}

fn config(database_url: &str, addr: SocketAddr, variables: &[(&'static str, &str)]) -> Config {
    let read = |name: &str| match name {
        "ATELIER_ADDR" => Some(addr.to_string()),
        "DATABASE_URL" => Some(database_url.to_owned()),
        _ => None,
    };
    let told = |name: &'static str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()).or_else(|| read(name))
    };
    Config::read(told).expect("a configuration")
}

async fn start_sandbox(dir: &Path, longest_edge: Option<u32>, clock: &Clock, stop: &CancellationToken) -> (Sandbox, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let time = clock.clone();
    let options = sandbox::Options {
        speed: 1_000.0,
        // The limits have tests of their own, beside the sandbox.
        creates_per_minute: 1_000_000,
        reads_per_minute: 1_000_000,
        // A test says when a webhook arrives.
        delivers: false,
        longest_edge,
        ..sandbox::Options::new(move || time.now())
    };
    let sandbox = Sandbox::open(dir, options).await.expect("a sandbox");
    tokio::spawn(sandbox::serve(listener, sandbox.clone(), stop.clone()));
    (sandbox, Client::new(&url, SecretString::from(sandbox::TOKEN)).expect("a client"))
}
