//! Calls: whether they may become tasks, and what their answers are.

use super::calls::{CallState, Progress, Route};
use super::followed::FollowedTask;
use super::limits::{DAY, LAST_WORDS, TASKS, is_id, is_ttl, later};
use super::requestor::{Requestor, Source, Timer};
use super::types::{
    Answer, CallFacts, CallNumber, Ending, Output, PayloadNumber, Reply, RequestNumber, Snapshot, TaskNumber,
};
use crate::method::CallMethod;
use crate::task::Millis;
use crate::wire::{Generation, Status, Support, error};

impl Requestor {
    /// A page that [`Output::List`] asked for; its tools went before. `next` is its cursor, which may be empty.
    pub fn handle_page(&mut self, now: Millis, request: RequestNumber, next: Option<&str>) {
        if !self.tools.is_page(request) {
            return;
        }
        if let Some(cursor) = next {
            let request = self.number();
            if self.tools.goes_on(cursor, request) {
                self.list(now, request, Some(cursor.to_owned()));
                return;
            }
        }
        self.tools.set_complete();
        self.listed(now);
    }

    /// The list of tools cannot be read: calls that wait for it go out as plain calls (G25-TLN-08).
    pub fn handle_page_lost(&mut self, now: Millis, request: RequestNumber) {
        if self.tools.is_page(request) {
            self.listed(now);
        }
    }

    /// A call is made.
    pub fn handle_call(&mut self, now: Millis, call: CallNumber, facts: CallFacts<'_>) {
        self.calls.insert(call, facts, Progress::Listing(None));
        self.place(now, call, false);
    }

    /// The caller of `call` gives it up when it hears nothing for `silence` ms: its task is read often enough to hear
    /// it in time.
    pub fn handle_silence(&mut self, call: CallNumber, silence: u32) {
        let Some(state) = self.calls.get_mut(call) else { return };
        state.set_silence(silence);
        if let Progress::Following(task) = state.progress {
            self.listen_closely(task, Some(silence));
        }
    }

    pub(super) fn listen_closely(&mut self, task: TaskNumber, silence: Option<u32>) {
        if let (Some(follow), Some(silence)) = (self.tasks.get_mut(task), silence) {
            follow.silence = follow.silence.min(silence);
        }
    }

    /// The peer has answered a call.
    pub fn handle_reply(&mut self, now: Millis, call: CallNumber, reply: Reply<'_>, payload: PayloadNumber) {
        let Some(state) = self.calls.get_mut(call) else { return };
        match (state.progress, reply) {
            (Progress::Sent { offered: true, .. }, Reply::Handle(snapshot)) => {
                self.create(now, call, &snapshot, payload)
            }
            (Progress::GivenUp, reply) => {
                let stray = match (reply, state.generation()) {
                    (Reply::Handle(snapshot), Some(generation)) if state.cancels() => Some((snapshot, generation)),
                    _ => None,
                };
                let method = state.method();
                self.calls.remove(call);
                if let Some((snapshot, generation)) = stray {
                    self.cancel_stray(now, snapshot.id, generation, method);
                }
            }
            // It goes to the SDK as it is; an unasked-for task is an invalid response there (G26-CAP-09).
            (Progress::Sent { offered: false, .. }, Reply::Handle(_)) => self.answer(call, Answer::Reply),
            (Progress::Sent { offered, again }, reply) => {
                let result_method = state.generation().is_some_and(Generation::has_result_method);
                let refused = match reply {
                    Reply::Error { code } => code == error::METHOD_NOT_FOUND,
                    Reply::Result { demands_task, .. } => demands_task && !offered,
                    Reply::Handle(_) | Reply::Empty => false,
                };
                let method = state.method();
                let is_declared = self.declared.methods.contains(method);
                let may_change = result_method && is_declared && !state.forbids_tasks() && !again;
                if refused && may_change {
                    // Try the other way once (G25-TLN-08).
                    state.progress = Progress::Listing(Some(offered));
                    if method.row().listed_by.is_some() {
                        // The tool has changed its mind: the list says so.
                        self.tools.forget();
                        self.walk(now);
                    } else {
                        let support = if offered { Support::Forbidden } else { Support::Required };
                        self.tools.insert(method, state.name(), support);
                        self.place(now, call, true);
                    }
                } else if offered && result_method && reply == Reply::Empty {
                    self.answer(call, Answer::Local(Ending::Protocol));
                } else {
                    // Some servers answer an offer with the result at once: the tool has run (G25-CRE-11).
                    self.answer(call, Answer::Reply);
                }
            }
            (Progress::Listing(_) | Progress::Following(_), _) => {}
        }
    }

