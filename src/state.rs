//! The stored form of tasks and creation claims: JSON that operators read too, and that versions of this crate share a
//! store by. It is a format, like a wire:
//!
//! - Members that this version does not know are kept when a record is rewritten; missing ones have defaults, which are
//!   left out.
//! - What this version cannot read (a later form, a word that it does not know, damage) is [`Unreadable`], never
//!   missing.
//! - Every released form has golden texts in `tests/core/golden/`. Readers of a form are released before its writers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::claim::Claim;
use crate::generation::Generation;
use crate::method::CallMethod;
use crate::task::{Failure, Input, InputKind, Lease, Millis, OnLost, Phase, Task};

/// The form that this version writes, and the latest that it reads.
pub const FORM: u32 = 1;

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

/// Has an enum stored as words. What serde derives for it is a kilobyte of wasm more, for forms that JSON does not
/// need.
macro_rules! stored_as {
    ($kind:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self { $(Self::$variant => $word),* })
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match &*<String as serde::Deserialize>::deserialize(deserializer)? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(serde::de::Error::custom("a word that is not known")),
                }
            }
        }
    };
}

impl Serialize for CallMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.row().name)
    }
}

impl<'de> Deserialize<'de> for CallMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?).ok_or_else(no_part)
    }
}

stored_as!(Generation { G25 = "2025-11-25", G26 = "2026-07-28" });

stored_as!(Phase {
    Working = "working",
    InputRequired = "input_required",
    Completed = "completed",
    ToolFailed = "tool_failed",
    Failed = "failed",
    Cancelled = "cancelled",
});

stored_as!(Failure {
    Expired = "expired",
    Lost = "lost",
    TooLarge = "too_large",
    NotJson = "not_json",
    Unanswerable = "unanswerable",
    Reserved = "reserved",
});

stored_as!(InputKind {
    Elicit = "elicitation",
    ElicitUrl = "elicitation_url",
    Sample = "sampling",
    SampleWithTools = "sampling_tools",
    Roots = "roots",
});

stored_as!(OnLost { Fail = "fail", Restart = "restart" });

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredTask<'a> {
    v: u32,
    rev: Generation,
    status: Phase,
    #[serde(default, skip_serializing_if = "is_default")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "is_default")]
    method: CallMethod,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    tool: Cow<'a, str>,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    message: Cow<'a, str>,
    created: Millis,
    /// The process whose clock the times are by.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    clock: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_default")]
    keyed: bool,
    /// Missing: as `created`.
    #[serde(default)]
    updated: Option<Millis>,
    /// Missing: no end.
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<u64>,
    #[serde(default = "default_poll", skip_serializing_if = "is_default_poll")]
    poll: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    cooperative: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    cancel_requested: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    extends: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    on_lost: OnLost,
    #[serde(default, skip_serializing_if = "is_default")]
    restarts: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    waiting_since: Option<Millis>,
    /// So many input requests were issued.
    #[serde(default, skip_serializing_if = "is_default")]
    issued: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "read_inputs")]
    inputs: Vec<StoredInput<'a>>,
    #[serde(default = "first_epoch", skip_serializing_if = "is_first_epoch")]
    epoch: u32,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_lease")]
    lease: Option<StoredLease<'a>>,
    #[serde(default, skip_serializing_if = "is_default")]
    write_id: u64,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    traceparent: Cow<'a, str>,
    #[serde(flatten, skip_deserializing)]
    unknown: Cow<'a, Members>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredInput<'a> {
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    key: Cow<'a, str>,
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    name: Cow<'a, str>,
    kind: InputKind,
    #[serde(default, skip_serializing_if = "is_default")]
    answered: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    in_result: bool,
    #[serde(flatten, skip_deserializing)]
    unknown: Cow<'a, Members>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredLease<'a> {
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    holder: Cow<'a, str>,
    ms: Millis,
    #[serde(flatten, skip_deserializing)]
    unknown: Cow<'a, Members>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredClaim<'a> {
    v: u32,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    task: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_default")]
    method: CallMethod,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    tool: Cow<'a, str>,
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        serialize_with = "write_text",
        deserialize_with = "read_text"
    )]
    clock: Cow<'a, str>,
    open_until: Millis,
    until: Millis,
    #[serde(flatten, skip_deserializing)]
    unknown: Cow<'a, Members>,
}

