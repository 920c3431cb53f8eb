//! Runs tasks: the receiver, on whichever side of a connection calls arrive.
//!
//! A *call* is a request on its way through that can become a task; a *slot* is a task that this receiver runs, waits
//! for, or is about to change. Changes to one task queue in its slot: each is decided by the lifecycle, written with
//! one compare-and-swap, and has its effects only when the store has it. Reads go straight to the store.

mod call;
mod cancel;
mod change;
mod claim;
mod code;
mod create;
mod doubt;
mod effect;
mod event;
mod input;
mod jobs;
mod lease;
mod listen;
mod output;
mod policy;
mod quota;
mod rate;
mod read;
mod run;
mod running;
mod shutdown;
mod silence;
mod slot;
mod sweep;
mod timers;
mod turn;
mod types;
mod unreadable;
mod watch;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::cursor;
use crate::limit::Limits;
use crate::method::Methods;
use crate::storage::{Completion, Operation};
use crate::table::Table;
use crate::task::Millis;
use crate::wire::{Body, Error};

pub use code::{AugmentationCode, OutcomeCode, RequestFault};
pub use event::{Event, Happening};
pub use output::Output;
pub use policy::{MIN_TTL, Policy, Promotion, Support};
pub use types::{
    Augmentation, Called, InputRequestId, JobId, Outcome, PeerId, RESTARTED, RequestContext, RequestId, Route, Shape,
    SlotId, Stop, Trouble, Withdrawal,
};

use call::Call;
use claim::Question;
use jobs::{Jobs, Pending};
use lease::LEASE;
use listen::Listening;
use rate::Buckets;
use running::Running;
use shutdown::Service;
use silence::Observations;
use slot::Slots;
use sweep::Sweep;
use timers::{Timer, Timers};

/// A connection with one owner.
#[derive(Debug)]
struct Connection {
    /// `None`: the owner could not be told, and nothing is created or found for it.
    owner: Option<Rc<str>>,
    /// The client reads this connection as one stream, so requests to it need no other (stdio, in-memory).
    single_stream: bool,
    /// Its requests that wait: blocked `tasks/result`, and calls whose tasks are on their way to the store.
    waits: Table<RequestId, ()>,
    /// What its last request said of itself, while it is open: a task of the same owner can run again on it.
    last: Option<RequestContext>,
    /// The tasks that it has made, the latest first: all that it lists where it has no principal.
    made: VecDeque<String>,
}

/// The receiver. Inputs are `handle_*`, outputs `poll_output`; drain them after every input.
pub struct Receiver {
    limits: Limits,
    cross_generation: bool,
    /// The methods whose calls may become tasks.
    methods: Methods,
    cursor_key: [u8; cursor::KEY],
    now: Millis,
    /// What ids begin with.
    id_prefix: Rc<str>,
    /// The mark of the last write; 0 for none.
    mark: u64,
    /// Somebody listens to events.
    audited: bool,
    /// Who holds the tasks that run here, and for how long at a time, in ms.
    holder: Rc<str>,
    lease: Millis,
    /// By whose clock this receiver writes times, and by how much, in ms, other clocks may differ from it.
    clock: Rc<str>,
    skew: Millis,
    /// The host makes a server for a task that must run again where no connection of its owner is.
    runs_alone: bool,
    service: Service,
    policies: Vec<Policy>,
    peers: Table<PeerId, Connection>,
    calls: Table<RequestId, Call>,
    last_restarted: RequestId,
    slots: Slots,
    /// The slot of each input request that a handler here waits for.
    inputs: Table<InputRequestId, SlotId>,
    /// The slot of each blocked `tasks/result`.
    waiting: Table<RequestId, SlotId>,
    /// The job of each `tasks/result` that is being looked up.
    reading: Table<RequestId, JobId>,
    reported: unreadable::Reported,
    /// The subscriptions.
    listens: Table<RequestId, Listening>,
    /// Requestors hear of changes unasked, where the generation has it.
    tells_requestors: bool,
    observations: Observations,
    jobs: Jobs,
    running: Running,
    buckets: Buckets,
    timers: Timers,
    sweep: Sweep,
    /// Slots whose next change waits for its turn, and whether a turn is being taken.
    turns: Vec<SlotId>,
    turning: bool,
    outputs: VecDeque<Output>,
}

