//! Who holds the tasks that run here.

use std::rc::Rc;

use crate::state::Members;
use crate::task::{Lease, Millis, Task};

/// How long a lease lasts unless the host says otherwise, in ms.
const LENGTH: Millis = 30_000;

/// Under which name tasks are held here, and for how long at a time.
#[derive(Debug)]
pub(super) struct Holder {
    name: Rc<str>,
    /// Of a lease, in ms.
    length: Millis,
}

impl Holder {
    pub fn new() -> Self {
        Self { name: Rc::from(""), length: LENGTH }
    }

    pub fn set_up(&mut self, name: &str, length: Millis) {
        self.name = Rc::from(name);
        self.length = length;
    }

    /// Of a lease, in ms.
    pub fn length(&self) -> Millis {
        self.length
    }

    /// How long before its lease is renewed, in ms.
    pub fn third(&self) -> Millis {
        (self.length / 3).max(1)
    }

    pub fn lease(&self) -> Lease {
        Lease { holder: Rc::clone(&self.name), length: self.length, unknown: Members::default() }
    }

    pub fn holds(&self, task: &Task) -> bool {
        task.lease.as_ref().is_some_and(|lease| lease.holder == self.name)
    }
}