    /// The call could not be handed to the peer, and its caller knows.
    pub fn handle_unsent(&mut self, call: CallNumber) {
        if let Some(CallState { progress: Progress::Sent { .. } | Progress::GivenUp, .. }) = self.calls.get(call) {
            self.calls.remove(call);
        }
    }

    /// The caller gave up its call, whose exchange can only be closed. A task that it may just have made would be lost
    /// with its handle, and run to its end: so the answer is waited for a moment, and its task cancelled.
    pub fn handle_hang_up(&mut self, now: Millis, call: CallNumber) {
        match self.calls.get(call).map(|state| state.progress) {
            Some(Progress::Sent { offered: true, .. }) => {
                let until = now.saturating_add(LAST_WORDS);
                self.calls.hang_up_at(call, until);
                self.deadlines.set(until, Timer::HangUp);
            }
            Some(Progress::Sent { .. }) => {
                self.calls.remove(call);
                self.outputs.push_back(Output::HangUp { call });
            }
            _ => self.handle_abort(now, call),
        }
    }

    /// Closes the exchanges whose answers have not come in time.
    pub(super) fn hang_up_overdue(&mut self, now: Millis) {
        for call in self.calls.take_overdue(now) {
            self.outputs.push_back(Output::HangUp { call });
        }
        if let Some(until) = self.calls.next_overdue() {
            self.deadlines.set(until, Timer::HangUp);
        }
    }

    /// The caller gave up its call, without another word.
    pub fn handle_abort(&mut self, now: Millis, call: CallNumber) {
        let Some(state) = self.calls.get_mut(call) else { return };
        match state.progress {
            Progress::Listing(_) => {
                self.calls.remove(call);
            }
            Progress::Sent { .. } => {
                state.progress = Progress::GivenUp;
                self.outputs.push_back(Output::Forward { call });
            }
            Progress::GivenUp => {}
            Progress::Following(task) => {
                let cancels = state.cancels();
                self.leave(now, call, task, cancels);
            }
        }
    }

    /// The caller detaches: the task goes on, the call ends.
    pub fn handle_detach(&mut self, now: Millis, call: CallNumber) {
        if let Some(CallState { progress: Progress::Following(task), .. }) = self.calls.get(call) {
            let task = *task;
            self.answer(call, Answer::Local(Ending::Detached));
            self.leave(now, call, task, false);
        }
    }

