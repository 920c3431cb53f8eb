//! Subscriptions, and what each has heard of its tasks.

use std::rc::Rc;

use super::types::{PeerId, RequestContext, RequestId, SlotId};
use crate::table::Table;
use crate::task::Task;

#[derive(Debug)]
struct Subscription {
    context: RequestContext,
    owner: Option<Rc<str>>,
    /// Its tasks, in the order in which they were named, without those that were looked up in vain.
    named: Vec<String>,
    /// So many of them are still being looked up.
    lookups: usize,
    /// Its stream takes messages: the acknowledgement is out, and the client keeps up.
    ready: bool,
    /// Nothing else is subscribed to on its stream, so that it ends with the last task.
    ends_stream: bool,
    slots: Table<SlotId, ()>,
}

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    subscriptions: Table<RequestId, Subscription>,
}

impl Subscriptions {
    /// How many `owner` has.
    pub fn count_of(&self, owner: Option<&Rc<str>>) -> usize {
        self.subscriptions.values().filter(|subscription| subscription.owner.as_ref() == owner).count()
    }

    /// `named`: its tasks, which are being looked up.
    pub fn open(&mut self, context: RequestContext, owner: Option<Rc<str>>, named: Vec<String>) {
        let lookups = named.len();
        let subscription =
            Subscription { context, owner, named, lookups, ready: false, ends_stream: false, slots: Table::new() };
        self.subscriptions.insert(context.request, subscription);
    }

    /// One of its tasks is looked up. `accepted`: it is there, and this subscription may see it. Whether it was the
    /// last one; `None` where the subscription is over.
    pub fn looked_up(&mut self, request: RequestId, id: &str, accepted: bool) -> Option<bool> {
        let subscription = self.subscriptions.get_mut(&request)?;
        subscription.lookups = subscription.lookups.saturating_sub(1);
        if !accepted {
            subscription.named.retain(|known| known != id);
        }
        Some(subscription.lookups == 0)
    }

    /// What it has named, once all of it is looked up, and the owner.
    pub fn take_named(&mut self, request: RequestId) -> Option<(RequestContext, Option<Rc<str>>, Vec<String>)> {
        let subscription = self.subscriptions.get_mut(&request)?;
        Some((subscription.context, subscription.owner.clone(), std::mem::take(&mut subscription.named)))
    }

    /// It listens to the task in a slot.
    pub fn listen(&mut self, request: RequestId, slot: SlotId) {
        if let Some(subscription) = self.subscriptions.get_mut(&request) {
            subscription.slots.insert(slot, ());
        }
    }

    /// There is nothing more to hear of the task in a slot.
    pub fn leave(&mut self, request: RequestId, slot: SlotId) {
        if let Some(subscription) = self.subscriptions.get_mut(&request) {
            subscription.slots.remove(&slot);
        }
    }

    /// `ends_stream`: nothing else is subscribed to on its stream. Whether there is such a subscription.
    pub fn set_ends_stream(&mut self, request: RequestId, ends_stream: bool) -> bool {
        self.subscriptions.get_mut(&request).map(|subscription| subscription.ends_stream = ends_stream).is_some()
    }

    /// Whether its stream takes messages now. The slots of its tasks.
    pub fn set_ready(&mut self, request: RequestId, ready: bool) -> Option<Table<SlotId, ()>> {
        let subscription = self.subscriptions.get_mut(&request)?;
        subscription.ready = ready;
        Some(subscription.slots.clone())
    }

    /// What it says of itself, and whether its stream takes messages.
    pub fn get(&self, request: RequestId) -> Option<(RequestContext, bool)> {
        self.subscriptions.get(&request).map(|subscription| (subscription.context, subscription.ready))
    }

    /// Whether there is nothing left to hear on its stream.
    pub fn is_silent(&self, request: RequestId) -> bool {
        let subscription = self.subscriptions.get(&request);
        subscription.is_some_and(|subscription| subscription.ends_stream && subscription.slots.is_empty())
    }

    /// It is over. What it said of itself, and the slots of its tasks.
    pub fn close(&mut self, request: RequestId) -> Option<(RequestContext, Table<SlotId, ()>)> {
        let subscription = self.subscriptions.remove(&request)?;
        Some((subscription.context, subscription.slots))
    }

    /// The subscriptions of a connection.
    pub fn of_peer(&self, peer: PeerId) -> Vec<RequestId> {
        let mut found = Vec::new();
        for (request, subscription) in self.subscriptions.iter() {
            if subscription.context.peer == peer {
                found.push(*request);
            }
        }
        found
    }

    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }
}

/// What a subscription has heard of a task.
#[derive(Debug)]
pub(super) struct Heard {
    last: Option<Rc<Task>>,
    /// There is more to hear once the stream takes messages.
    owed: bool,
}

impl Heard {
    /// Nothing yet: the task's state is owed.
    pub fn nothing() -> Self {
        Self { last: None, owed: true }
    }

    pub fn is_owed(&self) -> bool {
        self.owed
    }

    /// Whether more was owed, which is about to be told.
    pub fn take_owed(&mut self) -> bool {
        std::mem::take(&mut self.owed)
    }

    pub fn owe(&mut self) {
        self.owed = true;
    }

    /// Whether the task looks as it did when it was last told of.
    pub fn has_heard(&self, task: &Task) -> bool {
        self.last.as_ref().is_some_and(|last| last.looks_like(task))
    }

    pub fn hear(&mut self, task: &Rc<Task>) {
        self.last = Some(Rc::clone(task));
    }
}
