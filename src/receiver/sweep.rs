//! What happens because time passes: promotion, expiry, retries, and the sweep of what is due in the store.

use super::change::Change;
use super::{Pending, Receiver, Timer};
use crate::claim::Claim;
use crate::storage::{Completion, Operation, Record};
use crate::task::{Millis, Task};

/// How often the store is asked for what is due at least, in ms, and for how many tasks at once.
const SWEEP_EVERY: Millis = 30_000;
const SWEEP_BATCH: u32 = 100;
/// As many tasks that cannot be settled are looked past.
const MOST_STUCK: u32 = 1_000;

impl Receiver {
    /// A deadline has come.
    pub fn handle_deadline(&mut self, now: Millis) {
        self.tick(now);
        self.announced = None;
        while let Some(timer) = self.deadlines.pop_due(self.now) {
            match timer {
                Timer::Promote(call) => self.promote(call),
                Timer::Claim(call) => self.claim_again(call),
                Timer::Expire(slot) => self.expire(slot),
                Timer::Renew(slot) => self.renew(slot),
                Timer::Retry(slot) => self.retry(slot),
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

    /// Sets a timer that fires after so many ms.
    pub(super) fn wake_in(&mut self, pause: Millis, timer: Timer) {
        self.deadlines.set(self.now.saturating_add(pause), timer);
    }

    pub(super) fn retry(&mut self, slot: u32) {
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.busy = false;
            self.advance(slot);
        }
    }

    /// Looks at a running task when its time to live is over.
    pub(super) fn expire_later(&mut self, slot: u32, task: &Task) {
        if let Some(at) = task.expires_at() {
            self.deadlines.set(at, Timer::Expire(slot));
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
            self.sweep_later();
        }
    }

    /// Asks for what is due now, and again later. Also called at start-up.
    pub fn handle_start(&mut self, now: Millis) {
        self.tick(now);
        self.start_sweeping();
        self.ask_due();
    }

    fn sweep_later(&mut self) {
        self.wake_in(SWEEP_EVERY.min(self.lease), Timer::Sweep);
    }

    fn sweep(&mut self) {
        self.sweep_later();
        self.ask_due();
    }

    fn ask_due(&mut self) {
        let limit = SWEEP_BATCH + self.stuck;
        self.ask_store(Pending::Sweep { limit }, Operation::Due { before: self.now, limit });
    }

    /// Deletes what nobody can see any longer, expires what ran out of time, and settles what lost its process. What cannot be
    /// settled here stays due; the next question looks past it.
    pub(super) fn swept(&mut self, limit: u32, completion: &Completion) {
        let Completion::Records(records) = completion else { return };
        let full = records.len() >= limit as usize;
        let mut settled = false;
        let mut stuck = 0;
        for record in records {
            if self.settle_due(record) {
                settled = true;
            } else {
                stuck += 1;
            }
        }
        let stuck = stuck.min(MOST_STUCK);
        if full && (settled || stuck > self.stuck) {
            self.wake_in(1, Timer::SweepOn);
        }
        self.stuck = stuck;
    }

    /// Whether something is done about a task that is due.
    fn settle_due(&mut self, record: &Record) -> bool {
        let task = Task::from_state(&record.state);
        let over = match &task {
            Some(task) => task.is_gone(self.now),
            None => Claim::from_state(&record.state).is_some_and(|claim| claim.due_at() <= self.now),
        };
        if over {
            let operation = Operation::Delete { owner: record.owner.clone(), id: record.id.clone(), version: record.version };
            self.ask_store(Pending::Nobody, operation);
            return true;
        }
        let Some(task) = task else { return false };
        let slot = self.slots.open(&record.owner, &record.id);
        let in_hand = self.slots.get(slot).is_some_and(|slot| slot.busy || !slot.queue.is_empty());
        let lapsed = !in_hand && self.lapsed(slot, &task);
        let lost = !in_hand && !lapsed && self.recovery(slot, &task, None).is_some();
        if lapsed {
            self.expire(slot);
        } else if lost {
            self.recover(slot, None);
        }
        self.settle_slot(slot);
        lapsed || lost
    }
}
