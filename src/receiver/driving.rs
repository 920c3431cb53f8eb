//! What comes in because time passes or the store answers, and what goes out.

use super::creation_keys::Question;
use super::jobs::Pending;
use super::output::Output;
use super::receiver::Receiver;
use super::timers::Timer;
use super::types::JobId;
use crate::storage::{Completion, Operation};
use crate::task::Millis;

impl Receiver {
    /// Time passes; it never goes back (X-STO-06).
    pub(super) fn tick(&mut self, now: Millis) {
        self.clock.advance(now);
        if self.timers.are_many() {
            let (slots, calls, inputs) = (&self.slots, &self.calls, &self.input_slots);
            let (subscriptions, waits) = (&self.subscriptions, &self.waits);
            self.timers.forget(|timer| match timer {
                Timer::Promote(call)
                | Timer::LookAtKey(call)
                | Timer::ConfirmCreation(call)
                | Timer::Progress(call) => calls.has(*call),
                Timer::Expire(slot) | Timer::Renew(slot) | Timer::Retry(slot) | Timer::Check(slot) => {
                    slots.get(*slot).is_some()
                }
                Timer::Lapse(request) => subscriptions.get(*request).is_some() || waits.has(*request),
                Timer::Carry(input) => inputs.contains_key(input),
                Timer::Sweep | Timer::NextPage | Timer::Observe | Timer::Overdue => true,
            });
        }
    }

    /// A deadline has come.
    pub fn handle_deadline(&mut self, now: Millis) {
        self.tick(now);
        self.timers.woken();
        while let Some(timer) = self.timers.pop_due(self.clock.now()) {
            match timer {
                Timer::Promote(call) => self.promote(call),
                Timer::LookAtKey(call) => self.claim_again(call),
                Timer::ConfirmCreation(call) => self.confirm_again(call),
                Timer::Expire(slot) => self.expire(slot),
                Timer::Renew(slot) => self.renew(slot),
                Timer::Retry(slot) => self.retry(slot),
                Timer::Check(slot) => {
                    let Some(entry) = self.slots.get_mut(slot) else { continue };
                    entry.followers.check();
                    self.check_later(slot);
                    self.look(slot);
                }
                Timer::Lapse(request) => self.lapse(request),
                Timer::Carry(input) => self.give_up_carrying(input),
                Timer::Progress(call) => self.progress_rested(call),
                Timer::Sweep if self.sweep.is_due(self.clock.now()) => self.begin_walk(),
                Timer::Sweep => {}
                Timer::NextPage => self.next_page(),
                Timer::Observe => self.observe(),
                Timer::Overdue => self.end_overdue(),
            }
        }
        self.walk_on();
    }

    /// Sets a timer that fires after so many ms.
    pub(super) fn wake_in(&mut self, pause: Millis, timer: Timer) {
        self.timers.set(self.clock.now().saturating_add(pause), timer);
    }

    /// A storage operation ended. One that took too long has ended before, and its answer is ignored.
    pub fn handle_completion(&mut self, now: Millis, job: JobId, completion: Completion) {
        self.tick(now);
        self.complete(job, completion);
    }

    pub(super) fn complete(&mut self, job: JobId, completion: Completion) {
        let Some((pending, started)) = self.jobs.end(job) else { return };
        if completion != Completion::Failed {
            self.sightings.store_answered(self.clock.now(), self.holder.length());
        }
        let turn = match pending {
            Pending::Create { slot, .. } | Pending::Load { slot } | Pending::Swap { slot, .. } => Some(slot),
            Pending::Key { question: Question::Unconfirmed { slot }, .. } => Some(slot),
            _ => None,
        };
        match pending {
            Pending::Create { call, slot } => self.created(call, slot, &completion),
            Pending::Usage { call } => self.usage_known(call, &completion),
            Pending::Key { call, ref question } => self.key_answered(call, question, &completion),
            Pending::Load { slot } => self.loaded(job, slot, &completion),
            Pending::Swap { slot, ref change, ref next, version } => {
                self.swapped(job, slot, change, next, version, &completion)
            }
            Pending::Read(ref read) => self.read_completed(job, read, started, &completion),
            Pending::Sweep(ref part) => self.swept(part, started, &completion),
            Pending::Deletion => self.sweep.answered(),
            Pending::Nothing => {}
        }
        // What was read may be on its way back, changed, under the same number.
        if !self.jobs.is_open(job) {
            self.push(Output::Finish { job });
        }
        if let Some(number) = turn {
            self.advance(number);
        }
        self.walk_on();
    }

    /// The next thing that an input has led to. A host may take these alone first, do them, and then
    /// [`poll_output`](Self::poll_output), which also looks at the time.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.next_output() {
            return Some(output);
        }
        // What a store answers at once is answered by now, and needs no timer.
        self.limit_oldest();
        // The next deadline is the last output, and only when it has moved.
        self.timers.announce().map(|at| Output::Wake { at })
    }

    /// Sets a timer for the end of the time that the store has for the oldest operation.
    pub(super) fn limit_oldest(&mut self) {
        if let Some(at) = self.jobs.time_oldest() {
            self.timers.set(at, Timer::Overdue);
        }
    }

    /// What the store has not answered in time counts as failed.
    pub(super) fn end_overdue(&mut self) {
        for job in self.jobs.overdue(self.clock.now()) {
            self.abandon(job);
        }
    }

    /// Does not wait for an operation any longer.
    pub(super) fn abandon(&mut self, job: JobId) {
        self.push(Output::Overdue { job });
        self.complete(job, Completion::Failed);
    }

    /// Asks the store; its answer is the completion of what is `pending`.
    pub(super) fn ask_store(&mut self, pending: Pending, operation: Operation) -> JobId {
        let job = self.jobs.begin(pending, self.clock.now());
        self.push(Output::Store { job, operation });
        job
    }
}
