//! The limits that a person sets for themselves: written here, and heeded in the transaction of each request.

use crate::domain::{Credits, Guards, PersonId, Refusal, Timestamp};
use crate::server::db::{Db, Told, Tx, with_rows};
use serde_json::json;

/// What the cap of a day is about, in milliseconds: the last 24 hours, whatever zone somebody lives in.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Sets a person's limits; they hold from the next request on.
///
/// # Errors
/// When the database fails.
pub async fn set_guards(db: &Db, person: &PersonId, guards: &Guards) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("update person set daily_cap = $2, ask_above = $3, warn_below = $4 where id = $1")
        .bind(person)
        .bind(guards.daily_cap)
        .bind(guards.ask_above)
        .bind(guards.warn_below)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// What a person let be spent in the last 24 hours: what was taken, and what is still held.
///
/// # Errors
/// When the database fails.
pub async fn spent_today(db: &Db, person: &PersonId, now: Timestamp) -> Result<Credits, sqlx::Error> {
    let (spent,) = sqlx::query_as(
        "select cast(coalesce(sum(case when state in ('succeeded', 'failed', 'canceled') then captured else price end), 0) as bigint)
         from generation where owner_id = $1 and created_at > $2",
    )
    .bind(person)
    .bind(now.plus_ms(-DAY_MS))
    .fetch_one(db.pool())
    .await?;
    Ok(spent)
}

/// What a person is about to let be spent.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Spending {
    /// The whole price.
    pub price: Credits,
    /// The price they were asked about and said yes to.
    pub confirmed: Option<Credits>,
    /// Whether somebody waits before a page and can be asked.
    pub can_be_asked: bool,
}

/// The limits of one person, and what they let be spent by now.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Limits {
    cap: Option<Credits>,
    above: Option<Credits>,
    spent: Credits,
}

/// The word for what is told of them.
const LIMITS: &str = "limits";

/// Asks for these people's limits on the next way to the database. The answer goes by the moment of that statement: it is
/// exact when the caller makes sure that their accounts have not changed since, as its holds tell.
pub(in crate::server) fn ask<'a>(tx: &mut Tx, people: impl IntoIterator<Item = &'a PersonId>, now: Timestamp) {
    let since = now.plus_ms(-DAY_MS);
    let text = with_rows!(
        tx,
        "select 'limits', p.id, '', p.daily_cap, p.ask_above,
                (case when p.daily_cap is null then 0 else
                  (select cast(coalesce(sum(case when g.state in ('succeeded', 'failed', 'canceled') then g.captured
                                                 else g.price end), 0) as bigint)
                   from generation g where g.owner_id = p.id and g.created_at > v.since) end)
         from person p, ",
        (person text, since bigint),
        "where p.id = v.person and (p.daily_cap is not null or p.ask_above is not null)"
    );
    tx.ask(text, people.into_iter().map(|person| json!({"person": person, "since": since})).collect());
}

impl Limits {
    /// What was told of this person; `None` when they set themselves no limits.
    pub fn told(told: &[Told], person: &PersonId) -> Option<Self> {
        let told = told.iter().find(|told| told.what == LIMITS && told.whose == person.as_str())?;
        let [cap, above, spent] = told.numbers.map(|number| number.map(Credits));
        Some(Self { cap, above, spent: spent.unwrap_or(Credits::ZERO) })
    }

    /// The limit that forbids this, if one does.
    pub fn forbids(&self, spending: &Spending) -> Option<Refusal> {
        let Spending { price, confirmed, can_be_asked } = *spending;
        if let Some(cap) = self.cap {
            let left = Credits(cap.0.saturating_sub(self.spent.0).max(0));
            if price > left {
                return Some(Refusal::DailyCapReached { cap, left });
            }
        }
        let is_unasked = |above: &Credits| can_be_asked && price > *above && confirmed.is_none_or(|confirmed| price > confirmed);
        self.above.filter(is_unasked).map(|above| Refusal::AskFirst { above, price })
    }

    /// Counts this much as spent from here on.
    pub fn spend(&mut self, price: Credits) {
        self.spent = Credits(self.spent.0.saturating_add(price.0));
    }
}
