//! Which tasks of other processes are silent, and since when (X-STO-05).
//!
//! Clocks differ, so nobody can tell from a record when somebody else's lease ends. A task counts as lost only after
//! this receiver has seen the same version of it for a whole lease of its own clock: from the arrival of the read that
//! first showed it to the start of the read that shows it last. Meanwhile the store must have answered again and again:
//! in a store that was away, or while this very process stood still, its holder had no chance to write. Forgetting what
//! was seen only puts a takeover off.

use std::rc::Rc;

use super::receiver::Receiver;
use super::sightings::Sighting;
use super::timers::Timer;
use crate::task::{Millis, Task};

/// Tasks that are looked at a second time at once, and the pause after so many, in ms.
const BATCH: usize = 100;
const BATCH_PAUSE: Millis = 100;
/// Between the owner and the id of a task; neither holds it.
const SEPARATOR: char = '\0';

fn address(owner: &str, id: &str) -> Rc<str> {
    format!("{owner}{SEPARATOR}{id}").into()
}

impl Receiver {
    /// The store has answered something. While a task is observed it is asked every quarter of a lease, and a lease is
    /// renewed every third: where it was never silent for half a lease, no outage has kept a holder from each renewal.
    pub(super) fn store_answered(&mut self) {
        if self.clock.now().saturating_sub(self.sightings.answered_at) > self.holder.length() / 2 {
            self.sightings.seen.clear();
        }
        self.sightings.answered_at = self.clock.now();
    }

    /// What this receiver writes of its own accord fails: whoever holds a task may be as helpless.
    pub(super) fn cannot_write(&mut self) {
        self.sightings.seen.clear();
    }

    /// Whether whoever should run a task is lost, as far as this receiver has seen. `started`: when the read was begun
    /// that has found it; `None` for a copy.
    pub(super) fn is_lost(
        &mut self,
        owner: &str,
        id: &str,
        version: u32,
        task: &Task,
        started: Option<Millis>,
    ) -> bool {
        if !task.needs_runner() {
            return false;
        }
        // What was handed over is free.
        let Some(lease) = &task.lease else { return true };
        let Some(started) = started else { return false };
        let (now, lease, address) = (self.clock.now(), lease.length.max(1), address(owner, id));
        let seen = &mut self.sightings;
        let mut known = false;
        if let Some(sighting) = seen.seen.get_mut(&*address) {
            if sighting.version == version {
                sighting.last = now;
                return started.saturating_sub(sighting.since) >= lease;
            }
            known = true;
        }
        if known || seen.has_room(now, lease) {
            seen.seen.insert(address, Sighting { version, since: now, last: now, lease, due: false });
        }
        false
    }

    /// The store says that the task is due, and nothing can be done about it yet: it is looked at again in time.
    pub(super) fn look_again(&mut self, owner: &str, id: &str) {
        if let Some(sighting) = self.sightings.seen.get_mut(&*address(owner, id)) {
            sighting.due = true;
            self.look_in(self.holder.length() / 4);
        }
    }

    fn look_in(&mut self, pause: Millis) {
        if !std::mem::replace(&mut self.sightings.looking, true) {
            self.wake_in(pause.max(1), Timer::Observe);
        }
    }

    /// Whether a task that is due is looked at again soon: whoever falls asleep meanwhile begins anew.
    pub fn is_observing(&self) -> bool {
        self.sightings.looking
    }

    /// It is time to look at tasks again that are due: at those that were silent for a lease, which settles them, and
    /// else at one, to see whether the store answers at all.
    pub(super) fn observe(&mut self) {
        self.sightings.looking = false;
        let mut pause = self.holder.length() / 4;
        let mut looks: Vec<Rc<str>> = Vec::new();
        let mut probe = None;
        for (address, sighting) in self.sightings.seen.iter_mut().filter(|(_, sighting)| sighting.due) {
            let left = sighting.since.saturating_add(sighting.lease).saturating_sub(self.clock.now());
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
        if looks.is_empty() {
            let Some(address) = probe else { return };
            looks.push(Rc::clone(address));
        }
        for address in looks {
            let Some((owner, id)) = address.rsplit_once(SEPARATOR) else { continue };
            let slot = self.slots.open(&owner.into(), id);
            self.look(slot);
        }
        self.look_in(pause);
    }
}
