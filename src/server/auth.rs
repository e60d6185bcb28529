//! Who is asking: axum-login over our own accounts and our own session rows.

mod agent;
mod sessions;

pub use agent::{AGENT, describe};
pub use sessions::{Open, Sessions, end_session, end_sessions, hash, sessions_of};

use super::account::{self, Credentials, Person};
use super::clock::Clock;
use super::db::Db;
use crate::domain::PersonId;
use axum_login::{AuthUser, AuthnBackend};

/// What a handler asks for the person who is signed in.
pub type AuthSession = axum_login::AuthSession<Backend>;

/// How axum-login finds people.
#[derive(Clone, Debug)]
pub struct Backend {
    db: Db,
    clock: Clock,
}

impl Backend {
    /// Over this database.
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }
}

impl AuthUser for Person {
    type Id = PersonId;

    fn id(&self) -> PersonId {
        self.id.clone()
    }

    /// A session ends when the password changes.
    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

impl AuthnBackend for Backend {
    type User = Person;
    type Credentials = Credentials;
    type Error = account::Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<Person>, account::Error> {
        account::authenticate(&self.db, &credentials, self.clock.now()).await
    }

    async fn get_user(&self, id: &PersonId) -> Result<Option<Person>, account::Error> {
        Ok(account::find(&self.db, id).await?)
    }
}
