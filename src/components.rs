//! Pieces that pages share. They hold no state and need no script.

mod frame;
pub mod icon;
mod keyboard;
mod mark;
mod plain;
mod preferences;
mod prompt_box;
mod query;
#[cfg(test)]
pub mod samples;
pub mod thumb;
pub mod tile;
pub mod time;

pub use frame::{Frame, Place, Porch};
pub use icon::Icon;
pub use keyboard::Keyboard;
pub use mark::{Brand, Mark};
pub use plain::plain;
pub use preferences::{LanguageSwitch, ThemeSwitch};
pub use prompt_box::PromptBox;
pub use query::query_value;
pub use tile::{Days, PictureTile};
pub use time::Moment;
