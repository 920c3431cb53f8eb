//! Listening: one stream on which the server pushes snapshots of the tasks that run for longer (2026-07-28).
//!
//! It saves time and nothing else: polls go on, fewer of them, and tell the same (X-NTF-01).

use super::follow::Follow;
use super::pace::Bounds;
use super::{Output, PATIENCE, Request, Requestor, Task, Timer};
use crate::task::Millis;
use crate::wire::{Status, error};

/// Tasks on one stream; what a server must take by default (G26-SUB-11).
const IDS: usize = 256;
/// A task whose reads are this far apart, in ms, is worth a stream; before, reads are as fast.
const RAMPED: u32 = 200;
/// How long tasks are gathered before a stream is opened for them.
const GATHER: Millis = 50;
/// Streams are opened this far apart at least, and after failures further.
const PACE: Bounds = Bounds { min: 1000, max: 60_000, initial: 1000 };
/// A stream that lived this long was not ended because the server does not want it.
const STEADY: Millis = 60_000;
/// Doublings of the pace after which it is the slowest.
const SLOWEST: u32 = 6;
/// Ended tasks whose ends are remembered.
const ENDED: usize = 64;

/// How far the listening for a task has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hearing {
    /// It may end before a stream is worth it.
    #[default]
    New,
    /// It runs for longer; no stream has it yet.
    Wanted,
    /// A stream has it; one read shows what happened before (G26-SUB-06).
    Accepted,
    /// A stream has it, and reads are only the safety net.
    Heard,
    /// The server does not push it; it is polled (G26-SUB-05).
    Declined,
}

impl Hearing {
    const fn is_open(self) -> bool {
        matches!(self, Self::Accepted | Self::Heard)
    }
}

#[derive(Default, Debug)]
pub struct Listening {
    /// The server does not push tasks.
    refused: bool,
    /// The stream that waits for its acknowledgement, and how long.
    opening: Option<(Request, Millis)>,
    /// The acknowledged stream, and since when.
    open: Option<(Request, Millis)>,
    /// When the next stream is opened.
    at: Option<Millis>,
    /// No stream is opened before.
    earliest: Millis,
    failures: u32,
    /// How tasks ended that were pushed, by id.
    ended: Vec<(String, Status)>,
}

impl Listening {
    /// Another session's server may do what this one's refused.
    pub fn forget(&mut self) {
        self.refused = false;
    }

    /// Whether a stream has this number.
    pub fn has(&self, request: Request) -> bool {
        [self.opening, self.open].into_iter().flatten().any(|(known, _)| known == request)
    }

    /// A task ended; a push that says otherwise is not believed.
    pub fn ended(&mut self, id: String, status: Option<Status>) {
        let Some(status) = status.filter(|_| self.open.is_some()) else { return };
        if self.ended.len() >= ENDED {
            self.ended.clear();
        }
        self.ended.push((id, status));
    }

    /// Whether a push about a task that is not followed tells another end than the one that was told (X-NTF-01).
    pub fn contradicts(&mut self, id: &str, status: &str) -> bool {
        let Some(status) = Status::named(status).filter(|status| status.is_terminal()) else { return false };
        // The same is not told twice.
        self.ended.iter_mut().any(|(known, told)| known == id && std::mem::replace(told, status) != status)
    }
}

impl Requestor {
    /// The stream `request` will push `task`; [`Requestor::handle_acknowledged`] comes after the last.
    pub fn handle_accepted(&mut self, request: Request, task: Task) {
        let listed = is(self.listening.opening, request);
        let Some(follow) = self.tasks.get_mut(&task).filter(|follow| listed && follow.listed == request) else {
            return;
        };
        follow.listed = 0;
        if follow.hearing == Hearing::Wanted {
            follow.hearing = Hearing::Accepted;
        }
    }

