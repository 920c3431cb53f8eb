//! What the requestor wants from its host, and what the host tells it.

use super::pace::Bounds;
use crate::method::{CallMethod, Methods};
pub use crate::number::{CallNumber, PayloadNumber, RequestNumber, TaskNumber, WaiterNumber};
use crate::wire::{Generation, Method, Name, Status, Writer};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    pub bounds: Bounds,
    /// The longest a task is followed, in ms; otherwise its time to live, or a day.
    pub max_age: Option<u64>,
    /// How long one request to the peer may take, in ms; what waits for an outcome excepted (G25-RES-12).
    pub request_timeout: u32,
    /// Whether pushed snapshots are wanted, where a server offers them.
    pub listen: bool,
    /// How soon a new task is first read, in ms; the pauses double from there to the poll interval. 0: after the
    /// interval.
    pub first_read: u32,
    /// Entropy for the jitter.
    pub seed: u64,
}

/// Whether a caller wants its call to become a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preference {
    /// Never.
    Forbid,
    /// Where the tool demands it, or the server decides it.
    Allow,
    /// Where the tool allows it, or the server decides it.
    Prefer,
    /// It fails where it cannot.
    Require,
}

/// What the peer declared, as far as it matters here (G25-CAP-03, G25-CAP-08).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Declared {
    /// The methods whose leaves `tasks.requests` has.
    pub methods: Methods,
    /// `tasks.cancel`.
    pub cancel: bool,
    /// Whether the extension was declared, where a declaration was seen.
    pub extension: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFacts<'a> {
    /// The generation that the connection, or the request, speaks.
    pub generation: Option<Generation>,
    pub method: CallMethod,
    /// What is called, as `params` names it; empty where the method names nothing.
    pub tool: &'a str,
    pub preference: Preference,
    /// What giving up the call does to its task.
    pub cancels: bool,
    pub ttl: Option<u64>,
}

/// A task as the peer describes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot<'a> {
    /// Empty for what is not a well-formed string.
    pub id: &'a str,
    pub status: &'a str,
    /// ms; infinite for no end, NaN where it is missing.
    pub ttl: f64,
    /// ms; NaN where it is missing.
    pub poll: f64,
    /// ms from creation to the last update; NaN where that is unknown.
    pub age: f64,
    pub has_result: bool,
    pub has_error: bool,
    /// Whether its times or its message differ from those of the snapshot that was shown before it, if one was.
    pub moved: bool,
    /// Its `inputRequests`, where there are some.
    pub inputs: Option<&'a [Entry]>,
}

/// The peer's answer to a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply<'a> {
    Handle(Snapshot<'a>),
    /// `demands_task`: it is an SDK's way of saying `-32601` for a tool that runs only as a task.
    Result {
        is_error: bool,
        demands_task: bool,
    },
    /// A result that is neither a task nor a tool's result: it has no content of any kind.
    Empty,
    Error {
        code: i32,
    },
}

/// The peer's answer to a request of the requestor.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered<'a> {
    Snapshot(Snapshot<'a>),
    /// A result that is not a task: the outcome, or an acknowledgement. `is_error` as in a tool's result.
    Result {
        is_error: bool,
    },
    /// A result without any content of a tool.
    Empty,
    /// `code` of JSON-RPC, or the status with which HTTP refused the request.
    Error {
        code: i32,
    },
    /// There will be no answer.
    Lost,
}

/// What the host reads out of one entry of `inputRequests`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub key: String,
    pub method: String,
    /// A hash of the request, by which it is known again.
    pub fingerprint: u64,
}

/// What the host must know about an input request, or about a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Problem {
    /// The request under a known key changed; it will not be answered (G26-INP-07).
    Changed,
    /// Its method is unknown; it will not be answered (G26-INP-10).
    UnknownMethod,
    /// The server refused its answer, twice (G26-UPD-13).
    Rejected,
    /// The answer could not be sent.
    Unsent,
    /// No input request: a push says that this task, which has ended, ended otherwise.
    Contradicted,
    /// The server took it back twice, and lists it again; it will not be answered.
    Unsteady,
}

/// How a followed task, or a call, ended for its requestor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
    Expired,
    NotFound,
    Unsupported,
    Unreachable,
    Protocol,
    Connection,
    Detached,
    Limit,
    Internal,
    Refused,
}

