//! Whether the database is there, and what time it is there.
//!
//! On PostgreSQL [`Db::watch`] asks it, every second, on a connection of its own. While there is no answer every other
//! statement of the process ends at once, so that people are told instead of kept waiting; when it answers again, the
//! process goes on with fresh connections and looks at everything it may have missed. The answer is the database's time:
//! all processes of one database go by its clock, so that a machine whose own clock is wrong takes nobody's lease.
//!
//! A SQLite file has no clock of its own. It is never earlier there than what is written of anything that is under way, and
//! while this process runs, a machine's clock that is set back is not followed.

use super::{Db, Dialect, News, connect};
use crate::domain::Timestamp;
use crate::server::clock::Clock;
use sqlx::{Connection, Error, PgConnection, Row};
use std::io;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Between two questions.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long an answer may take. A silent database is asked twice, the second time on a new connection.
const ANSWER: Duration = Duration::from_millis(1_500);
/// Between two questions to a database that is away.
const AGAIN: Duration = Duration::from_millis(250);

/// Whether the database is there. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Health(watch::Sender<bool>);

impl Default for Health {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Health {
    /// Does some work, unless or until the database is away.
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut here = self.0.subscribe();
        if !*here.borrow_and_update() {
            return Err(away());
        }
        tokio::select! {
            biased;
            done = work => done,
            _ = here.wait_for(|here| !here) => Err(away()),
        }
    }

    fn is_here(&self) -> bool {
        *self.0.borrow()
    }

    async fn until_here(&self) {
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(|here| *here).await;
    }
}

fn away() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotConnected, "the database is away"))
}

impl Db {
    /// Whether the database answered when it was last asked.
    pub fn is_here(&self) -> bool {
        self.health.is_here()
    }

    /// Waits until it does.
    pub async fn until_here(&self) {
        self.health.until_here().await;
    }

    /// Keeps asking whether the database is there and what time it is, until told to stop. A SQLite file is always there.
    pub async fn watch(self, clock: Clock, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                match self.dialect {
                    Dialect::Sqlite => keep_going_on(&clock).await,
                    Dialect::Postgres => self.keep_asking(&clock).await,
                }
            }
        })
        .await;
    }

    /// Puts a clock right by the database's; by what is written in one that has none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_right(&self, clock: &Clock) -> Result<(), Error> {
        match self.dialect {
            Dialect::Sqlite => {
                let newest = "select max(updated_at) from generation where state not in ('succeeded', 'failed', 'canceled')";
                let (newest,): (Option<Timestamp>,) = sqlx::query_as(newest).fetch_one(self.pool()).await?;
                clock.catch_up(newest.unwrap_or(clock.now()));
                Ok(())
            }
            Dialect::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await?;
                ask(&mut connection, clock).await?;
                connection.close().await
            }
        }
    }

    /// Asks on one connection until it is lost. That need not mean anything yet, but another must be had at once.
    async fn keep_asking(&self, clock: &Clock) {
        let first = timeout(ANSWER, async {
            let mut connection = PgConnection::connect(&self.url).await?;
            ask(&mut connection, clock).await?;
            Ok::<_, Error>(connection)
        });
        match first.await {
            Ok(Ok(mut connection)) => {
                self.is_back();
                while let Ok(Ok(())) = timeout(ANSWER, ask(&mut connection, clock)).await {
                    sleep(BETWEEN).await;
                }
            }
            Ok(Err(error)) => self.is_away(&error).await,
            Err(_) => self.is_away(&away()).await,
        }
    }

    async fn is_away(&self, error: &Error) {
        if self.health.0.send_replace(false) {
            tracing::error!(%error, "the database is away");
        }
        sleep(AGAIN).await;
    }

    fn is_back(&self) {
        if self.health.is_here() {
            return;
        }
        match connect::pools(&self.url, self.dialect) {
            // The old connections may be waiting for packets that TCP sends again in half a minute.
            Ok((reads, writes)) => {
                self.reads.replace(reads);
                self.writes.replace(writes);
            }
            Err(error) => tracing::error!(%error, "the old connections have to do"),
        }
        tracing::info!("the database is back");
        self.health.0.send_replace(true);
        self.pass_on(News::Anything);
    }
}

/// Sees whether a clock has gone on for as long as time has passed.
async fn keep_going_on(clock: &Clock) {
    let (before, began) = (clock.now(), Instant::now());
    sleep(BETWEEN).await;
    clock.catch_up(before.plus_ms(i64::try_from(began.elapsed().as_millis()).unwrap_or(0)));
}

/// Asks what time it is, and puts the clock right by the answer.
async fn ask(connection: &mut PgConnection, clock: &Clock) -> Result<(), Error> {
    let asked = clock.now();
    let row = sqlx::query("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)").fetch_one(connection).await?;
    clock.put_right(asked, Timestamp(row.try_get(0)?), clock.now());
    Ok(())
}

/// Whether the database, and not what was asked of it, is the reason: the same may work in a moment.
pub fn is_passing(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => true,
        Error::Database(error) => error.code().is_some_and(|code| is_passing_code(&code)),
        _ => false,
    }
}

/// PostgreSQL's codes have five characters, the first two of which are the class; SQLite's are numbers whose lowest byte
/// is the kind.
fn is_passing_code(code: &str) -> bool {
    const POSTGRES: &[&str] = &[
        "08",    // connection exception
        "25006", // a standby, right after a failover
        "40",    // transaction rollback: serialization, deadlock
        "53",    // insufficient resources
        "55P03", // lock not available
        "57",    // operator intervention: shutdown, start, a statement's timeout
        "58",    // system error
    ];
    const SQLITE: &[u32] = &[5, 6, 10, 13, 14]; // busy, locked, I/O, full, cannot open
    match code.len() {
        5 => POSTGRES.iter().any(|class| code.starts_with(class)),
        _ => code.parse().is_ok_and(|code: u32| SQLITE.contains(&(code & 0xff))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rl_24_a_machine_that_is_set_back_while_it_works_is_not_followed() {
        let machine = Clock::manual(Timestamp(10_000_000));
        let clock = machine.corrected(0);
        tokio::join!(keep_going_on(&clock), async { machine.advance_ms(-3_600_000) });
        let went_on = clock.now();
        assert!(went_on >= Timestamp(10_001_000), "it goes on for the second that passed: {went_on:?}");
        tokio::join!(keep_going_on(&clock), async { machine.advance_ms(60_000) });
        assert_eq!(clock.now(), went_on.plus_ms(60_000), "it may have slept");
    }

    #[test]
    fn rl_22_only_what_may_work_in_a_moment_is_passing() {
        for passing in ["57P01", "57P03", "57014", "53300", "40001", "40P01", "55P03", "08006", "5", "517", "261", "10", "13"] {
            assert!(is_passing_code(passing), "{passing}");
        }
        for lasting in ["23505", "42601", "22P02", "P0001", "1", "19", "2067", "1555", "787", "275", ""] {
            assert!(!is_passing_code(lasting), "{lasting}");
        }
        assert!(is_passing(&away()) && !is_passing(&Error::RowNotFound));
    }
}
