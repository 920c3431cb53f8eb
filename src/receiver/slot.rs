//! Tasks that this receiver has to do with right now.

use std::rc::Rc;

use super::change::Change;
use super::inputs::Inputs;
use super::queue::Queue;
use super::read::Read;
use super::subscriptions::Heard;
use super::types::{InputRequestId, RequestContext, RequestId};
use super::unconfirmed::UnconfirmedWrites;
use super::versions::Versions;
use crate::table::Table;
use crate::task::{Millis, Task};

/// A task in hand.
#[derive(Debug)]
pub(super) struct Slot {
    pub owner: Rc<str>,
    pub id: String,
    /// The record as this receiver last saw it, while it is the one that changes it.
    pub cached: Option<(Rc<Task>, u32)>,
    pub versions: Versions,
    /// What is read for it includes the payload.
    pub read_payload: bool,
    /// Writes of which nobody knows whether the store has them.
    pub unconfirmed: UnconfirmedWrites,
    /// The record keeps answers that the handler here has got.
    pub has_spent: bool,
    pub queue: Queue,
    /// The call that runs it here.
    pub call: Option<RequestId>,
    /// The epoch of that run; 0 while it is not known, after the instance of an earlier receiver was lost.
    pub run: u32,
    /// When the read was begun by which the change at the head is decided; `None` for a copy from before.
    pub read_at: Option<Millis>,
    /// When the write was begun that is on its way, and the last one that the store took.
    pub wrote_at: Millis,
    pub renewed_at: Millis,
    /// The next renewal of its lease is in the timers.
    pub renewing: bool,
    /// Reads that are answered when it is settled what becomes of a task whose process was lost.
    pub reads: Vec<Read>,
    /// It counts against its owner's limit.
    pub counted: bool,
    /// Blocked `tasks/result` requests; the newest has the highest number.
    pub waiters: Table<RequestId, RequestContext>,
    /// The subscriptions that named it.
    pub listeners: Table<RequestId, Heard>,
    pub inputs: Inputs,
    /// Polls of a task that runs elsewhere, for its waiters.
    pub checks: u32,
    /// The next one is in the timers.
    pub checking: bool,
    /// The handler knows that it is to stop.
    pub told_to_stop: bool,
}

impl Slot {
    /// Takes the answers out of a task that the handler here has got.
    pub fn take_spent(&mut self, task: &mut Task) -> Vec<String> {
        let mut spent = Vec::new();
        if std::mem::take(&mut self.has_spent) {
            let waits = |key: &str| self.inputs.has_key(key);
            while let Some(input) = task.take_input(|input| input.answered && !input.in_result && !waits(&input.key)) {
                spent.push(input.key);
            }
        }
        spent
    }

    pub fn shows(&self, input: InputRequestId) -> bool {
        self.inputs.shows(input)
    }

    /// Whether who reads the task may see the input request of a change.
    pub fn shows_input_of(&self, change: &Change) -> bool {
        change.input().is_some_and(|input| self.shows(input))
    }

    /// Whether what is stored must be read before it can be changed so.
    pub fn reads_payload(&self, change: &Change) -> bool {
        match change {
            Change::RequestInput { .. }
            | Change::EndInInputRequired { .. }
            | Change::Withdraw { .. }
            | Change::Update { .. }
            | Change::Recover { .. } => true,
            Change::Answered { input, .. } if self.shows(*input) => true,
            // Those who wait are answered with it, handlers too.
            Change::Check => self.is_watched(),
            // An outcome takes the place of all that is stored.
            _ => self.has_spent && change.is_of_run() && !change.is_outcome(),
        }
    }

    /// Whether somebody here waits for what other processes may do to the task.
    pub fn is_watched(&self) -> bool {
        !self.waiters.is_empty() || self.is_listened_to() || self.inputs.are_shown()
    }

    /// Whether somebody listens who could be told now.
    pub fn is_listened_to(&self) -> bool {
        self.listeners.values().any(|heard| !heard.is_owed())
    }
}
