//! Calls with a creation key: the same key makes one task, however often and wherever it is called.
//!
//! The key is claimed first, with a record of its own that holds the id of the task to come; then the task is stored
//! under that id. Who finds the key claimed answers with its task, or stores the task itself where the claimant has
//! not: the first to store it runs it.

use std::rc::Rc;

use super::creation_keys::{Address, CreationKey, Question, Seen};
use super::jobs::Pending;
use super::receiver::Receiver;
use super::service::Service;
use super::timers::Timer;
use super::types::{RequestId, SlotId, Stop};
use crate::claim::Claim;
use crate::method::CallMethod;
use crate::state::{Form, Members, Unreadable};
use crate::storage::{Completion, Operation, Record};
use crate::task::{Millis, Task};
use crate::wire::{Body, Error, LimitReason};

/// How long to wait for another call here that is about to store the same task, in ms.
const PAUSE: Millis = 50;
/// How long to wait between two looks whether the store has a task, in ms.
const CONFIRM_PAUSE: Millis = 1_000;

impl Receiver {
    /// A call's key, and where the store has it.
    fn key_of(&mut self, number: RequestId) -> Option<(&mut CreationKey, Address)> {
        let call = self.calls.get_mut(number)?;
        let (key, owner) = call.key_mut()?;
        let address = key.address(owner);
        Some((key, address))
    }

    /// Claims the key of a call whose task is to be made.
    pub(super) fn claim(&mut self, number: RequestId) {
        let room = self.calls.get(number).is_some_and(|call| self.may_create(call).is_ok());
        if room && self.limits.stored.is_none() {
            return self.claim_anew(number, None);
        }
        // The task may be there already; where there is no room, only that helps.
        self.look_at_key(number);
    }

    /// Claims a key that is free, with the id that this call's task is to have. `seen`: of a claim that is over.
    fn claim_anew(&mut self, number: RequestId, seen: Option<Seen>) {
        let now = self.clock.now();
        let until = now.saturating_add(self.limits.creation_window);
        let Some(call) = self.calls.get(number) else { return };
        // A task with a key is in the store for its whole time, and for as long again as clocks may differ
        // (`Task::keyed`): who finds none before half of that time, by whichever clock, finds one that was never made.
        let open_until = call
            .draft()
            .ttl
            .map_or(until, |ttl| now.saturating_add(i64::try_from(ttl / 2).unwrap_or(i64::MAX)).min(until));
        let claim = Claim {
            form: Form,
            task: call.draft().id.clone(),
            method: call.draft().method,
            tool: call.draft().tool.clone(),
            clock: Rc::clone(self.clock.name()),
            open_until,
            until,
            unknown: Members::default(),
        };
        self.write_claim(number, &claim, seen);
    }

    fn write_claim(&mut self, number: RequestId, claim: &Claim, seen: Option<Seen>) {
        let next = Seen::after(seen, self.clock.now());
        let Some((key, address)) = self.key_of(number) else { return };
        key.claim(next);
        self.ask_of_key(number, Question::Claim { seen: next }, next.put(address, claim));
    }

    fn look_at_key(&mut self, number: RequestId) {
        let Some((key, (owner, id))) = self.key_of(number) else { return };
        if !key.look() {
            return self.decline(number, Error::Storage);
        }
        self.ask_of_key(number, Question::Key, Operation::Get { owner, id, payload: false, request: None });
    }

    /// A key is a record, which outlives its task: an owner has as many keys at most as it may have tasks (X-TTL-06).
    fn ask_for_room(&mut self, number: RequestId) {
        let Some((_, (owner, _))) = self.key_of(number) else { return };
        self.ask_of_key(number, Question::Room, Operation::Usage { owner });
    }

    fn look_at_task(&mut self, number: RequestId, id: String, question: Question) {
        let Some(owner) = self.calls.owner_of(number) else { return };
        self.ask_of_key(number, question, Operation::Get { owner, id, payload: false, request: None });
    }

    fn ask_of_key(&mut self, call: RequestId, question: Question, operation: Operation) {
        self.ask_store(Pending::Key { call, question }, operation);
    }

