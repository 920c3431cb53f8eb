//! What both halves tell JavaScript.

use wasm_bindgen::prelude::*;

/// The codes are declared in Rust alone, and the declarations of the glue name them; see `docs/decisions/boundary.md`.
#[wasm_bindgen(typescript_custom_section)]
const CODES: &str = r#"import type * as codes from "../../core/codes.ts";"#;

/// Smaller than the allocator that Rust brings for wasm (figures in docs/decisions/crates-without-a-job.md).
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
