//! How a connection is made, and what is demanded of it before anybody works with it.
//!
//! Money is at stake: SQLite must keep what it has confirmed through a power cut, and a database that cannot is refused
//! at the start. On PostgreSQL nothing may wait for ever on the far side either, neither for a lock nor for a client that
//! is gone: a machine that fell off the network in the middle of a transaction would otherwise keep its rows locked for
//! hours.

use super::{Alone, Dialect, is_passing};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Connections a process holds at most, for reads and for writes. A SQLite file has one writer at a time, and a connection of
/// PostgreSQL's is a process over there, of which all of ours together may have a hundred.
const SQLITE_CONNECTIONS: (u32, u32) = (16, 1);
const POSTGRES_CONNECTIONS: (u32, u32) = (10, 6);
/// How long anybody waits for one of them while the database is there; when it is not, nobody does.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How long a connection that was idle may take to prove that it still leads somewhere.
const ALIVE: Duration = Duration::from_secs(1);
/// How long the first connection may take, and the pause between two attempts to have it.
const FIRST: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);

/// FULL, because a power cut must not roll back a hold whose prediction Replicate has already billed. Mapped, because
/// every commit of another connection empties a connection's own cache, and a page then reads whole indices anew.
const SQLITE: &[&str] = &[
    "pragma busy_timeout = 10000",
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma foreign_keys = on",
    "pragma mmap_size = 268435456",
];

/// In the order in which they run out: a lock that is not free, a statement, a transaction that nobody goes on with, a
/// client that does not answer.
const POSTGRES: &[&str] = &["set lock_timeout = '5s'; set statement_timeout = '15s'; \
                            set idle_in_transaction_session_timeout = '15s'; set tcp_user_timeout = '20s'; \
                            set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3"];

/// What is written is looked for by its key, and what a worker looks for is always the same: thinking about each statement
/// anew would take longer than most of them.
const POSTGRES_WRITES: &[&str] = &[POSTGRES[0], "set plan_cache_mode = force_generic_plan"];

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Connections for reads and for writes, made when they are asked for.
///
/// # Errors
/// When the address is none.
pub(super) fn pools(url: &str, dialect: Dialect) -> Result<(AnyPool, AnyPool), sqlx::Error> {
    let options = AnyConnectOptions::from_str(url)?;
    let pool = |connections, settings: &'static [&'static str]| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(prepare(connection, settings)))
            .before_acquire(move |connection, _| Box::pin(prove(connection, dialect)))
            .connect_lazy_with(options.clone())
    };
    let ((reads, writes), for_reads, for_writes) = match dialect {
        Dialect::Sqlite => (SQLITE_CONNECTIONS, SQLITE, SQLITE),
        Dialect::Postgres => (POSTGRES_CONNECTIONS, POSTGRES, POSTGRES_WRITES),
    };
    Ok((pool(reads, for_reads), pool(writes, for_writes)))
}

/// Brings the schema up to date, however long that takes, and makes sure that the database keeps what it confirms.
///
/// # Errors
/// When the database cannot be reached, migrated or trusted.
pub(super) async fn migrate(url: &str, dialect: Dialect) -> Result<(), sqlx::Error> {
    let mut connection = first(url, dialect).await?;
    if dialect == Dialect::Sqlite {
        prepare(&mut connection, SQLITE).await?;
        demand(&mut connection, "pragma journal_mode", |mode: String| mode == "wal").await?;
        demand(&mut connection, "pragma synchronous", |level: i64| level == 2).await?;
    }
    MIGRATOR.run(&mut connection).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    forbid_rewriting(&mut connection, dialect).await?;
    connection.close().await
}

/// A server that is only just starting is waited for; a file is there or it is not.
async fn first(url: &str, dialect: Dialect) -> Result<AnyConnection, sqlx::Error> {
    let until = Instant::now() + FIRST;
    loop {
        let error = match timeout_at(until, AnyConnection::connect(url)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => return Err(sqlx::Error::PoolTimedOut),
        };
        if dialect == Dialect::Sqlite || !is_passing(&error) || Instant::now() + AGAIN >= until {
            return Err(error);
        }
        sleep(AGAIN).await;
    }
}

async fn prepare(connection: &mut AnyConnection, settings: &[&'static str]) -> Result<(), sqlx::Error> {
    for setting in settings {
        sqlx::raw_sql(*setting).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Asks a connection that was idle whether it still leads to the database: something on the way may have forgotten it.
async fn prove(connection: &mut AnyConnection, dialect: Dialect) -> Result<bool, sqlx::Error> {
    match dialect {
        Dialect::Sqlite => Ok(true),
        Dialect::Postgres => match timeout(ALIVE, connection.ping()).await {
            Ok(answered) => answered.map(|()| true),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        },
    }
}

/// Refuses a SQLite that does not do as it was told.
async fn demand<T>(connection: &mut AnyConnection, pragma: &'static str, is_right: impl Fn(T) -> bool) -> Result<(), sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    let row = sqlx::query(pragma).fetch_one(connection).await?;
    if is_right(row.try_get(0)?) {
        return Ok(());
    }
    let refusal = format!("{pragma} cannot be had as it must be, so that what was paid for would not survive a power cut");
    Err(sqlx::Error::Configuration(refusal.into()))
}

/// The books are written once: triggers refuse to change or remove a txn or an entry, whoever asks.
async fn forbid_rewriting(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), sqlx::Error> {
    let statements: &[&'static str] = match dialect {
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
    let mut tx = match dialect {
        Dialect::Sqlite => connection.begin_with("begin immediate").await?,
        Dialect::Postgres => connection.begin().await?,
    };
    if dialect == Dialect::Postgres {
        // Two processes that start at once would fall over each other's `create or replace`.
        let turn = "select 1 from (select pg_advisory_xact_lock($1)) as turn";
        sqlx::query(turn).bind(Alone::Schema as i64).execute(&mut *tx).await?;
    }
    for statement in statements {
        sqlx::query(*statement).execute(&mut *tx).await?;
    }
    tx.commit().await
}