/// An object of the form.
trait Stored: DeserializeOwned {
    /// The members that this version knows.
    const NAMES: &'static [&'static str];

    fn keep(&mut self, unknown: Members);
}

impl Stored for StoredTask<'_> {
    const NAMES: &'static [&'static str] = &[
        "v",
        "rev",
        "status",
        "failure",
        "method",
        "tool",
        "message",
        "created",
        "clock",
        "keyed",
        "updated",
        "ttl",
        "poll",
        "cooperative",
        "cancelRequested",
        "extends",
        "onLost",
        "restarts",
        "waitingSince",
        "issued",
        "inputs",
        "epoch",
        "lease",
        "writeId",
        "traceparent",
    ];

    fn keep(&mut self, unknown: Members) {
        self.unknown = Cow::Owned(unknown);
    }
}

impl Stored for StoredInput<'_> {
    const NAMES: &'static [&'static str] = &["key", "name", "kind", "answered", "inResult"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = Cow::Owned(unknown);
    }
}

impl Stored for StoredLease<'_> {
    const NAMES: &'static [&'static str] = &["holder", "ms"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = Cow::Owned(unknown);
    }
}

impl Stored for StoredClaim<'_> {
    const NAMES: &'static [&'static str] = &["v", "task", "method", "tool", "clock", "openUntil", "until"];

    fn keep(&mut self, unknown: Members) {
        self.unknown = Cow::Owned(unknown);
    }
}

impl Task {
    /// The text that a store keeps.
    pub fn to_state(&self) -> String {
        let inputs = self.inputs.iter().map(|input| StoredInput {
            key: Cow::Borrowed(&input.key),
            name: Cow::Borrowed(&input.name),
            kind: input.kind,
            answered: input.answered,
            in_result: input.in_result,
            unknown: Cow::Borrowed(&input.unknown),
        });
        let lease = self.lease.as_ref().map(|lease| StoredLease {
            holder: Cow::Borrowed(&lease.holder),
            ms: lease.length,
            unknown: Cow::Borrowed(&lease.unknown),
        });
        write(&StoredTask {
            v: FORM,
            rev: self.generation,
            status: self.phase,
            failure: self.failure,
            method: self.method,
            tool: Cow::Borrowed(&self.tool),
            message: Cow::Borrowed(&self.message),
            created: self.created_at,
            clock: Cow::Borrowed(&self.clock),
            keyed: self.keyed,
            updated: Some(self.updated_at),
            ttl: self.ttl,
            poll: self.poll_interval,
            cooperative: self.cooperative,
            cancel_requested: self.cancel_requested,
            extends: self.extends,
            on_lost: self.on_lost,
            restarts: self.restarts,
            waiting_since: self.waits_since,
            issued: self.issued,
            inputs: inputs.collect(),
            epoch: self.epoch,
            lease,
            write_id: self.mark,
            traceparent: Cow::Borrowed(&self.trace),
            unknown: Cow::Borrowed(&self.unknown),
        })
    }

