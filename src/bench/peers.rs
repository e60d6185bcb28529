//! Two job queues of the trade on the same PostgreSQL, measured by a script of their own language: `peers/peers.mjs`.

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::time::Duration;
use tokio::process::Command;

/// What one of them can do.
#[derive(Deserialize)]
pub struct Peer {
    /// Its name and version.
    pub name: String,
    /// Jobs added and completed a second, at the same time.
    pub per_second: f64,
    pickup_p50_ms: f64,
}

impl Peer {
    /// From the call that adds a job to the job.
    pub fn pickup_p50(&self) -> Duration {
        Duration::from_secs_f64(self.pickup_p50_ms / 1_000.0)
    }
}

/// Measures them; nobody, and a word about it, where their packages are not installed (`scripts/bench` installs them).
pub async fn measure(url: &str, singles: usize) -> anyhow::Result<Vec<Peer>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/peers");
    if !tokio::fs::try_exists(format!("{folder}/node_modules")).await? {
        crate::note("the peers were not measured: their packages are not installed");
        return Ok(Vec::new());
    }
    let sizes = [(singles * 10).to_string(), (singles / 2).to_string()];
    let ran = Command::new("node").arg(format!("{folder}/peers.mjs")).arg(url).args(sizes).output().await?;
    ensure!(ran.status.success(), "the peers failed: {}", String::from_utf8_lossy(&ran.stderr));
    let lines = String::from_utf8(ran.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
