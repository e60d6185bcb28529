//! The database: connect, migrate, begin, listen. Only here and below it is known whether it is SQLite or PostgreSQL.
//!
//! Reads use [`Db::pool`]; every write goes through [`Db::begin`], which on SQLite takes the write lock at once (a
//! deferred transaction that reads first dies with "database is locked") and lets this process's writers queue fairly.
//! A transaction remembers whose rows it touched and tells the live hub after the commit, never before.
//!
//! | module | what it is for |
//! |---|---|
//! | `connect` | how a connection is made, and what is demanded of it |
//! | `deferred` | writes that nobody waits for, several on one way |
//! | `health` | whether the database is there, and what time it is there |
//! | `patience` | no statement outlives the database |
//! | `retry` | a verb that lost against another is tried again |
//! | `rows` | many rows in one statement |
//! | `signals` | telling other processes, and hearing them |
//! | `types` | the domain's types as columns |

mod connect;
mod deferred;
mod health;
mod ids;
mod patience;
mod retry;
mod rows;
mod signals;
mod types;

pub use deferred::Told;
pub use health::is_passing;
pub(in crate::server) use ids::with_ids_of_here;
pub use ids::{mint, with_ids_from};
pub use patience::{Reads, Statement};
pub use retry::{Yielding, retried};
pub(in crate::server) use rows::with_rows;
pub use signals::{Listener, Publisher};

use self::deferred::Deferred;
use self::health::Health;
use crate::domain::PersonId;
use serde_json::Value;
use sqlx::Row;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};
use tokio::time::timeout;

/// How long closing waits for statements under way.
const CLOSING: Duration = Duration::from_secs(2);

/// How much news a listener may lag behind before it has to look at everybody.
const NEWS_CAPACITY: usize = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    const fn either(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }
}

/// A pool of connections to the one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    reads: Reads,
    /// Connections of their own: whoever has the turn to write must not wait for one behind those who read.
    writes: Reads,
    dialect: Dialect,
    url: Arc<str>,
    writer: Arc<Mutex<()>>,
    news: broadcast::Sender<News>,
    health: Health,
}

/// Something changed that somebody may want to look at. A hint: the rows are the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// This process committed a change to this person's rows.
    Here(PersonId),
    /// Another process did.
    Elsewhere(PersonId),
    /// Nobody knows what was missed: look at everybody.
    Anything,
}

/// An open transaction. Dropping it rolls back.
#[derive(Debug)]
pub struct Tx {
    inner: sqlx::Transaction<'static, sqlx::Any>,
    dialect: Dialect,
    deferred: Vec<Deferred>,
    touched: Vec<PersonId>,
    news: broadcast::Sender<News>,
    health: Health,
    // Held until the transaction has ended; dropped after `inner` because fields drop in order.
    _writer: Option<OwnedMutexGuard<()>>,
}

/// The turn to write one statement.
#[derive(Debug)]
pub(in crate::server) struct Single<'a> {
    writes: &'a Reads,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Single<'_> {
    /// Where it is run.
    pub const fn connection(&self) -> &Reads {
        self.writes
    }
}

