//! How many tasks run (X-LIM-01).

use std::rc::Rc;

use crate::limit::Limits;
use crate::table::Table;

/// The tasks that run, counted by owner.
#[derive(Debug, Default)]
pub(super) struct Running {
    owners: Table<Rc<str>, u32>,
    total: u32,
}

impl Running {
    pub fn add(&mut self, owner: Rc<str>) {
        *self.owners.get_or_default(owner) += 1;
        self.total += 1;
    }

    pub fn remove(&mut self, owner: &Rc<str>) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.owners.get_mut(owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.owners.remove(owner);
            }
        }
    }

    /// Whether one more task may run for `owner`.
    pub fn has_room(&self, owner: &str, limits: &Limits) -> bool {
        self.total < limits.running && self.owners.get(owner).copied().unwrap_or_default() < limits.running_per_owner
    }

    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many owners have tasks that run, and how many tasks those are.
    pub fn counts(&self) -> (usize, usize) {
        (self.owners.len(), self.total as usize)
    }
}
