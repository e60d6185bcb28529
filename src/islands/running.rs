//! One generation while it runs, on its own page; when it has ended the page is loaded again, whole.

use super::browser;
use super::card::{cancel, elapsed, headline, pace, progress};
use super::cards::{Card, Cards};
use super::now::{Shown, wake};
use super::parcel::{Parcel, UsualTime};
use super::part::{flag, part, value, words};
use super::store::LiveStart;
use crate::domain::{GenerationView, Timestamp};
use leptos::prelude::*;

/// The state of an unfinished generation. Pages of finished ones have no need of it.
#[island]
pub fn RunningGeneration() -> impl IntoView {
    let Parcel { start, generations, usual, .. } = Parcel::open();
    // Only the page of a generation that runs has this island.
    generations.into_iter().next().map(|generation| running(generation, usual, start))
}

fn running(generation: GenerationView, usual: Vec<UsualTime>, start: LiveStart) -> impl IntoView {
    let text = start.text();
    let key = generation.request_key.clone();
    let aspect = generation.aspect.as_str();
    let mut first = Cards::default();
    first.apply(generation.clone(), Timestamp(i64::MIN));
    let shown = Shown {
        cards: RwSignal::new(first),
        late: RwSignal::new(false),
        said: RwSignal::new(String::new()),
        now: RwSignal::new(start.cursor),
    };
    let initial = Card::known(generation.clone());
    let card = Memo::new(move |_| shown.cards.with(|cards| cards.find(&key).cloned()).unwrap_or_else(|| initial.clone()));
    wake(start.clone(), vec![generation], shown);
    Effect::new(move |_| {
        if card.with(|card| card.view.phase.is_terminal()) {
            browser::reload();
        }
    });
    view! {
        <div class="running" data-gen-id=card.with_untracked(|card| card.view.id.to_string()) data-state=value(move || Some(card.with(Card::state).to_owned()))
            data-aspect=aspect>
            <div class="card-head">
                <span class="card-dot"></span>
                <strong class="card-phase">{words(move || card.with(|card| headline(card, text)))}</strong>
                <span class="card-time">{words(move || card.with(|card| elapsed(card, shown.now, text)))}</span>
                {pace(card, StoredValue::new(usual), text)}
            </div>
            {progress(card)}
            <p class="reconnecting" role="status" hidden=flag(move || !shown.late.get())>{text.reconnecting}</p>
            <div class="card-foot">{part(move || card.with(|card| if card.can_stop() { cancel(card, text, &start).into_any() } else { ().into_any() }))}</div>
        </div>
        <p class="sr-only" role="status" aria-live="polite" data-testid="said">{words(move || shown.said.get())}</p>
    }
}
