//! What an owner may do, and how much: how often (X-SEC-08, G26-GET-08), and what it may keep in the store, whichever
//! process stored it. The store is asked before a task is made, and only where there is such a limit. What is kept
//! already is never given up for it (X-TTL-06).

use super::jobs::Pending;
use super::receiver::Receiver;
use super::types::{PeerId, RequestContext, RequestId};
use crate::limit::Act;
use crate::storage::{Completion, Operation};
use crate::wire::{Error, LimitReason};

/// Where nobody is authenticated, a stranger's misses must not lock everybody out; ids are secrets there.
const NOBODY: &str = "";

impl Receiver {
    /// Whether this request may do what it asks for now; it is answered otherwise.
    pub(super) fn may(&mut self, context: RequestContext, act: Act) -> bool {
        let Some(owner) = self.peers.counted_owner(context.peer) else { return true };
        let missed = if &*owner == NOBODY { 0 } else { self.buckets.wait(&owner, Act::Miss, self.clock.now()) };
        let wait = if missed > 0 {
            missed
        } else {
            self.buckets.take(&owner, act, self.clock.now()).err().unwrap_or_default()
        };
        if wait > 0 {
            self.refuse_and_forget(context, Error::TooOften { wait });
        }
        wait == 0
    }

    /// The request names a task that its owner does not have.
    pub(super) fn miss(&mut self, context: RequestContext) {
        self.count_miss(context.peer);
        self.refuse(context, Error::NotFound);
    }

    /// Something that this connection's owner does not have was looked for.
    pub(super) fn count_miss(&mut self, peer: PeerId) {
        if let Some(owner) = self.peers.counted_owner(peer) {
            // With an empty bucket nothing would have been looked up: this one was on its way already.
            let _ = self.buckets.take(&owner, Act::Miss, self.clock.now());
        }
    }

    /// Whether a task may be made for this connection now, or the error that says when.
    pub(super) fn may_create_now(&self, peer: PeerId) -> Result<(), Error> {
        match self.peers.counted_owner(peer).map_or(0, |owner| self.buckets.wait(&owner, Act::Create, self.clock.now()))
        {
            0 => Ok(()),
            wait => Err(Error::TooOften { wait }),
        }
    }

    /// A task is made for this connection.
    pub(super) fn count_creation(&mut self, peer: PeerId) {
        if let Some(owner) = self.peers.counted_owner(peer) {
            let _ = self.buckets.take(&owner, Act::Create, self.clock.now());
        }
    }

    /// How many owners have buckets.
    #[doc(hidden)]
    pub fn bucket_owners(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn has_quota(&self) -> bool {
        self.limits.stored.is_some() || self.limits.stored_bytes.is_some()
    }

    /// Asks what the owner of a call has stored.
    pub(super) fn ask_usage(&mut self, call: RequestId) {
        let Some(owner) = self.calls.owner_of(call) else { return };
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
                if let Some(call) = self.calls.get_mut(number) {
                    call.allow();
                }
                self.create(number);
            }
            _ => self.decline(number, Error::Storage),
        }
    }
}
