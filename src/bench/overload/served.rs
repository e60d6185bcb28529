//! The product's own binary, as people start it, on a database and in a folder of its own. The sandbox is in this process:
//! what it needs is not the product's, and it answers at once.

use crate::databases::{administer, new_database};
use anyhow::{Context, ensure};
use atelier::server::clock::Clock;
use atelier::server::sandbox::{self, Sandbox};
use sqlx::{AnyConnection, Connection};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A prediction has ended when its creation is answered, and its picture takes no time to draw.
const AT_ONCE: f64 = 1e9;
const LONGEST_EDGE: u32 = 16;
/// More than anybody here spends, and than anybody here calls.
const PLENTY: &str = "1000000";
const NO_LIMIT: u32 = 100_000_000;

/// A running `atelier serve`; killed when it is dropped.
pub struct Served {
    /// Where it listens: an address and a port.
    pub address: String,
    child: Child,
    database_url: String,
    cluster: String,
    sandbox: (CancellationToken, JoinHandle<()>),
    _folder: TempDir,
}

impl Served {
    /// On `SQLite` when there is no cluster, else in a new database of it.
    pub async fn start(cluster: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let database_url = new_database(cluster, &data).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let options = sandbox::Options {
            speed: AT_ONCE,
            longest_edge: Some(LONGEST_EDGE),
            creates_per_minute: NO_LIMIT,
            reads_per_minute: NO_LIMIT,
            ..sandbox::Options::new(|| Clock::System.now())
        };
        let (opened, stop) = (Sandbox::open(&folder.path().join("witness"), options).await?, CancellationToken::new());
        let sandbox = tokio::spawn(sandbox::serve(listener, opened, stop.clone()));
        // A copy, so that whoever builds meanwhile does not change what is loaded.
        let binary = folder.path().join("atelier");
        std::fs::copy(env!("CARGO_BIN_EXE_atelier"), &binary)?;
        let mut command = Command::new(binary);
        command.arg("serve").env_clear().current_dir(folder.path()).kill_on_drop(true).env("DATA_DIR", &data);
        command.env("ATELIER_ADDR", "127.0.0.1:0").env("DATABASE_URL", &database_url).env("RUST_LOG", "error");
        command.env("REPLICATE_API_TOKEN", sandbox::TOKEN).env("REPLICATE_BASE_URL", origin);
        command.env("SIGNUP_CREDITS", PLENTY).env("CREATES_PER_MINUTE", PLENTY);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("starting the binary")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let address = loop {
            let line = lines.next_line().await?.context("it ended before it was ready")?;
            if let Some((_, url)) = line.split_once(" is ready at http://") {
                break url.split([' ', '/']).next().unwrap_or_default().to_owned();
            }
        };
        let (cluster, sandbox) = (cluster.to_owned(), (stop, sandbox));
        Ok(Self { address, child, database_url, cluster, sandbox, _folder: folder })
    }

    /// The process.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("it has ended")
    }

    /// Generations that have ended so far.
    pub async fn ended(&self) -> anyhow::Result<usize> {
        sqlx::any::install_default_drivers();
        let mut rows = AnyConnection::connect(&self.database_url).await?;
        let query = "select count(*) from generation where state in ('succeeded', 'failed', 'canceled')";
        let (ended,): (i64,) = sqlx::query_as(query).fetch_one(&mut rows).await?;
        rows.close().await?;
        Ok(usize::try_from(ended)?)
    }

    /// Ends it, and removes its database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.id()?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status().await?.success(), "it could not be told to stop");
        let ended = self.child.wait().await?;
        ensure!(ended.success(), "it stopped with {ended}");
        self.sandbox.0.cancel();
        self.sandbox.1.await?;
        if !self.cluster.is_empty() {
            let name = self.database_url.parse::<Url>()?.path().trim_start_matches('/').to_owned();
            administer(&self.cluster, format!("drop database {name} with (force)")).await?;
        }
        Ok(())
    }
}
