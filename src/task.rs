//! A task as the core knows it, and as a store keeps it: [`state`] says by which rules.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr};

use crate::generation::Generation;
use crate::method::CallMethod;
use crate::state::{
    self, Form, Members, Stored, Unreadable, is_default, read_list, read_object, read_text, write_text,
};

/// Milliseconds since the epoch.
pub type Millis = i64;

/// Where a task stands. A status on the wire is a phase seen by a generation (X-STO-03).
/// Stores keep it as a word, the wire's where that has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, IntoStaticStr, EnumString, FromRepr)]
#[serde(into = "&'static str", try_from = "&str")]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
pub enum Phase {
    Working,
    InputRequired,
    /// It ended with a result.
    Completed,
    /// It ended with a result that says `isError: true`.
    ToolFailed,
    /// It ended with a JSON-RPC error.
    Failed,
    Cancelled,
}

impl Phase {
    pub const ALL: [Self; 6] =
        [Self::Working, Self::InputRequired, Self::Completed, Self::ToolFailed, Self::Failed, Self::Cancelled];

    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Working | Self::InputRequired)
    }
}

/// Why the core itself ended a task with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(into = "&'static str", try_from = "&str")]
#[strum(serialize_all = "snake_case")]
pub enum Failure {
    /// Its time to live ended.
    Expired,
    /// The process that ran it was lost.
    Lost,
    /// Its outcome exceeds the limit.
    TooLarge,
    /// Its outcome is not JSON.
    NotJson,
    /// Its handler asked for input that the client cannot give, or for too much.
    Unanswerable,
    /// Its error has a code that the generation does not have.
    Reserved,
}

impl Failure {
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::Lost, Self::TooLarge, Self::NotJson, Self::Unanswerable, Self::Reserved];
}

/// What an input request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, IntoStaticStr, EnumString, FromRepr)]
#[serde(into = "&'static str", try_from = "&str")]
#[repr(u8)]
pub enum InputKind {
    #[strum(serialize = "elicitation")]
    Elicit,
    #[strum(serialize = "elicitation_url")]
    ElicitUrl,
    #[strum(serialize = "sampling")]
    Sample,
    #[strum(serialize = "sampling_tools")]
    SampleWithTools,
    #[strum(serialize = "roots")]
    Roots,
}

impl InputKind {
    pub const ALL: [Self; 5] = [Self::Elicit, Self::ElicitUrl, Self::Sample, Self::SampleWithTools, Self::Roots];
}

/// One input request of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Unique for the task's whole life (G26-INP-03).
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub key: String,
    /// What the handler calls it.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub name: String,
    pub kind: InputKind,
    /// Whether its answer is stored and waits for the handler.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answered: bool,
    /// It was asked in an `input_required` result: its answer is for the handler's next run, not for one that waits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_result: bool,
    /// What another version stored with it.
    #[serde(flatten, skip_deserializing)]
    pub unknown: Members,
}

/// Which process runs the task, and for how long it may be silent before it counts as lost (X-STO-04). The lease has no
/// end in the record: clocks differ, so no other process could compare it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub holder: Rc<str>,
    /// ms.
    #[serde(rename = "ms")]
    pub length: Millis,
    /// What another version stored with it.
    #[serde(flatten, skip_deserializing)]
    pub unknown: Members,
}

/// What becomes of a task whose process was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(into = "&'static str", try_from = "&str")]
#[strum(serialize_all = "snake_case")]
pub enum OnLost {
    #[default]
    Fail,
    Restart,
}

