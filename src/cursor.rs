//! List cursors: a position, authenticated together with its owner (G25-LST-05, G25-LST-07).

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::id;
use crate::storage::Position;

/// Bytes of a cursor key.
pub const KEY: usize = 16;

/// The cursor that continues after `position`.
pub fn seal(key: &[u8; KEY], owner: &str, position: &Position) -> String {
    let mut bytes = Vec::with_capacity(24 + position.id.len());
    bytes.extend(mac(key, owner, position));
    bytes.extend(position.created_at.to_be_bytes());
    bytes.extend(position.id.as_bytes());
    id::encode(&bytes)
}

/// The position a cursor was made for, if it was made with this key for this owner.
pub fn open(key: &[u8; KEY], owner: &str, cursor: &str) -> Option<Position> {
    if cursor.len() > 256 {
        return None;
    }
    let bytes = id::decode(cursor)?;
    let (tag, rest) = bytes.split_first_chunk::<16>()?;
    let (created_at, id) = rest.split_first_chunk::<8>()?;
    let position = Position { created_at: i64::from_be_bytes(*created_at), id: std::str::from_utf8(id).ok()?.to_owned() };
    // Comparing whole keeps the time independent of where two tags differ.
    let difference = tag.iter().zip(mac(key, owner, &position)).fold(0, |all, (a, b)| all | (a ^ b));
    (difference == 0).then_some(position)
}

fn mac(key: &[u8; KEY], owner: &str, position: &Position) -> [u8; 16] {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write_u64(owner.len() as u64);
    hasher.write(owner.as_bytes());
    hasher.write_i64(position.created_at);
    hasher.write(position.id.as_bytes());
    hasher.finish128().as_bytes()
}
