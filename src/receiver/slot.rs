//! Tasks that this receiver has to do with right now.

use std::rc::Rc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher24;

use super::Receiver;
use super::change::Change;
use super::doubt::Unconfirmed;
use super::listen::Heard;
use super::read::Read;
use super::types::{InputRequestId, RequestContext, RequestId, SlotId};
use super::watch::Versions;
use crate::table::Table;
use crate::task::{Millis, Task};

/// An input request whose handler runs here.
#[derive(Debug)]
pub(super) struct PendingInput {
    pub input: InputRequestId,
    /// `None` until the store has it.
    pub key: Option<String>,
    /// The handler gave it up, or its answer is on its way to the store.
    pub over: bool,
    /// The result stream, or the connection itself, that carried it to the client.
    pub delivered: bool,
    pub stream: Option<RequestId>,
    /// It is a JSON-RPC request of the handler's own, to be delivered as such (2025-11-25).
    pub nested: bool,
    /// Whoever reads the task may see it, so the store has it.
    pub shown: bool,
    /// So many polls have told its client that the task waits for input, while nothing carried this.
    pub polls: u8,
    /// When nothing has carried it by then, nothing will.
    pub hopeless: bool,
}

impl PendingInput {
    pub fn new(input: InputRequestId, nested: bool, shown: bool) -> Self {
        Self { input, key: None, over: false, delivered: false, stream: None, nested, shown, polls: 0, hopeless: false }
    }

    /// Its client is to get it as a request, and has not.
    pub fn is_owed(&self) -> bool {
        self.nested && self.key.is_some() && !self.over && !self.delivered
    }
}

/// A task in hand.
#[derive(Debug)]
pub(super) struct Slot {
    pub owner: Rc<str>,
    pub id: String,
    /// The record as this receiver last saw it, while it is the one that changes it.
    pub cached: Option<(Rc<Task>, u32)>,
    pub versions: Versions,
    /// A change is on its way through the store.
    pub busy: bool,
    /// What is read for it includes the payload.
    pub read_payload: bool,
    /// Writes of which nobody knows whether the store has them.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Since when the change at the head fails.
    pub fails_since: Option<Millis>,
    /// The record keeps answers that the handler here has got.
    pub has_spent: bool,
    /// Short enough to move up when its head leaves.
    pub queue: Vec<Rc<Change>>,
    /// The call that runs it here.
    pub call: Option<RequestId>,
    /// The epoch of that run; 0 while it is not known, after the instance of an earlier receiver was lost.
    pub run: u32,
    /// The write on its way, or in doubt, begins a run here.
    pub begins: bool,
    /// When the read was begun by which the change at the head is decided; `None` for a copy from before.
    pub read_at: Option<Millis>,
    /// When the write was begun that is on its way, and the last one that the store took.
    pub wrote_at: Millis,
    pub renewed_at: Millis,
    /// The next renewal of its lease is in the timers.
    pub renewing: bool,
    /// It could not be settled what becomes of a task whose process was lost; the next change does not ask again.
    pub unsettled: bool,
    /// Reads that are answered when it is settled what becomes of a task whose process was lost.
    pub reads: Vec<Read>,
    /// It counts against its owner's limit.
    pub counted: bool,
    /// Blocked `tasks/result` requests; the newest has the highest number.
    pub waiters: Table<RequestId, RequestContext>,
    /// The subscriptions that named it.
    pub listeners: Table<RequestId, Heard>,
    pub inputs: Vec<PendingInput>,
    /// Failed or lost attempts of the change at the head.
    pub attempts: u32,
    /// Polls of a task that runs elsewhere, for its waiters.
    pub checks: u32,
    /// The next one is in the timers.
    pub checking: bool,
    /// The handler knows that it is to stop.
    pub told_to_stop: bool,
}

impl Slot {
    /// Takes the change at the head of the queue out of it.
    pub fn take_head(&mut self) -> Option<Rc<Change>> {
        if self.queue.is_empty() { None } else { Some(self.queue.remove(0)) }
    }

    /// The turn of the change at the head is over.
    pub fn rest(&mut self) {
        self.busy = false;
        self.attempts = 0;
        self.fails_since = None;
    }

    /// Takes the answers out of a task that the handler here has got.
    pub fn take_spent(&mut self, task: &mut Task) -> Vec<String> {
        let mut spent = Vec::new();
        if std::mem::take(&mut self.has_spent) {
            let waits = |key: &String| self.inputs.iter().any(|pending| pending.key.as_ref() == Some(key));
            while let Some(input) = task.take_input(|input| input.answered && !input.in_result && !waits(&input.key)) {
                spent.push(input.key);
            }
        }
        spent
    }