    /// The store has answered.
    pub(super) fn key_answered(&mut self, number: RequestId, question: &Question, completion: &Completion) {
        if let Question::Unconfirmed { slot } = question {
            return self.creation_looked_up(number, *slot, completion);
        }
        if !self.calls.has(number) {
            return;
        }
        match (question, completion) {
            (Question::Claim { seen }, Completion::Done(true)) => self.claimed(number, *seen),
            (Question::Claim { .. }, Completion::Full { bytes }) => self.decline(number, Error::full(*bytes)),
            // Somebody was faster, or nothing tells whether the store has it.
            (Question::Claim { .. }, _) => self.look_at_key(number),
            (Question::Key, Completion::Record(Some(record))) => match self.claim_found(number, record) {
                Ok(claim) => self.key_found(number, claim, Seen::of(record)),
                Err(_) => self.decline(number, Error::Unreadable),
            },
            (Question::Key | Question::Task { .. }, Completion::Unreadable) => self.decline(number, Error::Unreadable),
            (Question::Key, Completion::Record(None)) => {
                match self.calls.get(number).map(|call| self.may_create(call)) {
                    Some(Err(error)) => self.decline(number, error),
                    _ if self.limits.stored.is_some() => self.ask_for_room(number),
                    _ => self.claim_anew(number, None),
                }
            }
            (Question::Task { claim, .. }, Completion::Record(Some(record))) => {
                match self.task_found(number, &claim.task, record) {
                    Ok(task) => self.answer_again(number, &claim.task, task),
                    Err(_) => self.decline(number, Error::Unreadable),
                }
            }
            (Question::Room, Completion::Usage { tasks, .. }) if self.limits.is_full(*tasks) => {
                self.decline(number, Error::Limit(LimitReason::Tasks));
            }
            (Question::Room, Completion::Usage { .. }) => self.claim_anew(number, None),
            (Question::Task { claim, seen }, Completion::Record(None)) => self.task_missing(number, claim, *seen),
            _ => self.decline(number, Error::Storage),
        }
    }

    /// The claim that a call's key has.
    fn claim_found(&mut self, number: RequestId, record: &Record) -> Result<Claim, Unreadable> {
        let (owner, key) = self.key_of(number).map(|(_, address)| address).unwrap_or_default();
        self.claim_of(&owner, &key, record)
    }

    /// The task under the id that a call's key names.
    fn task_found(&mut self, number: RequestId, id: &str, record: &Record) -> Result<Task, Unreadable> {
        let owner = self.calls.owner_of(number).unwrap_or_default();
        self.task_of(&owner, id, record)
    }

    /// The store has the claim of this call.
    fn claimed(&mut self, number: RequestId, seen: Seen) {
        if let Some((key, _)) = self.key_of(number) {
            key.claimed(seen);
        }
        self.create(number);
    }

    fn key_found(&mut self, number: RequestId, claim: Claim, seen: Seen) {
        let Some(call) = self.calls.get(number) else { return };
        if claim.is_over(self.clock.time_by(&claim.clock)) {
            return self.claim_anew(number, Some(seen));
        }
        if (claim.method, &claim.tool) != (call.draft().method, &call.draft().tool) {
            return self.decline(number, Error::OtherTool);
        }
        let here = call.owner().is_some_and(|owner| self.slots.find(owner, &claim.task).is_some());
        let tried = call.key().is_some_and(|key| key.is_claim_of_call(seen));
        if claim.task == call.draft().id && tried && !here {
            // The answer to this call's own claim was lost.
            return self.claimed(number, seen);
        }
        self.look_at_task(number, claim.task.clone(), Question::Task { claim, seen });
    }

    /// The key has no task, yet or any more.
    fn task_missing(&mut self, number: RequestId, claim: &Claim, seen: Seen) {
        let now = self.clock.now();
        let Some(call) = self.calls.get_mut(number) else { return };
        if claim.open_until <= now {
            return self.decline(number, Error::UsedUp);
        }
        if call.owner().is_some_and(|owner| self.slots.find(owner, &claim.task).is_some()) {
            return self.wait_for_key(number);
        }
        // Whoever claimed the key has not stored the task. After another version it cannot give the key up any more.
        call.inherit(&claim.task);
        self.write_claim(number, claim, Some(seen));
    }

