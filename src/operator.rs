//! What an operator does to stored tasks, without a receiver: reads them, cancels them, and asks whether they may be
//! deleted.

use crate::claim::is_owner_of_keys;
use crate::lifecycle::{self, Command};
use crate::storage::is_guest;
use crate::task::{Millis, Task};

/// Whether the records of this owner are tasks.
pub fn has_tasks(owner: &str) -> bool {
    !is_owner_of_keys(owner) && !is_guest(owner)
}

/// A record that is to be written over the one that was read; its payload is deleted.
#[derive(PartialEq, Eq, Debug)]
pub struct Ended {
    pub state: String,
    pub due_at: Option<Millis>,
}

/// The record of a task that is cancelled now; `None` where it has ended already. `skew`: by how much the clocks of
/// those who read it may differ from this one, in ms. `write_id` must differ from every other write's.
pub fn cancel(task: &Task, now: Millis, skew: Millis, write_id: u64) -> Option<Ended> {
    let is_over = !task.extends && task.has_run_out(now.saturating_sub(skew));
    let command = if is_over { Command::Expire } else { Command::Cancel };
    let mut next = lifecycle::apply(task, command, now).ok()?;
    next.write_id = write_id;
    Some(Ended { due_at: next.due_at(now, skew), state: next.to_state() })
}

/// Whether a task has ended, and nobody is still to be told of it.
pub fn may_be_deleted(task: &Task) -> bool {
    task.phase.is_terminal() && !task.is_to_be_told()
}
