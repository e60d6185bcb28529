//! Wrong passwords in a row make everybody wait who tries the same door: five are free, then the wait doubles with each, up
//! to a quarter of an hour, and an hour without a try forgets them all. The count is a row, so it holds over all processes
//! and past a restart; nobody is shut out for good.
//!
//! Signing in and being asked again are two doors. Whoever guesses at the one from outside does not keep the person from the
//! account page, and whoever sits at a stolen session does not keep them from signing in and ending it.

use super::Error;
use crate::domain::{PersonId, Timestamp};
use crate::server::db::{Db, Tx, retried};
use sha2::{Digest, Sha256};

/// Wrong passwords in a row that cost no wait.
const FREE: i64 = 5;
/// The first wait, and the longest.
const FIRST_MS: i64 = 30 * 1_000;
const LONGEST_MS: i64 = 15 * 60 * 1_000;
/// This long after the last wait nothing is remembered.
const FORGET_MS: i64 = 60 * 60 * 1_000;

/// Where a password is tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door<'a> {
    /// At the sign-in, for this address, whether anybody has it or not: the answers must be alike.
    SignIn(&'a str),
    /// By somebody who is signed in and is asked again.
    Again(&'a PersonId),
}

impl Door<'_> {
    fn name(self) -> String {
        let text = match self {
            Self::SignIn(email) => format!("sign-in {email}"),
            Self::Again(person) => format!("again {person}"),
        };
        hex::encode(Sha256::digest(text))
    }
}

/// Turns away whoever has to wait, before a hash is computed for them.
///
/// # Errors
/// [`Error::TooManyTries`].
pub(super) async fn admit(db: &Db, door: Door<'_>, now: Timestamp) -> Result<(), Error> {
    let held: Option<(Timestamp,)> = sqlx::query_as("select held_until from guess where name = $1 and held_until > $2")
        .bind(door.name())
        .bind(now)
        .fetch_optional(db.pool())
        .await?;
    held.map_or(Ok(()), |(until,)| Err(wait(until, now)))
}

/// Writes down what came of a try. Of many at once that passed [`admit`] together, those that are judged once the door is held
/// are turned away whether they were right or not, so that nothing is learned from them.
///
/// # Errors
/// [`Error::TooManyTries`].
pub(super) async fn judge(db: &Db, door: Door<'_>, is_right: bool, now: Timestamp) -> Result<(), Error> {
    let name = door.name();
    // Nearly always nobody has guessed before; then somebody who comes in writes nothing.
    if is_right && !is_known(db, &name).await? {
        return Ok(());
    }
    match retried(|| write(db, &name, is_right, now)).await? {
        Some(until) => Err(wait(until, now)),
        None => Ok(()),
    }
}

async fn is_known(db: &Db, name: &str) -> Result<bool, sqlx::Error> {
    let row: Option<(i64,)> =
        sqlx::query_as("select wrong from guess where name = $1").bind(name.to_owned()).fetch_optional(db.pool()).await?;
    Ok(row.is_some())
}

/// Counts a wrong try, or forgets them all after a right one; `Some` when the door is held, and then nothing is changed.
async fn write(db: &Db, name: &str, is_right: bool, now: Timestamp) -> Result<Option<Timestamp>, sqlx::Error> {
    let mut tx = db.begin().await?;
    // Changes nothing of a row that is there, but locks it.
    let (wrong, held_until, forget_at): (i64, Timestamp, Timestamp) = sqlx::query_as(
        "insert into guess (name, wrong, held_until, forget_at) values ($1, 0, 0, $2)
         on conflict (name) do update set wrong = guess.wrong returning wrong, held_until, forget_at",
    )
    .bind(name.to_owned())
    .bind(now)
    .fetch_one(tx.connection())
    .await?;
    if held_until > now {
        return Ok(Some(held_until));
    }
    if is_right {
        sqlx::query("delete from guess where name = $1").bind(name.to_owned()).execute(tx.connection()).await?;
    } else {
        let wrong = if forget_at > now { wrong + 1 } else { 1 };
        let until = now.plus_ms(wait_ms(wrong));
        sqlx::query("update guess set wrong = $2, held_until = $3, forget_at = $4 where name = $1")
            .bind(name.to_owned())
            .bind(wrong)
            .bind(until)
            .bind(until.plus_ms(FORGET_MS))
            .execute(tx.connection())
            .await?;
    }
    tx.commit().await?;
    Ok(None)
}

/// Removes what is remembered no more.
///
/// # Errors
/// When the database fails.
pub(in crate::server) async fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("delete from guess where forget_at <= $1").bind(now).execute(tx.connection()).await?;
    Ok(())
}

/// How long after so many wrong ones in a row.
fn wait_ms(wrong: i64) -> i64 {
    let doubled = u32::try_from(wrong - FREE).ok().map(|times| FIRST_MS << times.min(10));
    doubled.map_or(0, |wait| wait.min(LONGEST_MS))
}

const fn wait(until: Timestamp, now: Timestamp) -> Error {
    Error::TooManyTries { seconds: (until.0 - now.0 + 999) / 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = [1, 4, 5, 6, 9, 10, 11, 1_000].into_iter().map(|wrong| wait_ms(wrong) / 1_000).collect();
        assert_eq!(waits, [0, 0, 30, 60, 480, 900, 900, 900]);
    }

    #[test]
    fn what_was_typed_is_not_kept_and_no_door_is_anothers() {
        let person = PersonId::trusted("mika@example.com");
        let names =
            [Door::SignIn("mika@example.com").name(), Door::SignIn("noor@example.com").name(), Door::Again(&person).name()];
        assert!(names[0] != names[1] && names[0] != names[2] && names.iter().all(|name| name.len() == 64 && !name.contains('@')));
    }
}
