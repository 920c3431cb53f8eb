//! What the receiver refuses to exceed (X-LIM-01, X-LIM-02, X-LIM-10).

/// The limits of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tasks that run at once for one owner.
    pub running_per_owner: u32,
    /// Tasks that run at once.
    pub running: u32,
    /// Code units of one stored outcome.
    pub outcome: u32,
    /// Input requests outstanding for one task.
    pub outstanding: u32,
    /// Input requests of one task in its whole life.
    pub issued: u32,
    /// Bytes of an input's name.
    pub name: usize,
    /// Rows on a page.
    pub page: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { running_per_owner: 100, running: 10_000, outcome: 16 << 20, outstanding: 64, issued: 10_000, name: 240, page: 100 }
    }
}
