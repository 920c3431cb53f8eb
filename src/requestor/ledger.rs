//! Which input requests of a task were seen, asked and answered: each key is asked once (G26-INP-06).

use super::types::{Entry, Problem};
use crate::table::Table;
use crate::wire;

/// Keys of one task over its whole life; a longer list is a fault of the peer.
const KEYS: usize = 10_000;
const KEY_BYTES: usize = 1024;
/// Keys that were taken back unanswered and may be asked once more; of those before, only that they were there is kept.
const WITHDRAWN: usize = 64;

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
}

#[derive(Clone, Debug)]
struct Item {
    state: State,
    fingerprint: u64,
    /// Whether it was asked twice; there is no third time.
    asked_again: bool,
    /// Whether its answer goes alone: an update with several was refused, and one of them may be right.
    sent_singly: bool,
    /// Whether the answer says that the user has dismissed the question (G26-INP-09).
    dismissed: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InputEffect {
    Ask {
        key: String,
        again: bool,
    },
    Withdraw {
        key: String,
    },
    Report {
        key: String,
        problem: Problem,
    },
    /// Its answer is now that the user has dismissed it.
    Dismiss {
        key: String,
    },
    /// The server takes no answer to it: the task cannot go on with this requestor.
    GiveUp,
}

#[derive(Clone, Default, Debug)]
pub struct Ledger {
    items: Table<String, Item>,
    /// Hashes of the keys with which nothing is left to do: acknowledged, withdrawn, or never to be answered.
    closed: Table<u64, ()>,
    /// Whether the latest snapshot listed requests for which there was no room.
    crowded: bool,
}

impl Ledger {
    /// Whether a peer may list these keys.
    pub fn accepts(&self, entries: &[Entry]) -> bool {
        let is_known = |key: &str| self.items.contains_key(key) || self.closed.contains_key(&hash(key));
        let new = entries.iter().filter(|entry| !is_known(&entry.key)).count();
        let known = self.items.len() + self.closed.len();
        known.saturating_add(new) <= KEYS && entries.iter().all(|entry| entry.key.len() <= KEY_BYTES)
    }

    /// Takes all outstanding requests of a snapshot; `room` of them may be asked. The rest waits for room.
    pub fn observe(&mut self, entries: &[Entry], mut room: usize) -> Vec<InputEffect> {
        let mut changes = Vec::new();
        let mut closing = Vec::new();
        let mut withdrawn = 0;
        for (key, item) in self.items.iter_mut() {
            // Answered keys may be listed for a while after the answer (G26-UPD-03), or be gone before its
            // acknowledgement.
            let listed = entries.iter().any(|entry| entry.key == *key);
            match item.state {
                State::Asked if !listed => {
                    changes.push(InputEffect::Withdraw { key: key.clone() });
                    item.state = State::Withdrawn;
                }
                State::Rejected if !listed => closing.push(key.clone()),
                _ => {}
            }
            if item.state == State::Withdrawn && !listed {
                withdrawn += 1;
                if withdrawn > WITHDRAWN {
                    closing.push(key.clone());
                }
            }
        }
        self.crowded = false;
        for Entry { key, method, fingerprint } in entries {
            if self.closed.contains_key(&hash(key)) {
                continue;
            }
            let Some(item) = self.items.get_mut(key) else {
                if wire::input_kind(method, false, false).is_none() {
                    self.closed.insert(hash(key), ());
                    changes.push(InputEffect::Report { key: key.clone(), problem: Problem::UnknownMethod });
                } else if room == 0 {
                    self.crowded = true;
                } else {
                    room -= 1;
                    let fresh = Item {
                        state: State::Asked,
                        fingerprint: *fingerprint,
                        asked_again: false,
                        sent_singly: false,
                        dismissed: false,
                    };
                    self.items.insert(key.clone(), fresh);
                    changes.push(InputEffect::Ask { key: key.clone(), again: false });
                }
                continue;
            };
            if item.fingerprint != *fingerprint {
                if item.state == State::Asked {
                    changes.push(InputEffect::Withdraw { key: key.clone() });
                }
                changes.push(InputEffect::Report { key: key.clone(), problem: Problem::Changed });
                closing.push(key.clone());
                continue;
            }
            match item.state {
                State::Rejected if item.dismissed => changes.push(InputEffect::GiveUp),
                State::Rejected if item.asked_again => {
                    changes.push(InputEffect::Report { key: key.clone(), problem: Problem::Rejected });
                    if wire::can_be_dismissed(method) {
                        // The handler that asks hears at once, not when the task's time is over.
                        item.dismissed = true;
                        item.state = State::Answered;
                        changes.push(InputEffect::Dismiss { key: key.clone() });
                    } else {
                        changes.push(InputEffect::GiveUp);
                    }
                }
                State::Withdrawn if item.asked_again => {
                    changes.push(InputEffect::Report { key: key.clone(), problem: Problem::Unsteady });
                    closing.push(key.clone());
                }
                State::Rejected | State::Withdrawn if room == 0 => self.crowded = true,
                State::Rejected | State::Withdrawn => {
                    room -= 1;
                    changes.push(InputEffect::Ask { key: key.clone(), again: item.state == State::Rejected });
                    item.state = State::Asked;
                    item.asked_again = true;
                }
                State::Asked | State::Answered | State::Sent => {}
            }
        }
        for key in closing {
            self.close(&key);
        }
        changes
    }

