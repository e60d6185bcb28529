//! Telling the other processes of one PostgreSQL database whose rows changed, and hearing them, each on a connection of
//! its own. On SQLite there is nobody to tell.

use super::{Db, Dialect};
use crate::domain::PersonId;
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};

/// The channel that PostgreSQL carries hints on.
const CHANNEL: &str = "atelier_live";

impl Db {
    /// A connection for telling the other processes; `None` where there are none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn publisher(&self) -> Result<Option<Publisher>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => {
                let connection = self.health.in_time(PgConnection::connect(&self.url)).await?;
                Ok(Some(Publisher { connection, db: self.clone() }))
            }
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
                let listening = async {
                    let mut listener = PgListener::connect(&self.url).await?;
                    listener.listen(CHANNEL).await?;
                    Ok(listener)
                };
                let listener = self.health.in_time(listening).await?;
                Ok(Some(Listener { listener, db: self.clone() }))
            }
        }
    }
}

/// Tells other processes whose rows changed.
#[derive(Debug)]
pub struct Publisher {
    connection: PgConnection,
    db: Db,
}

impl Publisher {
    /// Sends one notification for many people; an empty list means "look at everybody".
    ///
    /// # Errors
    /// When the connection or the database is gone; open another.
    pub async fn publish(&mut self, people: &[PersonId]) -> Result<(), sqlx::Error> {
        // PostgreSQL refuses payloads of 8,000 bytes; 150 ids of 36 stay below.
        let payload =
            if people.len() > 150 { String::new() } else { people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(",") };
        let told = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(&mut self.connection);
        self.db.health.in_time(told).await?;
        Ok(())
    }
}

/// Hears from other processes whose rows changed.
#[derive(Debug)]
pub struct Listener {
    listener: PgListener,
    db: Db,
}

impl Listener {
    /// The next people to look at; empty means everybody, also after a lost connection.
    ///
    /// # Errors
    /// When the database is away: what it says next, this connection may never hear. Open another.
    pub async fn heard(&mut self) -> Result<Vec<PersonId>, sqlx::Error> {
        let heard = self.db.health.in_time(self.listener.try_recv()).await?;
        let Some(notification) = heard else { return Ok(Vec::new()) };
        Ok(notification.payload().split(',').filter(|id| !id.is_empty()).map(PersonId::trusted).collect())
    }
}
