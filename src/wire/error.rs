//! Every JSON-RPC error that this crate sends: its code, its text and its data, declared once.

use super::capability::Capabilities;
use super::name::Name;
use super::writer::Writer;
use crate::generation::Generation;
use crate::task::{Failure, Phase, Task};

pub const PARSE: i32 = -32700;
/// What SDK v1 answers to a cancellation that came too late, in place of -32602 (G25-CAN-10).
pub const INVALID_REQUEST: i32 = -32600;
pub const METHOD_NOT_FOUND: i32 = -32601;
pub const INVALID_PARAMS: i32 = -32602;
pub const INTERNAL: i32 = -32603;
pub const HEADER_MISMATCH: i32 = -32020;
pub const MISSING_CAPABILITY: i32 = -32021;
pub const UNSUPPORTED_VERSION: i32 = -32022;

/// Whether `code` is the status with which HTTP refused a request.
pub const fn is_http(code: i32) -> bool {
    matches!(code, 300..=599)
}

/// Whether whoever asks the same again is refused again: what is wrong is the request, or who asks (X-ERR-05). Sessions
/// that are not known (404), conflicts, tokens that are to be renewed (401), and rates pass.
pub const fn is_final(code: i32) -> bool {
    match code {
        PARSE | INVALID_REQUEST | METHOD_NOT_FOUND => true,
        HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION => true,
        401 | 404 | 408 | 409 | 421 | 423 | 425 | 429 => false,
        code => matches!(code, 400..=499),
    }
}

/// Which limit was reached (X-ERR-04).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitReason {
    Tasks,
    Rate,
    Payload,
}

/// A JSON-RPC error, by what is wrong. It is made in many places and written in one, so it is small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// One text for "never existed", "expired" and "another owner's" (X-ERR-01, X-SEC-02).
    NotFound,
    Expired,
    /// `taskId` is not a string.
    NoTaskId,
    /// `cursor` is not a string.
    NoCursor,
    /// `cursor` was not made by this server, or not for this owner.
    ForeignCursor,
    /// `_meta` does not say who asks.
    NoEnvelope,
    TooDeep,
    /// `params.task` is not what it must be.
    BadTask,
    BadKey,
    /// A creation key comes again, with another tool.
    OtherTool,
    /// The task of a creation key has been there, or its time to be made is over.
    UsedUp,
    /// `inputResponses` is no object.
    NoAnswers,
    /// One of `inputResponses` does not answer what was asked.
    Misfit,
    /// G25-CAN-04.
    AlreadyTerminal,
    MethodNotFound,
    /// G25-TLN-04.
    TaskForbidden,
    /// G25-TLN-07.
    TaskRequired,
    /// G26-CAP-04 to 06, G26-INP-04.
    MissingCapability(Capabilities),
    Internal,
    /// The store did not answer; the request may be repeated.
    Storage,
    /// The task is there, but this version cannot read its record; another one may, so the request may be repeated.
    Unreadable,
    /// No stable principal could be read from the request's authorization (X-SEC-01, X-SEC-05).
    NoOwner,
    Limit(LimitReason),
    /// G26-SUB-11.
    SubscriptionLimit,
    /// The server takes on no new tasks; another one may (X-STO-11).
    ShuttingDown,
    /// A rate is exceeded; this many ms later it is not (X-ERR-04).
    TooOften {
        wait: u32,
    },
    /// The task was cancelled (G25-RES-08).
    Cancelled,
    /// The core ended the task.
    Failed(Failure),
}

impl Error {
    /// The store is full.
    pub const fn full(bytes: bool) -> Self {
        Self::Limit(if bytes { LimitReason::Payload } else { LimitReason::Tasks })
    }

    /// Whether a limit is in the way, and the request may be repeated later.
    pub const fn is_limit(self) -> bool {
        self.limit().is_some()
    }

    /// Whether the requestor asks too often.
    pub const fn is_too_often(self) -> bool {
        matches!(self, Self::TooOften { .. })
    }

    /// The limit that is in the way.
    const fn limit(self) -> Option<LimitReason> {
        match self {
            Self::Limit(reason) => Some(reason),
            Self::SubscriptionLimit | Self::TooOften { .. } => Some(LimitReason::Rate),
            Self::ShuttingDown => Some(LimitReason::Tasks),
            Self::Failed(Failure::TooLarge) => Some(LimitReason::Payload),
            _ => None,
        }
    }

