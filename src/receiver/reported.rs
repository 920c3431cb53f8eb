//! Which records that cannot be read the operator has heard of.

use siphasher::sip::SipHasher24;

use crate::cursor;

/// So many reports are remembered before they may come again.
const REMEMBERED: usize = 65_536;

/// Versions of records that were reported, as hashes in order: what was unreadable once comes up at every sweep. (A
/// `BTreeSet` would be the only one here, and several KB of code.)
#[derive(Debug, Default)]
pub(super) struct Reported(Vec<u64>);

impl Reported {
    /// Whether it was not yet reported.
    pub fn is_new(&mut self, key: &[u8; cursor::KEY], owner: &str, id: &str, version: u32) -> bool {
        let mut bytes = Vec::with_capacity(owner.len() + id.len() + 5);
        bytes.extend_from_slice(owner.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let hash = SipHasher24::new_with_key(key).hash(&bytes);
        let place = self.0.binary_search(&hash);
        if let Err(place) = place {
            self.0.insert(place, hash);
        }
        place.is_err()
    }
}
