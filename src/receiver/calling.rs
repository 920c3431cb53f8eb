//! A call on its way: what it is, and whether it is answered as it is or made a task.

use super::calls::{Call, Draft, Stage};
use super::change::Change;
use super::output::Output;
use super::policy::{Policy, Promotion, Support};
use super::receiver::Receiver;
use super::slot::Slot;
use super::timers::Timer;
use super::types::{Augmentation, Called, Outcome, RequestContext, RequestId, SlotId};
use crate::claim::is_key;
use crate::method::{CallMethod, Methods};
use crate::task::{Failure, Millis};
use crate::wire::capability::Capabilities;
use crate::wire::{Error, Generation};
use crate::{id, trace};

impl Receiver {
    /// A `tools/call` arrives. `entropy` becomes the task's id if it becomes a task.
    pub fn handle_call(
        &mut self,
        now: Millis,
        context: RequestContext,
        mut called: Called,
        entropy: [u8; id::ENTROPY],
    ) {
        self.tick(now);
        self.peers.meet(context);
        let Some(policy) = self.policies.get(called.policy).cloned() else {
            return self.refuse_call(context, Error::Internal);
        };
        let policy = if self.offers(called.method, context.generation) {
            policy
        } else {
            // It runs as it is, whatever it asks for (G25-CAP-05, G25-CRE-12).
            called.augmentation = Augmentation::Absent;
            called.creation_key = None;
            Policy::default()
        };
        if called.creation_key.as_deref().is_some_and(|key| !is_key(key)) {
            return self.refuse_call(context, Error::BadKey);
        }
        let (wants_task, ttl) = match self.weigh(context, &policy, &called) {
            Ok(weighed) => weighed,
            Err(error) => return self.refuse_call(context, error),
        };
        let draft = Draft {
            id: [&*self.id_prefix, &id::from_entropy(&entropy)].concat(),
            method: called.method,
            tool: called.tool,
            trace: trace::parent(&called.trace).unwrap_or_default().to_owned(),
            ttl,
        };
        let owner = self.peers.owner_of(context.peer);
        let key = called.creation_key.filter(|_| wants_task);
        let augmented = matches!(called.augmentation, Augmentation::Asked { .. });
        let mut call = Call::new(context, owner, policy, draft, key, augmented, called.gate);
        if wants_task && let Err(error) = self.may_begin(&call) {
            // Who calls too often is to wait, not to be served in another way.
            if call.must_be_task() || error.is_too_often() {
                return self.refuse_call(context, error);
            }
        } else if wants_task {
            call.check();
        }
        let checking = call.stage() == Stage::Checking;
        let gated = call.is_gated() && checking;
        self.calls.insert(call);
        if checking && !gated {
            self.create(context.request);
        } else {
            self.push(Output::Forward { call: context.request, gated });
        }
    }

    /// Whether the call is to become a task at once, and how long its task lives.
    fn weigh(
        &mut self,
        context: RequestContext,
        policy: &Policy,
        called: &Called,
    ) -> Result<(bool, Option<u64>), Error> {
        if context.generation.server_decides() {
            let wants_task =
                match (context.capabilities.contains(Capabilities::TASKS), policy.support, policy.promotion) {
                    (false, Support::Required, _) => return Err(Error::MissingCapability(Capabilities::TASKS)),
                    (false, ..) | (true, _, Promotion::Never) => false,
                    // A key makes a task, so there is no waiting for how long the work takes.
                    (true, ..) if called.creation_key.is_some() => true,
                    (true, _, Promotion::Handler) => false,
                    (true, _, Promotion::After(delay)) => {
                        self.wake_in(Millis::from(delay), Timer::Promote(context.request));
                        false
                    }
                    (true, _, Promotion::Always) => true,
                };
            return Ok((wants_task, policy.ttl_for(None)));
        }
        match (called.augmentation, policy.support) {
            (Augmentation::Absent, Support::Required) => Err(Error::TaskRequired),
            (Augmentation::Absent, _) => Ok((false, None)),
            (Augmentation::Invalid, _) => Err(Error::BadTask),
            (Augmentation::Asked { .. }, Support::Forbidden) => Err(Error::TaskForbidden),
            (Augmentation::Asked { ttl }, _) => Ok((true, policy.ttl_for(ttl))),
        }
    }

    /// Nothing comes of the call.
    fn refuse_call(&mut self, context: RequestContext, error: Error) {
        self.refuse(context, error);
        self.release(context.request);
    }

    /// The held handler of a gated call is about to begin: its parameters are fine (G25-CRE-08).
    pub fn handle_begin(&mut self, now: Millis, call: RequestId) {
        self.tick(now);
        match self.calls.get(call).map(|call| call.stage()) {
            Some(Stage::Checking) => self.create(call),
            // It begins when the store has the task.
            Some(Stage::Creating) => {}
            Some(Stage::Direct | Stage::Task) | None => self.push(Output::Begin { call }),
        }
    }

    /// The handler asks for its call to become a task. Answered by `Bind`, or not at all where it cannot.
    pub fn handle_promote(&mut self, now: Millis, call: RequestId) {
        self.tick(now);
        self.promote(call);
    }

