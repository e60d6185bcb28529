//! People: signing up, and who somebody is. Passwords are kept as argon2id hashes, made and checked off the async
//! threads, two at a time.

pub mod guards;
pub(in crate::server) mod guesses;
pub mod leaving;
pub mod roles;

use self::guesses::Door;
use super::db::{Alone, Db, mint};
use super::ledger::{self, Grant};
use crate::domain::{Credits, Guards, PersonId, Timestamp};
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// OWASP's least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at work at once; each takes 19 MiB and a core, and the rest of the server goes on meanwhile.
static HASHING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// Verified when nobody has the address, so that the answer takes as long as for somebody who exists.
static NOBODY: LazyLock<String> = LazyLock::new(|| make_hash("nobody has this password").unwrap_or_default());

/// The least and the most characters of a password.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// More bytes than this are refused before anything looks at them.
const PASSWORD_BYTES: usize = 1_024;
/// A password guessed within this many tries is on every attacker's list.
const COMMON_GUESSES: u64 = 30_000;
/// Words an attacker of this product tries first.
const PRODUCT_WORDS: [&str; 4] = ["atelier", "replicate", "password", "picture"];

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Runs the house: the first person to sign up, and whom an operator adds.
    Admin,
    /// Makes pictures.
    Creator,
}

/// Somebody with an account.
#[derive(Clone)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Lower case.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// What they let be spent.
    pub guards: Guards,
    /// A PHC string. Kept here because a session dies when it changes.
    pub(super) password_hash: String,
}

impl fmt::Debug for Person {
    // By hand: axum-login writes `Debug` of the user to the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

/// What somebody says at the door.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: SecretString,
}

/// Why an account was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpProblem {
    /// Not something mail could be sent to.
    EmailInvalid,
    /// Somebody has it.
    EmailTaken,
    /// Fewer than eight characters.
    PasswordTooShort,
    /// More than 128 characters.
    PasswordTooLong,
    /// Among the first that anybody would guess.
    PasswordCommon,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed cannot be used; all of it is listed.
    #[error("refused: {0:?}")]
    Refused(Vec<SignUpProblem>),
    /// It is not their password.
    #[error("that is not the password")]
    WrongPassword,
    /// Too many wrong ones in a row; nothing is tried for so long.
    #[error("too many wrong passwords: wait {seconds} s")]
    TooManyTries {
        /// From now.
        seconds: i64,
    },
    /// Hashing failed.
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Opens an account and grants the sign-up credits, in one commit. The first person is the administrator.
///
/// # Errors
/// [`Error::Refused`] with everything that is wrong.
pub async fn sign_up(db: &Db, credentials: &Credentials, gift: Credits, now: Timestamp) -> Result<PersonId, Error> {
    let email = normalise(&credentials.email);
    let problems = check(&email, &credentials.password);
    if !problems.is_empty() {
        return Err(Error::Refused(problems));
    }
    // Before the transaction: hashing takes long, and takes the same time whether the address is free or not.
    let hash = hash(credentials.password.clone()).await?;
    let id = PersonId::trusted(mint());
    // One after another over all processes, or two who come first at once would both run the house.
    let mut tx = db.begin_in_turn(Alone::SignUp).await?;
    let inserted = sqlx::query(
        "insert into person (id, email, password_hash, role, created_at)
         select $1, $2, $3, (case when exists (select 1 from person) then 'creator' else 'admin' end), $4
         where not exists (select 1 from person where email = $2)",
    )
    .bind(&id)
    .bind(&email)
    .bind(hash)
    .bind(now)
    .execute(tx.connection())
    .await;
    match inserted {
        Ok(done) if done.rows_affected() == 1 => {}
        Ok(_) => return Err(Error::Refused(vec![SignUpProblem::EmailTaken])),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            return Err(Error::Refused(vec![SignUpProblem::EmailTaken]));
        }
        Err(error) => return Err(error.into()),
    }
    ledger::open_account(&mut tx, &id, now).await?;
    if gift > Credits::ZERO {
        ledger::grant(&mut tx, &id, gift, &Grant::Signup, now).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// The person these credentials are, if they are anybody's. Takes as long either way.
///
/// # Errors
/// [`Error::TooManyTries`] for an address that was guessed at too often, whether anybody has it or not.
pub async fn authenticate(db: &Db, credentials: &Credentials, now: Timestamp) -> Result<Option<Person>, Error> {
    if credentials.password.expose_secret().len() > PASSWORD_BYTES {
        return Ok(None);
    }
    let email = normalise(&credentials.email);
    // What is no address is nobody's; the database need not be asked, and PostgreSQL refuses some of what can be typed.
    if !is_address(&email) {
        verify(credentials.password.clone(), None).await?;
        return Ok(None);
    }
    let door = Door::SignIn(&email);
    guesses::admit(db, door, now).await?;
    let person = find_by_email(db, &email).await?;
    let hash = person.as_ref().map(|person| person.password_hash.clone());
    let right = verify(credentials.password.clone(), hash).await?;
    guesses::judge(db, door, right, now).await?;
    Ok(person.filter(|_| right))
}

/// The columns of [`Row`]; of whoever has left nothing is found.
macro_rules! select_people {
    ($rest:literal) => {
        concat!(
            "select p.id, p.email, p.role, p.password_hash, p.daily_cap, p.ask_above, p.warn_below from person p where p.left_at is null ",
            $rest
        )
    };
}

/// The person with this id.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, id: &PersonId) -> Result<Option<Person>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select_people!("and p.id = $1")).bind(id).fetch_optional(db.pool()).await?;
    Ok(row.map(Row::person))
}

