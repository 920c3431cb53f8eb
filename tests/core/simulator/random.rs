//! Chance, from a seed (SplitMix64).

use mcp_longhaul::task::Millis;

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// From `least` to `most` ms, short ones more often.
    pub fn time(&mut self, least: Millis, most: Millis) -> Millis {
        let span = (most - least).unsigned_abs() + 1;
        let (one, other) = (self.below(span), self.below(span));
        least + one.min(other) as Millis
    }
}
