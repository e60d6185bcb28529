//! The processes of a drill, on ports and in folders of their own: the sandbox, which lives through all of it, and the
//! product, which does not.

use crate::databases::{administer, new_database};
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

/// The product's binary in the drill's folder.
const BINARY: &str = "atelier";
/// Any token will do at the sandbox.
const TOKEN: &str = "r8_drill";
/// Until a process answers; a debug build on a busy machine takes its time.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(20);
/// `SIGKILL`, which nothing can catch.
const KILLED: i32 = 9;

/// Where everything is.
pub struct House {
    folder: TempDir,
    /// The database's address.
    pub database_url: String,
    cluster: String,
    product: SocketAddr,
    sandbox: SocketAddr,
    /// For looking whether they are there.
    pub http: reqwest::Client,
}

/// A process of ours; killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Died {
    /// It came to its point and killed itself there.
    ByItself,
    /// We did it.
    FromOutside,
}

impl House {
    /// In an empty folder: on `SQLite` when there is no cluster, else in a new database of it.
    pub async fn open(cluster: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("data"))?;
        // A copy, so that whoever builds meanwhile does not change what is drilled.
        fs::copy(env!("CARGO_BIN_EXE_atelier"), folder.path().join(BINARY))?;
        let database_url = new_database(cluster, &folder.path().join("data")).await?;
        // Kept until both are chosen, so that they differ.
        let ports = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let (product, sandbox) = (ports[0].local_addr()?, ports[1].local_addr()?);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { folder, database_url, cluster: cluster.to_owned(), product, sandbox, http })
    }

    /// Where the product is reached.
    pub fn origin(&self) -> String {
        format!("http://{}", self.product)
    }

    /// Where the sandbox is.
    pub fn sandbox_origin(&self) -> String {
        format!("http://{}", self.sandbox)
    }

    /// The product's directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The sandbox's directory.
    pub fn sandbox_data(&self) -> PathBuf {
        self.folder.path().join("witness")
    }

    /// The sandbox, in a hurry and with small pictures, once it answers.
    pub async fn sandbox(&self) -> anyhow::Result<Process> {
        let port = self.sandbox.port().to_string();
        let mut command = self.atelier(&self.sandbox_data());
        command.args(["sandbox", "--port", &port, "--speed", "20", "--longest-edge", "64"]);
        let process = Process::start(command, self.folder.path().join("sandbox.log"))?;
        self.answers(&format!("{}/sandbox/invoice", self.sandbox_origin())).await?;
        Ok(process)
    }

    /// The product, which dies where `crash` says.
    pub fn serve(&self, crash: Option<&str>) -> anyhow::Result<Process> {
        let mut command = self.atelier(&self.data());
        command.arg("serve").env("ATELIER_ADDR", self.product.to_string());
        if let Some(crash) = crash {
            command.env("ATELIER_CRASH", crash);
        }
        Process::start(command, self.folder.path().join("product.log"))
    }

    /// Waits until the product answers.
    pub async fn ready(&self) -> anyhow::Result<()> {
        self.answers(&format!("{}/livez", self.origin())).await
    }

    /// The product's binary, as an operator of this house would call it.
    pub fn atelier(&self, data: &Path) -> Command {
        let mut command = Command::new(self.folder.path().join(BINARY));
        command.env_clear().current_dir(self.folder.path()).kill_on_drop(true).env("DATA_DIR", data);
        command.env("DATABASE_URL", &self.database_url).env("RUST_LOG", "warn");
        command.env("REPLICATE_API_TOKEN", TOKEN).env("REPLICATE_BASE_URL", self.sandbox_origin());
        // Whatever a kill holds up until its lease runs out must not be in the way of the next one.
        command.env("MAX_IN_FLIGHT", "100000").env("MAX_IN_FLIGHT_PER_PERSON", "100000");
        command.env("SIGNUP_CREDITS", "1000000");
        command
    }

    /// Removes the database; the folder goes by itself.
    pub async fn close(self) -> anyhow::Result<()> {
        if !self.cluster.is_empty() {
            let name = self.database_url.parse::<Url>()?.path().trim_start_matches('/').to_owned();
            administer(&self.cluster, format!("drop database {name} with (force)")).await?;
        }
        Ok(())
    }

    async fn answers(&self, url: &str) -> anyhow::Result<()> {
        let looks = async {
            while self.http.get(url).send().await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(READY_WITHIN, looks).await.with_context(|| format!("nobody answers at {url}"))
    }
}

impl Process {
    fn start(mut command: Command, log: PathBuf) -> anyhow::Result<Self> {
        let stderr = File::options().create(true).append(true).open(&log)?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().context("starting the binary")?;
        Ok(Self { child, log })
    }

    /// Waits for its death until the time is up, then brings it about.
    pub async fn dies_within(mut self, longest: Duration) -> anyhow::Result<Died> {
        match timeout(longest, self.child.wait()).await {
            Err(_) => self.kill().await.map(|()| Died::FromOutside),
            Ok(status) => self.killed(status).map(|()| Died::ByItself),
        }
    }

    /// Kills it.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.start_kill()?;
        let status = self.child.wait().await;
        self.killed(status)
    }

    /// Any other end is one that nobody asked for.
    fn killed(&self, status: io::Result<ExitStatus>) -> anyhow::Result<()> {
        let status = status?;
        if status.signal() == Some(KILLED) {
            return Ok(());
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(20).collect();
        bail!("it ended by itself: {status}\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}