    /// A call that is not made: it follows a task that an earlier call created.
    pub fn handle_resume(
        &mut self,
        now: Millis,
        call: CallNumber,
        facts: CallFacts<'_>,
        of: Option<Generation>,
        id: &str,
    ) {
        let refusal = match of {
            _ if !is_id(id) => Some(Ending::Protocol),
            None => Some(Ending::Unsupported),
            // The session speaks another generation (X-GEN-07).
            of if of != facts.generation => Some(Ending::Unsupported),
            _ if self.tasks.len() >= TASKS => Some(Ending::Limit),
            _ => None,
        };
        let (None, Some(generation)) = (refusal, of) else {
            self.outputs
                .push_back(Output::Answer { call, answer: Answer::Local(refusal.unwrap_or(Ending::Unsupported)) });
            return;
        };
        let known = self.tasks.find(id);
        if known.and_then(|task| self.tasks.get(task)).is_some_and(|follow| follow.generation != generation) {
            self.outputs.push_back(Output::Answer { call, answer: Answer::Local(Ending::Unsupported) });
            return;
        }
        let task = known.unwrap_or_else(|| self.tasks.follow(id, generation, facts.method));
        self.calls.insert(call, CallFacts { generation: Some(generation), ..facts }, Progress::Following(task));
        let max_age = self.options.max_age.unwrap_or(DAY);
        if let Some(follow) = self.tasks.get_mut(task) {
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

    pub(super) fn answer(&mut self, call: CallNumber, answer: Answer) {
        self.calls.remove(call);
        self.outputs.push_back(Output::Answer { call, answer });
    }

    /// Sends the call on its way.
    pub(super) fn place(&mut self, now: Millis, call: CallNumber, listed: bool) {
        let Some(state) = self.calls.get(call) else { return };
        let first = match state.progress {
            Progress::Listing(first) => first,
            _ => return,
        };
        let listed = listed || state.can_be_plain() && !self.tools.is_worth_waiting(now);
        let offer = match state.route(self.methods, &self.declared, &self.tools, listed) {
            Route::List => return self.walk(now),
            Route::Refuse => return self.answer(call, Answer::Local(Ending::Unsupported)),
            Route::Plain => false,
            Route::Offer => true,
        };
        if first == Some(offer) {
            // The list says what the first attempt assumed.
            return self.answer(call, Answer::Reply);
        }
        if let Some(state) = self.calls.get_mut(call) {
            state.progress = Progress::Sent { offered: offer, again: first.is_some() };
        }
        self.outputs.push_back(Output::Send { call, offer });
    }

    pub(super) fn walk(&mut self, now: Millis) {
        if !self.tools.is_walking() {
            let request = self.number();
            self.tools.start(request);
            self.list(now, request, None);
        }
    }

    pub(super) fn list(&mut self, now: Millis, request: RequestNumber, cursor: Option<String>) {
        self.tools.asked(now, self.options.request_timeout);
        self.set_list_timer(now);
        self.outputs.push_back(Output::List { request, cursor });
    }

    /// The list is late, or too late.
    pub(super) fn list_overdue(&mut self, now: Millis) {
        match self.tools.until() {
            Some(until) if until <= now => self.listed(now),
            Some(_) => {
                if !self.tools.is_worth_waiting(now) {
                    self.place_all(now, CallState::can_be_plain);
                }
                self.set_list_timer(now);
            }
            None => {}
        }
    }

    /// The walk has ended, well or not.
    pub(super) fn listed(&mut self, now: Millis) {
        self.tools.end();
        self.place_all(now, |_| true);
    }

    pub(super) fn set_list_timer(&mut self, now: Millis) {
        if let Some(at) = self.tools.due(now) {
            self.deadlines.set(at, Timer::List);
        }
    }

    /// Sends calls that wait for the list on their way without it.
    pub(super) fn place_all(&mut self, now: Millis, which: impl Fn(&CallState) -> bool) {
        for call in self.calls.listing(which) {
            self.place(now, call, true);
        }
    }

    /// A call was answered with a task.
    pub(super) fn create(&mut self, now: Millis, call: CallNumber, snapshot: &Snapshot<'_>, payload: PayloadNumber) {
        let Some(state) = self.calls.get_mut(call) else { return };
        let (Some(generation), method) = (state.generation(), state.method()) else { return };
        let status = Status::named(snapshot.status);
        let valid = is_id(snapshot.id) && status.is_some() && (is_ttl(snapshot.ttl) || !generation.demands_ttl());
        if !valid {
            return self.answer(call, Answer::Local(Ending::Protocol));
        }
        let known = self.tasks.find(snapshot.id);
        if known.is_none() && self.tasks.len() >= TASKS {
            return self.answer(call, Answer::Local(Ending::Limit));
        }
        if known.and_then(|task| self.tasks.get(task)).is_some_and(|follow| follow.generation != generation) {
            return self.answer(call, Answer::Local(Ending::Protocol));
        }
        let task = known.unwrap_or_else(|| self.tasks.follow(snapshot.id, generation, method));
        if let Some(state) = self.calls.get_mut(call) {
            state.progress = Progress::Following(task);
            let silence = state.silence();
            self.listen_closely(task, silence);
        }
        let first_read = self.options.first_read;
        let ramp = (first_read > 0 && known.is_none() && self.ramps.begin(now)).then_some(first_read);
        if let Some(follow) = self.tasks.get_mut(task) {
            follow.calls.push(call);
            follow.announced = true;
            follow.ramp = ramp.or(follow.ramp);
            if generation.has_result_method() {
                // Wait for the outcome at once: the receiver needs the stream for its questions too (G25-INP-03).
                follow.result.plan(now);
            }
        }
        self.outputs.push_back(Output::Created { call, task });
        self.take(now, task, Source::Handle, snapshot, payload);
        self.go_on(now, task);
    }

    /// Cancels a task that is not followed: it arrived for a call that was given up, or it was given up itself.
    pub(super) fn cancel_stray(&mut self, now: Millis, id: &str, generation: Generation, method: CallMethod) {
        let may = !generation.declares_cancel() || self.declared.cancel;
        if may && is_id(id) && self.tasks.find(id).is_none() && self.tasks.len() < TASKS {
            let task = self.tasks.follow(id, generation, method);
            if let Some(follow) = self.tasks.get_mut(task) {
                follow.cancel.plan(now);
            }
            self.go_on(now, task);
        }
    }

    /// A call stops following; the last one leaves nothing behind but a cancellation, if it wants one.
    pub(super) fn leave(&mut self, now: Millis, call: CallNumber, task: TaskNumber, cancels: bool) {
        self.calls.remove(call);
        let may_cancel = |follow: &FollowedTask| !follow.generation.declares_cancel() || self.declared.cancel;
        let Some(follow) = self.tasks.get_mut(task) else { return };
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
            self.end(task, Ending::Detached, None, None);
        }
    }
}
