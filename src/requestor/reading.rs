//! Snapshots of a task, and its outcome.

use super::followed::{FollowedTask, Hearing};
use super::limits::{DAY, FAILURES, LAGS, SAFETY, SIGNS, SILENCE, is_ttl, later};
use super::requestor::{Requestor, Source};
use super::stage::{Action, Event, Stage, transition};
use super::types::{Ending, Output, PayloadNumber, Problem, Snapshot, TaskNumber};
use crate::task::Millis;
use crate::wire::{Generation, Status, error};

impl Requestor {
    /// A notification about a task; only a hint, and nothing for tasks that are not followed (G25-NTF-06).
    pub fn handle_notification(
        &mut self,
        now: Millis,
        generation: Generation,
        snapshot: &Snapshot<'_>,
        payload: PayloadNumber,
    ) {
        let Some(task) = self.tasks.find(snapshot.id) else {
            if generation.state_has_details() && self.streams.contradicts(snapshot.id, snapshot.status) {
                self.outputs.push_back(Output::Report {
                    task: TaskNumber::default(),
                    key: snapshot.id.to_owned(),
                    problem: Problem::Contradicted,
                });
            }
            return;
        };
        let Some(status) = Status::named(snapshot.status) else { return };
        let counts = |follow: &FollowedTask| match follow.stage {
            Stage::Following | Stage::Doubting => true,
            // Whether it still runs, the last read says: a push may be older.
            Stage::LastLook => status.is_terminal(),
            Stage::Fetching => false,
        };
        let is_heard = |follow: &FollowedTask| {
            follow.generation == generation && follow.announced && !follow.is_left() && counts(follow)
        };
        if self.tasks.get(task).is_some_and(is_heard) {
            self.take(now, task, Source::Notification, snapshot, payload);
            self.go_on(now, task);
        }
    }

