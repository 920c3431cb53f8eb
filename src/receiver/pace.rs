//! How often a task tells its progress.

use crate::task::Millis;

/// The shortest time between two progress messages of a task, in ms (X-PRG-01).
pub(super) const PACE: Millis = 50;

/// How far a handler has got, and whether its requestor may hear of it now.
#[derive(Debug)]
pub(super) struct Pace {
    latest: f64,
    /// Progress was told a moment ago.
    is_resting: bool,
    /// There is later progress since.
    is_owed: bool,
}

impl Pace {
    pub fn new() -> Self {
        Self { latest: f64::NEG_INFINITY, is_resting: false, is_owed: false }
    }

    /// The handler has got so far; whether that is further than before (G25-PRG-03).
    pub fn advance(&mut self, progress: f64) -> bool {
        let grows = progress > self.latest;
        if grows {
            self.latest = progress;
        }
        grows
    }

    /// The latest progress is to be told; whether at once. Otherwise it is owed until the rest is over.
    pub fn tell(&mut self) -> bool {
        self.is_owed = self.is_resting;
        self.is_resting = true;
        !self.is_owed
    }

    /// The rest is over; whether progress is owed.
    pub fn end_rest(&mut self) -> bool {
        self.is_resting = false;
        std::mem::take(&mut self.is_owed)
    }
}
