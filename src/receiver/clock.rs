//! What time it is, here and by the clocks of other processes.

use std::rc::Rc;

use crate::task::{Millis, Task};

/// The clock by which this receiver writes times.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: Millis,
    /// All receivers of a process have one.
    name: Rc<str>,
    /// By how much, in ms, other clocks may differ from it.
    skew: Millis,
}

impl Clock {
    pub fn set_up(&mut self, name: &str, skew: Millis) {
        self.name = Rc::from(name);
        self.skew = skew;
    }

    /// Time passes; it never goes back (X-STO-06).
    pub fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    pub fn name(&self) -> &Rc<str> {
        &self.name
    }

    /// By how much, in ms, the clock of this name may differ from this one.
    pub fn skew_of(&self, clock: &str) -> Millis {
        if *clock == *self.name { 0 } else { self.skew }
    }

    /// What the clock of this name shows by now at least.
    pub fn time_by(&self, clock: &str) -> Millis {
        self.now.saturating_sub(self.skew_of(clock))
    }

    /// When the record of a task that is written now is due.
    pub fn due_at(&self, task: &Task) -> Option<Millis> {
        let skew = if task.keyed && task.phase.is_terminal() { self.skew } else { self.skew_of(&task.clock) };
        task.due_at(self.now, skew)
    }

    /// Whether nobody can see a task any longer, and its record may be deleted.
    pub fn is_over(&self, task: &Task) -> bool {
        let skew = if task.keyed { self.skew } else { self.skew_of(&task.clock) };
        task.is_over(self.now.saturating_sub(skew))
    }
}
