//! Who hears of a task's changes without asking: `subscriptions/listen` (2026-07-28), and the requestor of a task that
//! runs here (2025-11-25).
//!
//! A change seen makes the receiver look at the task once more, and what `tasks/get` would answer then goes to
//! everybody who listens. A stream that takes nothing just now is owed the newest state, and only that.

use std::rc::Rc;

use super::change::Change;
use super::output::Output;
use super::read::{Read, ReadKind};
use super::receiver::Receiver;
use super::subscriptions::Heard;
use super::timers::Timer;
use super::types::{JobId, PeerId, RequestContext, RequestId, Route, SlotId};
use crate::limit::Act;
use crate::task::{Millis, Task};
use crate::wire::capability::Capabilities;
use crate::wire::{Body, Error, News};
use crate::{id, wire};

impl Receiver {
    /// `subscriptions/listen` with tasks (G26-CAP-06, G26-SUB-03, G26-SUB-11). Each is read as `tasks/get` would; then
    /// the acknowledgement goes out, and [`Receiver::handle_listening`] follows. `until`: when the authorization is
    /// over.
    pub fn handle_listen(&mut self, now: Millis, context: RequestContext, ids: Vec<String>, until: Option<Millis>) {
        self.tick(now);
        if !ids.is_empty() && !context.capabilities.contains(Capabilities::TASKS) {
            return self.refuse(context, Error::MissingCapability(Capabilities::TASKS));
        }
        if !self.may(context, Act::Read) {
            return;
        }
        let owner = self.peers.owner_of(context.peer);
        if self.subscriptions.count_of(owner.as_ref()) >= self.limits.listens {
            return self.refuse(context, Error::SubscriptionLimit);
        }
        let mut named: Vec<String> = Vec::new();
        for id in ids.into_iter().take(self.limits.listened) {
            if let Some(owner) = owner.clone()
                && id::is_wellformed(&id)
                && !named.contains(&id)
            {
                named.push(id.clone());
                self.look_up(Read { kind: ReadKind::Listened, context, owner, id, settled: false });
            }
        }
        if let Some(at) = until {
            self.handle_lapses_at(context.request, at);
        }
        let is_known = named.is_empty();
        self.subscriptions.open(context, owner, named);
        if is_known {
            self.acknowledge(context.request);
        }
    }

    /// One of the tasks is looked up. `accepted`: it is there, and this subscription may see it.
    pub(super) fn looked_up(&mut self, context: RequestContext, id: &str, accepted: bool) {
        let Some(was_last) = self.subscriptions.looked_up(context.request, id, accepted) else { return };
        if !accepted {
            self.count_miss(context.peer);
        }
        if was_last {
            self.acknowledge(context.request);
        }
    }

    /// All are looked up: the subscription begins (G26-SUB-02).
    fn acknowledge(&mut self, request: RequestId) {
        let Some((context, owner, ids)) = self.subscriptions.take_named(request) else { return };
        if let Some(owner) = owner {
            for id in &ids {
                let number = self.slots.open(&owner, id);
                self.subscriptions.listen(request, number);
                if let Some(slot) = self.slots.get_mut(number) {
                    slot.followers.add_listener(request);
                }
            }
        }
        self.push(Output::Tell {
            request,
            generation: context.generation,
            job: None,
            news: News::Acknowledged { ids },
        });
    }

    /// The acknowledgement is out. The state of each task follows it (G26-SUB-07, H71), or, where there is nothing to
    /// listen to, the end (G26-SUB-14). `ends_stream`: nothing else is subscribed to on this stream.
    pub fn handle_listening(&mut self, now: Millis, request: RequestId, ends_stream: bool) {
        if self.subscriptions.set_ends_stream(request, ends_stream) {
            self.handle_flow(now, request, true);
            self.end_if_silent(request);
        }
    }

    /// The stream takes messages again, or takes none for now (G26-SUB-13).
    pub fn handle_flow(&mut self, now: Millis, request: RequestId, ready: bool) {
        self.tick(now);
        let Some(slots) = self.subscriptions.set_ready(request, ready).filter(|_| ready) else { return };
        for number in slots.into_keys() {
            let Some(slot) = self.slots.get_mut(number) else { continue };
            let elsewhere = !slot.run.is_here();
            if slot.followers.listener_mut(request).is_some_and(Heard::take_owed) {
                self.look(number);
                if elsewhere {
                    self.check_later(number);
                }
            }
        }
    }

    /// The client left the subscription: nothing more is said (G26-SUB-10).
    pub fn handle_unlisten(&mut self, now: Millis, request: RequestId) {
        self.tick(now);
        self.unlisten(request);
    }

    /// The server gives a subscription up (G26-SUB-08).
    pub fn handle_end_listen(&mut self, now: Millis, request: RequestId) {
        self.tick(now);
        self.end_listen(request);
    }

    /// A connection is gone, and its subscriptions with it.
    pub(super) fn unlisten_peer(&mut self, peer: PeerId) {
        for request in self.subscriptions.of_peer(peer) {
            self.unlisten(request);
        }
    }

    /// When the authorization of a request that waits is over.
    pub fn handle_lapses_at(&mut self, request: RequestId, at: Millis) {
        self.timers.set(at, Timer::Lapse(request));
    }

