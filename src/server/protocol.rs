//! Replicate's protocol as a server speaks it: the words of its errors, and what the headers of a create say.

pub mod moment;
pub mod prefer;
pub mod problem;

pub use problem::Problem;
