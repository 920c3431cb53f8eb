//! Scenarios and properties on the core. They run native and as wasm32.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
