//! Who runs the house: the first to sign up, and whom an operator adds. There is always somebody.

use super::Role;
use crate::domain::PersonId;
use crate::server::auth;
use crate::server::db::{Alone, Db, Tx};

/// What came of giving somebody a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// They have it now, and are signed out everywhere: the next session is the first with it.
    Changed,
    /// They had it before.
    Same,
    /// They are the only one who runs the house, and nobody would be left to.
    OnlyAdmin,
}

impl Role {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Creator => "creator",
        }
    }
}

/// Gives somebody who is here a role.
///
/// # Errors
/// When the database fails.
pub async fn give(db: &Db, person: &PersonId, role: Role) -> Result<Given, sqlx::Error> {
    let mut tx = begin(db).await?;
    let changed = sqlx::query(
        "update person set role = $2 where id = $1 and role <> $2 and left_at is null
           and ($2 = 'admin' or exists (select 1 from person other
                                        where other.role = 'admin' and other.left_at is null and other.id <> person.id))",
    )
    .bind(person)
    .bind(role.as_str())
    .execute(tx.connection())
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(if is_only_admin_in(&mut tx, person).await? && role != Role::Admin { Given::OnlyAdmin } else { Given::Same });
    }
    auth::end_sessions(&mut tx, person, None).await?;
    tx.commit().await?;
    Ok(Given::Changed)
}

/// Whether this person runs the house and nobody else does.
///
/// # Errors
/// When the database fails.
pub async fn is_only_admin(db: &Db, person: &PersonId) -> Result<bool, sqlx::Error> {
    let (others, own): (i64, i64) = sqlx::query_as(ADMINS).bind(person).fetch_one(db.pool()).await?;
    Ok(own > 0 && others == 0)
}

pub(super) async fn is_only_admin_in(tx: &mut Tx, person: &PersonId) -> Result<bool, sqlx::Error> {
    let (others, own): (i64, i64) = sqlx::query_as(ADMINS).bind(person).fetch_one(tx.connection()).await?;
    Ok(own > 0 && others == 0)
}

/// How many others run the house, and whether this person does.
const ADMINS: &str = "select count(case when id <> $1 then 1 end), count(case when id = $1 then 1 end)
                      from person where role = 'admin' and left_at is null";

/// Starts what may change who runs the house. One after another over all processes: of two who go at once the second sees
/// that the first is gone, and whoever comes first of all is seen by the next.
pub(super) async fn begin(db: &Db) -> Result<Tx, sqlx::Error> {
    db.begin_in_turn(Alone::SignUp).await
}
