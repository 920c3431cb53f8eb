//! Calls: requests on their way through that can become tasks.

use std::rc::Rc;

use super::creation_keys::CreationKey;
use super::policy::{Policy, Promotion, Support};
use super::types::{Outcome, RequestContext, SlotId};
use crate::method::CallMethod;
use crate::state::{Form, Members};
use crate::task::{Lease, Millis, Phase, Task};
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
    /// Its owner has room in the store.
    pub within_quota: bool,
}

#[derive(Debug)]
pub(super) struct Call {
    pub context: RequestContext,
    /// `None`: nobody could own a task.
    pub owner: Option<Rc<str>>,
    pub policy: Policy,
    pub draft: Draft,
    /// Only of a call that is to become a task.
    pub key: Option<CreationKey>,
    pub augmented: bool,
    pub gated: bool,
    /// The handler runs, or has run.
    pub begun: bool,
    pub stage: Stage,
    pub slot: Option<SlotId>,
    /// What the handler ended with before the task was stored.
    pub outcome: Option<Outcome>,
    /// What a failure says of itself, for the status message.
    pub said: String,
    /// The status message that its handler set last before that.
    pub note: Option<String>,
    /// The caller went away before it was answered.
    pub dropped: bool,
    /// The caller was told to try again, while nobody could tell whether the store has the task.
    pub told: bool,
    /// It was told that the task runs here.
    pub announced: bool,
}

impl Call {
    /// An ordinary call, as yet.
    pub fn new(context: RequestContext, policy: Policy, draft: Draft) -> Self {
        Self {
            context,
            owner: None,
            policy,
            draft,
            key: None,
            augmented: false,
            gated: false,
            begun: false,
            stage: Stage::Direct,
            slot: None,
            outcome: None,
            said: String::new(),
            note: None,
            dropped: false,
            told: false,
            announced: false,
        }
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
}

impl Call {
    /// The task that it becomes.
    pub fn task(&self, now: Millis, clock: &Rc<str>, write_id: u64, lease: Lease) -> Task {
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
            unknown: Members::default(),
        }
    }
}
