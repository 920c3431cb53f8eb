//! Every JSON-RPC error that this crate sends: its code, its text and its data, declared once.

use std::borrow::Cow;

use super::{Capabilities, Generation, Name, Writer};
use crate::task::{Failure, Phase, Task};

pub const METHOD_NOT_FOUND: i32 = -32601;
pub const INVALID_PARAMS: i32 = -32602;
pub const INTERNAL: i32 = -32603;
pub const MISSING_CAPABILITY: i32 = -32021;

/// Which limit was reached (X-ERR-04).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitReason {
    Tasks,
    Rate,
    Payload,
}

/// The `data` of an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorData {
    Required(Capabilities),
    Limit(LimitReason),
    /// A rate is exceeded; this many ms later it is not.
    TooOften { wait: u32 },
    Cancelled { task: String },
    Reason(Name),
}

/// A JSON-RPC error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    pub code: i32,
    pub message: Cow<'static, str>,
    pub data: Option<ErrorData>,
}

impl Error {
    const fn fixed(code: i32, message: &'static str, data: Option<ErrorData>) -> Self {
        Self { code, message: Cow::Borrowed(message), data }
    }

    /// One text for "never existed", "expired" and "somebody else's" (X-ERR-01, X-SEC-02).
    pub const fn not_found() -> Self {
        Self::fixed(INVALID_PARAMS, "Task not found: it does not exist, has expired, or is not yours", None)
    }

    pub const fn expired() -> Self {
        Self::fixed(INVALID_PARAMS, "Task expired", None)
    }

    pub const fn invalid_params(message: &'static str) -> Self {
        Self::fixed(INVALID_PARAMS, message, None)
    }

    pub const fn method_not_found() -> Self {
        Self::fixed(METHOD_NOT_FOUND, "Method not found", None)
    }

    /// G25-TLN-04.
    pub const fn task_forbidden() -> Self {
        Self::fixed(METHOD_NOT_FOUND, "This tool does not run as a task: call it without `task`", None)
    }

    /// G25-TLN-07.
    pub const fn task_required() -> Self {
        Self::fixed(METHOD_NOT_FOUND, "This tool runs only as a task: call it with `task`", None)
    }

    /// G26-CAP-04 to 06, G26-INP-04.
    pub const fn missing_capability(required: Capabilities) -> Self {
        Self::fixed(MISSING_CAPABILITY, "The request does not declare a capability that it needs", Some(ErrorData::Required(required)))
    }

    /// G25-CAN-04.
    pub const fn already_terminal() -> Self {
        Self::fixed(INVALID_PARAMS, "The task has already ended and cannot be cancelled", None)
    }

    pub const fn internal() -> Self {
        Self::fixed(INTERNAL, "Internal error", None)
    }

    /// The store did not answer; the request may be repeated.
    pub const fn storage() -> Self {
        Self::fixed(INTERNAL, "The task store failed; try again", None)
    }

    /// No stable principal could be read from the request's authorization (X-SEC-01, X-SEC-05).
    pub const fn no_owner() -> Self {
        Self::fixed(INTERNAL, "The server cannot tell who would own this task", None)
    }

    pub const fn limit(reason: LimitReason) -> Self {
        let message = match reason {
            LimitReason::Tasks => "Too many tasks; wait for one to end",
            LimitReason::Rate => "Too many requests; slow down",
            LimitReason::Payload => "The data of this task exceeds the limit",
        };
        Self::fixed(INTERNAL, message, Some(ErrorData::Limit(reason)))
    }

    /// G26-SUB-11.
    pub const fn subscription_limit() -> Self {
        Self::fixed(INTERNAL, "Subscription limit reached", Some(ErrorData::Limit(LimitReason::Rate)))
    }

    /// The server takes on no new tasks; another one may (X-STO-11).
    pub const fn shutting_down() -> Self {
        Self::fixed(INTERNAL, "The server is shutting down; call again", Some(ErrorData::Limit(LimitReason::Tasks)))
    }

    /// The store is full.
    pub const fn full(bytes: bool) -> Self {
        Self::limit(if bytes { LimitReason::Payload } else { LimitReason::Tasks })
    }

