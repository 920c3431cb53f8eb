//! The half of the core that runs tasks, as wasm. Its inputs are functions that take the number of a receiver, its
//! outputs go to a host object, one typed call each; no logic here, and no borrow is held while the host runs.
#![no_main]

mod common;
mod entropy;
mod held;
mod operator;
mod receiver;
mod receiver_host;
mod receiver_options;
mod writer;
