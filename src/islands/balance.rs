//! What a person has: what can be spent, what is set aside, and both together. Only the server's word moves it.

use super::parcel::Parcel;
use super::part::words;
use super::store::Store;
use leptos::prelude::*;

/// The balance, with a link to its statement.
#[island]
pub fn Balance() -> impl IntoView {
    let Parcel { start, balance, .. } = Parcel::open();
    let text = start.text();
    let shown = RwSignal::new(balance);
    Effect::new(move |_| {
        let store = Store::open(&start);
        Effect::new(move |_| {
            if let Some(balance) = store.balance.get().filter(|heard| heard.version > shown.get_untracked().version) {
                shown.set(balance);
            }
        });
    });
    view! {
        <a class="balance" href="/credits">
            <span class="balance-available"><strong data-testid="available">{words(move || shown.get().available().to_string())}</strong> " " {text.available}</span>
            <span class="balance-rest">
                <span data-testid="on-hold">{words(move || shown.get().held.to_string())}</span> " " {text.on_hold} " · " {text.balance} " "
                <span data-testid="balance">{words(move || shown.get().posted.to_string())}</span>
            </span>
        </a>
    }
}