    /// The server has acknowledged the stream `request`.
    pub fn handle_acknowledged(&mut self, now: Millis, request: Request) {
        if !is(self.listening.opening, request) {
            return;
        }
        self.listening.opening = None;
        let before = self.listening.open.replace((request, now));
        let mut declined = false;
        for task in self.numbers() {
            let Some(follow) = self.tasks.get_mut(&task) else { continue };
            if follow.listed == request {
                declined = true;
                follow.listed = 0;
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
        self.close_stream(before);
        // They were all there a moment ago: a server that takes none of them does not push tasks.
        self.listening.refused = declined && !self.tasks.values().any(|follow| follow.hearing.is_open());
        self.hush();
    }

    /// The stream `request` is over, if it is one: with an error, or with 0 for none.
    pub(super) fn unheard(&mut self, now: Millis, request: Request, code: i32) {
        if is(self.listening.opening, request) {
            self.listening.opening = None;
            return self.fail_stream(now, code);
        }
        let Some((_, since)) = self.listening.open.filter(|(open, _)| *open == request) else { return };
        self.listening.open = None;
        if now.saturating_sub(since) >= STEADY {
            self.listening.failures = 0;
        }
        for task in self.numbers() {
            if let Some(follow) = self.tasks.get_mut(&task).filter(|follow| follow.hearing.is_open()) {
                follow.hearing = Hearing::Wanted;
                self.plan_read(now, task);
                self.go_on(now, task);
            }
        }
        self.fail_stream(now, code);
    }

    /// A read has shown that the task runs for longer.
    pub(super) fn want_stream(&mut self, now: Millis, task: Task) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let lasts = follow.ramp.is_none_or(|pause| pause > RAMPED);
        let may = lasts && self.options.listen && !self.listening.refused && !follow.generation.pushes_status();
        if may && matches!(follow.hearing, Hearing::New | Hearing::Wanted) {
            follow.hearing = Hearing::Wanted;
            self.plan_stream(now);
        }
    }

    /// Opens the stream that is due, and gives up the one that is never acknowledged.
    pub(super) fn listen(&mut self, now: Millis) {
        if self.listening.opening.is_some_and(|(_, until)| until <= now) {
            let opening = self.listening.opening.take();
            self.close_stream(opening);
            self.fail_stream(now, 0);
        }
        if self.listening.opening.is_none() && self.listening.at.is_some_and(|at| at <= now) {
            self.listening.at = None;
            self.open_stream(now);
        }
    }

    /// A task is not followed any more: a stream without tasks is closed.
    pub(super) fn hush(&mut self) {
        let opening = self.listening.opening;
        let needed =
            |follow: &Follow| follow.hearing.is_open() || opening.is_some() && follow.hearing == Hearing::Wanted;
        if (opening.is_some() || self.listening.open.is_some()) && !self.tasks.values().any(needed) {
            self.listening.opening = None;
            self.listening.at = None;
            let open = self.listening.open.take();
            self.close_stream(opening);
            self.close_stream(open);
        }
    }

    fn close_stream(&mut self, stream: Option<(Request, Millis)>) {
        if let Some((request, _)) = stream {
            self.outputs.push_back(Output::Unlisten { request });
        }
    }

    fn plan_stream(&mut self, now: Millis) {
        if self.listening.at.is_none() {
            let at = now.saturating_add(GATHER).max(self.listening.earliest);
            self.listening.at = Some(at);
            self.deadlines.set(at, Timer::Listen);
        }
    }

    /// Opens a stream for all tasks that want one. The stream before is kept until this one is acknowledged.
    fn open_stream(&mut self, now: Millis) {
        self.listening.earliest = now.saturating_add(PACE.min.into());
        let request = self.number();
        let mut ids = Vec::new();
        let mut fresh = false;
        // Those that have a stream come first.
        for open in [true, false] {
            for (_, follow) in self.tasks.iter_mut() {
                if (if open { follow.hearing.is_open() } else { follow.hearing == Hearing::Wanted }) && ids.len() < IDS
                {
                    follow.listed = request;
                    ids.push(follow.id.clone());
                    fresh = !open;
                }
            }
        }
        if fresh && !self.listening.refused {
            let until = now.saturating_add(PATIENCE);
            self.listening.opening = Some((request, until));
            self.deadlines.set(until, Timer::Listen);
            self.outputs.push_back(Output::Listen { request, ids });
        }
    }

    /// A stream failed: another is opened later, or none if the server has none (G26-SUB-09).
    fn fail_stream(&mut self, now: Millis, code: i32) {
        let entropy = self.jitter.next();
        let listening = &mut self.listening;
        match code {
            // "Too many" and "too slow" pass.
            error::INTERNAL | 408 | 429 => listening.failures = SLOWEST,
            error::INVALID_PARAMS | 400..=499 => listening.refused = true,
            code if error::is_final(code) => listening.refused = true,
            _ => {}
        }
        let delay = PACE.delay(PACE.min, listening.failures, entropy);
        listening.failures = listening.failures.saturating_add(1);
        listening.earliest = now.saturating_add(delay);
        listening.at = None;
        self.plan_stream(now);
    }

    pub(super) fn numbers(&self) -> Vec<Task> {
        self.tasks.keys().copied().collect()
    }
}

fn is(stream: Option<(Request, Millis)>, request: Request) -> bool {
    stream.is_some_and(|(known, _)| known == request)
}
