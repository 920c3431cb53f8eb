//! Which input requests of a task were seen, asked and answered: each key is asked once (G26-INP-06).


use crate::table::Table;
use crate::wire;

/// Keys of one task over its whole life; a longer list is a fault of the peer.
const KEYS: usize = 10_000;
const KEY_BYTES: usize = 1024;

/// What the host reads out of one entry of `inputRequests`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub key: String,
    pub method: String,
    /// Whether it is the request that was first seen under this key, byte for byte.
    pub same: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The host is asking.
    Asked,
    /// The answer is there and was not sent, or not for certain.
    Answered,
    /// The answer is under way.
    Sent,
    /// The server refused the answer.
    Rejected,
    /// It was not listed while the host asked.
    Withdrawn,
    /// Nothing is left to do: acknowledged, withdrawn, or never to be answered.
    Closed,
}

#[derive(Clone, Debug)]
struct Item {
    state: State,
    asked_again: bool,
}

/// What the host must know about an input request, or about a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Problem {
    /// The request under a known key changed; it will not be answered (G26-INP-07).
    Changed,
    /// Its method is unknown; it will not be answered (G26-INP-10).
    UnknownMethod,
    /// The server refused its answer, twice (G26-UPD-13).
    Rejected,
    /// The answer could not be sent.
    Unsent,
    /// No input request: a push says that this task, which has ended, ended otherwise.
    Contradicted,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Ask { key: String, again: bool },
    Withdraw { key: String },
    Report { key: String, problem: Problem },
}

#[derive(Clone, Default, Debug)]
pub struct Ledger {
    items: Table<String, Item>,
}

impl Ledger {
    /// Whether a peer may list these keys.
    pub fn accepts(&self, entries: &[Entry]) -> bool {
        let known = self.items.len();
        known.saturating_add(entries.len()) <= KEYS && entries.iter().all(|entry| entry.key.len() <= KEY_BYTES)
    }

    /// Takes all outstanding requests of a snapshot.
    pub fn observe(&mut self, entries: &[Entry]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, item) in self.items.iter_mut() {
            // Answered keys may be listed for a while after the answer (G26-UPD-03), or be gone before its acknowledgement.
            let listed = entries.iter().any(|entry| entry.key == *key);
            if !listed && matches!(item.state, State::Asked | State::Rejected) {
                item.state = if item.state == State::Asked {
                    changes.push(Change::Withdraw { key: key.clone() });
                    State::Withdrawn
                } else {
                    State::Closed
                };
            }
        }
        for Entry { key, method, same } in entries {
            match self.items.get_mut(key) {
                None => {
                    let known = wire::input_kind(method, false, false).is_some();
                    let state = if known { State::Asked } else { State::Closed };
                    self.items.insert(key.clone(), Item { state, asked_again: false });
                    changes.push(if known {
                        Change::Ask { key: key.clone(), again: false }
                    } else {
                        Change::Report { key: key.clone(), problem: Problem::UnknownMethod }
                    });
                }
                Some(item) if !same => {
                    if item.state == State::Asked {
                        changes.push(Change::Withdraw { key: key.clone() });
                    }
                    if item.state != State::Closed {
                        changes.push(Change::Report { key: key.clone(), problem: Problem::Changed });
                    }
                    item.state = State::Closed;
                }
                Some(item) if matches!(item.state, State::Rejected | State::Withdrawn) => {
                    if item.asked_again {
                        item.state = State::Closed;
                        changes.push(Change::Report { key: key.clone(), problem: Problem::Rejected });
                    } else {
                        changes.push(Change::Ask { key: key.clone(), again: item.state == State::Rejected });
                        item.state = State::Asked;
                        item.asked_again = true;
                    }
                }
                Some(_) => {}
            }
        }
        changes
    }

    /// The host has an answer; `false` if nobody waits for it any more.
    pub fn answered(&mut self, key: &str) -> bool {
        self.step(key, State::Asked, State::Answered)
    }

    /// The host has no answer and will have none (G26-INP-09).
    pub fn given_up(&mut self, key: &str) {
        self.step(key, State::Asked, State::Closed);
    }

    /// The answers to send now; they count as sent.
    pub fn take_unsent(&mut self) -> Vec<String> {
        self.step_all(State::Answered, State::Sent)
    }

    pub fn has_unsent(&self) -> bool {
        self.items.values().any(|item| item.state == State::Answered)
    }

    /// The update was acknowledged.
    pub fn acknowledged(&mut self) -> Vec<String> {
        self.step_all(State::Sent, State::Closed)
    }

    /// The update was refused: a read will tell which keys are still wanted.
    pub fn refused(&mut self) {
        self.step_all(State::Sent, State::Rejected);
    }

    /// The update was lost: the same answers are sent again (G26-UPD-12).
    pub fn lost(&mut self) {
        self.step_all(State::Sent, State::Answered);
    }

    /// No answer can be sent: those that wait are given up.
    pub fn give_up_unsent(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, item) in self.items.iter_mut() {
            if matches!(item.state, State::Answered | State::Sent) {
                item.state = State::Closed;
                changes.push(Change::Report { key: key.clone(), problem: Problem::Unsent });
            }
        }
        changes
    }

    /// Nobody is there any more to ask for: what is being asked is withdrawn.
    pub fn withdraw(&mut self) -> Vec<String> {
        self.step_all(State::Asked, State::Withdrawn)
    }

    fn step(&mut self, key: &str, from: State, to: State) -> bool {
        match self.items.get_mut(key) {
            Some(item) if item.state == from => {
                item.state = to;
                true
            }
            _ => false,
        }
    }

    fn step_all(&mut self, from: State, to: State) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, item) in self.items.iter_mut() {
            if item.state == from {
                item.state = to;
                keys.push(key.clone());
            }
        }
        keys
    }
}
