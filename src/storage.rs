//! What goes out to the store and what comes back; twin of `pkg-template/src/store.ts`.
//!
//! Each operation belongs to a job; the host reports its completion by the job's number.

use std::borrow::Cow;
use std::rc::Rc;

use strum::FromRepr;

use crate::number::{InputRequestId, RequestId, StepId};
use crate::task::Millis;

/// A record without its payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub owner: Rc<str>,
    pub id: String,
    pub version: u32,
    pub created_at: Millis,
    pub due_at: Option<Millis>,
    pub state: String,
}

/// Begins the owner of records that others keep in the same store: adapters of this package, in forms of their own. No
/// request has such an owner, and such a record is deleted when it is due.
const GUESTS: char = '\u{2}';

/// Whether a record of this owner is another's, never to be read here.
pub fn is_guest(owner: &str) -> bool {
    owner.starts_with(GUESTS)
}

/// A place in an owner's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    pub created_at: Millis,
    pub id: String,
}

/// A place among what is due: behind the task with this due time, owner and id, whether or not there is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DuePosition {
    pub due_at: Millis,
    pub owner: Rc<str>,
    pub id: String,
}

/// A part of a stored payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stored {
    /// The original request's parameters.
    Request,
    Result,
    Error,
    /// The state that the handler wants back with its answers.
    State,
    Input(String),
    Answer(String),
    /// What the handler's step of this number has led to; its first is 1.
    Step(u32),
}

/// Where the host finds a value to store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// The parameters of the call with this number.
    Request(RequestId),
    /// The outcome of the call: its result, error, or request state.
    Outcome(RequestId),
    /// The input request with this name in the call's `input_required` result.
    Asked { call: RequestId, name: String },
    /// The input request that was made under this number.
    InputRequest(InputRequestId),
    /// The answer under this key in the request with this number.
    Response { request: RequestId, key: String },
    /// What the step that was made under this number has led to.
    Step(StepId),
}

/// What a write does to the payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload {
    /// Nothing.
    Keep,
    /// It becomes these parts, added to what the job has read if `onto_read`, without the removed ones.
    Write { onto_read: bool, remove: Vec<Stored>, set: Vec<(Stored, Source)> },
}

impl Payload {
    /// The same without the answers under these keys, too.
    #[must_use]
    pub fn without(self, keys: Vec<String>) -> Self {
        if keys.is_empty() {
            return self;
        }
        let answers = keys.into_iter().map(Stored::Answer);
        match self {
            Self::Keep => Self::Write { onto_read: true, remove: answers.collect(), set: Vec::new() },
            Self::Write { onto_read, mut remove, set } => {
                remove.extend(answers);
                Self::Write { onto_read, remove, set }
            }
        }
    }

    /// A payload with nothing in it.
    pub const fn nothing() -> Self {
        Self::Write { onto_read: false, remove: Vec::new(), set: Vec::new() }
    }
}

/// An operation on the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `request`: the JSON-RPC request that names the task, from which the host knows owner and id already.
    Get {
        owner: Rc<str>,
        id: String,
        payload: bool,
        request: Option<RequestId>,
    },
    Put {
        record: Record,
        payload: Payload,
    },
    Delete {
        owner: Rc<str>,
        id: String,
        version: u32,
    },
    List {
        owner: Rc<str>,
        after: Option<Position>,
        limit: u32,
    },
    /// What is due at `before` or earlier, of all owners, by due time, owner and id. An empty owner and an empty id
    /// come first.
    Due {
        before: Millis,
        after: Option<DuePosition>,
        limit: u32,
    },
    /// What an owner has stored; asked only where that is limited.
    Usage {
        owner: Rc<str>,
    },
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Completion {
    /// What `Get` found.
    Record(Option<Record>),
    /// Whether `Put` swapped, or `Delete` found the task gone or deleted it.
    Done(bool),
    /// What `Get` found is no record. The host has told the operator.
    Unreadable,
    /// What `List` and `Due` found, without what is no record. `full`: the store returned as many as were asked for.
    Records { records: Vec<Record>, full: bool },
    /// What `Usage` found.
    Usage { tasks: u64, bytes: u64 },
    /// The store refused the write: too many tasks, or too many bytes.
    Full { bytes: bool },
    /// The payload could not be written as JSON.
    NotJson,
    /// The store failed.
    Failed,
}

/// How an operation ended that brought no rows, as the host says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum CompletionCode {
    /// `Put` or `Delete` met another version.
    NotDone,
    Done,
    /// `Get` found nothing.
    Missing,
    TooManyTasks,
    TooManyBytes,
    NotJson,
    Failed,
    Unreadable,
}

impl From<CompletionCode> for Completion {
    fn from(code: CompletionCode) -> Self {
        match code {
            CompletionCode::NotDone => Self::Done(false),
            CompletionCode::Done => Self::Done(true),
            CompletionCode::Missing => Self::Record(None),
            CompletionCode::TooManyTasks => Self::Full { bytes: false },
            CompletionCode::TooManyBytes => Self::Full { bytes: true },
            CompletionCode::NotJson => Self::NotJson,
            CompletionCode::Failed => Self::Failed,
            CompletionCode::Unreadable => Self::Unreadable,
        }
    }
}

/// A part of a stored payload, as the host is told; an input, an answer or a step has its key beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum PartCode {
    Request,
    Result,
    Error,
    State,
    Input,
    Answer,
    Step,
}

impl Stored {
    /// The part, and its key if it has one.
    pub fn code(&self) -> (PartCode, Cow<'_, str>) {
        match self {
            Self::Request => (PartCode::Request, "".into()),
            Self::Result => (PartCode::Result, "".into()),
            Self::Error => (PartCode::Error, "".into()),
            Self::State => (PartCode::State, "".into()),
            Self::Input(key) => (PartCode::Input, key.into()),
            Self::Answer(key) => (PartCode::Answer, key.into()),
            Self::Step(number) => (PartCode::Step, number.to_string().into()),
        }
    }
}

/// Where the host finds a value to store, as it is told; a number and a key say which.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum SourceCode {
    Request,
    Outcome,
    Asked,
    InputRequest,
    Response,
    Step,
}

impl Source {
    /// The source, its number, and its key if it has one.
    pub fn code(&self) -> (SourceCode, u32, &str) {
        match self {
            Self::Request(call) => (SourceCode::Request, call.get(), ""),
            Self::Outcome(call) => (SourceCode::Outcome, call.get(), ""),
            Self::Asked { call, name } => (SourceCode::Asked, call.get(), name),
            Self::InputRequest(input) => (SourceCode::InputRequest, input.get(), ""),
            Self::Response { request, key } => (SourceCode::Response, request.get(), key),
            Self::Step(step) => (SourceCode::Step, step.get(), ""),
        }
    }
}

/// What a write does to the payload, as the host is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum WriteCode {
    /// The stored one stays.
    Keep,
    /// It becomes the parts that were set.
    Replace,
    /// It becomes what was read, with the parts removed and set.
    Edit,
}
