//! List cursors: a position, authenticated together with its owner (G25-LST-05, G25-LST-07).

use siphasher::sip128::SipHasher24;

use crate::id;
use crate::storage::Position;

/// Bytes of a cursor key.
pub const KEY: usize = 16;

/// The cursor that continues after `position`.
pub fn seal(key: &[u8; KEY], owner: &str, position: &Position) -> String {
    let mut bytes = Vec::with_capacity(24 + position.id.len());
    bytes.extend_from_slice(&mac(key, owner, position));
    bytes.extend_from_slice(&position.created_at.to_be_bytes());
    bytes.extend_from_slice(position.id.as_bytes());
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
    let position =
        Position { created_at: i64::from_be_bytes(*created_at), id: std::str::from_utf8(id).ok()?.to_owned() };
    // Comparing whole keeps the time independent of where two tags differ.
    let difference = tag.iter().zip(mac(key, owner, &position)).fold(0, |all, (a, b)| all | (a ^ b));
    (difference == 0).then_some(position)
}

fn mac(key: &[u8; KEY], owner: &str, position: &Position) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(16 + owner.len() + position.id.len());
    bytes.extend_from_slice(&(owner.len() as u64).to_le_bytes());
    bytes.extend_from_slice(owner.as_bytes());
    bytes.extend_from_slice(&position.created_at.to_le_bytes());
    bytes.extend_from_slice(position.id.as_bytes());
    SipHasher24::new_with_key(key).hash(&bytes).as_bytes()
}
