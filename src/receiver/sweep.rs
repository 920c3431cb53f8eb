//! What happens because time passes: promotion, expiry, retries, and the sweep of what is due in the store.

use super::change::Change;
use super::{Output, Pending, Receiver, Timer};
use crate::storage::{Completion, Operation};
use crate::task::{Millis, Task};

/// How often the store is asked for what is due, in ms, and for how many tasks at once.
const SWEEP_EVERY: Millis = 30_000;
const SWEEP_BATCH: u32 = 100;

impl Receiver {
    /// A deadline has come.
    pub fn handle_deadline(&mut self, now: Millis) {
        self.tick(now);
        self.announced = None;
        while let Some(timer) = self.deadlines.pop_due(self.now) {
            match timer {
                Timer::Promote(call) => self.promote(call),
                Timer::Expire(slot) => self.expire(slot),
                Timer::Retry(slot) => {
                    if let Some(entry) = self.slots.get_mut(slot) {
                        entry.busy = false;
                        self.advance(slot);
                    }
                }
                Timer::Check(slot) => {
                    let Some(entry) = self.slots.get_mut(slot) else { continue };
                    entry.checking = false;
                    self.check_later(slot);
                    self.change(slot, Change::Check);
                }
                Timer::Lapse(request) => self.lapse(request),
                Timer::Sweep => self.sweep(),
                Timer::SweepOn => self.ask_due(),
            }
        }
    }

    /// A running task's time to live is over: it grows, or the task expires visibly (X-TTL-05).
    fn expire(&mut self, slot: u32) {
        let Some(entry) = self.slots.get(slot) else { return };
        if entry.cached.as_ref().is_none_or(|(task, _)| task.has_run_out(self.now)) {
            self.change(slot, Change::Expire);
        }
    }

    /// Begins to sweep, once there is something to sweep.
    pub(super) fn start_sweeping(&mut self) {
        if !self.sweeping {
            self.sweeping = true;
            self.deadlines.set(self.now.saturating_add(SWEEP_EVERY), Timer::Sweep);
        }
    }

    /// Asks for what is due now, and again later. Also called at start-up.
    pub fn handle_start(&mut self, now: Millis) {
        self.tick(now);
        self.start_sweeping();
        self.ask_due();
    }

    fn sweep(&mut self) {
        self.deadlines.set(self.now.saturating_add(SWEEP_EVERY), Timer::Sweep);
        self.ask_due();
    }

    fn ask_due(&mut self) {
        let job = self.job(Pending::Sweep);
        self.push(Output::Store { job, operation: Operation::Due { before: self.now, limit: SWEEP_BATCH } });
    }

    /// Deletes what nobody can see any longer, and expires what ran out of time.
    pub(super) fn swept(&mut self, completion: Completion) {
        let Completion::Records(records) = completion else { return };
        let full = records.len() >= SWEEP_BATCH as usize;
        let mut progress = false;
        for record in records {
            let Some(task) = Task::from_state(&record.state) else { continue };
            if task.is_gone(self.now) {
                let operation = Operation::Delete { owner: record.owner, id: record.id, version: record.version };
                let job = self.job(Pending::Nobody);
                self.push(Output::Store { job, operation });
                progress = true;
                continue;
            }
            let slot = self.slots.open(record.owner, &record.id);
            if self.lapsed(slot, &task) {
                self.expire(slot);
                progress = true;
            }
            self.settle_slot(slot);
        }
        if full && progress {
            self.deadlines.set(self.now.saturating_add(1), Timer::SweepOn);
        }
    }
}
