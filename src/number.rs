//! Numbers for what lives for a while: jobs, slots, calls, requests.

use std::ops::RangeInclusive;

/// The number after `last` that is not in use. At the end of their range numbers come round, and what has lived that
/// long keeps its own.
pub(crate) fn after(last: u32, range: RangeInclusive<u32>, is_used: impl Fn(u32) -> bool) -> u32 {
    let (first, end) = range.into_inner();
    let mut number = last;
    loop {
        number = if (first..end).contains(&number) { number + 1 } else { first };
        if !is_used(number) {
            return number;
        }
    }
}