    /// The authorization of a request that waits is over: it hears of its task what a stranger hears (G26-SUB-12, H33).
    pub fn handle_lapse(&mut self, now: Millis, request: RequestId) {
        self.tick(now);
        self.lapse(request);
    }

    pub(super) fn lapse(&mut self, request: RequestId) {
        self.end_listen(request);
        let waiter = self.waits.slot_of(request).and_then(|slot| self.slots.get(slot)?.followers.waiter(request));
        if let Some(context) = waiter {
            self.end_wait(request);
            self.refuse(context, Error::NotFound);
        }
    }

    fn end_listen(&mut self, request: RequestId) {
        if let Some(context) = self.unlisten(request) {
            self.reply(context, Body::Unsubscribed);
        }
    }

    fn unlisten(&mut self, request: RequestId) -> Option<RequestContext> {
        let (context, slots) = self.subscriptions.close(request)?;
        for number in slots.into_keys() {
            if let Some(slot) = self.slots.get_mut(number) {
                slot.followers.remove_listener(request);
            }
            self.settle_slot(number);
        }
        Some(context)
    }

    fn end_if_silent(&mut self, request: RequestId) {
        if self.subscriptions.is_silent(request) {
            self.end_listen(request);
        }
    }

    /// Looks at the task once more, unless that is about to happen.
    pub(super) fn look(&mut self, number: SlotId) {
        let coming =
            self.slots.get(number).is_some_and(|slot| slot.queue.has_waiting(|change| matches!(change, Change::Check)));
        if !coming {
            self.change(number, Change::Check);
        }
    }

    /// Something has become of the task: those who listen to it hear of it.
    pub(super) fn look_for_listeners(&mut self, number: SlotId) {
        if self.slots.get(number).is_some_and(|slot| slot.followers.is_listened_to()) {
            self.look(number);
        }
    }

    /// Tells those who listen how the task stands, if they have not heard it; `job` has read it. Nothing follows the
    /// end (G26-NTF-04).
    pub(super) fn tell_listeners(&mut self, number: SlotId, job: Option<JobId>, task: &Rc<Task>) {
        let Some(job) = job else { return };
        let Some(slot) =
            self.slots.get_mut(number).filter(|slot| slot.has_read_payload() && slot.followers.has_listeners())
        else {
            return;
        };
        let mut told = Vec::new();
        for (request, heard) in slot.followers.listeners_mut() {
            let Some((context, is_ready)) = self.subscriptions.get(*request) else { continue };
            if heard.has_heard(task) {
                continue;
            }
            if !is_ready {
                heard.owe();
                continue;
            }
            // What `tasks/get` would refuse is not said here either; the next state is (G26-INP-04, G26-NTF-01).
            if context.generation.state_has_details() && !wire::missing_for_input(task, context.capabilities).is_empty()
            {
                continue;
            }
            heard.hear(task);
            told.push(context);
        }
        let id = slot.id().to_owned();
        for context in told {
            let news = News::State { id: id.clone(), task: Rc::clone(task) };
            self.push(Output::Tell { request: context.request, generation: context.generation, job: Some(job), news });
            if task.phase.is_terminal() {
                self.retrieved(context, &id, task);
                self.unlisten_slot(number, context.request);
            }
        }
    }

    fn unlisten_slot(&mut self, number: SlotId, request: RequestId) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.followers.remove_listener(request);
        }
        self.subscriptions.leave(request, number);
        self.end_if_silent(request);
    }

    /// The task is no more: there is nothing to hear of it.
    pub(super) fn leave_listeners(&mut self, number: SlotId) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        for request in slot.followers.take_listeners().into_keys() {
            self.unlisten_slot(number, request);
        }
    }

    /// Switches `notifications/tasks/status` on or off.
    pub fn tell_requestors(&mut self, wanted: bool) {
        self.tells_requestors = wanted;
    }

    /// Tells the requestor of a task that runs here of a change that the store has, on one stream (G25-NTF-01,
    /// G25-NTF-04, G25-NTF-05).
    pub(super) fn tell_requestor(&mut self, number: SlotId, before: Option<&Task>, task: &Rc<Task>) {
        if !self.tells_requestors || before.is_some_and(|before| before.looks_like(task)) {
            return;
        }
        let Some((call, slot)) = self.slots.get(number).and_then(|slot| Some((slot.run.call()?, slot))) else { return };
        let Some((_, context)) = self.task_of_call(call).filter(|(_, context)| context.generation.pushes_status())
        else {
            return;
        };
        let stream = match self.route(call) {
            Route::Stream(stream) => Some(stream),
            Route::Connection => None,
            Route::Ordinary | Route::Nowhere => return,
        };
        let news = News::State { id: slot.id().to_owned(), task: Rc::clone(task) };
        self.push(Output::TellRequestor { call, generation: context.generation, stream, news });
    }

    /// The store says that a task changed; another process may have changed it. `version`: the one that the change
    /// made; `None` where that is not known, or the task is deleted.
    pub fn handle_changed(&mut self, now: Millis, owner: &str, id: &str, version: Option<u32>) {
        self.tick(now);
        let Some(number) = self.slots.find(owner, id) else { return };
        let Some(slot) = self.slots.get_mut(number) else { return };
        if version.is_none_or(|version| slot.versions.is_news(version)) {
            self.look(number);
        }
    }
}
