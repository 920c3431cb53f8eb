//! Sweeps: settles or deletes what is due in the store.

use super::change::Change;
use super::jobs::Pending;
use super::receiver::Receiver;
use super::service::Service;
use super::sweep::Part;
use super::timers::Timer;
use crate::claim::is_owner_of_keys;
use crate::storage::{Completion, DuePosition, Operation, Record, is_guest};
use crate::task::Millis;

/// How long a receiver rests at most between two walks through what is due, in ms, and how many tasks a page of it has.
const SWEEP_EVERY: Millis = 30_000;
const PAGE: u32 = 100;

impl Receiver {
    /// Begins to sweep, once there is something to sweep.
    pub(super) fn start_sweeping(&mut self) {
        if self.sweep.start() {
            self.sweep_later();
        }
    }

    /// Looks for what is due now, and from then on. Also called at start-up, and by hosts that are woken from outside.
    pub fn handle_start(&mut self, now: Millis) {
        self.tick(now);
        self.sweep.start();
        if !self.sweep.is_walking() {
            return self.begin_walk();
        }
        // What this walk has passed already may be due by now.
        self.sweep.walk_again();
        self.next_page();
    }

    fn sweep_later(&mut self) {
        let pause = SWEEP_EVERY.min(self.holder.length());
        self.sweep.rest_until(self.clock.now().saturating_add(pause));
        self.wake_in(pause, Timer::Sweep);
    }

    pub(super) fn begin_walk(&mut self) {
        self.sweep.begin(self.clock.now());
        self.next_page();
    }

    fn end_walk(&mut self) {
        if self.sweep.end() && self.service != Service::Leaving {
            return self.begin_walk();
        }
        self.sweep_later();
    }

    /// Asks for the next page once the last one is done.
    pub(super) fn next_page(&mut self) {
        self.sweep.resume();
        if self.is_page_done()
            && let Some(part) = self.sweep.next_part()
        {
            let operation = Operation::Due { before: part.before(), after: part.after().cloned(), limit: PAGE };
            self.ask_store(Pending::Sweep(part), operation);
        }
    }

    fn is_page_done(&mut self) -> bool {
        // A task that cannot be settled at once does not hold up the others.
        let slots = &self.slots;
        self.sweep.is_page_done(|number| {
            slots.get(number).is_some_and(|slot| slot.queue.is_first_attempt() && slot.queue.has(Change::settles))
        })
    }

    /// Goes on with the walk, if a page is done. Called after whatever may have been the last of it.
    pub(super) fn walk_on(&mut self) {
        if !self.is_page_done() {
            return;
        }
        if self.sweep.is_at_end() || self.service == Service::Leaving {
            return self.end_walk();
        }
        // Not at once: where the store answers at once, others would wait until the last page.
        if self.sweep.pause() {
            self.wake_in(1, Timer::NextPage);
        }
    }

    /// The store has told what is due. Deletes what nobody can see any longer, expires what ran out of time, and
    /// settles what lost its process. The rest is passed over; the next walk meets it again.
    pub(super) fn swept(&mut self, part: &Part, started: Millis, completion: &Completion) {
        self.sweep.answered();
        let Completion::Records { records, full } = completion else { return };
        for record in records {
            self.settle_due(record, started);
        }
        let last = records.iter().rev().find_map(|record| {
            Some(DuePosition { due_at: record.due_at?, owner: record.owner.clone(), id: record.id.clone() })
        });
        if *full && let Some(last) = last {
            self.sweep.go_on(part, last);
        }
    }

    /// Does what can be done about a task that is due.
    fn settle_due(&mut self, record: &Record, started: Millis) {
        let (owner, id) = (&record.owner, &record.id);
        let (task, over) = if is_owner_of_keys(owner) {
            let Ok(claim) = self.claim_of(owner, id, record) else { return };
            (None, claim.due_at() <= self.clock.time_by(&claim.clock))
        } else if is_guest(owner) {
            // Not ours to read: its due time says when it may go, by the clock of some other process.
            (None, record.due_at.is_some_and(|at| at <= self.clock.time_by("")))
        } else {
            let Ok(task) = self.task_of(owner, id, record) else { return };
            let over = self.clock.is_over(&task);
            (Some(task), over)
        };
        if over {
            let operation =
                Operation::Delete { owner: record.owner.clone(), id: record.id.clone(), version: record.version };
            self.sweep.ask();
            self.ask_store(Pending::Deletion, operation);
            return;
        }
        let Some(task) = task else { return };
        let slot = self.slots.open(&record.owner, &record.id);
        let in_hand = self.slots.get(slot).is_some_and(|slot| slot.queue.is_busy() || !slot.queue.is_empty());
        let lapsed = !in_hand && self.lapsed(slot, &task);
        let waits = !in_hand && !lapsed && !self.runs_here(slot);
        let silent =
            waits && self.sightings.is_lost((owner, id), record.version, &task, Some(started), self.clock.now());
        let lost = silent && self.recovery(slot, &task, None).is_some();
        if waits && !silent {
            self.look_again(owner, id);
        }
        if lapsed {
            self.expire(slot);
        } else if lost {
            self.recover(slot, None);
        }
        let posts = !in_hand && self.post_due(slot, &task);
        if lapsed || lost || posts {
            self.sweep.settle(slot);
        }
        self.settle_slot(slot);
    }
}
