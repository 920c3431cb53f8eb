//! One followed task: what is known of it, and which requests about it are under way.

use super::ledger::Ledger;
use super::stage::Stage;
use super::types::{CallNumber, RequestNumber, WaiterNumber};
use crate::method::CallMethod;
use crate::task::Millis;
use crate::wire::{Generation, Method, Status};

/// One kind of request about a task: at most one of them waits for its answer (X-GET-03).
#[derive(Clone, Default, Debug)]
pub struct Lane {
    /// The request under way.
    pub flight: Option<RequestNumber>,
    /// When the request under way is given up.
    pub until: Option<Millis>,
    /// When the next one is sent.
    pub at: Option<Millis>,
    /// Failures in a row.
    pub failures: u32,
}

impl Lane {
    /// Has the next request sent at `at`, or earlier if it was planned earlier.
    pub fn plan(&mut self, at: Millis) {
        self.at = Some(self.at.map_or(at, |planned| planned.min(at)));
    }

    fn due(&self) -> Option<Millis> {
        self.until.into_iter().chain(self.at).min()
    }
}

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
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Accepted | Self::Heard)
    }
}

#[derive(Debug)]
pub struct FollowedTask {
    pub id: String,
    pub generation: Generation,
    /// The method of the call that it is the task of.
    pub method: CallMethod,
    pub stage: Stage,
    /// The calls that get the outcome; without any it is only being cancelled.
    pub calls: Vec<CallNumber>,
    /// Whether its calls know of it; a resumed task is announced when it was found.
    pub announced: bool,
    /// How many want every snapshot.
    pub observers: u32,
    pub read: Lane,
    /// The pause before the next read of a task that has just begun, in ms: most tasks are short, and most intervals
    /// are not.
    pub ramp: Option<u32>,
    /// When the latest read was sent.
    pub read_at: Option<Millis>,
    pub result: Lane,
    /// Whether the stream on which the outcome is awaited may be dead.
    pub doubted: bool,
    pub update: Lane,
    pub cancel: Lane,
    /// Requests whose answers may still come.
    pub open: Vec<RequestNumber>,
    pub hint: Option<f64>,
    /// The shortest time for which one of its callers waits for a sign of life, in ms.
    pub silence: u32,
    pub status: Option<Status>,
    pub hearing: Hearing,
    /// The stream that was opened for it and is not acknowledged.
    pub listed: Option<RequestNumber>,
    /// How old the task was in the snapshot that counts, in ms; NaN where that is unknown.
    pub age: f64,
    /// Whether a pushed snapshot went past the read under way.
    pub overtaken: bool,
    /// Whether the last failure was a breach of the protocol.
    pub breached: bool,
    /// When the following began.
    pub began: Option<Millis>,
    /// The task's age at a local time (X-TTL-03).
    pub seen: Option<(Millis, u64)>,
    pub expires_at: Option<Millis>,
    pub ledger: Ledger,
    pub waiters: Vec<(WaiterNumber, bool)>,
    /// Whether the server refused to cancel; the next read tells why (G25-CAN-10).
    pub cancel_refused: bool,
    /// Whether the server has taken a cancellation.
    pub cancel_taken: bool,
    /// When its timer is set to fire.
    pub timer: Option<Millis>,
}

impl FollowedTask {
    pub fn new(id: &str, generation: Generation, method: CallMethod) -> Self {
        Self {
            id: id.to_owned(),
            generation,
            method,
            stage: Stage::Following,
            calls: Vec::new(),
            announced: false,
            observers: 0,
            read: Lane::default(),
            read_at: None,
            ramp: None,
            result: Lane::default(),
            doubted: false,
            update: Lane::default(),
            cancel: Lane::default(),
            open: Vec::new(),
            hint: None,
            silence: u32::MAX,
            status: None,
            hearing: Hearing::New,
            listed: None,
            age: f64::NAN,
            overtaken: false,
            breached: false,
            began: None,
            seen: None,
            expires_at: None,
            ledger: Ledger::default(),
            waiters: Vec::new(),
            cancel_refused: false,
            cancel_taken: false,
            timer: None,
        }
    }

    pub fn lane(&mut self, method: Method) -> &mut Lane {
        match method {
            Method::Result => &mut self.result,
            Method::Update => &mut self.update,
            Method::Cancel => &mut self.cancel,
            Method::Get | Method::List => &mut self.read,
        }
    }

    /// Whether only its cancellation is still wanted.
    pub fn is_left(&self) -> bool {
        self.calls.is_empty() && self.waiters.is_empty()
    }

    /// When something must be done about it.
    pub fn due(&self) -> Option<Millis> {
        let lanes = [&self.read, &self.result, &self.update, &self.cancel];
        let expiry = self.expires_at.filter(|_| matches!(self.stage, Stage::Following | Stage::Doubting));
        lanes.into_iter().filter_map(Lane::due).chain(expiry).min()
    }
}
