//! Input of a task: what its handler asks, and what the client answers.

use super::change::Change;
use super::inputs::{Followup, Inputs, PendingInput};
use super::output::Output;
use super::receiver::Receiver;
use super::timers::Timer;
use super::types::{InputRequestId, JobId, PeerId, RequestContext, RequestId, Shape, SlotId, Withdrawal};
use crate::lifecycle::NewInput;
use crate::task::{InputKind, Millis, Task, cut};
use crate::wire::Error;
use crate::wire::capability::needed_by;

/// How long a request waits for something that carries it, where nothing is to be expected, in ms.
const CARRIER_PATIENCE: Millis = 3_000;

impl Receiver {
    /// A handler asks for input. `own`: with a JSON-RPC request of the SDK's. Says whether the receiver takes care of
    /// it; otherwise the request goes its ordinary way.
    pub fn handle_input_request(
        &mut self,
        now: Millis,
        call: RequestId,
        input: InputRequestId,
        name: &str,
        kind: InputKind,
        own: bool,
    ) -> bool {
        self.tick(now);
        let Some((slot, context)) = self.task_of_call(call) else {
            if !own {
                self.withdraw(input, false, Withdrawal::NotATask);
            }
            return !own;
        };
        // 2025-11-25 delivers a request; 2026-07-28 shows it in the task (G25-INP-02, G26-INP-01).
        let nested = !context.generation.state_has_details();
        // The SDKs do not check each request of their own (G25-INP-09).
        if !context.capabilities.contains(needed_by(kind)) {
            self.withdraw(input, false, Withdrawal::Undeclared);
            return true;
        }
        let limits = self.limits;
        let Some(entry) = self.slots.get_mut(slot) else { return false };
        let issued = entry.copy().map_or(0, |(task, _)| task.issued as usize) + entry.inputs.unstored();
        if entry.inputs.len() >= limits.outstanding as usize || issued >= limits.issued as usize {
            self.withdraw(input, false, Withdrawal::TooMany);
            return true;
        }
        entry.inputs.add(input, None, nested, !nested || self.cross_generation);
        self.input_slots.insert(input, slot);
        let named = NewInput { name: cut(name, limits.name).to_owned(), kind };
        self.change(slot, Change::RequestInput { id: input, input: named });
        true
    }