    /// Whether requests wait for room.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    fn close(&mut self, key: &str) {
        if self.items.remove(key).is_some() {
            self.closed.insert(hash(key), ());
        }
    }

    /// The host has an answer; `false` if none is wanted any more.
    pub fn answered(&mut self, key: &str) -> bool {
        self.step(key, State::Asked, State::Answered)
    }

    /// The host has no answer and will have none (G26-INP-09).
    pub fn given_up(&mut self, key: &str) {
        if self.items.get(key).is_some_and(|item| item.state == State::Asked) {
            self.close(key);
        }
    }

    /// The answers to send now; they count as sent.
    pub fn take_unsent(&mut self) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, item) in self.items.iter_mut().filter(|(_, item)| item.state == State::Answered) {
            if item.sent_singly && !keys.is_empty() {
                continue;
            }
            item.state = State::Sent;
            keys.push(key.clone());
            if item.sent_singly {
                break;
            }
        }
        keys
    }

    pub fn has_unsent(&self) -> bool {
        self.items.values().any(|item| item.state == State::Answered)
    }

    /// The update was acknowledged.
    pub fn acknowledged(&mut self) -> Vec<String> {
        let sent = self.items.iter().filter(|(_, item)| item.state == State::Sent);
        let keys: Vec<String> = sent.map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.close(key));
        keys
    }

    /// The update was refused. Of several answers, which are refused together (G26-UPD-09), each is sent again alone;
    /// of one, a read will tell whether it is still wanted.
    pub fn refused(&mut self) {
        let several = self.items.values().filter(|item| item.state == State::Sent).count() > 1;
        for (_, item) in self.items.iter_mut().filter(|(_, item)| item.state == State::Sent) {
            item.sent_singly |= several;
            item.state = if several { State::Answered } else { State::Rejected };
        }
    }

    /// The update was lost: the same answers are sent again (G26-UPD-12).
    pub fn lost(&mut self) {
        self.step_all(State::Sent, State::Answered);
    }

    /// No answer can be sent: those that wait are given up.
    pub fn give_up_unsent(&mut self) -> Vec<InputEffect> {
        self.lost();
        let keys = self.step_all(State::Answered, State::Rejected);
        keys.iter().for_each(|key| self.close(key));
        keys.into_iter().map(|key| InputEffect::Report { key, problem: Problem::Unsent }).collect()
    }

    /// No call follows the task any more: what is being asked is withdrawn.
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

/// FNV-1a. A server that makes two keys of the same hash loses one of its own input requests.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
