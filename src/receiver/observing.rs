//! Looks again at tasks of other processes that are due and may be silent (X-STO-05).

use super::receiver::Receiver;
use super::sightings::Sightings;
use super::timers::Timer;
use crate::task::Millis;

impl Receiver {
    /// The store says that the task is due, and nothing can be done about it yet: it is looked at again in time.
    pub(super) fn look_again(&mut self, owner: &str, id: &str) {
        if self.sightings.set_due(owner, id) {
            self.look_in(self.holder.length() / 4);
        }
    }

    fn look_in(&mut self, pause: Millis) {
        if self.sightings.plan_look() {
            self.wake_in(pause.max(1), Timer::Observe);
        }
    }

    /// Whether a task that is due is looked at again soon: whoever falls asleep meanwhile begins anew.
    pub fn is_observing(&self) -> bool {
        self.sightings.is_looking()
    }

    /// It is time to look at tasks again that are due.
    pub(super) fn observe(&mut self) {
        let (looks, pause) = self.sightings.take_due(self.clock.now(), self.holder.length());
        if looks.is_empty() {
            return;
        }
        for address in looks {
            let Some((owner, id)) = Sightings::task_at(&address) else { continue };
            let slot = self.slots.open(&owner.into(), id);
            self.look(slot);
        }
        self.look_in(pause);
    }
}