/// The person with this address.
///
/// # Errors
/// When the database fails.
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<Person>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as(select_people!("and p.email = $1")).bind(normalise(email)).fetch_optional(db.pool()).await?;
    Ok(row.map(Row::person))
}

/// Everybody, in the order they came, with what they have.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db) -> Result<Vec<(Person, Credits)>, sqlx::Error> {
    let people: Vec<Row> = sqlx::query_as(select_people!("order by p.created_at, p.id")).fetch_all(db.pool()).await?;
    let had: Vec<(PersonId, Credits)> =
        sqlx::query_as("select owner_id, posted - held from account where owner_id is not null").fetch_all(db.pool()).await?;
    let had: HashMap<_, _> = had.into_iter().collect();
    let with = |row: Row| {
        let available = had.get(&row.id).copied().unwrap_or_default();
        (row.person(), available)
    };
    Ok(people.into_iter().map(with).collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: PersonId,
    email: String,
    role: String,
    password_hash: String,
    daily_cap: Option<Credits>,
    ask_above: Option<Credits>,
    warn_below: Option<Credits>,
}

impl Row {
    fn person(self) -> Person {
        let role = if self.role == "admin" { Role::Admin } else { Role::Creator };
        let guards = Guards { daily_cap: self.daily_cap, ask_above: self.ask_above, warn_below: self.warn_below };
        Person { id: self.id, email: self.email, role, guards, password_hash: self.password_hash }
    }
}

/// Changes a password. Whoever is signed in with the old one is signed out by that; answers the person as they are now.
///
/// # Errors
/// As [`prove`], and [`Error::Refused`] with what is wrong with the new one.
pub async fn change_password(
    db: &Db,
    person: &Person,
    old: SecretString,
    new: SecretString,
    now: Timestamp,
) -> Result<Person, Error> {
    prove(db, person, old, now).await?;
    let problems = check(&person.email, &new);
    if !problems.is_empty() {
        return Err(Error::Refused(problems));
    }
    let fresh = hash(new).await?;
    let mut tx = db.begin().await?;
    // Of two changes at once the second is of a password that is no longer theirs.
    let changed = sqlx::query("update person set password_hash = $2 where id = $1 and password_hash = $3 and left_at is null")
        .bind(&person.id)
        .bind(&fresh)
        .bind(&person.password_hash)
        .execute(tx.connection())
        .await?;
    if changed.rows_affected() == 0 {
        return Err(Error::WrongPassword);
    }
    tx.commit().await?;
    Ok(Person { password_hash: fresh, ..person.clone() })
}

/// Asks somebody who is signed in for their password again.
///
/// # Errors
/// [`Error::WrongPassword`], and after too many of them [`Error::TooManyTries`].
pub async fn prove(db: &Db, person: &Person, password: SecretString, now: Timestamp) -> Result<(), Error> {
    if password.expose_secret().len() > PASSWORD_BYTES {
        return Err(Error::WrongPassword);
    }
    let door = Door::Again(&person.id);
    guesses::admit(db, door, now).await?;
    let right = verify(password, Some(person.password_hash.clone())).await?;
    guesses::judge(db, door, right, now).await?;
    if right { Ok(()) } else { Err(Error::WrongPassword) }
}

fn normalise(email: &str) -> String {
    email.trim().to_lowercase()
}

