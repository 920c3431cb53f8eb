//! What the stored forms of tasks and creation claims have in common. A form is JSON that operators read too, and by
//! which versions of this crate share a store. It is a format, like a wire:
//!
//! - Members that this version does not know are kept when a record is rewritten; missing ones have defaults, which are
//!   left out.
//! - What this version cannot read (a later form, a word that it does not know, damage) is [`Unreadable`], never
//!   missing.
//! - Every released form has golden texts in `tests/core/golden/`. Readers of a form are released before its writers.

use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The form that this version writes, and the latest that it reads.
const FORM: u32 = 1;

/// The form of a stored object, its member `v`. What is read is of a form that this version reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Form;

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FORM.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1..=FORM => Ok(Self),
            _ => Err(no_part()),
        }
    }
}

/// Members of a stored object that this version does not know: their names, and their values as they were written.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<(String, Box<RawValue>)>);

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        let text = |(name, value): &(String, Box<RawValue>)| (name.clone(), value.get().to_owned());
        self.0.iter().map(text).eq(other.0.iter().map(text))
    }
}

impl Eq for Members {}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Why this version cannot read a stored text. Another version may: nothing is deleted or overwritten for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Unreadable {
    /// It is of a later form.
    Newer,
    /// It is not what this version would write: a word that it does not know, or damage.
    Malformed,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Newer => "the record has a later form than this version reads",
            Self::Malformed => "the record is not in a form that this version reads",
        })
    }
}

impl std::error::Error for Unreadable {}

/// An object of a stored form, whose members serde knows by its fields.
pub(crate) trait Stored: Serialize + DeserializeOwned {
    /// The members that this version knows.
    const NAMES: &'static [&'static str];

    /// Keeps members that it does not know.
    fn keep(&mut self, unknown: Members);
}

/// The text that a store keeps. Nothing in a stored object can fail to be written: its names are texts, and no writer
/// is in between.
pub(crate) fn write(stored: &impl Stored) -> String {
    serde_json::to_string(stored).unwrap_or_default()
}

/// Reads what [`write`] of this version wrote, or of another one whose form is the same.
pub(crate) fn read<T: Stored>(state: &str) -> Result<T, Unreadable> {
    parse(state).map_err(|_| why_unreadable(state))
}

/// Reads an object. Where it has members that this version does not know, they are set aside first; nearly none has.
fn parse<T: Stored>(text: &str) -> serde_json::Result<T> {
    parse_known(text).or_else(|error| {
        let (known, unknown) = split(text, T::NAMES)?;
        if unknown.0.is_empty() {
            return Err(error);
        }
        let mut stored: T = parse_known(&serde_json::to_string(&known)?)?;
        stored.keep(unknown);
        Ok(stored)
    })
}

/// Once in the wasm for each object, wherever it is called.
#[inline(never)]
fn parse_known<T: Stored>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

/// The members of an object that are among `names`, and the others.
fn split(text: &str, names: &[&str]) -> serde_json::Result<(Members, Members)> {
    let Members(members) = serde_json::from_str(text)?;
    let (known, unknown) = members.into_iter().partition(|(name, _)| names.contains(&name.as_str()));
    Ok((Members(known), Members(unknown)))
}

/// Reads objects, each by itself.
pub(crate) fn read_list<'de, T: Stored, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<&RawValue>::deserialize(deserializer)?;
    texts.into_iter().map(|text| parse(text.get()).map_err(|_| no_part())).collect()
}

/// Reads an object by itself.
pub(crate) fn read_object<'de, T: Stored, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Option::<&RawValue>::deserialize(deserializer)?;
    text.map(|text| parse(text.get()).map_err(|_| no_part())).transpose()
}

/// The error's own words would bring the code that writes them: 0.8 KB of a bundle.
pub(crate) fn no_part<E: serde::de::Error>() -> E {
    E::custom("a part that cannot be read")
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(member) = map.next_entry()? {
            members.0.push(member);
        }
        Ok(members)
    }
}

/// A later form need not have the members of this one.
fn why_unreadable(state: &str) -> Unreadable {
    let members: Members = serde_json::from_str(state).unwrap_or_default();
    let form = members.0.iter().find(|(name, _)| name == "v").and_then(|(_, form)| form.get().parse::<u64>().ok());
    if form.is_some_and(|form| form > u64::from(FORM)) { Unreadable::Newer } else { Unreadable::Malformed }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Stands before what it makes of the next character: `0` for NUL, itself for itself.
const MARK: char = '\u{FFFD}';

/// NUL is written otherwise: databases keep no text with it, and PostgreSQL's `jsonb` refuses even its escape.
pub(crate) fn write_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.contains(['\0', MARK]) {
        return serializer.serialize_str(&text.replace(MARK, "\u{FFFD}\u{FFFD}").replace('\0', "\u{FFFD}0"));
    }
    serializer.serialize_str(text)
}

pub(crate) fn read_text<'de, T: From<String>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.contains(MARK) { unescape(&text) } else { text }.into())
}

fn unescape(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.next_if(|&next| letter == MARK && matches!(next, '0' | MARK));
        read.push(if next == Some('0') { '\0' } else { letter });
    }
    read
}
