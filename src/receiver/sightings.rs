//! The versions of tasks that other processes hold, and since when each has not changed.

use std::rc::Rc;

use crate::table::Table;
use crate::task::Millis;

/// Tasks that are observed at once; more have to wait.
const MOST_SEEN: usize = 10_000;

/// A version of a task that another process holds.
#[derive(Debug)]
pub(super) struct Sighting {
    pub version: u32,
    /// When the read that first showed it arrived, and the last one.
    pub since: Millis,
    pub last: Millis,
    pub lease: Millis,
    /// The store says that it is due: it is looked at again without being asked for.
    pub due: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// By owner and id.
    pub seen: Table<Rc<str>, Sighting>,
    /// When the store last answered.
    pub answered_at: Millis,
    /// The next look at what is due is in the timers.
    pub looking: bool,
    pub purged_at: Millis,
}

impl Sightings {
    pub fn has_room(&mut self, now: Millis, lease: Millis) -> bool {
        if self.seen.len() >= MOST_SEEN && now.saturating_sub(self.purged_at) > lease / 4 {
            self.purged_at = now;
            // What nobody has looked at for so long has ended, or is renewed.
            for (address, sighting) in std::mem::take(&mut self.seen) {
                if now.saturating_sub(sighting.last) <= sighting.lease {
                    self.seen.insert(address, sighting);
                }
            }
        }
        self.seen.len() < MOST_SEEN
    }
}