fn check(email: &str, password: &SecretString) -> Vec<SignUpProblem> {
    let mut problems = Vec::new();
    if !is_address(email) {
        problems.push(SignUpProblem::EmailInvalid);
    }
    let password = password.expose_secret();
    let chars = password.chars().count();
    if password.len() > PASSWORD_BYTES || chars > *PASSWORD_CHARS.end() {
        problems.push(SignUpProblem::PasswordTooLong);
    } else if chars < *PASSWORD_CHARS.start() {
        problems.push(SignUpProblem::PasswordTooShort);
    } else if is_common(password, email) {
        problems.push(SignUpProblem::PasswordCommon);
    }
    problems
}

/// Something with a name, one `@` and a host; whether mail arrives there only mail can tell.
fn is_address(email: &str) -> bool {
    email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"'))
        && matches!(email.split_once('@'), Some((name, host))
            if !name.is_empty() && !host.contains('@') && host.contains('.') && !host.starts_with('.') && !host.ends_with('.'))
}

fn is_common(password: &str, email: &str) -> bool {
    let mut words: Vec<&str> = PRODUCT_WORDS.to_vec();
    words.extend(email.split(['@', '.']));
    // The estimator's time grows with the length; what is longer than this is not on a list.
    let start: String = password.chars().take(32).collect();
    password.chars().count() <= 32 && zxcvbn::zxcvbn(&start, &words).guesses() < COMMON_GUESSES
}

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

fn make_hash(password: &str) -> Result<String, String> {
    let hasher = argon2().map_err(|error| error.to_string())?;
    let salt = SaltString::generate(&mut OsRng);
    let hash = hasher.hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

async fn hash(password: SecretString) -> Result<String, Error> {
    off_thread(move || make_hash(password.expose_secret())).await?.map_err(Error::Hashing)
}

async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, Error> {
    off_thread(move || {
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let parsed = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
        let hasher = argon2().map_err(|error| error.to_string())?;
        Ok(hasher.verify_password(password.expose_secret().as_bytes(), &parsed).is_ok())
    })
    .await?
    .map_err(Error::Hashing)
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let turn = Arc::clone(&HASHING).acquire_owned().await.map_err(|closed| Error::Hashing(closed.to_string()))?;
    // The turn goes along with the work: who hangs up meanwhile does not make room for another.
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|panic| Error::Hashing(panic.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(email: &str, password: &str) -> Vec<SignUpProblem> {
        check(&normalise(email), &SecretString::from(password))
    }

    #[test]
    fn se_03_passwords_are_long_and_not_on_every_list() {
        let email = "mika@example.com";
        for good in ["correct horse battery", "夕焼けの海と灯台の夜", &"kx9-".repeat(32), "Tr0ub4dor&3-but-longer"] {
            assert_eq!(problems(email, good), [], "{good}");
        }
        for (bad, problem) in [
            ("short", SignUpProblem::PasswordTooShort),
            (&"x".repeat(129), SignUpProblem::PasswordTooLong),
            (&"x".repeat(5_000), SignUpProblem::PasswordTooLong),
            ("password", SignUpProblem::PasswordCommon),
            ("Password1", SignUpProblem::PasswordCommon),
            ("12345678", SignUpProblem::PasswordCommon),
            ("qwertyui", SignUpProblem::PasswordCommon),
            ("atelier1", SignUpProblem::PasswordCommon),
            ("mikamika", SignUpProblem::PasswordCommon),
        ] {
            assert_eq!(problems(email, bad), [problem], "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_host() {
        for good in ["a@b.co", " Mika@Example.COM ", "o'neil+tag@mail.example.co.uk"] {
            assert_eq!(problems(good, "correct horse battery"), [], "{good}");
        }
        for bad in ["", "a", "@b.co", "a@", "a@b", "a b@c.de", "a@b.", "a@@b.co", "<a@b.co>"] {
            assert_eq!(problems(bad, "correct horse battery"), [SignUpProblem::EmailInvalid], "{bad}");
        }
    }

    #[test]
    fn se_01_hashes_are_argon2id_with_at_least_owasps_parameters() {
        let hash = make_hash("correct horse battery").expect("a hash");
        let parsed = PasswordHash::new(&hash).expect("a PHC string");
        assert_eq!(parsed.algorithm.as_str(), "argon2id");
        let parameter = |name| parsed.params.get_decimal(name).expect(name);
        assert!(parameter("m") >= 19_456 && parameter("t") >= 2 && parameter("p") >= 1);
    }
}
