//! What goes into a receiver and comes out of it, as types.

use strum::FromRepr;

use crate::method::CallMethod;
use crate::task::InputKind;
use crate::wire::Generation;
use crate::wire::capability::Capabilities;

pub use crate::number::{InputRequestId, JobId, PeerId, PostId, RequestId, SlotId, StepId};

/// Calls that the receiver itself starts again are numbered from here.
pub const RESTARTED: RequestId = RequestId::new(1 << 31);

/// The connection of a call that runs without one.
pub(super) const NO_PEER: PeerId = PeerId::new(0);

/// What a request says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestContext {
    pub request: RequestId,
    pub peer: PeerId,
    pub generation: Generation,
    pub capabilities: Capabilities,
    /// `tasks/list` is offered on this connection.
    pub lists: bool,
}

impl RequestContext {
    /// The bit in which a host says `lists`, beside those of the capabilities.
    pub const LISTS: u8 = 1 << 6;
}

/// What a call says.
#[derive(Clone, Debug)]
pub struct Called {
    pub method: CallMethod,
    /// What is called, as `params` names it; empty where the method names nothing.
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
    /// `is_error`: it says `isError: true`. What that means, the method says.
    Result {
        is_error: bool,
        size: u32,
    },
    Error {
        size: u32,
    },
    /// An error with a code that 2026-07-28 does not have (G26-ERR-03).
    ReservedError {
        size: u32,
    },
    /// An `input_required` result: each request's name and kind, `None` for a method nobody knows.
    Input {
        requests: Vec<(String, Option<InputKind>)>,
        state: bool,
    },
    /// It cannot be written as JSON.
    NotJson,
}

/// What an answer looks like, as bits: the host looks at its members, not into them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape(pub u8);

impl Shape {
    /// An elicitation's result (`action`, and `content` of primitive members).
    pub const ELICITED: u8 = 1;
    /// A sampling result (`role`, `content`, `model`).
    pub const SAMPLED: u8 = 2;
    /// A list of roots.
    pub const ROOTS: u8 = 4;

    pub const fn answers(self, kind: InputKind) -> bool {
        let needed = match kind {
            InputKind::Elicit | InputKind::ElicitUrl => Self::ELICITED,
            InputKind::Sample | InputKind::SampleWithTools => Self::SAMPLED,
            InputKind::Roots => Self::ROOTS,
        };
        self.0 & needed != 0
    }
}

/// Where a handler's notification goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// The call is no task: its ordinary way.
    Ordinary,
    /// On the response stream of this request, marked with the task.
    Stream(RequestId),
    /// On the connection itself, marked with the task.
    Connection,
    Nowhere,
}

/// Why a handler is to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
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

/// Why a handler's request is not answered, or what its step has led to is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum Withdrawal {
    /// The task has ended.
    Ended,
    /// The client did not declare the capability (G25-INP-09, G26-INP-04).
    Undeclared,
    /// Too many are outstanding, or were asked in all (X-LIM-02, X-LIM-10); or it is too much to be kept.
    TooMany,
    /// The call is not a task.
    NotATask,
    /// The store failed.
    Storage,
    /// Nothing can carry it to the client (H78).
    NoCarrier,
}

/// What the operator is to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum Trouble {
    /// A record has a later form than this version reads.
    Newer,
    /// A record is not in a form that this version reads.
    Malformed,
    /// The outcome of a task could not be stored, and is lost.
    OutcomeLost,
    /// Nobody could be told of the end of a task, and it is not tried again.
    Untold,
}
