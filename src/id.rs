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
    // The low `bits` of `word` are not written yet.
    let (mut word, mut bits) = (0u32, 0);
    for &byte in bytes {
        word = word << 8 | u32::from(byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            push_letter(&mut text, word >> bits);
        }
    }
    if bits > 0 {
        push_letter(&mut text, word << (6 - bits));
    }
    text
}

/// Writes the low six bits.
fn push_letter(text: &mut String, bits: u32) {
    text.push(char::from(ALPHABET.get(bits as usize & 63).copied().unwrap_or(b'A')));
}

/// The bytes that [`encode`] wrote as `text`; `None` for any other text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut word, mut bits) = (0u32, 0);
    for letter in text.bytes() {
        word = word << 6 | ALPHABET.iter().position(|&known| known == letter)? as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    // Only one spelling of the same bytes is accepted.
    (encode(&bytes) == text).then_some(bytes)
}

/// Whether `id` can be an id of ours: only such ids are looked up (X-SEC-14).
pub fn is_wellformed(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
