//! What a webhook may do: tell us sooner what we would find out anyway. **It never moves money.**
//!
//! It *adopts*: a paid call whose answer nobody has written down gets the prediction it made, and whoever holds the row
//! is fenced. Or it *wakes*: the row is due at once, and a worker asks Replicate itself before anything else happens. What
//! no row has a use for is a stray, and is cancelled. A message counts once, whatever order messages come in; and because
//! the address of a webhook is not signed, a body must bear the mark of the very call that the address names.

use super::strays::{self, Source};
use super::work::Submission;
use super::{note, work};
use crate::domain::{GenerationId, PersonId, PredictionId, State, Timestamp};
use crate::server::crash::{self, Point};
use crate::server::db::{Db, Tx};
use crate::server::replicate::Prediction;
use serde_json::Value;

/// Where the webhooks of one paid call go, below our origin. It is also the call's mark, by which its prediction is known.
pub fn path(generation: &GenerationId, seq: i64) -> String {
    format!("/hooks/replicate/{generation}/{seq}")
}

/// A genuine webhook.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The same each time the message is sent.
    pub message: &'a str,
    /// The generation that its address names.
    pub generation: &'a GenerationId,
    /// The paid call that its address names.
    pub seq: i64,
    /// What it tells.
    pub prediction: &'a Prediction,
}

/// What came of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The paid call has its prediction now.
    Adopted,
    /// A worker looks at once.
    Woken,
    /// Nothing to do: it is over, or its end is under way.
    Known,
    /// Nobody has a use for this prediction.
    Stray,
    /// The message was heard before.
    Repeated,
    /// There never was such a paid call.
    Unknown,
    /// The prediction is not of the call that the address names.
    NotOurs,
}

impl Heard {
    /// The word in `inbox.outcome`; what leaves no trace has none.
    const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Adopted => Some("adopted"),
            Self::Woken => Some("woken"),
            Self::Known => Some("known"),
            Self::Stray => Some("stray"),
            Self::Repeated | Self::Unknown | Self::NotOurs => None,
        }
    }
}

/// The row that a webhook's address names, and what else decides.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    owner_id: PersonId,
    state: State,
    lease_epoch: i64,
    submit_seq: i64,
    prediction_id: Option<PredictionId>,
    input: String,
    /// Whether the named call is known to have made a prediction.
    answered: i64,
}

/// Takes a genuine webhook to heart, in one transaction.
///
/// # Errors
/// When the database fails; nothing was heard then, and Replicate sends it again.
pub async fn hear(db: &Db, webhook: &Webhook<'_>, now: Timestamp) -> Result<Heard, sqlx::Error> {
    crash::point(Point::Heard).await;
    let mut tx = db.begin().await?;
    let Some(row) = look(db, &mut tx, webhook).await? else { return Ok(Heard::Unknown) };
    let owned = work::is_owned_in(tx.connection(), &webhook.prediction.id).await?;
    let heard = judge(&row, owned, webhook);
    let Some(outcome) = heard.as_str() else { return Ok(heard) };
    if !enter(&mut tx, webhook, outcome, now).await? {
        return Ok(Heard::Repeated);
    }
    match heard {
        Heard::Adopted => adopt(&mut tx, &row, webhook, now).await?,
        Heard::Woken => wake(&mut tx, webhook, now).await?,
        Heard::Stray => {
            strays::insert(&mut tx, &webhook.prediction.id, webhook.generation, webhook.seq, Source::Webhook, now).await?;
        }
        Heard::Known | Heard::Repeated | Heard::Unknown | Heard::NotOurs => {}
    }
    tx.touch(&row.owner_id);
    tx.commit().await?;
    crash::point(Point::Noted).await;
    Ok(heard)
}

