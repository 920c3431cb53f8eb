//! Calls whose tasks exist already: a stored call runs again, or a running one is taken along.

use super::call::{Call, Stage};
use super::create::Draft;
use super::lease::NOBODY;
use super::{Facts, Happening, Output, Policy, RESTARTED, Receiver, Request};
use crate::number;
use crate::storage::Job;
use crate::task::{Millis, Task};

const FIRST_RESTARTED: Request = RESTARTED + 1;

impl Receiver {
    /// A stored call starts again, on the connection of the request that brought it about, or wherever it can.
    pub(super) fn restart(&mut self, slot: u32, on: Option<Facts>, job: Job, task: &Task) {
        let Some(owner) = self.slots.get(slot).map(|slot| slot.owner.clone()) else { return };
        // Where it cannot, its lease lapses, and somebody else starts it.
        let Some(place) = self.place(&owner, task, on) else { return };
        self.last_restarted =
            number::after(self.last_restarted, FIRST_RESTARTED..=Request::MAX, |call| self.calls.contains_key(&call));
        let number = self.last_restarted;
        let facts = Facts { request: number, ..place };
        let mut answers = Vec::new();
        for input in &task.inputs {
            answers.push((input.key.clone(), input.name.clone()));
        }
        self.insert_running(facts, slot, task.epoch);
        self.expire_later(slot, task);
        let on = Some(facts.peer).filter(|&peer| peer != NOBODY);
        self.push(Output::Restart { call: number, on, facts, owner, job, answers });
        if let Some(id) = self.slots.get(slot).map(|slot| slot.id.clone()) {
            self.push(Output::Bind { call: number, id });
        }
        self.event(Happening::Started, slot);
    }

    /// The host could not start a stored call again. Its lease lapses, and somebody else tries.
    pub fn handle_unstarted(&mut self, now: Millis, call: Request) {
        self.tick(now);
        let Some((slot, _)) = self.task_of_call(call) else { return };
        self.end_run(slot);
        self.advance(slot);
    }

    /// A call whose task exists already: nothing is decided about it any more.
    fn insert_running(&mut self, facts: Facts, slot: u32, run: u32) {
        let call = Call {
            begun: true,
            stage: Stage::Task,
            slot: Some(slot),
            announced: true,
            ..Call::new(facts, Policy::default(), Draft::default())
        };
        self.calls.insert(facts.request, call);
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.call = Some(facts.request);
            entry.run = run;
            entry.told_to_stop = false;
        }
        self.count(slot);
        self.renew_later(slot);
    }

    /// The host takes a running task along into a new receiver, after the instance of an earlier one was lost.
    pub fn handle_adopt(&mut self, now: Millis, facts: Facts, id: &str) {
        self.tick(now);
        let Some(owner) = self.owner_of(facts.peer) else { return };
        let slot = self.slots.open(&owner, id);
        self.insert_running(facts, slot, 0);
        // Its deadline is in the store.
        self.start_sweeping();
    }
}
