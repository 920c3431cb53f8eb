//! Requests and subscriptions that follow a task here.

use super::read::Read;
use super::subscriptions::Heard;
use super::types::{RequestContext, RequestId};
use crate::table::Table;

#[derive(Debug, Default)]
pub(super) struct Followers {
    /// Reads that are answered when it is settled what becomes of a task whose process was lost.
    reads: Vec<Read>,
    /// Blocked `tasks/result` requests; the newest has the highest number.
    waiters: Table<RequestId, RequestContext>,
    /// The subscriptions that named the task.
    listeners: Table<RequestId, Heard>,
    /// So often a task that runs elsewhere was looked at for them.
    checks: u32,
    /// The next look is in the timers.
    checking: bool,
}

impl Followers {
    pub fn are_none(&self) -> bool {
        self.reads.is_empty() && self.waiters.is_empty() && self.listeners.is_empty()
    }

    pub fn add_read(&mut self, read: Read) {
        self.reads.push(read);
    }

    pub fn has_reads(&self) -> bool {
        !self.reads.is_empty()
    }

    pub fn take_reads(&mut self) -> Vec<Read> {
        std::mem::take(&mut self.reads)
    }

    pub fn add_waiter(&mut self, context: RequestContext) {
        self.waiters.insert(context.request, context);
    }

    pub fn waiters(&self) -> usize {
        self.waiters.len()
    }

    pub fn waiter(&self, request: RequestId) -> Option<RequestContext> {
        self.waiters.get(&request).copied()
    }

    /// On whose stream goes what the handler has to say.
    pub fn newest_waiter(&self) -> Option<RequestId> {
        self.waiters.keys().next_back().copied()
    }

    pub fn take_waiters(&mut self) -> Table<RequestId, RequestContext> {
        std::mem::take(&mut self.waiters)
    }

    /// A request does not wait any longer, neither for a read nor for the end. The latter, if it did.
    pub fn remove(&mut self, request: RequestId) -> Option<RequestContext> {
        self.reads.retain(|read| read.context.request != request);
        self.waiters.remove(&request).map(|context| *context)
    }

    pub fn add_listener(&mut self, request: RequestId) {
        self.listeners.insert(request, Heard::nothing());
    }

    pub fn remove_listener(&mut self, request: RequestId) {
        self.listeners.remove(&request);
    }

    pub fn take_listeners(&mut self) -> Table<RequestId, Heard> {
        std::mem::take(&mut self.listeners)
    }

    pub fn listener_mut(&mut self, request: RequestId) -> Option<&mut Heard> {
        self.listeners.get_mut(&request)
    }

    pub fn listeners_mut(&mut self) -> impl Iterator<Item = (&RequestId, &mut Heard)> {
        self.listeners.iter_mut()
    }

    pub fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether something listens that could be told now.
    pub fn is_listened_to(&self) -> bool {
        self.listeners.values().any(|heard| !heard.is_owed())
    }

    /// The next look goes into the timers, unless it is there already. How many there were before.
    pub fn plan_check(&mut self) -> Option<u32> {
        if std::mem::replace(&mut self.checking, true) {
            return None;
        }
        self.checks = self.checks.saturating_add(1);
        Some(self.checks - 1)
    }

    /// It is time for the look that was in the timers.
    pub fn check(&mut self) {
        self.checking = false;
    }

    /// Something may have changed: the next looks come soon.
    pub fn check_soon(&mut self) {
        self.checks = 0;
    }
}
