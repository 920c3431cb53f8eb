//! Unconfirmed writes: the store did not say whether it has them. Each stays with its task until a read settles it,
//! whoever has been answered meanwhile. What follows from one is read off the record: it does not matter which read
//! shows it.

use std::rc::Rc;

use super::change::Change;
use super::receiver::Receiver;
use super::types::{JobId, SlotId};
use super::unconfirmed::Unconfirmed;
use crate::task::{Millis, Task};

/// Of one task; older ones are given up.
const MOST_UNCONFIRMED: usize = 64;
/// How long a write is waited for that a store without a limit has refused, in ms.
const LONGEST_WAY: Millis = 30_000;

impl Receiver {
    /// The store may have the write that it did not confirm.
    /// `begins`: with it, a run begins here.
    pub(super) fn leave_unconfirmed(
        &mut self,
        number: SlotId,
        change: &Rc<Change>,
        next: &Task,
        version: u32,
        begins: bool,
    ) {
        let since = self.clock.now();
        // Nothing follows from a renewal.
        let Some(slot) = self.slots.get_mut(number).filter(|_| !matches!(**change, Change::Renew)) else { return };
        let epoch = if begins { next.epoch } else { 0 };
        slot.unconfirmed.retain(|other| !(Rc::ptr_eq(&other.change, change) && other.write_id == next.write_id));
        if slot.unconfirmed.len() >= MOST_UNCONFIRMED {
            slot.unconfirmed.remove(0);
        }
        slot.unconfirmed.push(Unconfirmed {
            write_id: next.write_id,
            version,
            change: Rc::clone(change),
            epoch,
            issued: next.issued,
            since,
        });
        slot.checks = 0;
    }

    /// The id with which a change was tried before at the same version: whichever of the two arrives, it is the same
    /// change.
    pub(super) fn write_id_of(&self, number: SlotId, change: &Rc<Change>, version: u32) -> Option<u64> {
        let slot = self.slots.get(number)?;
        let same = |other: &&Unconfirmed| Rc::ptr_eq(&other.change, change) && other.version == version;
        slot.unconfirmed.iter().find(same).map(|other| other.write_id)
    }

    /// The store has this version: no other write that would have made it, or an earlier one, can arrive any more.
    pub(super) fn confirm(&mut self, number: SlotId, version: u32) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.unconfirmed.retain(|other| other.version > version);
        }
    }

    /// A read shows the task: what was unconfirmed and has arrived takes effect. Whether the change at the head was.
    pub(super) fn settle_unconfirmed(&mut self, job: JobId, number: SlotId, task: &Rc<Task>, version: u32) -> bool {
        let patience = self.jobs.limit().unwrap_or(LONGEST_WAY);
        let (now, held) = (self.clock.now(), self.holder.holds(task));
        let Some(slot) = self.slots.get_mut(number).filter(|slot| !slot.unconfirmed.is_empty()) else { return false };
        let (call, run) = (slot.call, slot.run);
        let has_arrived = |other: &Unconfirmed| {
            let below = version > other.version;
            match *other.change {
                _ if other.write_id != 0 && other.write_id == task.write_id => true,
                // Only this run asks, and only this receiver begins a run under its name: others may have written
                // since.
                Change::RequestInput { .. } => {
                    below && call.is_some() && held && run == task.epoch && task.issued >= other.issued
                }
                _ => below && other.epoch != 0 && call.is_none() && held && task.epoch == other.epoch,
            }
        };
        let (arrived, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut slot.unconfirmed).into_iter().partition(has_arrived);
        slot.unconfirmed = rest
            .into_iter()
            .filter(|other| other.version > version && now.saturating_sub(other.since) < patience)
            .collect();
        let mut was_head = false;
        for Unconfirmed { change, epoch, version: made, .. } in arrived {
            let Some(slot) = self.slots.get_mut(number) else { break };
            let place = slot.queue.place_of(&change);
            let begins = epoch != 0;
            if place == Some(0) {
                was_head = true;
                self.took(job, number, task, version, begins);
                continue;
            }
            if let Some(place) = place {
                slot.queue.remove(place);
            }
            slot.cached = Some((Rc::clone(task), version));
            if made == 1 {
                // Its call has been answered without it.
                self.change_next(number, Change::Discard { kept: false });
            } else {
                self.committed_late(job, number, &change, task, begins, place.is_some());
            }
        }
        was_head
    }
}
