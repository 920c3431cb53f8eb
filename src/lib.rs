//! The core of `mcp-tasks`: it decides, the host moves messages and bytes.

pub mod cursor;
pub mod deadline;
pub mod id;
pub mod lifecycle;
pub mod limit;
pub mod receiver;
pub mod requestor;
pub mod storage;
mod table;
pub mod task;
pub mod wire;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod bindings;
