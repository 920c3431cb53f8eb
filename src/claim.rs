//! A creation key as a store keeps it. Whoever makes a task with a key claims the key first, so that no key makes two.

use std::rc::Rc;

use crate::id;
use crate::task::{Millis, escaped, signed, signed_field, split, unescaped};

/// A key has at least this many characters: who guesses one may find a task.
const SHORTEST: usize = 16;

/// How long the record of a key is kept after it is over, in ms. Versions begin anew with the next one: a process that stalls
/// in between must not take that for the one it saw.
const KEPT: Millis = 60_000;

/// What a store keeps under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The task that the key makes, or has made; empty where the claimant gave the key up.
    pub task: String,
    /// The tool that was called.
    pub tool: String,
    /// Until when the task may still be made. It may be gone later, and an id is never used again (X-STO-12).
    pub open_until: Millis,
    /// From when on the key makes another task.
    pub until: Millis,
}

impl Claim {
    /// Whether the key makes another task from now on.
    pub fn is_over(&self, now: Millis) -> bool {
        self.task.is_empty() || self.until <= now
    }

    /// When the record may be deleted.
    pub fn due_at(&self) -> Millis {
        self.until.saturating_add(KEPT)
    }

    /// The text a store keeps. It begins otherwise than a task's.
    pub fn to_state(&self) -> String {
        let mut text = String::with_capacity(64 + self.tool.len());
        text.push('k');
        escaped(&mut text, &self.task);
        escaped(&mut text, &self.tool);
        signed_field(&mut text, self.open_until);
        signed_field(&mut text, self.until);
        text
    }

    /// Reads what [`Claim::to_state`] wrote; `None` for anything else.
    pub fn from_state(state: &str) -> Option<Self> {
        let mut fields = split(state.strip_prefix("k\t")?, b'\t');
        let (task, tool) = (fields.next()?, fields.next()?);
        let (open_until, until) = (signed(fields.next()?)?, signed(fields.next()?)?);
        Some(Self { task: unescaped(task), tool: unescaped(tool), open_until, until })
    }
}

/// Whether `key` can be a creation key.
pub fn is_key(key: &str) -> bool {
    key.len() >= SHORTEST && id::is_wellformed(key)
}

/// Who owns the keys of `owner`: nobody in whose name a request could come.
pub fn owner_of_keys(owner: &str) -> Rc<str> {
    let mut text = String::with_capacity(owner.len() + 1);
    text.push('\u{1}');
    text.push_str(owner);
    text.into()
}
