//! Randomness from the platform, fetched in batches: one call for many task ids, none at import.

use wasm_bindgen::prelude::*;

const BATCH: usize = 1024;

#[wasm_bindgen]
extern "C" {
    /// Throws where the platform has no secure random numbers: a task id must never be guessable.
    #[wasm_bindgen(js_namespace = crypto, js_name = "getRandomValues")]
    fn fill(bytes: &mut [u8]);
}

#[derive(Default)]
pub struct Entropy {
    pool: Vec<u8>,
}

impl Entropy {
    /// Fresh random bytes. A byte is given out once.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.fill_with(|| self.next());
        bytes
    }

    fn next(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.pool.pop() {
                return byte;
            }
            self.pool.resize(BATCH, 0);
            fill(&mut self.pool);
        }
    }
}
