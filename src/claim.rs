//! What is known of a creation key. A receiver claims the key before it makes the task, so that no key makes two.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::id;
use crate::method::CallMethod;
use crate::state::{self, Form, Members, Stored, Unreadable, is_default, read_text, write_text};
use crate::task::Millis;

/// A key has at least this many characters: a guessed key may find a task.
const SHORTEST: usize = 16;

/// How long the record of a key is kept after it is over, in ms. Versions begin anew with the next one: a process that
/// stalls in between must not take that for the one it saw.
const KEPT: Millis = 60_000;

/// What a store keeps under a key. Its fields are the members of the stored form, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    #[serde(rename = "v")]
    pub form: Form,
    /// The task that the key makes, or has made; empty where the claimant gave the key up.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub task: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: CallMethod,
    /// What was called.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub tool: String,
    /// The process whose clock its times are by.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    pub clock: Rc<str>,
    /// Until when the task may still be made. It may be gone later, and an id is never used again (X-STO-12).
    pub open_until: Millis,
    /// From when on the key makes another task.
    pub until: Millis,
    /// What another version stored with it.
    #[serde(flatten, skip_deserializing)]
    pub unknown: Members,
}

impl Stored for Claim {
    const NAMES: &'static [&'static str] = &["v", "task", "method", "tool", "clock", "openUntil", "until"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = unknown;
    }
}

impl Claim {
    /// The text that a store keeps.
    pub fn to_state(&self) -> String {
        state::write(self)
    }

    /// Reads what [`Claim::to_state`] of this version wrote, or of another one whose form is the same.
    pub fn from_state(state: &str) -> Result<Self, Unreadable> {
        state::read(state)
    }

    /// Whether the key makes another task from now on.
    pub fn is_over(&self, now: Millis) -> bool {
        self.task.is_empty() || self.until <= now
    }

    /// When the record may be deleted.
    pub fn due_at(&self) -> Millis {
        self.until.saturating_add(KEPT)
    }
}

/// Whether `key` can be a creation key.
pub fn is_key(key: &str) -> bool {
    key.len() >= SHORTEST && id::is_wellformed(key)
}

/// Begins the name under which an owner's keys are kept, and no owner's.
const KEYS: char = '\u{1}';

/// The owner under which the keys of `owner` are stored. No request has it: it begins with `KEYS`.
pub fn owner_of_keys(owner: &str) -> Rc<str> {
    format!("{KEYS}{owner}").into()
}

/// Whether a record of this owner is a claim, not a task.
pub fn is_owner_of_keys(owner: &str) -> bool {
    owner.starts_with(KEYS)
}
