//! What lives in the browser: the composer, the cards of what runs, the balance, the viewer of a running generation.
//!
//! Each island is also rendered on the server, from the [`Parcel`] of its page, so a page is complete without JavaScript: forms are
//! real forms and links are links. The islands only save the waiting. They share one [`store`], which hears one event
//! stream per browser. The first render must equal the server's: whatever the browser alone knows (its clock, newer
//! states) enters in effects, which run after it.
//!
//! To add an island: a file here, and what it begins with in the [`Parcel`]; text for it goes to `text::live`.

mod balance;
mod browser;
mod card;
mod cards;
mod composer;
mod copy;
mod icon;
mod now;
mod parcel;
mod part;
mod press;
mod running;
mod store;
mod wire;

pub use balance::Balance;
pub use composer::{Choice, Composer, ModelChoice};
pub use copy::CopyButton;
pub use now::Now;
pub use parcel::{ComposerStart, Handed, Parcel, UsualTime};
pub use running::RunningGeneration;
pub use store::LiveStart;

/// Prepares the page before its islands wake: a panic ends them all, so the page must say so.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        browser::dead();
        browser::error(&panic.to_string());
    }));
}
