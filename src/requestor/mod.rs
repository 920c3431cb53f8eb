//! Follows tasks: decides which calls may become tasks, when to read, when an outcome is final, what to do with input.
//!
//! Each `handle_*` is followed by draining [`Requestor::poll_output`]; [`Requestor::next_deadline`] is when
//! [`Requestor::handle_timer`] wants to be called. `now` is any clock that never steps back. Payloads stay with the
//! host.

mod calls;
mod cancel;
mod follow;
mod input;
mod ledger;
mod pace;
mod read;
mod streams;
mod tools;
mod types;

pub use follow::{Action, Event, Stage, TABLE};
pub use ledger::{Entry, Problem};
pub use pace::Bounds;
pub use types::{Answer, Call, Ending, Output, Payload, Request, Task, Waiter};

use std::collections::VecDeque;

use crate::deadline::Deadlines;
use crate::method::{CallMethod, Methods};
use crate::number;
use crate::table::Table;
use crate::task::Millis;
use crate::wire::{Generation, Method, Status, Support, error};
use follow::{Follow, Lane};
use pace::{Jitter, Ramps};
use streams::{Hearing, Listening};
use tools::Tools;

/// How long one request about a task may take, `tasks/result` excepted (G25-RES-12).
const PATIENCE: Millis = 30_000;
/// How often a task is read while its snapshots are pushed, or `tasks/result` waits for it and nobody wants every
/// snapshot.
const SAFETY: u32 = 30_000;
/// How long a question may be outstanding before another `tasks/result` gives it another stream.
const SILENCE: Millis = 60_000;
/// Reads in the time for which a caller waits for a sign of life.
const SIGNS: u32 = 3;
/// Requests about one task whose answers are still taken.
const OPEN: usize = 8;
/// A task without a time to live is followed this long (X-LIM-11).
const DAY: u64 = 86_400_000;
/// How often a server may refuse the outcome that its own status promises: its parts may lag behind each other.
const LAGS: u32 = 5;
/// Failures in a row after which a task is given up (X-LIM-11).
const FAILURES: u32 = 10;
/// Attempts to cancel; repeating is safe.
const CANCELS: u32 = 3;
/// Prompts open at once, on one connection: more input requests than this wait until one is answered.
const PROMPTS: usize = 64;
/// Tasks followed at once.
const TASKS: usize = 10_000;
const ID_BYTES: usize = 4096;
/// Integers that JSON carries safely end here.
const SAFE: f64 = 9_007_199_254_740_991.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    pub bounds: Bounds,
    /// The longest a task is followed, in ms; otherwise its time to live, or a day.
    pub max_age: Option<u64>,
    /// Whether pushed snapshots are wanted, where a server offers them.
    pub listen: bool,
    /// How soon a new task is first read, in ms; the pauses double from there to the poll interval. 0: after the
    /// interval.
    pub first_read: u32,
    /// Entropy for the jitter.
    pub seed: u64,
}

/// Whether a caller wants its call to become a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preference {
    /// Never.
    Forbid,
    /// Where the tool demands it, or the server decides it.
    Allow,
    /// Where the tool allows it, or the server decides it.
    Prefer,
    /// It fails where it cannot.
    Require,
}

/// What the peer declared, as far as it matters here (G25-CAP-03, G25-CAP-08).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Declared {
    /// The methods whose leaves `tasks.requests` has.
    pub methods: Methods,
    /// `tasks.cancel`.
    pub cancel: bool,
    /// Whether the extension was declared, where a declaration was seen.
    pub extension: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFacts<'a> {
    /// The generation that the connection, or the request, speaks.
    pub generation: Option<Generation>,
    pub method: CallMethod,
    /// What is called, as `params` names it; empty where the method names nothing.
    pub tool: &'a str,
    pub preference: Preference,
    /// What giving up the call does to its task.
    pub cancels: bool,
    pub ttl: Option<u64>,
}