    /// So many observers want every snapshot.
    pub fn handle_observers(&mut self, now: Millis, task: TaskNumber, observers: u32) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let had = std::mem::replace(&mut follow.observers, observers);
        if had == 0 && observers > 0 && follow.read.at.is_some() {
            let interval = self.options.bounds.interval(follow.hint);
            follow.read.plan(now.saturating_add(Millis::from(interval)));
        }
        self.go_on(now, task);
    }

    /// Takes a snapshot of a followed task.
    pub(super) fn take(
        &mut self,
        now: Millis,
        task: TaskNumber,
        source: Source,
        snapshot: &Snapshot<'_>,
        payload: PayloadNumber,
    ) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let entries = snapshot.inputs.unwrap_or_default();
        let carries = !follow.generation.has_result_method() && matches!(source, Source::Read | Source::Notification);
        let status = match Status::named(snapshot.status) {
            Some(status) if snapshot.id == follow.id && follow.ledger.accepts(entries) => status,
            _ if source == Source::Notification => return,
            // Another task's answer, or an unknown status: the state stays as it is (X-GET-01, X-LIM-08).
            _ => return self.breach(now, task),
        };
        let incomplete = match status {
            Status::Completed => !snapshot.has_result,
            Status::InputRequired => snapshot.inputs.is_none(),
            Status::Failed | Status::Working | Status::Cancelled => false,
        };
        if carries && incomplete {
            return if source == Source::Notification { self.look(now, task) } else { self.breach(now, task) };
        }

        // The newest snapshot counts: pushes may come late, and a push may pass a read. A read alone is always
        // believed, whatever clock the server has.
        let late = snapshot.age < follow.age && !status.is_terminal();
        if late && source == Source::Notification {
            return;
        }
        let overtaken =
            std::mem::replace(&mut follow.overtaken, source == Source::Notification && follow.read.flight.is_some());
        if source == Source::Read {
            follow.read.failures = 0;
            follow.breached = false;
        }
        if late && overtaken {
            return self.on(now, task, Event::Live);
        }
        follow.age = snapshot.age;
        follow.hint = Some(snapshot.poll);
        let extended = renew(follow, now, snapshot, self.options.max_age);
        if follow.stage != Stage::Fetching || status.is_terminal() {
            follow.status = Some(status);
            let progress = snapshot.moved && !status.is_terminal() && !follow.generation.has_progress();
            self.outputs.push_back(Output::Changed { task, payload, progress });
        }
        self.announce(now, task);
        let Some(follow) = self.tasks.get_mut(task) else { return };

        if !status.is_terminal() {
            if carries && !follow.calls.is_empty() {
                self.take_inputs(now, task, entries);
            }
            if let Some(follow) = self.tasks.get_mut(task) {
                match (status == Status::InputRequired, follow.generation.has_result_method()) {
                    // The receiver needs a stream for its question, and one may have died without a word, the question
                    // with it (G25-INP-03, H08).
                    (true, true) if follow.result.flight.is_some() => follow.result.plan(now.saturating_add(SILENCE)),
                    (true, true) => follow.result.plan(now),
                    (false, true) if follow.result.flight.is_some() && !follow.doubted => follow.result.at = None,
                    // The details are only in a read.
                    (true, false) if source == Source::Handle => follow.read.plan(now),
                    _ => {}
                }
            }
            self.refused_to_cancel(task);
            if source == Source::Read {
                self.want_stream(now, task);
            }
            return self.on(now, task, if extended { Event::Extended } else { Event::Live });
        }
        let outcome = match status {
            Status::Cancelled => Some((Ending::Cancelled, None)),
            Status::Completed if carries => Some((Ending::Completed, Some(payload))),
            Status::Failed if carries => Some((Ending::Failed, snapshot.has_error.then_some(payload))),
            _ => None,
        };
        match outcome {
            Some((ending, payload)) => self.end(task, ending, Some(status), payload),
            None => self.on(now, task, Event::Terminal),
        }
    }

    /// Tells the calls that resumed a task that it was found.
    pub(super) fn announce(&mut self, now: Millis, task: TaskNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
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

    /// Applies the table.
    pub(super) fn on(&mut self, now: Millis, task: TaskNumber, event: Event) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let Some((stage, action)) = transition(follow.stage, event) else { return };
        follow.stage = stage;
        let waits = follow.generation.has_result_method();
        match action {
            Action::Wait => self.plan_read(now, task),
            Action::Look => self.look(now, task),
            Action::Fetch if waits => {
                follow.read.at = None;
                // What was refused before the end says nothing about the end.
                follow.result.failures = 0;
                // Another one, even if one waits: some servers poll inside it, for up to a second, and answer a new one
                // at once.
                follow.result.plan(now);
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
                self.end(task, ending, None, None);
            }
            Action::EndAsKnown => {
                let (ending, status) = match follow.status {
                    Some(Status::Failed) => (Ending::Failed, follow.status),
                    _ => (Ending::Unreachable, follow.status),
                };
                self.end(task, ending, status, None);
            }
        }
    }

    /// Plans the next read, unless one is under way.
    pub(super) fn plan_read(&mut self, now: Millis, task: TaskNumber) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(task) else { return };
        if follow.read.flight.is_some() {
            return;
        }
        if follow.hearing == Hearing::Accepted {
            return follow.read.plan(now);
        }
        let interval = self.options.bounds.interval(follow.hint);
        let waiting = follow.result.flight.is_some() && !follow.doubted || follow.result.at.is_some_and(|at| at <= now);
        let relaxed = follow.hearing == Hearing::Heard
            || follow.generation.has_result_method() && waiting && follow.observers == 0;
        let relaxed = relaxed && follow.stage == Stage::Following;
        let interval = if relaxed { interval.max(SAFETY) } else { interval };
        // In 2025-11-25 progress comes by itself; where snapshots are pushed, so do they.
        let heard = follow.hearing == Hearing::Heard || follow.generation.has_progress();
        let signs = (follow.silence / SIGNS).max(self.options.bounds.min);
        let interval = if heard { interval } else { interval.min(signs) };
        follow.ramp = follow.ramp.filter(|pause| relaxed || *pause < interval);
        let interval = follow.ramp.filter(|_| !relaxed).unwrap_or(interval);
        follow.read.plan(now.saturating_add(self.options.bounds.delay(interval, 0, entropy)));
    }

    /// Plans a read that the peer provoked: at once, but no peer makes it happen more often than polls may be.
    pub(super) fn look(&mut self, now: Millis, task: TaskNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        let earliest = follow.read_at.map_or(now, |sent| sent.saturating_add(self.options.bounds.min.into()));
        follow.read.plan(earliest.max(now));
    }

    /// A read failed.
    pub(super) fn fail_read(&mut self, now: Millis, task: TaskNumber) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(task) else { return };
        if follow.is_left() || follow.stage == Stage::Fetching && follow.generation.has_result_method() {
            return;
        }
        follow.read.failures = follow.read.failures.saturating_add(1);
        follow.ramp = None;
        if follow.read.failures >= FAILURES || follow.stage == Stage::LastLook {
            return self.on(now, task, Event::Exhausted);
        }
        let interval = self.options.bounds.interval(follow.hint);
        let delay = self.options.bounds.delay(interval, follow.read.failures, entropy);
        follow.read.plan(now.saturating_add(delay));
    }

    /// The peer sent a snapshot that the protocol forbids.
    pub(super) fn breach(&mut self, now: Millis, task: TaskNumber) {
        if let Some(follow) = self.tasks.get_mut(task) {
            follow.breached = true;
        }
        self.fail_read(now, task);
    }

    /// What an error to a read means (X-ERR-05).
    pub(super) fn read_refused(&mut self, now: Millis, task: TaskNumber, code: i32) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        match code {
            error::INVALID_PARAMS if !follow.waiters.is_empty() && follow.cancel_refused => {
                self.end(task, Ending::NotFound, None, None);
            }
            error::INVALID_PARAMS => {
                let doubting = follow.stage == Stage::Following;
                self.on(now, task, Event::Missing);
                // A replica may lag behind (H88): the second read comes at the usual interval.
                if doubting {
                    self.plan_read(now, task);
                }
            }
            code if error::is_final(code) => self.on(now, task, Event::Refused),
            _ => self.fail_read(now, task),
        }
    }

    /// `tasks/result` brought the outcome; an error of the work itself may be a result (G25-RES-05, G25-RES-13).
    pub(super) fn end_with_result(&mut self, task: TaskNumber, is_error: bool, payload: PayloadNumber) {
        let Some(follow) = self.tasks.get(task) else { return };
        let known = follow.status.filter(|status| status.is_terminal());
        let has_error_results = follow.method.row().has_error_results;
        if known == Some(Status::Failed) && !has_error_results {
            // FastMCP answers for a prompt that failed with the result of a tool; the status message says more.
            return self.end(task, Ending::Failed, known, Some(payload));
        }
        let failed = is_error && has_error_results;
        let status = known.unwrap_or(if failed { Status::Failed } else { Status::Completed });
        self.end(task, Ending::Completed, Some(status), Some(payload));
    }

    /// `tasks/result` was answered with nothing. Some servers do that for a task that failed: a read tells.
    pub(super) fn end_with_nothing(&mut self, now: Millis, task: TaskNumber, payload: PayloadNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        match follow.status.filter(|status| status.is_terminal()) {
            Some(Status::Failed) => self.end(task, Ending::Failed, Some(Status::Failed), Some(payload)),
            Some(status) => self.end(task, Ending::Completed, Some(status), Some(payload)),
            None => {
                if follow.read.flight.is_none() {
                    follow.read.plan(now);
                }
                self.fail_result(now, task);
            }
        }
    }

    /// `tasks/result` was answered with an error: the task's own, or one about the task, or about a moment that is
    /// over. A read tells which, and the outcome is asked for once more after it.
    pub(super) fn result_refused(&mut self, now: Millis, task: TaskNumber, code: i32, payload: PayloadNumber) {
        let Some(follow) = self.tasks.get_mut(task) else { return };
        if follow.stage != Stage::Fetching {
            self.outputs.push_back(Output::Hold { task, payload });
            if follow.read.flight.is_none() {
                follow.read.plan(now);
            }
            self.fail_result(now, task);
        } else if follow.status == Some(Status::Failed) {
            self.end(task, Ending::Failed, Some(Status::Failed), Some(payload));
        } else {
            match code {
                error::INVALID_PARAMS if follow.result.failures >= LAGS => self.on(now, task, Event::Missing),
                error::METHOD_NOT_FOUND | error::MISSING_CAPABILITY => self.on(now, task, Event::Refused),
                _ => self.fail_result(now, task),
            }
        }
    }

    /// `tasks/result` brought nothing: it is sent again, with a new id (G25-RES-12).
    pub(super) fn fail_result(&mut self, now: Millis, task: TaskNumber) {
        let entropy = self.jitter.next();
        let Some(follow) = self.tasks.get_mut(task) else { return };
        follow.result.failures = follow.result.failures.saturating_add(1);
        if follow.stage == Stage::Fetching && follow.result.failures >= FAILURES {
            return self.on(now, task, Event::Exhausted);
        }
        let interval = self.options.bounds.interval(follow.hint);
        let delay = self.options.bounds.delay(interval, follow.result.failures, entropy);
        follow.result.plan(now.saturating_add(delay));
        if follow.stage == Stage::Following && follow.read.flight.is_none() {
            // No request waits for the outcome now: polls resume (G25-GET-04).
            let pause = follow.ramp.unwrap_or(interval).min(interval);
            follow.read.plan(now.saturating_add(Millis::from(pause)));
        }
    }
}

