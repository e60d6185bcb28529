//! What all processes keep to when they let generations into flight: allowances, the shared token bucket, and pauses.
//!
//! Everything here is rows, because it has to hold over all processes at once. [`Gates`] is one look at all of it; the
//! admission takes it inside its own transaction, where it is exact, and a page takes it to say why something waits.

use crate::domain::{ModelName, PersonId, Timestamp};
use crate::server::db::{Db, Tx, with_rows};
use serde_json::json;
use sqlx::{Any, Executor};
use std::collections::HashMap;
use std::fmt;

/// Parts of a token: a millisecond refills a whole number of them.
pub(in crate::server) const TOKEN: i64 = 60_000;
/// Failures in a row before nobody calls for a while.
const BREAKS_AT: i64 = 5;
/// The first wait of a broken circuit, and the longest.
const BREAK_MS: (i64, i64) = (2_000, 60_000);
/// Between two tries while Replicate refuses our account.
const ACCOUNT_MS: i64 = 60_000;
/// How long the one call that is let through has to show whether things are well again.
const PROBE_MS: i64 = 30_000;

/// How many may be in flight at once and how fast they may get there, over all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Predictions at Replicate in all.
    pub in_flight: i64,
    /// Predictions of one person.
    pub per_person: i64,
    /// Paid calls a minute.
    pub creates_per_minute: i64,
}

/// What a paid call taught about Replicate, beyond the generation it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// It answers and takes our calls.
    Well,
    /// It asked everybody of ours to wait until then.
    Throttled(Timestamp),
    /// It refuses our account: the token, the credit or the rights.
    AccountRefused,
    /// It did not answer, or not sensibly.
    Unreachable,
}

/// Why nothing is let in, or one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// `global`, `model:<name>`, `person:<id>`, `account` or `provider`.
    pub scope: String,
    /// In an operator's words, or upstream's.
    pub reason: String,
    /// When it ends, or when somebody may try; `None`: when it is lifted.
    pub until: Option<Timestamp>,
    /// Calls that failed in a row, where that is what opened it.
    pub failures: i64,
}

impl Pause {
    /// Whether this was met by our calls, rather than made by an operator.
    fn is_met(&self) -> bool {
        matches!(self.scope.as_str(), "account" | "provider")
    }

    fn is_closed(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    fn wants_a_probe(&self) -> bool {
        self.is_met() && (self.scope == "account" || self.failures >= BREAKS_AT)
    }
}

/// What is in flight of one person on one model.
#[derive(Clone, Debug)]
struct Flight {
    person: String,
    model: String,
    n: i64,
}

/// One look at everything that decides who may go.
#[derive(Clone, Debug)]
pub struct Gates {
    /// The allowances.
    pub caps: Caps,
    /// Replicate asked us to wait until then.
    pub blocked_until: Timestamp,
    /// All pauses, those that have run out included.
    pub pauses: Vec<Pause>,
    /// Tokens, in parts, now.
    parts: i64,
    flights: Vec<Flight>,
    model_caps: HashMap<String, i64>,
}

/// All that [`Gates`] go by, as rows of one shape. One question instead of five: on PostgreSQL each would be a way there
/// and back.
macro_rules! gates_text {
    () => {
        "select 'allowance' as what, name, '' as text, '' as more_text, amount as number, 0 as more, 0 as epoch, 0 as seq from allowance
         union all select 'bucket', name, '', '', parts, refilled_at, 0, 0 from bucket
         union all select 'blocked', name, '', '', blocked_until, 0, 0, 0 from bucket
         union all select 'pause', scope, reason, '', until, failures, 0, 0 from pause
         union all select 'model', name, '', '', max_in_flight, 0, 0, 0 from model where max_in_flight is not null
         union all select 'flight', owner_id, model, '', count(*), 0, 0, 0 from generation
                   where state in ('submitting', 'waiting', 'canceling') group by owner_id, model"
    };
}

pub(super) use gates_text;

/// One of those rows, or one of what the admission asks with them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct GateRow {
    pub what: String,
    pub name: String,
    pub text: String,
    pub more_text: String,
    pub number: Option<i64>,
    pub more: i64,
    pub epoch: i64,
    pub seq: i64,
}

