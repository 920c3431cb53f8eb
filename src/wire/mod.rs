//! How each generation says it: which revision names which fields, statuses, errors and capabilities.
//!
//! Everything that leaves as JSON is written field by field into a [`Writer`], with holes ([`Part`]) where the host
//! puts payloads that never enter this crate. [`Name`] is a closed table, so that a name crosses to the host as a
//! number.

pub mod capability;
pub mod error;
mod g25;
mod g26;
pub(crate) mod name;
mod request;

pub use crate::generation::Generation;
pub use error::{Error, LimitReason};
pub use name::Name;
pub use request::{INVALID_REQUEST, Status, Support, write_listen, write_offer, write_request};

use std::rc::Rc;

use strum::FromRepr;

use crate::task::{InputKind, Millis, Phase, Task};
use capability::Capabilities;

/// A method about tasks, as far as a generation has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Result,
    List,
    Cancel,
    Update,
}

impl Method {
    /// The method called `name` in `generation`, if there is one (G25-UPD-01, G26-RES-01, G26-LST-01).
    pub fn named(generation: Generation, name: &str) -> Option<Self> {
        let method = match name {
            "tasks/get" => Self::Get,
            "tasks/result" => Self::Result,
            "tasks/list" => Self::List,
            "tasks/cancel" => Self::Cancel,
            "tasks/update" => Self::Update,
            _ => return None,
        };
        method.is_in(generation).then_some(method)
    }

    const fn is_in(self, generation: Generation) -> bool {
        match generation {
            Generation::G25 => !matches!(self, Self::Update),
            Generation::G26 => !matches!(self, Self::Result | Self::List),
        }
    }
}

/// What the host puts into a hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum Part {
    /// The result of the original request, as it is.
    Result,
    /// The same, marked with the task it belongs to (G25-RES-03).
    RelatedResult,
    /// The JSON-RPC error of the original request, as it is.
    Error,
    /// An input request, or the answer to one, under its key.
    Input,
    /// The id of the `subscriptions/listen` request that this belongs to, with its own JSON type (G26-NTF-03).
    Subscription,
    /// The `_meta` in which a client declares the extension (G26-CAP-01): always the same, so it crosses as one field.
    Declaration,
}

/// Takes a message field by field.
pub trait Writer {
    /// Begins an object under `name`.
    fn open(&mut self, name: Name);
    /// Begins a list under `name`; its items are named [`Name::Item`].
    fn open_list(&mut self, name: Name);
    /// Ends the object or list begun last.
    fn close(&mut self);
    fn text(&mut self, name: Name, value: &str);
    /// A text from the table of names.
    fn word(&mut self, name: Name, value: Name);
    fn number(&mut self, name: Name, value: f64);
    fn null(&mut self, name: Name);
    /// A time, as RFC 3339 in UTC.
    fn instant(&mut self, name: Name, at: Millis);
    /// A hole for a payload.
    fn part(&mut self, name: Name, part: Part);
    /// A hole for [`Part::Input`], under a key that is not a name.
    fn input(&mut self, key: &str);
}

/// One row of a list, or the task of an answer.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub id: &'a str,
    pub task: &'a Task,
}

/// What a request is answered with.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A task was created; the seed says `working` (G25-CRE-02, G25-CRE-04, G26-CRE-01).
    Created { id: String, task: Rc<Task>, immediate: Option<Rc<str>> },
    /// The state of a task (G25-GET-01, G26-GET-01 to 06).
    State { id: String, task: Rc<Task> },
    /// The outcome of a task (G25-RES-02).
    Outcome { id: String, task: Rc<Task> },
    /// Tasks of an owner (G25-LST-01).
    Page { rows: Vec<(String, Rc<Task>)>, next: Option<String> },
    /// It was done; nothing to say (G26-CAN-02, G26-UPD-02).
    Ack,
    /// A subscription is over (G26-SUB-08).
    Unsubscribed,
    /// A JSON-RPC error.
    Error(Error),
}

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

/// What a client is told without having asked just then.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// A subscription begins: these of the tasks it named are listened to (G26-SUB-02).
    Acknowledged { ids: Vec<String> },
    /// The state of a task, in the same words as the answer to `tasks/get` (G25-NTF-01, G26-NTF-01, G26-NTF-05).
    State { id: String, task: Rc<Task> },
}

/// Writes the members `method` and `params` of a notification.
pub fn write_news(generation: Generation, news: &News, writer: &mut impl Writer) {
    match generation {
        Generation::G25 => g25::write_news(news, writer),
        Generation::G26 => g26::write_news(news, writer),
    }
}

/// What both generations say of a task; `ttl` and `poll` are what they call its times.
fn write_task(View { id, task }: View, status: Name, ttl: Name, poll: Name, writer: &mut impl Writer) {
    writer.text(Name::TaskId, id);
    writer.word(Name::Status, status);
    if let Some(message) = task.shown_message() {
        writer.text(Name::StatusMessage, message);
    }
    writer.instant(Name::CreatedAt, task.created_at);
    writer.instant(Name::LastUpdatedAt, task.updated_at);
    match task.ttl {
        Some(time) => writer.number(ttl, time as f64),
        None => writer.null(ttl),
    }
    writer.number(poll, f64::from(task.poll_interval));
}

/// The capabilities a client must declare before it may see the outstanding input of `task`, if some are missing
/// (G26-INP-04).
pub fn missing_for_input(task: &Task, declared: Capabilities) -> Capabilities {
    task.inputs.iter().filter(|input| !input.answered).fold(Capabilities::NONE, |missing, input| {
        let needed = capability::needed_by(input.kind);
        if declared.contains(needed) { missing } else { missing.with(needed) }
    })
}

/// The kind of input a method asks for; `url` for an elicitation in URL mode, `tools` for sampling with tools.
pub fn input_kind(method: &str, url: bool, tools: bool) -> Option<InputKind> {
    match method {
        "elicitation/create" if url => Some(InputKind::ElicitUrl),
        "elicitation/create" => Some(InputKind::Elicit),
        "sampling/createMessage" if tools => Some(InputKind::SampleWithTools),
        "sampling/createMessage" => Some(InputKind::Sample),
        "roots/list" => Some(InputKind::Roots),
        _ => None,
    }
}

/// Whether an answer can say that the user dismissed the question; there is no error in place of an answer
/// (G26-INP-09).
pub fn can_be_dismissed(method: &str) -> bool {
    matches!(input_kind(method, false, false), Some(InputKind::Elicit))
}
