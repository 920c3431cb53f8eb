//! Which tasks of other processes are silent, and since when (X-STO-05).
//!
//! Clocks differ, so nobody can tell from a record when somebody else's lease ends. A task counts as lost only after
//! this receiver has seen the same version of it for a whole lease of its own clock: from the arrival of the read that
//! first showed it to the start of the read that shows it last. Meanwhile the store must have answered again and again:
//! in a store that was away, or while this very process stood still, its holder had no chance to write. Forgetting what
//! was seen only puts a takeover off.

use std::rc::Rc;

use crate::table::Table;
use crate::task::{Millis, Task};

/// Tasks that are observed at once; more have to wait.
const MOST_SEEN: usize = 10_000;
/// Tasks that are looked at a second time at once, and the pause after so many, in ms.
const BATCH: usize = 100;
const BATCH_PAUSE: Millis = 100;
/// Between the owner and the id of a task; neither holds it.
const SEPARATOR: char = '\0';

/// A version of a task that another process holds.
#[derive(Debug)]
struct Sighting {
    version: u32,
    /// When the read that first showed it arrived, and the last one.
    since: Millis,
    last: Millis,
    lease: Millis,
    /// The store says that it is due: it is looked at again without being asked for.
    due: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// By owner and id.
    seen: Table<Rc<str>, Sighting>,
    /// When the store last answered.
    answered_at: Millis,
    /// The next look at what is due is in the timers.
    looking: bool,
    purged_at: Millis,
}

impl Sightings {
    /// The store has answered something. While a task is observed it is asked every quarter of a lease, and a lease is
    /// renewed every third: where it was never silent for half a lease, no outage has kept a holder from each renewal.
    pub fn store_answered(&mut self, now: Millis, lease: Millis) {
        if now.saturating_sub(self.answered_at) > lease / 2 {
            self.seen.clear();
        }
        self.answered_at = now;
    }

    /// What this receiver writes of its own accord fails: whoever holds a task may be as helpless.
    pub fn cannot_write(&mut self) {
        self.seen.clear();
    }

    /// Whether whoever should run a task is lost, as far as this receiver has seen. `started`: when the read was begun
    /// that has found it; `None` for a copy.
    pub fn is_lost(
        &mut self,
        (owner, id): (&str, &str),
        version: u32,
        task: &Task,
        started: Option<Millis>,
        now: Millis,
    ) -> bool {
        if !task.needs_runner() {
            return false;
        }
        // What was handed over is free.
        let Some(lease) = &task.lease else { return true };
        let Some(started) = started else { return false };
        let (lease, address) = (lease.length.max(1), address(owner, id));
        let mut known = false;
        if let Some(sighting) = self.seen.get_mut(&*address) {
            if sighting.version == version {
                sighting.last = now;
                return started.saturating_sub(sighting.since) >= lease;
            }
            known = true;
        }
        if known || self.has_room(now, lease) {
            self.seen.insert(address, Sighting { version, since: now, last: now, lease, due: false });
        }
        false
    }

    fn has_room(&mut self, now: Millis, lease: Millis) -> bool {
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

    /// The store says that the task is due, and nothing can be done about it yet. Whether it is observed.
    pub fn set_due(&mut self, owner: &str, id: &str) -> bool {
        self.seen.get_mut(&*address(owner, id)).map(|sighting| sighting.due = true).is_some()
    }

    /// Another look goes into the timers, unless this says that it is there already.
    pub fn plan_look(&mut self) -> bool {
        !std::mem::replace(&mut self.looking, true)
    }

    pub fn is_looking(&self) -> bool {
        self.looking
    }

    /// It is time to look at tasks again that are due: at those that were silent for a lease, which settles them, and
    /// else at one, to see whether the store answers at all. Their addresses, and how long until the next look.
    pub fn take_due(&mut self, now: Millis, lease: Millis) -> (Vec<Rc<str>>, Millis) {
        self.looking = false;
        let mut pause = lease / 4;
        let mut looks: Vec<Rc<str>> = Vec::new();
        let mut probe = None;
        for (address, sighting) in self.seen.iter_mut().filter(|(_, sighting)| sighting.due) {
            let left = sighting.since.saturating_add(sighting.lease).saturating_sub(now);
            if left > 0 {
                pause = pause.min(left);
                probe = Some(address);
            } else if looks.len() < BATCH {
                // The next sweep finds it again if it cannot be settled here.
                sighting.due = false;
                looks.push(Rc::clone(address));
            } else {
                pause = BATCH_PAUSE;
            }
        }
        if let Some(address) = probe.filter(|_| looks.is_empty()) {
            looks.push(Rc::clone(address));
        }
        (looks, pause)
    }

    /// The owner and the id of the task at an address.
    pub fn task_at(address: &str) -> Option<(&str, &str)> {
        address.rsplit_once(SEPARATOR)
    }
}

fn address(owner: &str, id: &str) -> Rc<str> {
    format!("{owner}{SEPARATOR}{id}").into()
}
