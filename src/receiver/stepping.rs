//! Steps of a handler: what each has led to is kept with the task, so that a handler which runs again passes over it.

use super::change::Change;
use super::output::Output;
use super::receiver::Receiver;
use super::types::{RequestId, StepId, Withdrawal};
use crate::task::Millis;

/// Steps of one task. Each is one write of all that the task has stored.
const MOST: u32 = 1_000;

impl Receiver {
    /// The handler's step has led to something, which the host has under `step`. `number`: which step of the run it is,
    /// from 1 up. It ends with `StepKept` or `StepLost`, or with the call.
    pub fn handle_step(&mut self, now: Millis, call: RequestId, step: StepId, number: u32) {
        self.tick(now);
        match self.task_of_call(call) {
            None => self.push(Output::StepLost { step, reason: Withdrawal::NotATask }),
            Some(_) if number > MOST => self.push(Output::StepLost { step, reason: Withdrawal::TooMany }),
            Some((slot, _)) => self.change(slot, Change::KeepStep { id: step, number }),
        }
    }
}
