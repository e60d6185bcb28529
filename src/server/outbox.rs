//! Webhooks to the addresses that people name with a request.
//!
//! What is to be told is written down in the very transaction that changes the generation, so that nothing is told that
//! did not happen and nothing that happened goes untold. It is sent afterwards, by whichever worker takes it first: a
//! message under way is leased, so that many nodes send it once; and it may arrive twice all the same, when a node dies
//! between sending it and writing that down. Its id stays the same, by which a receiver knows it again. The messages
//! of one generation go out one after the other, its end last.
//!
//! The end of a generation is told again and again for a day; what comes before that, once. An address that answers 410,
//! or that failed for that whole day without a single success, is not asked any more.
//!
//! | module | what it is for |
//! |---|---|
//! | [`log`](mod@log) | what was sent, for its owner; and sending it again |
//! | `schedule` | when the next try is due |
//! | [`secret`](mod@secret) | what messages are signed with |
//! | [`sender`] | sending what is due |

pub mod log;
mod schedule;
pub mod secret;
pub mod sender;

pub use self::secret::secret;
pub use self::sender::{Sender, Tell};

use super::db::{Tx, mint, with_rows};
use super::replicate::WebhookEvent;
use crate::domain::{GenerationId, PersonId, Timestamp};
use serde_json::json;

/// Output and logs are told no more often than this, as Replicate does.
const PACE_MS: i64 = 500;

/// Something to be told of a generation.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Of which.
    pub generation: &'a GenerationId,
    /// What.
    pub event: WebhookEvent,
    /// When it happened.
    pub at: Timestamp,
}

/// Writes down that something is to be told of a generation, if anybody wants to hear of it. What still waits to be told
/// will tell of this as well: a message is written when it is sent.
pub fn post(tx: &mut Tx, generation: &GenerationId, event: WebhookEvent, now: Timestamp) {
    post_all(tx, &[Message { generation, event, at: now }]);
}

/// The same for many at once.
pub fn post_all(tx: &mut Tx, messages: &[Message<'_>]) {
    let rows: Vec<_> = messages
        .iter()
        .map(|Message { generation, event, at }| {
            let paced = i64::from(matches!(event, WebhookEvent::Output | WebhookEvent::Logs));
            json!({"id": message_id(), "generation": generation, "event": event.as_str(),
                   "paced": paced, "since": at.plus_ms(-PACE_MS), "at": at})
        })
        .collect();
    let text = with_rows!(
        tx,
        "insert into webhook_out (id, owner_id, generation_id, url, event, next_at, created_at)
         select v.id, g.owner_id, g.id, g.webhook, v.event, v.at, v.at from ",
        (id text, generation text, event text, paced bigint, since bigint, at bigint),
        r#"join generation g on g.id = v.generation
         where g.webhook is not null
           and coalesce(g.webhook_events, '["output","completed"]') like ('%"' || v.event || '"%')
           and not exists (select 1 from webhook_off o where o.owner_id = g.owner_id and o.url = g.webhook)
           and (v.paced = 0 or not exists (
             select 1 from webhook_out w where w.generation_id = g.id and w.event = v.event and w.trial_at is null
               and (w.created_at > v.since or (w.next_at is not null and w.body is null))))"#
    );
    tx.defer(text, rows);
}

/// Forgets every address and message of somebody who has left.
pub(super) async fn forget(tx: &mut Tx, owner: &PersonId) -> Result<(), sqlx::Error> {
    for statement in [
        "delete from webhook_out where owner_id = $1",
        "delete from webhook_off where owner_id = $1",
        "delete from webhook_secret where owner_id = $1",
    ] {
        sqlx::query(statement).bind(owner).execute(tx.connection()).await?;
    }
    Ok(())
}

/// The id of a new message; it sorts after those made before.
fn message_id() -> String {
    format!("msg_{}", mint().replace('-', ""))
}

/// The events of a filter as [`post`] reads them; `None` for none of its own.
pub fn stored(events: &[WebhookEvent]) -> Option<String> {
    (!events.is_empty()).then(|| json!(events).to_string())
}