    /// Reads what [`Task::to_state`] of this version wrote, or of another one whose form is the same.
    pub fn from_state(state: &str) -> Result<Self, Unreadable> {
        let stored: StoredTask = read(state, |stored: &StoredTask| stored.v)?;
        let inputs = stored.inputs.into_iter().map(|input| Input {
            key: input.key.into_owned(),
            name: input.name.into_owned(),
            kind: input.kind,
            answered: input.answered,
            in_result: input.in_result,
            unknown: input.unknown.into_owned(),
        });
        let lease = stored.lease.map(|lease| Lease {
            holder: (&*lease.holder).into(),
            length: lease.ms,
            unknown: lease.unknown.into_owned(),
        });
        Ok(Self {
            generation: stored.rev,
            phase: stored.status,
            failure: stored.failure,
            created_at: stored.created,
            clock: (&*stored.clock).into(),
            keyed: stored.keyed,
            updated_at: stored.updated.unwrap_or(stored.created),
            ttl: stored.ttl,
            poll_interval: stored.poll,
            method: stored.method,
            tool: stored.tool.into_owned(),
            trace: stored.traceparent.into_owned(),
            message: stored.message.into_owned(),
            cooperative: stored.cooperative,
            cancel_requested: stored.cancel_requested,
            extends: stored.extends,
            on_lost: stored.on_lost,
            restarts: stored.restarts,
            issued: stored.issued,
            mark: stored.write_id,
            waits_since: stored.waiting_since,
            inputs: inputs.collect(),
            epoch: stored.epoch,
            lease,
            unknown: stored.unknown.into_owned(),
        })
    }
}

impl Claim {
    /// The text that a store keeps.
    pub fn to_state(&self) -> String {
        write(&StoredClaim {
            v: FORM,
            task: Cow::Borrowed(&self.task),
            method: self.method,
            tool: Cow::Borrowed(&self.tool),
            clock: Cow::Borrowed(&self.clock),
            open_until: self.open_until,
            until: self.until,
            unknown: Cow::Borrowed(&self.unknown),
        })
    }

    /// Reads what [`Claim::to_state`] of this version wrote, or of another one whose form is the same.
    pub fn from_state(state: &str) -> Result<Self, Unreadable> {
        let stored: StoredClaim = read(state, |stored: &StoredClaim| stored.v)?;
        Ok(Self {
            task: stored.task.into_owned(),
            method: stored.method,
            tool: stored.tool.into_owned(),
            clock: (&*stored.clock).into(),
            open_until: stored.open_until,
            until: stored.until,
            unknown: stored.unknown.into_owned(),
        })
    }
}

/// Nothing in a stored object can fail to be written: its names are texts, and no writer is in between.
fn write(stored: &impl Serialize) -> String {
    serde_json::to_string(stored).unwrap_or_default()
}

fn read<T: Stored>(state: &str, form: fn(&T) -> u32) -> Result<T, Unreadable> {
    match parse(state) {
        Ok(stored) => match form(&stored) {
            1..=FORM => Ok(stored),
            0 => Err(Unreadable::Malformed),
            _ => Err(Unreadable::Newer),
        },
        Err(_) => Err(why_unreadable(state)),
    }
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

fn read_inputs<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StoredInput<'a>>, D::Error> {
    let texts = Vec::<&RawValue>::deserialize(deserializer)?;
    texts.into_iter().map(|text| parse(text.get()).map_err(|_| no_part())).collect()
}

fn read_lease<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StoredLease<'a>>, D::Error> {
    let text = Option::<&RawValue>::deserialize(deserializer)?;
    text.map(|text| parse(text.get()).map_err(|_| no_part())).transpose()
}

/// The error's own words would bring the code that writes them: 0.8 KB of a bundle.
fn no_part<E: serde::de::Error>() -> E {
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn default_poll() -> u32 {
    1_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_default_poll(poll: &u32) -> bool {
    *poll == default_poll()
}

const fn first_epoch() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_first_epoch(epoch: &u32) -> bool {
    *epoch == first_epoch()
}

/// Stands before what it makes of the next character: `0` for NUL, itself for itself.
const MARK: char = '\u{FFFD}';

/// NUL is written otherwise: databases keep no text with it, and PostgreSQL's `jsonb` refuses even its escape.
fn write_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.contains(['\0', MARK]) {
        return serializer.serialize_str(&text.replace(MARK, "\u{FFFD}\u{FFFD}").replace('\0', "\u{FFFD}0"));
    }
    serializer.serialize_str(text)
}

fn read_text<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if !text.contains(MARK) {
        return Ok(Cow::Owned(text));
    }
    let mut read = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.next_if(|&next| letter == MARK && matches!(next, '0' | MARK));
        read.push(if next == Some('0') { '\0' } else { letter });
    }
    Ok(Cow::Owned(read))
}