impl Receiver {
    pub fn new(limits: Limits, cross_generation: bool, cursor_key: [u8; cursor::KEY]) -> Self {
        Self {
            limits,
            cross_generation,
            methods: Methods::OFFERED,
            cursor_key,
            now: 0,
            id_prefix: Rc::from(""),
            mark: 0,
            audited: true,
            holder: Rc::from(""),
            lease: LEASE,
            clock: Rc::from(""),
            skew: 0,
            runs_alone: false,
            service: Service::Open,
            policies: Vec::new(),
            peers: Table::new(),
            calls: Table::new(),
            last_restarted: RESTARTED,
            slots: Slots::new(cursor_key),
            inputs: Table::new(),
            waiting: Table::new(),
            reading: Table::new(),
            reported: unreadable::Reported::default(),
            listens: Table::new(),
            tells_requestors: true,
            observations: Observations::default(),
            jobs: Jobs::default(),
            running: Running::default(),
            buckets: Buckets::new(limits.rates),
            timers: Timers::new(),
            sweep: Sweep::default(),
            turns: Vec::new(),
            turning: false,
            outputs: VecDeque::new(),
        }
    }

    /// Marks writes, so that one whose answer was lost is recognised. `random` must differ between receivers on one
    /// store.
    pub fn identify(&mut self, random: u64) {
        self.mark = random;
        self.sweep = Sweep::new(random);
    }

    /// Under which name, and for how many ms at a time, this receiver holds the tasks that it runs (X-STO-04). The name
    /// must differ between processes on one store; one that follows another in the same process keeps it, and its
    /// tasks.
    pub fn lease(&mut self, holder: &str, length: Millis) {
        self.holder = Rc::from(holder);
        self.lease = length;
    }

    /// Times that this receiver writes are by the clock of this name: all receivers of a process have one. Other clocks
    /// may differ from it by up to `skew` ms: no task ends, nor disappears, before its announced time by the clock that
    /// made it.
    pub fn keep_time(&mut self, clock: &str, skew: Millis) {
        self.clock = Rc::from(clock);
        self.skew = skew;
    }

    /// What a clock shows by now at least.
    fn time_by(&self, clock: &str) -> Millis {
        self.now.saturating_sub(self.skew_of(clock))
    }

    fn skew_of(&self, clock: &str) -> Millis {
        if *clock == *self.clock { 0 } else { self.skew }
    }

    /// When the record of a task that is written now is due.
    fn due_at(&self, task: &crate::task::Task) -> Option<Millis> {
        let skew = if task.keyed && task.phase.is_terminal() { self.skew } else { self.skew_of(&task.clock) };
        task.due_at(self.now, skew)
    }

    /// Whether nobody can see a task any longer, and its record may be deleted.
    fn is_over(&self, task: &crate::task::Task) -> bool {
        let skew = if task.keyed { self.skew } else { self.skew_of(&task.clock) };
        task.is_gone(self.now.saturating_sub(skew))
    }

    /// How long the store may take for one operation, in ms. One that takes longer counts as failed: what it was to
    /// write may have arrived, or may still. `None`: it may take as long as it likes.
    pub fn limit_store(&mut self, limit: Option<Millis>) {
        self.jobs.set_limit(limit);
    }

    /// Task ids begin with `prefix`, which says where a task lives. With it, an id must still be well formed.
    pub fn prefix_ids(&mut self, prefix: &str) {
        self.id_prefix = Rc::from(prefix);
    }

    /// Makes a policy known; its number goes with each call.
    pub fn add_policy(&mut self, policy: Policy) -> u32 {
        self.policies.push(policy);
        u32::try_from(self.policies.len() - 1).unwrap_or(u32::MAX)
    }

