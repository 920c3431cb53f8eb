//! `tasks/cancel`, and how a request names a task.

use std::rc::Rc;

use super::change::Change;
use super::receiver::Receiver;
use super::types::{RequestContext, SlotId};
use crate::id;
use crate::limit::Act;
use crate::task::Millis;
use crate::wire::Error;
use crate::wire::capability::Capabilities;

impl Receiver {
    /// `tasks/cancel` (G25-CAN-02, G26-CAN-02).
    pub fn handle_cancel(&mut self, now: Millis, context: RequestContext, id: Option<&str>) {
        self.tick(now);
        if let Some(slot) = self.slot_for(context, id) {
            self.change(slot, Change::Cancel(context));
        }
    }

    /// Finds or opens the slot of the task a request names; answers the request if there is none.
    pub(super) fn slot_for(&mut self, context: RequestContext, id: Option<&str>) -> Option<SlotId> {
        let (owner, id) = self.address(context, id, Act::Change)?;
        Some(self.slots.open(&owner, &id))
    }

    /// The owner and id that a request names, if it may name any; answers it otherwise (G26-ERR-06).
    pub(super) fn address(&mut self, context: RequestContext, id: Option<&str>, act: Act) -> Option<(Rc<str>, String)> {
        self.peers.meet(context);
        if context.generation.server_decides() && !context.capabilities.contains(Capabilities::TASKS) {
            self.refuse(context, Error::MissingCapability(Capabilities::TASKS));
            return None;
        }
        let Some(id) = id else {
            self.refuse(context, Error::NoTaskId);
            return None;
        };
        if !self.may(context, act) {
            return None;
        }
        let owner = self.peers.owner_of(context.peer).filter(|_| id::is_wellformed(id));
        if owner.is_none() {
            self.miss(context);
        }
        Some((owner?, id.to_owned()))
    }
}
