//! Changes to tasks: queued in their slot, decided by the lifecycle, written with one compare-and-swap each.

use super::{Ask, Facts, Happening, Output, Pending, Receiver, Request, Timer};
use crate::lifecycle::{self, Command, NewInput, Refusal};
use crate::storage::{Completion, Job, Operation, Payload, Record, Source, Stored};
use crate::task::{Failure, Phase, Task};
use crate::wire::capability::Capabilities;
use crate::wire::{self, Body, Error};

/// A swap that keeps losing is given up after this many attempts, and so is one that the store keeps failing.
const ATTEMPTS: u32 = 64;
/// The first and the longest pause before a failed write of an outcome is repeated, in ms (H93).
const RETRY_FIRST: i64 = 100;
const RETRY_LONGEST: i64 = 10_000;

/// What is to become of a task, and who waits for it.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The handler sets the status message.
    Note(String),
    /// The handler waits for input.
    Ask { ask: Ask, input: NewInput },
    /// The handler ended with `input_required`.
    AskInResult { call: Request, inputs: Vec<NewInput>, state: bool },
    /// The handler gave an input request up.
    Withdraw { key: String },
    /// `tasks/update`: these keys are answered, each with what its value looks like.
    Update { facts: Facts, answers: Vec<(String, super::Shape)> },
    /// The client answered a handler's own request.
    Answered { ask: Ask, key: String },
    Complete { call: Request, tool_failed: bool },
    Fail { call: Request, failure: Option<Failure> },
    /// `tasks/cancel`.
    Cancel(Facts),
    Expire,
    Extend,
    /// A task nobody heard of ends before it began.
    Discard,
    /// Nothing changes: see how the task stands, for those who wait for it.
    Check,
}

