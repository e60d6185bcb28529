//! Leaving for good. First nobody can come in any more, and what runs is asked to stop; once nothing runs and every
//! credit is settled, what the person made and brought is removed. Their lines in the books stay, without a name: a chain
//! with a hole in it would prove nothing to anybody.

use super::{Person, roles};
use crate::domain::{PersonId, Timestamp};
use crate::server::auth;
use crate::server::db::{Db, retried};
use crate::server::store::Store;
use crate::server::{file, generation, key, outbox};

/// People whose things are removed in one look.
const AT_ONCE: i64 = 20;

/// What came of wanting to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// They have gone.
    Gone,
    /// They stay: nobody else would run the house.
    OnlyAdmin,
}

/// Lets a person go: from now on they are signed out everywhere, their keys are dead and their address is free again. Of
/// those who run the house the last one stays, however many want to go at once.
///
/// # Errors
/// When the database fails; asking again is harmless.
pub async fn leave(db: &Db, person: &Person, now: Timestamp) -> Result<Leave, generation::Error> {
    let left = retried(|| async {
        let mut tx = roles::begin(db).await?;
        // No mail address has a space in it, and no hash is empty: nobody can sign in as this.
        let left = sqlx::query(
            "update person set left_at = $2, email = 'left ' || id, password_hash = '', daily_cap = null, ask_above = null,
                    warn_below = null
             where id = $1 and left_at is null
               and (role <> 'admin' or exists (select 1 from person other
                                               where other.role = 'admin' and other.left_at is null and other.id <> person.id))",
        )
        .bind(&person.id)
        .bind(now)
        .execute(tx.connection())
        .await?;
        if left.rows_affected() == 0 && roles::is_only_admin_in(&mut tx, &person.id).await? {
            return Ok(Leave::OnlyAdmin);
        }
        auth::end_sessions(&mut tx, &person.id, None).await?;
        key::end_all(&mut tx, &person.id, now).await?;
        tx.touch(&person.id);
        tx.commit().await?;
        Ok::<_, generation::Error>(Leave::Gone)
    })
    .await?;
    if left == Leave::Gone {
        generation::cancel_all(db, &person.id, generation::Meant::Stoppable, now).await?;
    }
    Ok(left)
}

/// Removes what is left of people who have gone and have nothing running any more. Answers of how many; whoever still has
/// something running is looked at again the next time.
///
/// # Errors
/// When the database or the store fails. What was removed by then stays removed, and the rest is done the next time.
pub async fn erase(db: &Db, store: &Store, now: Timestamp) -> anyhow::Result<usize> {
    let gone: Vec<(PersonId,)> = sqlx::query_as(
        "select p.id from person p where p.left_at is not null and p.erased_at is null
           and not exists (select 1 from generation g
                           where g.owner_id = p.id and g.state not in ('succeeded', 'failed', 'canceled'))
         order by p.left_at, p.id limit $1",
    )
    .bind(AT_ONCE)
    .fetch_all(db.pool())
    .await?;
    for (person,) in &gone {
        generation::erase::outputs(db, store, person).await?;
        generation::erase::words(db, person).await?;
        file::erase(db, store, person).await?;
        let mut tx = db.begin().await?;
        outbox::forget(&mut tx, person).await?;
        sqlx::query("update person set erased_at = $2 where id = $1").bind(person).bind(now).execute(tx.connection()).await?;
        tx.commit().await?;
    }
    Ok(gone.len())
}
