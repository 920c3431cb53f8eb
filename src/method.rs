//! What can become a task: the methods whose requests may be answered with one, as a table.
//!
//! Both halves take from a row what differs between methods. Neither knows on which side of a connection it is: the
//! receiver of `tools/call` is on the server's side, that of `sampling/createMessage` on the client's.

use strum::FromRepr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::generation::Generation;
use crate::wire::name::Name;

/// A method whose calls can become tasks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash, FromRepr)]
#[repr(u8)]
pub enum CallMethod {
    #[default]
    ToolsCall,
    PromptsGet,
    ResourcesRead,
    SamplingCreateMessage,
    ElicitationCreate,
}

/// A side of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Client,
    Server,
}

/// What is true of a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    pub method: CallMethod,
    /// What it is called on the wire, and in stored tasks.
    pub name: &'static str,
    /// The side that receives its requests, and runs its tasks.
    pub receiver: Side,
    /// What the receiver declares under `tasks.requests` for 2025-11-25 (G25-CAP-02). That revision has leaves for
    /// tools, sampling and elicitation; those of the other methods are what they would be.
    pub leaf: [Name; 2],
    /// Whether the extension of 2026-07-28 lets its requests become tasks (G26-CAP-08).
    pub in_extension: bool,
    /// Whether a result with `isError: true` means that the work failed.
    pub has_error_results: bool,
    /// The member of `params` that names what is called, where there is one. Requests are routed by it.
    pub name_in: Option<&'static str>,
    /// The method that lists what can be called, where each entry says by `execution.taskSupport` whether it runs as a
    /// task (G25-TLN-01).
    pub listed_by: Option<&'static str>,
}

/// The methods, in the order of [`CallMethod`].
pub const TABLE: [Row; 5] = [
    Row {
        method: CallMethod::ToolsCall,
        name: "tools/call",
        receiver: Side::Server,
        leaf: [Name::Tools, Name::Call],
        in_extension: true,
        has_error_results: true,
        name_in: Some("name"),
        listed_by: Some("tools/list"),
    },
    Row {
        method: CallMethod::PromptsGet,
        name: "prompts/get",
        receiver: Side::Server,
        leaf: [Name::Prompts, Name::Get],
        in_extension: false,
        has_error_results: false,
        name_in: Some("name"),
        listed_by: None,
    },
    Row {
        method: CallMethod::ResourcesRead,
        name: "resources/read",
        receiver: Side::Server,
        leaf: [Name::Resources, Name::Read],
        in_extension: false,
        has_error_results: false,
        name_in: Some("uri"),
        listed_by: None,
    },
    Row {
        method: CallMethod::SamplingCreateMessage,
        name: "sampling/createMessage",
        receiver: Side::Client,
        leaf: [Name::Sampling, Name::CreateMessage],
        in_extension: false,
        has_error_results: false,
        name_in: None,
        listed_by: None,
    },
    Row {
        method: CallMethod::ElicitationCreate,
        name: "elicitation/create",
        receiver: Side::Client,
        leaf: [Name::Elicitation, Name::Create],
        in_extension: false,
        has_error_results: false,
        name_in: None,
        listed_by: None,
    },
];

impl CallMethod {
    pub const fn row(self) -> &'static Row {
        let [tools_call, prompts_get, resources_read, sampling, elicitation] = &TABLE;
        match self {
            Self::ToolsCall => tools_call,
            Self::PromptsGet => prompts_get,
            Self::ResourcesRead => resources_read,
            Self::SamplingCreateMessage => sampling,
            Self::ElicitationCreate => elicitation,
        }
    }

    /// The method with this name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.method)
    }

    /// Whether `generation` lets its requests become tasks, where both sides want it.
    pub const fn is_in(self, generation: Generation) -> bool {
        match generation {
            Generation::G25 => true,
            Generation::G26 => self.row().in_extension,
        }
    }
}

/// A set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Methods(u8);

impl Methods {
    pub const NONE: Self = Self(0);
    /// What a receiver or a requestor offers, unless it is told otherwise.
    pub const OFFERED: Self = Self::NONE.with(CallMethod::ToolsCall);

    /// The set of the methods that have these bits, each that of its number.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & ((1 << TABLE.len()) - 1))
    }

    #[must_use]
    pub const fn with(self, method: CallMethod) -> Self {
        Self(self.0 | 1 << method as u8)
    }

    pub const fn contains(self, method: CallMethod) -> bool {
        self.0 & 1 << method as u8 != 0
    }

    /// The rows of the methods in the set.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(move |row| self.contains(row.method))
    }
}

/// Stored tasks have its name.
impl Serialize for CallMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.row().name)
    }
}

impl<'de> Deserialize<'de> for CallMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("a method that is not known"))
    }
}
