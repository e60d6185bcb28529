//! The moving parts of a view, boxed, so that all of a kind are one type.
//!
//! Leptos compiles its rendering code once for every type of view, and every closure is a type of its own: boxing them took
//! 170 of 607 kB off the WASM.

use leptos::prelude::*;

/// A text that changes.
pub fn words(of: impl FnMut() -> String + Send + 'static) -> Box<dyn FnMut() -> String + Send> {
    Box::new(of)
}

/// A part that changes, or comes and goes.
pub fn part(of: impl FnMut() -> AnyView + Send + 'static) -> Box<dyn FnMut() -> AnyView + Send> {
    Box::new(of)
}

/// An attribute that comes and goes.
pub fn flag(of: impl FnMut() -> bool + Send + 'static) -> Box<dyn FnMut() -> bool + Send> {
    Box::new(of)
}

/// An attribute whose value changes.
pub fn value(of: impl FnMut() -> Option<String> + Send + 'static) -> Box<dyn FnMut() -> Option<String> + Send> {
    Box::new(of)
}