    /// The store knows that the handler waits.
    pub(super) fn asked(&mut self, slot: SlotId, input: InputRequestId, task: &Task) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let Some(key) = task.inputs.last().map(|input| input.key.clone()) else { return };
        match entry.inputs.stored(input, &key) {
            None => return,
            Some(Followup::GivenUp) => return self.change(slot, Change::Withdraw { key }),
            Some(Followup::Shown) => {
                entry.followers.check_soon();
                self.check_later(slot);
            }
            Some(Followup::Nested) => {}
        }
        self.deliver(slot);
    }

    /// Answers that another process stored reach the handlers that wait for them here.
    pub(super) fn answered_elsewhere(&mut self, slot: SlotId, job: JobId, task: &Task) {
        let Some(entry) = self.slots.get_mut(slot).filter(|slot| slot.has_read_payload()) else { return };
        let lost = entry.inputs.lost_in(task);
        while let Some(pending) = self.take_input(slot, |pending| pending.is_answered_in(task)) {
            let input = pending.input();
            if let Some(key) = pending.into_key() {
                self.push(Output::AnsweredElsewhere { input, job, key });
            }
            self.has_spent(slot);
        }
        for input in lost {
            self.drop_input(slot, input, Withdrawal::Storage);
        }
    }

    /// The host takes an input request along into a new receiver; the store has it under `key`.
    pub fn handle_adopt_input_request(&mut self, now: Millis, call: RequestId, input: InputRequestId, key: &str) {
        self.tick(now);
        let found = self.task_of_call(call).map(|(slot, _)| slot);
        let Some((slot, entry)) = found.and_then(|slot| Some((slot, self.slots.get_mut(slot)?))) else {
            return self.withdraw(input, false, Withdrawal::NotATask);
        };
        entry.inputs.add(input, Some(key.to_owned()), false, true);
        self.input_slots.insert(input, slot);
        self.change(slot, Change::Check);
        self.check_later(slot);
    }

    /// Sends what is owed to the client: on the newest result stream, or on the connection where that is one stream
    /// (G25-INP-07, G25-NTF-04). Where neither is, the host tries the connection, which may have a stream that belongs
    /// to no request (H78), or says that it is not delivered.
    pub(super) fn deliver(&mut self, slot: SlotId) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let stream = entry.followers.newest_waiter();
        let call = entry.run.call().and_then(|call| self.calls.get(call));
        let single_stream = call.is_some_and(|call| self.peers.is_single_stream(call.context().peer));
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let stream = stream.filter(|_| !single_stream);
        for input in entry.inputs.deliver(stream) {
            self.push(Output::Deliver { input, stream });
        }
    }

    /// What carried this request to the client is gone, or there was nothing to carry it: it is owed again, on the next
    /// stream (G25-INP-07, H08).
    pub fn handle_undelivered(&mut self, input: InputRequestId) {
        if let Some((_, inputs)) = self.inputs_with(input) {
            inputs.lose_carrier(input);
        }
    }

    /// Nothing carries this request to the client, nor will anything on the transport that it knows: it waits a moment
    /// for another.
    pub fn handle_uncarried(&mut self, now: Millis, input: InputRequestId) {
        self.tick(now);
        self.handle_undelivered(input);
        if self.inputs_with(input).is_some_and(|(_, inputs)| inputs.despair(input)) {
            self.wake_in(CARRIER_PATIENCE, Timer::Carry(input));
        }
    }

    /// Nothing has carried the request in time: its handler hears of it instead of waiting for its task's end (H78).
    pub(super) fn give_up_carrying(&mut self, input: InputRequestId) {
        let Some((slot, inputs)) = self.inputs_with(input) else { return };
        let Some(key) = inputs.give_up_owed(input) else { return };
        self.withdraw(input, false, Withdrawal::NoCarrier);
        if let Some(key) = key {
            self.change(slot, Change::Withdraw { key });
        }
    }

    /// A client that only polls has heard twice that its task waits for input, and opened no stream for the questions:
    /// they go out once on the stream of its next poll, which is about to be answered (G25-GET-08, H78). Whether there
    /// were any.
    pub(super) fn deliver_on_poll(&mut self, slot: SlotId, poll: RequestId) -> bool {
        let Some(entry) = self.slots.get_mut(slot).filter(|slot| slot.followers.waiters() == 0) else { return false };
        let owed = entry.inputs.poll();
        let any = !owed.is_empty();
        for input in owed {
            self.push(Output::Deliver { input, stream: Some(poll) });
        }
        any
    }

    /// The client answered a handler's own request. Says whether the answer is still wanted; it reaches the handler
    /// with `Answered`.
    pub fn handle_answer(&mut self, now: Millis, input: InputRequestId) -> bool {
        self.tick(now);
        let found = self.inputs_with(input).and_then(|(slot, inputs)| Some((slot, inputs.answer(input)?)));
        let Some((slot, key)) = found else { return false };
        self.change(slot, Change::Answered { input, key });
        true
    }

    /// The handler no longer waits for this request (it was aborted or timed out).
    pub fn handle_withdraw(&mut self, now: Millis, call: RequestId, input: InputRequestId) {
        self.tick(now);
        let Some((slot, _)) = self.task_of_call(call) else { return };
        let Some(entry) = self.slots.get_mut(slot) else { return };
        if let Some(Some(key)) = entry.inputs.give_up(input) {
            self.change(slot, Change::Withdraw { key });
        }
    }

    /// `tasks/update`. `answers`: the keys of `inputResponses` with the shapes of their values; `None` if it is not an
    /// object (G26-UPD-09).
    pub fn handle_update(
        &mut self,
        now: Millis,
        context: RequestContext,
        id: Option<&str>,
        answers: Option<Vec<(String, Shape)>>,
    ) {
        self.tick(now);
        if context.capabilities.contains(crate::wire::capability::Capabilities::TASKS)
            && id.is_some()
            && answers.is_none()
        {
            self.refuse(context, Error::NoAnswers);
            return self.forget(context);
        }
        match self.slot_for(context, id) {
            Some(slot) => {
                let (keys, shapes) = answers.unwrap_or_default().into_iter().unzip();
                self.change(slot, Change::Update { context, keys, shapes });
            }
            None => self.forget(context),
        }
    }

    /// The update whose answers can be held against what was asked, now that `job` has read it (X-INP-01).
    pub fn update_of(&self, job: JobId) -> Option<RequestId> {
        match &**self.slots.get(self.jobs.loads(job)?)?.queue.head()? {
            Change::Update { context, .. } => Some(context.request),
            _ => None,
        }
    }

    /// The update that waits for `job` has an answer under `key` that is not what was asked for.
    pub fn handle_misfit(&mut self, job: JobId, key: &str) {
        let Some(slot) = self.jobs.loads(job) else { return };
        let Some(Change::Update { keys, shapes, .. }) = self.slots.get_mut(slot).and_then(|slot| slot.queue.head_mut())
        else {
            return;
        };
        for (_, shape) in keys.iter().zip(shapes).filter(|(name, _)| *name == key) {
            *shape = Shape::default();
        }
    }

    /// The handler ended with `input_required` as a task.
    pub(super) fn end_in_input_required(
        &mut self,
        call: RequestId,
        slot: SlotId,
        requests: Vec<(String, Option<InputKind>)>,
        state: bool,
    ) {
        let Some((_, context)) = self.task_of_call(call) else { return };
        let limits = self.limits;
        let issued = self.slots.get(slot).and_then(|slot| slot.copy()).map_or(0, |(task, _)| task.issued);
        let mut inputs = Vec::with_capacity(requests.len());
        for (name, kind) in requests {
            match kind {
                Some(kind) if context.capabilities.contains(needed_by(kind)) => inputs.push(NewInput { name, kind }),
                _ => {
                    return self.change(slot, Change::Fail { call, failure: Some(crate::task::Failure::Unanswerable) });
                }
            }
        }
        let too_many = inputs.len() > limits.outstanding as usize
            || issued as usize + inputs.len() > limits.issued as usize
            || inputs.iter().any(|input| input.name.len() > limits.name);
        if too_many || inputs.is_empty() {
            return self.change(slot, Change::Fail { call, failure: Some(crate::task::Failure::Unanswerable) });
        }
        self.change(slot, Change::EndInInputRequired { call, inputs, state });
    }

    /// The store has the answers: handlers that wait here get theirs.
    pub(super) fn answered(&mut self, slot: SlotId, from: RequestId, keys: &[String]) {
        while let Some(pending) = self.take_input(slot, |pending| keys.iter().any(|key| pending.has_key(key))) {
            let input = pending.input();
            self.push(Output::Answered { input, from: pending.into_key().map(|key| (from, key)) });
            self.has_spent(slot);
        }
    }

    /// The handler has got an answer that the record keeps: the next write of its run removes it.
    fn has_spent(&mut self, slot: SlotId) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.run.spend();
        }
    }

    /// Takes the first input request out of hand that is like this.
    fn take_input(&mut self, slot: SlotId, is_it: impl FnMut(&PendingInput) -> bool) -> Option<PendingInput> {
        let pending = self.slots.get_mut(slot)?.inputs.take(is_it)?;
        self.input_slots.remove(&pending.input());
        Some(pending)
    }

    /// The slot of the task for which an input request waits, and all that wait with it.
    fn inputs_with(&mut self, input: InputRequestId) -> Option<(SlotId, &mut Inputs)> {
        let slot = *self.input_slots.get(&input)?;
        Some((slot, &mut self.slots.get_mut(slot)?.inputs))
    }

    pub(super) fn forget_input(&mut self, slot: SlotId, key: &str) {
        self.take_input(slot, |pending| pending.has_key(key));
    }

    /// The client's answer to a request of the handler's own is stored: the handler gets it, unless it was told before
    /// that it will not.
    pub(super) fn hand_answer(&mut self, slot: SlotId, input: InputRequestId) {
        if self.take_input(slot, |pending| pending.input() == input).is_some() {
            self.push(Output::Answered { input, from: None });
        }
    }

    /// The handler will not get what it asked for; it is told once.
    pub(super) fn drop_input(&mut self, slot: SlotId, input: InputRequestId, reason: Withdrawal) {
        if let Some(pending) = self.take_input(slot, |pending| pending.input() == input) {
            self.withdraw(input, pending.was_delivered(), reason);
        }
    }

    /// Nobody waits for input of this task any more.
    pub(super) fn drop_inputs(&mut self, slot: SlotId) {
        let inputs = self.slots.get_mut(slot).map(|slot| slot.inputs.take_all()).unwrap_or_default();
        for pending in inputs {
            self.input_slots.remove(&pending.input());
            self.withdraw(pending.input(), pending.was_delivered(), Withdrawal::Ended);
        }
    }

    /// A stream that carried requests is gone: what was not answered is owed again (G25-INP-07, H08).
    pub(super) fn mark_undelivered(&mut self, slot: SlotId, stream: RequestId) {
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.inputs.lose_stream(Some(stream));
        }
    }

    /// A connection that is one stream closed with everything it carried.
    pub(super) fn mark_all_undelivered(&mut self, peer: PeerId) {
        let mut slots: Vec<SlotId> = Vec::new();
        for slot in self.input_slots.values() {
            if let Err(place) = slots.binary_search(slot) {
                slots.insert(place, *slot);
            }
        }
        for slot in slots {
            let ours = self
                .slots
                .get(slot)
                .and_then(|slot| self.calls.get(slot.run.call()?))
                .is_some_and(|call| call.context().peer == peer);
            let Some(entry) = self.slots.get_mut(slot).filter(|_| ours) else { continue };
            entry.inputs.lose_stream(None);
            self.deliver(slot);
        }
    }
}
