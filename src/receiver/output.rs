//! What the receiver wants from its host.

use std::rc::Rc;

use super::event::Event;
use super::types::{
    InputRequestId, JobId, PeerId, PostId, RequestContext, RequestId, StepId, Stop, Trouble, Withdrawal,
};
use crate::method::CallMethod;
use crate::storage::Operation;
use crate::task::Millis;
use crate::wire::{Body, Generation, News};

/// One thing the host must do. Every input is followed by draining all outputs.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Run this operation and report its completion under `job`.
    Store { job: JobId, operation: Operation },
    /// The store has not answered `job` in time, and it is not waited for any longer; `Finish` follows.
    Overdue { job: JobId },
    /// `job` is over: what was read or written for it can go.
    Finish { job: JobId },
    /// Answer the request; payloads come from what `job` read or wrote last.
    Reply { request: RequestId, generation: Generation, job: Option<JobId>, body: Body },
    /// Tell the client of a subscription; payloads come from what `job` has read.
    Tell { request: RequestId, generation: Generation, job: Option<JobId>, news: News },
    /// Tell the requestor of a task, on the response stream of `stream`, or on the connection of the call.
    TellRequestor { call: RequestId, generation: Generation, stream: Option<RequestId>, news: News },
    /// Hand the call to the SDK, without the members that ask for a task. `gated`: report when its handler is about to
    /// begin, and hold it until `Begin`.
    Forward { call: RequestId, gated: bool },
    /// The call is a task now.
    Bind { call: RequestId, id: String },
    /// Let the held handler begin.
    Begin { call: RequestId },
    /// Answer the caller with what the handler ended with.
    Relay { call: RequestId },
    /// The latest progress of the call's handler goes to the requestor of its task.
    Progress { call: RequestId },
    /// The call ended before its handler began, and a task was asked for: answer that its parameters are wrong.
    Reject { call: RequestId },
    /// Stop the handler. `silently`: only tell it; it decides.
    Abort { call: RequestId, reason: Stop, silently: bool },
    /// Nothing keeps the call's connection open any more, and its values can go.
    Release { call: RequestId },
    /// Send the handler's request to the client: on the response stream of `stream`, or on the connection itself.
    Deliver { input: InputRequestId, stream: Option<RequestId> },
    /// Give the handler its answer: the response to its own request, or the value under `key` in request `from`.
    Answered { input: InputRequestId, from: Option<(RequestId, String)> },
    /// Give the handler the answer that another process stored under `key`; `job` has read it.
    AnsweredElsewhere { input: InputRequestId, job: JobId, key: String },
    /// The handler's request will not be answered: it was withdrawn, or a limit or a missing capability forbids it.
    Withdraw { input: InputRequestId, delivered: bool, reason: Withdrawal },
    /// What the handler's step has led to is kept with the task.
    StepKept { step: StepId },
    /// It is not kept, as far as that is known: where the store had it all the same, `StepKept` follows, too late.
    /// Where the task ended first, [`Output::Release`] of its call says so alone.
    StepLost { step: StepId, reason: Withdrawal },
    /// Start the stored call of a task of `owner`'s again on the connection `on`, or on a server without one; `answers`
    /// are (key in the store, handler's name).
    Restart {
        call: RequestId,
        method: CallMethod,
        on: Option<PeerId>,
        context: RequestContext,
        owner: Rc<str>,
        job: JobId,
        answers: Vec<(String, String)>,
    },
    /// End the stream of this request, or its connection, without an answer: its client is to ask another server.
    HangUp { request: RequestId },
    /// The host need not keep the values of this request any longer.
    Forget { request: RequestId },
    /// Tell somebody of the end of a task, and report under `post` whether that was done.
    Post { post: PostId, attempt: u32, end: Box<Event> },
    /// The operator is to hear of something that is wrong with a task.
    Report { trouble: Trouble, id: String },
    /// Something happened.
    Event(Box<Event>),
    /// Call `handle_deadline` at this time, and not before unless asked again.
    Wake { at: Millis },
}