    /// Another call here is about to store the task of this key.
    pub(super) fn wait_for_key(&mut self, number: RequestId) {
        self.wake_in(PAUSE, Timer::LookAtKey(number));
    }

    /// It is time to see how another call with the same key went on.
    pub(super) fn claim_again(&mut self, number: RequestId) {
        if self.is_creating(number) {
            self.look_at_key(number);
        }
    }

    /// The task exists: the caller gets its handle, and nothing runs.
    fn answer_again(&mut self, number: RequestId, id: &str, task: Task) {
        let mut task = Rc::new(task);
        let Some(call) = self.calls.get(number) else { return };
        let (context, dropped, immediate) =
            (call.context(), call.is_dropped() || call.was_told(), call.immediate_text());
        if !self.sees(context, &mut task) {
            return self.decline(number, Error::UsedUp);
        }
        self.no_longer_waits(context);
        if !dropped {
            self.reply(context, Body::Created { id: id.to_owned(), task, immediate });
        }
        self.stop(number, Stop::Cancelled);
        self.release(number);
    }

    /// The store did not say that it has the task: another call with the same key may have stored it.
    pub(super) fn confirm_creation(&mut self, number: RequestId, slot: SlotId) {
        let Some(id) = self.slots.get(slot).map(|slot| slot.id().to_owned()) else { return };
        self.look_at_task(number, id, Question::Unconfirmed { slot });
    }

    /// It is time to look again whether the store has the task of a call.
    pub(super) fn confirm_again(&mut self, number: RequestId) {
        if let Some(slot) = self.calls.get(number).filter(|_| self.is_creating(number)).and_then(|call| call.slot()) {
            self.confirm_creation(number, slot);
        }
    }

    /// Nobody can tell yet whether the store has the task of a call: the caller is to try again, and finds it under its
    /// key if it is there.
    fn stays_unconfirmed(&mut self, number: RequestId) {
        let pause = self.holder.third().min(CONFIRM_PAUSE);
        let Some(call) = self.calls.get_mut(number) else { return };
        let (context, told) = (call.context(), call.tell());
        if !told && !call.is_dropped() {
            self.refuse(context, Error::Storage);
            self.no_longer_waits(context);
        }
        self.wake_in(pause, Timer::ConfirmCreation(number));
    }

    fn creation_looked_up(&mut self, number: RequestId, slot: SlotId, completion: &Completion) {
        if *completion == Completion::Failed && self.service != Service::Leaving && self.calls.has(number) {
            return self.stays_unconfirmed(number);
        }
        if *completion == Completion::Failed
            && let Some((key, _)) = self.key_of(number)
        {
            // It may be there: another task must not be made under the key.
            key.inherit();
        }
        let Some(entry) = self.slots.get(slot) else { return };
        let id = entry.id().to_owned();
        let ours = entry.task().map(|task| task.write_id);
        let stored = match completion {
            Completion::Record(Some(record)) => self.task_found(number, &id, record).ok(),
            _ => None,
        };
        if stored.as_ref().is_some_and(|task| task.write_id != 0 && Some(task.write_id) == ours) {
            return self.announce(number, slot);
        }
        self.abandon_creation(number, slot);
        match stored {
            Some(task) => self.answer_again(number, &id, task),
            None => self.decline(number, Error::Storage),
        }
    }

    /// No task comes of this call's claim: whoever uses the key next begins anew.
    pub(super) fn give_up_key(&mut self, number: RequestId) {
        let now = self.clock.now();
        let Some((key, address)) = self.key_of(number) else { return };
        let Some(seen) = key.give_up() else { return };
        let claim = Claim {
            form: Form,
            task: String::new(),
            method: CallMethod::default(),
            tool: String::new(),
            clock: Rc::clone(self.clock.name()),
            open_until: now,
            until: now,
            unknown: Members::default(),
        };
        self.ask_store(Pending::Nothing, Seen::after(Some(seen), now).put(address, &claim));
    }
}
