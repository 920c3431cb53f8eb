//! How fast a task is polled.

use crate::task::Millis;

/// Bounds for poll intervals, in ms (X-GET-02).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub min: u32,
    pub max: u32,
    /// Where the server gives no hint.
    pub initial: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min: 100, max: 60_000, initial: 1000 }
    }
}

impl Bounds {
    /// The interval for a hint. A hint that is no positive number counts as none.
    pub fn interval(self, hint: Option<f64>) -> u32 {
        let hint = hint.filter(|hint| hint.is_finite() && *hint > 0.0);
        // `as` saturates.
        hint.map_or(self.initial, |hint| hint as u32).clamp(self.min, self.max.max(self.min))
    }

    /// The time until the next attempt after `failures` failures in a row: the interval, doubled with each failure up
    /// to the maximum, and at most a tenth on top.
    pub fn delay(self, interval: u32, failures: u32, entropy: u64) -> Millis {
        let longest = Millis::from(self.max.max(interval));
        let delay = Millis::from(interval).saturating_mul(1 << failures.min(20)).min(longest);
        delay + delay * Millis::try_from(entropy % 1000).unwrap_or_default() / 10_000
    }
}

/// How many new tasks are read sooner than their interval says: 32 at once, 100 a second. A ramp is about eight reads,
/// so a connection stays below half of the 2000 reads a second that a server of this package allows by default.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ramps {
    /// When the ramps that were begun are paid for.
    paid: Millis,
}

impl Ramps {
    const APART: Millis = 10;
    const AT_ONCE: Millis = 32;

    /// Whether another may begin, which then counts.
    pub fn begin(&mut self, now: Millis) -> bool {
        let paid = self.paid.max(now);
        let may = paid - now < Self::APART * Self::AT_ONCE;
        if may {
            self.paid = paid + Self::APART;
        }
        may
    }
}

/// A small generator for the jitter (SplitMix64). Its seed comes from the host.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
