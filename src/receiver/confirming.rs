//! Unconfirmed writes: the store did not say whether it has them. Each stays with its task until a read settles it,
//! whoever has been answered meanwhile. What follows from one is read off the record: it does not matter which read
//! shows it.

use std::rc::Rc;

use super::change::Change;
use super::receiver::Receiver;
use super::types::{JobId, SlotId};
use crate::task::{Millis, Task};

/// How long a write is waited for that a store without a limit has refused, in ms.
const LONGEST_WAY: Millis = 30_000;

impl Receiver {
    /// The store may have the write that it did not confirm. `begins`: with it, a run begins here.
    pub(super) fn leave_unconfirmed(
        &mut self,
        number: SlotId,
        change: &Rc<Change>,
        next: &Task,
        version: u32,
        begins: bool,
    ) {
        // Nothing follows from a renewal.
        let Some(slot) =
            self.slots.get_mut(number).filter(|_| !matches!(**change, Change::Renew) && !change.is_about_end())
        else {
            return;
        };
        slot.unconfirmed.add(change, next, version, begins, self.clock.now());
        slot.followers.check_soon();
    }

    /// A read shows the task: what was unconfirmed and has arrived takes effect. Whether the change at the head was.
    pub(super) fn settle_unconfirmed(&mut self, job: JobId, number: SlotId, task: &Rc<Task>, version: u32) -> bool {
        let time = (self.clock.now(), self.jobs.limit().unwrap_or(LONGEST_WAY));
        let held = self.holder.holds(task);
        let Some(slot) = self.slots.get_mut(number).filter(|slot| !slot.unconfirmed.is_empty()) else { return false };
        let run = slot.run.epoch();
        let mut was_head = false;
        for write in slot.unconfirmed.take_arrived((task, version), run, held, time) {
            let Some(slot) = self.slots.get_mut(number) else { break };
            let (change, begins) = (write.change(), write.begins_run());
            if slot.queue.is_head(change) {
                was_head = true;
                self.took(job, number, task, version, begins);
                continue;
            }
            let waits = slot.queue.remove(change);
            slot.remember(Rc::clone(task), version);
            if write.is_creation() {
                // Its call has been answered without it.
                self.change_next(number, Change::Discard { kept: false });
            } else {
                self.committed_late(job, number, change, task, begins, waits);
            }
        }
        was_head
    }
}
