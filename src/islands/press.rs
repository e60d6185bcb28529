//! What goes from an island to the server: a press of Generate, and presses of Cancel. All post the real form.
//!
//! A press is sent under one key as often as needed; the server makes it one generation. Money is never guessed: what is
//! available changes only when the server says so.

use super::browser::{self, Answer};
use super::cards::Stage;
use super::store::{Refused, Store};
use super::wire;
use crate::domain::{GenerationView, RequestKey};
use leptos::prelude::*;

/// Sends a press and shows what became of it. It asks for one generation under each of these keys; the answer tells of the
/// first, and the stream of all.
pub async fn send(store: Store, keys: &[RequestKey], body: String) {
    store.pending.update(|pending| *pending += 1);
    let answer = browser::post("/generate", &body).await;
    store.pending.update(|pending| *pending -= 1);
    match answer {
        Some(Answer { status: 200 | 201, body }) if hear(&store, &body) => {}
        Some(Answer { status: status @ 400..=499, body }) => {
            store.refuse(keys, Refused { status, body });
        }
        // No answer, or one that does not tell whether the press was recorded: only the same key is safe to send again. One
        // card stands for all until then.
        _ => {
            if let Some((key, others)) = keys.split_first() {
                store.take_back(others);
                store.set_stage(key, Stage::Unsent(body));
            }
        }
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

fn hear(store: &Store, body: &str) -> bool {
    wire::read::<GenerationView>(body).map(|view| store.hear(view)).is_some()
}
