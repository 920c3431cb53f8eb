//! The half of the core that follows tasks, as wasm; like `server.rs`.
#![no_main]

mod alloc;
mod common;
mod requestor;
mod writer;

#[global_allocator]
static ALLOCATOR: alloc::Lists = alloc::Lists::new();
