//! A `tools/call` on its way: answered as it is, or made a task.

use std::rc::Rc;

use super::change::Change;
use super::claim::Seen;
use super::lease::NOBODY;
use super::shutdown::Service;
use super::{Facts, Happening, Output, Pending, Policy, Promotion, Receiver, Request, Support, Timer};
use crate::claim::{is_key, owner_of_keys};
use crate::id;
use crate::storage::{Completion, Job, Operation, Payload, Record, Source, Stored};
use crate::task::{Failure, InputKind, Millis, OnLost, Phase, Task};
use crate::trace;
use crate::wire::capability::Capabilities;
use crate::wire::{Body, Error, Generation, LimitReason};

/// What a `tools/call` says.
#[derive(Clone, Debug)]
pub struct Called {
    pub tool: String,
    /// The number of the tool's policy.
    pub policy: u32,
    /// What `params.task` says (2025-11-25).
    pub augmentation: Augmentation,
    /// The host can hold the handler and say when it is about to begin.
    pub gate: bool,
    /// `traceparent` of its `_meta`, if it has one.
    pub trace: String,
    /// What the request names its creation by; empty if that is not a text.
    pub creation_key: Option<String>,
}

/// What `params.task` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Augmentation {
    Absent,
    /// It is not an object, or its `ttl` is not a safe integer from 0 up (G25-CRE-10).
    Invalid,
    Asked {
        ttl: Option<u64>,
    },
}

/// What a handler ended with. Its values stay with the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Result { tool_failed: bool, size: u32 },
    Error { size: u32 },
    /// An error with a code that 2026-07-28 does not have (G26-ERR-03).
    ReservedError { size: u32 },
    /// An `input_required` result: each request's name and kind, `None` for a method nobody knows.
    Input { requests: Vec<(String, Option<InputKind>)>, state: bool },
    /// It cannot be written as JSON.
    NotJson,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The SDK checks its parameters; the handler has not begun.
    Checking,
    /// An ordinary call; it may still become a task.
    Direct,
    /// The store is being asked to create the task.
    Creating,
    /// It is a task.
    Task,
}

#[derive(Debug)]
pub(super) struct Call {
    pub facts: Facts,
    /// `None`: nobody could own a task.
    owner: Option<Rc<str>>,
    policy: Policy,
    tool: String,
    trace: String,
    ttl: Option<u64>,
    augmented: bool,
    gated: bool,
    /// The handler runs, or has run.
    begun: bool,
    stage: Stage,
    pub slot: Option<u32>,
    /// What the handler ended with before the task was stored.
    outcome: Option<Outcome>,
    /// The caller went away before it was answered.
    pub dropped: bool,
    /// It was told that the task runs here.
    pub announced: bool,
    seed: [u8; id::ENTROPY],
    /// What the id begins with.
    prefix: Rc<str>,
    /// The creation key, of a call that is to become a task.
    key: Option<String>,
    /// The claim to it that this call has written.
    pub claimed: Option<Seen>,
    /// What this call wrote last, whether or not the store has it.
    pub tried: Option<Seen>,
    /// The id that an earlier call with this key was to give its task.
    inherited: Option<String>,
    /// Its owner has room in the store.
    pub within_quota: bool,
    /// How often the key was looked at.
    pub looks: u8,
}

