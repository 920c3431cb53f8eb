//! Writes of which nothing tells whether the store has them.

use std::rc::Rc;

use super::change::Change;
use crate::task::{Millis, Task};

/// Of one task; older ones are given up.
const MOST: usize = 64;

/// A write of which nothing tells whether the store has it.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    write_id: u64,
    /// The version that it makes. Once another write has made it, this one cannot arrive any more.
    version: u32,
    change: Rc<Change>,
    /// It begins a run here, with this epoch; 0 where it does not.
    epoch: u32,
    /// How many inputs were issued with it.
    issued: u32,
    since: Millis,
}

impl Unconfirmed {
    pub fn change(&self) -> &Rc<Change> {
        &self.change
    }

    pub fn begins_run(&self) -> bool {
        self.epoch != 0
    }

    pub fn is_creation(&self) -> bool {
        self.version == 1
    }

    /// Whether a task that was read, in this version, shows that the store had it. `run`: the epoch of the run that is
    /// here; `None` where none is. `held`: the task is held by this receiver.
    fn has_arrived(&self, task: &Task, version: u32, run: Option<u32>, held: bool) -> bool {
        let below = version > self.version && held;
        match *self.change {
            _ if self.write_id != 0 && self.write_id == task.write_id => true,
            // Only this run asks, and only this receiver begins a run under its name: others may have written since.
            Change::RequestInput { .. } => below && run == Some(task.epoch) && task.issued >= self.issued,
            _ => below && self.begins_run() && run.is_none() && task.epoch == self.epoch,
        }
    }
}

/// Those of one task, the oldest first.
#[derive(Debug, Default)]
pub(super) struct UnconfirmedWrites {
    writes: Vec<Unconfirmed>,
}

impl UnconfirmedWrites {
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub fn clear(&mut self) {
        self.writes.clear();
    }

    /// The write of `change` that makes `version` of the task, as `next`. `begins`: with it, a run begins here.
    pub fn add(&mut self, change: &Rc<Change>, next: &Task, version: u32, begins: bool, now: Millis) {
        self.writes.retain(|other| !(Rc::ptr_eq(&other.change, change) && other.write_id == next.write_id));
        if self.writes.len() >= MOST {
            self.writes.remove(0);
        }
        self.writes.push(Unconfirmed {
            write_id: next.write_id,
            version,
            change: Rc::clone(change),
            epoch: if begins { next.epoch } else { 0 },
            issued: next.issued,
            since: now,
        });
    }

    /// The id with which a change was tried before at the same version: whichever of the two arrives, it is the same
    /// change.
    pub fn write_id_of(&self, change: &Rc<Change>, version: u32) -> Option<u64> {
        let is_same = |other: &&Unconfirmed| Rc::ptr_eq(&other.change, change) && other.version == version;
        self.writes.iter().find(is_same).map(|other| other.write_id)
    }

    /// The store has this version: no other write that would have made it, or an earlier one, can arrive any more.
    pub fn confirm(&mut self, version: u32) {
        self.writes.retain(|other| other.version > version);
    }

    /// The run that is here is over: what it wrote is no matter any more.
    pub fn end_run(&mut self) {
        self.writes.retain(|other| !other.change.is_of_run());
    }

    /// Takes out what the task that was read shows to have arrived, as [`Unconfirmed::has_arrived`] tells, and forgets
    /// what cannot arrive any more, or has taken longer than `patience`.
    pub fn take_arrived(
        &mut self,
        (task, version): (&Task, u32),
        run: Option<u32>,
        held: bool,
        (now, patience): (Millis, Millis),
    ) -> Vec<Unconfirmed> {
        let mut arrived = Vec::new();
        for write in std::mem::take(&mut self.writes) {
            if write.has_arrived(task, version, run, held) {
                arrived.push(write);
            } else if write.version > version && now.saturating_sub(write.since) < patience {
                self.writes.push(write);
            }
        }
        arrived
    }
}
