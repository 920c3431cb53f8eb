//! Follows tasks: decides which calls may become tasks, when to read, when an outcome is final, what to do with input.
//!
//! Each `handle_*` is followed by draining [`Requestor::poll_output`]; [`Requestor::next_deadline`] is when
//! [`Requestor::handle_timer`] wants to be called. `now` is any clock that never steps back. Payloads stay with the host.

mod follow;
mod ledger;
mod output;
mod pace;
mod tools;

pub use follow::{Action, Event, Stage, TABLE};
pub use ledger::{Entry, Problem};
pub use output::{Answer, Call, Ending, Output, Payload, Request, Task, Waiter};
pub use pace::Bounds;

use std::collections::{BTreeMap, VecDeque};

use crate::deadline::Deadlines;
use crate::task::Millis;
use crate::wire::{Generation, INVALID_REQUEST, Method, Status, Support, error};
use follow::{Follow, Lane, transition};
use ledger::Change;
use pace::Jitter;
use tools::Tools;

/// How long one request about a task may take, `tasks/result` excepted (G25-RES-12).
const PATIENCE: Millis = 30_000;
/// How often a task is read while `tasks/result` waits for it and nobody wants every snapshot.
const SAFETY: u32 = 30_000;
/// How long the answer to a waiting `tasks/result` may lag behind a read that says the task has ended.
const LAG: Millis = 1000;
/// A task without a time to live is followed this long (X-LIM-11).
const DAY: u64 = 86_400_000;
/// Failures in a row after which a task is given up (X-LIM-11).
const FAILURES: u32 = 10;
/// Attempts to cancel; repeating is safe.
const CANCELS: u32 = 3;
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

/// What a server declared, as far as it matters here (G25-CAP-03, G25-CAP-08).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Server {
    /// `tasks.requests.tools.call`.
    pub calls: bool,
    /// `tasks.cancel`.
    pub cancel: bool,
    /// Whether the extension was declared, where a declaration was seen.
    pub extension: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFacts<'a> {
    /// The generation that the connection, or the request, speaks.
    pub generation: Option<Generation>,
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
    /// Its `inputRequests`, where there are some.
    pub inputs: Option<&'a [Entry]>,
}

/// The peer's answer to a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply<'a> {
    Handle(Snapshot<'a>),
    /// `demands_task`: it is an SDK's way of saying `-32601` for a tool that runs only as a task.
    Result { is_error: bool, demands_task: bool },
    Error { code: i32 },
}

/// The peer's answer to a request of the requestor.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered<'a> {
    Snapshot(Snapshot<'a>),
    /// A result that is not a task: the outcome, or an acknowledgement. `is_error` as in a tool's result.
    Result { is_error: bool },
    Error { code: i32 },
    /// There will be no answer.
    Lost,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The list of tools is being read first; `Some` after a first attempt that offered a task, or did not.
    Listing(Option<bool>),
    /// It is with the peer.
    Sent { offered: bool, again: bool },
    /// Its caller has given it up; it is with the peer.
    GivenUp,
    Following(Task),
}

#[derive(Debug)]
struct CallState {
    generation: Option<Generation>,
    tool: String,
    preference: Preference,
    cancels: bool,
    ttl: Option<u64>,
    place: Place,
}

enum Mode {
    Plain,
    Offer,
    List,
    Refuse,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Task(Task),
    List,
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
    server: Server,
    tools: Tools,
    calls: BTreeMap<Call, CallState>,
    tasks: BTreeMap<Task, Follow>,
    by_id: BTreeMap<String, Task>,
    requests: BTreeMap<Request, (Task, Method)>,
    last_task: Task,
    last_request: Request,
    deadlines: Deadlines<Timer>,
    outputs: VecDeque<Output>,
}