/// A task as the peer describes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot<'a> {
    /// Empty for what is not a well-formed string.
    pub id: &'a str,
    pub status: &'a str,
    /// ms; infinite for no end, NaN where it is missing.
    pub ttl: f64,
    /// ms; NaN where it is missing.
    pub poll: f64,
    /// ms from creation to the last update; NaN where that is unknown.
    pub age: f64,
    pub has_result: bool,
    pub has_error: bool,
    /// Whether its times or its message differ from those of the snapshot that was shown before it, if one was.
    pub moved: bool,
    /// Its `inputRequests`, where there are some.
    pub inputs: Option<&'a [Entry]>,
}

/// The peer's answer to a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply<'a> {
    Handle(Snapshot<'a>),
    /// `demands_task`: it is an SDK's way of saying `-32601` for a tool that runs only as a task.
    Result {
        is_error: bool,
        demands_task: bool,
    },
    /// A result that is neither a task nor a tool's result: it has no content of any kind.
    Empty,
    Error {
        code: i32,
    },
}

/// The peer's answer to a request of the requestor.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered<'a> {
    Snapshot(Snapshot<'a>),
    /// A result that is not a task: the outcome, or an acknowledgement. `is_error` as in a tool's result.
    Result {
        is_error: bool,
    },
    /// A result without any content of a tool.
    Empty,
    /// `code` of JSON-RPC, or the status with which HTTP refused the request.
    Error {
        code: i32,
    },
    /// There will be no answer.
    Lost,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The list of tools is being read first; `Some` after a first attempt that offered a task, or did not.
    Listing(Option<bool>),
    /// It is with the peer.
    Sent {
        offered: bool,
        again: bool,
    },
    /// Its caller has given it up; it is with the peer.
    GivenUp,
    Following(Task),
}

#[derive(Debug)]
struct CallState {
    generation: Option<Generation>,
    method: CallMethod,
    tool: String,
    preference: Preference,
    cancels: bool,
    ttl: Option<u64>,
    /// How long its caller waits for a sign of life, in ms.
    silence: Option<u32>,
    place: Place,
}

impl CallState {
    /// Whether it may go out as a plain call before the list is known: no server has refused it so yet (G25-TLN-08).
    fn can_be_plain(&self) -> bool {
        self.place == Place::Listing(None) && self.preference != Preference::Require
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Task(Task),
    List,
    Listen,
    HangUp,
}

/// Where a snapshot comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Handle,
    Read,
    Cancel,
    Notification,
}

/// Follows the tasks of one connection.
#[derive(Debug)]
pub struct Requestor {
    options: Options,
    jitter: Jitter,
    /// The methods for which tasks are offered.
    methods: Methods,
    declared: Declared,
    tools: Tools,
    calls: Table<Call, CallState>,
    tasks: Table<Task, Follow>,
    by_id: Table<String, Task>,
    requests: Table<Request, (Task, Method)>,
    listening: Listening,
    last_task: Task,
    last_request: Request,
    /// Calls that were given up and whose exchanges are still open, and how long.
    hanging_up: Vec<(Call, Millis)>,
    deadlines: Deadlines<Timer>,
    outputs: VecDeque<Output>,
    /// Prompts that were asked for and are not over.
    prompts: usize,
    ramps: Ramps,
}

