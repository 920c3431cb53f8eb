//! A task as the core knows it. [`state`](crate::state) is the text that a store keeps of it.

use std::rc::Rc;

use crate::generation::Generation;
use crate::method::CallMethod;
use crate::state::Members;

/// Milliseconds since the epoch.
pub type Millis = i64;

/// Where a task stands. A status on the wire is a phase seen by a generation (X-STO-03).
/// Stores keep it as a word, the wire's where that has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum InputKind {
    Elicit,
    ElicitUrl,
    Sample,
    SampleWithTools,
    Roots,
}

impl InputKind {
    pub const ALL: [Self; 5] = [Self::Elicit, Self::ElicitUrl, Self::Sample, Self::SampleWithTools, Self::Roots];
}

/// One input request of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Unique for the task's whole life (G26-INP-03).
    pub key: String,
    /// What the handler calls it.
    pub name: String,
    pub kind: InputKind,
    /// Whether its answer is stored and waits for the handler.
    pub answered: bool,
    /// It was asked in an `input_required` result: its answer is for the handler's next run, not for one that waits.
    pub in_result: bool,
    /// What another version stored with it.
    pub unknown: Members,
}

/// Who runs the task, and for how long it may be silent before it counts as lost (X-STO-04). There is no end of it:
/// nobody else could read that end, for clocks differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    pub holder: Rc<str>,
    /// ms.
    pub length: Millis,
    pub unknown: Members,
}

/// What becomes of a task whose process was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnLost {
    #[default]
    Fail,
    Restart,
}

/// A task. Payloads are elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub generation: Generation,
    pub phase: Phase,
    pub failure: Option<Failure>,
    pub created_at: Millis,
    /// The process whose clock its times are by.
    pub clock: Rc<str>,
    /// It was created under a key: it stays in the store until nobody can take the key for one whose task was never
    /// made.
    pub keyed: bool,
    /// Never before `created_at`, never backwards (X-STO-06).
    pub updated_at: Millis,
    /// ms from creation; `None` for no end.
    pub ttl: Option<u64>,
    /// ms.
    pub poll_interval: u32,
    pub method: CallMethod,
    /// What was called: the tool's name, or what the row of the method says; empty where it has no name.
    pub tool: String,
    /// `traceparent` of the creating call, or empty.
    pub trace: String,
    pub message: String,
    /// The cancelled handler decides how the task ends (G26-CAN-05).
    pub cooperative: bool,
    pub cancel_requested: bool,
    /// A running task's time to live grows instead of ending.
    pub extends: bool,
    pub on_lost: OnLost,
    /// How often it may still run again because its process was lost: a handler that kills its process must not kill
    /// them all.
    pub restarts: u32,
    /// Input requests issued so far.
    pub issued: u32,
    /// Tells one write from every other, so that a writer whose answer was lost knows its own; 0 for nothing.
    pub mark: u64,
    /// Since when it waits for input, if it does.
    pub waits_since: Option<Millis>,
    pub inputs: Vec<Input>,
    /// Which run of the handler this is; what an earlier run still writes is refused (X-STO-04).
    pub epoch: u32,
    /// Nobody holds a task that has ended, or that waits for answers after its handler ended.
    pub lease: Option<Lease>,
    /// What another version stored with it: every rewrite keeps it.
    pub unknown: Members,
}

/// How long an expired task is still shown as such, in ms.
pub const EXPIRED_GRACE: Millis = 60_000;

/// No time to live is longer, in ms: its end is a date that JavaScript can write (H17).
pub const LONGEST_TTL: u64 = 6_000_000_000_000_000;

/// A status message is cut to this many bytes (X-LIM-02).
pub const MESSAGE_BYTES: usize = 4096;

impl Task {
    /// When the time to live ends.
    pub fn expires_at(&self) -> Option<Millis> {
        self.ttl.map(|ttl| self.created_at.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX)))
    }

    /// When somebody must look at the task again that is written at `now`: its time ends, or its holder should have
    /// written again. For others that is a hint, by the writer's clock. `skew`: by how much later than it says the
    /// writer takes its time to be over.
    pub fn due_at(&self, now: Millis, skew: Millis) -> Option<Millis> {
        let gone_at = self.gone_at().map(|at| at.saturating_add(skew));
        if !self.needs_runner() {
            return gone_at;
        }
        let silent_at = now.saturating_add(self.lease.as_ref().map_or(0, |lease| lease.length));
        Some(gone_at.map_or(silent_at, |at| at.min(silent_at)))
    }

    /// From when on nobody can see it, if it does not change any more.
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

    /// Whether nobody can see the task any longer, and its record may be deleted.
    pub fn is_gone(&self, now: Millis) -> bool {
        self.phase.is_terminal() && self.gone_at().is_some_and(|at| now >= at)
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
