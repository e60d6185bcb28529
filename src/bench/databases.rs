//! The databases that something is measured on: always `SQLite`, and PostgreSQL when `TEST_POSTGRES_URL` names a cluster, as
//! `scripts/with-postgres` does.

use sqlx::Connection;
use std::path::Path;
use url::Url;

/// The name of each, and its cluster, which is empty for `SQLite`.
#[expect(clippy::disallowed_methods, reason = "scripts/with-postgres says it this way")]
pub fn databases() -> Vec<(&'static str, String)> {
    let mut databases = vec![("SQLite", String::new())];
    if let Ok(url) = std::env::var("TEST_POSTGRES_URL") {
        databases.push(("PostgreSQL", url));
    }
    databases
}

/// The address of a new database: a file in the folder, or one of the cluster.
pub async fn new_database(cluster: &str, folder: &Path) -> anyhow::Result<String> {
    if cluster.is_empty() {
        return Ok(format!("sqlite://{}", folder.join("atelier.db").display()));
    }
    let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
    administer(cluster, format!("create database {name}")).await?;
    let mut url: Url = cluster.parse()?;
    url.set_path(&name);
    Ok(url.into())
}

/// Says something to the cluster itself. Names in it are ours: letters, digits and an underscore.
pub async fn administer(cluster: &str, statement: String) -> anyhow::Result<()> {
    let mut connection = sqlx::PgConnection::connect(cluster).await?;
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