impl Receiver {
    /// A `tools/call` arrives. `entropy` becomes the task's id if it becomes a task.
    pub fn handle_call(&mut self, now: Millis, facts: Facts, called: Called, entropy: [u8; id::ENTROPY]) {
        self.tick(now);
        self.meet(facts);
        let Some(policy) = usize::try_from(called.policy).ok().and_then(|number| self.policies.get(number)).cloned() else {
            return self.refuse_call(facts, Error::internal());
        };
        let augmented = matches!(called.augmentation, Augmentation::Asked { .. });
        let mut call = Call {
            facts,
            owner: self.owner_of(facts.peer),
            policy,
            tool: called.tool,
            trace: trace::parent(&called.trace).unwrap_or_default().to_owned(),
            ttl: None,
            augmented,
            gated: called.gate,
            begun: false,
            stage: Stage::Direct,
            slot: None,
            outcome: None,
            dropped: false,
            announced: false,
            seed: entropy,
            prefix: Rc::clone(&self.id_prefix),
            key: None,
            claimed: None,
            tried: None,
            inherited: None,
            looks: 0,
            within_quota: false,
        };
        if called.creation_key.as_deref().is_some_and(|key| !is_key(key)) {
            return self.refuse_call(facts, Error::invalid_params(BAD_KEY));
        }
        let keyed = called.creation_key.is_some();
        let wants_task = if facts.generation.server_decides() {
            call.ttl = call.policy.ttl_for(None);
            match (facts.capabilities.contains(Capabilities::TASKS), call.policy.support, call.policy.promotion) {
                (false, Support::Required, _) => {
                    return self.refuse_call(facts, Error::missing_capability(Capabilities::TASKS));
                }
                (false, ..) | (true, _, Promotion::Never) => false,
                // A key makes a task, so there is no waiting for how long the work takes.
                (true, ..) if keyed => true,
                (true, _, Promotion::Handler) => false,
                (true, _, Promotion::After(delay)) => {
                    self.deadlines.set(self.now.saturating_add(i64::from(delay)), Timer::Promote(facts.request));
                    false
                }
                (true, _, Promotion::Always) => true,
            }
        } else {
            match (called.augmentation, call.policy.support) {
                (Augmentation::Absent, Support::Required) => return self.refuse_call(facts, Error::task_required()),
                (Augmentation::Absent, _) => false,
                (Augmentation::Invalid, _) => {
                    return self.refuse_call(facts, Error::invalid_params("`task` must be an object, and `task.ttl` an integer from 0 up"));
                }
                (Augmentation::Asked { .. }, Support::Forbidden) => return self.refuse_call(facts, Error::task_forbidden()),
                (Augmentation::Asked { ttl }, _) => {
                    call.ttl = call.policy.ttl_for(ttl);
                    true
                }
            }
        };
        call.key = called.creation_key.filter(|_| wants_task);
        if wants_task && let Err(error) = self.may_begin(&call) {
            // Who calls too often is to wait, not to be served in another way.
            if call.must_be_task() || error.is_too_often() {
                return self.refuse_call(facts, error);
            }
        } else if wants_task {
            call.stage = Stage::Checking;
        }
        let checking = call.stage == Stage::Checking;
        let gated = call.gated && checking;
        self.calls.insert(facts.request, call);
        if checking && !gated {
            self.create(facts.request);
        } else {
            if !gated && let Some(call) = self.calls.get_mut(&facts.request) {
                call.begun = true;
            }
            self.push(Output::Forward { call: facts.request, gated });
        }
    }

    /// Nothing comes of the call.
    fn refuse_call(&mut self, facts: Facts, error: Error) {
        self.refuse(facts, error);
        self.push(Output::Release { call: facts.request });
    }

    /// The held handler of a gated call is about to begin: its parameters are fine (G25-CRE-08).
    pub fn handle_begin(&mut self, now: Millis, call: Request) {
        self.tick(now);
        match self.calls.get(&call).map(|call| call.stage) {
            Some(Stage::Checking) => self.create(call),
            // It begins when the store has the task.
            Some(Stage::Creating) => {}
            Some(Stage::Direct | Stage::Task) | None => self.push(Output::Begin { call }),
        }
    }

    /// The handler asks for its call to become a task. Answered by `Bind`, or not at all where it cannot.
    pub fn handle_promote(&mut self, now: Millis, call: Request) {
        self.tick(now);
        self.promote(call);
    }

    pub(super) fn promote(&mut self, number: Request) {
        let Some(call) = self.calls.get(&number) else { return };
        let may = call.stage == Stage::Direct
            && call.facts.generation.server_decides()
            && call.facts.capabilities.contains(Capabilities::TASKS)
            && call.policy.promotion != Promotion::Never
            && !call.dropped
            && self.peers.contains_key(&call.facts.peer);
        if may && self.may_create(call).is_ok() {
            self.create(number);
        }
    }

