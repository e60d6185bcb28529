//! Sending what is due. Each message is leased, looked at, signed at the moment it is sent, and sent through the one way
//! out, which asks anew where its address leads.

use super::log;
use super::schedule::again_in_ms;
use super::secret::signers;
use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::clock::Clock;
use crate::server::db::{Db, Tx};
use crate::server::egress::{Egress, Error as Away};
use crate::server::replicate::WebhookEvent;
use crate::server::replicate::webhook::Secret;
use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a receiver has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Longer than sending takes: until then nobody else takes the message.
const LEASE_MS: i64 = 30_000;
/// Messages under way at once in this process, and of one person anywhere: who answers slowly keeps only themselves waiting.
const AT_ONCE: usize = 64;
const AT_ONCE_PER_PERSON: i64 = 4;
/// What is told before the end is worth nothing when it is so late.
const STALE_MS: i64 = 60_000;
/// Between two looks, and between two clearings of what was sent long ago.
const LOOK: Duration = Duration::from_millis(500);
const FORGET: Duration = Duration::from_hours(1);
/// How long a stop waits for what is under way.
const GRACE: Duration = Duration::from_secs(10);

/// How an event of a generation is told, as JSON; `None` when there is nothing to tell any more.
pub type Tell =
    Arc<dyn Fn(PersonId, GenerationId, WebhookEvent) -> BoxFuture<'static, Result<Option<String>, sqlx::Error>> + Send + Sync>;

/// What it takes to send. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    /// The rows.
    pub db: Db,
    /// The way out.
    pub egress: Egress,
    /// The time.
    pub clock: Clock,
    /// What is said.
    pub tell: Tell,
}

/// A message that this process has leased.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Message {
    id: String,
    owner_id: PersonId,
    generation_id: GenerationId,
    url: String,
    event: String,
    body: Option<String>,
    attempts: i64,
    last_at: Option<Timestamp>,
    trial_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// What is due, with its place in its owner's queue. What a generation has to tell before it goes first: a receiver hears of