impl Gates {
    /// Looks, through the caller's transaction or a connection of the pool.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look(rows: impl Executor<'_, Database = Any>, now: Timestamp) -> Result<Self, sqlx::Error> {
        Ok(Self::of(sqlx::query_as(gates_text!()).fetch_all(rows).await?, now))
    }

    /// What such a look came to.
    pub(super) fn of(rows: Vec<GateRow>, now: Timestamp) -> Self {
        let mut gates = Self {
            caps: Caps { in_flight: 0, per_person: 0, creates_per_minute: 1 },
            blocked_until: Timestamp(0),
            pauses: Vec::new(),
            parts: 0,
            flights: Vec::new(),
            model_caps: HashMap::new(),
        };
        let mut bucket = (0, Timestamp(0));
        for GateRow { what, name, text, number: amount, more, .. } in rows {
            let number = amount.unwrap_or(0);
            match (what.as_str(), name.as_str()) {
                ("allowance", "in_flight") => gates.caps.in_flight = number,
                ("allowance", "per_person") => gates.caps.per_person = number,
                ("allowance", "creates_per_minute") => gates.caps.creates_per_minute = number,
                ("bucket", _) => bucket = (number, Timestamp(more)),
                ("blocked", _) => gates.blocked_until = Timestamp(number),
                ("pause", _) => {
                    gates.pauses.push(Pause { scope: name, reason: text, until: amount.map(Timestamp), failures: more });
                }
                ("model", _) => drop(gates.model_caps.insert(name, number)),
                ("flight", _) => gates.flights.push(Flight { person: name, model: text, n: number }),
                _ => {}
            }
        }
        gates.parts = refilled(bucket.0, bucket.1, gates.caps.creates_per_minute, now);
        gates
    }

    /// Paid calls that may be made now, whoever makes them.
    pub fn free(&self, now: Timestamp) -> i64 {
        if self.blocked_until > now || self.closed(now).is_some() {
            return 0;
        }
        let free = (self.parts / TOKEN).min(self.caps.in_flight - self.in_flight()).max(0);
        if self.wants_a_probe() { free.min(1) } else { free }
    }

    /// The pause that stops everybody, if there is one.
    pub fn closed(&self, now: Timestamp) -> Option<&Pause> {
        self.pauses.iter().find(|pause| (pause.scope == "global" || pause.wants_a_probe()) && pause.is_closed(now))
    }

    /// Whether one call is to be tried before others follow.
    pub fn wants_a_probe(&self) -> bool {
        self.pauses.iter().any(Pause::wants_a_probe)
    }

    /// Whether anything went wrong lately that a call which goes well puts right.
    pub fn is_troubled(&self) -> bool {
        self.pauses.iter().any(Pause::is_met)
    }

    /// Whether the bucket has no token for the next call, or Replicate asked us to wait.
    pub fn is_throttled(&self, now: Timestamp) -> bool {
        self.blocked_until > now || self.parts < TOKEN
    }

    /// Predictions at Replicate now.
    pub fn in_flight(&self) -> i64 {
        self.flights.iter().map(|flight| flight.n).sum()
    }

    /// Predictions of one person.
    pub fn of_person(&self, person: &PersonId) -> i64 {
        self.flights.iter().filter(|flight| flight.person == person.as_str()).map(|flight| flight.n).sum()
    }

    /// Predictions of each person who has any.
    pub fn by_person(&self) -> HashMap<&str, i64> {
        let mut sums = HashMap::new();
        for flight in &self.flights {
            *sums.entry(flight.person.as_str()).or_default() += flight.n;
        }
        sums
    }

    /// People of whom no more may go: at their cap, or paused.
    pub fn closed_people(&self, now: Timestamp) -> Vec<String> {
        let full = self.by_person().into_iter().filter(|(_, n)| *n >= self.caps.per_person).map(|(person, _)| person.to_owned());
        full.chain(self.paused("person:", now)).collect()
    }

    /// Models of which no more may go: paused, or at their cap.
    pub fn closed_models(&self, now: Timestamp) -> Vec<String> {
        let full = self.model_caps.keys().filter(|model| self.room(model) <= 0).cloned();
        full.chain(self.paused("model:", now)).collect()
    }

    /// Whether an operator paused this model or this person.
    pub fn is_paused(&self, model: &ModelName, person: &PersonId, now: Timestamp) -> bool {
        self.paused("model:", now).any(|paused| paused == model.as_str())
            || self.paused("person:", now).any(|paused| paused == person.as_str())
    }

    /// How many more of a model may go.
    pub fn room(&self, model: &str) -> i64 {
        let in_flight: i64 = self.flights.iter().filter(|flight| flight.model == model).map(|flight| flight.n).sum();
        self.model_caps.get(model).map_or(i64::MAX, |cap| cap - in_flight)
    }

    /// Counts one more in flight, as the admission decides on it.
    pub(super) fn let_in(&mut self, person: &str, model: &str) {
        self.flights.push(Flight { person: person.to_owned(), model: model.to_owned(), n: 1 });
        self.parts -= TOKEN;
    }

    fn paused<'a>(&'a self, kind: &'a str, now: Timestamp) -> impl Iterator<Item = String> + 'a {
        let closed = self.pauses.iter().filter(move |pause| pause.is_closed(now));
        closed.filter_map(move |pause| pause.scope.strip_prefix(kind)).map(str::to_owned)
    }

    /// Writes down what the admission took, and that the one who tries has its time.
    pub(super) fn close(&self, tx: &mut Tx, now: Timestamp) {
        let text = with_rows!(
            tx,
            "update bucket set parts = v.parts, refilled_at = v.at from ",
            (parts bigint, at bigint),
            "where bucket.name = 'creates'"
        );
        tx.defer(text, vec![json!({"parts": self.parts, "at": now})]);
        if self.wants_a_probe() {
            let text = with_rows!(
                tx,
                "update pause set until = v.until from ",
                (until bigint),
                "where pause.scope in ('account', 'provider')"
            );
            tx.defer(text, vec![json!({"until": now.plus_ms(PROBE_MS)})]);
        }
    }
}

