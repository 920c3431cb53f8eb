//! Listening: one stream on which the server pushes snapshots of the tasks that run for longer (2026-07-28).
//!
//! It saves time and nothing else: polls go on, fewer of them, and tell the same (X-NTF-01).

use super::followed::{FollowedTask, Hearing};
use super::requestor::{Requestor, Timer};
use super::types::{Output, RequestNumber, TaskNumber};
use crate::task::Millis;

/// Tasks on one stream; what a server must take by default (G26-SUB-11).
const IDS: usize = 256;
/// A task whose reads are this far apart, in ms, is worth a stream; before, reads are as fast.
const RAMPED: u32 = 200;

impl Requestor {
    /// The stream `request` will push `task`; [`Requestor::handle_acknowledged`] comes after the last.
    pub fn handle_accepted(&mut self, request: RequestNumber, task: TaskNumber) {
        let listed = self.streams.is_opening(request);
        let Some(follow) = self.tasks.get_mut(task).filter(|follow| listed && follow.listed == Some(request)) else {
            return;
        };
        follow.listed = None;
        if follow.hearing == Hearing::Wanted {
            follow.hearing = Hearing::Accepted;
        }
    }

    /// The server has acknowledged the stream `request`.
    pub fn handle_acknowledged(&mut self, now: Millis, request: RequestNumber) {
        if !self.streams.is_opening(request) {
            return;
        }
        let replaced = self.streams.acknowledge(now, request);
        let mut declined = false;
        for task in self.tasks.numbers() {
            let Some(follow) = self.tasks.get_mut(task) else { continue };
            if follow.listed == Some(request) {
                declined = true;
                follow.listed = None;
                follow.hearing = Hearing::Declined;
            }
            match follow.hearing {
                Hearing::New | Hearing::Heard => {}
                Hearing::Wanted => self.plan_stream(now),
                Hearing::Accepted | Hearing::Declined => {
                    self.plan_read(now, task);
                    self.go_on(now, task);
                }
            }
        }
        self.unlisten(replaced);
        // They were all there a moment ago: a server that takes none of them does not push tasks.
        let none = !self.tasks.values().any(|follow| follow.hearing.is_open());
        self.streams.set_refused(declined && none);
        self.close_idle_streams();
    }

    /// The stream `request` is over, if it is one: with an error, or with 0 for none.
    pub(super) fn stream_ended(&mut self, now: Millis, request: RequestNumber, code: i32) {
        if self.streams.is_opening(request) {
            self.streams.end_opening();
            return self.fail_stream(now, code);
        }
        if !self.streams.end_open(now, request) {
            return;
        }
        for task in self.tasks.numbers() {
            if let Some(follow) = self.tasks.get_mut(task).filter(|follow| follow.hearing.is_open()) {
                follow.hearing = Hearing::Wanted;
                self.plan_read(now, task);
                self.go_on(now, task);
            }
        }
        self.fail_stream(now, code);
    }

    /// A read has shown that the task runs for longer.
    pub(super) fn want_stream(&mut self, now: Millis, task: TaskNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let lasts = follow.ramp.is_none_or(|pause| pause > RAMPED);
        let may = lasts && self.options.listen && !self.streams.is_refused() && !follow.generation.pushes_status();
        if may && matches!(follow.hearing, Hearing::New | Hearing::Wanted) {
            follow.hearing = Hearing::Wanted;
            self.plan_stream(now);
        }
    }

    /// Opens the stream that is due, and gives up the one that is never acknowledged.
    pub(super) fn listen(&mut self, now: Millis) {
        if let Some(overdue) = self.streams.take_overdue(now) {
            self.unlisten(Some(overdue));
            self.fail_stream(now, 0);
        }
        if self.streams.begin(now) {
            self.open_stream(now);
        }
    }

    /// A task is not followed any more: a stream without tasks is closed.
    pub(super) fn close_idle_streams(&mut self) {
        let opening = self.streams.has_opening();
        let needs = |follow: &FollowedTask| follow.hearing.is_open() || opening && follow.hearing == Hearing::Wanted;
        if !self.streams.is_empty() && !self.tasks.values().any(needs) {
            self.outputs.extend(self.streams.close().map(|request| Output::Unlisten { request }));
        }
    }

    fn unlisten(&mut self, stream: Option<RequestNumber>) {
        self.outputs.extend(stream.map(|request| Output::Unlisten { request }));
    }

    fn plan_stream(&mut self, now: Millis) {
        if let Some(at) = self.streams.plan(now) {
            self.deadlines.set(at, Timer::Listen);
        }
    }

    /// Opens a stream for all tasks that want one. The stream before is kept until this one is acknowledged.
    fn open_stream(&mut self, now: Millis) {
        let request = self.number();
        let mut ids = Vec::new();
        let mut fresh = false;
        // Those that have a stream come first.
        for open in [true, false] {
            let wants = |follow: &FollowedTask| {
                if open { follow.hearing.is_open() } else { follow.hearing == Hearing::Wanted }
            };
            for follow in self.tasks.values_mut().filter(|follow| wants(follow)) {
                if ids.len() < IDS {
                    follow.listed = Some(request);
                    ids.push(follow.id.clone());
                    fresh = !open;
                }
            }
        }
        if fresh && !self.streams.is_refused() {
            let until = self.streams.set_opening(now, request, self.options.request_timeout);
            self.deadlines.set(until, Timer::Listen);
            self.outputs.push_back(Output::Listen { request, ids });
        }
    }

    fn fail_stream(&mut self, now: Millis, code: i32) {
        let entropy = self.jitter.next();
        self.streams.fail(now, code, entropy);
        self.plan_stream(now);
    }
}