    pub(super) fn promote(&mut self, number: RequestId) {
        let Some(call) = self.calls.get(number) else { return };
        let may = call.stage() == Stage::Direct
            && call.is_promotable()
            && !call.is_dropped()
            && self.peers.has(call.context().peer);
        if may && self.may_create(call).is_ok() {
            self.create(number);
        }
    }

    /// The caller gave the request up before it was answered, or its connection `closed`. Says whether the SDK should
    /// hear of it (G25-CAN-08, G25-CAN-09, G26-HTT-07).
    pub fn handle_dropped(&mut self, now: Millis, call: RequestId, closed: bool) -> bool {
        self.tick(now);
        let Some(entry) = self.calls.get_mut(call) else { return true };
        match entry.stage() {
            Stage::Task => false,
            // Whoever has the key can still hear of the task.
            Stage::Creating if closed && entry.key().is_some() => false,
            Stage::Creating => {
                entry.drop_caller();
                entry.has_begun()
            }
            Stage::Checking | Stage::Direct => {
                self.release(call);
                true
            }
        }
    }

    /// What the failure with which the handler is about to end says of itself (G25-GET-05).
    pub fn handle_said(&mut self, call: RequestId, said: &str) {
        if let Some(entry) = self.calls.get_mut(call) {
            entry.fail(said);
        }
    }

    /// The handler ended.
    pub fn handle_outcome(&mut self, now: Millis, call: RequestId, outcome: Outcome) {
        self.tick(now);
        let Some(entry) = self.calls.get_mut(call) else {
            return self.release(call);
        };
        match entry.stage() {
            Stage::Checking
                if entry.is_augmented()
                    && matches!(outcome, Outcome::Result { .. } | Outcome::Input { .. })
                    && !entry.has_failed(&outcome) =>
            {
                // It ended without a handler that the host could hold, and a task was promised.
                entry.keep_outcome(outcome);
                self.create(call);
            }
            Stage::Checking | Stage::Direct => {
                let refused = entry.stage() == Stage::Checking
                    && entry.is_augmented()
                    && matches!(outcome, Outcome::Result { .. });
                self.push(if refused { Output::Reject { call } } else { Output::Relay { call } });
                self.release(call);
            }
            Stage::Creating => entry.keep_outcome(outcome),
            Stage::Task => self.settle(call, outcome),
        }
    }

    /// A task's handler ended: its outcome goes to the store.
    pub(super) fn settle(&mut self, number: RequestId, outcome: Outcome) {
        let Some((slot, context)) = self.calls.get(number).and_then(|call| Some((call.slot()?, call.context()))) else {
            return;
        };
        let limit = self.limits.outcome;
        let change = match outcome {
            Outcome::Result { is_error, size } if size <= limit => Change::Complete { call: number, is_error },
            Outcome::ReservedError { .. } if context.generation.reserves_codes() => {
                Change::Fail { call: number, failure: Some(Failure::Reserved) }
            }
            Outcome::Error { size } | Outcome::ReservedError { size } if size <= limit => {
                Change::Fail { call: number, failure: None }
            }
            Outcome::Result { .. } | Outcome::Error { .. } | Outcome::ReservedError { .. } => {
                Change::Fail { call: number, failure: Some(Failure::TooLarge) }
            }
            Outcome::NotJson => Change::Fail { call: number, failure: Some(Failure::NotJson) },
            Outcome::Input { requests, state } => return self.end_in_input_required(number, slot, requests, state),
        };
        self.change(slot, change);
    }

    /// Whether a call's handler runs as a task, and in which slot.
    pub(super) fn task_of_call(&self, call: RequestId) -> Option<(SlotId, RequestContext)> {
        let call = self.calls.get(call)?;
        Some((call.task_slot()?, call.context()))
    }

    /// Whether the store is being asked to make a task of the call. `Bind` or `Begin` follows.
    pub fn is_creating(&self, call: RequestId) -> bool {
        self.calls.get(call).is_some_and(|call| call.stage() == Stage::Creating)
    }

    /// Makes calls of these methods into tasks, and no others.
    pub fn offer(&mut self, methods: Methods) {
        self.methods = methods;
    }

    fn offers(&self, method: CallMethod, generation: Generation) -> bool {
        self.methods.contains(method) && method.is_in(generation)
    }

    /// Whether a call without `params.task` is none of the receiver's business: it is not refused, and cannot become a
    /// task.
    pub fn is_plain(
        &self,
        method: CallMethod,
        policy: u32,
        generation: Generation,
        capabilities: Capabilities,
    ) -> bool {
        if !self.offers(method, generation) {
            return true;
        }
        self.policies.get(policy).is_some_and(|policy| {
            policy.support != Support::Required
                && (!generation.server_decides()
                    || policy.promotion == Promotion::Never
                    || !capabilities.contains(Capabilities::TASKS))
        })
    }

    /// Whether the call is a task, or may still become one.
    pub fn may_be_task(&self, call: RequestId) -> bool {
        self.calls.get(call).is_some_and(|call| match call.stage() {
            Stage::Task | Stage::Creating => true,
            Stage::Direct | Stage::Checking => call.is_promotable(),
        })
    }

    /// The task id of a call that is a task.
    pub fn task_id(&self, call: RequestId) -> Option<&str> {
        let (slot, _) = self.task_of_call(call)?;
        self.slots.get(slot).map(Slot::id)
    }
}
