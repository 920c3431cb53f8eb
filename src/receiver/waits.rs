//! Requests that wait for a task, or for a look at it.

use super::types::{JobId, RequestId, SlotId};
use crate::table::Table;

#[derive(Debug, Default)]
pub(super) struct Waits {
    /// The slot of each request that waits until its task ends, or until it is settled what becomes of it.
    slots: Table<RequestId, SlotId>,
    /// The job of each `tasks/result` that is being looked up.
    lookups: Table<RequestId, JobId>,
}

impl Waits {
    /// The task of a request is being looked up by `job`.
    pub fn look_up(&mut self, request: RequestId, job: JobId) {
        self.lookups.insert(request, job);
    }

    pub fn looked_up(&mut self, request: RequestId) {
        self.lookups.remove(&request);
    }

    /// A request waits for the task in a slot.
    pub fn wait_for(&mut self, request: RequestId, slot: SlotId) {
        self.slots.insert(request, slot);
    }

    /// A request does not wait any longer for the task in this slot.
    pub fn no_longer(&mut self, request: RequestId) -> Option<SlotId> {
        self.slots.remove(&request).map(|slot| *slot)
    }

    /// A request is not to be looked up any longer by this job.
    pub fn no_lookup(&mut self, request: RequestId) -> Option<JobId> {
        self.lookups.remove(&request).map(|job| *job)
    }

    /// The slot of the task for which a request waits.
    pub fn slot_of(&self, request: RequestId) -> Option<SlotId> {
        self.slots.get(&request).copied()
    }

    pub fn has(&self, request: RequestId) -> bool {
        self.slots.contains_key(&request) || self.lookups.contains_key(&request)
    }

    pub fn requests(&self) -> Vec<RequestId> {
        let mut requests = Vec::new();
        for request in self.slots.keys().chain(self.lookups.keys()) {
            requests.push(*request);
        }
        requests
    }

    /// How many requests wait for a task, and how many are being looked up.
    pub fn counts(&self) -> [usize; 2] {
        [self.slots.len(), self.lookups.len()]
    }
}
