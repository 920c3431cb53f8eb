//! The receiver: its parts, and what all that it does needs.

use std::collections::VecDeque;
use std::rc::Rc;

use super::buckets::Buckets;
use super::calls::Calls;
use super::clock::Clock;
use super::holder::Holder;
use super::jobs::Jobs;
use super::outbox::Outbox;
use super::output::Output;
use super::peers::Peers;
use super::policy::{Policies, Policy};
use super::reported::Reported;
use super::running::Running;
use super::service::Service;
use super::sightings::Sightings;
use super::slots::Slots;
use super::subscriptions::Subscriptions;
use super::sweep::Sweep;
use super::timers::Timers;
use super::turns::Turns;
use super::types::{InputRequestId, JobId, RequestContext, RequestId, SlotId, Stop, Withdrawal};
use super::waits::Waits;
use super::write_ids::WriteIds;
use crate::cursor;
use crate::limit::Limits;
use crate::method::Methods;
use crate::table::Table;
use crate::task::Millis;
use crate::wire::{Body, Error};

/// The receiver. Inputs are `handle_*`, outputs `poll_output`; drain them after every input.
pub struct Receiver {
    pub(super) limits: Limits,
    pub(super) cross_generation: bool,
    /// The methods whose calls may become tasks.
    pub(super) methods: Methods,
    pub(super) cursor_key: [u8; cursor::KEY],
    /// What ids begin with.
    pub(super) id_prefix: Rc<str>,
    pub(super) write_ids: WriteIds,
    /// Somebody listens to events.
    pub(super) audited: bool,
    pub(super) clock: Clock,
    pub(super) holder: Holder,
    /// The host makes a server for a task that must run again where no connection of its owner is.
    pub(super) runs_alone: bool,
    pub(super) service: Service,
    pub(super) policies: Policies,
    pub(super) peers: Peers,
    pub(super) calls: Calls,
    pub(super) slots: Slots,
    /// The slot of each input request that a handler here waits for.
    pub(super) input_slots: Table<InputRequestId, SlotId>,
    pub(super) waits: Waits,
    pub(super) reported: Reported,
    pub(super) subscriptions: Subscriptions,
    /// Requestors hear of changes unasked, where the generation has it.
    pub(super) tells_requestors: bool,
    pub(super) sightings: Sightings,
    pub(super) jobs: Jobs,
    pub(super) running: Running,
    pub(super) buckets: Buckets,
    pub(super) timers: Timers,
    pub(super) sweep: Sweep,
    pub(super) outbox: Outbox,
    pub(super) turns: Turns,
    pub(super) outputs: VecDeque<Output>,
}

impl Receiver {
    pub fn new(limits: Limits, cross_generation: bool, cursor_key: [u8; cursor::KEY]) -> Self {
        Self {
            limits,
            cross_generation,
            methods: Methods::OFFERED,
            cursor_key,
            id_prefix: Rc::from(""),
            write_ids: WriteIds::default(),
            audited: true,
            clock: Clock::default(),
            holder: Holder::new(),
            runs_alone: false,
            service: Service::Open,
            policies: Policies::default(),
            peers: Peers::default(),
            calls: Calls::new(),
            slots: Slots::new(cursor_key),
            input_slots: Table::new(),
            waits: Waits::default(),
            reported: Reported::default(),
            subscriptions: Subscriptions::default(),
            tells_requestors: true,
            sightings: Sightings::default(),
            jobs: Jobs::default(),
            running: Running::default(),
            buckets: Buckets::new(limits.rates),
            timers: Timers::new(),
            sweep: Sweep::default(),
            outbox: Outbox::default(),
            turns: Turns::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Gives writes ids, so that one whose answer was lost is recognised. `random` must differ between receivers on one
    /// store.
    pub fn identify(&mut self, random: u64) {
        self.write_ids = WriteIds::new(random);
        self.sweep = Sweep::new(random);
    }

    /// Under which name, and for how many ms at a time, this receiver holds the tasks that it runs (X-STO-04). The name
    /// must differ between processes on one store; one that follows another in the same process keeps it, and its
    /// tasks.
    pub fn lease(&mut self, holder: &str, length: Millis) {
        self.holder.set_up(holder, length);
    }

    /// Times that this receiver writes are by the clock of this name: all receivers of a process have one. Other clocks
    /// may differ from it by up to `skew` ms: no task ends, nor disappears, before its announced time by the clock that
    /// made it.
    pub fn keep_time(&mut self, clock: &str, skew: Millis) {
        self.clock.set_up(clock, skew);
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
        self.policies.add(policy)
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn reply(&mut self, context: RequestContext, body: Body) {
        self.answer(context, None, body);
    }

    /// The answer is about what `job` has read.
    pub(super) fn answer(&mut self, context: RequestContext, job: Option<JobId>, body: Body) {
        self.push(Output::Reply { request: context.request, generation: context.generation, job, body });
    }

    pub(super) fn refuse(&mut self, context: RequestContext, error: Error) {
        self.reply(context, Body::Error(error));
    }

    pub(super) fn refuse_and_forget(&mut self, context: RequestContext, error: Error) {
        self.refuse(context, error);
        self.forget(context);
    }

    /// The values of the request can go.
    pub(super) fn forget(&mut self, context: RequestContext) {
        self.push(Output::Forget { request: context.request });
    }

    /// The call is over, and its values can go.
    pub(super) fn release(&mut self, call: RequestId) {
        self.calls.remove(call);
        self.push(Output::Release { call });
    }

    /// The call's handler stops.
    pub(super) fn stop(&mut self, call: RequestId, reason: Stop) {
        self.push(Output::Abort { call, reason, silently: false });
    }

    pub(super) fn withdraw(&mut self, input: InputRequestId, delivered: bool, reason: Withdrawal) {
        self.push(Output::Withdraw { input, delivered, reason });
    }

    /// What is still in hand: calls, slots, input requests, waiters, lookups, store operations, counted tasks, outputs.
    #[doc(hidden)]
    pub fn in_hand(&self) -> [usize; 8] {
        let (owners, running) = self.running.counts();
        let [waiting, lookups] = self.waits.counts();
        [
            self.calls.len(),
            self.slots.len(),
            self.input_slots.len(),
            waiting + self.subscriptions.len() + self.peers.waits(),
            lookups,
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