/// What a webhook means for a row. `owned`: whether its prediction has a place already, be it as a stray.
fn judge(row: &Row, owned: bool, webhook: &Webhook<'_>) -> Heard {
    if row.prediction_id.as_ref() == Some(&webhook.prediction.id) {
        let followed = matches!(row.state, State::Waiting | State::Canceling);
        return if followed { Heard::Woken } else { Heard::Known };
    }
    if !(1..=row.submit_seq).contains(&webhook.seq) {
        return Heard::Unknown;
    }
    if owned {
        return Heard::Known;
    }
    if !bears_the_mark(row, webhook) {
        return Heard::NotOurs;
    }
    // Put back into the queue, or left to an operator, by somebody who believed that the call had made nothing.
    let open = matches!(row.state, State::Submitting | State::Queued | State::Parked) && row.prediction_id.is_none();
    if open && webhook.seq == row.submit_seq && row.answered == 0 { Heard::Adopted } else { Heard::Stray }
}

/// Whether the prediction was made by the call that the address names: it says so itself, or else has its input, in which
/// the seed is this generation's own.
fn bears_the_mark(row: &Row, webhook: &Webhook<'_>) -> bool {
    match &webhook.prediction.webhook {
        Some(told) => told.ends_with(&path(webhook.generation, webhook.seq)),
        None => serde_json::from_str::<Value>(&row.input).is_ok_and(|input| input == webhook.prediction.input),
    }
}

/// Locks the row until the end of the transaction.
async fn look(db: &Db, tx: &mut Tx, webhook: &Webhook<'_>) -> Result<Option<Row>, sqlx::Error> {
    macro_rules! text {
        ($lock:literal) => {
            concat!(
                "select owner_id, state, lease_epoch, submit_seq, prediction_id, input,
                        (select count(*) from submission s where s.generation_id = $1 and s.seq = $2 and s.prediction_id is not null)
                          as answered
                 from generation where id = $1 ",
                $lock
            )
        };
    }
    sqlx::query_as(db.either(text!(""), text!("for update")))
        .bind(webhook.generation)
        .bind(webhook.seq)
        .fetch_optional(tx.connection())
        .await
}

/// Writes the message down; `false` when it stands there already.
async fn enter(tx: &mut Tx, webhook: &Webhook<'_>, outcome: &'static str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let entered = sqlx::query(
        "insert into inbox (message_id, generation_id, seq, prediction_id, outcome, received_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (message_id) do nothing",
    )
    .bind(webhook.message.to_owned())
    .bind(webhook.generation)
    .bind(webhook.seq)
    .bind(&webhook.prediction.id)
    .bind(outcome)
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(entered.rows_affected() == 1)
}

