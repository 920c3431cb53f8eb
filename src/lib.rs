//! The core of `mcp-tasks`: it decides, the host moves messages and bytes.

pub mod task;
pub mod wire;
pub mod requestor;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod bindings;