/// Takes the time to live of a snapshot; the task's age is counted on the local clock from when it was first seen
/// (X-TTL-03). Answers whether the task has more time than before.
fn renew(follow: &mut FollowedTask, now: Millis, snapshot: &Snapshot<'_>, max_age: Option<u64>) -> bool {
    // `as` saturates, and NaN becomes 0.
    let reported = snapshot.age.max(0.0) as u64;
    let (seen, age) = *follow.seen.get_or_insert((now, reported));
    let elapsed = u64::try_from(now.saturating_sub(seen)).unwrap_or_default();
    let mut age = age.saturating_add(elapsed);
    if reported > age {
        // The clock stood still here.
        age = reported;
        follow.seen = Some((now, age));
    }
    let ttl = if snapshot.ttl == f64::INFINITY {
        None
    } else if is_ttl(snapshot.ttl) {
        Some(snapshot.ttl as u64)
    } else {
        // Not said, or not said well: what was known stays.
        if follow.expires_at.is_none() {
            follow.expires_at = Some(later(now, max_age.unwrap_or(DAY)));
        }
        return false;
    };
    let longest = max_age.unwrap_or(if ttl.is_some() { u64::MAX } else { DAY });
    let mut expires_at = later(*follow.began.get_or_insert(now), longest);
    if let Some(ttl) = ttl {
        expires_at = expires_at.min(later(now, ttl.saturating_sub(age)));
    }
    let before = follow.expires_at.replace(expires_at);
    before.is_some_and(|before| before < expires_at) && expires_at > now
}
