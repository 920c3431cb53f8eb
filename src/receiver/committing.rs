//! What a decided change brings about: for the handler, for the request that wanted it, for those who wait.

use std::rc::Rc;

use super::calls::Call;
use super::change::Change;
use super::event::Happening;
use super::jobs::Pending;
use super::output::Output;
use super::receiver::Receiver;
use super::service::Service;
use super::timers::Timer;
use super::types::{JobId, RequestId, SlotId, Stop, Trouble, Withdrawal};
use crate::lifecycle::Refusal;
use crate::storage::Operation;
use crate::task::{Failure, Millis, Phase, Task};
use crate::wire::{Body, Error};

/// The first and the longest pause before a failed write of an outcome is repeated, in ms (H93).
const RETRY_FIRST: Millis = 100;
const RETRY_LONGEST: Millis = 10_000;
/// How long what a handler has to say is tried again, in ms.
const PATIENCE: Millis = 3_600_000;

impl Receiver {
    pub(super) fn committed(
        &mut self,
        job: JobId,
        number: SlotId,
        change: &Change,
        before: Option<&Task>,
        next: &Rc<Task>,
        begins: bool,
    ) {
        if change.is_about_end() {
            if matches!(change, Change::Post { begins: true, .. }) {
                self.post(number, next);
            }
            return;
        }
        self.happened(number, change, before, next);
        // Nobody was told of a discarded task, and a renewal or a step is no news, also where it was unconfirmed
        // (X-STO-07).
        if !matches!(change, Change::Discard { .. } | Change::Renew | Change::KeepStep { .. }) {
            self.tell_requestor(number, before, next);
        }
        match *change {
            Change::RequestInput { id, .. } => self.asked(number, id, next),
            Change::EndInInputRequired { .. } => self.end_run(number),
            Change::Withdraw { ref key } => self.forget_input(number, key),
            Change::Update { context, ref keys, .. } => {
                self.answered(number, context.request, keys);
                self.reply(context, Body::Ack);
                if begins {
                    self.restart(number, Some(context), job, next);
                }
                self.forget(context);
            }
            Change::Answered { input, .. } => self.hand_answer(number, input),
            Change::Cancel(context) => {
                let id = self.slots.get(number).map(|slot| slot.id().to_owned()).unwrap_or_default();
                let body = if context.generation.cancel_is_advisory() {
                    Body::Ack
                } else {
                    Body::State { id, task: Rc::clone(next) }
                };
                self.reply(context, body);
                self.tell_to_stop(number, next);
            }
            Change::Expire if !next.phase.is_terminal() => self.expire_later(number, next),
            Change::Discard { kept: false } => self.delete(number),
            Change::Renew => self.tell_to_stop(number, next),
            Change::KeepStep { id, .. } => {
                self.push(Output::StepKept { step: id });
                self.tell_to_stop(number, next);
            }
            Change::Release => self.end_run(number),
            Change::Recover { on } if begins => {
                self.restart(number, on, job, next);
            }
            Change::Recover { .. } => {}
            Change::SetStatusMessage(_)
            | Change::Complete { .. }
            | Change::Fail { .. }
            | Change::Expire
            | Change::Check
            | Change::Post { .. }
            | Change::Posted
            | Change::Discard { kept: true } => {}
        }
        if next.phase.is_terminal() {
            self.ended(Some(job), number, next);
        } else {
            // A renewal is no news (X-STO-07).
            if before.is_none_or(|before| !before.looks_like(next)) {
                self.look_for_listeners(number);
            }
        }
    }

    /// A change that is not the next one turns out to be stored: it takes effect. `waits`: who wanted it has not been
    /// answered yet.
    pub(super) fn committed_late(
        &mut self,
        job: JobId,
        number: SlotId,
        change: &Change,
        task: &Rc<Task>,
        begins: bool,
        waits: bool,
    ) {
        match *change {
            Change::Update { context, .. } if !waits => {
                self.happened(number, change, None, task);
                self.tell_requestor(number, None, task);
                self.answered_elsewhere(number, job, task);
                if begins {
                    self.restart(number, Some(context), job, task);
                }
                self.look_for_listeners(number);
            }
            Change::Cancel(_) if !waits => {
                self.happened(number, change, None, task);
                self.tell_requestor(number, None, task);
                if task.phase.is_terminal() {
                    return self.ended(Some(job), number, task);
                }
                self.tell_to_stop(number, task);
                self.look_for_listeners(number);
            }
            _ => self.committed(job, number, change, None, task, begins),
        }
    }