    /// The caller gave the request up before it was answered, or its connection `closed`. Says whether the SDK should hear of it (G25-CAN-08,
    /// G25-CAN-09, G26-HTT-07).
    pub fn handle_dropped(&mut self, now: Millis, call: Request, closed: bool) -> bool {
        self.tick(now);
        let Some(entry) = self.calls.get_mut(&call) else { return true };
        match entry.stage {
            Stage::Task => false,
            // Whoever has the key can still hear of the task.
            Stage::Creating if closed && entry.key.is_some() => false,
            Stage::Creating => {
                entry.dropped = true;
                entry.begun
            }
            Stage::Checking | Stage::Direct => {
                self.calls.remove(&call);
                self.push(Output::Release { call });
                true
            }
        }
    }

    /// The handler ended.
    pub fn handle_outcome(&mut self, now: Millis, call: Request, outcome: Outcome) {
        self.tick(now);
        let Some(entry) = self.calls.get_mut(&call) else {
            return self.push(Output::Release { call });
        };
        match entry.stage {
            Stage::Direct => {
                self.calls.remove(&call);
                self.push(Output::Relay { call });
                self.push(Output::Release { call });
            }
            Stage::Checking if entry.augmented && matches!(outcome, Outcome::Result { tool_failed: false, .. } | Outcome::Input { .. }) => {
                // It ended without a handler that the host could hold, and a task was promised.
                entry.outcome = Some(outcome);
                self.create(call);
            }
            Stage::Checking => {
                let refused = entry.augmented && matches!(outcome, Outcome::Result { .. });
                self.calls.remove(&call);
                self.push(if refused { Output::Reject { call } } else { Output::Relay { call } });
                self.push(Output::Release { call });
            }
            Stage::Creating => entry.outcome = Some(outcome),
            Stage::Task => self.settle(call, outcome),
        }
    }

    /// Whether a call that just arrived may go on towards its task. Where the key is known there is no need of room.
    fn may_begin(&self, call: &Call) -> Result<(), Error> {
        if call.key.is_none() {
            return self.may_create(call).map(|_| ());
        }
        call.owner.as_ref().ok_or_else(Error::no_owner)?;
        self.may_create_now(call.facts.peer)
    }

    pub(super) fn may_create(&self, call: &Call) -> Result<Rc<str>, Error> {
        let owner = call.owner.clone().ok_or_else(Error::no_owner)?;
        if self.service != Service::Open {
            return Err(Error::shutting_down());
        }
        if !self.has_room(&owner) {
            return Err(Error::limit(LimitReason::Tasks));
        }
        self.may_create_now(call.facts.peer)?;
        Ok(owner)
    }

