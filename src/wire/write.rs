//! Writes a message for its generation.

use strum::FromRepr;

use super::message::{Body, News};
use super::writer::Writer;
use super::{error, g25, g26};
use crate::generation::Generation;
use crate::task::Phase;

/// Whether a body is a result or a JSON-RPC error, and which.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum ReplyKind {
    Result,
    /// An error whose members are written field by field.
    Error,
    /// An error that a payload is, as a whole.
    ErrorPart,
    /// An error whose members are written, because a limit is in the way: the request may be repeated later (X-ERR-04).
    LimitError,
}

/// Writes `body` for `generation` into `writer`, and says what was written.
pub fn write(generation: Generation, body: &Body, writer: &mut impl Writer) -> ReplyKind {
    match body {
        Body::Error(error) => {
            error.write("", writer);
            if error.is_limit() { ReplyKind::LimitError } else { ReplyKind::Error }
        }
        Body::Outcome { task, .. } if task.phase == Phase::Failed && task.failure.is_none() => ReplyKind::ErrorPart,
        Body::Outcome { id, task } => match error::of_outcome(task) {
            Some(error) => {
                error.write(id, writer);
                ReplyKind::Error
            }
            None => {
                g25::write_outcome(writer);
                ReplyKind::Result
            }
        },
        _ => {
            match generation {
                Generation::G25 => g25::write(body, writer),
                Generation::G26 => g26::write(body, writer),
            }
            ReplyKind::Result
        }
    }
}

/// Writes the members `method` and `params` of a notification.
pub fn write_news(generation: Generation, news: &News, writer: &mut impl Writer) {
    match generation {
        Generation::G25 => g25::write_news(news, writer),
        Generation::G26 => g26::write_news(news, writer),
    }
}