/// Due at once. Whoever is asking Replicate at this moment asked too early, and is fenced.
async fn wake(tx: &mut Tx, webhook: &Webhook<'_>, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update generation set run_at = $3, lease_owner = null, lease_until = 0, lease_epoch = lease_epoch + 1
         where id = $1 and prediction_id = $2 and state in ('waiting', 'canceling')",
    )
    .bind(webhook.generation)
    .bind(&webhook.prediction.id)
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn adopt(tx: &mut Tx, row: &Row, webhook: &Webhook<'_>, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update generation set state = 'waiting', prediction_id = $2, paid_attempts = paid_attempts + 1,
                given_up = given_up - (select count(*) from submission s
                                       where s.generation_id = $1 and s.seq = $3 and s.outcome = 'given_up'),
                lease_owner = null, lease_until = 0, lease_epoch = lease_epoch + 1, step_try = 0, run_at = $4, updated_at = $4,
                version = version + 1
         where id = $1 and submit_seq = $3 and prediction_id is null and state in ('submitting', 'queued', 'parked')",
    )
    .bind(webhook.generation)
    .bind(&webhook.prediction.id)
    .bind(webhook.seq)
    .bind(now)
    .execute(tx.connection())
    .await?;
    sqlx::query("update submission set outcome = $3, prediction_id = $4 where generation_id = $1 and seq = $2")
        .bind(webhook.generation)
        .bind(webhook.seq)
        .bind(Submission::Found.as_str())
        .bind(&webhook.prediction.id)
        .execute(tx.connection())
        .await?;
    let epoch = row.lease_epoch + 1;
    note(tx, webhook.generation, now, epoch, Some(row.state), State::Waiting, Some("its webhook came first"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0193b1e4-7c1f-7000-8000-000000000001";

    fn row(state: State, submit_seq: i64, prediction: Option<&str>) -> Row {
        Row {
            owner_id: PersonId::trusted("mika"),
            state,
            lease_epoch: 3,
            submit_seq,
            prediction_id: prediction.map(PredictionId::trusted),
            input: r#"{"prompt":"a lighthouse","seed":7}"#.to_owned(),
            answered: 0,
        }
    }

    fn heard(row: &Row, owned: bool, seq: i64, told: &Value) -> Heard {
        let (generation, prediction) = (GenerationId::trusted(ID), serde_json::from_value(told.clone()).expect("a prediction"));
        judge(row, owned, &Webhook { message: "m", generation: &generation, seq, prediction: &prediction })
    }

    fn told(seq: i64) -> Value {
        json!({"id": "p", "webhook": format!("https://pictures.example.com/hooks/replicate/{ID}/{seq}")})
    }

    #[test]
    fn a_call_without_an_answer_is_adopted_wherever_its_row_was_put_and_no_other_is() {
        for state in State::ALL {
            let open = matches!(state, State::Submitting | State::Queued | State::Parked);
            let expected = if open { Heard::Adopted } else { Heard::Stray };
            assert_eq!(heard(&row(state, 1, None), false, 1, &told(1)), expected, "{state:?}");
            assert_eq!(heard(&row(state, 1, None), true, 1, &told(1)), Heard::Known, "{state:?}: somebody else's");
            assert_eq!(heard(&row(state, 2, None), false, 1, &told(1)), Heard::Stray, "{state:?}: an earlier call");
            assert_eq!(heard(&row(state, 1, Some("q")), false, 1, &told(1)), Heard::Stray, "{state:?}: a second prediction");
            let answered = Row { answered: 1, ..row(state, 1, None) };
            assert_eq!(heard(&answered, false, 1, &told(1)), Heard::Stray, "{state:?}: it made another, which failed");
        }
    }

    #[test]
    fn only_what_is_followed_is_woken() {
        for state in State::ALL {
            let followed = matches!(state, State::Waiting | State::Canceling);
            let expected = if followed { Heard::Woken } else { Heard::Known };
            assert_eq!(heard(&row(state, 1, Some("p")), true, 1, &told(1)), expected, "{state:?}");
        }
    }

    #[test]
    fn a_call_that_was_never_made_is_unknown() {
        for seq in [i64::MIN, -1, 0, 2, i64::MAX] {
            assert_eq!(heard(&row(State::Submitting, 1, None), false, seq, &told(seq)), Heard::Unknown, "{seq}");
        }
    }

    #[test]
    fn se_21_a_genuine_webhook_at_anothers_address_does_nothing() {
        let row = row(State::Submitting, 2, None);
        assert_eq!(heard(&row, false, 2, &told(1)), Heard::NotOurs, "of another call");
        let foreign = json!({"id": "p", "webhook": "https://pictures.example.com/hooks/replicate/another/2"});
        assert_eq!(heard(&row, false, 2, &foreign), Heard::NotOurs);
        assert_eq!(heard(&row, false, 1, &foreign), Heard::NotOurs, "not even a stray");
        assert_eq!(heard(&row, false, 2, &json!({"id": "p", "input": {"prompt": "a lighthouse", "seed": 8}})), Heard::NotOurs);
        let silent = json!({"id": "p", "input": {"seed": 7, "prompt": "a lighthouse"}});
        assert_eq!(heard(&row, false, 2, &silent), Heard::Adopted, "without a mark, the input is one");
    }
}
