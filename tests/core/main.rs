//! Scenarios and properties on the core. They run native and as wasm32: `cargo test`, and the same with
//! `--target wasm32-wasip1`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod bench;
mod chaos;
mod harness;
mod json;
mod model;

mod call;
mod cancel;
mod clocks;
mod codes;
mod creation;
mod cursor;
mod events;
mod expiry;
mod failure;
mod id;
mod input;
mod lease;
mod lifecycle;
mod limits;
mod listen;
mod methods;
mod operator;
mod outbox;
mod owners;
mod progress;
mod properties;
mod rate;
mod read;
mod requestor;
mod restart;
mod shutdown;
mod silent_store;
mod simulator;
mod state;
mod steps;
mod sweep;
mod unconfirmed;
mod unreadable;
mod watch;
mod wire;
