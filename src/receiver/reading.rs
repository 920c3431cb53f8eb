//! Reading tasks: `tasks/get`, `tasks/result`, `tasks/list`.

use std::rc::Rc;

use super::jobs::Pending;
use super::output::Output;
use super::read::{Read, ReadKind};
use super::receiver::Receiver;
use super::service::Service;
use super::timers::Timer;
use super::types::{JobId, RequestContext, RequestId, SlotId};
use crate::limit::Act;
use crate::state::Unreadable;
use crate::storage::{Completion, Operation, Position, Record};
use crate::task::{Failure, Millis, Phase, Task};
use crate::wire::{Body, Error, LimitReason};
use crate::{cursor, wire};

/// How often a task that runs elsewhere is looked at for those who wait, in ms: at first and at most.
const CHECK_FIRST: Millis = 250;
const CHECK_LONGEST: Millis = 5_000;

/// So many requests wait for the end of one task at most.
const MOST_WAITERS: usize = 256;

impl Receiver {
    /// `tasks/get`: a pure read (G26-GET-09).
    pub fn handle_get(&mut self, now: Millis, context: RequestContext, id: Option<&str>) {
        self.handle_read(now, context, id, ReadKind::State);
    }

    /// `tasks/result`: answered when the task has ended (G25-RES-01).
    pub fn handle_result(&mut self, now: Millis, context: RequestContext, id: Option<&str>) {
        self.handle_read(now, context, id, ReadKind::Outcome);
    }

    fn handle_read(&mut self, now: Millis, context: RequestContext, id: Option<&str>, kind: ReadKind) {
        self.tick(now);
        let Some((owner, id)) = self.address(context, id, Act::Read) else { return };
        self.look_up(Read { kind, context, owner, id, settled: false });
    }

    /// `tasks/list` (G25-LST-01). `cursor`: `Err` if it is not a string.
    pub fn handle_list(&mut self, now: Millis, context: RequestContext, cursor: Result<Option<&str>, ()>) {
        self.tick(now);
        if !context.lists {
            return self.refuse(context, Error::MethodNotFound);
        }
        if !self.may(context, Act::Read) {
            return;
        }
        let Some(owner) = self.peers.owner_of(context.peer) else {
            return self.reply(context, Body::Page { rows: Vec::new(), next: None });
        };
        let after = match cursor {
            Ok(None) => None,
            Ok(Some(cursor)) => match cursor::open(&self.cursor_key, &owner, cursor) {
                Some(position) => Some(position),
                None => return self.refuse(context, Error::ForeignCursor),
            },
            Err(()) => return self.refuse(context, Error::NoCursor),
        };
        // One more than a page tells whether there is another.
        let operation = Operation::List { owner: owner.clone(), after, limit: self.limits.page.saturating_add(1) };
        self.ask_store(
            Pending::Read(Read { kind: ReadKind::Page, context, owner, id: String::new(), settled: false }),
            operation,
        );
    }

    /// A method about tasks arrives that the generation does not have, or this server does not offer.
    pub fn handle_unknown(&mut self, now: Millis, context: RequestContext) {
        self.tick(now);
        self.refuse(context, Error::MethodNotFound);
    }

    /// A request of 2026-07-28 does not say what its client can do (G26-CAP-12).
    pub fn handle_unenveloped(&mut self, now: Millis, context: RequestContext) {
        self.tick(now);
        self.refuse(context, Error::NoEnvelope);
    }

    /// A call nests deeper than anything that is handed on (X-LIM-04).
    pub fn handle_too_deep(&mut self, now: Millis, context: RequestContext) {
        self.tick(now);
        self.refuse(context, Error::TooDeep);
    }

    /// The caller gave up waiting for a `tasks/result`; the task goes on (G25-RES-10).
    pub fn handle_wait_ended(&mut self, now: Millis, request: RequestId) {
        self.tick(now);
        self.end_wait(request);
    }

    /// Looks the task up that a request names.
    pub(super) fn look_up(&mut self, read: Read) {
        let Read { kind, context, .. } = read;
        // Only 2026-07-28 answers with payloads.
        let payload = kind == ReadKind::Outcome || (kind == ReadKind::State && context.generation.state_has_details());
        let request = Some(context.request).filter(|_| kind != ReadKind::Listened);
        let operation = Operation::Get { owner: read.owner.clone(), id: read.id.clone(), payload, request };
        let job = self.ask_store(Pending::Read(read), operation);
        if kind == ReadKind::Outcome {
            self.waits.look_up(context.request, job);
        }
    }

