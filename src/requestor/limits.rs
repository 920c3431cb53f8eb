//! How long, how often, how many.

use crate::task::Millis;

/// How often a task is read while its snapshots are pushed, or `tasks/result` waits for it and no caller observes every
/// snapshot.
pub const SAFETY: u32 = 30_000;
/// How long a question may be outstanding before another `tasks/result` gives it another stream.
pub const SILENCE: Millis = 60_000;
/// Reads in the time for which a caller waits for a sign of life.
pub const SIGNS: u32 = 3;
/// Requests about one task whose answers are still taken.
pub const OPEN: usize = 8;
/// A task without a time to live is followed this long (X-LIM-11).
pub const DAY: u64 = 86_400_000;
/// How often a server may refuse the outcome that its own status promises: its parts may lag behind each other.
pub const LAGS: u32 = 5;
/// Failures in a row after which a task is given up (X-LIM-11).
pub const FAILURES: u32 = 10;
/// Attempts to cancel; repeating is safe.
pub const CANCELS: u32 = 3;
/// Prompts open at once, on one connection: more input requests than this wait until one is answered.
pub const PROMPTS: usize = 64;
/// Tasks followed at once.
pub const TASKS: usize = 10_000;
/// Of the id of a task.
pub const ID_BYTES: usize = 4096;
/// Integers that JSON carries safely end here.
pub const SAFE: f64 = 9_007_199_254_740_991.0;
/// How long the answer to a call is waited for after its caller gave it up.
pub const LAST_WORDS: Millis = 5000;

pub fn later(now: Millis, ms: u64) -> Millis {
    now.saturating_add(Millis::try_from(ms).unwrap_or(Millis::MAX))
}

pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES
}

/// Whether a time to live is an integer that JSON carries safely, or no end (X-LIM-06).
pub fn is_ttl(ttl: f64) -> bool {
    ttl == f64::INFINITY || (0.0..=SAFE).contains(&ttl) && ttl.fract() == 0.0
}