    /// Whether a change like this is in the queue.
    pub fn queues(&self, is_it: fn(&Change) -> bool) -> bool {
        self.queue.iter().any(|change| is_it(change))
    }

    /// Keeps the changes that are like this.
    pub fn keep(&mut self, is_kept: fn(&Change) -> bool) {
        self.queue.retain(|change| is_kept(change));
    }

    pub fn shows(&self, input: InputRequestId) -> bool {
        self.inputs.iter().any(|pending| pending.input == input && pending.shown)
    }

    /// Whether somebody here waits for what other processes may do to the task.
    pub fn is_watched(&self) -> bool {
        !self.waiters.is_empty()
            || self.is_listened_to()
            || self.inputs.iter().any(|pending| pending.shown && pending.key.is_some())
    }
}

/// All slots, by number, and by owner and task id. A stranger may name anybody's id, so an id alone finds nothing.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Table<SlotId, Slot>,
    /// Their numbers, by the hash of the id. Peers choose ids, so the hash has a key.
    named: HashTable<SlotId>,
    key: [u8; 16],
    last: SlotId,
}

impl Slots {
    pub fn new(key: [u8; 16]) -> Self {
        Self { slots: Table::new(), named: HashTable::new(), key, last: SlotId::default() }
    }

    pub fn get(&self, number: SlotId) -> Option<&Slot> {
        self.slots.get(&number)
    }

    pub fn get_mut(&mut self, number: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(&number)
    }

    pub fn find(&self, owner: &str, id: &str) -> Option<SlotId> {
        let is_it = |number: &SlotId| self.get(*number).is_some_and(|slot| *slot.owner == *owner && slot.id == id);
        self.named.find(hash(&self.key, id), is_it).copied()
    }

    pub fn open(&mut self, owner: &Rc<str>, id: &str) -> SlotId {
        if let Some(number) = self.find(owner, id) {
            return number;
        }
        self.last = self.last.next(1, |slot| self.slots.contains_key(&slot));
        let number = self.last;
        self.slots.insert(
            number,
            Slot {
                owner: Rc::clone(owner),
                id: id.to_owned(),
                cached: None,
                versions: Versions::default(),
                busy: false,
                read_payload: false,
                unconfirmed: Vec::new(),
                fails_since: None,
                has_spent: false,
                queue: Vec::new(),
                call: None,
                run: 0,
                begins: false,
                read_at: None,
                wrote_at: 0,
                renewed_at: 0,
                renewing: false,
                unsettled: false,
                reads: Vec::new(),
                counted: false,
                waiters: Table::new(),
                listeners: Table::new(),
                inputs: Vec::new(),
                attempts: 0,
                checks: 0,
                checking: false,
                told_to_stop: false,
            },
        );
        let Self { slots, named, key, .. } = self;
        let hash_of = |number: &SlotId| slots.get(number).map_or(0, |slot| hash(key, &slot.id));
        named.insert_unique(hash(key, id), number, hash_of);
        number
    }

    pub fn close(&mut self, number: SlotId) {
        let Some(slot) = self.slots.remove(&number) else { return };
        if let Ok(entry) = self.named.find_entry(hash(&self.key, &slot.id), |known| *known == number) {
            entry.remove();
        }
    }

    pub fn number_from(&mut self, last: u32) {
        self.last = last.into();
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

/// Of the id alone: only as many slots have one hash as there are owners who name one id.
fn hash(key: &[u8; 16], id: &str) -> u64 {
    SipHasher24::new_with_key(key).hash(id.as_bytes())
}

impl Receiver {
    /// Lets go of a slot that nothing needs any more.
    pub(super) fn settle_slot(&mut self, number: SlotId) {
        let idle = self.slots.get(number).is_some_and(|slot| {
            !slot.busy
                && slot.queue.is_empty()
                && slot.call.is_none()
                && slot.reads.is_empty()
                && slot.waiters.is_empty()
                && slot.listeners.is_empty()
                && slot.inputs.is_empty()
                && slot.unconfirmed.is_empty()
        });
        if idle {
            self.uncount(number);
            self.slots.close(number);
        }
    }

    pub(super) fn count(&mut self, number: SlotId) {
        if let Some(slot) = self.slots.get_mut(number)
            && !slot.counted
        {
            slot.counted = true;
            self.running.add(slot.owner.clone());
        }
    }

    pub(super) fn uncount(&mut self, number: SlotId) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.counted
        {
            slot.counted = false;
            self.running.remove(&slot.owner);
        }
    }
}
