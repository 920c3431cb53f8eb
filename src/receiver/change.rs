//! What may become of a task, who waits for it, and what it does to the stored payload.

use super::slot::Slot;
use super::{Ask, Facts, Request, Shape};
use crate::lifecycle::NewInput;
use crate::storage::{Payload, Source, Stored};
use crate::task::{Failure, Input, Task};

/// What is to become of a task, and who waits for it.
#[derive(Debug)]
pub(super) enum Change {
    /// The handler sets the status message.
    Note(String),
    /// The handler waits for input.
    Ask { ask: Ask, input: NewInput },
    /// The handler ended with `input_required`.
    AskInResult { call: Request, inputs: Vec<NewInput>, state: bool },
    /// The handler gave an input request up.
    Withdraw { key: String },
    /// `tasks/update`: these keys are answered, with values that look like these.
    Update { facts: Facts, keys: Vec<String>, shapes: Vec<Shape> },
    /// The client answered a handler's own request.
    Answered { ask: Ask, key: String },
    Complete { call: Request, tool_failed: bool },
    Fail { call: Request, failure: Option<Failure> },
    /// `tasks/cancel`.
    Cancel(Facts),
    /// The time to live ended: the task expires, or gets more time.
    Expire,
    /// The task still runs here.
    Renew,
    /// It will not run here any longer, and may run elsewhere.
    Release,
    /// Its process is lost: it fails, or runs again. `on`: the request that met it.
    Recover { on: Option<Facts> },
    /// A task nobody heard of ends before it began. `kept`: it stays in the store, for whoever has its creation key.
    Discard { kept: bool },
    /// Nothing changes: see how the task stands, for those who wait for it.
    Check,
}

impl Change {
    /// The request that waits for this change.
    pub(super) fn facts(&self) -> Option<Facts> {
        match self {
            Self::Cancel(facts) | Self::Update { facts, .. } => Some(*facts),
            _ => None,
        }
    }

    /// Whether it is made on behalf of the handler that runs here, so that a later run of the task refuses it (X-STO-04).
    pub(super) fn is_of_run(&self) -> bool {
        match self {
            Self::Note(_) | Self::Ask { .. } | Self::AskInResult { .. } | Self::Withdraw { .. } | Self::Answered { .. } => true,
            Self::Complete { .. } | Self::Fail { .. } | Self::Renew | Self::Release => true,
            Self::Update { .. } | Self::Cancel(_) | Self::Expire | Self::Recover { .. } | Self::Discard { .. } | Self::Check => false,
        }
    }

    pub(super) fn is_outcome(&self) -> bool {
        matches!(self, Self::Complete { .. } | Self::Fail { .. } | Self::AskInResult { .. })
    }

    /// Whether it is worth trying again where the store fails. Nobody waits for the others, or somebody else tries again.
    pub(super) fn is_patient(&self) -> bool {
        self.facts().is_none() && !matches!(self, Self::Renew | Self::Recover { .. })
    }

    /// Whether what is stored must be read before it can be changed.
    pub(super) fn reads_payload(&self, slot: &Slot) -> bool {
        match self {
            Self::Ask { .. } | Self::AskInResult { .. } | Self::Withdraw { .. } | Self::Update { .. } | Self::Recover { .. } => true,
            Self::Answered { ask, .. } => slot.shows(*ask),
            // Those who wait are answered with it, handlers too.
            Self::Check => slot.is_watched(),
            _ => false,
        }
    }

    /// Whether a copy of the record from before will do.
    pub(super) fn trusts_cache(&self) -> bool {
        !matches!(self, Self::Check)
    }

    /// What becomes of the payload.
    pub(super) fn payload(&self, slot: &Slot, task: &Task, next: &Task) -> Payload {
        let onto = |remove: Vec<Stored>, set: Vec<(Stored, Source)>| Payload::Write { onto_read: true, remove, set };
        let only = |part: Stored, call: Request| Payload::Write { onto_read: false, remove: Vec::new(), set: vec![(part, Source::Outcome(call))] };
        match self {
            Self::Ask { ask, .. } => {
                match next.inputs.last() {
                    Some(input) if slot.shows(*ask) => onto(Vec::new(), vec![(Stored::Input(input.key.clone()), Source::Ask(*ask))]),
                    _ => Payload::Keep,
                }
            }
            Self::AskInResult { call, state, .. } => {
                let (mut remove, mut set) = (Vec::new(), Vec::new());
                for input in &task.inputs {
                    remove.push(stored(input));
                }
                remove.push(Stored::State);
                for input in &next.inputs {
                    set.push((Stored::Input(input.key.clone()), Source::Asked { call: *call, name: input.name.clone() }));
                }
                if *state {
                    set.push((Stored::State, Source::Outcome(*call)));
                }
                set.push((Stored::Request, Source::Request(*call)));
                onto(remove, set)
            }
            Self::Answered { ask, key } if slot.shows(*ask) => onto(vec![Stored::Input(key.clone())], Vec::new()),
            Self::Withdraw { key } => onto(vec![Stored::Input(key.clone())], Vec::new()),
            Self::Update { facts, keys, .. } => {
                let (mut remove, mut set) = (Vec::new(), Vec::new());
                for key in keys.iter().filter(|key| task.input(key).is_some_and(|input| !input.answered)) {
                    remove.push(Stored::Input(key.clone()));
                    if next.input(key).is_some() {
                        set.push((Stored::Answer(key.clone()), Source::Response { request: facts.request, key: key.clone() }));
                    }
                }
                onto(remove, set)
            }
            Self::Complete { call, .. } => only(Stored::Result, *call),
            Self::Fail { call, failure: None } => only(Stored::Error, *call),
            Self::Fail { .. } | Self::Discard { .. } => Payload::nothing(),
            Self::Recover { .. } if !next.phase.is_terminal() => {
                let mut gone = Vec::new();
                for input in task.inputs.iter().filter(|input| next.input(&input.key).is_none()) {
                    gone.push(stored(input));
                }
                if gone.is_empty() { Payload::Keep } else { onto(gone, Vec::new()) }
            }
            Self::Cancel(_) | Self::Expire | Self::Recover { .. } | Self::Release if next.phase.is_terminal() => Payload::nothing(),
            Self::Note(_) | Self::Answered { .. } | Self::Cancel(_) | Self::Expire | Self::Recover { .. } | Self::Renew | Self::Release | Self::Check => Payload::Keep,
        }
    }
}

/// What the store has of an input: its question until it is answered, then its answer.
fn stored(input: &Input) -> Stored {
    if input.answered { Stored::Answer(input.key.clone()) } else { Stored::Input(input.key.clone()) }
}
