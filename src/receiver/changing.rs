//! Turns of a slot: its changes are decided by the lifecycle one after the other, and written with one compare-and-swap
//! each.

use std::rc::Rc;
use std::slice;

use super::change::Change;
use super::jobs::Pending;
use super::output::Output;
use super::receiver::Receiver;
use super::service::Service;
use super::slot::Slot;
use super::timers::Timer;
use super::types::{JobId, SlotId};
use crate::lifecycle;
use crate::lifecycle::Command;
use crate::storage::{Completion, Operation, Record};
use crate::task::{EXPIRED_GRACE, Failure, OnLost, Task};
use crate::wire::{Error, LimitReason};

/// Requests that may wait for changes to one task.
const QUEUED: usize = 256;

impl Receiver {
    /// Queues a change.
    pub(super) fn change(&mut self, number: SlotId, change: Change) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if let Some(context) = change.context()
            && slot.queue.len() >= QUEUED
        {
            self.refuse(context, Error::Limit(LimitReason::Rate));
            return self.forget(context);
        }
        if slot.queue.push(change) {
            self.advance(number);
        }
    }

    /// Queues a change before all that wait.
    pub(super) fn change_next(&mut self, number: SlotId, change: Change) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.queue.push_next(change);
        self.advance(number);
    }

    /// Another change comes before the one whose turn it is.
    pub(super) fn turn_first(&mut self, number: SlotId, change: Change) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.queue.push_first(change);
        }
    }

    /// Takes the next change of a slot in hand. A turn that ends at once asks for the next one; it comes after it, not
    /// inside it, so that a long queue needs no deep stack.
    pub(super) fn advance(&mut self, number: SlotId) {
        if !self.turns.add(number) {
            return;
        }
        while let Some(number) = self.turns.next() {
            self.turn(number);
        }
    }

    fn turn(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get(number).filter(|slot| !slot.queue.is_busy()) else { return };
        let settles_first = matches!(slot.queue.head().map(|change| &**change), Some(Change::Recover { .. }));
        if slot.followers.has_reads() && !settles_first {
            self.read_settled(number);
        }
        let Some(slot) = self.slots.get_mut(number) else { return };
        let Some(change) = slot.queue.head() else {
            if self.service == Service::Leaving {
                // Other processes find out.
                slot.unconfirmed.clear();
            } else if !slot.unconfirmed.is_empty() {
                self.check_later(number);
            }
            return self.settle_slot(number);
        };
        // What may have been written already is read whole: those who wait may be answered with it.
        let payload = slot.reads_payload(change) || !slot.unconfirmed.is_empty();
        let trusted = change.trusts_cache() && !payload;
        if trusted && let Some((task, version)) = slot.copy().cloned() {
            slot.begin_turn(payload, None);
            self.decide(number, None, task, version);
            return self.advance(number);
        }
        slot.begin_turn(payload, Some(self.clock.now()));
        let operation =
            Operation::Get { owner: Rc::clone(slot.owner()), id: slot.id().to_owned(), payload, request: None };
        self.ask_store(Pending::Load { slot: number }, operation);
    }

    /// The record is here: it is decided.
    pub(super) fn loaded(&mut self, job: JobId, number: SlotId, completion: &Completion) {
        match completion {
            Completion::Record(Some(record)) => match self.task_in_slot(number, record) {
                Ok(task) => {
                    let task = Rc::new(task);
                    if self.settle_unconfirmed(job, number, &task, record.version) {
                        return;
                    }
                    self.decide(number, Some(job), task, record.version);
                }
                Err(_) => self.unreadable(number),
            },
            Completion::Record(None) => self.missing(number),
            Completion::Unreadable => self.unreadable(number),
            _ => self.retry_or_give_up(number),
        }
    }

    /// Asks the lifecycle about the change at the head of the queue.
    fn decide(&mut self, number: SlotId, job: Option<JobId>, task: Rc<Task>, version: u32) {
        let (now, third) = (self.clock.now(), self.holder.third());
        let Some(slot) = self.slots.get_mut(number) else { return };
        let Some(change) = slot.queue.head().cloned() else {
            return slot.queue.try_again();
        };
        slot.remember(Rc::clone(&task), version);
        let renewed = matches!(*change, Change::Renew) && slot.run.fresh_until(third) > now;
        if self.is_stale(number, &task) {
            return self.fence(number);
        }
        // What was written while it waited has renewed the lease.
        if renewed || (change.is_of_run() && !self.runs_here(number)) {
            self.leave_head(number);
            return;
        }
        let time = self.clock.time_by(&task.clock);
        let hidden = change.context().is_some_and(|context| {
            task.is_gone(time) || (task.generation != context.generation && !self.cross_generation)
        });
        if hidden {
            return self.missing_for(number, &change);
        }
        // Who reads the task sees it expired already (X-TTL-01): that comes first.
        let ends = matches!(*change, Change::Expire | Change::Discard { .. });
        if !ends && !task.extends && task.has_run_out(time) {
            return self.turn_first(number, Change::Expire);
        }
        // So does who reads one whose process was lost (X-STO-05).
        let lost = self.has_lost_runner(number, version, &task);
        let inputs = !ends && !matches!(*change, Change::Recover { .. }) && !self.is_unsettled(number);
        if inputs && lost && self.recovery(number, &task, change.context()).is_some() {
            return self.turn_first(number, Change::Recover { on: change.context() });
        }
        let command = match self.command(number, &change, &task, lost) {
            Ok(Some(command)) => command,
            Ok(None) => return self.checked(number, job, &task),
            Err(error) => return self.give_up(number, error),
        };
        match lifecycle::apply(&task, command, self.clock.now()) {
            Ok(mut next) => {
                if matches!(*change, Change::Discard { .. }) {
                    // Nobody has heard of it, so nobody is told.
                    (next.posts, next.post_at) = (0, None);
                }
                if let Some(said) = self.said(&change) {
                    next.set_message(said);
                }
                self.write(number, job, change, &task, next, version);
            }
            Err(refusal) => self.refused(number, job, &change, refusal, &task),
        }
    }

    /// The lifecycle's command for a change; `None` if nothing is to change.
    fn command<'a>(
        &self,
        number: SlotId,
        change: &'a Change,
        task: &Task,
        lost: bool,
    ) -> Result<Option<Command<'a>>, Error> {
        Ok(Some(match change {
            Change::SetStatusMessage(message) => Command::SetStatusMessage(message),
            Change::RequestInput { input, .. } => {
                Command::RequestInput { inputs: slice::from_ref(input), in_result: false }
            }
            Change::EndInInputRequired { inputs, .. } => Command::RequestInput { inputs, in_result: true },
            Change::Withdraw { key } => Command::Withdraw(key),
            Change::Update { .. } if task.awaits_answers() && self.service != Service::Open => {
                return Err(Error::ShuttingDown);
            }
            Change::Update { keys, shapes, .. } => {
                for (key, shape) in keys.iter().zip(shapes) {
                    if task.input(key).is_some_and(|input| !input.answered && !shape.answers(input.kind)) {
                        return Err(Error::Misfit);
                    }
                }
                Command::Answer { keys, kept: true }
            }
            Change::Answered { key, .. } => Command::Answer { keys: slice::from_ref(key), kept: false },
            Change::Complete { is_error, .. } => {
                Command::Complete { tool_failed: *is_error && task.method.row().has_error_results }
            }
            Change::Fail { failure, .. } => Command::Fail(*failure),
            // 2025-11-25 promises that the task is cancelled when the answer leaves (G25-CAN-02). Where the handler has
            // ended with a question, nobody is there to decide (G26-CAN-05).
            Change::Cancel(context)
                if task.cooperative && context.generation.cancel_is_advisory() && !task.awaits_answers() =>
            {
                Command::RequestCancel
            }
            Change::Cancel(_) | Change::Discard { .. } => Command::Cancel,
            Change::Expire if !self.lapsed(number, task) => return Ok(None),
            Change::Expire if task.extends && self.runs_here(number) => Command::Extend(task.ttl.unwrap_or_default()),
            Change::Expire => Command::Expire,
            // Requestors see no more of a step than of a renewal.
            Change::Renew | Change::KeepStep { .. } => Command::Renew,
            // Where it may not run again, it is as lost as it would be without a word.
            Change::Release if task.on_lost == OnLost::Fail => Command::Fail(Some(Failure::Lost)),
            Change::Release => Command::Release,
            Change::Post { until, begins } => Command::Post { until: *until, begins: *begins },
            Change::Posted => Command::Posted,
            Change::Recover { .. } if !lost => return Ok(None),
            Change::Recover { on } => return Ok(self.recovery(number, task, *on)),
            Change::Check => return Ok(None),
        }))
    }

    /// What the handler's failure says of itself, if this is the change that stores it.
    fn said(&self, change: &Change) -> Option<&str> {
        let (Change::Complete { call, .. } | Change::Fail { call, failure: None }) = change else { return None };
        self.calls.get(*call).and_then(|call| call.said())
    }

    /// Whether whoever should run the task of a slot is lost.
    fn has_lost_runner(&mut self, number: SlotId, version: u32, task: &Task) -> bool {
        let Some(slot) = self.slots.get(number).filter(|slot| !slot.run.is_here()) else { return false };
        self.sightings.is_lost((slot.owner(), slot.id()), version, task, slot.read_at(), self.clock.now())
    }

    fn is_unsettled(&self, number: SlotId) -> bool {
        self.slots.get(number).is_some_and(|slot| slot.queue.is_unsettled())
    }

    /// Whether the task's handler runs here.
    pub(super) fn runs_here(&self, number: SlotId) -> bool {
        self.slots.get(number).is_some_and(|slot| slot.run.is_here())
    }

    /// Whether it is this receiver's to end the task's time. Where the one that runs it would extend it, that one comes
    /// first.
    pub(super) fn lapsed(&self, number: SlotId, task: &Task) -> bool {
        let grace = if task.extends && !self.runs_here(number) { EXPIRED_GRACE } else { 0 };
        task.has_run_out(self.clock.time_by(&task.clock).saturating_sub(grace))
    }

    fn write(
        &mut self,
        number: SlotId,
        read: Option<JobId>,
        change: Rc<Change>,
        task: &Task,
        next: Task,
        version: u32,
    ) {
        let mut next = next;
        self.extend_lease(number, task, &mut next, &change);
        let due_at = self.clock.due_at(&next);
        let Some(slot) = self.slots.get_mut(number) else { return };
        let tried = slot.unconfirmed.write_id_of(&change, version.saturating_add(1));
        // Whoever ended the task, and was not told so by the store, still has to find its own write.
        if !change.is_about_end() {
            next.write_id = tried.unwrap_or_else(|| self.write_ids.next());
        }
        slot.queue.begin_write(next.epoch != task.epoch);
        let spent = if read.is_some() && slot.has_read_payload() && change.is_of_run() {
            slot.take_spent(&mut next)
        } else {
            Vec::new()
        };
        let payload = change.payload(slot.shows_input_of(&change), task, &next).without(spent);
        let record = Record {
            owner: Rc::clone(slot.owner()),
            id: slot.id().to_owned(),
            version: version.saturating_add(1),
            created_at: next.created_at,
            due_at,
            state: next.to_state(),
        };
        slot.versions.write(record.version);
        slot.run.write(self.clock.now());
        let pending = Pending::Swap { slot: number, change, next: Rc::new(next), version: record.version };
        // The write goes on under the job that read, so that the host adds to the payload it has read.
        let job = match read {
            Some(job) => {
                self.jobs.go_on(job, pending, self.clock.now());
                job
            }
            None => self.jobs.begin(pending, self.clock.now()),
        };
        self.push(Output::Store { job, operation: Operation::Put { record, payload } });
    }

    /// The store has answered a swap.
    pub(super) fn swapped(
        &mut self,
        job: JobId,
        number: SlotId,
        change: &Rc<Change>,
        next: &Rc<Task>,
        version: u32,
        completion: &Completion,
    ) {
        let done = matches!(completion, Completion::Done(true));
        if self.slots.get_mut(number).is_some_and(|slot| slot.versions.written(done)) {
            self.look(number);
        }
        let Some(slot) = self.slots.get_mut(number) else { return };
        let begins = slot.queue.begins_run();
        match completion {
            Completion::Done(true) => self.took(job, number, next, version, begins),
            Completion::Done(false) => {
                // Somebody else was faster, or nothing tells whether the store has it: read again and ask again.
                slot.forget();
                slot.queue.lose();
                let too_often = slot.queue.is_hopeless();
                self.leave_unconfirmed(number, change, next, version, begins);
                if too_often {
                    self.give_up(number, Error::Storage);
                }
            }
            Completion::NotJson | Completion::Full { bytes: true } => {
                let failure =
                    if matches!(completion, Completion::NotJson) { Failure::NotJson } else { Failure::TooLarge };
                match **change {
                    Change::Complete { call, .. }
                    | Change::EndInInputRequired { call, .. }
                    | Change::Fail { call, failure: None } => {
                        slot.queue.replace_head(Change::Fail { call, failure: Some(failure) })
                    }
                    Change::RequestInput { .. } | Change::Update { .. } | Change::KeepStep { .. } => {
                        self.give_up(number, Error::Limit(LimitReason::Payload))
                    }
                    _ => self.retry_or_give_up(number),
                }
            }
            _ => {
                self.leave_unconfirmed(number, change, next, version, begins);
                if matches!(**change, Change::Renew | Change::Recover { .. }) {
                    self.sightings.cannot_write();
                }
                self.retry_or_give_up(number);
            }
        }
    }

    /// The store has the change at the head of the queue: it takes effect (X-STO-09, G26-UPD-11).
    /// `begins`: with it, a run begins here.
    pub(super) fn took(&mut self, job: JobId, number: SlotId, next: &Rc<Task>, version: u32, begins: bool) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.unconfirmed.confirm(version);
        let before = slot.remember(Rc::clone(next), version);
        slot.versions.made(version);
        slot.run.renew();
        if let Some(change) = slot.queue.take_stored() {
            self.committed(job, number, &change, before.as_deref(), next, begins);
        }
    }

    /// Lets go of a slot that nothing needs any more.
    pub(super) fn settle_slot(&mut self, number: SlotId) {
        if self.slots.get(number).is_some_and(Slot::is_over) {
            self.uncount(number);
            self.slots.close(number);
        }
    }

    pub(super) fn count(&mut self, number: SlotId) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.run.count()
        {
            self.running.add(Rc::clone(slot.owner()));
        }
    }

    pub(super) fn uncount(&mut self, number: SlotId) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.run.uncount()
        {
            self.running.remove(slot.owner());
        }
    }

    pub(super) fn retry(&mut self, slot: SlotId) {
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.queue.resume();
            self.advance(slot);
        }
    }

    /// Looks at a running task when its time to live is over.
    pub(super) fn expire_later(&mut self, slot: SlotId, task: &Task) {
        if let Some(at) = task.expires_at() {
            let at = at.saturating_add(self.clock.skew_of(&task.clock));
            self.timers.set(at, Timer::Expire(slot));
        }
    }

    /// A running task's time to live is over: it grows, or the task expires visibly (X-TTL-05).
    pub(super) fn expire(&mut self, slot: SlotId) {
        let Some(entry) = self.slots.get(slot) else { return };
        if entry.copy().is_none_or(|(task, _)| task.has_run_out(self.clock.time_by(&task.clock))) {
            self.change(slot, Change::Expire);
        }
    }
}
