//! Who runs a task (X-STO-04, X-STO-05): leases, runs that are over without knowing it, and what becomes of a task
//! whose process was lost.
//!
//! A lease says for how long its holder may be silent before others may take a task (`sightings.rs`); the epoch in the
//! record says which run of the handler is the latest. The lease only decides when others may try. What keeps a task to
//! one outcome is the compare-and-swap: a run whose epoch is no longer the record's writes nothing more, however late
//! it wakes.

use std::rc::Rc;

use super::change::Change;
use super::event::Happening;
use super::read::Read;
use super::receiver::Receiver;
use super::service::Service;
use super::timers::Timer;
use super::types::{NO_PEER, RequestContext, RequestId, SlotId, Stop};
use crate::lifecycle::Command;
use crate::task::{Failure, OnLost, Task};
use crate::wire::capability::Capabilities;

impl Receiver {
    /// The host can make a server for a task that must run again where no connection of its owner is open.
    pub fn run_alone(&mut self) {
        self.runs_alone = true;
    }

    /// Whatever is written of a task that runs here, or is about to, extends its lease.
    pub(super) fn extend_lease(&self, number: SlotId, task: &Task, next: &mut Task, change: &Change) {
        let held = !next.phase.is_terminal() && !next.awaits_answers() && !matches!(change, Change::Release);
        if held && (next.epoch != task.epoch || self.runs_here(number)) {
            let mut lease = self.holder.lease();
            // A run that goes on keeps what another version stored with its lease.
            if let Some(old) = next.lease.take().filter(|old| old.holder == lease.holder && next.epoch == task.epoch) {
                lease.unknown = old.unknown;
            }
            next.lease = Some(lease);
        }
    }

    /// Sees to it that the lease of a task that runs here is renewed in time.
    pub(super) fn renew_later(&mut self, number: SlotId) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.run.plan_renewal()
        {
            self.wake_in(self.holder.third(), Timer::Renew(number));
        }
    }

    /// A third of a lease is over: it is renewed, unless another write has done so on its way.
    pub(super) fn renew(&mut self, number: SlotId) {
        let now = self.clock.now();
        let Some(slot) = self.slots.get_mut(number) else { return };
        let fresh_until = slot.run.fresh_until(self.holder.third());
        if !slot.run.goes_on() {
            return;
        }
        if fresh_until > now {
            return self.timers.set(fresh_until, Timer::Renew(number));
        }
        self.wake_in(self.holder.third(), Timer::Renew(number));
        if self.awaits_renewal(number) {
            self.abandon_slow(number);
        }
        // What is on its way need not write: a look at how the task stands, or what a client repeats. Nothing of it may
        // be in the way of a renewal each time.
        if !self.awaits_renewal(number) {
            self.change_next(number, Change::Renew);
        }
    }

    fn awaits_renewal(&self, number: SlotId) -> bool {
        self.slots.get(number).is_some_and(|slot| slot.queue.has(|change| matches!(change, Change::Renew)))
    }

    /// Does not wait any longer for an operation on a task that takes as long as there is between two renewals of its
    /// lease.
    fn abandon_slow(&mut self, number: SlotId) {
        if let Some(job) = self.jobs.slow(number, self.holder.third(), self.clock.now()) {
            self.abandon(job);
        }
    }

    /// Whether the run of the task that is here has been followed by another one.
    pub(super) fn is_stale(&mut self, number: SlotId, task: &Task) -> bool {
        let ours = self.holder.holds(task);
        self.slots.get_mut(number).is_some_and(|slot| slot.run.is_stale(task, ours))
    }

    /// The run that is here is over: its handler stops, and what it still wanted to write is dropped (H26).
    pub(super) fn fence(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.queue.rest();
        let late = slot.queue.has(Change::is_outcome);
        slot.queue.keep(|change| !change.is_of_run());
        slot.unconfirmed.end_run();
        if let Some(call) = slot.run.call() {
            self.stop(call, Stop::Lost);
        }
        if late {
            self.event(Happening::LateOutcome, number);
        }
        self.end_run(number);
    }

    /// What is to become of a task whose process was lost, as far as this receiver can bring it about. `on`: the
    /// request that met it.
    pub(super) fn recovery(&self, number: SlotId, task: &Task, on: Option<RequestContext>) -> Option<Command<'static>> {
        let slot = self.slots.get(number).filter(|slot| !slot.run.is_here())?;
        match task.on_lost {
            OnLost::Fail => Some(Command::Fail(Some(Failure::Lost))),
            // Its handler would be told to stop before anything else.
            OnLost::Restart if task.cancel_requested => Some(Command::Cancel),
            OnLost::Restart if task.lease.is_some() && task.restarts == 0 => Some(Command::Fail(Some(Failure::Lost))),
            OnLost::Restart => {
                let can = self.service == Service::Open
                    && self.running.has_room(slot.owner(), &self.limits)
                    && self.place(slot.owner(), task, on).is_some();
                can.then_some(Command::Restart)
            }
        }
    }

    /// Where a task of `owner`'s can run again: on a connection, or on a server of its own.
    pub(super) fn place(&self, owner: &Rc<str>, task: &Task, on: Option<RequestContext>) -> Option<RequestContext> {
        let alone = RequestContext {
            request: RequestId::new(0),
            peer: NO_PEER,
            generation: task.generation,
            capabilities: Capabilities::ALL,
            lists: false,
        };
        self.peers.place(owner, task.generation, on).or_else(|| self.runs_alone.then_some(alone))
    }

    /// Settles what becomes of a task whose process was lost.
    pub(super) fn recover(&mut self, number: SlotId, on: Option<RequestContext>) {
        let coming = self
            .slots
            .get(number)
            .is_some_and(|slot| slot.queue.has(|change| matches!(change, Change::Recover { .. })));
        if !coming {
            self.change(number, Change::Recover { on });
        }
    }

    /// A read has met a task whose process was lost: it is answered when that is settled, so that nobody sees it work
    /// who later hears that it did not.
    pub(super) fn read_later(&mut self, number: SlotId, read: Read) {
        let context = read.context;
        self.waits.wait_for(context.request, number);
        if let Some(slot) = self.slots.get_mut(number) {
            slot.followers.add_read(read);
        }
        self.recover(number, Some(context));
    }

    /// It is settled, or cannot be: those who read the task see how it is.
    pub(super) fn read_settled(&mut self, number: SlotId) {
        let reads = self.slots.get_mut(number).map(|slot| slot.followers.take_reads()).unwrap_or_default();
        for read in reads {
            self.waits.no_longer(read.context.request);
            self.look_up(Read { settled: true, ..read });
        }
    }
}
