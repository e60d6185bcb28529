//! What happened to a generation, line by line: for the operator, and for whoever wants to hear of its end.

use crate::domain::{GenerationId, State, Timestamp};
use crate::server::db::{Tx, mint, with_rows};
use crate::server::outbox::{self, Message};
use crate::server::replicate::WebhookEvent;
use serde_json::json;

/// A line of a generation's timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub id: &'a GenerationId,
    pub at: Timestamp,
    pub epoch: i64,
    pub from: Option<State>,
    pub to: State,
    pub detail: Option<&'a str>,
}

/// Writes one line of a generation's timeline; of its end, whoever wants to hear is told.
pub(super) fn note(
    tx: &mut Tx,
    id: &GenerationId,
    now: Timestamp,
    epoch: i64,
    from: Option<State>,
    to: State,
    detail: Option<&str>,
) {
    note_all(tx, &[Event { id, at: now, epoch, from, to, detail }]);
}

/// The same for many lines.
pub(super) fn note_all(tx: &mut Tx, events: &[Event<'_>]) {
    let rows: Vec<_> = events
        .iter()
        .map(|Event { id, at, epoch, from, to, detail }| {
            let from = from.map(State::as_str);
            json!({"id": mint(), "generation_id": id, "at": at, "epoch": epoch, "from_state": from, "to_state": to.as_str(),
                   "detail": detail})
        })
        .collect();
    let text = with_rows!(
        tx,
        "insert into generation_event (id, generation_id, at, epoch, from_state, to_state, detail)
         select id, generation_id, at, epoch, from_state, to_state, detail from ",
        (id text, generation_id text, at bigint, epoch bigint, from_state text, to_state text, detail text),
        ""
    );
    tx.defer(text, rows);
    let ends = events.iter().filter(|event| event.to.is_terminal());
    let ends: Vec<_> = ends.map(|event| Message { generation: event.id, event: WebhookEvent::Completed, at: event.at }).collect();
    outbox::post_all(tx, &ends);
}