/// A task. Payloads are elsewhere. Its fields are the members of its stored form, in their order; what a default says
/// is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Task {
    #[serde(rename = "v")]
    pub form: Form,
    #[serde(rename = "rev")]
    pub generation: Generation,
    #[serde(rename = "status")]
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "is_default")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: CallMethod,
    /// What was called: the tool's name, or what the row of the method says; empty where it has no name.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub tool: String,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub message: String,
    #[serde(rename = "created")]
    pub created_at: Millis,
    /// The process whose clock its times are by.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub clock: Rc<str>,
    /// It was created under a key: it stays in the store for as long as the key could be taken for one without a task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keyed: bool,
    /// Never before `created_at`, never backwards (X-STO-06). Left out: as that.
    #[serde(rename = "updated", default = "before_all")]
    pub updated_at: Millis,
    /// ms from creation; `None` for no end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ttl: Option<u64>,
    /// ms.
    #[serde(rename = "poll", default = "default_poll", skip_serializing_if = "is_default_poll")]
    pub poll_interval: u32,
    /// The cancelled handler decides how the task ends (G26-CAN-05).
    #[serde(default, skip_serializing_if = "is_default")]
    pub cooperative: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancel_requested: bool,
    /// A running task's time to live grows instead of ending.
    #[serde(default, skip_serializing_if = "is_default")]
    pub extends: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_lost: OnLost,
    /// How often it may still run again because its process was lost: a handler that kills its process must not kill
    /// them all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restarts: u32,
    /// Since when it waits for input, if it does.
    #[serde(rename = "waitingSince", default, skip_serializing_if = "is_default")]
    pub waits_since: Option<Millis>,
    /// Input requests issued so far.
    #[serde(default, skip_serializing_if = "is_default")]
    pub issued: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "read_list")]
    pub inputs: Vec<Input>,
    /// Which run of the handler this is; what an earlier run still writes is refused (X-STO-04).
    #[serde(default = "first_epoch", skip_serializing_if = "is_first_epoch")]
    pub epoch: u32,
    /// `None` once the task has ended, or while it waits for answers after its handler ended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_object")]
    pub lease: Option<Lease>,
    /// Which attempt to tell somebody of its end comes next, from 1 up; 0 where nobody is to be told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub posts: u32,
    /// When another process may try, once it has ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub post_at: Option<Millis>,
    /// Tells one write from every other, so that a writer whose answer was lost knows its own; 0 for nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub write_id: u64,
    /// `traceparent` of the creating call, or empty.
    #[serde(
        rename = "traceparent",
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub trace: String,
    /// What another version stored with it: every rewrite keeps it.
    #[serde(flatten, skip_deserializing)]
    pub unknown: Members,
}

const fn before_all() -> Millis {
    Millis::MIN
}

const fn default_poll() -> u32 {
    1_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_default_poll(poll: &u32) -> bool {
    *poll == default_poll()
}

const fn first_epoch() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_first_epoch(epoch: &u32) -> bool {
    *epoch == first_epoch()
}

impl Stored for Task {
    const NAMES: &'static [&'static str] = &[
        "v",
        "rev",
        "status",
        "failure",
        "method",
        "tool",
        "message",
        "created",
        "clock",
        "keyed",
        "updated",
        "ttl",
        "poll",
        "cooperative",
        "cancelRequested",
        "extends",
        "onLost",
        "restarts",
        "waitingSince",
        "issued",
        "inputs",
        "epoch",
        "lease",
        "posts",
        "postAt",
        "writeId",
        "traceparent",
    ];

    fn keep(&mut self, unknown: Members) {
        self.unknown = unknown;
    }
}

impl Stored for Input {
    const NAMES: &'static [&'static str] = &["key", "name", "kind", "answered", "inResult"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = unknown;
    }
}

impl Stored for Lease {
    const NAMES: &'static [&'static str] = &["holder", "ms"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = unknown;
    }
}

impl Task {
    /// The text that a store keeps.
    pub fn to_state(&self) -> String {
        state::write(self)
    }

    /// Reads what [`Task::to_state`] of this version wrote, or of another one whose form is the same.
    pub fn from_state(state: &str) -> Result<Self, Unreadable> {
        let mut task: Self = state::read(state)?;
        if task.updated_at == before_all() {
            task.updated_at = task.created_at;
        }
        Ok(task)
    }
}

/// How long an expired task is still shown as such, in ms.
pub const EXPIRED_GRACE: Millis = 60_000;

/// How long a process has to tell of an end before another one tries, in ms.
pub const POST_LEASE: Millis = 60_000;

/// How long a task is kept after it should be gone because nobody could be told of its end, in ms.
const POST_PATIENCE: Millis = 4 * 86_400_000;

/// No time to live is longer, in ms: its end is a date that JavaScript can write (H17).
pub const LONGEST_TTL: u64 = 6_000_000_000_000_000;

/// A status message is cut to this many bytes (X-LIM-02).
pub const MESSAGE_BYTES: usize = 4096;

