//! What a client sends about tasks, and how it reads what a server says about them.

use super::g26;
use super::method::Method;
use super::name::Name;
use super::writer::{Part, Writer};
use crate::generation::Generation;

/// A task's status as a peer names it; both generations have the same five.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "working" => Some(Self::Working),
            "input_required" => Some(Self::InputRequired),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }

    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Whether a tool runs as a task, as `execution.taskSupport` says. Anything else is `forbidden` (G25-TLN-10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    Forbidden,
    Optional,
    Required,
}

impl Support {
    pub fn named(name: &str) -> Self {
        match name {
            "optional" => Self::Optional,
            "required" => Self::Required,
            _ => Self::Forbidden,
        }
    }
}

/// Writes what makes `params` of a call one that may become a task (G25-CRE-01, G26-CAP-01, G26-TLN-03).
pub fn write_offer(generation: Generation, ttl: Option<u64>, writer: &mut impl Writer) {
    match generation {
        Generation::G25 => {
            writer.open(Name::Task);
            if let Some(ttl) = ttl {
                writer.number(Name::Ttl, ttl as f64);
            }
            writer.close();
        }
        Generation::G26 => write_extension(writer),
    }
}

/// Writes the `params` of a request about the task `id`; `keys` are the inputs that an update answers. No related-task
/// key is in it (G25-GET-06, G25-REL-02).
pub fn write_request(generation: Generation, method: Method, id: &str, keys: &[String], writer: &mut impl Writer) {
    writer.text(Name::TaskId, id);
    if method == Method::Update {
        writer.open(Name::InputResponses);
        for key in keys {
            writer.input(key);
        }
        writer.close();
    }
    if generation == Generation::G26 {
        write_extension(writer);
    }
}

/// Writes the `params` of a request for a stream that pushes the tasks `ids` (G26-SUB-01).
pub fn write_listen(ids: &[String], writer: &mut impl Writer) {
    g26::write_subscribed(ids, writer);
    write_extension(writer);
}

fn write_extension(writer: &mut impl Writer) {
    writer.part(Name::Meta, Part::Declaration);
}
