//! List cursors.

use mcp_longhaul::cursor::{open, seal};
use mcp_longhaul::storage::Position;
use proptest::prelude::*;

use crate::properties::cases;

const KEY: [u8; 16] = *b"sixteen bytes ok";

fn position() -> Position {
    Position { created_at: 1_800_000_000_123, id: "Zm9v_-0123456789abcdefAB".into() }
}

/// G25-LST-05, H34: a cursor with any other letter at any place is refused, and so is one cut or prolonged.
#[test]
fn an_altered_cursor_is_refused() {
    let cursor = seal(&KEY, "ann", &position());
    assert_eq!(open(&KEY, "ann", &cursor), Some(position()));
    for place in 0..cursor.len() {
        for letter in [b'A', b'B', b'-', b'_', b'9', b' ', b'=', b'\0'] {
            let mut altered = cursor.clone().into_bytes();
            if altered[place] == letter {
                continue;
            }
            altered[place] = letter;
            assert_eq!(open(&KEY, "ann", &String::from_utf8(altered).unwrap()), None, "letter {place}");
        }
        assert_eq!(open(&KEY, "ann", &cursor[..place]), None);
    }
    assert_eq!(open(&KEY, "ann", &format!("{cursor}A")), None);
    assert_eq!(open(&KEY, "ann", &format!("{cursor}=")), None);
}

/// G25-LST-05: a cursor that an earlier version made still opens.
#[test]
fn a_cursor_outlives_the_version_that_made_it() {
    assert_eq!(seal(&KEY, "ann", &position()), "746QIHFoE4SIO4ZH1vgfpwAAAaMYXFB7Wm05dl8tMDEyMzQ1Njc4OWFiY2RlZkFC");
}

/// G25-LST-07, H34: a cursor is for its owner, made with its key, and no task id.
#[test]
fn a_cursor_is_for_its_owner() {
    let cursor = seal(&KEY, "ann", &position());
    assert_eq!(open(&KEY, "bob", &cursor), None);
    assert_eq!(open(&KEY, "", &cursor), None);
    assert_eq!(open(&[0; 16], "ann", &cursor), None);
    assert_eq!(open(&KEY, "ann", &position().id), None);
    assert!(!cursor.contains(&position().id));
}

/// G25-LST-05: texts that were never cursors are refused, however long.
#[test]
fn other_texts_are_no_cursors() {
    for text in ["", "A", "AAAA", "null", "0", &"A".repeat(32), &"A".repeat(257), &"A".repeat(1 << 20)] {
        assert_eq!(open(&KEY, "ann", text), None);
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// G25-LST-07: where owner and position meet cannot be shifted.
    #[test]
    fn a_cursor_opens_to_its_position(
        owner in any::<String>(), other in any::<String>(), created_at: i64, id in "[A-Za-z0-9_-]{1,128}",
    ) {
        let position = Position { created_at, id };
        let cursor = seal(&KEY, &owner, &position);
        prop_assert_eq!(open(&KEY, &owner, &cursor), Some(position.clone()));
        if other != owner {
            prop_assert_eq!(open(&KEY, &other, &cursor), None);
        }
        prop_assert!(cursor.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_'));
    }

    /// G25-LST-05: no text but a sealed one opens.
    #[test]
    fn garbage_is_no_cursor(text in prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,200}"]) {
        prop_assert_eq!(open(&KEY, "ann", &text), None);
    }
}