impl Requestor {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            jitter: Jitter::new(options.seed),
            methods: Methods::OFFERED,
            declared: Declared::default(),
            tools: Tools::default(),
            calls: Table::new(),
            tasks: Table::new(),
            by_id: Table::new(),
            requests: Table::new(),
            listening: Listening::default(),
            last_task: 0,
            last_request: 0,
            hanging_up: Vec::new(),
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
            prompts: 0,
            ramps: Ramps::default(),
        }
    }

    /// Offers tasks for calls of these methods, and for no others.
    pub fn offer_for(&mut self, methods: Methods) {
        self.methods = methods;
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When [`Requestor::handle_timer`] wants to be called; it may be earlier than necessary.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.next().filter(|_| !self.is_idle())
    }

    fn is_idle(&self) -> bool {
        self.tasks.is_empty() && !self.tools.is_walking() && self.hanging_up.is_empty()
    }

    /// How many tasks are followed.
    pub fn followed(&self) -> usize {
        self.tasks.len()
    }

    /// A handshake was seen: what was known about another session is void (G25-TLN-09).
    pub fn handle_declared(&mut self, declared: Declared) {
        self.declared = declared;
        self.tools.forget();
        self.listening.forget();
    }

    /// A tool was listed.
    pub fn handle_tool(&mut self, tool: &str, support: Support) {
        self.tools.insert(tool, support);
    }

    /// All tools were listed.
    pub fn handle_tools_complete(&mut self) {
        self.tools.set_complete();
    }

    /// The list of tools has changed.
    pub fn handle_tools_changed(&mut self) {
        self.tools.forget();
    }

    /// What the offer to make `call` a task says.
    pub fn offer(&self, call: Call) -> Option<(Generation, Option<u64>)> {
        self.calls.get(&call).and_then(|state| Some((state.generation?, state.ttl)))
    }

    /// The generation and id of a followed task.
    pub fn task(&self, task: Task) -> Option<(Generation, &str)> {
        self.tasks.get(&task).map(|follow| (follow.generation, follow.id.as_str()))
    }

    /// The peer has answered a request, or never will.
    pub fn handle_answer(&mut self, now: Millis, request: Request, answered: Answered<'_>, payload: Payload) {
        let Some((task, method)) = self.requests.remove(&request).map(|known| *known) else {
            return self.unheard(now, request, if let Answered::Error { code } = answered { code } else { 0 });
        };
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.open.retain(|open| *open != request);
        let lane = follow.lane(method);
        if lane.flight == Some(request) {
            lane.flight = None;
            lane.until = None;
        } else if matches!(answered, Answered::Lost | Answered::Error { .. }) {
            // Another one is under way, and knows more.
            return;
        }
        if follow.is_left() && method != Method::Cancel {
            return self.go_on(now, task);
        }
        let answered = match answered {
            // A status of HTTP is no outcome, and most of them pass.
            Answered::Error { code }
                if error::is_http(code) && (method == Method::Result || !error::is_final(code)) =>
            {
                Answered::Lost
            }
            answered => answered,
        };
        match (method, answered) {
            (Method::Get | Method::List, Answered::Snapshot(snapshot)) => {
                self.take(now, task, Source::Read, &snapshot, payload)
            }
            (Method::Get | Method::List, Answered::Result { .. } | Answered::Empty) => self.breach(now, task),
            (Method::Get | Method::List, Answered::Error { code }) => self.read_refused(now, task, code),
            (Method::Result, Answered::Snapshot(_)) => self.end_with_result(task, false, payload),
            (Method::Result, Answered::Result { is_error }) => self.end_with_result(task, is_error, payload),
            (Method::Result, Answered::Empty) => self.end_with_nothing(now, task, payload),
            (Method::Result, Answered::Error { code }) => self.result_refused(now, task, code, payload),
            (Method::Update, Answered::Snapshot(_) | Answered::Result { .. } | Answered::Empty) => {
                self.updated(now, task)
            }
            (Method::Update, Answered::Error { code }) => self.update_refused(now, task, code, payload),
            (Method::Cancel, Answered::Snapshot(snapshot)) if !snapshot.id.is_empty() => {
                self.take(now, task, Source::Cancel, &snapshot, payload);
                self.cancelled(now, task);
            }
            (Method::Cancel, Answered::Snapshot(_) | Answered::Result { .. } | Answered::Empty) => {
                self.cancelled(now, task)
            }
            (Method::Cancel, Answered::Error { code }) => self.cancel_refused(now, task, code),
            (_, Answered::Lost) => self.lost(now, task, method),
        }
        self.go_on(now, task);
    }

    pub fn handle_timer(&mut self, now: Millis) {
        while let Some(timer) = self.deadlines.pop_due(now) {
            match timer {
                Timer::Task(task) => {
                    if let Some(follow) = self.tasks.get_mut(&task) {
                        follow.timer = None;
                    }
                    self.go_on(now, task);
                }
                Timer::Listen => self.listen(now),
                Timer::List => self.list_overdue(now),
                Timer::HangUp => self.hang_up_overdue(now),
            }
        }
    }

    /// Something went wrong in the transport: any stream may be dead, and nobody will say so. A look shows how each
    /// task is, an interval after the one before; and what waits for an outcome may wait in vain.
    pub fn handle_trouble(&mut self, now: Millis) {
        for task in self.numbers() {
            let entropy = self.jitter.next();
            let Some(follow) = self.tasks.get_mut(&task).filter(|follow| !follow.is_left()) else { continue };
            let interval = self.options.bounds.interval(follow.hint);
            // Where reads fail, they are repeated anyway.
            if follow.stage != Stage::Fetching && follow.read.flight.is_none() && follow.read.failures == 0 {
                let earliest = follow.read_at.map_or(now, |sent| sent.saturating_add(interval.into()));
                follow.read.plan(earliest.max(now));
            }
            if follow.result.flight.is_some() && !follow.doubted {
                follow.doubted = true;
                let delay = self.options.bounds.delay(interval, follow.result.failures, entropy);
                follow.result.failures = follow.result.failures.saturating_add(1);
                follow.result.plan(now.saturating_add(delay));
            }
            self.go_on(now, task);
        }
    }

    /// The server does not know the session any more. Tasks go on, and can be resumed on another (H94).
    pub fn handle_session_lost(&mut self) {
        for task in self.numbers() {
            self.end(task, Ending::Connection, None, 0);
        }
    }

    /// The connection is closed, or the requestor is: nothing more is sent. Tasks go on and can be resumed (H94).
    pub fn handle_close(&mut self, ending: Ending) {
        self.tools.end();
        self.tools.forget();
        self.hanging_up.clear();
        for task in self.numbers() {
            self.end(task, ending, None, 0);
        }
        for (call, state) in std::mem::take(&mut self.calls) {
            if state.place != Place::GivenUp {
                self.outputs.push_back(Output::Answer { call, answer: Answer::Local(ending) });
            }
        }
    }

    fn number(&mut self) -> Request {
        let is_used = |request| {
            self.requests.contains_key(&request) || self.listening.has(request) || self.tools.is_page(request)
        };
        self.last_request = number::after(self.last_request, 1..=Request::MAX, is_used);
        self.last_request
    }

    fn follow(&mut self, id: &str, generation: Generation, method: CallMethod) -> Task {
        self.last_task = number::after(self.last_task, 1..=Task::MAX, |task| self.tasks.contains_key(&task));
        self.tasks.insert(self.last_task, Follow::new(id, generation, method));
        self.by_id.insert(id.to_owned(), self.last_task);
        self.last_task
    }

    /// A request has no answer: the connection failed it, or it took too long.
    fn lost(&mut self, now: Millis, task: Task, method: Method) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let interval = self.options.bounds.interval(follow.hint);
        let lane = follow.lane(method);
        match method {
            Method::Get | Method::List => return self.fail_read(now, task),
            Method::Result => return self.fail_result(now, task),
            Method::Update | Method::Cancel => lane.failures = lane.failures.saturating_add(1),
        }
        let failures = lane.failures;
        let at = now.saturating_add(self.options.bounds.delay(interval, failures, entropy));
        match method {
            Method::Cancel if failures >= CANCELS && follow.is_left() => self.end(task, Ending::Unreachable, None, 0),
            Method::Cancel if failures >= CANCELS => {
                follow.cancel = Lane::default();
                self.settle_waiters(task, None, Some(Ending::Unreachable));
            }
            Method::Cancel => follow.cancel.plan(at),
            _ if failures >= FAILURES => self.give_up_update(now, task, Ending::Unreachable),
            _ => {
                follow.ledger.lost();
                follow.update.plan(at);
            }
        }
    }

    /// Does what is due about a task, and sets its timer.
    fn go_on(&mut self, now: Millis, task: Task) {
        let expired = |follow: &Follow| follow.expires_at.is_some_and(|at| at <= now);
        if self.tasks.get(&task).is_some_and(expired) {
            self.on(now, task, Event::Overdue);
        }
        for method in [Method::Cancel, Method::Update, Method::Get, Method::Result] {
            let Some(follow) = self.tasks.get_mut(&task) else { return };
            let left = follow.is_left();
            let lane = follow.lane(method);
            if lane.until.is_some_and(|until| until <= now) {
                lane.until = None;
                if let Some(request) = lane.flight.take() {
                    self.requests.remove(&request);
                    follow.open.retain(|open| *open != request);
                }
                self.lost(now, task, method);
            }
            let Some(follow) = self.tasks.get_mut(&task) else { return };
            let lane = follow.lane(method);
            let due = lane.at.is_some_and(|at| at <= now);
            if due && left && method != Method::Cancel {
                lane.at = None;
            } else if due {
                self.send(now, task, method);
            }
        }
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let due = follow.due();
        if let Some(at) = due.filter(|_| due != follow.timer) {
            follow.timer = due;
            self.deadlines.set(at, Timer::Task(task));
        }
    }

    fn send(&mut self, now: Millis, task: Task, method: Method) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let lane = follow.lane(method);
        lane.at = None;
        let waits = method == Method::Result;
        if lane.flight.is_some() && !waits {
            return;
        }
        // Where one is under way, its answer is overdue; it still counts when it comes.
        let overdue = lane.flight.is_some();
        if overdue && follow.stage == Stage::Fetching {
            follow.result.failures = follow.result.failures.saturating_add(1);
            if follow.result.failures >= FAILURES {
                return self.on(now, task, Event::Exhausted);
            }
        }
        if overdue && follow.open.len() >= OPEN {
            self.requests.remove(&follow.open.remove(0));
        }
        if method == Method::Get {
            follow.read_at = Some(now);
            follow.ramp = follow.ramp.map(|pause| pause.saturating_mul(2));
            if follow.hearing == Hearing::Accepted {
                follow.hearing = Hearing::Heard;
            }
        }
        let keys = if method == Method::Update { follow.ledger.take_unsent() } else { Vec::new() };
        if method == Method::Update && keys.is_empty() {
            return;
        }
        let request = self.number();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.doubted &= !waits;
        follow.open.push(request);
        let refetches = waits && follow.stage == Stage::Fetching;
        let lane = follow.lane(method);
        lane.flight = Some(request);
        lane.until = (!waits).then(|| now.saturating_add(PATIENCE));
        if refetches {
            lane.at = Some(now.saturating_add(PATIENCE));
        }
        self.requests.insert(request, (task, method));
        self.outputs.push_back(Output::Ask { request, task, method, keys });
        if waits && !refetches {
            self.plan_read(now, task);
        }
    }

    /// The task is over for its requestor: everybody is told once.
    fn end(&mut self, task: Task, ending: Ending, status: Option<Status>, payload: Payload) {
        let Some(mut follow) = self.tasks.remove(&task) else { return };
        self.by_id.remove(&follow.id);
        for request in &follow.open {
            self.requests.remove(request);
        }
        self.listening.ended(follow.id.clone(), status);
        // What the server has taken counts as done, so that both generations read alike (G26-CAN-06).
        let taken = ending == Ending::Cancelled && follow.cancel_taken;
        let status = status.or(taken.then_some(Status::Cancelled));
        for key in follow.ledger.withdraw() {
            self.outputs.push_back(Output::Withdraw { task, key });
        }
        self.outputs.push_back(Output::Ended { task, id: follow.id, ending, status, payload });
        for (waiter, _) in follow.waiters {
            let error = match ending {
                Ending::Completed | Ending::Failed | Ending::Cancelled | Ending::NotFound | Ending::Expired => None,
                other => Some(other),
            };
            self.outputs.push_back(Output::Cancelled { waiter, status, error });
        }
        for call in follow.calls {
            // A resumed task that was not found is nothing that its caller knows.
            self.answer(call, if follow.announced { Answer::Outcome(task) } else { Answer::Local(ending) });
        }
        self.outputs.push_back(Output::Forget { task });
        self.hush();
        if self.is_idle() {
            self.deadlines = Deadlines::default();
        }
    }
}

fn later(now: Millis, ms: u64) -> Millis {
    now.saturating_add(Millis::try_from(ms).unwrap_or(Millis::MAX))
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES
}

/// Whether a time to live is an integer that JSON carries safely, or no end (X-LIM-06).
fn is_ttl(ttl: f64) -> bool {
    ttl == f64::INFINITY || (0.0..=SAFE).contains(&ttl) && ttl.fract() == 0.0
}