/// an end last, and of nothing after it.
macro_rules! due_messages {
    () => {
        "select w.id, w.next_at, row_number() over (partition by w.owner_id order by w.next_at, w.id)
           + (select count(*) from webhook_out o where o.owner_id = w.owner_id and o.next_at is not null and o.leased_until > $1) as place
         from webhook_out w where w.next_at <= $1 and w.leased_until <= $1
           and (w.trial_at is not null or not exists (
             select 1 from webhook_out e where e.generation_id = w.generation_id and e.next_at is not null and e.trial_at is null
               and (e.created_at < w.created_at or (e.created_at = w.created_at and e.id < w.id))))"
    };
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The receiver answered with this status.
    Answered(u16),
    /// It did not, in a word. What exactly happened on the way is nothing for who chose the address.
    Away(&'static str),
    /// It is not worth trying again, in a word.
    Never(&'static str),
}

impl Sender {
    /// Sends until told to stop, then lets what is under way end.
    pub async fn run(self, stop: CancellationToken) {
        let (mut under_way, mut forget_at) = (JoinSet::new(), self.clock.now());
        while !stop.is_cancelled() {
            if let Err(error) = self.start_due(&mut under_way).await {
                tracing::error!(%error, "webhooks could not be looked at");
            }
            let now = self.clock.now();
            if now >= forget_at {
                forget_at = now.plus_ms(i64::try_from(FORGET.as_millis()).unwrap_or(i64::MAX));
                if let Err(error) = log::forget_old(&self.db, now).await {
                    tracing::warn!(%error, "old webhooks could not be cleared away");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
                // What is to be told of the same generation may go now.
                Some(_) = under_way.join_next() => {}
            }
            while under_way.try_join_next().is_some() {}
        }
        // What is cut off is sent again when its lease has run out.
        let _ = tokio::time::timeout(GRACE, async { while under_way.join_next().await.is_some() {} }).await;
    }

    /// Sends everything that is due now and waits for it. Returns how many. For tests: no waiting for what is due later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_due(&self) -> Result<usize, sqlx::Error> {
        let mut sent = 0;
        loop {
            let mut under_way = JoinSet::new();
            match self.start_due(&mut under_way).await? {
                0 => return Ok(sent),
                started => sent += started,
            }
            while under_way.join_next().await.is_some() {}
        }
    }

    async fn start_due(&self, under_way: &mut JoinSet<()>) -> Result<usize, sqlx::Error> {
        let free = i64::try_from(AT_ONCE.saturating_sub(under_way.len())).unwrap_or(0);
        let now = self.clock.now();
        // Most looks find nothing, and should not have to write to learn that.
        let due: Option<(String,)> =
            sqlx::query_as("select id from webhook_out where next_at <= $1 and leased_until <= $1 limit 1")
                .bind(now)
                .fetch_optional(self.db.pool())
                .await?;
        if free == 0 || due.is_none() {
            return Ok(0);
        }
        let leased = self.lease(free, now).await?;
        let started = leased.len();
        for message in leased {
            let sender = self.clone();
            under_way.spawn(async move {
                if let Err(error) = sender.deliver(&message).await {
                    // Its lease runs out, and it is sent again.
                    tracing::error!(message = message.id, %error, "what came of a webhook could not be written down");
                }
            });
        }
        Ok(started)
    }

    /// Takes what is due, of each person only so many.
    async fn lease(&self, most: i64, now: Timestamp) -> Result<Vec<Message>, sqlx::Error> {
        let mut tx = self.db.begin().await?;
        let leased = sqlx::query_as(self.db.either(
            concat!(
                "update webhook_out set leased_until = $2, attempts = attempts + 1
                 where next_at <= $1 and leased_until <= $1 and id in (
                   select id from (",
                due_messages!(),
                ") as due where place <= $3 order by next_at limit $4)
                 returning id, owner_id, generation_id, url, event, body, attempts, last_at, trial_at, created_at"
            ),
            concat!(
                "update webhook_out set leased_until = $2, attempts = attempts + 1
                 where next_at <= $1 and leased_until <= $1 and id in (
                   select id from webhook_out where next_at <= $1 and leased_until <= $1 and id in (
                     select id from (",
                due_messages!(),
                ") as due where place <= $3)
                   order by next_at limit $4 for update skip locked)
                 returning id, owner_id, generation_id, url, event, body, attempts, last_at, trial_at, created_at"
            ),
        ))
        .bind(now)
        .bind(now.plus_ms(LEASE_MS))
        .bind(AT_ONCE_PER_PERSON)
        .bind(most)
        .fetch_all(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(leased)
    }

    async fn deliver(&self, message: &Message) -> Result<(), sqlx::Error> {
        let began = Instant::now();
        let outcome = self.send(message).await?;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if settle(&mut tx, message, outcome, took_ms, now).await? {
            tx.commit().await?;
        }
        Ok(())
    }

    async fn send(&self, message: &Message) -> Result<Outcome, sqlx::Error> {
        let now = self.clock.now();
        // What somebody asks for once more, or tries, is not.
        let unasked = message.last_at.is_none() && message.trial_at.is_none();
        if unasked && message.event != WebhookEvent::Completed.as_str() && now.since(message.created_at) > STALE_MS {
            return Ok(Outcome::Never("stale"));
        }
        let Some(body) = self.body(message).await? else { return Ok(Outcome::Never("nothing to tell")) };
        let headers = headers(&signers(&self.db, &message.owner_id, now).await?, &message.id, now, body.as_bytes());
        Ok(match self.egress.post(&message.url, headers, Bytes::from(body), ANSWER_WITHIN).await {
            Ok(status) => Outcome::Answered(status.as_u16()),
            Err(error) => {
                tracing::info!(message = message.id, %error, "a webhook was not delivered");
                match error {
                    Away::Closed(_) => Outcome::Never("address"),
                    Away::TooSlow(_) => Outcome::Away("slow"),
                    Away::Redirected(status) | Away::Refused(status) => Outcome::Answered(status),
                    Away::Unreachable(_) | Away::Broken(_) | Away::Setup(_) => Outcome::Away("unreachable"),
                }
            }
        })
    }

    /// What it says: found out once, and the same bytes ever after.
    async fn body(&self, message: &Message) -> Result<Option<String>, sqlx::Error> {
        if message.body.is_some() {
            return Ok(message.body.clone());
        }
        let Some(event) = WebhookEvent::parse(&message.event) else { return Ok(None) };
        let told = (self.tell)(message.owner_id.clone(), message.generation_id.clone(), event).await?;
        let Some(body) = told else { return Ok(None) };
        let mut tx = self.db.begin().await?;
        sqlx::query("update webhook_out set body = $2 where id = $1 and body is null")
            .bind(message.id.clone())
            .bind(body.clone())
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
        Ok(Some(body))
    }
}

/// The headers of Standard Webhooks, with one signature for each secret.
fn headers(secrets: &[Secret], id: &str, now: Timestamp, body: &[u8]) -> HeaderMap {
    let timestamp = now.0.div_euclid(1_000);
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &timestamp.to_string()), ("webhook-signature", &signatures.join(" "))]
    {
        // Letters, digits and base64: always a header.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Writes down what came of a try, unless the message has been taken by somebody else since. `false` then.
async fn settle(tx: &mut Tx, message: &Message, outcome: Outcome, took_ms: i64, now: Timestamp) -> Result<bool, sqlx::Error> {
    let event = WebhookEvent::parse(&message.event).unwrap_or(WebhookEvent::Completed);
    let delivered = matches!(outcome, Outcome::Answered(200..=299));
    let gone = outcome == Outcome::Answered(410);
    let next = match outcome {
        _ if delivered || gone => None,
        Outcome::Never(_) => None,
        _ if message.trial_at.is_some() => None,
        Outcome::Answered(_) | Outcome::Away(_) => {
            again_in_ms(event, message.attempts, rand::random()).map(|wait| now.plus_ms(wait))
        }
    };
    let given_up = (!delivered && next.is_none()).then_some(now);
    let (status, word) = match outcome {
        Outcome::Answered(status) => (Some(i64::from(status)), None),
        Outcome::Away(word) | Outcome::Never(word) => (None, Some(word.to_owned())),
    };
    let written = sqlx::query(
        "update webhook_out set leased_until = 0, next_at = $3, last_at = $4, last_status = $5, last_error = $6,
                delivered_at = coalesce($7, delivered_at), disabled_at = $8, took_ms = $9
         where id = $1 and attempts = $2 and leased_until > 0",
    )
    .bind(message.id.clone())
    .bind(message.attempts)
    .bind(next)
    .bind(now)
    .bind(status)
    .bind(word)
    .bind(delivered.then_some(now))
    .bind(given_up)
    .bind(took_ms)
    .execute(tx.connection())
    .await?;
    if written.rows_affected() == 0 {
        return Ok(false);
    }
    let tried_for_a_day = given_up.is_some() && event == WebhookEvent::Completed && message.attempts > 1;
    if gone {
        turn_off(tx, message, "gone", now).await?;
    } else if tried_for_a_day && !has_answered_since(tx, message).await? {
        turn_off(tx, message, "failing", now).await?;
    }
    Ok(true)
}

/// Whether anything was delivered to this address since the message was made.
async fn has_answered_since(tx: &mut Tx, message: &Message) -> Result<bool, sqlx::Error> {
    let found: Option<(String,)> =
        sqlx::query_as("select id from webhook_out where owner_id = $1 and url = $2 and delivered_at >= $3 limit 1")
            .bind(&message.owner_id)
            .bind(message.url.clone())
            .bind(message.created_at)
            .fetch_optional(tx.connection())
            .await?;
    Ok(found.is_some())
}

/// Nothing more is sent to this address of this person, neither what waits nor what is to come.
async fn turn_off(tx: &mut Tx, message: &Message, reason: &'static str, now: Timestamp) -> Result<(), sqlx::Error> {
    tracing::warn!(owner = %message.owner_id, reason, "an address for webhooks is not asked any more");
    sqlx::query(
        "insert into webhook_off (owner_id, url, reason, off_at) values ($1, $2, $3, $4) on conflict (owner_id, url) do nothing",
    )
    .bind(&message.owner_id)
    .bind(message.url.clone())
    .bind(reason)
    .bind(now)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "update webhook_out set next_at = null, disabled_at = $3
         where owner_id = $1 and url = $2 and next_at is not null and leased_until <= $3",
    )
    .bind(&message.owner_id)
    .bind(message.url.clone())
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::webhook::{self, Message as Arrived};
    use serde_json::Value;

    #[test]
    fn se_25_what_is_signed_here_is_what_the_recorded_vectors_say() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures/webhooks/vectors.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: there is no {}", path.display());
            return;
        };
        let vectors: Value = serde_json::from_str(&text).expect("JSON");
        let mut signed = 0;
        for vector in vectors["vectors"].as_array().expect("a list").iter().filter(|vector| vector["expect"] == "valid") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let told = &vector["headers"];
            let secret: Secret = text(&vector["secret"]).parse().expect("a secret");
            let seconds: i64 = text(&told["webhook-timestamp"]).parse().expect("seconds");
            let ours = headers(
                &[secret],
                &text(&told["webhook-id"]),
                Timestamp(seconds * 1_000 + 999),
                text(&vector["body"]).as_bytes(),
            );
            let signature = ours["webhook-signature"].to_str().expect("text");
            assert!(text(&told["webhook-signature"]).split(' ').any(|theirs| theirs == signature), "{}", vector["name"]);
            signed += 1;
        }
        assert!(signed > 0);
    }

    #[test]
    fn while_a_secret_is_changed_each_of_the_two_proves_the_message() {
        let [old, new]: [Secret; 2] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
            .map(|text| text.parse().expect("a secret"));
        let now = Timestamp(1_700_000_000_000);
        let headers = headers(&[new.clone(), old.clone()], "msg_1", now, b"{}");
        let text = |name: &str| headers[name].to_str().expect("text");
        let message = Arrived {
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp"),
            signature: text("webhook-signature"),
            body: b"{}",
        };
        for secret in [old, new] {
            assert_eq!(webhook::verify(&[secret], &message, now), Ok(()));
        }
    }
}
