//! All slots, by number and by task.

use std::rc::Rc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher24;

use super::slot::Slot;
use super::types::SlotId;
use crate::table::Table;

/// All slots, by number, and by owner and task id. A stranger may name anybody's id, so an id alone finds nothing.
#[derive(Debug)]
pub(super) struct Slots {
    pub slots: Table<SlotId, Slot>,
    /// Their numbers, by the hash of the id. Peers choose ids, so the hash has a key.
    pub named: HashTable<SlotId>,
    pub key: [u8; 16],
    pub last: SlotId,
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
        let is_it = |number: &SlotId| self.get(*number).is_some_and(|slot| **slot.owner() == *owner && slot.id() == id);
        self.named.find(hash(&self.key, id), is_it).copied()
    }

    pub fn open(&mut self, owner: &Rc<str>, id: &str) -> SlotId {
        if let Some(number) = self.find(owner, id) {
            return number;
        }
        self.last = self.last.next(1, |slot| self.slots.contains_key(&slot));
        let number = self.last;
        self.slots.insert(number, Slot::new(Rc::clone(owner), id.to_owned()));
        let Self { slots, named, key, .. } = self;
        let hash_of = |number: &SlotId| slots.get(number).map_or(0, |slot| hash(key, slot.id()));
        named.insert_unique(hash(key, id), number, hash_of);
        number
    }

    pub fn close(&mut self, number: SlotId) {
        let Some(slot) = self.slots.remove(&number) else { return };
        if let Ok(entry) = self.named.find_entry(hash(&self.key, slot.id()), |known| *known == number) {
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
