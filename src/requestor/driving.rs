//! Sends what is due about each task, takes the answers, and ends what is over.

use super::followed::{FollowedTask, Hearing, Lane};
use super::limits::{CANCELS, FAILURES, OPEN, later};
use super::requestor::{Requestor, Source, Timer};
use super::stage::{Event, Stage};
use super::types::{Answer, Answered, Ending, Output, PayloadNumber, RequestNumber, TaskNumber};
use crate::deadline::Deadlines;
use crate::task::Millis;
use crate::wire::{Method, Status, error};

impl Requestor {
    /// The peer has answered a request, or never will.
    pub fn handle_answer(
        &mut self,
        now: Millis,
        request: RequestNumber,
        answered: Answered<'_>,
        payload: PayloadNumber,
    ) {
        let Some((task, method)) = self.requests.take(request) else {
            return self.stream_ended(now, request, if let Answered::Error { code } = answered { code } else { 0 });
        };
        let Some(follow) = self.tasks.get_mut(task) else { return };
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
                    if let Some(follow) = self.tasks.get_mut(task) {
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

    /// Something went wrong in the transport: any stream may be dead without a word. A look shows how each
    /// task is, an interval after the one before; and what waits for an outcome may wait in vain.
    pub fn handle_trouble(&mut self, now: Millis) {
        for task in self.tasks.numbers() {
            let entropy = self.jitter.next();
            let Some(follow) = self.tasks.get_mut(task).filter(|follow| !follow.is_left()) else { continue };
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
        for task in self.tasks.numbers() {
            self.end(task, Ending::Connection, None, None);
        }
    }

    /// The connection is closed, or the requestor is: nothing more is sent. Tasks go on and can be resumed (H94).
    pub fn handle_close(&mut self, ending: Ending) {
        self.tools.end();
        self.tools.forget();
        for task in self.tasks.numbers() {
            self.end(task, ending, None, None);
        }
        for call in self.calls.clear() {
            self.outputs.push_back(Output::Answer { call, answer: Answer::Local(ending) });
        }
    }

    /// A request has no answer: the connection failed it, or it took too long.
    pub(super) fn lost(&mut self, now: Millis, task: TaskNumber, method: Method) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(task) else { return };
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
            Method::Cancel if failures >= CANCELS && follow.is_left() => {
                self.end(task, Ending::Unreachable, None, None)
            }
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
    pub(super) fn go_on(&mut self, now: Millis, task: TaskNumber) {
        let expired = |follow: &FollowedTask| follow.expires_at.is_some_and(|at| at <= now);
        if self.tasks.get(task).is_some_and(expired) {
            self.on(now, task, Event::Overdue);
        }
        for method in [Method::Cancel, Method::Update, Method::Get, Method::Result] {
            let Some(follow) = self.tasks.get_mut(task) else { return };
            let left = follow.is_left();
            let lane = follow.lane(method);
            if lane.until.is_some_and(|until| until <= now) {
                lane.until = None;
                if let Some(request) = lane.flight.take() {
                    self.requests.take(request);
                    follow.open.retain(|open| *open != request);
                }
                self.lost(now, task, method);
            }
            let Some(follow) = self.tasks.get_mut(task) else { return };
            let lane = follow.lane(method);
            let due = lane.at.is_some_and(|at| at <= now);
            if due && left && method != Method::Cancel {
                lane.at = None;
            } else if due {
                self.send(now, task, method);
            }
        }
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let due = follow.due();
        if let Some(at) = due.filter(|_| due != follow.timer) {
            follow.timer = due;
            self.deadlines.set(at, Timer::Task(task));
        }
    }

    pub(super) fn send(&mut self, now: Millis, task: TaskNumber, method: Method) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
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
            self.requests.take(follow.open.remove(0));
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
        let Some(follow) = self.tasks.get_mut(task) else { return };
        follow.doubted &= !waits;
        follow.open.push(request);
        let refetches = waits && follow.stage == Stage::Fetching;
        let lane = follow.lane(method);
        lane.flight = Some(request);
        lane.until = (!waits).then(|| later(now, self.options.request_timeout.into()));
        if refetches {
            lane.at = Some(later(now, self.options.request_timeout.into()));
        }
        self.requests.insert(request, task, method);
        self.outputs.push_back(Output::Ask { request, task, method, keys });
        if waits && !refetches {
            self.plan_read(now, task);
        }
    }

    /// The task is over for its requestor: everybody is told once.
    pub(super) fn end(
        &mut self,
        task: TaskNumber,
        ending: Ending,
        status: Option<Status>,
        payload: Option<PayloadNumber>,
    ) {
        let Some(mut follow) = self.tasks.remove(task) else { return };
        for request in &follow.open {
            self.requests.take(*request);
        }
        self.streams.remember_end(follow.id.clone(), status);
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
        self.close_idle_streams();
        if self.is_idle() {
            self.deadlines = Deadlines::default();
        }
    }
}