/// What a bucket holds after a while: as much as was refilled, and never more than a minute's worth.
pub(in crate::server) fn refilled(parts: i64, since: Timestamp, per_minute: i64, now: Timestamp) -> i64 {
    let refilled = now.since(since).max(0).saturating_mul(per_minute);
    parts.saturating_add(refilled).min(per_minute.saturating_mul(TOKEN))
}

/// Makes these the allowances of all processes.
///
/// # Errors
/// When the database fails.
pub async fn allow(db: &Db, caps: Caps) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    let amounts =
        [("in_flight", caps.in_flight), ("per_person", caps.per_person), ("creates_per_minute", caps.creates_per_minute)];
    for (name, amount) in amounts {
        sqlx::query("update allowance set amount = $2 where name = $1 and amount <> $2")
            .bind(name)
            .bind(amount)
            .execute(tx.connection())
            .await?;
    }
    tx.commit().await
}

/// Writes down what a paid call taught, in the transaction that records the call.
pub(super) async fn learn(tx: &mut Tx, lesson: Lesson, why: Option<&str>, now: Timestamp) -> Result<(), sqlx::Error> {
    match lesson {
        Lesson::Well => {
            sqlx::query("delete from pause where scope in ('account', 'provider')").execute(tx.connection()).await?;
        }
        Lesson::Throttled(until) => {
            sqlx::query(
                "update bucket set parts = 0, refilled_at = $1,
                        blocked_until = (case when blocked_until > $2 then blocked_until else $2 end) where name = 'creates'",
            )
            .bind(now)
            .bind(until)
            .execute(tx.connection())
            .await?;
        }
        Lesson::AccountRefused => {
            meet(tx, "account", why).await?;
            hold_off(tx, "account", now.plus_ms(ACCOUNT_MS)).await?;
        }
        Lesson::Unreachable => {
            let failures = meet(tx, "provider", why).await?;
            if failures >= BREAKS_AT {
                let doubled = BREAK_MS.0 << (failures - BREAKS_AT).min(10);
                hold_off(tx, "provider", now.plus_ms(doubled.min(BREAK_MS.1))).await?;
            }
        }
    }
    Ok(())
}

