//! Ids of writes, so that one whose answer was lost is recognised.

#[derive(Debug, Default)]
pub(super) struct WriteIds {
    /// The last one that was given; 0 where nothing tells this receiver from others.
    last: u64,
}

impl WriteIds {
    /// `random` must differ between receivers on one store.
    pub fn new(random: u64) -> Self {
        Self { last: random }
    }

    /// The id of the next write; 0 for none.
    pub fn next(&mut self) -> u64 {
        if self.last != 0 {
            self.last = self.last.wrapping_add(1).max(1);
        }
        self.last
    }
}