    /// Lets a handler know, once, that its task is to be cancelled.
    fn tell_to_stop(&mut self, number: SlotId, task: &Task) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if task.cancel_requested
            && !task.phase.is_terminal()
            && let Some(call) = slot.run.tell_to_stop()
        {
            self.push(Output::Abort { call, reason: Stop::Cancelled, silently: true });
        }
    }

    /// The task has ended: the handler stops, its input is withdrawn, who waits is answered.
    fn ended(&mut self, job: Option<JobId>, number: SlotId, task: &Rc<Task>) {
        self.uncount(number);
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.unconfirmed.clear();
        let waiters = slot.followers.take_waiters();
        let call = slot.run.call();
        let id = slot.id().to_owned();
        slot.queue.keep(|change| change.context().is_some());
        let reason = match (task.phase, task.failure) {
            (Phase::Cancelled, _) => Some(Stop::Cancelled),
            (_, Some(Failure::Expired)) => Some(Stop::Expired),
            (_, Some(Failure::Lost)) => Some(Stop::Lost),
            _ => None,
        };
        if let (Some(call), Some(reason)) = (call, reason) {
            self.stop(call, reason);
        }
        self.drop_inputs(number);
        for context in waiters.into_values() {
            self.no_longer_waits(context);
            self.retrieved(context, &id, task);
            self.answer(context, job, Body::Outcome { id: id.clone(), task: Rc::clone(task) });
        }
        self.end_call(number);
        self.look_for_listeners(number);
    }

    /// Somebody else has ended the task. What was read need not hold its outcome.
    fn ended_elsewhere(&mut self, number: SlotId, job: Option<JobId>, task: &Rc<Task>) {
        let Some(slot) = self.slots.get(number) else { return };
        if (slot.followers.waiters() == 0) || (job.is_some() && slot.has_read_payload()) {
            return self.ended(job, number, task);
        }
        self.turn_first(number, Change::Check);
    }

    /// Nothing changes: those who wait learn how the task stands.
    pub(super) fn checked(&mut self, number: SlotId, job: Option<JobId>, task: &Rc<Task>) {
        self.leave_head(number);
        self.tell_listeners(number, job, task);
        if let Some(slot) = self.slots.get_mut(number)
            && job.is_some()
            && (slot.has_read_payload() || !slot.is_watched())
            && let Some((_, version)) = slot.copy()
        {
            slot.versions.saw(*version);
        }
        if task.phase.is_terminal() {
            self.ended_elsewhere(number, job, task);
        } else {
            self.tell_to_stop(number, task);
            if let Some(job) = job {
                self.answered_elsewhere(number, job, task);
            }
        }
    }

    pub(super) fn refused(
        &mut self,
        number: SlotId,
        job: Option<JobId>,
        change: &Change,
        refusal: Refusal,
        task: &Rc<Task>,
    ) {
        self.leave_head(number);
        match change {
            Change::Cancel(context) if !context.generation.cancel_is_advisory() => {
                self.refuse(*context, Error::AlreadyTerminal)
            }
            Change::Cancel(context) => self.reply(*context, Body::Ack),
            Change::Update { context, .. } => {
                self.reply(*context, Body::Ack);
                self.forget(*context);
            }
            Change::Complete { .. } | Change::Fail { .. } | Change::EndInInputRequired { .. } => {
                self.event(Happening::LateOutcome, number);
                self.end_call(number);
            }
            Change::RequestInput { id, .. } => self.drop_input(number, *id, Withdrawal::Ended),
            Change::KeepStep { id, .. } => self.push(Output::StepLost { step: *id, reason: Withdrawal::Ended }),
            // It was stored before, or another process stored one first: the handler's wait is over either way.
            Change::Answered { input, .. } if refusal == Refusal::Idle => self.hand_answer(number, *input),
            Change::Withdraw { key } => self.forget_input(number, key),
            _ => {}
        }
        if refusal == Refusal::Terminal {
            self.ended_elsewhere(number, job, task);
        }
    }

    /// The store does not have the task (any more).
    pub(super) fn missing(&mut self, number: SlotId) {
        let cached = self.slots.get_mut(number).and_then(|slot| slot.forget());
        let expired = cached.is_some_and(|task| task.is_expired(self.clock.time_by(&task.clock)));
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.versions.saw(0);
        slot.unconfirmed.clear();
        let queue = slot.queue.take_all();
        let waiters = slot.followers.take_waiters();
        if let Some(call) = slot.run.call() {
            self.stop(call, if expired { Stop::Expired } else { Stop::Lost });
        }
        self.end_call(number);
        for context in queue.iter().filter_map(|change| change.context()) {
            self.miss(context);
            self.forget(context);
        }
        for context in waiters.into_values() {
            self.no_longer_waits(context);
            self.refuse(context, Error::Expired);
        }
        self.leave_listeners(number);
        self.drop_inputs(number);
    }

    /// The task is there, but not for this request.
    pub(super) fn missing_for(&mut self, number: SlotId, change: &Change) {
        self.leave_head(number);
        if let Some(context) = change.context() {
            self.miss(context);
            self.forget(context);
        }
    }

    /// The change at the head cannot be made.
    pub(super) fn give_up(&mut self, number: SlotId, error: Error) {
        let left = self.leave_head(number);
        if left.as_ref().is_some_and(|change| change.is_outcome()) {
            let id = self.slots.get(number).map(|slot| slot.id().to_owned()).unwrap_or_default();
            self.push(Output::Report { trouble: Trouble::OutcomeLost, id });
        }
        match left.as_deref() {
            Some(Change::Cancel(context) | Change::Update { context, .. }) => self.refuse_and_forget(*context, error),
            Some(Change::RequestInput { id: input, .. } | Change::Answered { input, .. }) => {
                self.drop_input(number, *input, Withdrawal::Storage)
            }
            Some(Change::Withdraw { key }) => self.forget_input(number, key),
            Some(Change::KeepStep { id, .. }) => {
                let too_much = matches!(error, Error::Limit(_));
                let reason = if too_much { Withdrawal::TooMany } else { Withdrawal::Storage };
                self.push(Output::StepLost { step: *id, reason });
            }
            // Its lease lapses, and whoever meets it then settles it.
            Some(
                Change::Complete { .. } | Change::Fail { .. } | Change::EndInInputRequired { .. } | Change::Release,
            ) => self.end_run(number),
            // Who listens is still owed the news.
            Some(Change::Check) => self.check_later(number),
            _ => {}
        }
    }

    /// The change at the head of the queue is over.
    pub(super) fn leave_head(&mut self, number: SlotId) -> Option<Rc<Change>> {
        self.slots.get_mut(number)?.queue.leave_head()
    }

    /// The store failed: an outcome is worth waiting for, a request is answered.
    pub(super) fn retry_or_give_up(&mut self, number: SlotId) {
        let (now, third) = (self.clock.now(), self.holder.third());
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.forget();
        let (attempts, since) = slot.queue.fail(now);
        let head = slot.queue.head();
        let waits = head.is_some_and(|change| change.context().is_some());
        let patient = self.service != Service::Leaving && head.is_some_and(|change| change.is_patient());
        let is_of_run = head.is_some_and(|change| change.is_of_run());
        // A request whose write may have arrived is worth one look.
        if waits && !slot.unconfirmed.is_empty() && attempts == 1 {
            return slot.queue.try_again();
        }
        // What a handler has to say is worth more: no outage is to cost its outcome, and few stores refuse one for
        // good.
        let too_long = if is_of_run { now.saturating_sub(since) > PATIENCE } else { slot.queue.is_hopeless() };
        if !patient || too_long {
            return self.give_up(number, Error::Storage);
        }
        // A task that runs here is not to be silent for a lease because the store was away for longer.
        let longest = if slot.run.is_here() { RETRY_LONGEST.min(third) } else { RETRY_LONGEST };
        let pause = (RETRY_FIRST << attempts.min(10)).min(longest);
        for context in slot.queue.take_requests() {
            self.refuse_and_forget(context, Error::Storage);
        }
        self.wake_in(pause, Timer::Retry(number));
    }

    /// The handler's run is over, and what it asked goes with it.
    pub(super) fn end_run(&mut self, number: SlotId) {
        self.drop_inputs(number);
        self.end_call(number);
    }

    /// The call is over, for the connection and for the slot. Who still waits looks at the store.
    pub(super) fn end_call(&mut self, slot: SlotId) {
        // Who still waits for the task keeps its slot, but nothing runs in it.
        self.uncount(slot);
        let Some(number): Option<RequestId> = self.slots.get_mut(slot).and_then(|slot| slot.run.end()) else {
            return;
        };
        if self.calls.get(number).is_some_and(Call::is_announced) {
            self.stopped(slot, number);
        }
        self.release(number);
        self.check_later(slot);
    }

    /// Removes a task that nobody heard of.
    fn delete(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get(number) else { return };
        let Some((_, version)) = slot.copy() else { return };
        let operation =
            Operation::Delete { owner: Rc::clone(slot.owner()), id: slot.id().to_owned(), version: *version };
        self.ask_store(Pending::Nothing, operation);
    }
}