impl Db {
    /// Connects to `sqlite://path` or `postgres://…`, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or migrated.
    pub async fn connect(url: &str) -> Result<Self, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let url = match dialect {
            Dialect::Sqlite if !url.contains('?') => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        };
        connect::migrate(&url, dialect).await?;
        let health = Health::default();
        let (reads, writes) = connect::pools(&url, dialect)?;
        let (reads, writes) = (Reads::new(reads, health.clone()), Reads::new(writes, health.clone()));
        let news = broadcast::channel(NEWS_CAPACITY).0;
        Ok(Self { reads, writes, dialect, url: url.into(), writer: Arc::default(), news, health })
    }

    /// For reads.
    pub fn pool(&self) -> &Reads {
        &self.reads
    }

    /// For reads that are few, always the same and asked all the time; they never wait for a write.
    pub(in crate::server) const fn routine(&self) -> &Reads {
        match self.dialect {
            Dialect::Sqlite => &self.reads,
            // Its connections decide once how a statement is carried out.
            Dialect::Postgres => &self.writes,
        }
    }

    /// Whether other processes may be writing to the same database.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Of two texts of one statement, the one this database reads. They stand side by side where they are used, and differ
    /// only in how a JSON list is unpacked (`json_each`, `json_array_elements_text`) or rows are locked (`skip locked`).
    pub const fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        self.dialect.either(sqlite, postgres)
    }

    /// Starts a transaction that may write.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let writer = self.writer().await;
        let begin = self.either("begin immediate", "begin");
        self.open(&self.writes, begin, writer).await
    }

    /// For a write that is one statement, and so a transaction by itself.
    pub(in crate::server) async fn single(&self) -> Single<'_> {
        Single { writes: &self.writes, _writer: self.writer().await }
    }

    /// The turn among this process's writers, where there can be only one.
    async fn writer(&self) -> Option<OwnedMutexGuard<()>> {
        match self.dialect {
            Dialect::Sqlite => Some(Arc::clone(&self.writer).lock_owned().await),
            Dialect::Postgres => None,
        }
    }

    /// Starts a transaction that sees the whole database as it is at this moment, changes nothing and may take its time.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn snapshot(&self) -> Result<Tx, sqlx::Error> {
        let mut tx =
            self.open(&self.reads, self.either("begin", "begin isolation level repeatable read read only"), None).await?;
        if self.dialect == Dialect::Postgres {
            sqlx::query("set local statement_timeout = 0").execute(tx.connection()).await?;
        }
        Ok(tx)
    }

    async fn open(&self, pool: &Reads, begin: &'static str, writer: Option<OwnedMutexGuard<()>>) -> Result<Tx, sqlx::Error> {
        let inner = self.health.in_time(async { pool.pool().begin_with(begin).await }).await?;
        Ok(Tx {
            inner,
            dialect: self.dialect,
            deferred: Vec::new(),
            touched: Vec::new(),
            news: self.news.clone(),
            health: self.health.clone(),
            _writer: writer,
        })
    }

    /// Starts a transaction that no other of the same `name` runs beside, in any process; `None` when one does.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin_alone(&self, name: Alone) -> Result<Option<Tx>, sqlx::Error> {
        let mut tx = self.begin().await?;
        let alone = match self.dialect {
            Dialect::Sqlite => true, // `begin immediate` is exclusive already
            Dialect::Postgres => {
                let row =
                    sqlx::query("select pg_try_advisory_xact_lock($1)").bind(name as i64).fetch_one(tx.connection()).await?;
                row.try_get(0)?
            }
        };
        Ok(alone.then_some(tx))
    }

    /// Starts a transaction that waits until no other of the same `name` runs, in any process.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin_in_turn(&self, name: Alone) -> Result<Tx, sqlx::Error> {
        let mut tx = self.begin().await?;
        if self.dialect == Dialect::Postgres {
            sqlx::query("select 1 from (select pg_advisory_xact_lock($1)) as turn")
                .bind(name as i64)
                .execute(tx.connection())
                .await?;
        }
        Ok(tx)
    }

    /// What changed, here after each commit and elsewhere as far as [`Db::pass_on`] was told.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Tells this process what was heard from another.
    pub fn pass_on(&self, news: News) {
        // Nobody listening is no fault.
        let _ = self.news.send(news);
    }

    /// Closes every connection; the file is whole afterwards.
    pub async fn close(&self) {
        let (reads, writes) = (self.reads.pool(), self.writes.pool());
        if timeout(CLOSING, Box::pin(async { tokio::join!(reads.close(), writes.close()) })).await.is_err() {
            tracing::warn!("a statement was still under way when the database was closed");
        }
    }
}

/// What may run in one place at a time over all processes.
#[derive(Clone, Copy, Debug)]
#[repr(i64)]
pub enum Alone {
    /// Letting generations into flight.
    Admission = 0x0a7e_1001,
    /// Changing triggers at start.
    Schema = 0x0a7e_1002,
    /// Opening accounts, the first of which is the administrator's.
    SignUp = 0x0a7e_1003,
}

impl Tx {
    /// Of two texts of one statement, the one this database reads; as [`Db::either`].
    pub const fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        self.dialect.either(sqlite, postgres)
    }

    /// The connection to run statements on.
    pub fn connection(&mut self) -> Statement<'_> {
        Statement::new(&mut self.inner, &self.health)
    }

    /// Leaves the question whether no other of the same `name` runs, in any process, for the next way to the database. If it
    /// [is so](Tx::has_the_turn), none begins beside this one from then on.
    pub(in crate::server) fn ask_for_the_turn(&mut self, name: Alone) {
        if self.dialect == Dialect::Postgres {
            let text =
                "select 'turn', '', '', (case when pg_try_advisory_xact_lock(cast(v.name as bigint)) then 1 else 0 end), 0, 0
                        from json_array_elements_text($1::json) as v (name)";
            self.ask(text, vec![Value::from(name as i64)]);
        }
    }

    /// What was answered to that.
    pub(in crate::server) fn has_the_turn(&self, told: &[Told]) -> bool {
        // On SQLite nobody else writes while this transaction may.
        self.dialect == Dialect::Sqlite || told.iter().any(|told| told.what == "turn" && told.numbers[0] == Some(1))
    }

    /// Remembers that this person's page has something new to show once this is committed.
    pub fn touch(&mut self, person: &PersonId) {
        self.touched.push(person.clone());
    }

    /// Undoes it now. Only dropped, it keeps its locks until the pool gets round to it.
    ///
    /// # Errors
    /// When the database does not answer; it undoes it by itself then.
    pub async fn roll_back(self) -> Result<(), sqlx::Error> {
        self.health.in_time(self.inner.rollback()).await
    }

    /// Makes it so, what was deferred included, then tells the live hub.
    ///
    /// # Errors
    /// When the database did not confirm; nothing may be assumed then.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.write_deferred().await?;
        self.health.in_time(self.inner.commit()).await?;
        for person in self.touched {
            // Nobody listening is the usual case in a command or a test.
            let _ = self.news.send(News::Here(person));
        }
        Ok(())
    }
}
