//! Calls: requests on their way through that can become tasks.

use std::rc::Rc;

use super::creation_keys::CreationKey;
use super::pace::Pace;
use super::policy::{Policy, Promotion, Support};
use super::types::{Outcome, RESTARTED, RequestContext, RequestId, SlotId};
use crate::method::CallMethod;
use crate::state::{Form, Members};
use crate::table::Table;
use crate::task::{Lease, MESSAGE_BYTES, Millis, Phase, Task, cut};
use crate::wire::capability::Capabilities;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The SDK checks its parameters; the handler has not begun.
    Checking,
    /// An ordinary call; it may still become a task.
    Direct,
    /// The store is being asked to create the task.
    Creating,
    /// It is a task.
    Task,
}

/// What the task of a call is made of, while there is none.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub id: String,
    pub method: CallMethod,
    pub tool: String,
    pub trace: String,
    /// In ms; `None` for no end.
    pub ttl: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Call {
    context: RequestContext,
    /// `None`: nobody could own a task.
    owner: Option<Rc<str>>,
    policy: Policy,
    draft: Draft,
    /// Only of a call that is to become a task.
    key: Option<CreationKey>,
    augmented: bool,
    gated: bool,
    /// The handler runs, or has run.
    begun: bool,
    stage: Stage,
    /// Its owner has room in the store.
    within_quota: bool,
    slot: Option<SlotId>,
    /// What the handler ended with before the task was stored.
    outcome: Option<Outcome>,
    /// What a failure says of itself, for the status message.
    said: String,
    /// The status message that its handler set last before that.
    status_message: Option<String>,
    /// The caller went away before it was answered.
    dropped: bool,
    /// The caller was told to try again, while nobody could tell whether the store has the task.
    told: bool,
    /// It was told that the task runs here.
    announced: bool,
    pace: Pace,
}

impl Call {
    /// An ordinary call, as yet. `augmented`: it asks for a task. `gated`: the host can hold its handler.
    pub fn new(
        context: RequestContext,
        owner: Option<Rc<str>>,
        policy: Policy,
        draft: Draft,
        key: Option<String>,
        augmented: bool,
        gated: bool,
    ) -> Self {
        Self {
            context,
            owner,
            policy,
            draft,
            key: key.map(CreationKey::new),
            augmented,
            gated,
            begun: true,
            stage: Stage::Direct,
            within_quota: false,
            slot: None,
            outcome: None,
            said: String::new(),
            status_message: None,
            dropped: false,
            told: false,
            announced: false,
            pace: Pace::new(),
        }
    }

    /// A call whose task exists already: nothing is decided about it any more.
    pub fn of_task(context: RequestContext, slot: SlotId) -> Self {
        let mut call = Self::new(context, None, Policy::default(), Draft::default(), None, false, false);
        call.stage = Stage::Task;
        call.slot = Some(slot);
        call.announced = true;
        call
    }

    pub fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    pub fn context(&self) -> RequestContext {
        self.context
    }