    pub(super) fn create(&mut self, number: Request) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.key.is_some() && call.claimed.is_none() {
            call.stage = Stage::Creating;
            return self.claim(number);
        }
        if call.dropped {
            return self.decline(number, Error::internal());
        }
        let Some(call) = self.calls.get(&number) else { return };
        // There may have been room, and a connection, when the call arrived.
        let owner = match self.may_create(call) {
            Ok(owner) => owner,
            Err(error) => return self.decline(number, error),
        };
        if !call.within_quota && self.has_quota() {
            if let Some(call) = self.calls.get_mut(&number) {
                call.stage = Stage::Creating;
            }
            return self.ask_usage(number);
        }
        if call.key.is_some() && self.slots.find(&owner, &call.id()).is_some() {
            return self.wait_for_key(number);
        }
        let lease = self.new_lease();
        let peer = call.facts.peer;
        let mark = if call.key.is_some() { self.next_mark() } else { 0 };
        self.count_creation(peer);
        let Some(call) = self.calls.get_mut(&number) else { return };
        match self.peers.get_mut(&call.facts.peer) {
            Some(connection) => {
                connection.creating.insert(number, ());
            }
            // Nobody is left to hear of a task (G26-HTT-07).
            None if call.needs_caller() => {
                call.dropped = true;
                return self.decline(number, Error::internal());
            }
            None => {}
        }
        call.stage = Stage::Creating;
        let id = call.id();
        let task = Task {
            generation: call.facts.generation,
            phase: Phase::Working,
            failure: None,
            created_at: self.now,
            updated_at: self.now,
            ttl: call.ttl,
            poll_interval: call.policy.poll_interval.max(1),
            tool: call.tool.clone(),
            trace: call.trace.clone(),
            message: String::new(),
            cooperative: call.policy.cooperative && call.facts.generation.cancel_is_a_wish(),
            cancel_requested: false,
            extends: call.policy.extends && call.facts.generation.ttl_may_change(),
            on_lost: call.policy.on_lost,
            restarts: call.policy.restarts,
            issued: 0,
            mark,
            waits_since: None,
            inputs: Vec::new(),
            epoch: 1,
            lease: Some(lease),
        };
        let payload = if task.on_lost == OnLost::Restart {
            Payload::Write { onto_read: false, remove: Vec::new(), set: vec![(Stored::Request, Source::Request(number))] }
        } else {
            Payload::nothing()
        };
        let slot = self.slots.open(owner.clone(), &id);
        call.slot = Some(slot);
        let record = Record { owner, id, version: 1, created_at: task.created_at, due_at: task.due_at(), state: task.to_state() };
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.busy = true;
            slot.call = Some(number);
            slot.run = 1;
            slot.cached = Some((task, 1));
        }
        self.count(slot);
        let job = self.job(Pending::Create { call: number, slot });
        self.push(Output::Store { job, operation: Operation::Put { record, payload } });
        self.start_sweeping();
    }

    /// The store has answered the creation.
    pub(super) fn created(&mut self, job: Job, number: Request, slot: u32, completion: &Completion) {
        self.push(Output::Finish { job });
        if *completion == Completion::Done(true) {
            return self.announce(number, slot);
        }
        let refused = matches!(completion, Completion::Full { .. } | Completion::NotJson);
        if !refused && self.calls.get(&number).is_some_and(|call| call.key.is_some()) {
            return self.doubt_creation(number, slot);
        }
        self.abandon_creation(number, slot);
        self.decline(
            number,
            match completion {
                Completion::Full { bytes } => Error::full(*bytes),
                _ => Error::storage(),
            },
        );
        self.advance(slot);
    }

    /// The call's task is not in the store, or not this call's.
    pub(super) fn abandon_creation(&mut self, number: Request, slot: u32) {
        self.uncount(slot);
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.busy = false;
            entry.call = None;
            entry.cached = None;
        }
        if let Some(call) = self.calls.get_mut(&number) {
            // Its id may be in the store all the same: it is not tried again.
            call.policy.promotion = Promotion::Never;
        }
    }

    /// The call is no longer on its way to the store.
    pub(super) fn no_longer_creating(&mut self, facts: Facts) {
        if let Some(connection) = self.peers.get_mut(&facts.peer) {
            connection.creating.remove(&facts.request);
        }
    }

    /// The call cannot become a task.
    pub(super) fn decline(&mut self, number: Request, error: Error) {
        self.give_up_key(number);
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.slot = None;
        let (facts, begun, dropped, outcome) = (call.facts, call.begun, call.dropped, call.outcome.take());
        self.no_longer_creating(facts);
        let Some(call) = self.calls.get_mut(&number) else { return };
        if !dropped && !call.must_be_task() && !error.is_too_often() {
            // The work can be done without a task (H84).
            call.stage = Stage::Direct;
            if let Some(outcome) = outcome {
                return self.handle_outcome(self.now, number, outcome);
            }
            if begun {
                // The handler may wait to hear whether it runs as a task.
                self.push(Output::Begin { call: number });
            } else {
                self.begin(number);
            }
            return;
        }
        self.calls.remove(&number);
        if !dropped {
            self.refuse(facts, error);
        }
        self.push(Output::Abort { call: number, silently: false });
        self.push(Output::Release { call: number });
    }

    /// The task is stored: the caller hears of it, then the handler begins (G25-CRE-09, G26-CRE-03).
    pub(super) fn announce(&mut self, number: Request, slot: u32) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.stage = Stage::Task;
        let (facts, dropped, outcome, immediate) = (call.facts, call.dropped, call.outcome.take(), call.immediate());
        let kept = call.key.is_some();
        call.announced = !dropped;
        self.no_longer_creating(facts);
        let Some((id, task)) = self.slots.get_mut(slot).and_then(|slot| {
            slot.busy = false;
            slot.cached.as_ref().map(|(task, _)| (slot.id.clone(), task.clone()))
        }) else {
            return;
        };
        if dropped {
            // Nobody will ever know its id, but from its key.
            self.change(slot, Change::Discard { kept });
            return;
        }
        if let Some(at) = task.expires_at() {
            self.deadlines.set(at, Timer::Expire(slot));
        }
        self.renew_later(slot);
        self.push(Output::Bind { call: number, id: id.clone() });
        self.event(Happening::Created, slot);
        self.push(Output::Reply {
            request: facts.request,
            generation: facts.generation,
            job: None,
            body: Body::Created { id, task, immediate },
        });
        self.event(Happening::Started, slot);
        match outcome {
            Some(outcome) => self.settle(number, outcome),
            None => self.begin(number),
        }
        if self.service == Service::Leaving {
            self.hand_over(slot);
        }
        self.advance(slot);
    }

    /// Lets the handler begin, wherever the call waits.
    fn begin(&mut self, number: Request) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.begun {
            return;
        }
        call.begun = true;
        let output = if call.gated { Output::Begin { call: number } } else { Output::Forward { call: number, gated: false } };
        self.push(output);
    }

    /// A task's handler ended: its outcome goes to the store.
    fn settle(&mut self, number: Request, outcome: Outcome) {
        let Some((slot, facts)) = self.calls.get(&number).and_then(|call| Some((call.slot?, call.facts))) else { return };
        let limit = self.limits.outcome;
        let change = match outcome {
            Outcome::Result { tool_failed, size } if size <= limit => Change::Complete { call: number, tool_failed },
            Outcome::ReservedError { .. } if facts.generation.reserves_codes() => Change::Fail { call: number, failure: Some(Failure::Reserved) },
            Outcome::Error { size } | Outcome::ReservedError { size } if size <= limit => Change::Fail { call: number, failure: None },
            Outcome::Result { .. } | Outcome::Error { .. } | Outcome::ReservedError { .. } => Change::Fail { call: number, failure: Some(Failure::TooLarge) },
            Outcome::NotJson => Change::Fail { call: number, failure: Some(Failure::NotJson) },
            Outcome::Input { requests, state } => return self.ask_in_result(number, slot, requests, state),
        };
        self.change(slot, change);
    }

    /// A stored call starts again, on the connection of the request that brought it about, or wherever it can.
    pub(super) fn restart(&mut self, slot: u32, on: Option<Facts>, job: Job, task: &Task) {
        let Some(owner) = self.slots.get(slot).map(|slot| slot.owner.clone()) else { return };
        // Where it cannot, its lease lapses, and somebody else starts it.
        let Some(place) = self.place(&owner, task, on) else { return };
        self.last_restarted = self.last_restarted.checked_add(1).unwrap_or(RESTARTED_FIRST);
        let number = self.last_restarted;
        let facts = Facts { request: number, ..place };
        let answers = task.inputs.iter().map(|input| (input.key.clone(), input.name.clone())).collect();
        let policy = Policy {
            promotion: Promotion::Always,
            support: Support::Optional,
            ttl: task.ttl,
            max_ttl: u64::MAX,
            extends: task.extends,
            poll_interval: task.poll_interval,
            cooperative: task.cooperative,
            on_lost: task.on_lost,
            restarts: task.restarts,
            immediate: None,
        };
        self.insert_running(facts, policy, slot, task.tool.clone(), task.ttl, task.epoch);
        if let Some(at) = task.expires_at() {
            self.deadlines.set(at, Timer::Expire(slot));
        }
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
        self.uncount(slot);
        self.drop_asks(slot);
        self.end_call(slot);
        self.advance(slot);
    }

    /// A call whose task exists already.
    fn insert_running(&mut self, facts: Facts, policy: Policy, slot: u32, tool: String, ttl: Option<u64>, run: u32) {
        self.calls.insert(
            facts.request,
            Call {
                facts,
                owner: None,
                policy,
                tool,
                trace: String::new(),
                ttl,
                augmented: false,
                gated: false,
                begun: true,
                stage: Stage::Task,
                slot: Some(slot),
                outcome: None,
                dropped: false,
                announced: true,
                seed: [0; id::ENTROPY],
                prefix: Rc::clone(&self.id_prefix),
                key: None,
                claimed: None,
                tried: None,
                inherited: None,
                looks: 0,
            within_quota: false,
            },
        );
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
        let slot = self.slots.open(owner, id);
        let policy = Policy {
            promotion: Promotion::Always,
            support: Support::Optional,
            ttl: None,
            max_ttl: u64::MAX,
            extends: false,
            poll_interval: 0,
            cooperative: false,
            on_lost: OnLost::Fail,
            restarts: 0,
            immediate: None,
        };
        self.insert_running(facts, policy, slot, String::new(), None, 0);
        // Its deadline is in the store.
        self.start_sweeping();
    }

    /// Whether a call's handler runs as a task, and in which slot.
    pub(super) fn task_of_call(&self, call: Request) -> Option<(u32, Facts)> {
        let call = self.calls.get(&call)?;
        (call.stage == Stage::Task).then_some((call.slot?, call.facts))
    }

    /// Whether the store is being asked to make a task of the call. `Bind` or `Begin` follows.
    pub fn is_creating(&self, call: Request) -> bool {
        self.calls.get(&call).is_some_and(|call| call.stage == Stage::Creating)
    }

    /// Whether a call without `params.task` is none of the receiver's business: it is not refused, and cannot become a task.
    pub fn is_plain(&self, policy: u32, generation: Generation, capabilities: Capabilities) -> bool {
        let policy = usize::try_from(policy).ok().and_then(|number| self.policies.get(number));
        policy.is_some_and(|policy| {
            policy.support != Support::Required
                && (!generation.server_decides()
                    || policy.promotion == Promotion::Never
                    || !capabilities.contains(Capabilities::TASKS))
        })
    }

    /// Whether the call is a task, or may still become one.
    pub fn may_be_task(&self, call: Request) -> bool {
        self.calls.get(&call).is_some_and(|call| match call.stage {
            Stage::Task | Stage::Creating => true,
            Stage::Direct | Stage::Checking => call.is_promotable(),
        })
    }

    /// The task id of a call that is a task.
    pub fn task_id(&self, call: Request) -> Option<&str> {
        let (slot, _) = self.task_of_call(call)?;
        self.slots.get(slot).map(|slot| slot.id.as_str())
    }
}