    /// Its task has been there, or its time to be made is over.
    pub const fn used_up() -> Self {
        Self::fixed(INVALID_PARAMS, "The task of this creation key is gone; a key makes one task only", None)
    }

    /// `wait`: ms until the request may be repeated (X-ERR-04).
    pub fn too_often(wait: u32) -> Self {
        Self { data: Some(ErrorData::TooOften { wait }), ..Self::limit(LimitReason::Rate) }
    }

    /// Whether a limit is in the way, and the request may be repeated later.
    pub const fn is_limit(&self) -> bool {
        matches!(self.data, Some(ErrorData::Limit(_) | ErrorData::TooOften { .. }))
    }

    /// Whether the requestor asks too often.
    pub const fn is_too_often(&self) -> bool {
        matches!(self.data, Some(ErrorData::TooOften { .. }))
    }

    /// G25-RES-08.
    pub fn cancelled(task: &str) -> Self {
        Self::fixed(INTERNAL, "The task was cancelled", Some(ErrorData::Cancelled { task: task.to_owned() }))
    }

    pub(super) fn write(&self, writer: &mut impl Writer) {
        writer.number(Name::Code, f64::from(self.code));
        writer.text(Name::Message, &self.message);
        let Some(data) = &self.data else { return };
        writer.open(Name::Data);
        match data {
            ErrorData::Required(capabilities) => {
                writer.open(Name::RequiredCapabilities);
                capabilities.write(writer);
                writer.close();
            }
            ErrorData::Limit(reason) => writer.word(
                Name::Reason,
                match reason {
                    LimitReason::Tasks => Name::TaskLimit,
                    LimitReason::Rate => Name::RateLimit,
                    LimitReason::Payload => Name::PayloadLimit,
                },
            ),
            ErrorData::TooOften { wait } => {
                writer.word(Name::Reason, Name::RateLimit);
                writer.number(Name::RetryAfterMs, f64::from(*wait));
            }
            ErrorData::Cancelled { task } => {
                writer.text(Name::TaskId, task);
                writer.word(Name::Status, Name::Cancelled);
            }
            ErrorData::Reason(reason) => writer.word(Name::Reason, *reason),
        }
        writer.close();
    }
}

/// Whether an error with this code may leave in `generation`. Revision 2026-07-28 keeps a range for itself, and took the
/// code of resources that are not found away (G26-ERR-03, G26-INP-13, H81).
pub const fn is_spoken(generation: Generation, code: f64) -> bool {
    match generation {
        Generation::G25 => true,
        Generation::G26 => matches!(code, -32020.0 | -32021.0 | -32022.0) || !(code == -32002.0 || (code <= -32020.0 && code >= -32099.0)),
    }
}

/// The error that a task of this kind ended with when the core itself ended it.
pub(super) fn of_failure(failure: Failure) -> Error {
    match failure {
        Failure::Expired => Error::fixed(INTERNAL, "The task's time to live ended before its work", Some(ErrorData::Reason(Name::Expired))),
        Failure::Lost => Error::fixed(INTERNAL, "The process that ran the task was lost", Some(ErrorData::Reason(Name::Interrupted))),
        Failure::TooLarge => Error::limit(LimitReason::Payload),
        Failure::NotJson => Error::fixed(INTERNAL, "The outcome of the task is not JSON", None),
        Failure::Unanswerable => Error::fixed(INTERNAL, "The tool asked for input that the client cannot give", None),
        Failure::Reserved => Error::fixed(INTERNAL, "The tool failed with an error that this revision of the protocol does not have", None),
    }
}

/// The error that `tasks/result` answers with, where the outcome is not a payload.
pub(super) fn of_outcome(id: &str, task: &Task) -> Option<Error> {
    match (task.phase, task.failure) {
        (Phase::Cancelled, _) => Some(Error::cancelled(id)),
        (Phase::Failed, Some(Failure::Expired)) => Some(Error::expired()),
        (Phase::Failed, Some(failure)) => Some(of_failure(failure)),
        _ => None,
    }
}
