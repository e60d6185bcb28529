//! What goes from an island to the server: a press of Generate, and presses of Cancel. All post the real form.
//!
//! A press is sent under one key as often as needed; the server makes it one generation. Money is never guessed: what is
//! available changes only when the server says so.

use super::browser::{self, Answer};
use super::cards::{Card, Stage};
use super::store::{Refused, Store};
use super::wire;
use crate::domain::{GenerationView, RequestKey};
use leptos::prelude::*;

/// Sends a press and shows what became of it.
pub async fn send(store: Store, key: RequestKey, body: String) {
    store.pending.update(|pending| *pending += 1);
    let answer = browser::post("/generate", &body).await;
    store.pending.update(|pending| *pending -= 1);
    match answer {
        Some(Answer { status: 200 | 201, body }) if hear(&store, &body) => {}
        Some(Answer { status: status @ 400..=499, body }) => {
            let refused = wire::read(&body).unwrap_or_default();
            store.refuse(&key, Refused { status, ..refused });
        }
        // No answer, or one that does not tell whether the press was recorded: only the same key is safe to send again.
        _ => store.set_stage(&key, Stage::Unsent(body)),
    }
}

/// Asks the server to stop a generation.
pub async fn stop(store: Store, key: RequestKey, action: String) {
    store.set_stage(&key, Stage::Stopping);
    let answer = browser::post(&action, "").await;
    if !answer.is_some_and(|answer| answer.status == 200 && hear(&store, &answer.body)) {
        store.set_stage(&key, Stage::Known);
    }
}

/// Asks the server to stop everything that can still be stopped; the stream tells what became of each.
pub async fn stop_all(store: Store) {
    let stoppable = |card: &&Card| card.can_stop();
    let keys: Vec<_> = store
        .cards
        .with_untracked(|cards| cards.list().iter().filter(stoppable).map(|card| card.view.request_key.clone()).collect());
    for key in &keys {
        store.set_stage(key, Stage::Stopping);
    }
    if browser::post("/generations/cancel", "").await.is_none_or(|answer| answer.status != 200) {
        for key in &keys {
            store.set_stage(key, Stage::Known);
        }
    }
}

fn hear(store: &Store, body: &str) -> bool {
    wire::read::<GenerationView>(body).map(|view| store.hear(view)).is_some()
}
