//! Cancelling a task, and knowing what came of it.

use super::requestor::Requestor;
use super::stage::Stage;
use super::types::{Ending, Output, TaskNumber, WaiterNumber};
use crate::task::Millis;
use crate::wire::{INVALID_REQUEST, Method, Status, error};

impl Requestor {
    /// A caller cancels the task; with `await_terminal` it wants to know how the task really ended.
    pub fn handle_cancel(&mut self, now: Millis, waiter: WaiterNumber, task: TaskNumber, await_terminal: bool) {
        let settled = |status, error| Output::Cancelled { waiter, status, error };
        let Some(follow) = self.tasks.get_mut(task) else {
            self.outputs.push_back(settled(None, Some(Ending::NotFound)));
            return;
        };
        if follow.generation.declares_cancel() && !self.declared.cancel {
            self.outputs.push_back(settled(None, Some(Ending::Unsupported)));
            return;
        }
        follow.waiters.push((waiter, await_terminal));
        if follow.cancel.flight.is_none() {
            follow.cancel.plan(now);
        }
        self.go_on(now, task);
    }

    /// The server has taken the cancellation. In the newer generation that is all it says (G26-CAN-02).
    pub(super) fn cancelled(&mut self, now: Millis, task: TaskNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        follow.cancel_taken = true;
        if follow.waiters.iter().any(|(_, await_terminal)| *await_terminal) {
            follow.waiters.retain(|&(waiter, await_terminal)| {
                if !await_terminal {
                    self.outputs.push_back(Output::Cancelled { waiter, status: Some(Status::Cancelled), error: None });
                }
                await_terminal
            });
            if follow.stage != Stage::Fetching && follow.read.flight.is_none() {
                follow.read.plan(now);
            }
        } else if follow.stage != Stage::Fetching || follow.is_left() {
            // Local state may go with the cancellation (G26-CAN-06).
            self.end(task, Ending::Cancelled, None, None);
        }
    }

    pub(super) fn cancel_refused(&mut self, now: Millis, task: TaskNumber, code: i32) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        match code {
            _ if follow.is_left() && code != error::INTERNAL => self.end(task, Ending::Cancelled, None, None),
            // It is too late, or the task is gone: one read tells (G25-CAN-10); some SDKs have another code for it.
            error::INVALID_PARAMS | INVALID_REQUEST => {
                follow.cancel_refused = true;
                if follow.read.flight.is_none() && follow.stage != Stage::Fetching {
                    follow.read.plan(now);
                }
            }
            code if error::is_final(code) => self.settle_waiters(task, None, Some(Ending::Unsupported)),
            _ => self.lost(now, task, Method::Cancel),
        }
    }

    /// The server refused to cancel a task that still runs.
    pub(super) fn refused_to_cancel(&mut self, task: TaskNumber) {
        let refused = self.tasks.get_mut(task).is_some_and(|follow| std::mem::take(&mut follow.cancel_refused));
        if refused {
            self.settle_waiters(task, None, Some(Ending::Protocol));
        }
    }

    pub(super) fn settle_waiters(&mut self, task: TaskNumber, status: Option<Status>, error: Option<Ending>) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        for (waiter, _) in follow.waiters.drain(..) {
            self.outputs.push_back(Output::Cancelled { waiter, status, error });
        }
        if follow.is_left() {
            self.end(task, Ending::Detached, None, None);
        }
    }
}
