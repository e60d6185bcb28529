//! The binary as people start it: how long until it says that it is ready, and what it weighs when nobody asks.

use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long it is left alone before it is weighed.
const SETTLE: Duration = Duration::from_secs(3);

/// What was found.
pub struct Product {
    /// With an empty `DATA_DIR`: the schema is made on the way.
    pub first_start: Duration,
    /// With what the first start left.
    pub second_start: Duration,
    /// Resident, after a moment of nothing.
    pub memory_mib: f64,
}

/// Starts it twice in a folder of its own.
pub async fn measure() -> anyhow::Result<Product> {
    let folder = tempfile::tempdir()?;
    let (mut first, first_start) = start(folder.path()).await?;
    stop(&mut first).await?;
    let (mut second, second_start) = start(folder.path()).await?;
    tokio::time::sleep(SETTLE).await;
    let memory_mib = resident_mib(second.id().context("it has ended")?)?;
    stop(&mut second).await?;
    Ok(Product { first_start, second_start, memory_mib })
}

async fn start(folder: &Path) -> anyhow::Result<(Child, Duration)> {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_atelier"))
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("ATELIER_ADDR", "127.0.0.1:0")
        .env("DATA_DIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("Atelier is ready") {
            return Ok((child, began.elapsed()));
        }
    }
    anyhow::bail!("it ended before it was ready")
}

async fn stop(child: &mut Child) -> anyhow::Result<()> {
    let id = child.id().context("it has ended")?.to_string();
    ensure!(Command::new("kill").args(["-TERM", &id]).status().await?.success(), "it could not be told to stop");
    let ended = child.wait().await?;
    ensure!(ended.success(), "it stopped with {ended}");
    Ok(())
}

/// What the kernel says of a process.
fn resident_mib(id: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel does not say")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024.0)
}
