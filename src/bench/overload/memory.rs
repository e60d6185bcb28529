//! What the kernel says that a process needs, every second.

use anyhow::Context;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const KIB_PER_MIB: f64 = 1_024.0;

/// What is resident at a moment, or on average over a while, in MiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resident {
    /// The process's own: nobody but it can give it back.
    pub own: f64,
    /// Pages of files that it maps (its program, the database), each counted once however often it is mapped. The kernel
    /// takes them back when it needs the room.
    pub files: f64,
}

/// What was found each second.
pub struct Memory(Vec<(f64, Resident)>);

/// Somebody who looks every second.
pub struct Watching {
    stop: CancellationToken,
    looking: JoinHandle<anyhow::Result<Memory>>,
}

impl Memory {
    /// Looks at a process from now on.
    pub fn watch(id: u32) -> Watching {
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let stopped = stop.clone();
        let looking = tokio::spawn(async move {
            let (mut found, mut seconds) = (Vec::new(), tokio::time::interval(Duration::from_secs(1)));
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return Ok(Self(found)),
                    _ = seconds.tick() => found.push((began.elapsed().as_secs_f64(), resident(id)?)),
                }
                if let (true, Some((at, now))) = (found.len() % 30 == 0, found.last()) {
                    crate::note(&format!("after {at:.0} s: {:.1} MiB, and {:.1} MiB of files", now.own, now.files));
                }
            }
        });
        Watching { stop, looking }
    }

    /// The averages of the first tenth that is settled, which is the second, and of the last.
    pub fn first_and_last(&self, time: Duration) -> (Resident, Resident) {
        let tenth = time.as_secs_f64() / 10.0;
        (self.average(tenth, 2.0 * tenth), self.average(9.0 * tenth, f64::MAX))
    }

    /// By how many MiB a second its own memory grows once it is settled: the line with the least squares.
    pub fn slope(&self, time: Duration) -> f64 {
        let settled: Vec<_> = self.0.iter().filter(|(at, _)| *at >= time.as_secs_f64() / 10.0).collect();
        let mean = |of: fn(&(f64, Resident)) -> f64| settled.iter().map(|found| of(found)).sum::<f64>() / count(&settled);
        let (at, own) = (mean(|(at, _)| *at), mean(|(_, found)| found.own));
        let together: f64 = settled.iter().map(|(when, found)| (when - at) * (found.own - own)).sum();
        let apart: f64 = settled.iter().map(|(when, _)| (when - at).powi(2)).sum();
        together / apart
    }

    fn average(&self, from: f64, until: f64) -> Resident {
        let within: Vec<_> = self.0.iter().filter(|(at, _)| (from..until).contains(at)).map(|(_, found)| *found).collect();
        let mean = |of: fn(&Resident) -> f64| within.iter().map(of).sum::<f64>() / count(&within);
        Resident { own: mean(|found| found.own), files: mean(|found| found.files) }
    }
}

impl Watching {
    /// Everything that was seen.
    pub async fn stop(self) -> anyhow::Result<Memory> {
        self.stop.cancel();
        self.looking.await?
    }
}

#[expect(clippy::cast_precision_loss, reason = "thousands at most")]
fn count<T>(of: &[T]) -> f64 {
    of.len() as f64
}

fn resident(id: u32) -> anyhow::Result<Resident> {
    // Shares rather than whole pages: what this process maps sixteen times is one page of memory.
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let read = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.with_context(|| format!("the kernel does not say {name}"))?.trim().trim_end_matches(" kB");
        Ok::<_, anyhow::Error>(kib.parse::<f64>()? / KIB_PER_MIB)
    };
    Ok(Resident { own: read("Pss_Anon")?, files: read("Pss_File")? + read("Pss_Shmem")? })
}
