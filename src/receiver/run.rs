//! The run of a task's handler that is here, and its lease.

use super::types::RequestId;
use crate::task::{Millis, Task};

#[derive(Debug, Default)]
pub(super) struct Run {
    /// The call that runs the task here.
    call: Option<RequestId>,
    /// Which run of the task it is; 0 while that is not known, after the instance of an earlier receiver was lost.
    epoch: u32,
    /// The handler knows that it is to stop.
    told_to_stop: bool,
    /// The record keeps answers that the handler has got.
    has_spent: bool,
    /// When the write was begun that is on its way, and the last one that the store took.
    wrote_at: Millis,
    renewed_at: Millis,
    /// The next renewal of its lease is in the timers.
    renewing: bool,
    /// It counts against its owner's limit.
    counted: bool,
}

impl Run {
    /// The handler of `call` runs the task. `epoch`: which run of the task that is; 0 where it is not known.
    pub fn begin(&mut self, call: RequestId, epoch: u32) {
        self.call = Some(call);
        self.epoch = epoch;
        self.told_to_stop = false;
    }

    /// It is over. The call that it was.
    pub fn end(&mut self) -> Option<RequestId> {
        self.call.take()
    }

    pub fn call(&self) -> Option<RequestId> {
        self.call
    }

    pub fn is_here(&self) -> bool {
        self.call.is_some()
    }

    /// `None` where nothing runs here.
    pub fn epoch(&self) -> Option<u32> {
        self.call.map(|_| self.epoch)
    }

    /// Whether it has been followed by another one. `ours`: the task is held by this receiver.
    pub fn is_stale(&mut self, task: &Task, ours: bool) -> bool {
        if !self.is_here() {
            return false;
        }
        if ours && self.epoch == 0 {
            // An earlier receiver of this process began it.
            self.epoch = task.epoch;
        }
        !(task.phase.is_terminal() || (ours && self.epoch == task.epoch))
    }

    /// The call whose handler is to hear now that it is to stop; it hears so once.
    pub fn tell_to_stop(&mut self) -> Option<RequestId> {
        let call = self.call?;
        (!std::mem::replace(&mut self.told_to_stop, true)).then_some(call)
    }

    /// The handler has got an answer that the record keeps: the next write of its run removes it.
    pub fn spend(&mut self) {
        self.has_spent = true;
    }

    pub fn has_spent(&self) -> bool {
        self.has_spent
    }

    pub fn take_spent(&mut self) -> bool {
        std::mem::take(&mut self.has_spent)
    }

    /// A write of the task begins, which is to renew the lease.
    pub fn write(&mut self, now: Millis) {
        self.wrote_at = now;
    }

    /// The store has the write that was begun last.
    pub fn renew(&mut self) {
        self.renewed_at = self.wrote_at;
    }

    /// Until when the lease need not be renewed. `third`: so long before that, in ms.
    pub fn fresh_until(&self, third: Millis) -> Millis {
        self.renewed_at.saturating_add(third)
    }

    /// Whether the next renewal is to go into the timers.
    pub fn plan_renewal(&mut self) -> bool {
        !std::mem::replace(&mut self.renewing, true)
    }

    /// The time has come for a renewal. Whether the lease is renewed, and the next renewal planned.
    pub fn goes_on(&mut self) -> bool {
        self.renewing = self.is_here();
        self.renewing
    }

    /// It counts from now on. Whether it did not before.
    pub fn count(&mut self) -> bool {
        !std::mem::replace(&mut self.counted, true)
    }

    /// It does not count any more. Whether it did.
    pub fn uncount(&mut self) -> bool {
        std::mem::take(&mut self.counted)
    }
}
