//! Records that this version cannot read, because another version wrote them or they are damaged. They are there:
//! nobody hears that they are missing, nothing deletes or overwrites them, and the operator hears of each version once.

use std::rc::Rc;

use super::output::Output;
use super::receiver::Receiver;
use super::types::{SlotId, Trouble};
use crate::claim::Claim;
use crate::state::Unreadable;
use crate::storage::Record;
use crate::task::Task;
use crate::wire::Error;

impl Receiver {
    /// The task of a record that was read under `owner` and `id`.
    pub(super) fn task_of(&mut self, owner: &str, id: &str, record: &Record) -> Result<Task, Unreadable> {
        Task::from_state(&record.state).inspect_err(|&why| self.report_unreadable(owner, id, record, why))
    }

    /// The task of a record that was read for a slot.
    pub(super) fn task_in_slot(&mut self, number: SlotId, record: &Record) -> Result<Task, Unreadable> {
        let (owner, id) =
            self.slots.get(number).map(|slot| (Rc::clone(slot.owner()), slot.id().to_owned())).unwrap_or_default();
        self.task_of(&owner, &id, record)
    }

    /// The claim of a record that was read under `owner` and `id`.
    pub(super) fn claim_of(&mut self, owner: &str, id: &str, record: &Record) -> Result<Claim, Unreadable> {
        Claim::from_state(&record.state).inspect_err(|&why| self.report_unreadable(owner, id, record, why))
    }

    /// Of a row without a state the host has told the operator what is wrong with it.
    fn report_unreadable(&mut self, owner: &str, id: &str, record: &Record, why: Unreadable) {
        if !record.state.is_empty() && self.reported.is_new(&self.cursor_key, owner, id, record.version) {
            let trouble = if why == Unreadable::Newer { Trouble::Newer } else { Trouble::Malformed };
            self.push(Output::Report { trouble, id: id.to_owned() });
        }
    }

    /// The record of a task in hand cannot be read: what is to change does not, and whoever waits is told to try again.
    /// A handler that runs here goes on: the record may become readable again until it ends.
    pub(super) fn unreadable(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.forget();
        for context in slot.followers.take_waiters().into_values() {
            self.no_longer_waits(context);
            self.refuse(context, Error::Unreadable);
        }
        self.leave_listeners(number);
        while self.slots.get(number).is_some_and(|slot| !slot.queue.is_empty()) {
            self.give_up(number, Error::Unreadable);
        }
    }
}