impl Receiver {
    /// Queues a change.
    pub(super) fn change(&mut self, number: u32, change: Change) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        // Only the newest status message matters.
        if let (Change::Note(_), Some(last @ Change::Note(_))) = (&change, slot.queue.back_mut()) {
            *last = change;
            return;
        }
        slot.queue.push_back(change);
        self.advance(number);
    }

    /// Takes the next change of a slot in hand.
    pub(super) fn advance(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number).filter(|slot| !slot.busy) else { return };
        let Some(change) = slot.queue.front() else {
            return self.settle_slot(number);
        };
        slot.busy = true;
        let payload = change.reads_payload();
        if !payload && let Some((task, version)) = slot.cached.clone() {
            return self.decide(number, None, task, version);
        }
        let operation = Operation::Get { owner: slot.owner.clone(), id: slot.id.clone(), payload };
        let job = self.job(Pending::Load { slot: number });
        self.push(Output::Store { job, operation });
    }

    /// The record is here: it is decided.
    pub(super) fn loaded(&mut self, job: Job, number: u32, completion: Completion) {
        match completion {
            Completion::Record(Some(record)) => match Task::from_state(&record.state) {
                Some(task) => self.decide(number, Some(job), task, record.version),
                None => self.give_up(number, Some(job), Error::internal()),
            },
            Completion::Record(None) => self.missing(number, job),
            _ => self.retry_or_give_up(number, Some(job)),
        }
    }

    /// Asks the lifecycle about the change at the head of the queue.
    fn decide(&mut self, number: u32, job: Option<Job>, task: Task, version: u32) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let Some(change) = slot.queue.front().cloned() else {
            slot.busy = false;
            return self.finish(job);
        };
        slot.cached = Some((task.clone(), version));
        let hidden = change.facts().is_some_and(|facts| {
            task.is_gone(self.now) || (task.generation != facts.generation && !self.cross_generation)
        });
        if hidden {
            return self.missing_for(number, job, &change);
        }
        let command = match self.command(number, &change, &task) {
            Ok(Some(command)) => command,
            Ok(None) => return self.checked(number, job, &task),
            Err(error) => return self.give_up(number, job, error),
        };
        match lifecycle::apply(&task, &command, self.now) {
            Ok(next) => self.write(number, job, &change, &task, next, version),
            Err(refusal) => self.refused(number, job, &change, refusal, &task),
        }
    }

    /// The lifecycle's command for a change; `None` if nothing is to change.
    fn command(&self, number: u32, change: &Change, task: &Task) -> Result<Option<Command>, Error> {
        Ok(Some(match change {
            Change::Note(message) => Command::Note(message.clone()),
            Change::Ask { input, .. } => Command::Ask { inputs: vec![input.clone()], resumable: false },
            Change::AskInResult { inputs, .. } => Command::Ask { inputs: inputs.clone(), resumable: true },
            Change::Withdraw { key } => Command::Withdraw(vec![key.clone()]),
            Change::Update { answers, .. } => {
                let mut keys = Vec::new();
                for (key, shape) in answers {
                    let Some(input) = task.inputs.iter().find(|input| !input.answered && input.key == *key) else { continue };
                    if !shape.answers(input.kind) {
                        return Err(Error::invalid_params("`inputResponses` holds a value that does not answer its input request"));
                    }
                    keys.push(key.clone());
                }
                Command::Answer { keys, kept: !self.waits_here(number) }
            }
            Change::Answered { key, .. } => Command::Answer { keys: vec![key.clone()], kept: false },
            Change::Complete { tool_failed, .. } => Command::Complete { tool_failed: *tool_failed },
            Change::Fail { failure, .. } => Command::Fail(*failure),
            Change::Cancel(_) if task.cooperative => Command::RequestCancel,
            Change::Cancel(_) | Change::Discard => Command::Cancel,
            Change::Expire if !task.is_expired(self.now) => return Ok(None),
            Change::Expire => Command::Expire,
            Change::Extend => Command::Extend(task.ttl.unwrap_or_default()),
            Change::Check => return Ok(None),
        }))
    }

    /// Whether the handler that waits for input runs here.
    fn waits_here(&self, number: u32) -> bool {
        self.slots.get(number).is_some_and(|slot| slot.call.is_some())
    }

    fn write(&mut self, number: u32, read: Option<Job>, change: &Change, task: &Task, next: Task, version: u32) {
        let Some(slot) = self.slots.get(number) else { return };
        let payload = change.payload(slot, task, &next);
        let record = Record {
            owner: slot.owner.clone(),
            id: slot.id.clone(),
            version: version.saturating_add(1),
            created_at: next.created_at,
            due_at: next.due_at(),
            state: next.to_state(),
        };
        let pending =
            Pending::Swap { slot: number, change: Box::new(change.clone()), next: Box::new(next), version: record.version };
        // The write goes on under the job that read, so that the host adds to the payload it has read.
        let job = match read {
            Some(job) => {
                self.jobs.insert(job, pending);
                job
            }
            None => self.job(pending),
        };
        self.push(Output::Store { job, operation: Operation::Put { record, payload } });
    }

    /// The store has answered a swap.
    pub(super) fn swapped(&mut self, job: Job, number: u32, change: Change, next: Task, version: u32, completion: &Completion) {
        let Some(slot) = self.slots.get_mut(number) else { return self.finish(Some(job)) };
        match completion {
            Completion::Done(true) => {
                let before = slot.cached.take().map(|(task, _)| task);
                slot.cached = Some((next.clone(), version));
                slot.queue.pop_front();
                slot.attempts = 0;
                slot.busy = false;
                self.committed(job, number, change, before.as_ref(), &next);
                self.finish(Some(job));
                self.advance(number);
            }
            Completion::Done(false) => {
                // Somebody else was faster: read again and ask again.
                slot.cached = None;
                slot.busy = false;
                slot.attempts += 1;
                if slot.attempts > ATTEMPTS {
                    return self.give_up(number, Some(job), Error::storage());
                }
                self.finish(Some(job));
                self.advance(number);
            }
            Completion::NotJson | Completion::Full { bytes: true } => {
                let failure = if *completion == Completion::NotJson { Failure::NotJson } else { Failure::TooLarge };
                match (&change, slot.queue.front_mut()) {
                    (Change::Complete { call, .. } | Change::Fail { call, failure: None }, Some(head)) => {
                        *head = Change::Fail { call: *call, failure: Some(failure) };
                        slot.busy = false;
                        self.finish(Some(job));
                        self.advance(number);
                    }
                    _ => self.give_up(number, Some(job), Error::limit(crate::wire::LimitReason::Payload)),
                }
            }
            _ => self.retry_or_give_up(number, Some(job)),
        }
    }

    /// The store has the change: it takes effect (X-STO-09, G26-UPD-11).
    fn committed(&mut self, job: Job, number: u32, change: Change, before: Option<&Task>, next: &Task) {
        match change {
            Change::Ask { ask, .. } => self.asked(number, ask, next),
            Change::AskInResult { .. } => {
                self.uncount(number);
                self.end_call(number);
            }
            Change::Withdraw { key } => self.forget_ask(number, &key),
            Change::Update { facts, answers } => {
                let keys: Vec<String> = answers.into_iter().map(|(key, _)| key).collect();
                self.answered(number, Some(facts.request), &keys);
                self.reply(facts, Body::Ack);
                if next.resumable && next.phase == Phase::Working {
                    self.restart(number, facts, job, next);
                }
                self.push(Output::Forget { request: facts.request });
            }
            Change::Answered { ask, key } => {
                self.push(Output::Answered { ask, from: None });
                self.forget_ask(number, &key);
            }
            Change::Cancel(facts) => {
                let id = self.slots.get(number).map(|slot| slot.id.clone()).unwrap_or_default();
                match facts.generation {
                    wire::Generation::G25 => self.reply(facts, Body::State { id, task: next.clone() }),
                    wire::Generation::G26 => self.reply(facts, Body::Ack),
                }
                if !next.phase.is_terminal()
                    && let Some(call) = self.slots.get(number).and_then(|slot| slot.call)
                {
                    self.push(Output::Abort { call, silently: true });
                }
            }
            Change::Extend => {
                if let Some(at) = next.expires_at() {
                    self.deadlines.set(at, Timer::Expire(number));
                }
            }
            Change::Discard => self.delete(number),
            Change::Note(_) | Change::Complete { .. } | Change::Fail { .. } | Change::Expire | Change::Check => {}
        }
        if next.phase.is_terminal() {
            self.ended(job, number, next);
        } else if before.is_none_or(|before| before.phase != next.phase || before.message != next.message) {
            self.event(Happening::Status, number);
        }
    }

    /// The task has ended, here or elsewhere: the handler stops, its input is withdrawn, who waits is answered.
    pub(super) fn ended(&mut self, job: Job, number: u32, task: &Task) {
        self.uncount(number);
        let Some(slot) = self.slots.get_mut(number) else { return };
        let asks = std::mem::take(&mut slot.asks);
        let waiters = std::mem::take(&mut slot.waiters);
        let call = slot.call;
        let id = slot.id.clone();
        slot.queue.retain(|change| change.facts().is_some() || matches!(change, Change::Check));
        let stopped = task.phase == Phase::Cancelled || task.failure.is_some_and(|failure| matches!(failure, Failure::Expired | Failure::Lost));
        if let Some(call) = call
            && stopped
        {
            self.push(Output::Abort { call, silently: false });
        }
        for ask in asks {
            self.asks.remove(&ask.ask);
            self.push(Output::Withdraw { ask: ask.ask, delivered: ask.delivered, reason: super::Withdrawal::Ended });
        }
        for facts in waiters {
            self.waiting.remove(&facts.request);
            self.push(Output::Reply {
                request: facts.request,
                generation: facts.generation,
                job: Some(job),
                body: Body::Outcome { id: id.clone(), task: task.clone() },
            });
        }
        self.end_call(number);
        self.event(
            match (task.phase, task.failure) {
                (_, Some(Failure::Expired)) => Happening::Expired,
                (Phase::Cancelled, _) => Happening::Cancelled,
                (Phase::Failed, _) => Happening::Failed,
                _ => Happening::Completed,
            },
            number,
        );
    }

    /// Nothing changes: those who wait learn how the task stands.
    fn checked(&mut self, number: u32, job: Option<Job>, task: &Task) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.queue.pop_front();
            slot.busy = false;
        }
        if let Some(job) = job.filter(|_| task.phase.is_terminal()) {
            self.ended(job, number, task);
        }
        self.finish(job);
        self.advance(number);
    }

    fn refused(&mut self, number: u32, job: Option<Job>, change: &Change, refusal: Refusal, task: &Task) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.queue.pop_front();
            slot.busy = false;
        }
        match change {
            Change::Cancel(facts) if facts.generation == wire::Generation::G25 => self.refuse(*facts, Error::already_terminal()),
            Change::Cancel(facts) => self.reply(*facts, Body::Ack),
            Change::Update { facts, .. } => {
                self.reply(*facts, Body::Ack);
                self.push(Output::Forget { request: facts.request });
            }
            Change::Complete { .. } | Change::Fail { .. } | Change::AskInResult { .. } => {
                self.event(Happening::LateOutcome, number);
                self.end_call(number);
            }
            Change::Ask { ask, .. } => {
                self.push(Output::Withdraw { ask: *ask, delivered: false, reason: super::Withdrawal::Ended });
                self.forget_ask_number(number, *ask);
            }
            _ => {}
        }
        // The task ended elsewhere while it ran here; what is in the store is the truth.
        if refusal == Refusal::Terminal && self.slots.get(number).is_some_and(|slot| slot.call.is_some() || !slot.waiters.is_empty()) {
            match job {
                Some(job) => self.ended(job, number, task),
                None => {
                    if let Some(slot) = self.slots.get_mut(number) {
                        slot.cached = None;
                        slot.queue.push_front(Change::Check);
                    }
                }
            }
        }
        self.finish(job);
        self.advance(number);
    }

    /// The store does not have the task (any more).
    fn missing(&mut self, number: u32, job: Job) {
        let Some(slot) = self.slots.get_mut(number) else { return self.finish(Some(job)) };
        slot.cached = None;
        let queue = std::mem::take(&mut slot.queue);
        let waiters = std::mem::take(&mut slot.waiters);
        let asks = std::mem::take(&mut slot.asks);
        slot.busy = false;
        if let Some(call) = slot.call {
            self.push(Output::Abort { call, silently: false });
        }
        self.end_call(number);
        for change in queue {
            if let Some(facts) = change.facts() {
                self.refuse(facts, Error::not_found());
                self.push(Output::Forget { request: facts.request });
            }
        }
        for facts in waiters {
            self.waiting.remove(&facts.request);
            self.refuse(facts, Error::expired());
        }
        for ask in asks {
            self.asks.remove(&ask.ask);
            self.push(Output::Withdraw { ask: ask.ask, delivered: ask.delivered, reason: super::Withdrawal::Ended });
        }
        self.finish(Some(job));
        self.settle_slot(number);
    }

    /// The task is there, but not for this request.
    fn missing_for(&mut self, number: u32, job: Option<Job>, change: &Change) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.queue.pop_front();
            slot.busy = false;
        }
        if let Some(facts) = change.facts() {
            self.refuse(facts, Error::not_found());
            self.push(Output::Forget { request: facts.request });
        }
        self.finish(job);
        self.advance(number);
    }

    /// The change at the head cannot be made.
    fn give_up(&mut self, number: u32, job: Option<Job>, error: Error) {
        let Some(slot) = self.slots.get_mut(number) else { return self.finish(job) };
        slot.busy = false;
        slot.attempts = 0;
        let change = slot.queue.pop_front();
        match change {
            Some(change) if change.facts().is_some() => {
                if let Some(facts) = change.facts() {
                    self.refuse(facts, error);
                    self.push(Output::Forget { request: facts.request });
                }
            }
            Some(Change::Ask { ask, .. }) => {
                self.push(Output::Withdraw { ask, delivered: false, reason: super::Withdrawal::Storage });
                self.forget_ask_number(number, ask);
            }
            Some(Change::Complete { .. } | Change::Fail { .. } | Change::AskInResult { .. }) => self.end_call(number),
            _ => {}
        }
        self.finish(job);
        self.advance(number);
    }

    /// The store failed: an outcome is worth waiting for, a request is answered.
    fn retry_or_give_up(&mut self, number: u32, job: Option<Job>) {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(number) else { return self.finish(job) };
        slot.attempts += 1;
        let patient = slot.queue.front().is_some_and(|change| change.facts().is_none());
        if !patient || slot.attempts > ATTEMPTS {
            return self.give_up(number, job, Error::storage());
        }
        slot.cached = None;
        let pause = RETRY_FIRST.saturating_mul(1 << slot.attempts.min(10)).min(RETRY_LONGEST);
        self.deadlines.set(now.saturating_add(pause), Timer::Retry(number));
        self.finish(job);
    }

    pub(super) fn finish(&mut self, job: Option<Job>) {
        if let Some(job) = job {
            self.push(Output::Finish { job });
        }
    }

    /// Removes a task that nobody heard of.
    fn delete(&mut self, number: u32) {
        let Some(slot) = self.slots.get(number) else { return };
        let Some((_, version)) = &slot.cached else { return };
        let operation = Operation::Delete { owner: slot.owner.clone(), id: slot.id.clone(), version: *version };
        let job = self.job(Pending::Delete);
        self.push(Output::Store { job, operation });
    }

    /// Lets go of a slot whose task could not be created.
    pub(super) fn discard_slot(&mut self, number: u32) {
        self.uncount(number);
        self.slots.close(number);
    }

    pub(super) fn event(&mut self, happening: Happening, number: u32) {
        let Some(slot) = self.slots.get(number) else { return };
        let (tool, phase) = slot.cached.as_ref().map_or((String::new(), None), |(task, _)| (task.tool.clone(), Some(task.phase)));
        let output = Output::Event { happening, owner: slot.owner.clone(), id: slot.id.clone(), tool, phase };
        self.push(output);
    }

    /// `tasks/cancel` (G25-CAN-02, G26-CAN-02).
    pub fn handle_cancel(&mut self, now: crate::task::Millis, facts: Facts, id: Option<&str>) {
        self.tick(now);
        if let Some(slot) = self.slot_for(facts, id) {
            self.change(slot, Change::Cancel(facts));
        }
    }

    /// Finds or opens the slot of the task a request names; answers the request if there is none.
    pub(super) fn slot_for(&mut self, facts: Facts, id: Option<&str>) -> Option<u32> {
        let (owner, id) = self.address(facts, id)?;
        Some(self.slots.open(owner, &id))
    }

    /// The owner and id that a request names, if it may name any; answers it otherwise (G26-ERR-06).
    pub(super) fn address(&mut self, facts: Facts, id: Option<&str>) -> Option<(std::rc::Rc<str>, String)> {
        if facts.generation == wire::Generation::G26 && !facts.capabilities.contains(Capabilities::TASKS) {
            self.refuse(facts, Error::missing_capability(Capabilities::TASKS));
            return None;
        }
        let Some(id) = id else {
            self.refuse(facts, Error::invalid_params("`taskId` must be a string"));
            return None;
        };
        let owner = self.owner_of(facts.peer).filter(|_| crate::id::is_wellformed(id));
        if owner.is_none() {
            self.refuse(facts, Error::not_found());
        }
        Some((owner?, id.to_owned()))
    }
}