impl Ending {
    const fn reason(self) -> Name {
        match self {
            Self::Completed => Name::Completed,
            Self::Failed => Name::Failed,
            Self::Cancelled => Name::Cancelled,
            Self::Expired => Name::Expired,
            Self::NotFound => Name::NotFound,
            Self::Unsupported => Name::Unsupported,
            Self::Unreachable => Name::Unreachable,
            Self::Protocol | Self::Refused => Name::Protocol,
            Self::Connection => Name::Connection,
            Self::Detached => Name::Detached,
            Self::Limit => Name::Limit,
            Self::Internal => Name::Internal,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Completed => "The task completed, but its result could not be read",
            Self::Failed => "The task failed, but its error could not be read",
            Self::Cancelled => "The task was cancelled",
            Self::Expired => "The task's time to live ended before its outcome was known",
            Self::NotFound => "The server does not know the task: it never existed, has expired, or is not yours",
            Self::Unsupported => "The server does not support what the call needs",
            Self::Unreachable => "The task could not be read: too many attempts failed",
            Self::Protocol => "The server broke the protocol of tasks",
            Self::Connection => "The connection was closed before the task ended; it can be resumed",
            Self::Detached => "The caller stopped following the task; it goes on",
            Self::Limit => "Too many tasks are followed",
            Self::Internal => concat!("The core of ", env!("CARGO_PKG_NAME"), " failed; the task can be resumed"),
            Self::Refused => "The server refused the answer to an input request of the task, and asks for no other",
        }
    }

    /// Writes the JSON-RPC error that a plain call is rejected with where the peer sent none (X-ERR-03: `data.reason`
    /// tells it from the peer's own errors).
    pub fn write(self, task: Option<&str>, writer: &mut impl Writer) {
        writer.number(Name::Code, -32603.0);
        writer.text(Name::Message, self.message());
        writer.open(Name::Data);
        if let Some(task) = task {
            writer.text(Name::TaskId, task);
        }
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => writer.word(Name::Status, self.reason()),
            _ => writer.word(Name::Reason, self.reason()),
        }
        writer.close();
    }
}

/// What a call is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The peer's own answer to the call, as it came.
    Reply,
    /// The outcome of the task: the result or error that the last [`Output::Ended`] of the task named.
    Outcome(TaskNumber),
    /// An error of the requestor.
    Local(Ending),
}

/// One thing the host must do. Every input is followed by draining all outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Hand the call to the peer, with the offer to make it a task, or without.
    Send { call: CallNumber, offer: bool },
    /// Read a page of the list of tools; it answers `request`.
    List { request: RequestNumber, cursor: Option<String> },
    /// Send a request about a task.
    Ask { request: RequestNumber, task: TaskNumber, method: Method, keys: Vec<String> },
    /// Open a stream that pushes these tasks; it answers `request`.
    Listen { request: RequestNumber, ids: Vec<String> },
    /// Close the stream of `request`.
    Unlisten { request: RequestNumber },
    /// Let the cancellation of the call through.
    Forward { call: CallNumber },
    /// Close the exchange of a call that was given up; nothing more is known of it.
    HangUp { call: CallNumber },
    /// The call has become a task, or found the task it resumes.
    Created { call: CallNumber, task: TaskNumber },
    /// The task has a new snapshot. `progress`: it is the progress of the task's calls, whose generation has no other
    /// (G26-PRG-01).
    Changed { task: TaskNumber, payload: PayloadNumber, progress: bool },
    /// Keep this error: it may be the task's outcome.
    Hold { task: TaskNumber, payload: PayloadNumber },
    /// Ask the user's handlers; `again` after the server refused the first answer.
    Prompt { task: TaskNumber, key: String, again: bool },
    /// Stop asking.
    Withdraw { task: TaskNumber, key: String },
    /// The answer under this key is not needed any more.
    Drop { task: TaskNumber, key: String },
    /// The server refused an update with this error: the error of what follows from it.
    Refused { task: TaskNumber, payload: PayloadNumber },
    /// The answer to this input request is that the user has dismissed it.
    Dismiss { task: TaskNumber, key: String },
    /// Something about an input request, or a task, that the application must know.
    Report { task: TaskNumber, key: String, problem: Problem },
    /// The task is over. No `payload`: the held error, if there is one.
    Ended { task: TaskNumber, id: String, ending: Ending, status: Option<Status>, payload: Option<PayloadNumber> },
    /// Answer the call; it is forgotten.
    Answer { call: CallNumber, answer: Answer },
    /// A cancellation is settled: the status in which the task ended, if known, or why there is none.
    Cancelled { waiter: WaiterNumber, status: Option<Status>, error: Option<Ending> },
    /// The task is forgotten.
    Forget { task: TaskNumber },
}
