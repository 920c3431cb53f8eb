//! The streams on which a server pushes snapshots (2026-07-28): which are open, when the next is opened, and whether
//! the server has any.

use super::limits::later;
use super::pace::Bounds;
use super::types::RequestNumber;
use crate::task::Millis;
use crate::wire::{Status, error};

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

#[derive(Default, Debug)]
pub struct Streams {
    /// The server does not push tasks.
    refused: bool,
    /// The stream that waits for its acknowledgement, and how long.
    opening: Option<(RequestNumber, Millis)>,
    /// The acknowledged stream, and since when.
    open: Option<(RequestNumber, Millis)>,
    /// When the next stream is opened.
    at: Option<Millis>,
    /// No stream is opened before.
    earliest: Millis,
    failures: u32,
    /// How tasks ended that were pushed, by id.
    ended: Vec<(String, Status)>,
}

impl Streams {
    /// Another session's server may do what this one's refused.
    pub fn forget_refusal(&mut self) {
        self.refused = false;
    }

    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether a stream has this number.
    pub fn has(&self, request: RequestNumber) -> bool {
        self.is_opening(request) || self.open.is_some_and(|(open, _)| open == request)
    }

    pub fn is_opening(&self, request: RequestNumber) -> bool {
        self.opening.is_some_and(|(opening, _)| opening == request)
    }

    pub const fn has_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub const fn is_empty(&self) -> bool {
        self.opening.is_none() && self.open.is_none()
    }

    /// Plans the next stream, unless one is planned; answers when that is.
    pub fn plan(&mut self, now: Millis) -> Option<Millis> {
        if self.at.is_some() {
            return None;
        }
        self.at = Some(now.saturating_add(GATHER).max(self.earliest));
        self.at
    }

    /// Whether the planned stream is due: none waits for its acknowledgement. It counts as begun.
    pub fn begin(&mut self, now: Millis) -> bool {
        let due = self.opening.is_none() && self.at.is_some_and(|at| at <= now);
        if due {
            self.at = None;
            self.earliest = now.saturating_add(PACE.min.into());
        }
        due
    }

    /// The stream is being opened; answers until when it may be acknowledged.
    pub fn set_opening(&mut self, now: Millis, request: RequestNumber, timeout: u32) -> Millis {
        let until = later(now, timeout.into());
        self.opening = Some((request, until));
        until
    }

    /// The stream that was never acknowledged, and is given up.
    pub fn take_overdue(&mut self, now: Millis) -> Option<RequestNumber> {
        self.opening.take_if(|(_, until)| *until <= now).map(|(request, _)| request)
    }

    /// The stream that is being opened was acknowledged; answers with the one that it replaces.
    pub fn acknowledge(&mut self, now: Millis, request: RequestNumber) -> Option<RequestNumber> {
        self.opening = None;
        self.open.replace((request, now)).map(|(before, _)| before)
    }

    /// Whether the server takes tasks at all, as the latest acknowledgement shows.
    pub fn set_refused(&mut self, refused: bool) {
        self.refused = refused;
    }

    /// The stream that waited for its acknowledgement is over.
    pub fn end_opening(&mut self) {
        self.opening = None;
    }

    /// The acknowledged stream is over; `false` where `request` is not that.
    pub fn end_open(&mut self, now: Millis, request: RequestNumber) -> bool {
        let Some((_, since)) = self.open.take_if(|(open, _)| *open == request) else { return false };
        if now.saturating_sub(since) >= STEADY {
            self.failures = 0;
        }
        true
    }

    /// A stream failed: another may be opened later, or none if the server has none (G26-SUB-09).
    pub fn fail(&mut self, now: Millis, code: i32, entropy: u64) {
        match code {
            // "Too many" and "too slow" pass.
            error::INTERNAL | 408 | 429 => self.failures = SLOWEST,
            error::INVALID_PARAMS | 400..=499 => self.refused = true,
            code if error::is_final(code) => self.refused = true,
            _ => {}
        }
        let delay = PACE.delay(PACE.min, self.failures, entropy);
        self.failures = self.failures.saturating_add(1);
        self.earliest = now.saturating_add(delay);
        self.at = None;
    }

    /// No task needs a stream; answers with those to close.
    pub fn close(&mut self) -> impl Iterator<Item = RequestNumber> + use<> {
        self.at = None;
        [self.opening.take(), self.open.take()].into_iter().flatten().map(|(request, _)| request)
    }

    /// A task ended; a push that says otherwise is not believed.
    pub fn remember_end(&mut self, id: String, status: Option<Status>) {
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