const RESTARTED_FIRST: Request = super::RESTARTED + 1;
const BAD_KEY: &str = "`_meta[\"mcp-tasks/creation-key\"]` must be 16 to 128 characters of A-Z, a-z, 0-9, _ and -";

impl Call {
    /// The server may still decide that it is a task (2026-07-28).
    fn is_promotable(&self) -> bool {
        self.facts.generation.server_decides()
            && self.facts.capabilities.contains(Capabilities::TASKS)
            && self.policy.promotion != Promotion::Never
    }

    /// The caller takes nothing but a task. What ran plainly would run again under the same key.
    fn must_be_task(&self) -> bool {
        self.augmented || self.policy.support == Support::Required || self.key.is_some()
    }

    /// Whether nobody could hear of the task any more if the caller went away now.
    pub fn needs_caller(&self) -> bool {
        self.facts.generation.task_needs_caller() && self.key.is_none()
    }

    /// The id of the task that the call is to become.
    pub fn id(&self) -> String {
        self.inherited.clone().unwrap_or_else(|| [&*self.prefix, &id::from_entropy(&self.seed)].concat())
    }

    /// Whether that id is the call's own.
    pub fn is_heir(&self) -> bool {
        self.inherited.is_some()
    }

    /// An earlier call with the same key has not made its task: this one does.
    pub fn inherit(&mut self, id: String) {
        self.inherited = Some(id);
    }

    /// Under whose name the store has the key, and the key.
    pub fn key_address(&self) -> Option<(Rc<str>, String)> {
        Some((owner_of_keys(self.owner.as_deref()?), self.key.clone()?))
    }

    pub fn owner(&self) -> Option<Rc<str>> {
        self.owner.clone()
    }

    pub fn tool(&self) -> &str {
        &self.tool
    }

    pub fn ttl(&self) -> Option<u64> {
        self.ttl
    }

    pub fn immediate(&self) -> Option<String> {
        self.policy.immediate.as_deref().map(str::to_owned)
    }
}
