//! What the receiver wants from its host.

use std::rc::Rc;

use super::event::Event;
use super::{Facts, Peer, Trouble};
use crate::storage::{Job, Operation};
use crate::task::Millis;
use crate::wire::{Body, Generation, News};

/// The number of a JSON-RPC request, given by the host; numbers from [`RESTARTED`] up are given by the receiver.
pub type Request = u32;

/// The number of an input request that a handler made, given by the host.
pub type Ask = u32;

/// Calls that the receiver itself starts again are numbered from here.
pub const RESTARTED: Request = 1 << 31;

/// One thing the host must do. Every input is followed by draining all outputs.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Run this operation and report its completion under `job`.
    Store { job: Job, operation: Operation },
    /// The store has not answered `job` in time, and it is not waited for any longer; `Finish` follows.
    Overdue { job: Job },
    /// `job` is over: what was read or written for it can go.
    Finish { job: Job },
    /// Answer the request; payloads come from what `job` read or wrote last.
    Reply { request: Request, generation: Generation, job: Option<Job>, body: Body },
    /// Tell the client of a subscription; payloads come from what `job` has read.
    Tell { request: Request, generation: Generation, job: Option<Job>, news: News },
    /// Tell the requestor of a task, on the response stream of `stream`, or on the connection of the call.
    TellRequestor { call: Request, generation: Generation, stream: Option<Request>, news: News },
    /// Hand the call to the SDK, without the members that ask for a task. `gated`: report when its handler is about to
    /// begin, and hold it until `Begin`.
    Forward { call: Request, gated: bool },
    /// The call is a task now.
    Bind { call: Request, id: String },
    /// Let the held handler begin.
    Begin { call: Request },
    /// Answer the caller with what the handler ended with.
    Relay { call: Request },
    /// The call ended before its handler began, and a task was asked for: answer that its parameters are wrong.
    Reject { call: Request },
    /// Stop the handler. `silently`: only tell it; it decides.
    Abort { call: Request, reason: Stop, silently: bool },
    /// Nothing keeps the call's connection open any more, and its values can go.
    Release { call: Request },
    /// Send the handler's request to the client: on the response stream of `stream`, or on the connection itself.
    Deliver { ask: Ask, stream: Option<Request> },
    /// Give the handler its answer: the response to its own request, or the value under `key` in request `from`.
    Answered { ask: Ask, from: Option<(Request, String)> },
    /// Give the handler the answer that another process stored under `key`; `job` has read it.
    AnsweredElsewhere { ask: Ask, job: Job, key: String },
    /// The handler's request will not be answered: it was withdrawn, or a limit or a missing capability forbids it.
    Withdraw { ask: Ask, delivered: bool, reason: Withdrawal },
    /// Start the stored call of a task of `owner`'s again on the connection `on`, or on a server without one; `answers`
    /// are (key in the store, handler's name).
    Restart { call: Request, on: Option<Peer>, facts: Facts, owner: Rc<str>, job: Job, answers: Vec<(String, String)> },
    /// End the stream of this request, or its connection, without an answer: its client is to ask another server.
    HangUp { request: Request },
    /// The host need not keep the values of this request any longer.
    Forget { request: Request },
    /// The operator is to hear of something that is wrong with a task.
    Report { trouble: Trouble, id: String },
    /// Something happened.
    Event(Box<Event>),
    /// Call `handle_deadline` at this time, and not before unless asked again.
    Wake { at: Millis },
}

/// Why a handler is to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stop {
    /// Its task was cancelled, or its caller went away before there was one.
    Cancelled,
    /// The time to live of its task is over.
    Expired,
    /// This process closes, and the task goes on in another one.
    HandedOver,
    /// This process may not go on with the task: another one runs it or has ended it, or it is no more.
    Lost,
}

/// Why a handler's request is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Withdrawal {
    /// The task has ended.
    Ended,
    /// The client did not declare the capability (G25-INP-09, G26-INP-04).
    Undeclared,
    /// Too many are outstanding, or were asked in all (X-LIM-02, X-LIM-10).
    TooMany,
    /// The call is not a task.
    NotATask,
    /// The store failed.
    Storage,
    /// Nothing can carry it to the client (H78).
    NoCarrier,
}
