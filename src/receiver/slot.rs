//! Tasks that this receiver has to do with right now.

use std::rc::Rc;

use super::change::Change;
use super::followers::Followers;
use super::inputs::Inputs;
use super::queue::Queue;
use super::run::Run;
use super::unconfirmed::UnconfirmedWrites;
use super::versions::Versions;
use crate::task::{Millis, Task};

/// A task in hand, and its parts.
#[derive(Debug)]
pub(super) struct Slot {
    owner: Rc<str>,
    id: String,
    /// The record as this receiver last saw it, while it is the one that changes it.
    copy: Option<(Rc<Task>, u32)>,
    /// What was read last includes the payload.
    read_payload: bool,
    /// When the read was begun by which the change at the head is decided; `None` for a copy from before.
    read_at: Option<Millis>,
    pub versions: Versions,
    pub queue: Queue,
    pub unconfirmed: UnconfirmedWrites,
    pub run: Run,
    pub inputs: Inputs,
    pub followers: Followers,
}

impl Slot {
    pub fn new(owner: Rc<str>, id: String) -> Self {
        Self {
            owner,
            id,
            copy: None,
            read_payload: false,
            read_at: None,
            versions: Versions::default(),
            queue: Queue::default(),
            unconfirmed: UnconfirmedWrites::default(),
            run: Run::default(),
            inputs: Inputs::default(),
            followers: Followers::default(),
        }
    }

    pub fn owner(&self) -> &Rc<str> {
        &self.owner
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether nothing needs it any more.
    pub fn is_over(&self) -> bool {
        !self.queue.is_busy()
            && self.queue.is_empty()
            && !self.run.is_here()
            && self.followers.are_none()
            && self.inputs.is_empty()
            && self.unconfirmed.is_empty()
    }

    pub fn copy(&self) -> Option<&(Rc<Task>, u32)> {
        self.copy.as_ref()
    }

    pub fn task(&self) -> Option<&Rc<Task>> {
        self.copy.as_ref().map(|(task, _)| task)
    }

    /// This is the record now. What it was before.
    pub fn remember(&mut self, task: Rc<Task>, version: u32) -> Option<Rc<Task>> {
        self.copy.replace((task, version)).map(|(task, _)| task)
    }

    /// The record may have changed. What it was.
    pub fn forget(&mut self) -> Option<Rc<Task>> {
        self.copy.take().map(|(task, _)| task)
    }

    /// The turn of the change at the head has come. `read_at`: when its record began to be read; `None` where the copy
    /// will do.
    pub fn begin_turn(&mut self, payload: bool, read_at: Option<Millis>) {
        self.queue.begin_turn();
        self.read_payload = payload;
        self.read_at = read_at;
    }

    pub fn has_read_payload(&self) -> bool {
        self.read_payload
    }

    pub fn read_at(&self) -> Option<Millis> {
        self.read_at
    }

    /// Takes the answers out of a task that the handler here has got.
    pub fn take_spent(&mut self, task: &mut Task) -> Vec<String> {
        let mut spent = Vec::new();
        if self.run.take_spent() {
            let waits = |key: &str| self.inputs.has_key(key);
            while let Some(input) = task.take_input(|input| input.answered && !input.in_result && !waits(&input.key)) {
                spent.push(input.key);
            }
        }
        spent
    }

    /// Whether who reads the task may see the input request of a change.
    pub fn shows_input_of(&self, change: &Change) -> bool {
        change.input().is_some_and(|input| self.inputs.shows(input))
    }

    /// Whether what is stored must be read before it can be changed so.
    pub fn reads_payload(&self, change: &Change) -> bool {
        match change {
            Change::RequestInput { .. }
            | Change::EndInInputRequired { .. }
            | Change::Withdraw { .. }
            | Change::KeepStep { .. }
            | Change::Update { .. }
            | Change::Recover { .. } => true,
            Change::Answered { input, .. } if self.inputs.shows(*input) => true,
            // Those who wait are answered with it, handlers too.
            Change::Check => self.is_watched(),
            // An outcome takes the place of all that is stored.
            _ => self.run.has_spent() && change.is_of_run() && !change.is_outcome(),
        }
    }

    /// Whether something here waits for what other processes may do to the task.
    pub fn is_watched(&self) -> bool {
        self.followers.waiters() > 0 || self.followers.is_listened_to() || self.inputs.are_shown()
    }
}
