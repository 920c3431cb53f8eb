//! Input requests, as far as they are more than a ledger.

use super::calls::CallState;
use super::ledger::InputEffect;
use super::limits::PROMPTS;
use super::requestor::Requestor;
use super::types::{Ending, Entry, Output, PayloadNumber, TaskNumber};
use crate::task::Millis;
use crate::wire::{Method, error};

impl Requestor {
    /// The host has the answer to an input request.
    pub fn handle_input(&mut self, now: Millis, task: TaskNumber, key: &str) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        if follow.ledger.answered(key) {
            follow.update.plan(now);
        } else {
            self.outputs.push_back(Output::Drop { task, key: key.to_owned() });
        }
        self.go_on(now, task);
    }

    /// The host will not answer an input request; the task stays as it is (G26-INP-09).
    pub fn handle_no_input(&mut self, task: TaskNumber, key: &str) {
        if let Some(follow) = self.tasks.get_mut(task) {
            follow.ledger.given_up(key);
        }
    }

    /// What an [`Output::Prompt`] started is over, withdrawn or not: there is room for another.
    pub fn handle_prompt_over(&mut self, now: Millis) {
        self.prompts = self.prompts.saturating_sub(1);
        if let Some(task) = self.tasks.first(|follow| follow.ledger.is_crowded()) {
            self.look(now, task);
            self.go_on(now, task);
        }
    }

    /// Takes the outstanding requests of a snapshot.
    pub(super) fn take_inputs(&mut self, now: Millis, task: TaskNumber, entries: &[Entry]) {
        let room = PROMPTS.saturating_sub(self.prompts);
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let changes = follow.ledger.observe(entries, room);
        if follow.ledger.has_unsent() && follow.update.flight.is_none() && follow.update.failures == 0 {
            follow.update.plan(now);
        }
        let gives_up = changes.contains(&InputEffect::GiveUp);
        self.apply_changes(task, changes);
        if gives_up {
            self.give_up(now, task, Ending::Refused);
        }
    }

    pub(super) fn apply_changes(&mut self, task: TaskNumber, changes: Vec<InputEffect>) {
        for change in changes {
            self.outputs.push_back(match change {
                InputEffect::Ask { key, again } => {
                    self.prompts += 1;
                    Output::Prompt { task, key, again }
                }
                InputEffect::Withdraw { key } => Output::Withdraw { task, key },
                InputEffect::Report { key, problem } => Output::Report { task, key, problem },
                InputEffect::Dismiss { key } => Output::Dismiss { task, key },
                InputEffect::GiveUp => continue,
            });
        }
    }

    /// No answer can be sent: the task waits for one that will not come, and its callers are told.
    pub(super) fn give_up_update(&mut self, now: Millis, task: TaskNumber, ending: Ending) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let changes = follow.ledger.give_up_unsent();
        self.apply_changes(task, changes);
        self.give_up(now, task, ending);
    }

    /// Ends the following of a task that cannot go on with this requestor; it is cancelled if its callers would.
    pub(super) fn give_up(&mut self, now: Millis, task: TaskNumber, ending: Ending) {
        let Some(follow) = self.tasks.get(task) else { return };
        let cancels = follow.calls.iter().all(|call| self.calls.get(*call).is_some_and(CallState::cancels));
        let (id, generation, method) = (follow.id.clone(), follow.generation, follow.method);
        self.end(task, ending, None, None);
        if cancels {
            self.cancel_stray(now, &id, generation, method);
        }
    }

    pub(super) fn updated(&mut self, now: Millis, task: TaskNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        follow.update.failures = 0;
        for key in follow.ledger.acknowledged() {
            self.outputs.push_back(Output::Drop { task, key });
        }
        if follow.ledger.has_unsent() {
            follow.update.plan(now);
        }
    }

    pub(super) fn update_refused(&mut self, now: Millis, task: TaskNumber, code: i32, payload: PayloadNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        match code {
            // The task may have ended, or an answer is wrong: the next read tells.
            error::INVALID_PARAMS => {
                follow.update.failures = 0;
                follow.ledger.refused();
                if follow.ledger.has_unsent() {
                    follow.update.plan(now);
                }
                if follow.read.flight.is_none() {
                    follow.read.plan(now);
                }
                self.outputs.push_back(Output::Refused { task, payload });
            }
            code if error::is_final(code) => self.give_up_update(now, task, Ending::Unsupported),
            _ => self.lost(now, task, Method::Update),
        }
    }
}
