//! Task ids.

use std::collections::BTreeSet;

use mcp_longhaul::id::{ENTROPY, from_entropy, is_wellformed};
use proptest::prelude::*;

use crate::properties::cases;

fn entropy(number: u64) -> [u8; ENTROPY] {
    let mut entropy = [0; ENTROPY];
    // A bijection, so that no two are alike.
    entropy[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    entropy[8..16].copy_from_slice(&number.wrapping_mul(0xD6E8_FEB8_6659_FD93).to_le_bytes());
    entropy
}

/// G25-CRE-05: 100 000 ids, all different.
#[test]
fn ids_are_unique() {
    let ids: BTreeSet<String> = (0..100_000).map(|number| from_entropy(&entropy(number))).collect();
    assert_eq!(ids.len(), 100_000);
}

/// G26-CRE-08, X-SEC-03: an id holds all of its 144 random bits: each bit of entropy changes it.
#[test]
fn ids_hold_their_entropy() {
    const { assert!(ENTROPY * 8 >= 128) };
    let base = entropy(42);
    let mut ids = BTreeSet::from([from_entropy(&base)]);
    for bit in 0..ENTROPY * 8 {
        let mut other = base;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(ids.insert(from_entropy(&other)), "bit {bit} is lost");
    }
}

/// G26-CRE-08: letters are spread evenly, a smoke test.
#[test]
fn letters_are_spread_evenly() {
    let mut seen = [0u32; 128];
    for number in 0..20_000u64 {
        let mut entropy = [0; ENTROPY];
        let mut word = number;
        for byte in &mut entropy {
            // splitmix64
            word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (mixed ^ (mixed >> 31)) as u8;
        }
        for letter in from_entropy(&entropy).bytes() {
            seen[usize::from(letter)] += 1;
        }
    }
    let counts: Vec<u32> = seen.into_iter().filter(|count| *count > 0).collect();
    assert_eq!(counts.len(), 64);
    let expected = 20_000 * 24 / 64;
    assert!(counts.iter().all(|count| count.abs_diff(expected) < expected / 10), "{counts:?}");
}

/// G26-HTT-05: an id is 24 letters that need no escape anywhere.
#[test]
fn ids_are_short_and_url_safe() {
    for number in 0..1000 {
        let id = from_entropy(&entropy(number));
        assert_eq!(id.len(), 24);
        assert!(id.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_'));
        assert!(is_wellformed(&id));
    }
}

/// X-SEC-14, H62: what cannot be an id of ours is never looked up.
#[test]
fn other_texts_are_no_ids() {
    for text in [
        "",
        "../../etc/passwd",
        "a b",
        "a\n",
        "é",
        "a'; drop table tasks; --",
        "=?base64?YQ==?=",
        "a\0",
        &"a".repeat(129),
    ] {
        assert!(!is_wellformed(text), "{text:?}");
    }
    // An ordinary text of the right letters, and looked up like any other.
    for text in ["__proto__", "constructor", "toString", "-", &"a".repeat(128)] {
        assert!(is_wellformed(text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    /// G25-CRE-05: different entropy, different ids.
    #[test]
    fn different_entropy_makes_different_ids(a: [u8; ENTROPY], b: [u8; ENTROPY]) {
        prop_assert_eq!(a == b, from_entropy(&a) == from_entropy(&b));
    }
}