    pub fn owner(&self) -> Option<&Rc<str>> {
        self.owner.as_ref()
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    pub fn key(&self) -> Option<&CreationKey> {
        self.key.as_ref()
    }

    /// Its key, and whose that is.
    pub fn key_mut(&mut self) -> Option<(&mut CreationKey, &Rc<str>)> {
        self.key.as_mut().zip(self.owner.as_ref())
    }

    pub fn is_gated(&self) -> bool {
        self.gated
    }

    /// It asks for a task (2025-11-25).
    pub fn is_augmented(&self) -> bool {
        self.augmented
    }

    pub fn has_begun(&self) -> bool {
        self.begun
    }

    pub fn is_dropped(&self) -> bool {
        self.dropped
    }

    pub fn was_told(&self) -> bool {
        self.told
    }

    pub fn is_announced(&self) -> bool {
        self.announced
    }

    pub fn slot(&self) -> Option<SlotId> {
        self.slot
    }

    /// Its slot, once it is a task.
    pub fn task_slot(&self) -> Option<SlotId> {
        self.slot.filter(|_| self.stage == Stage::Task)
    }

    pub fn immediate_text(&self) -> Option<Rc<str>> {
        self.policy.immediate_text()
    }

    pub fn is_within_quota(&self) -> bool {
        self.within_quota
    }

    /// Its owner has room in the store.
    pub fn allow(&mut self) {
        self.within_quota = true;
    }

    /// It is to become a task: its parameters are checked first.
    pub fn check(&mut self) {
        self.stage = Stage::Checking;
        self.begun = false;
    }

    /// Its handler begins. Whether it had not yet.
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    /// The caller has gone away.
    pub fn drop_caller(&mut self) {
        self.dropped = true;
    }

    /// The caller is told to try again. Whether it was told before.
    pub fn tell(&mut self) -> bool {
        std::mem::replace(&mut self.told, true)
    }

    /// What the handler ended with waits until the task is stored.
    pub fn keep_outcome(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// What the failure says of itself with which the handler ends.
    pub fn fail(&mut self, said: &str) {
        self.said = cut(said, MESSAGE_BYTES).to_owned();
    }

    pub fn said(&self) -> Option<&str> {
        Some(&*self.said).filter(|said| !said.is_empty())
    }

    /// The status message that the task is to have.
    pub fn set_status_message(&mut self, message: String) {
        self.status_message = Some(message);
    }

    /// The store is asked for something, on the way to a task.
    pub fn begin_creation(&mut self) {
        self.stage = Stage::Creating;
    }

    /// The task is on its way to the store.
    pub fn create_in(&mut self, slot: SlotId) {
        self.slot = Some(slot);
    }

    /// Its task gets the id that an earlier call with its key has chosen.
    pub fn inherit(&mut self, id: &str) {
        id.clone_into(&mut self.draft.id);
        if let Some(key) = &mut self.key {
            key.inherit();
        }
    }

    /// It does not try again to become a task.
    pub fn forbid_task(&mut self) {
        self.policy.promotion = Promotion::Never;
    }

    /// It goes on without a task. What the handler has ended with meanwhile.
    pub fn go_on_plainly(&mut self) -> Option<Outcome> {
        self.slot = None;
        self.stage = Stage::Direct;
        self.outcome.take()
    }

    /// It is a task now. The status message, and what the handler has ended with meanwhile.
    pub fn become_task(&mut self) -> (Option<String>, Option<Outcome>) {
        self.stage = Stage::Task;
        self.announced = !self.dropped;
        (self.status_message.take(), self.outcome.take())
    }

    /// Whether the handler's answer says that the work failed.
    pub const fn has_failed(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Result { is_error: true, .. }) && self.draft.method.row().has_error_results
    }

    /// The server may still decide that it is a task (2026-07-28).
    pub fn is_promotable(&self) -> bool {
        self.context.generation.server_decides()
            && self.context.capabilities.contains(Capabilities::TASKS)
            && self.policy.promotion != Promotion::Never
    }

    /// The caller takes nothing but a task. What ran plainly would run again under the same key.
    pub fn must_be_task(&self) -> bool {
        self.augmented || self.policy.support == Support::Required || self.key.is_some()
    }

    /// Whether nobody could hear of the task any more if the caller went away now.
    pub fn needs_caller(&self) -> bool {
        self.context.generation.task_needs_caller() && self.key.is_none()
    }

    /// The task that it becomes.
    pub fn task(&self, now: Millis, clock: &Rc<str>, write_id: u64, lease: Lease, posts: bool) -> Task {
        let Self { context: RequestContext { generation, .. }, policy, draft, .. } = self;
        Task {
            form: Form,
            generation: *generation,
            phase: Phase::Working,
            failure: None,
            created_at: now,
            clock: Rc::clone(clock),
            keyed: self.key.is_some(),
            updated_at: now,
            ttl: draft.ttl,
            poll_interval: policy.poll_interval.max(1),
            method: draft.method,
            tool: draft.tool.clone(),
            trace: draft.trace.clone(),
            message: String::new(),
            cooperative: policy.cooperative && generation.cancel_is_advisory(),
            cancel_requested: false,
            extends: policy.extends && generation.ttl_may_change(),
            on_lost: policy.on_lost,
            restarts: policy.restarts,
            issued: 0,
            write_id,
            waits_since: None,
            inputs: Vec::new(),
            epoch: 1,
            lease: Some(lease),
            posts: u32::from(posts),
            post_at: None,
            unknown: Members::default(),
        }
    }
}

/// All calls, by number.
#[derive(Debug)]
pub(super) struct Calls {
    calls: Table<RequestId, Call>,
    /// The number of the last one that was started again here.
    last_restarted: RequestId,
}

impl Calls {
    pub fn new() -> Self {
        Self { calls: Table::new(), last_restarted: RESTARTED }
    }

    pub fn get(&self, number: RequestId) -> Option<&Call> {
        self.calls.get(&number)
    }

    pub fn get_mut(&mut self, number: RequestId) -> Option<&mut Call> {
        self.calls.get_mut(&number)
    }

    pub fn has(&self, number: RequestId) -> bool {
        self.calls.contains_key(&number)
    }

    pub fn owner_of(&self, number: RequestId) -> Option<Rc<str>> {
        self.get(number)?.owner.clone()
    }

    pub fn insert(&mut self, call: Call) {
        self.calls.insert(call.context.request, call);
    }

    pub fn remove(&mut self, number: RequestId) {
        self.calls.remove(&number);
    }

    /// The number of a call that is started again here.
    pub fn next_restarted(&mut self) -> RequestId {
        let first = RESTARTED.get() + 1;
        self.last_restarted = self.last_restarted.next(first, |call| self.calls.contains_key(&call));
        self.last_restarted
    }

    /// The slots of those that are tasks.
    pub fn task_slots(&self) -> Vec<SlotId> {
        let mut slots = Vec::new();
        for call in self.calls.values() {
            slots.extend(call.task_slot());
        }
        slots
    }

    pub fn len(&self) -> usize {
        self.calls.len()
    }
}
