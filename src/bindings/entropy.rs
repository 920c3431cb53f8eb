//! Randomness from the platform, fetched in batches: one call for many task ids, none at import.

use std::cell::RefCell;

const BATCH: usize = 1024;

#[derive(Default)]
pub struct Entropy {
    pool: RefCell<Vec<u8>>,
}

impl Entropy {
    /// Fresh random bytes. A byte is given out once.
    pub fn take<const N: usize>(&self) -> [u8; N] {
        let mut pool = self.pool.borrow_mut();
        if pool.len() < N {
            pool.resize(BATCH.max(N), 0);
            if getrandom::fill(&mut pool).is_err() {
                // A task id must never be guessable: without randomness nothing goes on.
                wasm_bindgen::throw_str("mcp-tasks: this platform has no secure random numbers (crypto.getRandomValues)");
            }
        }
        let mut bytes = [0; N];
        let rest = pool.len() - N;
        for (byte, random) in bytes.iter_mut().zip(pool.drain(rest..)) {
            *byte = random;
        }
        bytes
    }
}
