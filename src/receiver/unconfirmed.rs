//! Writes of which nothing tells whether the store has them.

use std::rc::Rc;

use super::change::Change;
use crate::task::Millis;

/// A write of which nobody knows whether the store has it.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    pub write_id: u64,
    /// The version that it makes. Once another write has made it, this one cannot arrive any more.
    pub version: u32,
    pub change: Rc<Change>,
    /// It begins a run here, with this epoch; 0 where it does not.
    pub epoch: u32,
    /// How many inputs were issued with it.
    pub issued: u32,
    pub since: Millis,
}

impl Unconfirmed {
    pub fn is_of_run(&self) -> bool {
        self.change.is_of_run()
    }
}
