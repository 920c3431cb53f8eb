//! Subscriptions, and what each has heard of its tasks.

use std::rc::Rc;

use super::types::{RequestContext, SlotId};
use crate::table::Table;
use crate::task::Task;

/// A subscription.
#[derive(Debug)]
pub(super) struct Listening {
    pub context: RequestContext,
    pub owner: Option<Rc<str>>,
    /// Its tasks, in the order in which they were named, without those that were looked up in vain.
    pub named: Vec<String>,
    /// So many of them are still being looked up.
    pub lookups: usize,
    /// Its stream takes messages: the acknowledgement is out, and the client keeps up.
    pub ready: bool,
    /// Nothing else is subscribed to on its stream, so that it ends with the last task.
    pub alone: bool,
    pub slots: Table<SlotId, ()>,
}

/// What a subscription has heard of a task.
#[derive(Debug)]
pub(super) struct Heard {
    pub last: Option<Rc<Task>>,
    /// There is more to hear once the stream takes messages.
    pub owed: bool,
}
