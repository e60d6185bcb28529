//! The limits that a person sets for themselves: written here, and heeded in the transaction of each request.

use crate::domain::{Credits, Guards, PersonId, Refusal, Timestamp};
use crate::server::db::{Db, Tx};

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
pub(in crate::server) struct Spending {
    /// The whole price.
    pub price: Credits,
    /// The price they were asked about and said yes to.
    pub confirmed: Option<Credits>,
    /// Whether somebody waits before a page and can be asked.
    pub can_be_asked: bool,
}

/// The limit that forbids this, if one does. The caller's transaction has the person's account row locked by its hold, so
/// of two requests at once the second sees what the first took.
pub(in crate::server) async fn forbidding(
    tx: &mut Tx,
    person: &PersonId,
    spending: &Spending,
    now: Timestamp,
) -> Result<Option<Refusal>, sqlx::Error> {
    let guards: Option<(Option<Credits>, Option<Credits>, Credits)> = sqlx::query_as(
        "select daily_cap, ask_above,
                (case when daily_cap is null then 0 else
                  (select cast(coalesce(sum(case when g.state in ('succeeded', 'failed', 'canceled') then g.captured
                                                 else g.price end), 0) as bigint)
                   from generation g where g.owner_id = person.id and g.created_at > $2) end) as spent
         from person where id = $1 and (daily_cap is not null or ask_above is not null)",
    )
    .bind(person)
    .bind(now.plus_ms(-DAY_MS))
    .fetch_optional(tx.connection())
    .await?;
    let Some((cap, above, spent)) = guards else { return Ok(None) };
    let Spending { price, confirmed, can_be_asked } = *spending;
    if let Some(cap) = cap {
        let left = Credits(cap.0.saturating_sub(spent.0).max(0));
        if price > left {
            return Ok(Some(Refusal::DailyCapReached { cap, left }));
        }
    }
    let unasked = above.filter(|above| can_be_asked && price > *above && confirmed.is_none_or(|confirmed| price > confirmed));
    Ok(unasked.map(|above| Refusal::AskFirst { above, price }))
}