    pub(super) fn read_completed(&mut self, job: JobId, read: &Read, started: Millis, completion: &Completion) {
        let Read { kind, context, .. } = *read;
        if kind == ReadKind::Outcome {
            self.waits.looked_up(context.request);
        }
        let (version, found) = match completion {
            Completion::Record(Some(record)) => (record.version, self.found(read, record).map(Some)),
            Completion::Unreadable => (0, Err(Unreadable::Malformed)),
            _ => (0, Ok(None)),
        };
        let readable = found.is_ok();
        let mut found = found.unwrap_or_default();
        let seen = found.as_mut().is_some_and(|task| self.sees(context, task));
        let found = found.filter(|_| seen);
        match (kind, completion) {
            (ReadKind::Listened, _) => self.looked_up(context, &read.id, seen),
            (ReadKind::Page, Completion::Records { records, full }) => self.page(context, records, *full),
            (ReadKind::State | ReadKind::Outcome, _) if !readable => self.refuse(context, Error::Unreadable),
            (ReadKind::State | ReadKind::Outcome, Completion::Record(_)) => match found {
                Some(task) if self.meets_lost(read, version, &task, started) => {}
                Some(task) => self.show(read, job, version, task),
                None => self.miss(context),
            },
            _ => self.refuse(context, Error::Storage),
        }
    }

    /// The task of a record that was read. Most reads are about tasks that run here: what has the known version is
    /// known.
    fn found(&mut self, read: &Read, record: &Record) -> Result<Rc<Task>, Unreadable> {
        let slot = self.slots.find(&read.owner, &read.id).and_then(|slot| self.slots.get(slot));
        match slot.and_then(|slot| slot.copy()) {
            Some((task, version)) if *version == record.version && task.created_at == record.created_at => {
                Ok(Rc::clone(task))
            }
            _ => self.task_of(&read.owner, &read.id, record).map(Rc::new),
        }
    }

    /// Answers a read with the task that it has found, or lets it wait for the task's end.
    fn show(&mut self, read: &Read, job: JobId, version: u32, task: Rc<Task>) {
        let Read { kind, context, ref owner, ref id, .. } = *read;
        if kind == ReadKind::State {
            self.state(context, job, id, task);
        } else if task.phase.is_terminal() {
            self.retrieved(context, id, &task);
            self.answer(context, Some(job), Body::Outcome { id: id.clone(), task });
        } else {
            self.wait(context, owner, id, version);
        }
    }

    /// Whether the read waits, because the process of the task that it found was lost.
    fn meets_lost(&mut self, read: &Read, version: u32, task: &Task, started: Millis) -> bool {
        let runs_here = self.slots.find(&read.owner, &read.id).is_some_and(|slot| self.runs_here(slot));
        let is_lost = !read.settled
            && !runs_here
            && self.sightings.is_lost((&read.owner, &read.id), version, task, Some(started), self.clock.now());
        if !is_lost {
            return false;
        }
        let slot = self.slots.open(&read.owner, &read.id);
        let lost = self.recovery(slot, task, Some(read.context)).is_some();
        if lost {
            self.read_later(slot, read.clone());
        }
        self.settle_slot(slot);
        lost
    }

    fn state(&mut self, context: RequestContext, job: JobId, id: &str, task: Rc<Task>) {
        if context.generation.state_has_details() {
            let missing = wire::missing_for_input(&task, context.capabilities);
            if !missing.is_empty() {
                return self.refuse(context, Error::MissingCapability(missing));
            }
        }
        let inputs = !context.generation.state_has_details() && task.phase == Phase::InputRequired;
        let slot = self.peers.owner_of(context.peer).filter(|_| inputs).and_then(|owner| self.slots.find(&owner, id));
        // Here the outcome comes with the state.
        if context.generation.state_has_details() && task.phase.is_terminal() {
            self.retrieved(context, id, &task);
        }
        let carried = slot.is_some_and(|slot| self.deliver_on_poll(slot, context.request));
        self.answer(context, Some(job), Body::State { id: id.to_owned(), task });
        // There may be a stream now for what could not be delivered.
        if let Some(slot) = slot.filter(|_| !carried) {
            self.deliver(slot);
        }
    }

