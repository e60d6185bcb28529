//! The form that asks for pictures, at the price that stands on its button.
//!
//! The form is a real one: the server drew it ([`ComposerStart::inside`]) and its fields are the browser's own, so that what
//! is typed before the island wakes, restored by the browser or filled in by an extension is what is sent. The island reads
//! the fields, says the price and sends the press; it never keeps a second copy of what is typed. Nothing typed is lost by a
//! refusal.

mod choice;

pub use choice::{Choice, ModelChoice};

use super::browser;
use super::cards::Card;
use super::parcel::{ComposerStart, Parcel};
use super::press;
use super::store::{LiveStart, Refused, Store};
use super::wire;
use crate::domain::{AspectRatio, Credits, RequestKey, variants};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::web_sys::HtmlFormElement;
use leptos::{html, task};

/// A second press of the same wish within this many milliseconds is the other half of a double click.
const DOUBLE_CLICK_MS: f64 = 700.0;

/// What is known of the form beside its fields.
#[derive(Clone, Copy)]
struct Form {
    node: NodeRef<html::Form>,
    models: StoredValue<Vec<ModelChoice>>,
    available: StoredValue<i64>,
    /// The last press: the browser's own time, and what it sent.
    pressed: StoredValue<(f64, String)>,
}

/// What the fields ask for.
struct Wish {
    choice: Choice,
    /// One generation each; the price is that of one.
    prompts: Vec<String>,
    price: Credits,
}

impl Form {
    fn element(self) -> Option<HtmlFormElement> {
        self.node.get_untracked()
    }

    fn wish(self, form: &HtmlFormElement) -> Wish {
        let typed = browser::field(form, "prompt").trim().to_owned();
        // Of too many prompts the server says so.
        let prompts = variants(&typed).unwrap_or_else(|| vec![typed]);
        self.models.with_value(|models| {
            let choice = Choice::read(models, |name| browser::field(form, name));
            Wish { price: choice.price(models), choice, prompts }
        })
    }

    /// Something was chosen or typed, or the browser restored it: says what it costs.
    fn show(self) {
        let Some(form) = self.element() else { return };
        let Wish { choice, prompts, price } = self.wish(&form);
        let count = choice.count.to_string();
        if browser::field(&form, "count") != count {
            browser::set_field(&form, "count", &count);
        }
        browser::show_price(&form, small(price.0), small(self.available.get_value()), prompts.len());
    }

    /// Sends what stands in the fields, once.
    fn press(self, store: &Store, at: f64) {
        let Some(form) = self.element() else { return };
        let fields = browser::fields(&form, "");
        let soon = |last: f64| at - last < DOUBLE_CLICK_MS || store.pending.get_untracked() > 0;
        if self.pressed.with_value(|(last, pressed)| *pressed == fields && soon(*last)) || !browser::ready(&form) {
            return;
        }
        self.pressed.set_value((at, fields));
        let key = RequestKey::trusted(browser::fresh_key());
        let aspect = AspectRatio::parse(&browser::field(&form, "aspect_ratio")).unwrap_or_default();
        let Wish { choice, prompts, price } = self.wish(&form);
        let keys: Vec<_> = (0..prompts.len()).map(|n| key.nth(n)).collect();
        for (key, prompt) in keys.iter().zip(prompts) {
            store.press(Card::pressed(key.clone(), prompt, aspect, choice.units, price, store.now()));
        }
        let store = store.clone();
        task::spawn_local(async move {
            if browser::uploaded(&form).await {
                let fields = browser::fields(&form, &key.to_string());
                // A yes is said to one press.
                browser::set_field(&form, "confirmed", "");
                press::send(store, &keys, fields).await;
            } else {
                store.refuse(&keys, Refused::default());
            }
        });
    }

    /// Shows why a press was refused, at the field where that is known, and believes the price that was named.
    fn refused(self, refused: &Refused) {
        let Some(form) = self.element() else { return };
        let price = wire::parse(&refused.body)
            .and_then(|said| if let wire::Value::Number(price) = said.field("price") { Some(*price) } else { None });
        if let Some(price) = price.filter(|_| refused.status == 409) {
            let Wish { choice, prompts, .. } = self.wish(&form);
            let units = choice.units * i64::from(small(prompts.len()));
            self.models.update_value(|models| {
                if let Some(model) = models.get_mut(choice.model) {
                    model.unit_price.0 = price / units.max(1);
                }
            });
            // Pressing again says yes to this price.
            browser::set_field(&form, "confirmed", &price.to_string());
            self.show();
        }
        if refused.status == 401 {
            // What is sent again after signing in is no second click, however quick that was.
            self.pressed.set_value((f64::NEG_INFINITY, String::new()));
        }
        browser::refused(&form, refused.status, &refused.body);
    }
}

/// As JavaScript takes it; no price comes near the end.
fn small(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// The composer.
#[island]
pub fn Composer() -> impl IntoView {
    let Parcel { start, balance, composer, .. } = Parcel::open();
    composer.map(|given| composer_view(given, start, balance.available().0))
}

fn composer_view(given: ComposerStart, start: LiveStart, available: i64) -> impl IntoView {
    let ComposerStart { models, inside } = given;
    let form = Form {
        node: NodeRef::new(),
        models: StoredValue::new(models),
        available: StoredValue::new(available),
        pressed: StoredValue::new((f64::NEG_INFINITY, String::new())),
    };
    let on_submit = {
        let start = start.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            form.press(&Store::open(&start), event.time_stamp());
        }
    };
    Effect::new(move |_| {
        let store = Store::open(&start);
        if let Some(node) = form.element() {
            browser::watch_form(&node);
        }
        form.show();
        let balance = store.balance.clone();
        Effect::new(move |_| {
            if let Some(balance) = balance.get() {
                form.available.set_value(balance.available().0);
                form.show();
            }
        });
        Effect::new(move |_| {
            if let Some(refused) = store.refused.get() {
                form.refused(&refused);
            }
        });
    });
    view! { <form class="composer" method="post" action="/generate" node_ref=form.node on:submit=on_submit on:input=move |_| form.show() inner_html=inside></form> }
}
