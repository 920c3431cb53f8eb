//! Input requests, as far as they are more than a ledger.

use super::ledger::Change;
use super::{Output, Requestor, Task};
use crate::task::Millis;
use crate::wire::{Method, error};

impl Requestor {
    /// The host has the answer to an input request.
    pub fn handle_input(&mut self, now: Millis, task: Task, key: &str) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if follow.ledger.answered(key) {
            follow.update.plan(now);
        } else {
            self.outputs.push_back(Output::Drop { task, key: key.to_owned() });
        }
        self.go_on(now, task);
    }

    /// The host will not answer an input request; the task stays as it is (G26-INP-09).
    pub fn handle_no_input(&mut self, task: Task, key: &str) {
        if let Some(follow) = self.tasks.get_mut(&task) {
            follow.ledger.given_up(key);
        }
    }

    pub(super) fn apply_changes(&mut self, task: Task, changes: Vec<Change>) {
        for change in changes {
            self.outputs.push_back(match change {
                Change::Ask { key, again } => Output::Prompt { task, key, again },
                Change::Withdraw { key } => Output::Withdraw { task, key },
                Change::Report { key, problem } => Output::Report { task, key, problem },
            });
        }
    }

    pub(super) fn updated(&mut self, now: Millis, task: Task) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.update.failures = 0;
        for key in follow.ledger.acknowledged() {
            self.outputs.push_back(Output::Drop { task, key });
        }
        if follow.ledger.has_unsent() {
            follow.update.plan(now);
        }
    }

    pub(super) fn update_refused(&mut self, now: Millis, task: Task, code: i32) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        match code {
            // The task may have ended, or an answer is wrong: the next read tells.
            error::INVALID_PARAMS => {
                follow.ledger.refused();
                if follow.read.flight.is_none() {
                    follow.read.plan(now);
                }
            }
            error::METHOD_NOT_FOUND | error::MISSING_CAPABILITY => {
                let changes = follow.ledger.give_up_unsent();
                self.apply_changes(task, changes);
            }
            _ => self.lost(now, task, Method::Update),
        }
    }
}