    /// Whether this request may see the task; one that ran out of time is shown as such (X-TTL-01).
    pub(super) fn sees(&self, context: RequestContext, task: &mut Rc<Task>) -> bool {
        if task.generation != context.generation && !self.cross_generation {
            return false;
        }
        if task.has_run_out(self.clock.time_by(&task.clock)) && !task.extends {
            let task = Rc::make_mut(task);
            task.phase = Phase::Failed;
            task.failure = Some(Failure::Expired);
            task.inputs.clear();
            task.updated_at = task.updated_at.max(task.expires_at().unwrap_or(self.clock.now()));
        }
        !task.is_gone(self.clock.time_by(&task.clock))
    }

    fn page(&mut self, context: RequestContext, records: &[Record], more: bool) {
        let Some(owner) = self.peers.owner_of(context.peer) else { return self.refuse(context, Error::NotFound) };
        let size = self.limits.page as usize;
        let mut last = None;
        let mut rows = Vec::with_capacity(records.len().min(size));
        for record in records.iter().take(size) {
            // Where nobody is authenticated, nothing tells whose the others are (X-SEC-04).
            let may_list = !owner.is_empty() || self.peers.has_made(context.peer, &record.id);
            if may_list
                && let Ok(mut task) = self.task_of(&owner, &record.id, record).map(Rc::new)
                && self.sees(context, &mut task)
            {
                rows.push((record.id.clone(), task));
            }
            last = Some(Position { created_at: record.created_at, id: record.id.clone() });
        }
        let next = last.filter(|_| more).map(|position| cursor::seal(&self.cursor_key, &owner, &position));
        self.reply(context, Body::Page { rows, next });
    }

    /// The task goes on: the request waits, and its stream carries what the handler asks.
    fn wait(&mut self, context: RequestContext, owner: &Rc<str>, id: &str, version: u32) {
        if self.service == Service::Leaving {
            return self.push(Output::HangUp { request: context.request });
        }
        // Its connection may have closed between the read and now.
        if !self.peers.has(context.peer) {
            return;
        }
        let slot = self.slots.open(owner, id);
        let Some(entry) = self.slots.get_mut(slot) else { return };
        if entry.followers.waiters() >= MOST_WAITERS {
            return self.refuse(context, Error::Limit(LimitReason::Rate));
        }
        self.peers.wait(context);
        self.waits.wait_for(context.request, slot);
        entry.followers.add_waiter(context);
        let elsewhere = !entry.run.is_here();
        // The task may have ended between the read and now.
        let moved = entry.copy().is_some_and(|(task, seen)| *seen != version && task.phase.is_terminal());
        self.deliver(slot);
        if elsewhere || moved {
            self.check_later(slot);
        }
    }

    pub(super) fn check_later(&mut self, slot: SlotId) {
        if let Some(entry) = self.slots.get_mut(slot)
            && (entry.is_watched() || !entry.unconfirmed.is_empty())
            && let Some(checks) = entry.followers.plan_check()
        {
            let pause = (CHECK_FIRST << checks.min(6)).min(CHECK_LONGEST);
            self.wake_in(pause, Timer::Check(slot));
        }
    }

    /// A blocked `tasks/result` is no more.
    pub(super) fn end_wait(&mut self, request: RequestId) {
        if let Some(job) = self.waits.no_lookup(request) {
            // It is still being looked up.
            self.jobs.ignore(job);
        }
        let Some(slot) = self.waits.no_longer(request) else { return };
        if let Some(context) = self.slots.get_mut(slot).and_then(|entry| entry.followers.remove(request)) {
            self.no_longer_waits(context);
        }
        self.mark_undelivered(slot, request);
        self.deliver(slot);
        self.settle_slot(slot);
    }

    /// A request that waited is answered, or gone.
    pub(super) fn no_longer_waits(&mut self, context: RequestContext) {
        self.waits.no_longer(context.request);
        self.peers.no_longer_waits(context);
    }
}
