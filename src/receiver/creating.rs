//! Making a task of a call: it is stored first, then announced and run, or declined.

use std::rc::Rc;

use super::calls::Call;
use super::change::Change;
use super::event::Happening;
use super::jobs::Pending;
use super::output::Output;
use super::receiver::Receiver;
use super::service::Service;
use super::types::{RequestId, SlotId, Stop};
use crate::storage::{Completion, Operation, Payload, Record, Source, Stored};
use crate::task::OnLost;
use crate::wire::{Body, Error, LimitReason};

impl Receiver {
    /// Whether a call that just arrived may go on towards its task. Where the key is known there is no need of room.
    pub(super) fn may_begin(&self, call: &Call) -> Result<(), Error> {
        if call.key().is_none() {
            return self.may_create(call).map(|_| ());
        }
        call.owner().ok_or(Error::NoOwner)?;
        self.may_create_now(call.context().peer)
    }

    pub(super) fn may_create(&self, call: &Call) -> Result<Rc<str>, Error> {
        let owner = call.owner().cloned().ok_or(Error::NoOwner)?;
        if self.service != Service::Open {
            return Err(Error::ShuttingDown);
        }
        if !self.running.has_room(&owner, &self.limits) {
            return Err(Error::Limit(LimitReason::Tasks));
        }
        self.may_create_now(call.context().peer)?;
        Ok(owner)
    }

