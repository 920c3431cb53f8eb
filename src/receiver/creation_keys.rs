//! Creation keys of calls, and what the store is asked about them.

use std::rc::Rc;

use super::types::SlotId;
use crate::claim::{Claim, owner_of_keys};
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
    version: u32,
    created_at: Millis,
}

impl Seen {
    pub fn of(record: &Record) -> Self {
        Self { version: record.version, created_at: record.created_at }
    }

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

/// A key that keeps changing hands is given up after so many looks.
const LOOKS: u8 = 64;

/// What names the creation of a call's task.
#[derive(Debug)]
pub(super) struct CreationKey {
    text: String,
    /// The claim to it that this call has written.
    claimed: Option<Seen>,
    /// What this call wrote last, whether or not the store has it.
    tried: Option<Seen>,
    /// An earlier call with this key has not made its task: this one does, under the same id.
    inherited: bool,
    /// How often it was looked at.
    looks: u8,
}

impl CreationKey {
    pub fn new(text: String) -> Self {
        Self { text, claimed: None, tried: None, inherited: false, looks: 0 }
    }

    /// Where the store has it.
    pub fn address(&self, owner: &str) -> Address {
        (owner_of_keys(owner), self.text.clone())
    }

    pub fn is_claimed(&self) -> bool {
        self.claimed.is_some()
    }

    /// The store is asked for its record. Whether that is worth it.
    pub fn look(&mut self) -> bool {
        self.looks = self.looks.saturating_add(1);
        self.looks <= LOOKS
    }

    /// A claim is being written, after which the record is so.
    pub fn claim(&mut self, next: Seen) {
        self.tried = Some(next);
    }

    /// The store has this call's claim.
    pub fn claimed(&mut self, seen: Seen) {
        self.claimed = Some(seen);
    }

    /// Whether the record is the claim that this call has written, and not inherited: an heir's would have a later
    /// version.
    pub fn is_claim_of_call(&self, seen: Seen) -> bool {
        self.tried == Some(seen) && !self.inherited
    }

    /// It cannot be given up any more: another call's task may be made under it.
    pub fn inherit(&mut self) {
        self.inherited = true;
    }

    /// No task comes of its claim. The record that is to say so: an heir cannot tell whether the first claimant still
    /// stores the task.
    pub fn give_up(&mut self) -> Option<Seen> {
        self.claimed.take().filter(|_| !self.inherited)
    }
}

/// Under whose name the store has a key, and the key.
pub(super) type Address = (Rc<str>, String);