/// Counts one more failure of a kind; answers how many in a row.
async fn meet(tx: &mut Tx, scope: &str, why: Option<&str>) -> Result<i64, sqlx::Error> {
    let (failures,): (i64,) = sqlx::query_as(
        "insert into pause (scope, reason, until, failures) values ($1, $2, 0, 1)
         on conflict (scope) do update set failures = pause.failures + 1, reason = excluded.reason returning failures",
    )
    .bind(scope)
    .bind(why.unwrap_or_default().to_owned())
    .fetch_one(tx.connection())
    .await?;
    Ok(failures)
}

async fn hold_off(tx: &mut Tx, scope: &str, until: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("update pause set until = $2 where scope = $1").bind(scope).bind(until).execute(tx.connection()).await?;
    Ok(())
}

/// An operator stops a model, a person or everything from being let into flight; what is in flight goes on.
///
/// # Errors
/// When the database fails.
pub async fn pause(db: &Db, scope: &str, reason: &str) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "insert into pause (scope, reason) values ($1, $2)
         on conflict (scope) do update set reason = excluded.reason, until = null, failures = 0",
    )
    .bind(scope)
    .bind(reason)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}

/// Lifts a pause, whoever made it. Answers whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn resume(db: &Db, scope: &str) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    let lifted = sqlx::query("delete from pause where scope = $1").bind(scope).execute(tx.connection()).await?;
    tx.commit().await?;
    Ok(lifted.rows_affected() > 0)
}

/// What an operator wants to know of the queue. Shown as lines.
#[derive(Clone, Debug)]
pub struct Overview {
    gates: Gates,
    queued: i64,
    oldest: Option<Timestamp>,
    parked: i64,
    now: Timestamp,
}

/// Looks at the queue as a whole.
///
/// # Errors
/// When the database fails.
pub async fn overview(db: &Db, now: Timestamp) -> Result<Overview, sqlx::Error> {
    let gates = Gates::look(db.pool(), now).await?;
    let (queued, oldest) =
        sqlx::query_as("select count(*), min(created_at) from generation where state = 'queued'").fetch_one(db.pool()).await?;
    let (parked,) = sqlx::query_as("select count(*) from generation where state = 'parked'").fetch_one(db.pool()).await?;
    Ok(Overview { gates, queued, oldest, parked, now })
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gates, queued, oldest, parked, now } = self;
        let Caps { in_flight, per_person, creates_per_minute } = gates.caps;
        writeln!(f, "in flight    {} of {in_flight}, at most {per_person} of one person", gates.in_flight())?;
        let age = oldest.map_or(0, |oldest| now.since(oldest) / 1_000);
        writeln!(f, "queued       {queued}, the oldest for {age} s")?;
        writeln!(f, "parked       {parked}")?;
        write!(f, "paid calls   {creates_per_minute} a minute, {} may be made now", gates.free(*now))?;
        for pause in &gates.pauses {
            let until = pause.until.map_or("until it is resumed".to_owned(), |until| match until.since(*now) {
                ..=0 => "about to be tried".to_owned(),
                wait => format!("for {} s more", (wait + 999) / 1_000),
            });
            write!(f, "\npaused       {}, {until}: {}", pause.scope, pause.reason)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_by_the_millisecond_and_holds_a_minute() {
        let now = Timestamp(1_000_000);
        assert_eq!(refilled(0, now, 600, now.plus_ms(100)), TOKEN);
        assert_eq!(refilled(0, now, 600, now.plus_ms(99)), TOKEN - 600);
        assert_eq!(refilled(0, now, 600, now.plus_ms(3_600_000)), 600 * TOKEN);
        assert_eq!(refilled(5, now, 600, now.plus_ms(-1_000)), 5, "a clock that steps back takes nothing away");
    }
}
