//! What a page hands to its islands: one parcel, written into the page as JSON and opened by the browser half.
//!
//! Islands take no properties: Leptos would read each one's with serde, and write them again on waking, at the price that
//! [`wire`](super::wire) tells of; and what all of them share would stand in the page once for each.

use super::browser;
use super::composer::ModelChoice;
use super::store::LiveStart;
use super::wire;
use crate::domain::{BalanceView, GenerationView, ModelName};
use leptos::prelude::*;
use serde::Serialize;

/// Everything the islands of one page begin with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parcel {
    /// The stream of the page.
    pub start: LiveStart,
    /// What the person has.
    pub balance: BalanceView,
    /// The form, where there is one.
    pub composer: Option<ComposerStart>,
    /// What is unfinished, and what ended so lately that it belongs beside it, newest first.
    pub generations: Vec<GenerationView>,
    /// How long models usually take here; of those that have made little, nothing.
    pub usual: Vec<UsualTime>,
    /// What the copy button copies.
    pub copy: String,
}

/// How long a model usually takes, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsualTime {
    /// Which model.
    pub model: ModelName,
    /// In the person's language.
    pub says: String,
}

/// What the composer begins with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComposerStart {
    /// The catalogue; the first is chosen when the form names none of it.
    pub models: Vec<ModelChoice>,
    /// The inside of the form, HTML of ours, with what stands in its fields. The browser finds it in the page.
    #[serde(skip)]
    pub inside: String,
}

impl Parcel {
    /// A parcel for a page whose only island is the balance.
    pub const fn new(start: LiveStart, balance: BalanceView) -> Self {
        Self { start, balance, composer: None, generations: Vec::new(), usual: Vec::new(), copy: String::new() }
    }

    /// The page's parcel: on the server what [`Handed`] was given, in the browser what it wrote.
    ///
    /// # Panics
    /// In a page without one: an island was shown outside of [`Handed`].
    pub fn open() -> Self {
        use_context().unwrap_or_else(|| wire::read(&browser::parcel()).expect("a page with islands carries their parcel"))
    }

    /// As JSON that cannot end the `<script>` it stands in.
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

/// Hands a parcel to the islands that are rendered after it.
#[component]
pub fn Handed(
    /// The parcel.
    parcel: Parcel,
) -> impl IntoView {
    let written = parcel.written();
    provide_context(parcel);
    view! { <script type="application/json" id="parcel" inner_html=written></script> }
}
