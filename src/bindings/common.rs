//! What both halves tell JavaScript.

use mcp_longhaul::wire::{Generation, Name};
use wasm_bindgen::prelude::*;

/// The codes are declared in Rust alone, and the declarations of the glue name them; see `docs/decisions/boundary.md`.
#[wasm_bindgen(typescript_custom_section)]
const CODES: &str = r#"import type * as codes from "../../core/codes.ts";"#;

/// All names that the core writes, by number, each ended by a line feed.
#[wasm_bindgen]
pub fn names() -> String {
    Name::LINES.to_owned()
}

/// The number of the generation that a protocol version speaks; 0 where it knows no tasks.
#[wasm_bindgen]
pub fn generation(version: &str) -> u8 {
    Generation::of_version(version).map_or(0, |generation| generation as u8)
}

/// Smaller than the allocator that Rust brings for wasm (figures in docs/decisions/crates-without-a-job.md).
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
