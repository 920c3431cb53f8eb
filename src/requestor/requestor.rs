//! The requestor: its parts, and what all that it does needs.

use std::collections::VecDeque;

use super::calls::Calls;
use super::pace::{Jitter, Ramps};
use super::requests::Requests;
use super::streams::Streams;
use super::tasks::Tasks;
use super::tools::Tools;
use super::types::{CallNumber, Declared, Options, Output, RequestNumber, TaskNumber};
use crate::deadline::Deadlines;
use crate::method::{CallMethod, Methods};
use crate::task::Millis;
use crate::wire::{Generation, Support};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    Task(TaskNumber),
    List,
    Listen,
    HangUp,
}

/// Where a snapshot comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Handle,
    Read,
    Cancel,
    Notification,
}

/// Follows the tasks of one connection.
#[derive(Debug)]
pub struct Requestor {
    pub(super) options: Options,
    pub(super) jitter: Jitter,
    /// The methods for which tasks are offered.
    pub(super) methods: Methods,
    pub(super) declared: Declared,
    pub(super) tools: Tools,
    pub(super) calls: Calls,
    pub(super) tasks: Tasks,
    pub(super) requests: Requests,
    pub(super) streams: Streams,
    pub(super) deadlines: Deadlines<Timer>,
    pub(super) outputs: VecDeque<Output>,
    /// Prompts that were asked for and are not over.
    pub(super) prompts: usize,
    pub(super) ramps: Ramps,
}

impl Requestor {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            jitter: Jitter::new(options.seed),
            methods: Methods::OFFERED,
            declared: Declared::default(),
            tools: Tools::default(),
            calls: Calls::default(),
            tasks: Tasks::default(),
            requests: Requests::default(),
            streams: Streams::default(),
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
            prompts: 0,
            ramps: Ramps::default(),
        }
    }

    /// Offers tasks for calls of these methods, and for no others.
    pub fn offer_for(&mut self, methods: Methods) {
        self.methods = methods;
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When [`Requestor::handle_timer`] wants to be called; it may be earlier than necessary.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.next().filter(|_| !self.is_idle())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && !self.tools.is_walking() && self.calls.next_overdue().is_none()
    }

    /// How many tasks are followed.
    pub fn followed(&self) -> usize {
        self.tasks.len()
    }

    /// A handshake was seen: what was known about another session is void (G25-TLN-09).
    pub fn handle_declared(&mut self, declared: Declared) {
        self.declared = declared;
        self.tools.forget();
        self.streams.forget_refusal();
    }

    /// Whether a call may become a task in a session of this generation, as its peer declared. Where none can, the host
    /// need not ask for each that does not require it.
    pub fn takes_tasks(&self, generation: Option<Generation>) -> bool {
        let is_declared = || self.methods.rows().any(|row| self.declared.methods.contains(row.method));
        generation.is_some_and(|generation| generation.server_decides() || is_declared())
    }

    /// A tool was listed.
    pub fn handle_tool(&mut self, tool: &str, support: Support) {
        self.tools.insert(CallMethod::ToolsCall, tool, support);
    }

    /// All tools were listed.
    pub fn handle_tools_complete(&mut self) {
        self.tools.set_complete();
    }

    /// The list of tools has changed.
    pub fn handle_tools_changed(&mut self) {
        self.tools.forget();
    }

    /// What the offer to make `call` a task says.
    pub fn offer(&self, call: CallNumber) -> Option<(Generation, Option<u64>)> {
        self.calls.get(call).and_then(|state| Some((state.generation()?, state.ttl())))
    }

    /// The generation and id of a followed task.
    pub fn task(&self, task: TaskNumber) -> Option<(Generation, &str)> {
        self.tasks.get(task).map(|follow| (follow.generation, follow.id.as_str()))
    }

    pub(super) fn number(&mut self) -> RequestNumber {
        let Self { requests, streams, tools, .. } = self;
        requests.number(|request| streams.has(request) || tools.is_page(request))
    }
}
