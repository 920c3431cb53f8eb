//! Calls whose tasks exist already: a stored call runs again, or a running one is taken along.

use std::rc::Rc;

use super::calls::Call;
use super::event::Happening;
use super::output::Output;
use super::receiver::Receiver;
use super::types::{JobId, NO_PEER, RequestContext, RequestId, SlotId};
use crate::task::{Millis, Task};

impl Receiver {
    /// A stored call starts again, on the connection of the request that brought it about, or wherever it can.
    pub(super) fn restart(&mut self, slot: SlotId, on: Option<RequestContext>, job: JobId, task: &Task) {
        let Some(owner) = self.slots.get(slot).map(|slot| Rc::clone(slot.owner())) else { return };
        // Where it cannot, its lease lapses, and somebody else starts it.
        let Some(place) = self.place(&owner, task, on) else { return };
        let number = self.calls.next_restarted();
        let context = RequestContext { request: number, ..place };
        let mut answers = Vec::new();
        for input in &task.inputs {
            answers.push((input.key.clone(), input.name.clone()));
        }
        self.insert_running(context, slot, task.epoch);
        self.expire_later(slot, task);
        let on = Some(context.peer).filter(|&peer| peer != NO_PEER);
        self.push(Output::Restart { call: number, method: task.method, on, context, owner, job, answers });
        if let Some(id) = self.slots.get(slot).map(|slot| slot.id().to_owned()) {
            self.push(Output::Bind { call: number, id });
        }
        self.event(Happening::Started, slot);
    }

    /// The host could not start a stored call again. Its lease lapses, and somebody else tries.
    pub fn handle_unstarted(&mut self, now: Millis, call: RequestId) {
        self.tick(now);
        let Some((slot, _)) = self.task_of_call(call) else { return };
        self.end_run(slot);
        self.advance(slot);
    }

    /// A call whose task exists already: nothing is decided about it any more.
    fn insert_running(&mut self, context: RequestContext, slot: SlotId, epoch: u32) {
        self.calls.insert(Call::of_task(context, slot));
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.run.begin(context.request, epoch);
        }
        self.count(slot);
        self.renew_later(slot);
    }

    /// The host takes a running task along into a new receiver, after the instance of an earlier one was lost.
    pub fn handle_adopt(&mut self, now: Millis, context: RequestContext, id: &str) {
        self.tick(now);
        let Some(owner) = self.peers.owner_of(context.peer) else { return };
        let slot = self.slots.open(&owner, id);
        self.insert_running(context, slot, 0);
        // Its deadline is in the store.
        self.start_sweeping();
    }
}
