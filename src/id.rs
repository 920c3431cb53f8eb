//! Task ids: 144 random bits in the URL-safe base64 alphabet (G26-CRE-08, G26-HTT-05).

/// Bytes of entropy an id needs.
pub const ENTROPY: usize = 18;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The id made of `entropy`.
pub fn from_entropy(entropy: &[u8; ENTROPY]) -> String {
    encode(entropy)
}

/// `bytes` in the URL-safe base64 alphabet, without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (word >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET.get(index as usize).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// The bytes that [`encode`] wrote as `text`; `None` for any other text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0u32;
        for letter in chunk {
            word = word << 6 | u32::try_from(ALPHABET.iter().position(|known| known == letter)?).ok()?;
        }
        word <<= 6 * (4 - chunk.len());
        let [_, a, b, c] = word.to_be_bytes();
        bytes.extend([a, b, c].iter().take(chunk.len().checked_sub(1).filter(|&count| count > 0)?));
    }
    // Only one spelling of the same bytes is accepted.
    (encode(&bytes) == text).then_some(bytes)
}

/// Whether `id` can be an id of ours: only such ids are looked up (X-SEC-14).
pub fn is_wellformed(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| ALPHABET.contains(&byte))
}