    pub const fn code(self) -> i32 {
        match self {
            Self::MethodNotFound | Self::TaskForbidden | Self::TaskRequired => METHOD_NOT_FOUND,
            Self::MissingCapability(_) => MISSING_CAPABILITY,
            Self::Internal | Self::Storage | Self::Unreadable | Self::NoOwner | Self::Cancelled | Self::Failed(_) => {
                INTERNAL
            }
            Self::Limit(_) | Self::SubscriptionLimit | Self::ShuttingDown | Self::TooOften { .. } => INTERNAL,
            _ => INVALID_PARAMS,
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::NotFound => "Task not found: it does not exist, has expired, or is not yours",
            Self::Expired => "Task expired",
            Self::NoTaskId => "`taskId` must be a string",
            Self::NoCursor => "`cursor` must be a string",
            Self::ForeignCursor => "`cursor` is not one of this server's, or has expired",
            Self::NoEnvelope => "`_meta` must hold the protocol version and the client capabilities",
            Self::TooDeep => "The parameters nest too deeply",
            Self::BadTask => "`task` must be an object, and `task.ttl` an integer from 0 up",
            Self::BadKey => {
                concat!(
                    "`_meta[\"",
                    env!("CARGO_PKG_NAME"),
                    "/creation-key\"]` must be 16 to 128 characters of A-Z, a-z, 0-9, _ and -"
                )
            }
            Self::OtherTool => "This creation key was used for another tool",
            Self::UsedUp => "The task of this creation key is gone; a key makes one task only",
            Self::NoAnswers => "`inputResponses` must be an object that does not nest too deeply",
            Self::Misfit => "`inputResponses` holds a value that does not answer its input request",
            Self::AlreadyTerminal => "The task has already ended and cannot be cancelled",
            Self::MethodNotFound => "Method not found",
            Self::TaskForbidden => "This tool does not run as a task: call it without `task`",
            Self::TaskRequired => "This tool runs only as a task: call it with `task`",
            Self::MissingCapability(_) => "The request does not declare a capability that it needs",
            Self::Internal => "Internal error",
            Self::Storage => "The task store failed; try again",
            Self::Unreadable => "The task's record cannot be read by this version of the server; try again later",
            Self::NoOwner => "The server cannot tell who would own this task",
            Self::Limit(LimitReason::Tasks) => "Too many tasks; wait for one to end",
            Self::Limit(LimitReason::Rate) | Self::TooOften { .. } => "Too many requests; slow down",
            Self::Limit(LimitReason::Payload) | Self::Failed(Failure::TooLarge) => {
                "The data of this task exceeds the limit"
            }
            Self::SubscriptionLimit => "Subscription limit reached",
            Self::ShuttingDown => "The server is shutting down; call again",
            Self::Cancelled => "The task was cancelled",
            Self::Failed(Failure::Expired) => "The task's time to live ended before its work",
            Self::Failed(Failure::Lost) => "The process that ran the task was lost",
            Self::Failed(Failure::NotJson) => "The outcome of the task is not JSON",
            Self::Failed(Failure::Unanswerable) => "The tool asked for input that the client cannot give",
            Self::Failed(Failure::Reserved) => {
                "The tool failed with an error that this revision of the protocol does not have"
            }
        }
    }

    /// `task`: the id of the task that it is about.
    pub(super) fn write(self, task: &str, writer: &mut impl Writer) {
        writer.number(Name::Code, f64::from(self.code()));
        writer.text(Name::Message, self.message());
        match (self, self.limit()) {
            (Self::MissingCapability(capabilities), _) => {
                writer.open(Name::Data);
                writer.open(Name::RequiredCapabilities);
                capabilities.write(writer);
                writer.close();
            }
            (Self::Cancelled, _) => {
                writer.open(Name::Data);
                writer.text(Name::TaskId, task);
                writer.word(Name::Status, Name::Cancelled);
            }
            (_, Some(reason)) => {
                writer.open(Name::Data);
                writer.word(Name::Reason, reason.word());
                if let Self::TooOften { wait } = self {
                    writer.number(Name::RetryAfterMs, f64::from(wait));
                }
            }
            (Self::Failed(Failure::Expired), _) => {
                writer.open(Name::Data);
                writer.word(Name::Reason, Name::Expired);
            }
            (Self::Failed(Failure::Lost), _) => {
                writer.open(Name::Data);
                writer.word(Name::Reason, Name::Interrupted);
            }
            _ => return,
        }
        writer.close();
    }
}

impl LimitReason {
    const fn word(self) -> Name {
        match self {
            Self::Tasks => Name::TaskLimit,
            Self::Rate => Name::RateLimit,
            Self::Payload => Name::PayloadLimit,
        }
    }
}

/// Whether an error with this code may leave in `generation`. Revision 2026-07-28 keeps a range for itself, and took
/// the code of resources that are not found away (G26-ERR-03, G26-INP-13, H81).
pub const fn is_spoken(generation: Generation, code: f64) -> bool {
    match generation {
        Generation::G25 => true,
        Generation::G26 => {
            matches!(code, -32020.0 | -32021.0 | -32022.0)
                || !(code == -32002.0 || (code <= -32020.0 && code >= -32099.0))
        }
    }
}

/// The error that `tasks/result` answers with, where the outcome is not a payload.
pub(super) const fn of_outcome(task: &Task) -> Option<Error> {
    match (task.phase, task.failure) {
        (Phase::Cancelled, _) => Some(Error::Cancelled),
        (Phase::Failed, Some(Failure::Expired)) => Some(Error::Expired),
        (Phase::Failed, Some(failure)) => Some(Error::Failed(failure)),
        _ => None,
    }
}
