//! `tasks/cancel`, and how a request names a task.

use std::rc::Rc;

use super::change::Change;
use super::{Facts, Receiver};
use crate::id;
use crate::limit::Act;
use crate::task::Millis;
use crate::wire::Error;
use crate::wire::capability::Capabilities;

impl Receiver {
    /// `tasks/cancel` (G25-CAN-02, G26-CAN-02).
    pub fn handle_cancel(&mut self, now: Millis, facts: Facts, id: Option<&str>) {
        self.tick(now);
        if let Some(slot) = self.slot_for(facts, id) {
            self.change(slot, Change::Cancel(facts));
        }
    }

    /// Finds or opens the slot of the task a request names; answers the request if there is none.
    pub(super) fn slot_for(&mut self, facts: Facts, id: Option<&str>) -> Option<u32> {
        let (owner, id) = self.address(facts, id, Act::Change)?;
        Some(self.slots.open(&owner, &id))
    }

    /// The owner and id that a request names, if it may name any; answers it otherwise (G26-ERR-06).
    pub(super) fn address(&mut self, facts: Facts, id: Option<&str>, act: Act) -> Option<(Rc<str>, String)> {
        self.meet(facts);
        if facts.generation.server_decides() && !facts.capabilities.contains(Capabilities::TASKS) {
            self.refuse(facts, Error::MissingCapability(Capabilities::TASKS));
            return None;
        }
        let Some(id) = id else {
            self.refuse(facts, Error::NoTaskId);
            return None;
        };
        if !self.may(facts, act) {
            return None;
        }
        let owner = self.owner_of(facts.peer).filter(|_| id::is_wellformed(id));
        if owner.is_none() {
            self.miss(facts);
        }
        Some((owner?, id.to_owned()))
    }
}
