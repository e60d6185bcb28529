//! A database for one test: a SQLite file, or a database of its own on the PostgreSQL server of `TEST_POSTGRES_URL`.

use super::Proxy;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

/// Which kind of database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

pub enum Database {
    Sqlite,
    Postgres { server: String, url: String, name: String },
}

impl Database {
    pub const fn sqlite() -> Self {
        Self::Sqlite
    }

    /// `None`, said aloud, where there is no server; on a build machine that is a failure.
    pub async fn postgres() -> Option<Self> {
        let Some(server) = variable("TEST_POSTGRES_URL") else {
            assert!(variable("CI").is_none(), "TEST_POSTGRES_URL is not set: run the tests through scripts/with-postgres");
            eprintln!("skipped: TEST_POSTGRES_URL is not set; scripts/with-postgres provides one");
            return None;
        };
        let name = format!("atelier_{}", uuid::Uuid::now_v7().simple());
        let mut url: Url = server.parse().expect("TEST_POSTGRES_URL is a URL");
        url.set_path(&name);
        administer(&server, format!("create database {name}")).await;
        Some(Self::Postgres { server, url: url.into(), name })
    }

    pub fn url(&self, dir: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}?mode=rwc", dir.path().join("atelier.db").display()),
            Self::Postgres { url, .. } => url.clone(),
        }
    }

    /// A wire to the server, and the database's address at its other end; `None` for a file.
    pub async fn wired(&self) -> Option<(Proxy, String)> {
        let Self::Postgres { url, .. } = self else { return None };
        let mut url: Url = url.parse().expect("a URL");
        let (host, port) = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let mut found = tokio::net::lookup_host((host, port)).await.expect("the server's address");
        let proxy = Proxy::to(found.next().expect("the server's address")).await;
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(proxy.addr().port())).expect("a port");
        Some((proxy, url.into()))
    }

    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// The file goes with its directory; a database has to be dropped.
    pub async fn remove(&self) {
        if let Self::Postgres { server, name, .. } = self {
            administer(server, format!("drop database {name} with (force)")).await;
        }
    }
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("the PostgreSQL server");
    connection.execute(AssertSqlSafe(statement)).await.expect("a database of our own");
    connection.close().await.expect("a connection that ends");
}

/// The only look of the tests at their surroundings.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests' own surroundings are nobody's configuration")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
