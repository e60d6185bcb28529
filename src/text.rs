//! Every sentence a person reads, in English and Japanese.

pub mod live;
