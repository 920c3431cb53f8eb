//! Creation keys of calls, and what the store is asked about them.

use std::rc::Rc;

use super::types::SlotId;
use crate::claim::Claim;
use crate::storage::{Operation, Payload, Record};
use crate::task::Millis;

/// What the store is asked for a call with a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Question {
    /// To write the claim, after which the key is so.
    Claim { seen: Seen },
    /// Who has the key.
    Key,
    /// How many keys the owner has, before one more is claimed.
    Room,
    /// Whether the task of this claim is there.
    Task { claim: Claim, seen: Seen },
    /// Whose the task in this slot is: it may be this call's, although the store did not say so.
    Unconfirmed { slot: SlotId },
}

/// The record of a key as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub version: u32,
    pub created_at: Millis,
}

impl Seen {
    /// What it is after the next write.
    pub fn after(seen: Option<Self>, now: Millis) -> Self {
        seen.map_or(Self { version: 1, created_at: now }, |seen| Self {
            version: seen.version.saturating_add(1),
            ..seen
        })
    }

    pub fn put(self, (owner, id): Address, claim: &Claim) -> Operation {
        let Self { version, created_at } = self;
        let record = Record { owner, id, version, created_at, due_at: Some(claim.due_at()), state: claim.to_state() };
        Operation::Put { record, payload: Payload::nothing() }
    }
}

/// What names the creation of a call's task.
#[derive(Debug)]
pub(super) struct CreationKey {
    pub text: String,
    /// The claim to it that this call has written.
    pub claimed: Option<Seen>,
    /// What this call wrote last, whether or not the store has it.
    pub tried: Option<Seen>,
    /// An earlier call with this key has not made its task: this one does, under the same id.
    pub inherited: bool,
    /// How often it was looked at.
    pub looks: u8,
}

impl CreationKey {
    pub fn new(text: String) -> Self {
        Self { text, claimed: None, tried: None, inherited: false, looks: 0 }
    }

    pub fn is_claimed(&self) -> bool {
        self.claimed.is_some()
    }
}

/// Under whose name the store has a key, and the key.
pub(super) type Address = (Rc<str>, String);
