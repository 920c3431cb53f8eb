//! What a handler tells while it runs: progress, messages, the status message of its task.

use super::change::Change;
use super::output::Output;
use super::pace::PACE;
use super::receiver::Receiver;
use super::timers::Timer;
use super::types::{RequestId, Route};
use crate::task::{MESSAGE_BYTES, Millis, cut};

impl Receiver {
    /// Where a notification of the handler's goes: `None` nowhere, else on the stream of a request or on the
    /// connection.
    pub fn route(&self, call: RequestId) -> Route {
        let Some((slot, context)) = self.task_of_call(call) else {
            return if self.calls.has(call) { Route::Ordinary } else { Route::Nowhere };
        };
        if !context.generation.has_progress() {
            return Route::Nowhere;
        }
        if self.peers.is_single_stream(context.peer) {
            return Route::Connection;
        }
        match self.slots.get(slot).and_then(|slot| slot.followers.newest_waiter()) {
            Some(waiter) => Route::Stream(waiter),
            None => Route::Connection,
        }
    }

    /// The handler of a task has got so far. Whether its requestor may hear of it, by [`Output::Progress`]: at once, or
    /// when the progress before is old enough (X-PRG-01).
    pub fn handle_progress(&mut self, now: Millis, call: RequestId, progress: f64) -> bool {
        self.tick(now);
        let is_heard = self.route(call) != Route::Nowhere;
        let Some(entry) = self.calls.get_mut(call) else { return false };
        let is_news = entry.pace().advance(progress) && is_heard;
        if is_news && entry.pace().tell() {
            self.tell_progress(call);
        }
        is_news
    }

    pub(super) fn progress_rested(&mut self, call: RequestId) {
        let Some(entry) = self.calls.get_mut(call) else { return };
        if entry.pace().end_rest() && entry.pace().tell() {
            self.tell_progress(call);
        }
    }

    fn tell_progress(&mut self, call: RequestId) {
        self.push(Output::Progress { call });
        self.wake_in(PACE, Timer::Progress(call));
    }

    /// A task's status message, set by its handler; or that of a call which may still become one.
    pub fn handle_status_message(&mut self, now: Millis, call: RequestId, message: &str) {
        self.tick(now);
        let message = cut(message, MESSAGE_BYTES).to_owned();
        if let Some((slot, _)) = self.task_of_call(call) {
            self.change(slot, Change::SetStatusMessage(message));
        } else if let Some(call) = self.calls.get_mut(call) {
            call.set_status_message(message);
        }
    }
}