    pub(super) fn create(&mut self, number: RequestId) {
        let Some(call) = self.calls.get_mut(number) else { return };
        if call.key().is_some_and(|key| !key.is_claimed()) {
            call.begin_creation();
            return self.claim(number);
        }
        if call.is_dropped() {
            return self.decline(number, Error::Internal);
        }
        let Some(call) = self.calls.get(number) else { return };
        // There may have been room, and a connection, when the call arrived.
        let owner = match self.may_create(call) {
            Ok(owner) => owner,
            Err(error) => return self.decline(number, error),
        };
        if !call.is_within_quota() && self.has_quota() {
            if let Some(call) = self.calls.get_mut(number) {
                call.begin_creation();
            }
            return self.ask_usage(number);
        }
        if call.key().is_some() && self.slots.find(&owner, &call.draft().id).is_some() {
            return self.wait_for_key(number);
        }
        let lease = self.holder.lease();
        let peer = call.context().peer;
        let write_id = self.write_ids.next();
        self.count_creation(peer);
        let Some(call) = self.calls.get_mut(number) else { return };
        if !self.peers.wait(call.context()) && call.needs_caller() {
            // Nobody is left to hear of a task (G26-HTT-07).
            call.drop_caller();
            return self.decline(number, Error::Internal);
        }
        call.begin_creation();
        let id = call.draft().id.clone();
        let task = call.task(self.clock.now(), self.clock.name(), write_id, lease, self.outbox.is_open());
        let payload = if task.on_lost == OnLost::Restart {
            Payload::Write {
                onto_read: false,
                remove: Vec::new(),
                set: vec![(Stored::Request, Source::Request(number))],
            }
        } else {
            Payload::nothing()
        };
        let slot = self.slots.open(&owner, &id);
        call.create_in(slot);
        let record = Record {
            owner,
            id,
            version: 1,
            created_at: task.created_at,
            due_at: self.clock.due_at(&task),
            state: task.to_state(),
        };
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.queue.begin_creation();
            slot.run.begin(number, 1);
            slot.run.write(self.clock.now());
            slot.run.renew();
            slot.remember(Rc::new(task), 1);
            slot.versions.made(1);
        }
        self.count(slot);
        self.ask_store(Pending::Create { call: number, slot }, Operation::Put { record, payload });
        self.start_sweeping();
    }

    /// The store has answered the creation.
    pub(super) fn created(&mut self, number: RequestId, slot: SlotId, completion: &Completion) {
        if matches!(completion, Completion::Done(true)) {
            return self.announce(number, slot);
        }
        let refused = matches!(completion, Completion::Full { .. } | Completion::NotJson);
        if !refused && self.calls.get(number).is_some_and(|call| call.key().is_some()) {
            return self.confirm_creation(number, slot);
        }
        let tried = self.slots.get(slot).and_then(|slot| slot.copy().cloned());
        self.abandon_creation(number, slot);
        if let Some((task, version)) = tried.filter(|_| !refused) {
            // It may be there all the same, though the call goes on without it.
            self.leave_unconfirmed(slot, &Rc::new(Change::Discard { kept: false }), &task, version, false);
        }
        self.decline(
            number,
            match completion {
                Completion::Full { bytes } => Error::full(*bytes),
                _ => Error::Storage,
            },
        );
    }

    /// The call's task is not in the store, or not this call's.
    pub(super) fn abandon_creation(&mut self, number: RequestId, slot: SlotId) {
        self.uncount(slot);
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.queue.try_again();
            entry.run.end();
            entry.forget();
            entry.versions.saw(0);
        }
        if let Some(call) = self.calls.get_mut(number) {
            // Its id may be in the store all the same: it is not tried again.
            call.forbid_task();
        }
        // Who found it there waits for whoever settles it.
        self.check_later(slot);
    }

    /// The call cannot become a task.
    pub(super) fn decline(&mut self, number: RequestId, error: Error) {
        self.give_up_key(number);
        let Some(call) = self.calls.get_mut(number) else { return };
        let (context, begun, dropped, told) = (call.context(), call.has_begun(), call.is_dropped(), call.was_told());
        self.no_longer_waits(context);
        let Some(call) = self.calls.get_mut(number) else { return };
        if !dropped && !call.must_be_task() && !error.is_too_often() {
            // The work can be done without a task (H84).
            if let Some(outcome) = call.go_on_plainly() {
                return self.handle_outcome(self.clock.now(), number, outcome);
            }
            if begun {
                // The handler may wait to hear whether it runs as a task.
                self.push(Output::Begin { call: number });
            } else {
                self.begin(number);
            }
            return;
        }
        if !dropped && !told {
            self.refuse(context, error);
        }
        self.stop(number, Stop::Cancelled);
        self.release(number);
    }

    /// The task is stored: the caller hears of it, then the handler begins (G25-CRE-09, G26-CRE-03).
    pub(super) fn announce(&mut self, number: RequestId, slot: SlotId) {
        let Some(call) = self.calls.get_mut(number) else { return };
        let (status_message, outcome) = call.become_task();
        let (context, dropped, told) = (call.context(), call.is_dropped(), call.was_told());
        let (kept, immediate) = (call.key().is_some(), call.immediate_text());
        self.no_longer_waits(context);
        let Some((id, task)) = self.slots.get_mut(slot).and_then(|slot| {
            slot.queue.try_again();
            slot.copy().map(|(task, _)| (slot.id().to_owned(), task.clone()))
        }) else {
            return;
        };
        if dropped {
            // Nobody will ever know its id, but from its key.
            self.change(slot, Change::Discard { kept });
            return;
        }
        self.expire_later(slot, &task);
        self.renew_later(slot);
        self.peers.made(context.peer, &id);
        self.push(Output::Bind { call: number, id: id.clone() });
        self.event(Happening::Created, slot);
        if !told {
            self.reply(context, Body::Created { id, task, immediate });
        }
        self.event(Happening::Started, slot);
        if let Some(message) = status_message {
            self.change(slot, Change::SetStatusMessage(message));
        }
        match outcome {
            Some(outcome) => self.settle(number, outcome),
            None => self.begin(number),
        }
        if self.service == Service::Leaving {
            self.hand_over(slot);
        }
    }

    /// Lets the handler begin, wherever the call waits.
    fn begin(&mut self, number: RequestId) {
        let Some(call) = self.calls.get_mut(number) else { return };
        if !call.begin() {
            return;
        }
        let output = if call.is_gated() {
            Output::Begin { call: number }
        } else {
            Output::Forward { call: number, gated: false }
        };
        self.push(output);
    }
}
