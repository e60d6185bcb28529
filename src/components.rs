//! Pieces that pages share. They hold no state and need no script.

pub mod icon;
mod prompt_box;

pub use icon::Icon;
pub use prompt_box::PromptBox;
