//! What input requests ask of a client.

use super::capability::{self, Capabilities};
use crate::task::{InputKind, Task};

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
