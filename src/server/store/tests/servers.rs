//! S3 servers to test against, on ports of the system's choosing; each stops when it is dropped.

use crate::server::store::{Credentials, Keys, Limits, StoreConfig, s3};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    task::{AbortHandle, JoinSet},
};

const BUCKET: &str = "pictures";
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "a secret of the tests";

fn config(address: SocketAddr) -> StoreConfig {
    StoreConfig::S3 {
        bucket: BUCKET.into(),
        region: "us-east-1".into(),
        endpoint: Some(format!("http://{address}").parse().expect("an address is a URL")),
        credentials: Credentials::Fixed(Keys::lasting(ACCESS_KEY, SECRET_KEY)),
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

/// s3s-fs in this process.
pub struct S3Server {
    address: SocketAddr,
    task: AbortHandle,
    _dir: TempDir,
}

impl S3Server {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join(BUCKET)).expect("a bucket");
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir.path()).expect("a file system"));
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = listener().await;
        let address = listener.local_addr().expect("an address");
        let serve = async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    // A client may leave when it likes.
                    drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await);
                });
            }
        };
        Self { address, task: tokio::spawn(serve).abort_handle(), _dir: dir }
    }

    pub fn config(&self) -> StoreConfig {
        config(self.address)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that takes connections and says nothing, for as long as the test runs.
pub async fn silent() -> StoreConfig {
    let listener = listener().await;
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            open.push(socket);
        }
    });
    config(address)
}

/// A server whose every answer is this error.
pub async fn answering(status: u16, code: &str) -> StoreConfig {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    let answer = axum::Router::new().fallback(move || async move {
        let status = StatusCode::from_u16(status).expect("a status");
        (status, [(CONTENT_TYPE, "application/xml")], body)
    });
    let listener = listener().await;
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, answer).await });
    config(address)
}

/// `SeaweedFS` as a process of its own, with its bucket made.
pub struct SeaweedFs {
    address: SocketAddr,
    _process: Child,
    _dir: TempDir,
}

impl SeaweedFs {
    /// `None` when the environment names no `weed` program.
    #[expect(clippy::disallowed_methods, reason = "which programs a test may use is no part of the server's configuration")]
    pub async fn start() -> Option<Self> {
        let weed = std::env::var("TEST_SEAWEEDFS").ok()?;
        let dir = tempfile::tempdir().expect("a directory");
        let mut ports = Vec::new();
        for _ in 0..8 {
            ports.push(listener().await);
        }
        let addresses: Vec<_> = ports.iter().map(|port| port.local_addr().expect("an address")).collect();
        drop(ports);
        let process = spawn(&weed, dir.path(), &addresses);
        let server = Self { address: addresses[0], _process: process, _dir: dir };
        server.make_bucket().await;
        Some(server)
    }

    pub fn config(&self) -> StoreConfig {
        config(self.address)
    }

    /// Asks until it answers: its parts need some seconds to find each other.
    async fn make_bucket(&self) {
        let StoreConfig::S3 { region, endpoint, .. } = self.config() else { unreachable!("S3") };
        let client = s3::client(&region, endpoint.as_ref(), &Keys::lasting(ACCESS_KEY, SECRET_KEY), Limits::DEFAULT);
        let mut every = tokio::time::interval(Duration::from_millis(250));
        let ready = async {
            loop {
                every.tick().await;
                if client.create_bucket().bucket(BUCKET).send().await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), ready).await.expect("SeaweedFS is ready within a minute");
    }
}

fn spawn(weed: &str, dir: &Path, addresses: &[SocketAddr]) -> Child {
    let identity = serde_json::json!({ "identities": [{
        "name": "test", "credentials": [{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }],
        "actions": ["Admin", "Read", "Write", "List"],
    }]});
    let identities = dir.join("s3.json");
    std::fs::write(&identities, identity.to_string()).expect("a file");
    let mut command = Command::new(weed);
    command.arg("server").arg(format!("-dir={}", dir.display())).arg(format!("-s3.config={}", identities.display()));
    command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.args(["-master.volumeSizeLimitMB=64", "-volume.max=0", "-master.telemetry=false"]);
    let parts = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    for (part, address) in parts.iter().zip(addresses) {
        command.arg(format!("-{part}={}", address.port()));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("weed starts")
}
