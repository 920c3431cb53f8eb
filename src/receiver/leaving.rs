//! A receiver that is to end (X-STO-11): it takes on nothing new, then hands over what runs here.

use super::change::Change;
use super::output::Output;
use super::receiver::Receiver;
use super::service::Service;
use super::timers::Timer;
use super::types::{SlotId, Stop};
use crate::task::{Millis, OnLost};

impl Receiver {
    /// From now on no call becomes a task here, and no task starts again.
    pub fn handle_closing(&mut self, now: Millis) {
        self.tick(now);
        if self.service == Service::Open {
            self.service = Service::Closing;
        }
    }

    /// Whoever waits for a task is to ask elsewhere; handlers stop; their tasks may run elsewhere at once, or fail. All
    /// of it is stored when [`Receiver::is_quiet`].
    pub fn handle_leaving(&mut self, now: Millis) {
        self.tick(now);
        self.service = Service::Leaving;
        for request in self.waits.requests() {
            self.end_wait(request);
            self.push(Output::HangUp { request });
        }
        // What failed and waits for another attempt gets its last one now.
        for timer in self.timers.take_retries() {
            match timer {
                Timer::ConfirmCreation(call) => self.confirm_again(call),
                Timer::Retry(slot) => self.retry(slot),
                _ => {}
            }
        }
        for slot in self.calls.task_slots() {
            self.hand_over(slot);
        }
    }

    /// The handler of this task stops, unless it has ended already.
    pub(super) fn hand_over(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get(number) else { return };
        if let Some(call) = slot.run.call()
            && !slot.queue.has(Change::is_outcome)
        {
            let goes_on = slot.copy().is_none_or(|(task, _)| task.on_lost == OnLost::Restart);
            self.stop(call, if goes_on { Stop::HandedOver } else { Stop::Lost });
        }
        self.change(number, Change::Release);
    }

    /// Whether nothing runs here, and nothing is on its way to the store.
    pub fn is_quiet(&self) -> bool {
        self.jobs.is_empty() && self.running.is_empty() && self.outputs.is_empty()
    }
}
