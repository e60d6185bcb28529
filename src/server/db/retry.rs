//! A verb that the database gave up for another's sake is tried again: a deadlock, a serialization that failed, a lock
//! that was not free in time. The transaction was rolled back whole, so a verb that is one transaction can be repeated.

use rand::Rng;
use sqlx::Error;
use std::time::Duration;

/// How often a verb is tried at most.
const TRIES: u32 = 5;
/// The longest wait before the second try; it doubles with each.
const FIRST_WAIT_MS: u64 = 20;

/// An error of a verb, which may be the database's.
pub trait Yielding {
    /// What the database said, if it was the one that failed.
    fn of_database(&self) -> Option<&Error>;
}

impl Yielding for Error {
    fn of_database(&self) -> Option<&Error> {
        Some(self)
    }
}

/// Tries a verb that is one transaction up to five times, as long as it only had to give way.
///
/// # Errors
/// The verb's own.
pub async fn retried<T, E: Yielding, F: Future<Output = Result<T, E>>>(verb: impl Fn() -> F) -> Result<T, E> {
    let mut tried = 1;
    loop {
        match verb().await {
            Err(error) if tried < TRIES && error.of_database().is_some_and(gave_way) => {
                // Full jitter, or the same two would meet again.
                let wait = rand::rng().random_range(0..FIRST_WAIT_MS << tried);
                tokio::time::sleep(Duration::from_millis(wait)).await;
                tried += 1;
            }
            done => return done,
        }
    }
}

fn gave_way(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    // serialization_failure, deadlock_detected, lock_not_available. SQLite's one writer has nobody to give way to.
    error.code().is_some_and(|code| matches!(&*code, "40001" | "40P01" | "55P03"))
}
