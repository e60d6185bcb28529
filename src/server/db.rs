//! The database: connect, migrate, begin, listen. The only file that knows whether it is SQLite or PostgreSQL.
//!
//! Reads use [`Db::pool`]; every write goes through [`Db::begin`], which on SQLite takes the write lock at once (a
//! deferred transaction that reads first dies with "database is locked") and lets this process's writers queue fairly.
//! A transaction remembers whose rows it touched and tells the live hub after the commit, never before.

mod ids;
mod types;

pub use ids::{mint, with_ids_from};

use crate::domain::PersonId;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, AnyPool, Connection, PgConnection, Row};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};

/// Connections a process holds at most.
const MAX_CONNECTIONS: u32 = 16;

/// How much news a listener may lag behind before it has to look at everybody.
const NEWS_CAPACITY: usize = 4_096;

/// The channel that PostgreSQL carries hints on.
const CHANNEL: &str = "atelier_live";

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// A pool of connections to the one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: AnyPool,
    dialect: Dialect,
    url: Arc<str>,
    writer: Arc<Mutex<()>>,
    news: broadcast::Sender<News>,
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
    touched: Vec<PersonId>,
    news: broadcast::Sender<News>,
    // Held until the transaction has ended; dropped after `inner` because fields drop in order.
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Db {
    /// Connects to `sqlite://path` or `postgres://…`, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or migrated.
    pub async fn connect(url: &str) -> Result<Self, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let target = match dialect {
            Dialect::Sqlite if !url.contains('?') => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        };
        let pool = AnyPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(prepare(connection, dialect)))
            .connect_with(AnyConnectOptions::from_str(&target)?)
            .await?;
        let db = Self { pool, dialect, url: target.into(), writer: Arc::default(), news: broadcast::channel(NEWS_CAPACITY).0 };
        MIGRATOR.run(&db.pool).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
        db.forbid_rewriting().await?;
        Ok(db)
    }

    /// For reads.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Whether other processes may be writing to the same database.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Of two texts of one statement, the one this database reads. They stand side by side where they are used, and differ
    /// only in how a JSON list is unpacked (`json_each`, `json_array_elements_text`) or rows are locked (`skip locked`).
    pub const fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }

    /// Starts a transaction that may write.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let (writer, inner) = match self.dialect {
            Dialect::Sqlite => {
                let writer = Arc::clone(&self.writer).lock_owned().await;
                (Some(writer), self.pool.begin_with("begin immediate").await?)
            }
            Dialect::Postgres => (None, self.pool.begin().await?),
        };
        Ok(Tx { inner, touched: Vec::new(), news: self.news.clone(), _writer: writer })
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

    /// A connection for telling the other processes; `None` where there are none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn publisher(&self) -> Result<Option<Publisher>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => Ok(Some(Publisher(PgConnection::connect(&self.url).await?))),
        }
    }

    /// A connection for hearing the other processes; `None` where there are none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn listener(&self) -> Result<Option<Listener>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => {
                let mut listener = PgListener::connect(&self.url).await?;
                listener.listen(CHANNEL).await?;
                Ok(Some(Listener(listener)))
            }
        }
    }

    /// Closes every connection; the file is whole afterwards.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The books are written once: triggers refuse to change or remove a txn or an entry, whoever asks.
    async fn forbid_rewriting(&self) -> Result<(), sqlx::Error> {
        let statements: &[&'static str] = match self.dialect {
            Dialect::Sqlite => &[
                "create trigger if not exists txn_no_update before update on txn begin select raise(abort, 'txn is append-only'); end",
                "create trigger if not exists txn_no_delete before delete on txn begin select raise(abort, 'txn is append-only'); end",
                "create trigger if not exists entry_no_update before update on entry begin select raise(abort, 'entry is append-only'); end",
                "create trigger if not exists entry_no_delete before delete on entry begin select raise(abort, 'entry is append-only'); end",
                // `insert or replace` removes a row without a delete's trigger.
                "create trigger if not exists txn_no_replace before insert on txn \
                 when exists (select 1 from txn where id = new.id or (kind = new.kind and ref = new.ref)) \
                 begin select raise(abort, 'txn is append-only'); end",
                "create trigger if not exists entry_no_replace before insert on entry \
                 when exists (select 1 from entry where id = new.id or (account_id = new.account_id and place = new.place)) \
                 begin select raise(abort, 'entry is append-only'); end",
            ],
            Dialect::Postgres => &[
                "create or replace function append_only() returns trigger language plpgsql as \
                 $$ begin raise exception '% is append-only', tg_table_name; end $$",
                "create or replace trigger txn_append_only before update or delete or truncate on txn \
                 for each statement execute function append_only()",
                "create or replace trigger entry_append_only before update or delete or truncate on entry \
                 for each statement execute function append_only()",
            ],
        };
        // Alone, because two processes starting at once would fall over each other's `create or replace`.
        let Some(mut tx) = self.begin_alone(Alone::Schema).await? else { return Ok(()) };
        for statement in statements {
            sqlx::query(*statement).execute(tx.connection()).await?;
        }
        tx.commit().await
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
    /// The connection to run statements on.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Remembers that this person's page has something new to show once this is committed.
    pub fn touch(&mut self, person: &PersonId) {
        self.touched.push(person.clone());
    }

    /// Makes it so, then tells the live hub.
    ///
    /// # Errors
    /// When the database did not confirm; nothing may be assumed then.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await?;
        for person in self.touched {
            // Nobody listening is the usual case in a command or a test.
            let _ = self.news.send(News::Here(person));
        }
        Ok(())
    }
}

/// Tells other processes whose rows changed.
#[derive(Debug)]
pub struct Publisher(PgConnection);

impl Publisher {
    /// Sends one notification for many people; an empty list means "look at everybody".
    ///
    /// # Errors
    /// When the connection is gone; open another.
    pub async fn publish(&mut self, people: &[PersonId]) -> Result<(), sqlx::Error> {
        // PostgreSQL refuses payloads of 8,000 bytes; 150 ids of 36 stay below.
        let payload =
            if people.len() > 150 { String::new() } else { people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(",") };
        sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(&mut self.0).await?;
        Ok(())
    }
}

/// Hears from other processes whose rows changed.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// The next people to look at; empty means everybody, also after a lost connection.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn heard(&mut self) -> Result<Vec<PersonId>, sqlx::Error> {
        let Some(notification) = self.0.try_recv().await? else { return Ok(Vec::new()) };
        Ok(notification.payload().split(',').filter(|id| !id.is_empty()).map(PersonId::trusted).collect())
    }
}

async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), sqlx::Error> {
    if dialect == Dialect::Sqlite {
        // FULL, because a power cut must not roll back a hold whose prediction Replicate has already billed.
        for pragma in
            ["pragma busy_timeout = 10000", "pragma journal_mode = wal", "pragma synchronous = full", "pragma foreign_keys = on"]
        {
            sqlx::query(pragma).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