impl Task {
    /// When the time to live ends.
    pub fn expires_at(&self) -> Option<Millis> {
        self.ttl.map(|ttl| self.created_at.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX)))
    }

    /// When the task that is written at `now` must be looked at again: its time ends, or its holder should have written
    /// again. For other processes that is a hint, by the writer's clock. `skew`: how much later than its time to live
    /// says the writer takes the task to be over, in ms.
    pub fn due_at(&self, now: Millis, skew: Millis) -> Option<Millis> {
        let gone_at = self.gone_at().map(|at| at.saturating_add(skew));
        if self.is_to_be_told() {
            return self.post_at.or(Some(now));
        }
        if !self.needs_runner() {
            return gone_at;
        }
        let silent_at = now.saturating_add(self.lease.as_ref().map_or(0, |lease| lease.length));
        Some(gone_at.map_or(silent_at, |at| at.min(silent_at)))
    }

    /// From when on it is not shown any more, if it does not change.
    pub fn gone_at(&self) -> Option<Millis> {
        match self.failure {
            Some(Failure::Expired) => Some(self.updated_at.saturating_add(EXPIRED_GRACE)),
            // Its time had been extended in all but name.
            Some(Failure::Lost) if self.is_expired(self.updated_at) => {
                Some(self.updated_at.saturating_add(EXPIRED_GRACE))
            }
            _ => self.expires_at(),
        }
    }

    /// Whether some process has to run it.
    pub fn needs_runner(&self) -> bool {
        !self.phase.is_terminal() && !self.awaits_answers()
    }

    /// Whether its handler has ended with `input_required`, so that the last answer starts it again.
    pub fn awaits_answers(&self) -> bool {
        self.inputs.iter().any(|input| input.in_result && !input.answered)
    }

    /// Whether the task is not shown any more.
    pub fn is_gone(&self, now: Millis) -> bool {
        self.phase.is_terminal() && self.gone_at().is_some_and(|at| now >= at)
    }

    /// Whether its record may be deleted: somebody may still have to be told of its end.
    pub fn is_over(&self, now: Millis) -> bool {
        self.is_gone(if self.is_to_be_told() { now.saturating_sub(POST_PATIENCE) } else { now })
    }

    /// Whether it has ended, and somebody is to be told.
    pub fn is_to_be_told(&self) -> bool {
        self.phase.is_terminal() && self.posts > 0
    }

    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at().is_some_and(|at| now >= at)
    }

    /// Whether its time ended before it did.
    pub fn has_run_out(&self, now: Millis) -> bool {
        !self.phase.is_terminal() && self.is_expired(now)
    }

    /// Whether whoever reads the one sees the same in the other.
    pub fn looks_like(&self, other: &Self) -> bool {
        let outstanding = |input: &&Input| !input.answered;
        self.phase == other.phase
            && self.failure == other.failure
            && self.updated_at == other.updated_at
            && self.ttl == other.ttl
            && self.poll_interval == other.poll_interval
            && self.message == other.message
            && self.inputs.iter().filter(outstanding).map(|input| &input.key).eq(other
                .inputs
                .iter()
                .filter(outstanding)
                .map(|input| &input.key))
    }

    /// The input request under this key.
    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.key == key)
    }

    /// Takes the first input request out that is like this.
    pub(crate) fn take_input(&mut self, is_it: impl FnMut(&Input) -> bool) -> Option<Input> {
        let place = self.inputs.iter().position(is_it)?;
        Some(self.inputs.remove(place))
    }

    pub fn has_outstanding_input(&self) -> bool {
        self.inputs.iter().any(|input| !input.answered)
    }

    /// The status message, or what stands for it where the core ended the task (G25-GET-05, G26-GET-05).
    pub fn shown_message(&self) -> Option<&str> {
        match self.failure {
            _ if !self.message.is_empty() && self.phase != Phase::Failed => Some(&self.message),
            Some(Failure::Expired) => Some("The time to live ended before the work"),
            Some(Failure::Lost) => Some("The process that ran the task was lost"),
            Some(Failure::TooLarge) => Some("The outcome exceeds the limit"),
            Some(Failure::NotJson) => Some("The outcome is not JSON"),
            Some(Failure::Unanswerable) => Some("The tool asked for input that the client cannot give"),
            Some(Failure::Reserved) => Some("The tool failed with an error that this revision does not have"),
            None if !self.message.is_empty() => Some(&self.message),
            None if self.phase == Phase::Failed => Some("The request failed"),
            None if self.phase == Phase::ToolFailed => Some("The tool reported an error"),
            None => None,
        }
    }

    /// Sets the status message, cut to its limit at the boundary of a code point.
    pub fn set_message(&mut self, message: &str) {
        self.message.clear();
        self.message.push_str(cut(message, MESSAGE_BYTES));
    }
}

/// `text`, cut to `limit` bytes at the boundary of a code point.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