    /// A connection opens, or one of an earlier receiver whose instance was lost goes on under its number.
    /// `owner: None` fails closed (X-SEC-01). `pipe`: it is one stream in both directions.
    pub fn handle_open(&mut self, peer: PeerId, owner: Option<&str>, single_stream: bool) {
        let connection = Connection {
            owner: owner.map(Rc::from),
            single_stream,
            waits: Table::new(),
            last: None,
            made: VecDeque::new(),
        };
        self.peers.insert(peer, connection);
    }

    /// A connection closed. Its waiters are gone; its tasks go on (X-STO-08, G25-RES-11), but for those of 2026-07-28
    /// that nobody will hear of (G26-HTT-07).
    pub fn handle_close(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some(connection) = self.peers.remove(&peer) else { return };
        for request in connection.waits.into_keys() {
            if let Some(call) = self.calls.get_mut(&request).filter(|call| call.needs_caller()) {
                call.dropped = true;
            }
            self.end_wait(request);
        }
        self.unlisten_peer(peer);
        if connection.single_stream {
            self.mark_all_undelivered(peer);
        }
    }

    /// A connection is gone, but a task that runs here still needs to know whose it was: nothing more goes out on it.
    pub fn handle_gone(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some(connection) = self.peers.get_mut(&peer) else { return };
        connection.single_stream = false;
        connection.last = None;
        for request in connection.waits.clone().into_keys() {
            self.end_wait(request);
        }
        self.mark_all_undelivered(peer);
    }

    /// A storage operation ended. One that took too long has ended before, and its answer is ignored.
    pub fn handle_completion(&mut self, now: Millis, job: JobId, completion: Completion) {
        self.tick(now);
        self.complete(job, completion);
    }

    fn complete(&mut self, job: JobId, completion: Completion) {
        let Some((pending, started)) = self.jobs.end(job) else { return };
        if completion != Completion::Failed {
            self.store_answered();
        }
        let turn = match pending {
            Pending::Create { slot, .. } | Pending::Load { slot } | Pending::Swap { slot, .. } => Some(slot),
            Pending::Key { question: Question::Doubt { slot }, .. } => Some(slot),
            _ => None,
        };
        match pending {
            Pending::Create { call, slot } => self.created(call, slot, &completion),
            Pending::Usage { call } => self.usage_known(call, &completion),
            Pending::Key { call, ref question } => self.key_answered(call, question, &completion),
            Pending::Load { slot } => self.loaded(job, slot, &completion),
            Pending::Swap { slot, ref change, ref next, version } => {
                self.swapped(job, slot, change, next, version, &completion)
            }
            Pending::Read(ref read) => self.read_completed(job, read, started, &completion),
            Pending::Sweep(ref part) => self.swept(part, started, &completion),
            Pending::Deletion => self.deleted(),
            Pending::Nothing => {}
        }
        // What was read may be on its way back, changed, under the same number.
        if !self.jobs.is_open(job) {
            self.push(Output::Finish { job });
        }
        if let Some(number) = turn {
            self.advance(number);
        }
        self.walk_on();
    }

