//! What may become of a task, who waits for it, and what it does to the stored payload.

use super::types::{InputRequestId, RequestContext, RequestId, Shape, StepId};
use crate::lifecycle::NewInput;
use crate::storage::{Payload, Source, Stored};
use crate::task::{Failure, Input, Millis, Task};

/// What is to become of a task, and who waits for it.
#[derive(Debug)]
pub(super) enum Change {
    /// The handler sets the status message.
    SetStatusMessage(String),
    /// The handler waits for input.
    RequestInput {
        id: InputRequestId,
        input: NewInput,
    },
    /// The handler ended with `input_required`.
    EndInInputRequired {
        call: RequestId,
        inputs: Vec<NewInput>,
        state: bool,
    },
    /// The handler gave an input request up.
    Withdraw {
        key: String,
    },
    /// The handler's step of this number has led to something.
    KeepStep {
        id: StepId,
        number: u32,
    },
    /// `tasks/update`: these keys are answered, with values that look like these.
    Update {
        context: RequestContext,
        keys: Vec<String>,
        shapes: Vec<Shape>,
    },
    /// The client answered a handler's own request.
    Answered {
        input: InputRequestId,
        key: String,
    },
    Complete {
        call: RequestId,
        is_error: bool,
    },
    Fail {
        call: RequestId,
        failure: Option<Failure>,
    },
    /// `tasks/cancel`.
    Cancel(RequestContext),
    /// The time to live ended: the task expires, or gets more time.
    Expire,
    /// The task still runs here.
    Renew,
    /// It will not run here any longer, and may run elsewhere.
    Release,
    /// Its process is lost: it fails, or runs again. `on`: the request that met it.
    Recover {
        on: Option<RequestContext>,
    },
    /// This receiver begins to tell of its end, or leaves it to whoever comes from `until` on.
    Post {
        until: Millis,
        begins: bool,
    },
    /// Its end has been told, or is given up.
    Posted,
    /// A task nobody heard of ends before it began. `kept`: it stays in the store, for whoever has its creation key.
    Discard {
        kept: bool,
    },
    /// Nothing changes: see how the task stands, for those who wait for it.
    Check,
}

impl Change {
    /// The request that waits for this change.
    pub fn context(&self) -> Option<RequestContext> {
        match self {
            Self::Cancel(context) | Self::Update { context, .. } => Some(*context),
            _ => None,
        }
    }

    /// The input request that it is about, of a handler that runs here.
    pub fn input(&self) -> Option<InputRequestId> {
        match self {
            Self::RequestInput { id: input, .. } | Self::Answered { input, .. } => Some(*input),
            _ => None,
        }
    }

    /// Whether it is made on behalf of the handler that runs here, so that a later run of the task refuses it
    /// (X-STO-04).
    pub fn is_of_run(&self) -> bool {
        match self {
            Self::SetStatusMessage(_)
            | Self::RequestInput { .. }
            | Self::EndInInputRequired { .. }
            | Self::Withdraw { .. }
            | Self::KeepStep { .. }
            | Self::Answered { .. } => true,
            Self::Complete { .. } | Self::Fail { .. } | Self::Renew | Self::Release => true,
            Self::Update { .. }
            | Self::Cancel(_)
            | Self::Expire
            | Self::Recover { .. }
            | Self::Post { .. }
            | Self::Posted
            | Self::Discard { .. }
            | Self::Check => false,
        }
    }

    pub fn is_outcome(&self) -> bool {
        matches!(self, Self::Complete { .. } | Self::Fail { .. } | Self::EndInInputRequired { .. })
    }

    /// Whether it is what a sweep does about a task that is due.
    pub fn settles(&self) -> bool {
        matches!(self, Self::Expire | Self::Recover { .. } | Self::Post { .. })
    }

    /// Whether it only changes who is told of the end that is there.
    pub fn is_about_end(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::Posted)
    }

    /// Whether it is worth trying again where the store fails. Nobody waits for the others, or somebody else tries
    /// again.
    pub fn is_patient(&self) -> bool {
        self.context().is_none() && !matches!(self, Self::Renew | Self::Recover { .. })
    }

    /// Whether a copy of the record from before will do.
    pub fn trusts_cache(&self) -> bool {
        !matches!(self, Self::Check)
    }

    /// What becomes of the payload. `is_shown`: so does [`Change::input`] to who reads the task.
    pub fn payload(&self, is_shown: bool, task: &Task, next: &Task) -> Payload {
        let (mut remove, mut set) = (Vec::new(), Vec::new());
        let mut onto_read = true;
        match self {
            Self::RequestInput { id, .. } => {
                if let Some(input) = next.inputs.last().filter(|_| is_shown) {
                    set.push((stored(input), Source::InputRequest(*id)));
                }
            }
            Self::EndInInputRequired { call, state, .. } => {
                for input in &task.inputs {
                    remove.push(stored(input));
                }
                remove.push(Stored::State);
                for input in &next.inputs {
                    set.push((stored(input), Source::Asked { call: *call, name: input.name.clone() }));
                }
                if *state {
                    set.push((Stored::State, Source::Outcome(*call)));
                }
                set.push((Stored::Request, Source::Request(*call)));
            }
            Self::KeepStep { id, number } => set.push((Stored::Step(*number), Source::Step(*id))),
            Self::Answered { .. } if !is_shown => {}
            Self::Answered { key, .. } | Self::Withdraw { key } => remove.push(Stored::Input(key.clone())),
            Self::Update { context, keys, .. } => {
                for key in keys {
                    if task.input(key).is_none_or(|input| input.answered) {
                        continue;
                    }
                    remove.push(Stored::Input(key.clone()));
                    if let Some(input) = next.input(key) {
                        set.push((stored(input), Source::Response { request: context.request, key: key.clone() }));
                    }
                }
            }
            Self::Complete { call, .. } | Self::Fail { call, failure: None } => {
                onto_read = false;
                let part = if matches!(self, Self::Fail { .. }) { Stored::Error } else { Stored::Result };
                set.push((part, Source::Outcome(*call)));
            }
            // How it ended stays.
            Self::Post { .. } | Self::Posted => {}
            _ if next.phase.is_terminal() => onto_read = false,
            Self::Recover { .. } => {
                for input in &task.inputs {
                    if next.input(&input.key).is_none() {
                        remove.push(stored(input));
                    }
                }
            }
            _ => {}
        }
        if onto_read && remove.is_empty() && set.is_empty() {
            Payload::Keep
        } else {
            Payload::Write { onto_read, remove, set }
        }
    }
}

/// What the store has of an input: its question until it is answered, then its answer.
fn stored(input: &Input) -> Stored {
    if input.answered { Stored::Answer(input.key.clone()) } else { Stored::Input(input.key.clone()) }
}
