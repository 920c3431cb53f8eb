//! The wasm-bindgen surface: no logic. Each half of the core is a class whose inputs are methods and whose outputs go to
//! a host object, one typed call each. No borrow is held while the host runs.

mod entropy;
mod receiver;
mod requestor;
mod writer;

use wasm_bindgen::prelude::*;

use crate::wire::{Generation, Name};

/// All names that the core writes, by number, separated by line feeds.
#[wasm_bindgen]
pub fn names() -> String {
    Name::ALL.join("\n")
}

/// The number of the generation that a protocol version speaks; 0 where it knows no tasks.
#[wasm_bindgen]
pub fn generation(version: &str) -> u8 {
    Generation::of_version(version).map_or(0, |generation| generation as u8)
}
