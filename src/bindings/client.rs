//! The half of the core that follows tasks, as wasm; like `server.rs`.
#![no_main]

mod common;
mod held;
mod requestor;
mod words;
mod writer;
