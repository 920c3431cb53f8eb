//! What the host says by number.

use strum::FromRepr;

/// What `params.task` of a call says (2025-11-25); its time to live goes beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum AugmentationCode {
    Absent,
    /// It is no object, or its `ttl` is no time.
    Invalid,
    Asked,
}

/// What a handler ended with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum OutcomeCode {
    Result,
    /// A result that says that the tool failed.
    ToolFailed,
    /// A JSON-RPC error.
    Error,
    /// What JSON cannot hold.
    NotJson,
    /// An `input_required` result, without `requestState`.
    Input,
    /// The same with `requestState`.
    InputWithState,
}

/// What is wrong with a request about a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum RequestFault {
    None,
    /// It does not say which version its client speaks, or what that can do.
    Unenveloped,
    /// It nests too deeply.
    TooDeep,
    /// Its cursor is no text, or its `inputResponses` are no object.
    Malformed,
}
