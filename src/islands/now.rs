//! What runs and what has just ended, newest first; and the page's one voice for screen readers.

use super::card::card_view;
use super::cards::{Card, Cards};
use super::parcel::Parcel;
use super::part::{flag, words};
use super::store::{LiveStart, Store};
use crate::domain::{GenerationView, Phase, Timestamp};
use crate::text::live::LiveText;
use leptos::leptos_dom::helpers::{IntervalHandle, set_interval_with_handle};
use leptos::prelude::*;
use std::time::Duration;

/// How often seconds are counted.
const TICK: Duration = Duration::from_millis(100);

/// The cards.
#[island]
pub fn Now() -> impl IntoView {
    let Parcel { start, generations, usual, .. } = Parcel::open();
    let usual = StoredValue::new(usual);
    let text = start.text();
    let now = RwSignal::new(start.cursor);
    let mut first = Cards::default();
    for view in &generations {
        first.apply(view.clone(), Timestamp(i64::MIN));
    }
    let cards = RwSignal::new(first);
    let late = RwSignal::new(false);
    let said = RwSignal::new(String::new());
    wake(start.clone(), generations, Shown { cards, late, said, now });

    let shared = start;
    let each = move || cards.with(|cards| cards.list().to_vec());
    let card = move |first: Card| {
        let key = first.view.request_key.clone();
        let card = Memo::new(move |before: Option<&Card>| {
            let found = cards.with(|cards| cards.find(&key).cloned());
            found.or_else(|| before.cloned()).unwrap_or_else(|| first.clone())
        });
        card_view(card, now, usual, shared.clone())
    };
    view! {
        <section class="now" aria-labelledby="now-heading" hidden=flag(move || cards.with(|cards| cards.list().is_empty()))>
            <h2 id="now-heading">{text.now} <span class="count" data-testid="queue-count" hidden=flag(move || cards.with(Cards::running) == 0)>{words(move || cards.with(Cards::running).to_string())}</span></h2>
            {all_waiting(cards, text)}
            <p class="reconnecting" role="status" hidden=flag(move || !late.get())>{text.reconnecting}</p>
            <ul class="cards"><For each key=|card| card.view.request_key.clone() children=card /></ul>
        </section>
        <p class="sr-only" role="status" aria-live="polite" data-testid="said">{words(move || said.get())}</p>
    }
}

/// Stops everything at once that still waits, where it is more than one. What runs goes on. A script asks first, and lets
/// it be undone.
fn all_waiting(cards: RwSignal<Cards>, text: &'static LiveText) -> impl IntoView + use<> {
    let waiting = move || {
        let stoppable = |card: &&Card| card.can_stop() && card.view.is_queued();
        cards.with(|cards| cards.list().iter().filter(stoppable).map(|card| card.view.price.0).collect::<Vec<_>>())
    };
    view! {
        <form class="now-all" method="post" action="/generations/cancel?only=queued" data-cancel-waiting="" hidden=flag(move || waiting().len() < 2)>
            <span class="card-hint">{words(move || (text.cancel_returns)(waiting().iter().sum(), true))}</span>
            <button class="button">{words(move || (text.cancel_waiting)(i64::try_from(waiting().len()).unwrap_or_default()))}</button>
        </form>
    }
}

/// The signals that an island of cards shows.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The cards.
    pub cards: RwSignal<Cards>,
    /// Whether live updates are missing.
    pub late: RwSignal<bool>,
    /// The live region.
    pub said: RwSignal<String>,
    /// Server time, moving while something renders.
    pub now: RwSignal<Timestamp>,
}

/// Joins the page's store once the first render is done, and keeps the clock going while something renders.
pub fn wake(start: LiveStart, generations: Vec<GenerationView>, shown: Shown) {
    Effect::new(move |_| {
        let store = Store::open(&start);
        store.seed(&generations);
        let (cards, late, said) = (store.cards.clone(), store.late.clone(), store.said.clone());
        Effect::new(move |_| shown.cards.set(cards.get()));
        Effect::new(move |_| shown.late.set(late.get()));
        Effect::new(move |_| shown.said.set(said.get()));

        let renders = move || shown.cards.with(|cards| cards.list().iter().any(|card| card.view.phase == Phase::Rendering));
        let renders = Memo::new(move |_| renders());
        Effect::new(move |running: Option<Option<IntervalHandle>>| {
            if let Some(interval) = running.flatten() {
                interval.clear();
            }
            let store = store.clone();
            // Without a timer nothing counts; the states still come.
            renders.get().then(|| set_interval_with_handle(move || shown.now.set(store.now()), TICK).ok()).flatten()
        });
    });
}