impl Requestor {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            jitter: Jitter::new(options.seed),
            server: Server::default(),
            tools: Tools::default(),
            calls: BTreeMap::new(),
            tasks: BTreeMap::new(),
            by_id: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_task: 0,
            last_request: 0,
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Requestor::handle_timer`] wants to be called; it may be earlier than necessary.
    pub fn next_deadline(&self) -> Option<Millis> {
        let idle = self.tasks.is_empty() && !self.tools.is_walking();
        self.deadlines.next().filter(|_| !idle)
    }

    /// How many tasks are followed.
    pub fn followed(&self) -> usize {
        self.tasks.len()
    }

    // The server and its tools.

    /// A handshake was seen: what was known about another session is void (G25-TLN-09).
    pub fn handle_server(&mut self, server: Server) {
        self.server = server;
        self.tools.forget();
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

    /// A page that [`Output::List`] asked for; its tools went before. `next` is its cursor, which may be empty.
    pub fn handle_page(&mut self, now: Millis, request: Request, next: Option<&str>) {
        if !self.tools.is_page(request) {
            return;
        }
        if let Some(cursor) = next {
            let request = self.number();
            if self.tools.goes_on(cursor, request, now.saturating_add(PATIENCE)) {
                self.list(now, request, Some(cursor.to_owned()));
                return;
            }
        }
        self.tools.set_complete();
        self.listed(now);
    }

    /// The list of tools cannot be read: calls that wait for it go out as plain calls (G25-TLN-08).
    pub fn handle_page_lost(&mut self, now: Millis, request: Request) {
        if self.tools.is_page(request) {
            self.listed(now);
        }
    }

    // Calls.

    /// A call of a tool.
    pub fn handle_call(&mut self, now: Millis, call: Call, facts: CallFacts<'_>) {
        let state = CallState {
            generation: facts.generation,
            tool: facts.tool.to_owned(),
            preference: facts.preference,
            cancels: facts.cancels,
            ttl: facts.ttl,
            place: Place::Listing(None),
        };
        self.calls.insert(call, state);
        self.place(now, call, false);
    }

    /// What the offer to make `call` a task says.
    pub fn offer(&self, call: Call) -> Option<(Generation, Option<u64>)> {
        self.calls.get(&call).and_then(|state| Some((state.generation?, state.ttl)))
    }

    /// The generation and id of a followed task.
    pub fn task(&self, task: Task) -> Option<(Generation, &str)> {
        self.tasks.get(&task).map(|follow| (follow.generation, follow.id.as_str()))
    }

    /// The peer has answered a call.
    pub fn handle_reply(&mut self, now: Millis, call: Call, reply: Reply<'_>, payload: Payload) {
        let Some(state) = self.calls.get_mut(&call) else { return };
        match (state.place, reply) {
            (Place::Sent { offered: true, .. }, Reply::Handle(snapshot)) => self.create(now, call, &snapshot, payload),
            (Place::GivenUp, reply) => {
                let stray = match (reply, state.generation) {
                    (Reply::Handle(snapshot), Some(generation)) if state.cancels => Some((snapshot, generation)),
                    _ => None,
                };
                self.calls.remove(&call);
                if let Some((snapshot, generation)) = stray {
                    self.cancel_stray(now, &snapshot, generation);
                }
            }
            // It goes to the SDK as it is; an unasked-for task is an invalid response there (G26-CAP-09).
            (Place::Sent { offered: false, .. }, Reply::Handle(_)) => self.answer(call, Answer::Reply),
            (Place::Sent { offered, again }, reply) => {
                let result_method = state.generation.is_some_and(Generation::has_result_method);
                let refused = match reply {
                    Reply::Error { code } => code == error::METHOD_NOT_FOUND,
                    Reply::Result { demands_task, .. } => demands_task && !offered,
                    Reply::Handle(_) => false,
                };
                let may_change = result_method && self.server.calls && state.preference != Preference::Forbid && !again;
                if refused && may_change {
                    // The tool has changed its mind: read the list once and try the other way once (G25-TLN-08).
                    state.place = Place::Listing(Some(offered));
                    self.tools.forget();
                    self.walk(now);
                } else if offered && result_method && matches!(reply, Reply::Result { is_error: false, .. }) {
                    self.answer(call, Answer::Local(Ending::Protocol));
                } else {
                    self.answer(call, Answer::Reply);
                }
            }
            (Place::Listing(_) | Place::Following(_), _) => {}
        }
    }

    /// The call could not be handed to the peer, and its caller knows.
    pub fn handle_unsent(&mut self, call: Call) {
        if let Some(CallState { place: Place::Sent { .. } | Place::GivenUp, .. }) = self.calls.get(&call) {
            self.calls.remove(&call);
        }
    }

    /// The caller gave up its call, without another word.
    pub fn handle_abort(&mut self, now: Millis, call: Call) {
        let Some(state) = self.calls.get_mut(&call) else { return };
        match state.place {
            Place::Listing(_) => {
                self.calls.remove(&call);
            }
            Place::Sent { .. } => {
                state.place = Place::GivenUp;
                self.outputs.push_back(Output::Forward { call });
            }
            Place::GivenUp => {}
            Place::Following(task) => {
                let cancels = state.cancels;
                self.leave(now, call, task, cancels);
            }
        }
    }

    /// The caller detaches: the task goes on, the call ends.
    pub fn handle_detach(&mut self, now: Millis, call: Call) {
        if let Some(CallState { place: Place::Following(task), .. }) = self.calls.get(&call) {
            let task = *task;
            self.answer(call, Answer::Local(Ending::Detached));
            self.leave(now, call, task, false);
        }
    }

    /// A call that is not made: it follows a task that an earlier call created.
    pub fn handle_resume(&mut self, now: Millis, call: Call, facts: CallFacts<'_>, of: Option<Generation>, id: &str) {
        let refusal = match of {
            _ if id.is_empty() || id.len() > ID_BYTES => Some(Ending::Protocol),
            None => Some(Ending::Unsupported),
            // The session speaks another generation (X-GEN-07).
            of if of != facts.generation => Some(Ending::Unsupported),
            _ if self.tasks.len() >= TASKS => Some(Ending::Limit),
            _ => None,
        };
        let (None, Some(generation)) = (refusal, of) else {
            self.outputs.push_back(Output::Answer { call, answer: Answer::Local(refusal.unwrap_or(Ending::Unsupported)) });
            return;
        };
        let known = self.by_id.get(id).copied();
        if known.and_then(|task| self.tasks.get(&task)).is_some_and(|follow| follow.generation != generation) {
            self.outputs.push_back(Output::Answer { call, answer: Answer::Local(Ending::Unsupported) });
            return;
        }
        let task = known.unwrap_or_else(|| self.follow(id, generation));
        let state = CallState {
            generation: Some(generation),
            tool: facts.tool.to_owned(),
            preference: facts.preference,
            cancels: facts.cancels,
            ttl: facts.ttl,
            place: Place::Following(task),
        };
        self.calls.insert(call, state);
        let max_age = self.options.max_age.unwrap_or(DAY);
        if let Some(follow) = self.tasks.get_mut(&task) {
            follow.calls.push(call);
            if follow.announced {
                self.outputs.push_back(Output::Created { call, task });
            } else {
                follow.expires_at.get_or_insert(later(now, max_age));
                follow.read.plan(now);
            }
        }
        self.go_on(now, task);
    }

    // Answers to the requestor's own requests.

    /// The peer has answered a request, or never will.
    pub fn handle_answer(&mut self, now: Millis, request: Request, answered: Answered<'_>, payload: Payload) {
        let Some((task, method)) = self.requests.remove(&request) else { return };
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.open.retain(|open| *open != request);
        let lane = follow.lane(method);
        if lane.flight == Some(request) {
            lane.flight = None;
            lane.until = None;
        }
        if follow.is_left() && method != Method::Cancel {
            return self.go_on(now, task);
        }
        match (method, answered) {
            (Method::Get | Method::List, Answered::Snapshot(snapshot)) => self.take(now, task, Source::Read, &snapshot, payload),
            (Method::Get | Method::List, Answered::Result { .. }) => self.breach(now, task),
            (Method::Get | Method::List, Answered::Error { code }) => self.read_refused(now, task, code),
            (Method::Result, Answered::Snapshot(_)) => self.end_with_result(task, false, payload),
            (Method::Result, Answered::Result { is_error }) => self.end_with_result(task, is_error, payload),
            (Method::Result, Answered::Error { code }) => self.result_refused(now, task, code, payload),
            (Method::Update, Answered::Snapshot(_) | Answered::Result { .. }) => self.updated(now, task),
            (Method::Update, Answered::Error { code }) => self.update_refused(now, task, code),
            (Method::Cancel, Answered::Snapshot(snapshot)) if !snapshot.id.is_empty() => {
                self.take(now, task, Source::Cancel, &snapshot, payload);
                self.cancelled(now, task);
            }
            (Method::Cancel, Answered::Snapshot(_) | Answered::Result { .. }) => self.cancelled(now, task),
            (Method::Cancel, Answered::Error { code }) => self.cancel_refused(now, task, code),
            (_, Answered::Lost) => self.lost(now, task, method),
        }
        self.go_on(now, task);
    }

    /// A notification about a task; only a hint, and nothing for tasks that are not followed (G25-NTF-06).
    pub fn handle_notification(&mut self, now: Millis, snapshot: &Snapshot<'_>, payload: Payload) {
        let Some(&task) = self.by_id.get(snapshot.id) else { return };
        let known = Status::named(snapshot.status).is_some();
        if known && self.tasks.get(&task).is_some_and(|follow| follow.announced && !follow.is_left() && follow.stage != Stage::Fetching) {
            self.take(now, task, Source::Notification, snapshot, payload);
            self.go_on(now, task);
        }
    }

    // Input.

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

    // Observers and cancellation.

    /// Somebody wants every snapshot, or does not any more.
    pub fn handle_observers(&mut self, now: Millis, task: Task, observers: u32) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let had = std::mem::replace(&mut follow.observers, observers);
        if had == 0 && observers > 0 && follow.read.at.is_some() {
            let interval = self.options.bounds.interval(follow.hint);
            follow.read.plan(now.saturating_add(Millis::from(interval)));
        }
        self.go_on(now, task);
    }

    /// A caller cancels the task; with `await_terminal` it wants to know how the task really ended.
    pub fn handle_cancel(&mut self, now: Millis, waiter: Waiter, task: Task, await_terminal: bool) {
        let settled = |status, error| Output::Cancelled { waiter, status, error };
        let Some(follow) = self.tasks.get_mut(&task) else {
            self.outputs.push_back(settled(None, Some(Ending::NotFound)));
            return;
        };
        if follow.generation.declares_cancel() && !self.server.cancel {
            self.outputs.push_back(settled(None, Some(Ending::Unsupported)));
            return;
        }
        follow.waiters.push((waiter, await_terminal));
        if follow.cancel.flight.is_none() {
            follow.cancel.plan(now);
        }
        self.go_on(now, task);
    }

    // Time and the connection.

    pub fn handle_timer(&mut self, now: Millis) {
        while let Some(timer) = self.deadlines.pop_due(now) {
            match timer {
                Timer::Task(task) => {
                    if let Some(follow) = self.tasks.get_mut(&task) {
                        follow.timer = None;
                    }
                    self.go_on(now, task);
                }
                Timer::List => {
                    if self.tools.until().is_some_and(|until| until <= now) {
                        self.listed(now);
                    }
                }
            }
        }
    }

    /// The connection is closed, or the requestor is: nothing more is sent. Tasks go on and can be resumed (H94).
    pub fn handle_close(&mut self, ending: Ending) {
        self.tools.end();
        self.tools.forget();
        let tasks: Vec<Task> = self.tasks.keys().copied().collect();
        for task in tasks {
            self.end(task, ending, None, 0);
        }
        for (call, state) in std::mem::take(&mut self.calls) {
            if state.place != Place::GivenUp {
                self.outputs.push_back(Output::Answer { call, answer: Answer::Local(ending) });
            }
        }
    }

    // Below: how it is done.

    fn number(&mut self) -> Request {
        self.last_request = self.last_request.wrapping_add(1).max(1);
        self.last_request
    }

    fn answer(&mut self, call: Call, answer: Answer) {
        self.calls.remove(&call);
        self.outputs.push_back(Output::Answer { call, answer });
    }

    fn mode(&self, state: &CallState, listed: bool) -> Mode {
        let required = state.preference == Preference::Require;
        let plain = if required { Mode::Refuse } else { Mode::Plain };
        let Some(generation) = state.generation else { return plain };
        if state.preference == Preference::Forbid {
            return Mode::Plain;
        }
        if generation.is_server_directed() {
            return if required && self.server.extension == Some(false) { Mode::Refuse } else { Mode::Offer };
        }
        if !self.server.calls {
            return plain;
        }
        match self.tools.support(&state.tool) {
            None if !listed => Mode::List,
            None | Some(Support::Forbidden) => plain,
            Some(Support::Optional) if state.preference == Preference::Allow => Mode::Plain,
            Some(Support::Optional | Support::Required) => Mode::Offer,
        }
    }

    /// Sends the call on its way.
    fn place(&mut self, now: Millis, call: Call, listed: bool) {
        let Some(state) = self.calls.get(&call) else { return };
        let first = match state.place {
            Place::Listing(first) => first,
            _ => return,
        };
        let offer = match self.mode(state, listed) {
            Mode::List => return self.walk(now),
            Mode::Refuse if first.is_none() => return self.answer(call, Answer::Local(Ending::Unsupported)),
            Mode::Plain | Mode::Refuse => false,
            Mode::Offer => true,
        };
        if first == Some(offer) {
            // The list says what the first attempt assumed.
            return self.answer(call, Answer::Reply);
        }
        if let Some(state) = self.calls.get_mut(&call) {
            state.place = Place::Sent { offered: offer, again: first.is_some() };
        }
        self.outputs.push_back(Output::Send { call, offer });
    }

    fn walk(&mut self, now: Millis) {
        if !self.tools.is_walking() {
            let request = self.number();
            self.tools.start(request, now.saturating_add(PATIENCE));
            self.list(now, request, None);
        }
    }

    fn list(&mut self, now: Millis, request: Request, cursor: Option<String>) {
        self.deadlines.set(now.saturating_add(PATIENCE), Timer::List);
        self.outputs.push_back(Output::List { request, cursor });
    }

    /// The walk has ended, well or not.
    fn listed(&mut self, now: Millis) {
        self.tools.end();
        let waiting = self.calls.iter().filter(|(_, state)| matches!(state.place, Place::Listing(_)));
        let waiting: Vec<Call> = waiting.map(|(call, _)| *call).collect();
        for call in waiting {
            self.place(now, call, true);
        }
    }

    fn follow(&mut self, id: &str, generation: Generation) -> Task {
        self.last_task = self.last_task.wrapping_add(1);
        self.tasks.insert(self.last_task, Follow::new(id, generation));
        self.by_id.insert(id.to_owned(), self.last_task);
        self.last_task
    }

    /// A call was answered with a task.
    fn create(&mut self, now: Millis, call: Call, snapshot: &Snapshot<'_>, payload: Payload) {
        let Some(state) = self.calls.get_mut(&call) else { return };
        let Some(generation) = state.generation else { return };
        let status = Status::named(snapshot.status);
        let valid = is_id(snapshot.id) && status.is_some() && (is_ttl(snapshot.ttl) || !generation.demands_ttl());
        if !valid {
            return self.answer(call, Answer::Local(Ending::Protocol));
        }
        let known = self.by_id.get(snapshot.id).copied();
        if known.is_none() && self.tasks.len() >= TASKS {
            return self.answer(call, Answer::Local(Ending::Limit));
        }
        if known.and_then(|task| self.tasks.get(&task)).is_some_and(|follow| follow.generation != generation) {
            return self.answer(call, Answer::Local(Ending::Protocol));
        }
        let task = known.unwrap_or_else(|| self.follow(snapshot.id, generation));
        if let Some(state) = self.calls.get_mut(&call) {
            state.place = Place::Following(task);
        }
        if let Some(follow) = self.tasks.get_mut(&task) {
            follow.calls.push(call);
            follow.announced = true;
            if generation.has_result_method() {
                // Wait for the outcome at once: the receiver needs the stream for its questions too (G25-INP-03).
                follow.result.plan(now);
            }
        }
        self.outputs.push_back(Output::Created { call, task });
        self.take(now, task, Source::Handle, snapshot, payload);
        self.go_on(now, task);
    }

    /// A task arrived for a call that was given up.
    fn cancel_stray(&mut self, now: Millis, snapshot: &Snapshot<'_>, generation: Generation) {
        let may = !generation.declares_cancel() || self.server.cancel;
        if may && is_id(snapshot.id) && !self.by_id.contains_key(snapshot.id) && self.tasks.len() < TASKS {
            let task = self.follow(snapshot.id, generation);
            if let Some(follow) = self.tasks.get_mut(&task) {
                follow.cancel.plan(now);
            }
            self.go_on(now, task);
        }
    }

    /// A call stops following; the last one leaves nothing behind but a cancellation, if it wants one.
    fn leave(&mut self, now: Millis, call: Call, task: Task, cancels: bool) {
        self.calls.remove(&call);
        let may_cancel = |follow: &Follow| !follow.generation.declares_cancel() || self.server.cancel;
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.calls.retain(|other| *other != call);
        if !follow.is_left() {
            return;
        }
        if cancels && may_cancel(follow) {
            for key in follow.ledger.withdraw() {
                self.outputs.push_back(Output::Withdraw { task, key });
            }
            for lane in [&mut follow.read, &mut follow.result, &mut follow.update] {
                lane.at = None;
            }
            if follow.cancel.flight.is_none() {
                follow.cancel.plan(now);
            }
            self.go_on(now, task);
        } else {
            self.end(task, Ending::Detached, None, 0);
        }
    }

    /// Takes a snapshot of a followed task.
    fn take(&mut self, now: Millis, task: Task, source: Source, snapshot: &Snapshot<'_>, payload: Payload) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let entries = snapshot.inputs.unwrap_or_default();
        let carries = !follow.generation.has_result_method() && matches!(source, Source::Read | Source::Notification);
        let status = match Status::named(snapshot.status) {
            Some(status) if snapshot.id == follow.id && follow.ledger.accepts(entries) => status,
            _ if source == Source::Notification => return,
            // Another task's answer, or a status that nobody knows: the state stays as it is (X-GET-01, X-LIM-08).
            _ => return self.breach(now, task),
        };
        let incomplete = match status {
            Status::Completed => !snapshot.has_result,
            Status::InputRequired => snapshot.inputs.is_none(),
            Status::Failed | Status::Working | Status::Cancelled => false,
        };
        if carries && incomplete {
            return if source == Source::Notification { follow.read.plan(now) } else { self.breach(now, task) };
        }

        follow.hint = Some(snapshot.poll);
        if source == Source::Read {
            follow.read.failures = 0;
            follow.breached = false;
        }
        let extended = renew(follow, now, snapshot, self.options.max_age);
        if follow.stage != Stage::Fetching || status.is_terminal() {
            follow.status = Some(status);
            self.outputs.push_back(Output::Changed { task, payload });
        }
        self.announce(now, task);
        let Some(follow) = self.tasks.get_mut(&task) else { return };

        if !status.is_terminal() {
            follow.held = false;
            if carries && !follow.calls.is_empty() {
                let changes = follow.ledger.observe(entries);
                self.apply_changes(task, changes);
            }
            if let Some(follow) = self.tasks.get_mut(&task) {
                // The receiver may need a stream for its questions; or its details are only in a read.
                if status == Status::InputRequired && follow.generation.has_result_method() {
                    if follow.result.flight.is_none() {
                        follow.result.plan(now);
                    }
                } else if status == Status::InputRequired && source == Source::Handle {
                    follow.read.plan(now);
                }
            }
            self.refused_to_cancel(task);
            return self.on(now, task, if extended { Event::Extended } else { Event::Live });
        }
        let outcome = match status {
            Status::Cancelled => Some((Ending::Cancelled, 0)),
            Status::Failed if follow.held => Some((Ending::Failed, 0)),
            Status::Completed if carries => Some((Ending::Completed, payload)),
            Status::Failed if carries => Some((Ending::Failed, if snapshot.has_error { payload } else { 0 })),
            _ => None,
        };
        match outcome {
            Some((ending, payload)) => self.end(task, ending, Some(status), payload),
            None => self.on(now, task, Event::Terminal),
        }
    }

    /// Tells the calls that resumed a task that it was found.
    fn announce(&mut self, now: Millis, task: Task) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if !follow.announced {
            follow.announced = true;
            if follow.generation.has_result_method() {
                follow.result.plan(now);
            }
            for &call in &follow.calls {
                self.outputs.push_back(Output::Created { call, task });
            }
        }
    }

    fn apply_changes(&mut self, task: Task, changes: Vec<Change>) {
        for change in changes {
            self.outputs.push_back(match change {
                Change::Ask { key, again } => Output::Prompt { task, key, again },
                Change::Withdraw { key } => Output::Withdraw { task, key },
                Change::Report { key, problem } => Output::Report { task, key, problem },
            });
        }
    }

    /// Applies the table.
    fn on(&mut self, now: Millis, task: Task, event: Event) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        let Some((stage, action)) = transition(follow.stage, event) else { return };
        follow.stage = stage;
        let waits = follow.generation.has_result_method();
        match action {
            Action::Wait => self.plan_read(now, task),
            Action::Look => follow.read.plan(now),
            Action::Fetch if waits => {
                follow.read.at = None;
                // A waiting request is answered any moment; if it is not, another one is sent.
                let lag = if follow.result.flight.is_some() { LAG } else { 0 };
                follow.result.plan(now.saturating_add(lag));
            }
            Action::Fetch => follow.read.plan(now),
            Action::Retry if waits => {
                if follow.result.flight.is_none() {
                    follow.result.plan(now);
                }
            }
            Action::Retry => self.breach(now, task),
            Action::End(ending) => {
                let ending = if ending == Ending::Unreachable && follow.breached { Ending::Protocol } else { ending };
                self.end(task, ending, None, 0);
            }
            Action::EndAsKnown => {
                let (ending, status) = match follow.status {
                    Some(Status::Failed) => (Ending::Failed, follow.status),
                    _ => (Ending::Unreachable, follow.status),
                };
                self.end(task, ending, status, 0);
            }
        }
    }

    /// Plans the next read, unless one is under way.
    fn plan_read(&mut self, now: Millis, task: Task) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if follow.read.flight.is_some() {
            return;
        }
        let interval = self.options.bounds.interval(follow.hint);
        let waiting = follow.result.flight.is_some() || follow.result.at.is_some_and(|at| at <= now);
        let relaxed = follow.generation.has_result_method() && waiting && follow.observers == 0;
        let interval = if relaxed && follow.stage == Stage::Following { interval.max(SAFETY) } else { interval };
        follow.read.plan(now.saturating_add(self.options.bounds.delay(interval, 0, entropy)));
    }

    /// A read failed.
    fn fail_read(&mut self, now: Millis, task: Task) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if follow.is_left() || follow.stage == Stage::Fetching && follow.generation.has_result_method() {
            return;
        }
        follow.read.failures = follow.read.failures.saturating_add(1);
        if follow.read.failures >= FAILURES || follow.stage == Stage::LastLook {
            return self.on(now, task, Event::Exhausted);
        }
        let interval = self.options.bounds.interval(follow.hint);
        let delay = self.options.bounds.delay(interval, follow.read.failures, entropy);
        follow.read.plan(now.saturating_add(delay));
    }

    /// The peer sent a snapshot that the protocol forbids.
    fn breach(&mut self, now: Millis, task: Task) {
        if let Some(follow) = self.tasks.get_mut(&task) {
            follow.breached = true;
        }
        self.fail_read(now, task);
    }

    /// What an error to a read means (X-ERR-05).
    fn read_refused(&mut self, now: Millis, task: Task, code: i32) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        match code {
            error::INVALID_PARAMS if !follow.waiters.is_empty() && follow.cancel_refused => {
                self.end(task, Ending::NotFound, None, 0);
            }
            error::INVALID_PARAMS => {
                let doubting = follow.stage == Stage::Following;
                self.on(now, task, Event::Missing);
                // A replica may lag behind (H88): the second read comes at the usual interval.
                if doubting {
                    self.plan_read(now, task);
                }
            }
            error::METHOD_NOT_FOUND | error::MISSING_CAPABILITY => self.on(now, task, Event::Refused),
            _ => self.fail_read(now, task),
        }
    }

    /// `tasks/result` brought the outcome; a tool's own error is a result (G25-RES-05, G25-RES-13).
    fn end_with_result(&mut self, task: Task, is_error: bool, payload: Payload) {
        let Some(follow) = self.tasks.get(&task) else { return };
        let known = follow.status.filter(|status| status.is_terminal());
        let status = known.unwrap_or(if is_error { Status::Failed } else { Status::Completed });
        self.end(task, Ending::Completed, Some(status), payload);
    }

    /// `tasks/result` was answered with an error: the task's own, or one about the task. A read tells which.
    fn result_refused(&mut self, now: Millis, task: Task, code: i32, payload: Payload) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if follow.stage != Stage::Fetching {
            follow.held = true;
            self.outputs.push_back(Output::Hold { task, payload });
            if follow.read.flight.is_none() {
                follow.read.plan(now);
            }
            self.fail_result(now, task);
        } else if follow.status == Some(Status::Failed) {
            self.end(task, Ending::Failed, Some(Status::Failed), payload);
        } else {
            match code {
                error::INVALID_PARAMS => self.on(now, task, Event::Missing),
                error::METHOD_NOT_FOUND | error::MISSING_CAPABILITY => self.on(now, task, Event::Refused),
                _ => self.fail_result(now, task),
            }
        }
    }

    /// `tasks/result` brought nothing: it is sent again, with a new id (G25-RES-12).
    fn fail_result(&mut self, now: Millis, task: Task) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.result.failures = follow.result.failures.saturating_add(1);
        if follow.stage == Stage::Fetching && follow.result.failures >= FAILURES {
            return self.on(now, task, Event::Exhausted);
        }
        let interval = self.options.bounds.interval(follow.hint);
        let delay = self.options.bounds.delay(interval, follow.result.failures, entropy);
        follow.result.plan(now.saturating_add(delay));
        if follow.stage == Stage::Following && follow.read.flight.is_none() {
            // Nobody is blocked on the outcome now: polls resume (G25-GET-04).
            follow.read.plan(now.saturating_add(Millis::from(interval)));
        }
    }

    fn updated(&mut self, now: Millis, task: Task) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        follow.update.failures = 0;
        for key in follow.ledger.acknowledged() {
            self.outputs.push_back(Output::Drop { task, key });
        }
        if follow.ledger.has_unsent() {
            follow.update.plan(now);
        }
    }

    fn update_refused(&mut self, now: Millis, task: Task, code: i32) {
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

    /// The server has taken the cancellation. In the newer generation that is all it says (G26-CAN-02).
    fn cancelled(&mut self, now: Millis, task: Task) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        if follow.waiters.iter().any(|(_, await_terminal)| *await_terminal) {
            follow.waiters.retain(|&(waiter, await_terminal)| {
                if !await_terminal {
                    self.outputs.push_back(Output::Cancelled { waiter, status: None, error: None });
                }
                await_terminal
            });
            if follow.stage != Stage::Fetching && follow.read.flight.is_none() {
                follow.read.plan(now);
            }
        } else if follow.stage != Stage::Fetching || follow.is_left() {
            // Local state may go with the cancellation (G26-CAN-06).
            self.end(task, Ending::Cancelled, None, 0);
        }
    }

    fn cancel_refused(&mut self, now: Millis, task: Task, code: i32) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        match code {
            _ if follow.is_left() && code != error::INTERNAL => self.end(task, Ending::Cancelled, None, 0),
            // It is too late, or the task is gone: one read tells (G25-CAN-10; R-09 for the other code).
            error::INVALID_PARAMS | INVALID_REQUEST => {
                follow.cancel_refused = true;
                if follow.read.flight.is_none() && follow.stage != Stage::Fetching {
                    follow.read.plan(now);
                }
            }
            error::METHOD_NOT_FOUND | error::MISSING_CAPABILITY => self.settle_waiters(task, None, Some(Ending::Unsupported)),
            _ => self.lost(now, task, Method::Cancel),
        }
    }

    /// The server refused to cancel a task that still runs.
    fn refused_to_cancel(&mut self, task: Task) {
        let refused = self.tasks.get_mut(&task).is_some_and(|follow| std::mem::take(&mut follow.cancel_refused));
        if refused {
            self.settle_waiters(task, None, Some(Ending::Protocol));
        }
    }

    fn settle_waiters(&mut self, task: Task, status: Option<Status>, error: Option<Ending>) {
        let Some(follow) = self.tasks.get_mut(&task) else { return };
        for (waiter, _) in follow.waiters.drain(..) {
            self.outputs.push_back(Output::Cancelled { waiter, status, error });
        }
        if follow.is_left() {
            self.end(task, Ending::Detached, None, 0);
        }
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
            _ if failures >= FAILURES => {
                follow.ledger.lost();
                let changes = follow.ledger.give_up_unsent();
                follow.update = Lane::default();
                self.apply_changes(task, changes);
            }
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
        if lane.flight.is_some() {
            // Its answer is overdue; it still counts when it comes.
            lane.failures = lane.failures.saturating_add(1);
            if lane.failures >= FAILURES {
                return self.on(now, task, Event::Exhausted);
            }
        }
        let keys = if method == Method::Update { follow.ledger.take_unsent() } else { Vec::new() };
        if method == Method::Update && keys.is_empty() {
            return;
        }
        let request = self.number();
        let Some(follow) = self.tasks.get_mut(&task) else { return };
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
            self.answer(call, Answer::Outcome(task));
        }
        self.outputs.push_back(Output::Forget { task });
        if self.tasks.is_empty() && !self.tools.is_walking() {
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

/// Takes the time to live of a snapshot; the task's age is counted on the local clock from when it was first seen
/// (X-TTL-03). Answers whether the task has more time than before.
fn renew(follow: &mut Follow, now: Millis, snapshot: &Snapshot<'_>, max_age: Option<u64>) -> bool {
    // `as` saturates, and NaN becomes 0.
    let reported = snapshot.age.max(0.0) as u64;
    let (seen, age) = *follow.first_seen.get_or_insert((now, reported));
    let elapsed = u64::try_from(now.saturating_sub(seen)).unwrap_or_default();
    let age = age.saturating_add(elapsed).max(reported);
    let ttl = if snapshot.ttl == f64::INFINITY {
        None
    } else if is_ttl(snapshot.ttl) {
        Some(snapshot.ttl as u64)
    } else {
        // Not said, or not said well: what was known stays.
        if follow.expires_at.is_none() {
            follow.expires_at = Some(later(seen, max_age.unwrap_or(DAY)));
        }
        return false;
    };
    let mut expires_at = later(seen, max_age.unwrap_or(if ttl.is_some() { u64::MAX } else { DAY }));
    if let Some(ttl) = ttl {
        expires_at = expires_at.min(later(now, ttl.saturating_sub(age)));
    }
    let before = follow.expires_at.replace(expires_at);
    before.is_some_and(|before| before < expires_at) && expires_at > now
}
