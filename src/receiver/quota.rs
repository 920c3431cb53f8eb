//! What one owner may keep in the store, whichever process stored it. The store is asked before a task is made, and
//! only where there is such a limit. What is kept already is never given up for it (X-TTL-06).

use super::Receiver;
use super::jobs::Pending;
use super::types::RequestId;
use crate::storage::{Completion, Operation};
use crate::wire::{Error, LimitReason};

impl Receiver {
    pub(super) fn has_quota(&self) -> bool {
        self.limits.stored.is_some() || self.limits.stored_bytes.is_some()
    }

    /// Asks what the owner of a call has stored.
    pub(super) fn ask_usage(&mut self, call: RequestId) {
        let Some(owner) = self.calls.get(&call).and_then(|call| call.owner.clone()) else { return };
        self.ask_store(Pending::Usage { call }, Operation::Usage { owner });
    }

    pub(super) fn usage_known(&mut self, number: RequestId, completion: &Completion) {
        let over = |limit: Option<u32>, used: u64| limit.is_some_and(|limit| used >= u64::from(limit));
        match completion {
            Completion::Usage { tasks, .. } if self.limits.is_full(*tasks) => {
                self.decline(number, Error::Limit(LimitReason::Tasks))
            }
            Completion::Usage { bytes, .. } if over(self.limits.stored_bytes, *bytes) => {
                self.decline(number, Error::Limit(LimitReason::Payload))
            }
            Completion::Usage { .. } => {
                if let Some(call) = self.calls.get_mut(&number) {
                    call.draft.within_quota = true;
                }
                self.create(number);
            }
            _ => self.decline(number, Error::Storage),
        }
    }
}
