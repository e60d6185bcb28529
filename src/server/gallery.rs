//! The gallery of a person: what they kept, found, marked, put together and threw away.
//!
//! Every statement names the owner; there is no look-up by bare id. A view of the gallery is a
//! [`GalleryFilter`](crate::domain::GalleryFilter), and its order is always the same: newest first, by the moment of the press
//! and the id. What changes many is one statement over the same view, so that "all of them" means all, not all that are on the
//! screen.
//!
//! | module | what it is for |
//! |---|---|
//! | [`find`] | a page of a view, how many it has, the neighbours of one, the months there are |
//! | [`marks`] | favourites, the trash and back, collections: of some, or of all of a view |
//! | [`collections`] | making, naming and removing collections |
//! | [`words`] | prompts as searches compare them |
//! | [`archive`] | many originals as one ZIP, written as it is read |
//! | [`purge`] | what was in the trash for a month goes for ever |

pub mod archive;
pub mod collections;
pub mod find;
pub mod marks;
pub mod purge;
pub mod words;

pub use find::{Item, Neighbours, Page, list, neighbours};
pub use marks::{Act, Chosen, Marked, mark};