impl Change {
    /// The request that waits for this change.
    pub(super) fn facts(&self) -> Option<Facts> {
        match self {
            Self::Cancel(facts) | Self::Update { facts, .. } => Some(*facts),
            _ => None,
        }
    }

    /// Whether what is stored must be read before it can be changed.
    fn reads_payload(&self) -> bool {
        matches!(self, Self::Ask { .. } | Self::AskInResult { .. } | Self::Withdraw { .. } | Self::Update { .. } | Self::Check)
    }

    /// What becomes of the payload.
    fn payload(&self, slot: &super::Slot, task: &Task, next: &Task) -> Payload {
        let onto = |remove: Vec<Stored>, set: Vec<(Stored, Source)>| Payload::Write { onto_read: true, remove, set };
        let only = |part: Stored, call: Request| Payload::Write { onto_read: false, remove: Vec::new(), set: vec![(part, Source::Outcome(call))] };
        match self {
            Self::Ask { ask, .. } => {
                let nested = slot.asks.iter().any(|pending| pending.ask == *ask && pending.nested);
                match next.inputs.last() {
                    Some(input) if !nested => onto(Vec::new(), vec![(Stored::Input(input.key.clone()), Source::Ask(*ask))]),
                    _ => Payload::Keep,
                }
            }
            Self::AskInResult { call, state, .. } => {
                let before = |key: &str| task.inputs.iter().any(|input| input.key == key);
                let remove = task
                    .inputs
                    .iter()
                    .filter(|input| input.answered)
                    .map(|input| Stored::Answer(input.key.clone()))
                    .chain([Stored::State])
                    .collect();
                let mut set: Vec<(Stored, Source)> = next
                    .inputs
                    .iter()
                    .filter(|input| !before(&input.key))
                    .map(|input| (Stored::Input(input.key.clone()), Source::Asked { call: *call, name: input.name.clone() }))
                    .collect();
                if *state {
                    set.push((Stored::State, Source::Outcome(*call)));
                }
                set.push((Stored::Request, Source::Request(*call)));
                onto(remove, set)
            }
            Self::Withdraw { key } => onto(vec![Stored::Input(key.clone())], Vec::new()),
            Self::Update { facts, answers } => {
                let taken = |key: &str| {
                    task.inputs.iter().any(|input| !input.answered && input.key == key)
                        && !next.inputs.iter().any(|input| !input.answered && input.key == key)
                };
                let kept = |key: &str| next.inputs.iter().any(|input| input.key == key);
                let keys: Vec<&String> = answers.iter().map(|(key, _)| key).filter(|key| taken(key)).collect();
                onto(
                    keys.iter().map(|key| Stored::Input((*key).clone())).collect(),
                    keys.iter()
                        .filter(|key| kept(key))
                        .map(|key| {
                            (Stored::Answer((*key).clone()), Source::Response { request: facts.request, key: (*key).clone() })
                        })
                        .collect(),
                )
            }
            Self::Complete { call, .. } => only(Stored::Result, *call),
            Self::Fail { call, failure: None } => only(Stored::Error, *call),
            Self::Fail { .. } | Self::Expire | Self::Discard => Payload::nothing(),
            Self::Cancel(_) if next.phase.is_terminal() => Payload::nothing(),
            Self::Note(_) | Self::Answered { .. } | Self::Cancel(_) | Self::Extend | Self::Check => Payload::Keep,
        }
    }
}