    /// The next thing that an input has led to. A host may take these alone first, do them, and then
    /// [`poll_output`](Self::poll_output), which also looks at the time.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.next_output() {
            return Some(output);
        }
        // What a store answers at once is answered by now, and needs no timer.
        self.limit_oldest();
        // The next deadline is the last output, and only when it has moved.
        self.timers.announce().map(|at| Output::Wake { at })
    }

    /// Time passes; it never goes back (X-STO-06).
    fn tick(&mut self, now: Millis) {
        self.now = self.now.max(now);
        if self.timers.are_many() {
            let (slots, calls, inputs) = (&self.slots, &self.calls, &self.inputs);
            let (listens, waiting, reading) = (&self.listens, &self.waiting, &self.reading);
            self.timers.forget(|timer| match timer {
                Timer::Promote(call) | Timer::LookAtKey(call) | Timer::ConfirmCreation(call) => {
                    calls.contains_key(call)
                }
                Timer::Expire(slot) | Timer::Renew(slot) | Timer::Retry(slot) | Timer::Check(slot) => {
                    slots.get(*slot).is_some()
                }
                Timer::Lapse(request) => {
                    listens.contains_key(request) || waiting.contains_key(request) || reading.contains_key(request)
                }
                Timer::Carry(input) => inputs.contains_key(input),
                Timer::Sweep | Timer::NextPage | Timer::Observe | Timer::Overdue => true,
            });
        }
    }

    /// Sets a timer for the end of the time that the store has for the oldest operation.
    fn limit_oldest(&mut self) {
        if let Some(at) = self.jobs.time_oldest() {
            self.timers.set(at, Timer::Overdue);
        }
    }

    /// What the store has not answered in time counts as failed.
    fn end_overdue(&mut self) {
        for job in self.jobs.overdue(self.now) {
            self.abandon(job);
        }
    }

    /// Does not wait for an operation any longer.
    fn abandon(&mut self, job: JobId) {
        self.push(Output::Overdue { job });
        self.complete(job, Completion::Failed);
    }

    /// Asks the store; its answer is the completion of what is `pending`.
    fn ask_store(&mut self, pending: Pending, operation: Operation) -> JobId {
        let job = self.jobs.begin(pending, self.now);
        self.push(Output::Store { job, operation });
        job
    }

    fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn reply(&mut self, context: RequestContext, body: Body) {
        self.answer(context, None, body);
    }

    /// The answer is about what `job` has read.
    fn answer(&mut self, context: RequestContext, job: Option<JobId>, body: Body) {
        self.push(Output::Reply { request: context.request, generation: context.generation, job, body });
    }

    fn refuse(&mut self, context: RequestContext, error: Error) {
        self.reply(context, Body::Error(error));
    }

    fn refuse_and_forget(&mut self, context: RequestContext, error: Error) {
        self.refuse(context, error);
        self.forget(context);
    }

    /// The values of the request can go.
    fn forget(&mut self, context: RequestContext) {
        self.push(Output::Forget { request: context.request });
    }

    /// The call is over, and its values can go.
    fn release(&mut self, call: RequestId) {
        self.calls.remove(&call);
        self.push(Output::Release { call });
    }

    /// The call's handler stops.
    fn stop(&mut self, call: RequestId, reason: Stop) {
        self.push(Output::Abort { call, reason, silently: false });
    }

    fn withdraw(&mut self, input: InputRequestId, delivered: bool, reason: Withdrawal) {
        self.push(Output::Withdraw { input, delivered, reason });
    }

    /// What a request says of itself is also said of its connection.
    fn meet(&mut self, context: RequestContext) {
        if let Some(connection) = self.peers.get_mut(&context.peer) {
            connection.last = Some(context);
        }
    }

    fn owner_of(&self, peer: PeerId) -> Option<Rc<str>> {
        self.peers.get(&peer).and_then(|connection| connection.owner.clone())
    }

    /// What is still in hand: calls, slots, input requests, waiters, lookups, store operations, counted tasks, outputs.
    #[doc(hidden)]
    pub fn in_hand(&self) -> [usize; 8] {
        let (owners, running) = self.running.counts();
        [
            self.calls.len(),
            self.slots.len(),
            self.inputs.len(),
            self.waiting.len() + self.listens.len() + self.peers.values().map(|peer| peer.waits.len()).sum::<usize>(),
            self.reading.len(),
            self.jobs.len(),
            owners + running,
            self.outputs.len(),
        ]
    }

    /// As after so many jobs and slots: the next of each has the number after `last`.
    #[doc(hidden)]
    pub fn number_from(&mut self, last: u32) {
        self.jobs.number_from(last.into());
        self.slots.number_from(last);
    }

    /// How many timers are set.
    #[doc(hidden)]
    pub fn timers(&self) -> usize {
        self.timers.len()
    }
}
