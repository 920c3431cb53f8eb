//! Randomness from the platform, fetched in batches: one call for many task ids, none at import.

const BATCH: usize = 1024;

/// Random bytes that are not given out yet.
#[derive(Default)]
pub struct Entropy {
    pool: Vec<u8>,
}

impl Entropy {
    /// Fresh random bytes. A byte is given out once. Throws where the platform has no secure random numbers: a task id
    /// must never be guessable.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        loop {
            if let Some((rest, &bytes)) = self.pool.split_last_chunk() {
                let left = rest.len();
                self.pool.truncate(left);
                return bytes;
            }
            self.pool.resize(BATCH, 0);
            if getrandom::fill(&mut self.pool).is_err() {
                wasm_bindgen::throw_str("This platform has no secure random numbers");
            }
        }
    }
}
