//! What all islands of a page read: the cards, the balance, and whether the stream is late.
//!
//! One per page, made by the first island that wakes. It exists in the browser only: call [`Store::open`] in effects and
//! event handlers, never while rendering.

use super::browser;
use super::card::said_of_part;
use super::cards::{Card, Cards, Stage};
use super::wire;
use crate::domain::{BalanceView, GenerationView, Lang, LiveState, Phase, RequestKey, Timestamp};
use crate::text::live::{self, LiveText};
use leptos::prelude::*;
use serde::Serialize;
use std::cell::OnceCell;
use wasm_bindgen::prelude::Closure;

/// What an island needs to follow the stream; the same for all islands of a page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveStart {
    /// Opaque and different for everybody, so that tabs of different people share nothing. It names a lock and a channel
    /// of the browser and is no secret.
    pub session: String,
    /// Server time when the page's data was read.
    pub cursor: Timestamp,
    /// The language of the page.
    pub lang: Lang,
}

impl LiveStart {
    /// The words of the page's language.
    pub fn text(&self) -> &'static LiveText {
        live::of(self.lang)
    }
}

/// Why the server took no press.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refused {
    /// HTTP status; 0 when a file did not arrive, and its slot says why.
    pub status: u16,
    /// The answer, JSON by contract.
    pub body: String,
}

/// The shared state of a page's islands. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    start: LiveStart,
    /// Server time minus this machine's, in milliseconds.
    clock_offset: f64,
    /// The generations on this page.
    pub cards: ArcRwSignal<Cards>,
    /// The balance, once the stream has said anything about it.
    pub balance: ArcRwSignal<Option<BalanceView>>,
    /// Whether live updates have been missing for a while.
    pub late: ArcRwSignal<bool>,
    /// What the live region says.
    pub said: ArcRwSignal<String>,
    /// The last press that was refused.
    pub refused: ArcRwSignal<Option<Refused>>,
    /// Presses on their way.
    pub pending: ArcRwSignal<usize>,
}

thread_local! {
    static STORE: OnceCell<Store> = const { OnceCell::new() };
}

impl Store {
    /// The page's store; the first call makes it and follows the stream.
    pub fn open(start: &LiveStart) -> Self {
        STORE.with(|store| {
            store
                .get_or_init(|| {
                    let store = Self::new(start.clone());
                    store.follow();
                    store
                })
                .clone()
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
    fn new(start: LiveStart) -> Self {
        Self {
            clock_offset: browser::clock_offset(start.cursor.0 as f64),
            start,
            cards: ArcRwSignal::default(),
            balance: ArcRwSignal::default(),
            late: ArcRwSignal::default(),
            said: ArcRwSignal::default(),
            refused: ArcRwSignal::default(),
            pending: ArcRwSignal::default(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
    fn follow(&self) {
        let store = self.clone();
        let on_state = Closure::new(move |data: String| match wire::read(&data) {
            Some(LiveState::Generation(view)) => store.hear(*view),
            Some(LiveState::Balance(balance)) => store.hear_balance(balance),
            Some(LiveState::Queue(waiting)) => store.cards.update(|cards| cards.wait(&waiting)),
            // A page older than the server: its next load will understand.
            None => browser::warn("a state this page does not understand"),
        });
        let late = self.late.clone();
        let on_late = Closure::new(move |is: bool| late.set(is));
        browser::follow(&self.start.session, self.start.cursor.0 as f64, &on_state, &on_late);
        // The stream lives as long as the page.
        on_state.forget();
        on_late.forget();
    }

    /// The words of the page's language.
    pub fn text(&self) -> &'static LiveText {
        self.start.text()
    }

    /// The server's time, as near as this machine can tell.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
    pub fn now(&self) -> Timestamp {
        Timestamp((browser::now() + self.clock_offset) as i64)
    }

    /// Takes over what the page was rendered with.
    pub fn seed(&self, views: &[GenerationView]) {
        // The time before all others: whatever the server put on the page belongs there.
        self.cards.update(|cards| {
            for view in views {
                cards.apply(view.clone(), Timestamp(i64::MIN));
            }
        });
        self.show_in_title(false);
    }

    /// A generation changed.
    pub fn hear(&self, view: GenerationView) {
        let mut ended = false;
        let mut words = None;
        self.cards.update(|cards| {
            if let Some(card) = cards.apply(view, self.start.cursor) {
                ended = card.view.phase.is_terminal();
                words = Some(self.words(card));
            }
        });
        if let Some(words) = words {
            self.said.set(words);
        }
        self.show_in_title(ended);
    }

    fn hear_balance(&self, balance: BalanceView) {
        if self.balance.with_untracked(|shown| shown.is_none_or(|shown| shown.version < balance.version)) {
            self.balance.set(Some(balance));
        }
    }

    fn words(&self, card: &Card) -> String {
        let (text, view) = (self.text(), &card.view);
        let returned = view.returned().0;
        match view.phase {
            Phase::Succeeded => {
                let ready = (text.said_ready)(i64::try_from(view.outputs.len()).unwrap_or_default(), card.tenths(self.now()));
                said_of_part(card, text).map_or(ready.clone(), |part| format!("{ready}. {part}"))
            }
            Phase::Failed(_) => (text.said_failed)(returned),
            Phase::Canceled => (text.said_canceled)(returned),
            _ => text.said_started.to_owned(),
        }
    }

    /// Shows a press at once.
    pub fn press(&self, card: Card) {
        self.cards.update(|cards| cards.press(card));
    }

    /// Changes the browser's part of a card.
    pub fn set_stage(&self, key: &RequestKey, stage: Stage) {
        self.cards.update(|cards| cards.set_stage(key, stage));
    }

    /// Takes presses back that the server does not know.
    pub fn take_back(&self, keys: &[RequestKey]) {
        self.cards.update(|cards| keys.iter().for_each(|key| cards.take_back(key)));
    }

    /// Takes back a press that the server refused, and says why.
    pub fn refuse(&self, keys: &[RequestKey], refused: Refused) {
        self.take_back(keys);
        self.refused.set(Some(refused));
    }

    fn show_in_title(&self, ended: bool) {
        let running = self.cards.with_untracked(Cards::running);
        browser::show_in_title(i32::try_from(running).unwrap_or_default(), ended);
    }
}
