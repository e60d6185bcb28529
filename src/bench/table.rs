//! Percentiles, ratios, and the table that is printed.

use std::fmt;
use std::time::Duration;

/// Measured durations, sorted.
pub struct Spread(Vec<Duration>);

/// What a duration is compared with.
#[derive(Clone, Copy)]
pub enum Against {
    /// It must not be longer.
    Limit(Duration),
    /// The bare part of the same work, in the same run.
    Peer(&'static str, Duration),
}

/// Rows in the order in which they were added.
#[derive(Default)]
pub struct Table(Vec<[String; 5]>);

impl Spread {
    /// Sorts what was measured.
    pub fn new(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        Self(measured)
    }

    /// Half of them were quicker.
    pub fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// One in a hundred was slower.
    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }

    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl Table {
    /// A row about a duration.
    pub fn time(&mut self, what: &str, database: &str, took: Duration, against: Against) {
        let (name, other) = match against {
            Against::Limit(limit) => (format!("limit {}", shown(limit)), limit),
            Against::Peer(name, peer) => (format!("{name}: {}", shown(peer)), peer),
        };
        let ratio = took.as_secs_f64() / other.as_secs_f64();
        self.add([what.to_owned(), database.to_owned(), shown(took), format!("{ratio:.2}"), name]);
    }

    /// A row about an amount, beside a named one.
    pub fn amount(&mut self, what: &str, database: &str, amount: f64, (name, other): (&str, f64)) {
        let (figure, ratio) = (format!("{amount:.1}"), format!("{:.2}", amount / other));
        self.add([what.to_owned(), database.to_owned(), figure, ratio, format!("{name}: {other:.1}")]);
    }

    /// Shown at once as well: a run takes minutes, and what was measured is not lost when it is broken off.
    fn add(&mut self, row: [String; 5]) {
        crate::note(&row.join("  "));
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for [what, database, figure, ratio, other] in &self.0 {
            writeln!(f, "{what:<32} {database:<11} {figure:>9} {ratio:>7}  {other}")?;
        }
        Ok(())
    }
}

fn shown(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1_000.0;
    if milliseconds < 1_000.0 { format!("{milliseconds:.2} ms") } else { format!("{:.2} s", milliseconds / 1_000.0) }
}
