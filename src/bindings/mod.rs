//! The wasm-bindgen surface: no logic. Each half of the core is a class whose inputs are methods and whose outputs go to
//! a host object, one typed call each. No borrow is held while the host runs.

mod entropy;
mod receiver;
mod requestor;
mod writer;

use wasm_bindgen::prelude::*;

use crate::wire::{Generation, Method, Name};

/// All names that the core writes, by number, separated by line feeds.
#[wasm_bindgen]
pub fn names() -> String {
    Name::ALL.join("\n")
}

/// The number of a method about tasks; 0 for a name that is none.
#[wasm_bindgen]
pub fn method(name: &str) -> u8 {
    [Generation::G25, Generation::G26].into_iter().find_map(|generation| Method::named(generation, name)).map_or(0, |method| method as u8 + 1)
}

/// The number of the generation that a protocol version speaks; 0 where it knows no tasks.
#[wasm_bindgen]
pub fn generation(version: &str) -> u8 {
    Generation::of_version(version).map_or(0, |generation| generation as u8)
}
