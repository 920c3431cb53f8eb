//! What happens because time passes.

use super::types::{InputRequestId, RequestId, SlotId};
use crate::deadline::Deadlines;
use crate::task::Millis;

/// So many timers are never looked through.
const FEW: usize = 1024;

/// Timers are checked when they fire, so none is ever cancelled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// The call has taken as long as an ordinary one may, and becomes a task.
    Promote(RequestId),
    /// Another call here with the same creation key should have gone on.
    LookAtKey(RequestId),
    /// The store did not say whether it has the call's task, and is asked again.
    ConfirmCreation(RequestId),
    /// The time to live of a task that runs here is over.
    Expire(SlotId),
    /// A third of its lease is over.
    Renew(SlotId),
    /// A change that the store failed to write is tried again.
    Retry(SlotId),
    /// A task that others may change is looked at for those who wait for it here.
    Check(SlotId),
    /// The authorization of a request that waits is over.
    Lapse(RequestId),
    /// What is to carry an input request to its client should have come.
    Carry(InputRequestId),
    /// The requestor of a call's task may hear of its progress again.
    Progress(RequestId),
    /// The next walk through what is due in the store begins.
    Sweep,
    /// The walk goes on.
    NextPage,
    /// Tasks of other processes that are due are looked at again.
    Observe,
    /// The store has had its time to answer the oldest operation.
    Overdue,
}

#[derive(Debug)]
pub(super) struct Timers {
    deadlines: Deadlines<Timer>,
    /// More timers than this are looked through for those that nothing needs any more.
    many: usize,
    /// The time at which the host has been told to call.
    announced: Option<Millis>,
}

impl Timers {
    pub fn new() -> Self {
        Self { deadlines: Deadlines::default(), many: FEW, announced: None }
    }

    pub fn set(&mut self, at: Millis, timer: Timer) {
        self.deadlines.set(at, timer);
    }

    /// The host has called; it is to be told of the next time.
    pub fn woken(&mut self) {
        self.announced = None;
    }

    pub fn pop_due(&mut self, now: Millis) -> Option<Timer> {
        self.deadlines.pop_due(now)
    }

    /// The time at which the host is to call, if it does not know it.
    pub fn announce(&mut self) -> Option<Millis> {
        let next = self.deadlines.next();
        if next == self.announced {
            return None;
        }
        self.announced = next;
        next
    }

    /// Whether there are so many that those that nothing needs should go, by `forget`.
    pub fn are_many(&self) -> bool {
        self.deadlines.len() > self.many
    }

    pub fn forget(&mut self, is_needed: impl FnMut(&Timer) -> bool) {
        self.deadlines.retain(is_needed);
        self.many = FEW.max(2 * self.deadlines.len());
    }

    /// Takes the timers of what failed and is to be tried again.
    pub fn take_retries(&mut self) -> Vec<Timer> {
        let mut retries = Vec::new();
        self.deadlines.retain(|timer| {
            let is_retry = matches!(timer, Timer::Retry(_) | Timer::ConfirmCreation(_));
            if is_retry {
                retries.push(*timer);
            }
            !is_retry
        });
        // Creations first, so that what they make of their tasks is known to the changes.
        retries.sort_by_key(|timer| matches!(timer, Timer::Retry(_)));
        retries
    }

    pub fn len(&self) -> usize {
        self.deadlines.len()
    }
}
